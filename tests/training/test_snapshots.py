"""Pictures of the data: one domain in a grid, two side by side."""

import jax
import numpy as np
from PIL import Image as Pillow

from jaxgan.core.game import Game
from jaxgan.core.inputs import Image
from jaxgan.training.snapshots import Snapshots

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
    assert one.shape == (16, 16, 3) and two.shape == (16, 32, 3)
    np.testing.assert_array_equal(two[:, 16:], one)
    np.testing.assert_array_equal(two[:8, :8], np.repeat(GRAY[0], 3, axis=-1))
    np.testing.assert_array_equal(np.asarray(Pillow.open(tmp_path / "real.png")), two)
