"""Normalization layers with the papers' settings, which are not Flax's defaults.

All are called as norm(x, train, y), y the condition or None, so that a net can take any by name.
They compute in float32 and return the type that they were given.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.registry import nearest
from jaxgan.nets.layers.basic import Dense, Init
from jaxgan.nets.layers.condition import Condition
from jaxgan.runtime.errors import UserError


def _scale_init(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


def named(name: str, classes: int) -> Callable[[], nn.Module]:
    """Returns the layer below that a net's field `norm` names, as a constructor.

    Args:
      name: of the class.
      classes: number of labels, for ConditionalBatchNorm.

    Raises:
      UserError: an unknown name.
    """
    known = (
        "Identity",
        "BatchNorm",
        "ConditionalBatchNorm",
        "LayerNorm",
        "InstanceNorm",
        "PixelNorm",
    )
    if name not in known:
        raise UserError(f"norm={name!r}: no such normalizer{nearest(name, known)}")
    norm = globals()[name]
    return partial(norm, classes=classes) if norm is ConditionalBatchNorm else norm


class Identity(nn.Module):
    """No normalization."""

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """Returns x."""
        del train, y
        return x


class BatchNorm(nn.Module):
    """Batch normalization over all but the last axis (Ioffe & Szegedy 2015).

    Running moments decay by `momentum`, 0.9 (PyTorch's momentum 0.1); the scale starts as
    N(1, 0.02^2), as in DCGAN's code.
    """

    affine: bool = True
    momentum: float = 0.9
    epsilon: float = 1e-5
    scale_init: Init = _scale_init
    mixes_samples = True  # in training

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """Normalizes by the batch's moments in training, and otherwise by the running ones."""
        del y
        return nn.BatchNorm(
            use_running_average=not train,
            momentum=self.momentum,
            epsilon=self.epsilon,
            use_scale=self.affine,
            use_bias=self.affine,
            scale_init=self.scale_init,
        )(x.astype(jnp.float32)).astype(x.dtype)


class ConditionalBatchNorm(nn.Module):
    """Batch normalization with a scale and a bias per class (Dumoulin et al. 2017).

    y: labels (N,) int, or condition vectors (N, D), mapped linearly to scale and bias.
    """

    classes: int = 0

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """Normalizes, then scales and shifts by class."""
        h = BatchNorm(affine=False)(x.astype(jnp.float32), train)
        shape = (x.shape[0], *[1] * (x.ndim - 2), x.shape[-1])
        embed = Condition(self.classes, 2 * x.shape[-1], kernel_init=nn.initializers.zeros)
        scale, bias = jnp.split(embed(y), 2, axis=-1)
        return (h * (1 + scale.reshape(shape)) + bias.reshape(shape)).astype(x.dtype)


class LayerNorm(nn.Module):
    """Normalizes each sample over all its elements (Ba et al. 2016); scale and bias per channel."""

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """Normalizes; valid under a per-sample gradient penalty (WGAN-GP, section 4)."""
        del train, y
        axes = tuple(range(1, x.ndim))
        norm = nn.LayerNorm(epsilon=1e-5, reduction_axes=axes, feature_axes=-1)
        return norm(x.astype(jnp.float32)).astype(x.dtype)


class InstanceNorm(nn.Module):
    """Normalizes each channel of each sample over space (Ulyanov et al. 2016).

    nn.InstanceNorm differs by up to 5e-7 in the gradient and nests scale and bias one level deeper.
    """

    affine: bool = False
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """Normalizes by the moments of x, in training or not."""
        del train, y
        if x.ndim < 3:
            raise UserError(
                "norm=InstanceNorm: dense features have no positions to take moments over; "
                "use LayerNorm"
            )
        axes = tuple(range(1, x.ndim - 1))
        h = x.astype(jnp.float32)
        mean, var = h.mean(axes, keepdims=True), h.var(axes, keepdims=True)
        h = (h - mean) * jax.lax.rsqrt(var + self.epsilon)
        if self.affine:
            h *= self.param("scale", nn.initializers.ones, (x.shape[-1],))
            h += self.param("bias", nn.initializers.zeros, (x.shape[-1],))
        return h.astype(x.dtype)


class PixelNorm(nn.Module):
    """Pixelwise normalization, x / sqrt(mean over channels of x^2) (Karras et al. 2018, 4.2)."""

    @nn.compact
    def __call__(self, x: Array, train: bool = False, y: Array | None = None) -> Array:
        """Normalizes each position of each sample."""
        del train, y
        return nn.RMSNorm(epsilon=1e-8, use_scale=False)(x.astype(jnp.float32)).astype(x.dtype)


class AdaIN(nn.Module):
    """Adaptive instance normalization: a style w (N, D) sets scale and bias.

    Huang & Belongie 2017, eq. 8; w's affine map, built by `dense`, starts with scale 1 (Karras et
    al. 2019).
    """

    dense: Callable[[int], nn.Module] = Dense
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """Normalizes x (N, H, W, C), then scales and shifts it by the style w (N, D)."""
        style = self.dense(2 * x.shape[-1])(w)[:, None, None]
        scale, bias = jnp.split(style, 2, axis=-1)
        return InstanceNorm(epsilon=self.epsilon)(x, train=False) * (1 + scale) + bias
