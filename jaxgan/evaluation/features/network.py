"""A network of fixed weights whose features metrics compare, and what a protocol says of it."""

import dataclasses
import functools
import hashlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from tqdm import tqdm

from jaxgan.parallel import mesh
from jaxgan.runtime.errors import UserError

Params = dict[str, Any]

BATCH = 16  # images of a program on a CPU, of all its devices; more are no faster
EACH = 128  # on each accelerator
# Images at once on a device of a CPU, whose feature maps stay in its caches: a fifth faster than
# all of a batch, which spends as long on new pages of memory.
TOGETHER = 2
MANY = 1000  # images from which the rate is said: a user waits for them


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
        is a terminal, and the line on stderr that says how fast many were.
        """
        devices = jax.local_devices()
        on_cpu = jax.default_backend() == "cpu"
        most = BATCH if on_cpu else EACH * len(devices)
        multiple = len(devices) * (TOGETHER if on_cpu else 1)
        batch = -(-max(1, min(most, len(images))) // multiple) * multiple
        over = mesh.over_data(batch, devices)
        compiled = self._by_parts(over) if on_cpu else self._compiled
        params = jax.device_put(self.params, NamedSharding(over, PartitionSpec()))
        parts, began = [np.zeros((0, self.dims), np.float32)], 0.0
        # On accelerators the default precision of a matrix product would not be float32.
        with jax.default_matmul_precision("highest"):
            for i in tqdm(range(0, len(images), batch), label, leave=False, disable=None):
                rows = np.minimum(
                    np.arange(i, i + batch), len(images) - 1
                )  # one shape, one program
                placed = mesh.place(over, {"image": images[rows]})
                parts.append(np.asarray(compiled(params, placed["image"]), np.float32))
                began = began or time.monotonic()  # the first batch compiles
        if label and len(images) >= MANY:
            rate = (len(images) - batch) / (time.monotonic() - began)
            print(f"{label}: {len(images)} by {self.name}, {rate:.1f} images/s", file=sys.stderr)
        return np.concatenate(parts)[: len(images)]

    @functools.cached_property
    def _compiled(self) -> Callable[[Params, Array], Array]:
        return jax.jit(self.apply)

    @functools.cached_property
    def _by_parts(self) -> Callable[[Mesh], Callable[[Params, Array], Array]]:
        """Returns `apply` on a mesh, TOGETHER images of each device's share after the others."""

        def share(params: Params, images: Array) -> Array:
            parts = images.reshape(-1, TOGETHER, *images.shape[1:])
            return jax.lax.map(lambda part: self.apply(params, part), parts).reshape(-1, self.dims)

        @functools.cache
        def compiled(over: Mesh) -> Callable[[Params, Array], Array]:
            split = PartitionSpec("data")
            return jax.jit(
                jax.shard_map(share, mesh=over, in_specs=(PartitionSpec(), split), out_specs=split)
            )

        return compiled


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
