"""Penalties of a net's weights, which see no samples."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxgan.config.kinds import NonNegative


class Penalty(NamedTuple):
    """A term of the loss of whoever owns the weights: parameters of a net -> scalar."""

    term: Callable[[Any], Array]


def orthogonal(*, weight: NonNegative = 1e-4) -> Penalty:
    """Builds weight sum |W^T W * (1 - I)|^2 over kernels W (-1, C_out) (Brock et al. 2019, eq. 3).

    The diagonal is left out: filters become orthogonal, their norms are free. Embeddings of labels
    are left out too, as in the authors' code (ajbrock/BigGAN-PyTorch, train_fns.py).
    """

    def term(params: Any) -> Array:
        kernels = [
            kernel
            for path, kernel in jax.tree.leaves_with_path(params)
            if kernel.ndim > 1 and "Embed" not in jax.tree_util.keystr(path)
        ]
        return weight * sum((off_diagonal(kernel) for kernel in kernels), jnp.zeros(()))

    return Penalty(term)


def off_diagonal(kernel: Array) -> Array:
    """Computes the sum of squares of W^T W off its diagonal, of a kernel W (-1, C_out)."""
    w = kernel.reshape(-1, kernel.shape[-1])
    # W W^T has the same sum of squares as W^T W, and is the smaller of the two for G's dense layer.
    gram = w.T @ w if w.shape[1] <= w.shape[0] else w @ w.T
    return jnp.sum(gram**2) - jnp.sum(jnp.sum(w**2, axis=0) ** 2)
