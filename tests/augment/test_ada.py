"""Adaptive augmentation: the identity at p = 0, exact resampling, color maps, and how p moves."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.augment import ada

KEY = jax.random.key(0)
ROWS = np.linspace(-1, 1, 24)
WAVE = np.sin(3 * ROWS)[:, None] * np.cos(2 * ROWS + 0.5) + 0.3 * ROWS
SMOOTH = jnp.asarray(np.stack([WAVE, WAVE[::-1], WAVE.T], axis=-1)[None], jnp.float32)
NOISE = jax.random.uniform(KEY, (6, 16, 16, 3), minval=-1)
bgc, warp = jax.jit(ada.bgc), jax.jit(ada.warp)


def map_of(matrix):
    return jnp.asarray([[*matrix[0], 0], [*matrix[1], 0], [0, 0, 1]], jnp.float32)[None]


@pytest.mark.parametrize("channels", [1, 3])
def test_at_p_0_nothing_changes_bit_for_bit(channels):
    x = NOISE[..., :channels]
    out = bgc(KEY, x, jnp.zeros(()))
    np.testing.assert_array_equal(out, x)


@pytest.mark.parametrize(
    ("matrix", "turned"),
    [
        ([[1, 0], [0, 1]], lambda x: x),
        ([[-1, 0], [0, 1]], lambda x: x[:, :, ::-1]),
        ([[-1, 0], [0, -1]], lambda x: x[:, ::-1, ::-1]),
        ([[0, 1], [1, 0]], lambda x: x.transpose(0, 2, 1, 3)),
    ],
)
def test_resampling_neither_shifts_nor_blurs_a_smooth_image(matrix, turned):
    """But for the filter's phase: its center of mass is 0.1 pixel of the doubled image off .5."""
    out = warp(SMOOTH, map_of(matrix))
    inner = np.s_[:, 3:-3, 3:-3]
    np.testing.assert_allclose(out[inner], turned(SMOOTH)[inner], atol=0.03)


def test_shifts_move_by_pixels():
    maps = jnp.eye(3)[None].at[:, :2, 2].set(jnp.array([2.0, -3.0]))  # comes from right, above
    out = warp(SMOOTH, maps)
    np.testing.assert_allclose(out[:, 6:18, 3:16], SMOOTH[:, 3:15, 5:18], atol=0.02)


def test_at_p_1_images_keep_their_range_in_the_mean():
    x = jnp.tile(SMOOTH, (64, 1, 1, 1))
    out = bgc(KEY, x, jnp.ones(()))
    assert out.shape == x.shape and np.isfinite(out).all()
    assert (jnp.abs(out - x).mean(axis=(1, 2, 3)) > 0.01).all(), "each image is changed"
    assert abs(float(out.mean()) - float(x.mean())) < 0.15
    assert 0.5 < float(out.std() / x.std()) < 2.5


def test_gradients_flow_through_every_transform():
    def total(x):
        return jnp.sum(bgc(KEY, x, jnp.ones(())) * jnp.cos(jnp.arange(16.0))[:, None])

    grad = jax.jit(jax.grad(total))(NOISE)
    assert np.isfinite(grad).all() and (jnp.abs(grad).sum(axis=(1, 2, 3)) > 0.1).all()
    numeric = (total(NOISE + 1e-2 * grad) - total(NOISE - 1e-2 * grad)) / 2e-2
    np.testing.assert_allclose(numeric, jnp.sum(grad**2), rtol=1e-2)  # it is linear in x


def test_color_maps_keep_gray_gray():
    maps = np.asarray(jax.jit(ada.draw_color_maps, static_argnums=1)(KEY, 500, jnp.ones(())))
    np.testing.assert_allclose(maps[:, 3], np.tile([0, 0, 0, 1], (500, 1)), atol=1e-6)
    only_hue = np.asarray(ada._rotation_around_luma(jnp.array([[[0.7]]])))[0, :3, :3]
    np.testing.assert_allclose(only_hue @ only_hue.T, np.eye(3), atol=1e-6)
    np.testing.assert_allclose(only_hue @ np.ones(3), np.ones(3), atol=1e-6)
    gray = jnp.ones((500, 2, 2, 3)) * 0.25
    out = np.asarray(ada.recolor(gray, jnp.asarray(maps)))
    np.testing.assert_allclose(np.ptp(out, axis=3), 0, atol=1e-5)


def test_warps_are_drawn_with_probability_p():
    @jax.jit
    def share(p):
        maps = ada.draw_warps(KEY, (4000, 16, 16, 3), p)
        return (maps == jnp.eye(3)).all(axis=(1, 2)).mean()

    assert share(0.0) == 1
    # unchanged by: flip, turn, two shifts, scale, stretch, and by two half-turns of chance p
    p = 0.2
    rest = (1 - p / 2) * (1 - 3 * p / 4) * (1 - p) ** 4 * (1 - p)
    assert abs(share(p) - rest) < 0.05


def test_p_moves_towards_the_target_and_stays_a_probability():
    p, speed = jnp.asarray(0.5), 4 * 64 / 500e3
    np.testing.assert_allclose(ada.adapt(p, jnp.asarray(0.9), 64), 0.5 + speed, rtol=1e-6)
    np.testing.assert_allclose(ada.adapt(p, jnp.asarray(0.1), 64), 0.5 - speed, rtol=1e-6)
    assert ada.adapt(jnp.asarray(0.0), jnp.asarray(-1.0), 64) == 0
    assert ada.adapt(jnp.asarray(1.0), jnp.asarray(1.0), 64) == 1


def official(x, maps):
    """stylegan2-ada-pytorch, training/augment.py, in float64: its order of operations, in loops.

    The margin is the batch's; reflect-pad, upsample by sym6, sample bilinearly with zeros outside
    (align_corners=False), downsample by the flipped filter, crop.
    """
    x, maps = np.asarray(x, np.float64), np.asarray(maps, np.float64)
    n, height, width, _ = x.shape
    f = np.asarray(ada.SYM6) / np.sum(ada.SYM6)
    cx, cy, pad = (width - 1) / 2, (height - 1) / 2, 3
    corners = np.array([[-cx, -cy, 1], [cx, -cy, 1], [cx, cy, 1], [-cx, cy, 1]]).T
    reach = (maps @ corners)[:, :2].transpose(1, 0, 2).reshape(2, -1)
    margin = np.concatenate([-reach, reach]).max(axis=1) + np.array(
        [2 * pad - cx, 2 * pad - cy] * 2
    )
    margin = np.clip(margin, 0, [width - 1, height - 1] * 2)
    mx0, my0, mx1, my1 = np.ceil(margin).astype(int)
    x = np.pad(x, ((0, 0), (my0, my1), (mx0, mx1), (0, 0)), "reflect")
    for axis in (1, 2):  # upsample2d(up=2): zeros between pixels, pads (6, 5), gain 2 per axis
        shape = list(x.shape)
        shape[axis] *= 2
        zeros = np.zeros(shape)
        zeros[(slice(None),) * axis + (slice(None, None, 2),)] = x
        pads = [(0, 0)] * 4
        pads[axis] = (6, 5)
        x = np.apply_along_axis(np.convolve, axis, np.pad(zeros, pads), 2 * f, "valid")
    out_h, out_w = 2 * (height + 2 * pad), 2 * (width + 2 * pad)
    u = np.stack(
        np.meshgrid(np.arange(out_w) + 0.5 - out_w / 2, np.arange(out_h) + 0.5 - out_h / 2)
    )
    ones = np.ones_like(u[:1])
    # translate2d(-.5) scale2d(2) translate2d(margins) G_inv scale2d_inv(2) translate2d_inv(-.5)
    v = np.einsum("nij,jhw->nihw", maps[:, :2], np.concatenate([(u + 0.5) / 2, ones]))
    v = 2 * (v + np.array([(mx0 - mx1) / 2, (my0 - my1) / 2])[:, None, None]) - 0.5
    px, py = v[:, 0] + x.shape[2] / 2 - 0.5, v[:, 1] + x.shape[1] / 2 - 0.5
    x0, y0 = np.floor(px).astype(int), np.floor(py).astype(int)
    warped = np.zeros((n, out_h, out_w, x.shape[3]))
    for dx in (0, 1):
        for dy in (0, 1):
            ix, iy = x0 + dx, y0 + dy
            inside = (ix >= 0) & (ix < x.shape[2]) & (iy >= 0) & (iy < x.shape[1])
            weight = inside * (1 - abs(px - ix)) * (1 - abs(py - iy))
            taken = x[
                np.arange(n)[:, None, None], iy.clip(0, x.shape[1] - 1), ix.clip(0, x.shape[2] - 1)
            ]
            warped += weight[..., None] * taken
    warped = warped[:, 1:-1, 1:-1]  # downsample2d: padding -6 + 5; flip_filter
    for axis in (1, 2):
        warped = np.apply_along_axis(np.convolve, axis, warped, f[::-1], "valid")
        warped = warped[(slice(None),) * axis + (slice(None, None, 2),)]
    return warped


@pytest.mark.parametrize("shape", [(8, 32, 32, 3), (4, 64, 64, 1), (4, 32, 48, 1)])
def test_warps_are_the_authors_edges_included(shape):
    """At p = 0.6 and 1; and a whole shift, whose edges show where the mirror stands."""
    x = jax.random.normal(KEY, shape) / 2
    draw = jax.jit(ada.draw_warps, static_argnums=1)
    shift = jnp.tile(jnp.eye(3), (len(x), 1, 1)).at[:, 0, 2].set(8.0)
    for maps in (draw(KEY, shape, 0.6), draw(jax.random.key(1), shape, 1.0), shift):
        difference = np.abs(np.asarray(warp(x, maps)) - official(x, maps))
        assert difference.max() < 2e-6
