"""Pictures of the data: one domain in a grid, two side by side; a class a column."""

import jax
import jax.numpy as jnp
import numpy as np
from PIL import Image as Pillow

from jaxgan.core.game import Game
from jaxgan.core.inputs import Image, Label, Noise
from jaxgan.training.snapshots import Snapshots, in_turn
from jaxgan.visual.sheet import GUTTER, LINE, TILE, enlarged

GRAY = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 1), np.uint8)
COLORS = np.random.default_rng(1).integers(0, 256, (4, 8, 8, 3), np.uint8)


def sample(state, drawn, key):
    return drawn["a"]


def test_both_domains_are_drawn_side_by_side(tmp_path):
    game = Game(None, {}, (), {"a": Image((8, 8, 1))}, sample, None, {}, target="other")
    reals = {"image": GRAY / 127.5 - 1, "other": COLORS / 127.5 - 1}
    given = {"samples": 4, "key": jax.random.key(0), "folder": tmp_path}
    one = Snapshots(game, reals, **given).draw_real()
    two = Snapshots(game._replace(translators={"a2b": sample}), reals, **given).draw_real()
    side = GUTTER + 2 * (TILE + GUTTER)
    assert one.shape == (side, side, 3) and two.shape == (side + LINE, 2 * side, 3)
    np.testing.assert_array_equal(two[LINE:, side:], one)
    first = two[LINE:][GUTTER : GUTTER + TILE, GUTTER : GUTTER + TILE]
    np.testing.assert_array_equal(first, enlarged(np.repeat(GRAY[:1], 3, axis=-1))[0])
    np.testing.assert_array_equal(np.asarray(Pillow.open(tmp_path / "real.png")), two)


def test_classes_are_columns_of_real_items_and_of_samples(tmp_path):
    """Each picture is as bright as its class: 0, 100 or 200."""
    levels = np.array([2, 0, 1, 1, 0, 2, 0, 0, 2], np.int32)
    images = (np.full((9, 8, 8, 1), 100.0) * levels[:, None, None, None]) / 127.5 - 1
    inputs = {"z": Noise(2), "y": Label(3)}

    def of(state, drawn, key):
        return jnp.broadcast_to(drawn["y"][:, None, None, None] * 100 / 127.5 - 1, (6, 8, 8, 1))

    game = Game(None, {}, (), inputs, of, None, {})
    reals = {"image": images, "label": levels}
    given = {"samples": 6, "key": jax.random.key(0), "folder": tmp_path, "classes": "abc"}
    shots = Snapshots(game, reals, **given)
    real, fake = shots.draw_real(), shots.draw([None], 7)
    assert real.shape == fake.shape == (GUTTER + LINE + 2 * (TILE + GUTTER), 3 * 68 + 4, 1)
    for picture in (real, fake):
        tiles = picture[GUTTER + LINE + 9 :: TILE + GUTTER, GUTTER + 9 :: TILE + GUTTER, 0]
        np.testing.assert_array_equal(tiles, [[0, 100, 200]] * 2)
    shots.draw_beside([None], tmp_path / "both.png")
    both = np.asarray(Pillow.open(tmp_path / "both.png"))
    np.testing.assert_array_equal(both[LINE:], np.concatenate([real, fake], axis=1)[..., 0])
    two = shots.draw([None, None], 8)
    assert two.shape[1] > 6 * 68 and (tmp_path / "00000008.png").exists(), "a row for each seed"


def test_labels_in_turn():
    np.testing.assert_array_equal(in_turn(np.array([1, 1, 0, 2, 0]), 3), [2, 0, 3, 1, 4])
    np.testing.assert_array_equal(in_turn(np.array([1, 1]), 3), [0, 1])
