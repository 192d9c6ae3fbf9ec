"""Spectral normalization of a layer's kernel (Miyato et al. 2018).

Not nn.SpectralNorm, which iterates in frozen passes too: their sigma would not be the stored u's.
"""

import flax.linen as nn
import jax
import jax.numpy as jnp
from jax import Array


def spectral_norm(layer: nn.Module, kernel: Array) -> Array:
    """Returns kernel / sigma, sigma = u^T W v of the kernel as W (C_out, -1) (2018, appendix A).

    u (1, C_out) is kept among the layer's statistics under `spectral`. Where those may be written
    (in training, once a step) one power iteration updates it first; elsewhere the stored u is used
    as it is. u and v are constants to the gradient.
    """
    w = kernel.reshape(-1, kernel.shape[-1]).T

    def start() -> Array:
        return jax.random.normal(layer.make_rng("params"), (1, w.shape[0]))

    u = layer.variable("spectral", "u", start)
    fixed = jax.lax.stop_gradient(w)
    v = _unit(u.value @ fixed)
    new = _unit(v @ fixed.T)
    if layer.is_mutable_collection("spectral") and not layer.is_initializing():
        u.value = new
        used = new
    else:
        used = _unit(u.value)
    return kernel / jnp.squeeze(used @ w @ v.T)


def _unit(x: Array) -> Array:
    return x / (jnp.linalg.norm(x) + 1e-12)
