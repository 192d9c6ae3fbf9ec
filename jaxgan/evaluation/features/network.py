"""A network of fixed weights whose features metrics compare, and what a protocol says of it."""

import dataclasses
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import NamedSharding, PartitionSpec
from tqdm import tqdm

from jaxgan.parallel import mesh
from jaxgan.runtime.errors import UserError

Params = dict[str, Any]

BATCH = 16  # images at once on a CPU, of all its devices; more are no faster
EACH = 128  # on each accelerator


@dataclasses.dataclass(frozen=True)
class Features:
    """A feature network and its weights.

    name: as figures name it.
    sha256: of the file of its weights.
    resize: how images are brought to the size that it takes.
    dims: how many features an image has.
    params: its arrays.
    apply: (params, images as `rgb` takes them) -> features (N, dims).
    classifier: weights (dims, classes) of its logits, where it has published ones; for the
      Inception Score.
    published: the figure that is published under another name with this network, by metric.
    """

    name: str
    sha256: str
    resize: str
    dims: int
    params: Params
    apply: Callable[[Params, Array], Array]
    classifier: np.ndarray | None = None
    published: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def protocol(self) -> dict[str, str]:
        """The entries of a figure's protocol: features of unequal ones do not compare."""
        return {"resize": self.resize, "features": f"{self.name} {self.sha256[:8]}"}

    @property
    def stamp(self) -> str:
        """The network, its file and its resizer in one line, the same wherever they are."""
        return f"{self.name} {self.sha256}, {self.resize}"

    def extract(self, images: np.ndarray, label: str = "") -> np.ndarray:
        """Computes features (N, dims) float32 of images as `rgb` takes them, any N.

        Batches are split over this process's devices. `label` names the progress bar, where there
        is a terminal.
        """
        devices = jax.local_devices()
        most = BATCH if jax.default_backend() == "cpu" else EACH * len(devices)
        batch = -(-max(1, min(most, len(images))) // len(devices)) * len(devices)
        over = mesh.over_data(batch, devices)
        params = jax.device_put(self.params, NamedSharding(over, PartitionSpec()))
        parts = [np.zeros((0, self.dims), np.float32)]
        # On accelerators the default precision of a matrix product would not be float32.
        with jax.default_matmul_precision("highest"):
            for i in tqdm(range(0, len(images), batch), label, leave=False, disable=None):
                rows = np.minimum(
                    np.arange(i, i + batch), len(images) - 1
                )  # one shape, one program
                placed = mesh.place(over, {"image": images[rows]})
                parts.append(np.asarray(self._compiled(params, placed["image"]), np.float32))
        return np.concatenate(parts)[: len(images)]

    @functools.cached_property
    def _compiled(self) -> Callable[[Params, Array], Array]:
        return jax.jit(self.apply)


def rgb(images: Array) -> Array:
    """Converts images (N, H, W, 1 or 3) to float32 (N, H, W, 3) in [0, 255].

    Images are uint8, or floats of which [-1, 1] is black to white; they are not clipped. Gray is
    repeated in all three channels.
    """
    check_channels(images.shape[-1])
    x = images.astype(jnp.float32)
    x = x if images.dtype == jnp.uint8 else (x + 1) * 127.5
    return jnp.broadcast_to(x, (*x.shape[:3], 3))


def check_channels(channels: int) -> None:
    """Refuses images that are neither gray nor RGB.

    Raises:
      UserError: says so.
    """
    if channels not in (1, 3):
        raise UserError(
            f"feature networks take images of 1 or 3 channels, these have {channels}; use swd"
        )


def digest(path: Path) -> str:
    """Computes the sha256 of a file, in hexadecimal.

    Raises:
      UserError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
