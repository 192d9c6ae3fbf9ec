"""Changes between a run and its continuation: refused in one line, or accepted and recorded."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxgan import config as configs
from jaxgan.core.game import Spec
from jaxgan.core.growth import fixed
from jaxgan.runtime.errors import UserError
from jaxgan.training import changes, loop, workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.workdir import Record

CONFIG = {
    "batch": 8,
    "steps": 6,
    "game": "adversarial",
    "data": {"name": "folder:d", "flip": False},
    "optim": {"g": {"name": "adam", "lr": 2e-4, "decay": "linear"}, "d": {"name": "adam", "lr": 1}},
}
DATA = {"size": 4, "classes": ["cat", "dog"], "fingerprint": "aa", "found": ""}
OLD = Record(CONFIG, Spec((8, 8, 3), 2), 6, fixed(8, 8), DATA, [])


def resume(new, *override, misfit="", old=OLD):
    return changes.resume("w", old, new, 6, override, misfit)


def data(**kw):
    spec = OLD.spec._replace(classes=len(kw.get("classes", DATA["classes"])))
    return OLD._replace(spec=spec, data=DATA | {"fingerprint": "bb"} | kw)


@pytest.mark.parametrize("warm", [True, False])
def test_a_run_from_before_averages_warmed_up_resumes(warm):
    record, lines = resume(OLD._replace(config=CONFIG | {"ema_warmup": warm}))
    assert not lines
    assert record.history[0]["changed"] == [f"config.ema_warmup was None, now {warm}"]


def test_the_same_command_adds_nothing_to_the_history():
    assert resume(OLD) == (OLD, [])


@pytest.mark.parametrize(
    ("new", "text"),
    [
        (
            data(classes=["cat", "dog", "emu"]),
            r"trained on 2 classes \(cat, dog\), the data now have 3 \(cat, dog, emu\)",
        ),
        (data(classes=["cat", "emu"]), r"2 classes \(cat, dog\), the data now have 2 \(cat, emu\)"),
        (data(size=5), "trained on 4 images, the data now have 5"),
        (data(), "the images or labels are not those"),
    ],
)
def test_data_that_changed_are_refused_then_accepted(new, text):
    with pytest.raises(UserError, match=f"w holds another run: .*{text}.*--override=data$"):
        resume(new)
    record, lines = resume(new, "data")
    assert [entry["step"] for entry in record.history] == [6] and len(lines) == 1
    assert record.history[0]["override"] == "data"
    with pytest.raises(UserError, match="No --override accepts it.*params.d is 2.*--workdir"):
        resume(new, "data", misfit="params.d is 2")


def test_data_that_moved_resume_without_a_flag_and_are_recorded():
    moved = OLD._replace(config=CONFIG | {"data": {"name": "folder:e", "flip": False}})
    record, lines = resume(moved)
    assert not lines
    assert record.history[0]["changed"] == ["config.data.name was 'folder:d', now 'folder:e'"]
    unknown = moved._replace(data=DATA | {"fingerprint": ""})
    with pytest.raises(UserError, match="--override=data.name"):
        resume(unknown)
    flipped = OLD._replace(config=CONFIG | {"data": {"name": "folder:d", "flip": True}})
    with pytest.raises(UserError, match="--override=data.flip"):
        resume(flipped)


def test_a_record_of_before_these_keys_resumes():
    old = OLD._replace(data={}, history=[], growth=None)
    assert resume(OLD, old=old) == (OLD, [])


def test_more_steps_under_a_falling_rate_are_said():
    _, lines = resume(OLD._replace(config=CONFIG | {"steps": 12}, steps=12))
    (line,) = lines  # d's rate is constant
    assert "config.optim.g.lr goes from 0 to 0.0001 at step 6" in line


def test_another_batch_says_where_kimg_jumps():
    new = OLD._replace(config=CONFIG | {"batch": 16}, growth=fixed(8, 16))
    with pytest.raises(UserError, match="config.batch was 8, now 16.*--override=batch"):
        resume(new)
    _, lines = resume(new, "batch")
    assert any("kimg goes from 0.048 to 0.096" in line for line in lines)


def test_override_names_keys_of_the_config():
    assert configs.keys("optim,config.data.name", CONFIG) == ("optim", "data.name")
    for bad, text in (("optm", "did you mean 'optim'"), ("data.nam", "'name'"), ("", "no key ''")):
        with pytest.raises(UserError, match=f"no key .*{text}" if bad else text):
            configs.keys(bad, CONFIG)


def smoke(name, *flags):
    config = configs.load(f"experiments/{name}")
    configs.override(config, flags)
    return config.to_dict()


def pictures(folder, n=4):
    folder.mkdir(parents=True)
    rng = np.random.default_rng(n)
    for i in range(n):
        Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(folder / f"{i}.png")


def test_a_class_more_is_refused_before_anything_is_written(tmp_path, compiled_once, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    for name in ("cat", "dog"):
        pictures(tmp_path / "d" / name)
    config = smoke(f"acgan.py:smoke,data=folder:{tmp_path / 'd'}", "--config.steps=3")
    assert loop.train(config, tmp_path / "w") == 0
    before = (tmp_path / "w" / "config.json").read_text()
    pictures(tmp_path / "d" / "emu", 5)
    with pytest.raises(UserError, match=r"2 classes \(cat, dog\).*3 \(cat, dog, emu\).*--workdir"):
        loop.train(config | {"steps": 12}, tmp_path / "w", override=("data",))
    assert (tmp_path / "w" / "config.json").read_text() == before
    assert int(workdir.restore(tmp_path / "w").state.step) == 3


def test_a_failed_start_locks_nothing_and_overrides_are_recorded(tmp_path, compiled_once, capfd):
    first = smoke("gan.py:smoke")
    workdir.write(tmp_path, Record(first | {"seed": 5}, Spec((28, 28, 1), 10), 6))
    assert loop.train(first, tmp_path) == 0, "no checkpoint, so the record is replaced"
    before = (tmp_path / "config.json").read_text()
    assert loop.train(first | {"steps": 3}, tmp_path) == 0
    assert "nothing to do: the run in" in capfd.readouterr().err
    assert (tmp_path / "config.json").read_text() == before

    momentum = {"name": "sgd", "lr": 1e-4, "momentum": 0.5}
    other = smoke("gan.py:smoke", "--config.steps=9") | {"optim": {"g": momentum, "d": momentum}}
    with pytest.raises(UserError, match="does not fit: opt.d.*absent"):
        loop.train(other, tmp_path, override=("optim",))
    assert (tmp_path / "config.json").read_text() == before

    slower = smoke("gan.py:smoke", "--config.steps=9", "--config.optim.g.lr=1e-5")
    assert loop.train(slower, tmp_path, override=("optim",)) == 0
    (entry,) = json.loads((tmp_path / "config.json").read_text())["history"]
    assert entry["step"] == 6 and "config.optim.g.lr was 0.0002, now 1e-05" in entry["changed"]

    (tmp_path / "checkpoints" / "9" / "state" / "manifest.ocdbt").write_bytes(b"?")
    with pytest.raises(UserError, match="step 9 in .* is damaged .*to use step 6"):
        workdir.restore(tmp_path, step=9)
    capfd.readouterr()
    assert int(workdir.restore(tmp_path).state.step) == 6
    assert "step 9 in " in (err := capfd.readouterr().err) and "step 6 is used" in err
    assert Checkpoints(tmp_path / "checkpoints", write=False).steps() == [6, 9]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--config.batch=6"], "split 6 images into groups of config.game.d.group=4.*config.batch"),
        (["--config.log.samples=6"], "config.log.samples=6, which d judges as one batch"),
        (["--config.batch=0"], "config.batch=0: at least 1"),
        (["--config.batch=-8"], "config.batch=-8: at least 1"),
        (["--config.log.samples=0"], "config.log.samples=0"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused_before_anything_is_written(tmp_path, flags, text):
    config = smoke("stylegan2.py:smoke", *flags)
    with pytest.raises(UserError, match=text):
        loop.train(config, tmp_path / "w")
    assert not (tmp_path / "w").exists()
