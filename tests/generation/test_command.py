"""`python -m jaxgan.sample`: flags, pictures and arrays, of runs and of games without nets."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from jaxgan import config as configs
from jaxgan import sample
from jaxgan.core import game as core
from jaxgan.core.game import Game
from jaxgan.core.inputs import Code, Image, Label, Noise, Vector
from jaxgan.runtime.errors import UserError
from jaxgan.training.loop import train
from jaxgan.training.workdir import Restored
from jaxgan.visual.raster import to_uint8
from jaxgan.visual.sheet import GUTTER, LINE, sheet

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    config = configs.load(f"{ROOT}/experiments/gan.py:smoke").to_dict()
    assert train(config, folder) == 0
    return folder


def test_each_seed_of_a_run_has_its_row_and_its_samples(tmp_path):
    config = configs.load(f"{ROOT}/experiments/gan.py:smoke")
    configs.override(config, ["--config.seeds=2", "--config.log.samples=4"])
    assert train(config.to_dict(), tmp_path) == 0
    row = np.asarray(PIL.Image.open(tmp_path / "samples" / "00000006.png"))
    tile = 3 * 28  # the least whole number of times that makes 64 pixels
    assert row.shape[0] == GUTTER + 2 * (tile + GUTTER), "a row for each seed"
    assert row.shape[1] > GUTTER + 4 * (tile + GUTTER), "and its name at the left"
    drawn = []
    for i in range(2):
        flags = [f"--workdir={tmp_path}", "--n=2", f"--out={tmp_path}/a.npz", f"--replica={i}"]
        assert sample.main(flags) == 0
        drawn.append(np.load(tmp_path / "a.npz")["images"])
    assert (drawn[0] != drawn[1]).any()
    with pytest.raises(UserError, match="--replica=2: .* has 2, from 0"):
        sample.main([*flags[:3], "--replica=2"])


def test_arrays_and_pictures_are_functions_of_the_seed(workdir, tmp_path):
    flags = [f"--workdir={workdir}", "--n=130"]
    assert sample.main([*flags, f"--out={tmp_path}/a.npz"]) == 0
    assert sample.main([*flags, f"--out={tmp_path}/again.npz"]) == 0
    assert sample.main([*flags, f"--out={tmp_path}/b.npz", "--seed=1"]) == 0
    assert sample.main([*flags, f"--out={tmp_path}/a.png"]) == 0
    a, again, b = (np.load(tmp_path / f"{name}.npz") for name in ("a", "again", "b"))
    assert set(a) == {"images", "latents", "seeds"}
    assert a["images"].shape == (130, 28, 28, 1) and a["images"].dtype == np.uint8
    assert a["latents"].shape == (130, 64)
    np.testing.assert_array_equal(a["images"], again["images"])
    assert (a["images"] != b["images"]).any()
    picture = np.asarray(PIL.Image.open(tmp_path / "a.png"))
    tile = a["images"][0, ..., 0].repeat(3, axis=0).repeat(3, axis=1)
    np.testing.assert_array_equal(picture[4:88, 4:88], tile)
    # 130 are drawn in two batches: the last image is that of its own latent
    assert (a["images"][129] != a["images"][99]).any()


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--out=x.jpg"], "write a .png"),
        (["--out=x.png", "--n=0"], "at least 1"),
        (["--out=x.png", "--labels=1"], "this model takes neither"),
        (["--out=x.png", "--labels=one"], "write class numbers"),
    ],
)
def test_bad_flags_are_refused(workdir, flags, text):
    with pytest.raises(UserError, match=text):
        sample.main([f"--workdir={workdir}", *flags])


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    """A run on pictures with a vector of three numbers each."""
    folder = tmp_path_factory.mktemp("vectors")
    rng = np.random.default_rng(0)
    for i in range(8):
        picture = rng.integers(0, 255, (28, 28), np.uint8)
        PIL.Image.fromarray(picture).save(folder / f"{i}.png")
    np.save(folder / "conditions.npy", rng.normal(size=(8, 3)).astype(np.float32))
    config = configs.load(f"{ROOT}/experiments/cgan.py:smoke,data=folder:{folder}")
    configs.override(config, ["--config.game.condition=condition"])
    workdir = tmp_path_factory.mktemp("run")
    assert train(config.to_dict(), workdir) == 0
    return workdir


def test_conditions_are_drawn_in_turn(vectors, tmp_path):
    np.save(tmp_path / "two.npy", np.array([[0, 0, 1], [0, 2, 0]]))
    flags = [f"--workdir={vectors}", "--n=3", f"--out={tmp_path}/a.npz"]
    assert sample.main([*flags, f"--conditions={tmp_path}/two.npy"]) == 0
    drawn = np.load(tmp_path / "a.npz")["conditions"]
    np.testing.assert_array_equal(drawn, [[0, 0, 1], [0, 2, 0], [0, 0, 1]])
    np.save(tmp_path / "wrong.npy", np.zeros((2, 4)))
    (tmp_path / "text.npy").write_text("no array")
    for name, text in {
        "wrong": "conditions of length 4: this model takes 3",
        "text": "not a .npy file",
        "none": "not a .npy file",
    }.items():
        with pytest.raises(UserError, match=text):
            sample.main([*flags, f"--conditions={tmp_path}/{name}.npy"])
    with pytest.raises(UserError, match="this model takes vectors"):
        sample.main([*flags, "--labels=1"])


def test_names_of_classes_are_kept_with_the_run(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for i in range(4):
            pixels = rng.integers(0, 255, (28, 28), np.uint8)
            PIL.Image.fromarray(pixels).save(tmp_path / "data" / name / f"{i}.png")
    config = configs.load(f"{ROOT}/experiments/cgan.py:smoke,data=folder:{tmp_path / 'data'}")
    configs.override(config, ["--config.log.samples=4"])
    workdir = tmp_path / "run"
    assert train(config.to_dict(), workdir) == 0
    flags = [f"--workdir={workdir}", "--labels=dog,cat,1", "--n=3"]
    assert sample.main([*flags, f"--out={tmp_path}/a.npz"]) == 0
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["labels"], [1, 0, 1])
        images = arrays["images"]
    assert sample.main([*flags, f"--out={tmp_path}/a.png"]) == 0
    picture = np.asarray(PIL.Image.open(tmp_path / "a.png"))
    np.testing.assert_array_equal(picture, sheet(images, 2, names=["dog", "cat"]))
    assert sample.main([*flags, f"--out={tmp_path}/each/"]) == 0
    assert {path.stem.partition("-")[2] for path in (tmp_path / "each").iterdir()} == {"cat", "dog"}
    for name in ("00000000", "real"):
        tiles = np.asarray(PIL.Image.open(workdir / "samples" / f"{name}.png"))
        side = GUTTER + 2 * (3 * 28 + GUTTER)
        assert tiles.shape == (side + LINE, side, 3), "pictures of training have them too"
        assert tiles[:LINE].min() < 100, "above their columns"
    with pytest.raises(UserError, match="the classes are cat, dog"):
        sample.main([*flags[:1], "--labels=cow", f"--out={tmp_path}/b.png"])


def test_labels_set_the_categories_of_a_code_and_sweeps_its_numbers(tmp_path):
    config = configs.load(f"{ROOT}/experiments/infogan.py:smoke").to_dict()
    assert train(config, tmp_path) == 0
    flags = [f"--workdir={tmp_path}", "--n=2", f"--out={tmp_path}/a.npz"]
    assert sample.main([*flags, "--labels=9"]) == 0
    np.testing.assert_array_equal(np.load(tmp_path / "a.npz")["conditions"][:, 9], 1)
    assert sample.main([*flags, "--labels=9", "--sweep=11"]) == 0
    codes = np.load(tmp_path / "a.npz")["conditions"]
    assert codes.shape == (20, 12) and (codes[:, 9] == 1).all()
    np.testing.assert_allclose(codes[10:, 11], np.linspace(-1, 1, 10), rtol=1e-6)
    assert (codes[:10, 10] == codes[0, 10]).all() and codes[0, 10] != codes[10, 10]
    with pytest.raises(UserError, match="--sweep=12: this model's condition has 12 numbers"):
        sample.main([*flags, "--sweep=12"])
    with pytest.raises(UserError, match="labels 3 to 10: this model takes 0 to 9"):
        sample.main([*flags, "--labels=3,10"])


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        sample.main([f"--workdir={tmp_path}", "--out=x.png"])


@pytest.fixture
def restored(monkeypatch):
    """A function that makes any folder the run of a game without nets, of these inputs."""

    def use(inputs, of):
        game = Game(
            init=lambda key: ({}, {}, {}),
            players={},
            turns=(),
            inputs=inputs,
            sample=lambda state, drawn, key: of(drawn),
            critic=lambda state, batch: jnp.zeros(len(batch["image"])),
            ema={},
        )
        run = Restored(None, game, core.init(game, jax.random.key(0)))
        monkeypatch.setattr("jaxgan.training.workdir.restore", lambda *_: run)

    return use


def gray(drawn):
    return jnp.zeros((len(next(iter(drawn.values()))), 2, 2, 1))


@pytest.mark.parametrize(
    ("inputs", "shapes"),
    [
        ({"z": Noise(3)}, {"latents": (5, 3)}),
        ({"z": Noise(3), "y": Label(4)}, {"latents": (5, 3), "labels": (5,)}),
        ({"z": Noise(3), "y": Vector(7)}, {"latents": (5, 3), "conditions": (5, 7)}),
        (
            {"z": Noise(3), "y": Code(4, lambda key, n, rows: jnp.zeros((n, 6)))},
            {"latents": (5, 3), "conditions": (5, 6)},
        ),
        ({"y": Label(4)}, {"labels": (5,)}),
        ({"z": Noise(3), "pose": Vector(2)}, {"latents": (5, 3), "pose": (5, 2)}),
    ],
    ids=["noise", "labels", "vectors", "code", "labels alone", "another name"],
)
def test_arrays_have_the_names_of_their_inputs(restored, tmp_path, inputs, shapes):
    restored(inputs, gray)
    assert sample.main([f"--workdir={tmp_path}", "--n=5", f"--out={tmp_path}/a.npz"]) == 0
    with np.load(tmp_path / "a.npz") as arrays:
        found = {name: array.shape for name, array in arrays.items()}
    assert found == {"images": (5, 2, 2, 1), "seeds": (1,), **shapes}


PIXELS = np.random.default_rng(0).integers(0, 256, (2, 4, 4, 3), np.uint8)


def test_a_game_of_images_translates_those_of_the_file_in_turn(restored, tmp_path):
    restored({"x": Image((4, 4, 3))}, lambda drawn: -drawn["x"])
    np.save(tmp_path / "pixels.npy", PIXELS)
    flags = [f"--workdir={tmp_path}", "--n=3", f"--out={tmp_path}/a.npz"]
    assert sample.main([*flags, f"--images={tmp_path}/pixels.npy"]) == 0
    with np.load(tmp_path / "a.npz") as arrays:
        assert set(arrays) == {"images", "inputs", "seeds"}
        np.testing.assert_array_equal(arrays["images"], 255 - PIXELS[[0, 1, 0]])
        np.testing.assert_array_equal(to_uint8(arrays["inputs"]), PIXELS[[0, 1, 0]])
    with pytest.raises(UserError, match="draws from images; pass them, as in --images=FILE.npy"):
        sample.main(flags)


@pytest.mark.parametrize(
    ("save", "text"),
    [
        (lambda path: None, "not a .npy file"),
        (lambda path: path.write_text("no array"), "not a .npy file"),
        (lambda path: np.savez(path.open("wb"), images=PIXELS), "not a .npy file .an archive"),
        (lambda path: np.save(path, PIXELS / 255), r"needs uint8 \(N, H, W, C\), N at least 1"),
        (lambda path: np.save(path, PIXELS[0]), r"needs uint8 \(N, H, W, C\), N at least 1"),
        (lambda path: np.save(path, PIXELS[:0]), r"needs uint8 \(N, H, W, C\), N at least 1"),
        (lambda path: np.save(path, PIXELS[:, :2]), "images of 2x4x3: this model takes 4x4x3"),
    ],
    ids=["missing", "text", "archive", "floats", "one image", "empty", "another shape"],
)
def test_files_that_are_not_images_of_the_game_are_refused(restored, tmp_path, save, text):
    restored({"x": Image((4, 4, 3))}, lambda drawn: drawn["x"])
    path = tmp_path / "pixels.npy"
    save(path)
    flags = [f"--workdir={tmp_path}", f"--out={tmp_path}/a.npz", f"--images={path}"]
    with pytest.raises(UserError, match=text) as caught:
        sample.main(flags)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "a.npz").exists()


def test_a_game_of_noise_takes_no_images(restored, tmp_path):
    restored({"z": Noise(3)}, gray)
    np.save(tmp_path / "pixels.npy", PIXELS)
    flags = [f"--workdir={tmp_path}", f"--out={tmp_path}/a.npz"]
    with pytest.raises(UserError, match="no image can be drawn: this model takes neither"):
        sample.main([*flags, f"--images={tmp_path}/pixels.npy"])
