"""Normalisers, as the papers set them; Flax's defaults are not theirs."""

import flax.linen as nn
import jax


def _scale_init(key: jax.Array, shape: tuple[int, ...], dtype) -> jax.Array:
    return 1 + 0.02 * jax.random.normal(key, shape, dtype)


class BatchNorm(nn.Module):
    """Batch normalisation over all but the last axis (Ioffe & Szegedy 2015).

    Running moments decay by 0.9 (PyTorch's momentum 0.1); epsilon 1e-5; the scale starts as
    N(1, 0.02^2), as in DCGAN's code.
    """

    @nn.compact
    def __call__(self, x: jax.Array, train: bool) -> jax.Array:
        """Uses the batch's moments and updates the running ones in training, else uses those."""
        return nn.BatchNorm(
            use_running_average=not train, momentum=0.9, epsilon=1e-5, scale_init=_scale_init
        )(x)
