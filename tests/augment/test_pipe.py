"""The pipe "bgc" of a set strength: the identity at p = 0, cutout's box, and what p multiplies."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.augment import pipe

KEY = jax.random.key(0)
NOISE = jax.random.uniform(KEY, (64, 16, 16, 3), minval=0.1)


def test_at_p_0_nothing_changes_bit_for_bit():
    augment = pipe.bgc_pipe(p=0.0, color=0.5, cutout=1.0)
    np.testing.assert_array_equal(jax.jit(augment)(KEY, NOISE), NOISE)


def test_cutout_grays_a_box_of_half_the_sides_in_some_of_the_images():
    x = jnp.concatenate([NOISE] * 8)
    cut = np.asarray(jax.jit(pipe.cut_out)(KEY, x, jnp.float32(0.3)) == 0).all(axis=-1)
    hit = cut.any(axis=(1, 2))
    assert 0.22 < hit.mean() < 0.38, "with probability 0.3"
    for box in cut[hit]:
        rows, columns = (np.flatnonzero(box.any(axis=axis)) for axis in (1, 0))
        assert box[np.ix_(rows, columns)].all() and box.sum() == len(rows) * len(columns)
        for side in (rows, columns):
            inside = side[0] > 0 and side[-1] < 15
            assert len(side) == 8 if inside else 4 <= len(side) <= 8


def test_without_color_and_cutout_gray_images_that_are_flat_change_only_at_their_edges():
    flat = jnp.full((32, 16, 16, 3), 0.5)
    out = jax.jit(pipe.bgc_pipe(p=1.0, color=0.0, cutout=0.0))(KEY, flat)
    levels = np.asarray(out)[:, 6:10, 6:10]
    assert levels.max() < 0.52, "no color is brighter"
    bright = jax.jit(pipe.bgc_pipe(p=1.0, color=1.0))(KEY, flat)
    assert np.asarray(bright).max() > 0.6
