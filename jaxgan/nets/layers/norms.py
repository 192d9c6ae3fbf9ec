"""Normalisers, as the papers set them (Flax's defaults are not theirs), and attention.

All are called as norm(x, train, y), y the labels or None, so that a net can take any by name.
"""

from collections.abc import Callable
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp

from jaxgan.config.registry import nearest
from jaxgan.nets.layers.basic import Dense
from jaxgan.nets.layers.condition import Condition
from jaxgan.runtime.errors import UserError

Array = jax.Array


def _scale_init(key: Array, shape: tuple[int, ...], dtype: jnp.dtype = jnp.float32) -> Array:
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


def named(name: str, classes: int) -> Callable[[], nn.Module]:
    """The normaliser below that a net's field `norm` names; `classes` for a conditional one.

    Raises:
      UserError: not one of those.
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
        raise UserError(f"norm={name!r}: no such normaliser{nearest(name, known)}")
    norm = globals()[name]
    return partial(norm, classes=classes) if norm is ConditionalBatchNorm else norm


class Identity(nn.Module):
    """No normalisation."""

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """Returns x."""
        del train, y
        return x


class BatchNorm(nn.Module):
    """Batch normalisation over all but the last axis (Ioffe & Szegedy 2015).

    Running moments decay by 0.9 (PyTorch's momentum 0.1); epsilon 1e-5; the scale starts as
    N(1, 0.02^2), as in DCGAN's code.
    """

    affine: bool = True

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """Uses the batch's moments and updates the running ones in training, else uses those."""
        del y
        return nn.BatchNorm(
            use_running_average=not train,
            momentum=0.9,
            epsilon=1e-5,
            use_scale=self.affine,
            use_bias=self.affine,
            scale_init=_scale_init,
        )(x)


class ConditionalBatchNorm(nn.Module):
    """Batch normalisation with a scale and a bias for each class (Dumoulin et al. 2017).

    y: labels (N,) int, or condition vectors (N, D), from which scale and bias follow linearly.
    """

    classes: int = 0

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """Normalises, then scales and shifts by class."""
        h = BatchNorm(affine=False)(x, train)
        shape = (len(x), *[1] * (x.ndim - 2), x.shape[-1])
        embed = Condition(self.classes, 2 * x.shape[-1], kernel_init=nn.initializers.zeros)
        scale, bias = jnp.split(embed(y), 2, axis=-1)
        return h * (1 + scale.reshape(shape)) + bias.reshape(shape)


class LayerNorm(nn.Module):
    """Normalises each sample over all its elements (Ba et al. 2016); scale and bias by channel."""

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """Legal under a per-sample gradient penalty, as WGAN-GP's section 4 recommends."""
        del train, y
        axes = tuple(range(1, x.ndim))
        return nn.LayerNorm(epsilon=1e-5, reduction_axes=axes, feature_axes=-1)(x)


class InstanceNorm(nn.Module):
    """Normalises each channel of each sample over space (Ulyanov et al. 2016)."""

    affine: bool = False
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, train: bool, y: Array | None = None) -> Array:
        """No statistics are kept."""
        del train, y
        if x.ndim < 3:
            raise UserError(
                "norm=InstanceNorm: dense features have no positions to take moments over; "
                "use LayerNorm"
            )
        axes = tuple(range(1, x.ndim - 1))
        mean, var = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
        h = (x - mean) * jax.lax.rsqrt(var + self.epsilon)
        if not self.affine:
            return h
        scale = self.param("scale", nn.initializers.ones, (x.shape[-1],))
        return h * scale + self.param("bias", nn.initializers.zeros, (x.shape[-1],))


class PixelNorm(nn.Module):
    """x / sqrt(mean over channels of x^2) (Karras et al. 2018, section 4.2)."""

    @nn.compact
    def __call__(self, x: Array, train: bool = False, y: Array | None = None) -> Array:
        """Each position of each sample alone."""
        del train, y
        return x * jax.lax.rsqrt(jnp.mean(x**2, axis=-1, keepdims=True) + 1e-8)


class AdaIN(nn.Module):
    """Adaptive instance normalisation: a style w (N, D) sets scale and bias.

    Huang & Belongie 2017, eq. 8; the affine map, a layer of kind `dense`, starts with scale 1
    (Karras et al. 2019).
    """

    dense: Callable[[int], nn.Module] = Dense
    epsilon: float = 1e-5

    @nn.compact
    def __call__(self, x: Array, w: Array) -> Array:
        """(N, H, W, C), (N, D) -> (N, H, W, C)."""
        style = self.dense(2 * x.shape[-1])(w)[:, None, None]
        scale, bias = jnp.split(style, 2, axis=-1)
        return InstanceNorm(epsilon=self.epsilon)(x, train=False) * (1 + scale) + bias
