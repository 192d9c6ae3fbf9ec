"""Penalties of weights in closed form."""

import jax
import numpy as np

from jaxgan.losses.penalties import off_diagonal, orthogonal

RNG = np.random.default_rng(0)


def test_off_diagonal_products_of_filters_are_penalized_and_their_norms_are_not():
    for shape in ((3, 3, 2, 4), (5, 8), (4, 30)):  # tall and wide matrices
        kernel = RNG.normal(size=shape).astype(np.float32)
        w = kernel.reshape(-1, shape[-1]).astype(np.float64)
        want = ((w.T @ w * (1 - np.eye(shape[-1]))) ** 2).sum()
        np.testing.assert_allclose(off_diagonal(kernel), want, rtol=1e-4)
    q = np.linalg.qr(RNG.normal(size=(6, 4)))[0].astype(np.float32)
    np.testing.assert_allclose(off_diagonal(q * np.float32([1, 2, 3, 4])), 0, atol=1e-3)


def test_the_gradient_is_that_of_the_authors_up_to_their_factor_of_2():
    """train_fns.py adds strength 2 (W W^T * (1 - I)) W: the gradient of half of the paper's."""
    w = RNG.normal(size=(6, 4)).astype(np.float32)  # theirs is its transpose
    rows = w.T
    theirs = 2 * (rows @ rows.T * (1 - np.eye(4))) @ rows
    ours = jax.grad(off_diagonal)(w)
    np.testing.assert_allclose(ours.T, 2 * theirs, rtol=1e-4, atol=1e-4)


def test_kernels_are_summed_but_for_biases_and_embeddings():
    kernel, table = (RNG.normal(size=(5, 4)).astype(np.float32) for _ in range(2))
    params = {"a": {"kernel": kernel, "bias": kernel[0]}, "b": {"kernel": 2 * kernel}}
    params["shared"] = {"Embed_0": {"kernel": table}}
    got = orthogonal(weight=0.5).term(params)
    np.testing.assert_allclose(got, 0.5 * (1 + 16) * off_diagonal(kernel), rtol=1e-5)
