"""Samples of games without nets: the inputs they are drawn from, in batches, rows and sweeps."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from jaxgan import config as configs
from jaxgan import evaluate, translate
from jaxgan import sample as command
from jaxgan.core import game as core
from jaxgan.core.game import Game, Spec
from jaxgan.core.inputs import Code, Image, Label, Noise, Vector
from jaxgan.data.source import from_arrays, of_two
from jaxgan.evaluation.metrics import swd
from jaxgan.evaluation.mode_study import study
from jaxgan.evaluation.subject import Subject
from jaxgan.generation import sample
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir
from jaxgan.training.workdir import Record, Restored
from jaxgan.visual import raster
from jaxgan.visual.raster import to_uint8

ROOT = Path(__file__).parents[2]

CODE = Code(3, lambda key, n, rows: jnp.zeros((n, 4)))


def draw(inputs, of, n, given=None, **options):
    """Samples of a game with these inputs whose images are `of`(inputs)."""
    game = Game(
        init=lambda key: ({}, {}, {}),
        players={},
        turns=(),
        inputs=inputs,
        sample=lambda state, drawn, key: of(drawn),
        critic=lambda state, batch: jnp.zeros(len(batch["image"])),
        ema={},
    )
    state = core.init(game, jax.random.key(0))
    return sample.draw(game, state, n, 0, given or {}, **options)


def column(name):
    """Images of one pixel, its brightness a number of the input `name`."""
    return lambda drawn: (drawn[name].reshape(len(drawn[name]), -1)[:, :1] / 4)[:, None, None]


def averaging(ema):
    """A game whose images have the brightness of its one parameter: 0.2, and 0.6 on average."""
    game = Game(
        init=lambda key: ({"g": jnp.float32(0.2)}, {}, {}),
        players={},
        turns=(),
        inputs={"z": Noise(1)},
        sample=lambda state, drawn, key: jnp.full(
            (len(drawn["z"]), 4, 4, 1), {**state.params, **state.ema}["g"]
        ),
        critic=lambda state, batch: jnp.zeros(len(batch["image"])),
        ema=ema,
        translators=dict.fromkeys(
            ("a2b", "b2a"),
            lambda state, x, key: jnp.full_like(x, {**state.params, **state.ema}["g"]),
        ),
    )
    state = core.init(game, jax.random.key(0))
    return game, state.replace(ema={net: jnp.float32(0.6) for net in ema})


@pytest.mark.parametrize(
    ("flags", "brightness"),
    [([], 0.6), (["--generator=averaged"], 0.6), (["--generator=last"], 0.2)],
)
def test_commands_take_the_average_or_the_last_parameters(
    tmp_path, monkeypatch, capsys, flags, brightness
):
    black = from_arrays(np.zeros((40, 4, 4, 1), np.uint8))
    source = of_two(black, black)
    record = Record({"data": {"name": "none"}}, Spec((4, 4, 1), other=(4, 4, 1)), 1)
    run = Restored(record, *averaging({"g": 0.9}))
    monkeypatch.setattr(workdir, "restore", lambda *_: run)
    monkeypatch.setattr(workdir, "read", lambda *_: record)
    monkeypatch.setattr(Subject, "opened", source)
    monkeypatch.setattr(swd, "COARSEST", 4)
    monkeypatch.setattr(swd, "SIDE", 3)
    level = int(to_uint8(np.float32(brightness)))
    assert command.main([f"--workdir={tmp_path}", "--n=2", f"--out={tmp_path}/a.npz", *flags]) == 0
    with np.load(tmp_path / "a.npz") as arrays:
        assert (arrays["images"] == level).all()
    subject = Subject(tmp_path, 3, generator=flags[0].partition("=")[2] if flags else "")
    assert (subject.pair[1] == level).all()
    assert evaluate.main([f"--workdir={tmp_path}", "--n=40", *flags]) == 0
    name = "averaged" if brightness > 0.5 else "last"
    assert f", generator {name}, seed 0" in capsys.readouterr().out
    raster.save_png(tmp_path / "a.png", np.zeros((4, 4, 1), np.uint8))
    out = tmp_path / "translated"
    assert (
        translate.main([f"--workdir={tmp_path}", f"{tmp_path}/a.png", f"--out={out}", *flags]) == 0
    )
    assert (np.asarray(PIL.Image.open(out / "a.png")) == level).all()


def test_an_average_that_is_not_kept_is_refused():
    game, state = averaging({})
    assert sample.choose(game, state, "last") == sample.choose(game, state, "") == state
    assert sample.named(game, "last") == sample.named(game, "") == "last"
    with pytest.raises(UserError, match="--generator=averaged: this run keeps no average"):
        sample.choose(game, state, "averaged")
    config = configs.load(f"{ROOT}/experiments/toy.py:smoke")
    config.game.ema = 0.0
    with pytest.raises(UserError, match="--generator=averaged: this run keeps no average"):
        study(config.to_dict(), 1, "averaged")


def test_every_image_is_of_its_own_latent_across_batches():
    n = 2 * sample.BATCH + 7
    images, inputs = draw({"z": Noise(3)}, column("z"), n)
    assert images.shape == (n, 1, 1, 1) and images.dtype == np.uint8
    assert inputs["z"].shape == (n, 3)
    np.testing.assert_array_equal(images, to_uint8(column("z")(inputs)))
    assert len(np.unique(images)) > 50


def test_labels_are_drawn_in_turn_unless_rows_are_given():
    _, inputs = draw({"z": Noise(2), "y": Label(3)}, column("y"), 5)
    np.testing.assert_array_equal(inputs["y"], [0, 1, 2, 0, 1])
    given = {"label": np.array([2, 0])}
    images, inputs = draw({"z": Noise(2), "y": Label(3)}, column("y"), 5, given)
    np.testing.assert_array_equal(inputs["y"], [2, 0, 2, 0, 2])
    np.testing.assert_array_equal(images[:, 0, 0, 0], to_uint8(inputs["y"] / 4))


def test_images_are_drawn_from_in_turn():
    pixels = np.linspace(-1, 1, 2 * 2 * 2, dtype=np.float32).reshape(2, 2, 2, 1)
    images, inputs = draw({"x": Image((2, 2, 1))}, lambda drawn: -drawn["x"], 3, {"image": pixels})
    np.testing.assert_array_equal(inputs["x"], pixels[[0, 1, 0]])
    np.testing.assert_array_equal(images, to_uint8(-pixels)[[0, 1, 0]])


@pytest.mark.parametrize(
    ("inputs", "given", "text"),
    [
        ({"x": Image((2, 2, 1))}, {}, "draws from images; pass them, as in --images=FILE.npy"),
        ({"x": Image((2, 2, 1))}, {"image": np.zeros((1, 4, 4, 1))}, "4x4x1: .* takes 2x2x1"),
        ({"z": Noise(2)}, {"label": np.array([1])}, "takes neither labels nor conditions"),
        ({"y": Label(3)}, {"label": np.array([0, 3])}, "labels 0 to 3: this model takes 0 to 2"),
        ({"y": Vector(2)}, {"condition": np.zeros((1, 3))}, "length 3: this model takes 2"),
        ({"y": Vector(2)}, {"label": np.array([1])}, "this model takes vectors"),
    ],
)
def test_rows_that_do_not_fit_are_refused(inputs, given, text):
    with pytest.raises(UserError, match=text):
        draw(inputs, lambda drawn: pytest.fail("drawn"), 2, given)


def test_a_sweep_makes_a_row_of_each_sample():
    inputs = {"z": Noise(2), "y": Vector(3)}
    given = {"condition": np.array([[0.5, 0.0, 2.0], [1.0, 3.0, 4.0]], np.float32)}
    images, drawn = draw(inputs, column("y"), 2, given, sweep=0)
    assert images.shape == (2 * sample.COLUMNS, 1, 1, 1)
    line = np.linspace(-1, 1, sample.COLUMNS, dtype=np.float32)
    np.testing.assert_allclose(drawn["y"][:, 0], np.tile(line, 2))
    np.testing.assert_array_equal(drawn["y"][:, 1:], np.repeat(given["condition"][:, 1:], 10, 0))
    np.testing.assert_array_equal(images[:, 0, 0, 0], to_uint8(drawn["y"][:, 0] / 4))
    assert len(np.unique(drawn["z"], axis=0)) == 2


@pytest.mark.parametrize(
    ("inputs", "numbers"),
    [({"z": Noise(2)}, 0), ({"z": Noise(2), "y": Label(3)}, 0), ({"y": Vector(3)}, 3)],
    ids=["unconditional", "labels", "vectors"],
)
def test_a_sweep_of_a_number_that_the_condition_lacks_is_refused(inputs, numbers):
    text = f"--sweep=3: this model's condition has {numbers} numbers, from 0"
    with pytest.raises(UserError, match=text):
        draw(inputs, column("y"), 1, sweep=3)


def test_inputs_take_their_columns_of_the_data():
    columns = {
        "image": np.array([0, 51, 255], np.uint8).reshape(1, 3, 1, 1),
        "label": np.array([2], np.int32),
        "condition": np.ones((1, 5), np.float32),
    }
    declared = {"z": Noise(2), "x": Image((3, 1, 1)), "y": Label(3), "text": Vector(5)}
    given = sample.of_data(declared, columns)
    assert set(given) == {"image", "label", "condition"}
    assert given["image"].dtype == np.float32
    np.testing.assert_allclose(given["image"].ravel(), [-1, -0.6, 1], atol=1e-6)
    for name in ("label", "condition"):
        np.testing.assert_array_equal(given[name], columns[name])
    points = {"image": np.array([[0.5, -3.0]], np.float32)}
    np.testing.assert_array_equal(
        sample.of_data({"x": Image((2,))}, points)["image"], points["image"]
    )


@pytest.mark.parametrize(
    ("declared", "taken"),
    [
        ({"z": Noise(2)}, set()),
        ({"z": Noise(2), "y": CODE}, set()),
        ({"z": Noise(2), "y": Label(3)}, {"label"}),
        ({"x": Image((1, 1, 1)), "y": Vector(5)}, {"image"}),
    ],
    ids=["noise", "code", "label", "absent"],
)
def test_columns_that_no_input_takes_and_categories_of_codes_are_left_out(declared, taken):
    columns = {"image": np.zeros((1, 1, 1, 1), np.uint8), "label": np.array([0], np.int32)}
    assert set(sample.of_data(declared, columns)) == taken
