"""Samples of `jaxgan.sample` as files: by seeds, from latents again, in folders, of points."""

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from jaxgan import sample
from jaxgan.core import game as core
from jaxgan.core.game import Game, Spec
from jaxgan.core.inputs import Code, Label, Noise, Vector
from jaxgan.generation import drawn as stored
from jaxgan.runtime.errors import UserError
from jaxgan.training.workdir import Record, Restored
from jaxgan.visual.sheet import sheet

CODE = Code(3, lambda key, n, rows: jax.random.normal(key, (n, 4)))
INPUTS = {
    "noise": {"z": Noise(3)},
    "label": {"z": Noise(3), "y": Label(3)},
    "vector": {"z": Noise(3), "y": Vector(2)},
    "code": {"z": Noise(3), "y": CODE},
}


@pytest.fixture
def restored(monkeypatch):
    """A function that makes any folder the run of a game without nets, which adds noise."""

    def use(inputs, shape=(4, 4, 1), record=None):
        def of(state, drawn, key):
            noise = jax.random.normal(key, (len(drawn["z"]), *shape))
            return 0.3 * noise + drawn["z"][:, :1].reshape(-1, *[1] * len(shape)) / 4

        game = Game(
            init=lambda key: ({}, {}, {}),
            players={},
            turns=(),
            inputs=inputs,
            sample=of,
            critic=lambda state, batch: jnp.zeros(len(batch["image"])),
            ema={},
        )
        run = Restored(record, game, core.init(game, jax.random.key(0)))
        monkeypatch.setattr("jaxgan.training.workdir.restore", lambda *_: run)

    return use


def drawn(tmp_path, name, *flags):
    assert sample.main([f"--workdir={tmp_path}", f"--out={tmp_path}/{name}.npz", *flags]) == 0
    with np.load(tmp_path / f"{name}.npz") as arrays:
        return dict(arrays)


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("flags", [["--n=5", "--seed=3"], ["--seeds=1-2,9"]], ids=["n", "seeds"])
def test_latents_draw_the_same_samples_again(restored, tmp_path, kind, flags):
    restored(INPUTS[kind])
    first = drawn(tmp_path, "a", *flags)
    again = drawn(tmp_path, "b", f"--latents={tmp_path}/a.npz")
    assert set(first) == set(again) and first["images"].std() > 0
    for name, array in first.items():
        np.testing.assert_array_equal(again[name], array, err_msg=name)


def test_each_of_seeds_is_the_sample_of_that_seed_alone(restored, tmp_path):
    restored(INPUTS["label"])
    together = drawn(tmp_path, "all", "--seeds=1-2,9", "--labels=2")
    for i, seed in enumerate((1, 2, 9)):
        alone = drawn(tmp_path, "one", f"--seed={seed}", "--n=1", "--labels=2")
        for name in ("images", "latents", "labels"):
            np.testing.assert_array_equal(together[name][i], alone[name][0], err_msg=name)
    np.testing.assert_array_equal(together["seeds"], [1, 2, 9])


@pytest.mark.parametrize("kind", INPUTS)
def test_a_folder_holds_each_image_with_its_label(restored, tmp_path, kind):
    restored(INPUTS[kind])
    images = drawn(tmp_path, "a", "--n=3")["images"]
    flags = [f"--workdir={tmp_path}", "--n=3", f"--out={tmp_path}/new/"]
    assert sample.main(flags) == 0
    paths = sorted((tmp_path / "new").iterdir())
    ends = ["-0", "-1", "-2"] if kind == "label" else [""] * 3
    assert [path.stem for path in paths] == [f"{i:05d}{end}" for i, end in enumerate(ends)]
    for path, image in zip(paths, images, strict=True):
        np.testing.assert_array_equal(np.asarray(PIL.Image.open(path)), image[..., 0])
    with pytest.raises(UserError, match="new/: the folder is not empty"):
        sample.main(flags)


def test_points_are_kept_as_they_are_and_plotted(restored, tmp_path):
    restored(INPUTS["noise"], (2,))
    points = drawn(tmp_path, "a", "--n=500")["images"]
    assert points.dtype == np.float32 and points.shape == (500, 2)
    assert np.abs(points).max() > 1, "not clipped to the range of pictures"
    flags = [f"--workdir={tmp_path}", "--n=500"]
    assert sample.main([*flags, f"--out={tmp_path}/a.png"]) == 0
    picture = np.asarray(PIL.Image.open(tmp_path / "a.png"))
    assert picture.shape == (480, 480, 3) and len(np.unique(picture)) > 2
    with pytest.raises(UserError, match="points make one plot"):
        sample.main([*flags, f"--out={tmp_path}/points/"])
    restored(INPUTS["noise"], (3,))
    with pytest.raises(UserError, match="are no picture; write an .npz"):
        sample.main([*flags, f"--out={tmp_path}/a.png"])


def test_a_strip_is_a_picture_of_so_many_columns(restored, tmp_path):
    restored(INPUTS["noise"])
    flags = [f"--workdir={tmp_path}", "--n=4", "--columns=4"]
    assert sample.main([*flags, f"--out={tmp_path}/a.png"]) == 0
    assert PIL.Image.open(tmp_path / "a.png").size == (4 + 4 * (64 + 4), 4 + 64 + 4)
    with pytest.raises(UserError, match="--columns: --out=.*a.npz has no rows; write a .png"):
        sample.main([*flags, f"--out={tmp_path}/a.npz"])


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (lambda rows: rows.pop("latents"), "has no 'latents', which this run's model takes"),
        (lambda rows: rows.pop("labels"), "has no 'labels'"),
        (lambda rows: rows.pop("seeds"), "has no 'seeds'"),
        (lambda rows: rows.update(latents=np.zeros((2, 4), np.float32)), "of another run"),
        (lambda rows: rows.update(latents=np.zeros((), np.float32)), "of another run"),
        (lambda rows: rows.update(labels=np.array([0, 3], np.int32)), "takes 0 to 2"),
        (lambda rows: rows.update(labels=np.zeros(3, np.int32)), "they need one number"),
        (lambda rows: rows.update(seeds=np.array([1, 2, 3])), "no 1 or 2 integers"),
    ],
)
def test_latents_that_do_not_fit_are_refused(restored, tmp_path, change, text):
    restored(INPUTS["label"])
    rows = drawn(tmp_path, "a", "--n=2")
    change(rows)
    np.savez(tmp_path / "b.npz", **rows)
    with pytest.raises(UserError, match=text) as told:
        drawn(tmp_path, "c", f"--latents={tmp_path}/b.npz")
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--seeds=1-"], "write seeds as in 1-10"),
        (["--seeds=9-1"], "from the lower to the higher"),
        (["--seeds=1", "--n=2"], "--n: --seeds draws one sample of each seed"),
        (["--seeds=1", "--sweep=0"], "--sweep: --seeds draws one"),
        (["--latents=x.npz", "--seed=1"], "--seed: --latents=x.npz says all inputs"),
        (["--latents=none.npz"], "not an .npz of jaxgan.sample"),
        (["--psi=0.5"], "no w to truncate"),
        (["--labels=cat"], "write class numbers"),
    ],
)
def test_flags_that_contradict_are_refused(restored, tmp_path, flags, text):
    restored(INPUTS["label"])
    with pytest.raises(UserError, match=text):
        drawn(tmp_path, "a", *flags)


def test_labels_have_the_names_of_the_record(restored, tmp_path):
    record = Record({}, Spec((4, 4, 1), 3), 1, data={"classes": ["ant", "cat", "dog"]})
    restored(INPUTS["label"], record=record)
    labels = drawn(tmp_path, "a", "--n=3", "--labels=dog,1")["labels"]
    np.testing.assert_array_equal(labels, [2, 1, 2])
    with pytest.raises(UserError, match="the classes are ant, cat, dog"):
        drawn(tmp_path, "a", "--labels=cow")


NAMES = ["ant", "(2, 0)", "(2", "a, dog"]


def test_names_that_have_commas_are_classes(restored, tmp_path):
    record = Record({}, Spec((4, 4, 1), 4), 1, data={"classes": NAMES})
    restored({"z": Noise(3), "y": Label(4)}, record=record)
    labels = drawn(tmp_path, "a", "--n=5", "--labels=(2, 0), a, dog,(2,0,ant")["labels"]
    np.testing.assert_array_equal(labels, [1, 3, 2, 0, 0])


def test_categories_of_a_code_have_no_names(restored, tmp_path):
    record = Record({}, Spec((4, 4, 1), 3), 1, data={"classes": ["ant", "cat", "dog"]})
    restored(INPUTS["code"], record=record)
    with pytest.raises(UserError, match="write class numbers, as in 7 or 0,1,2$"):
        drawn(tmp_path, "a", "--labels=cat")


@pytest.mark.parametrize("kind", INPUTS)
def test_classes_stand_above_their_columns_or_below_their_tiles(restored, tmp_path, kind):
    record = Record({}, Spec((8, 24, 1), 3), 1, data={"classes": ["ant", "cat", "dog"]})
    restored(INPUTS[kind], (8, 24, 1), record)
    images = drawn(tmp_path, "a", "--n=4")["images"]
    assert sample.main([f"--workdir={tmp_path}", "--n=4", f"--out={tmp_path}/a.png"]) == 0
    picture = np.asarray(PIL.Image.open(tmp_path / "a.png"))[..., None]
    names = ["ant", "cat", "dog"] * (kind == "label")
    expected = sheet(images, len(names), names=names)
    np.testing.assert_array_equal(picture, expected)
    flags = [f"--workdir={tmp_path}", "--n=4", "--columns=4", f"--out={tmp_path}/b.png"]
    assert sample.main(flags) == 0
    picture = np.asarray(PIL.Image.open(tmp_path / "b.png"))[..., None]
    expected = sheet(images, 4, captions=[*names, "ant"][: 4 * bool(names)])
    np.testing.assert_array_equal(picture, expected)


def test_many_images_keep_their_size(restored, tmp_path, monkeypatch):
    restored(INPUTS["noise"])
    monkeypatch.setattr(stored, "ENLARGED", 3)
    assert sample.main([f"--workdir={tmp_path}", "--n=4", f"--out={tmp_path}/a.png"]) == 0
    assert PIL.Image.open(tmp_path / "a.png").size == (4 + 2 * (4 + 4), 4 + 2 * (4 + 4))
