"""DiffAugment: each transform by hand, the order of a policy, and gradients through it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augment import diffaugment
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
X = np.random.default_rng(0).uniform(-1, 1, size=(64, 8, 8, 3)).astype(np.float32)


def test_none_is_the_identity():
    assert diffaugment.none()(KEY, X) is X


def test_color_is_drawn_per_image_and_agrees_with_the_formula_by_hand():
    out = diffaugment.color(KEY, X)
    brightness, saturation, contrast = np.asarray(jax.random.uniform(KEY, (3, 64, 1, 1, 1)))
    h = X + brightness - 0.5
    h = (h - h.mean(3, keepdims=True)) * 2 * saturation + h.mean(3, keepdims=True)
    mean = h.mean((1, 2, 3), keepdims=True)
    np.testing.assert_allclose(out, (h - mean) * (contrast + 0.5) + mean, rtol=1e-4, atol=1e-5)
    gray = X[..., :1]
    assert not np.allclose(diffaugment.color(KEY, gray), gray)


def test_translation_moves_whole_pixels_and_fills_with_zero():
    x = np.arange(1, 65, dtype=np.float32).reshape(1, 8, 8, 1).repeat(64, 0)
    seen = set()
    for image, moved in zip(x, np.asarray(diffaugment.translation(KEY, x)), strict=True):
        for dy in range(-1, 2):
            for dx in range(-1, 2):
                expected = np.zeros((10, 10, 1), np.float32)
                expected[1:9, 1:9] = image
                expected = np.roll(expected, (-dy, -dx), (0, 1))[1:9, 1:9]
                if (moved == expected).all():
                    seen.add((dy, dx))
                    break
    assert len(seen) == 9, "every shift of up to an eighth, and no other"


def test_cutout_zeroes_one_square_of_half_the_size():
    out = np.asarray(diffaugment.cutout(KEY, np.ones((64, 8, 8, 1), np.float32)))[..., 0] == 0
    for hole in out:
        rows, columns = hole.any(1), hole.any(0)
        assert hole.sum() == rows.sum() * columns.sum() and 2 <= rows.sum() <= 4
    assert len({hole.tobytes() for hole in out}) > 15


def test_policy_names_transforms_in_order():
    both = diffaugment.diff_augment(policy=("translation", "cutout"))(KEY, X)
    k_a, k_b = jax.random.split(KEY, 2)
    np.testing.assert_array_equal(both, diffaugment.cutout(k_b, diffaugment.translation(k_a, X)))
    with pytest.raises(UserError, match="no 'colour'; did you mean 'color'"):
        diffaugment.diff_augment(policy=("colour",))


def test_gradients_reach_the_image_through_every_transform():
    for transform in (diffaugment.color, diffaugment.translation, diffaugment.cutout):
        grad = jax.grad(lambda x, t=transform: jnp.sum(t(KEY, x) ** 2))(X)
        assert np.isfinite(grad).all() and (np.abs(grad).sum(axis=(1, 2, 3)) > 0).all()
