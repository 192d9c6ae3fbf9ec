"""FID's InceptionV3, trained on ImageNet, as a fixed extractor of features.

The net of the TensorFlow graph that Heusel et al. 2017 took, by the names of its usual copy for
PyTorch (pytorch-fid's). It differs from torchvision's: average pools leave the padding out, the
last block pools by the maximum, and there are 1008 classes. BatchNorm is folded into the
convolutions when the weights are read.
"""

from collections.abc import Mapping

import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxgan.evaluation.features.network import rgb
from jaxgan.nets.ops.conv import conv2d

Params = dict[str, Array]

NAME = "InceptionV3"
FILE = "pt_inception-2015-12-05-6726825d.pth"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIZE = 299  # pixels a side that the net takes
RESIZE = f"FID's bilinear to {SIZE}, without antialiasing"
FEATURES = 2048
EPSILON = 1e-3  # of BatchNorm


def prepare(images: Array) -> Array:
    """Converts images, as `rgb` takes them, to the net's input (N, 299, 299, 3)."""
    return (resize(rgb(images), SIZE) - 128) / 128


def resize(x: Array, size: int) -> Array:
    """Resizes images (N, H, W, C) to `size` by TensorFlow 1's bilinear rule, as FID does.

    Output i is read at i * H / size, between the two pixels around it: the rule has neither half a
    pixel's offset nor any averaging where images shrink.
    """
    rows, columns = (_between(n, size) for n in x.shape[1:3])
    return jnp.einsum("ih,nhwc,jw->nijc", rows, x, columns, precision="highest")


def apply(params: Params, x: Array) -> dict[int, Array]:
    """Computes the spatial means of features at four depths, by their number: (N, 64) to (N, 2048).

    Args:
      params: from `fold`.
      x: from `prepare`.
    """
    h = _conv(params, "Conv2d_1a_3x3", x, stride=2)
    h = _conv(params, "Conv2d_2a_3x3", h, padded=False)
    h = _conv(params, "Conv2d_2b_3x3", h)
    first = h = _largest(h, 2)
    h = _conv(params, "Conv2d_3b_1x1", h)
    h = _conv(params, "Conv2d_4a_3x3", h, padded=False)
    second = h = _largest(h, 2)
    for name in ("Mixed_5b", "Mixed_5c", "Mixed_5d"):
        h = _mixed(params, name, h, _FIVE)
    h = _mixed(params, "Mixed_6a", h, _SIX_A, stride=2)
    for name in ("Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"):
        h = _mixed(params, name, h, _SIX)
    third = h
    h = _mixed(params, "Mixed_7a", h, _SEVEN_A, stride=2)
    h = _mixed(params, "Mixed_7b", h, _SEVEN)
    h = _mixed(params, "Mixed_7c", h, _SEVEN, average=False)
    return {each.shape[3]: each.mean(axis=(1, 2)) for each in (first, second, third, h)}


def fold(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns each convolution's kernel (kh, kw, C, C') and bias, with its BatchNorm folded in.

    Args:
      arrays: a state dict of the usual names; its classifier, `fc`, is left out.
    """
    params = {}
    for at in (
        name.removesuffix(".conv.weight") for name in arrays if name.endswith("conv.weight")
    ):
        scale, bias, mean, var = (
            arrays[f"{at}.bn.{part}"].astype(np.float64)
            for part in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / np.sqrt(var + EPSILON)
        kernel = arrays[f"{at}.conv.weight"] * scale[:, None, None, None]
        params[f"{at}.kernel"] = kernel.transpose(2, 3, 1, 0).astype(np.float32)
        params[f"{at}.bias"] = (bias - mean * scale).astype(np.float32)
    return params


# The branches of a block, each a chain of layers; layers in brackets run side by side.
_FIVE = (
    ("branch1x1",),
    ("branch5x5_1", "branch5x5_2"),
    ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
)
_SIX_A = (("branch3x3",), ("branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"))
_SIX = (
    ("branch1x1",),
    ("branch7x7_1", "branch7x7_2", "branch7x7_3"),
    tuple(f"branch7x7dbl_{i}" for i in range(1, 6)),
)
_SEVEN_A = (("branch3x3_1", "branch3x3_2"), tuple(f"branch7x7x3_{i}" for i in range(1, 5)))
_SEVEN = (
    ("branch1x1",),
    ("branch3x3_1", ("branch3x3_2a", "branch3x3_2b")),
    ("branch3x3dbl_1", "branch3x3dbl_2", ("branch3x3dbl_3a", "branch3x3dbl_3b")),
)


def _mixed(
    params: Params, at: str, x: Array, branches: tuple, *, stride: int = 1, average: bool = True
) -> Array:
    """Joins the branches of a block and its pool; the last layer of a branch has the stride."""
    outputs = []
    for *chain, last in branches:
        h = x
        for name in chain:
            h = _conv(params, f"{at}.{name}", h)
        ends = last if isinstance(last, tuple) else (last,)
        outputs += [_conv(params, f"{at}.{name}", h, stride=stride) for name in ends]
    if stride == 2:
        return jnp.concatenate([*outputs, _largest(x, 2)], axis=3)
    pooled = _mean(x) if average else _largest(x, 1)
    return jnp.concatenate([*outputs, _conv(params, f"{at}.branch_pool", pooled)], axis=3)


def _conv(params: Params, name: str, x: Array, *, stride: int = 1, padded: bool = True) -> Array:
    """Convolves, adds the bias, rectifies; with a stride nothing is padded."""
    kernel = params[f"{name}.kernel"]
    pads = tuple((k // 2, k // 2) if padded and stride == 1 else (0, 0) for k in kernel.shape[:2])
    y: Array = conv2d(x, kernel, stride=stride, padding=pads) + params[f"{name}.bias"]
    return jnp.maximum(y, 0)


def _largest(x: Array, stride: int) -> Array:
    """Returns the maximum of 3x3 pixels; with a stride of 1 of as many windows as pixels."""
    padding = "VALID" if stride == 2 else "SAME"
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 3, 3, 1), (1, stride, stride, 1), padding)


def _mean(x: Array) -> Array:
    """Returns the mean of 3x3 pixels around each, of those that are in the image."""

    def total(values: Array) -> Array:
        return lax.reduce_window(values, 0.0, lax.add, (1, 3, 3, 1), (1, 1, 1, 1), "SAME")

    return total(x) / total(jnp.ones((1, *x.shape[1:3], 1), x.dtype))


def _between(n: int, size: int) -> np.ndarray:
    """Returns the weights (size, n) of a line of n pixels in one of `size`."""
    at = np.arange(size) * (n / size)
    low = np.floor(at).astype(int)
    high = np.minimum(low + 1, n - 1)
    weights = np.zeros((size, n), np.float32)
    np.add.at(weights, (np.arange(size), low), 1 - (at - low))
    np.add.at(weights, (np.arange(size), high), at - low)
    return weights
