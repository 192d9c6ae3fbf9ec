"""A workdir whose files are damaged: the run goes on, or one line names the file to mend."""

import contextlib
import json
import os
import re
import shutil

import jax
import numpy as np
import pytest
from PIL import Image

from jaxgan import config as configs
from jaxgan import sample
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.lock import Lock
from jaxgan.training import logger, loop, workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.records import integrity
from jaxgan.training.records.events import Events
from jaxgan.visual.raster import save_gif

STEPS = 12
FLAGS = [
    "--config.log.every=2",
    "--config.log.pictures=4",
    "--config.log.samples=4",
    "--config.checkpoint.every=4",
    "--config.checkpoint.keep=3",
    "--config.batch=8",
    "--config.data.res=4",
    "--config.game.latent=4",
    "--config.game.g.widths=(8,)",
    "--config.game.d.widths=(8,)",
]
TINY = "experiments/gan.py"


def config(*flags):
    built = configs.load(TINY)
    configs.override(built, [*FLAGS, f"--config.steps={STEPS}", *flags])
    return built.to_dict()


@pytest.fixture(scope="module")
def programs(tmp_path_factory):
    """Lets all runs of this file share what they compile."""
    from jax.experimental.compilation_cache import compilation_cache

    ours = {
        "jax_enable_compilation_cache": True,
        "jax_compilation_cache_dir": str(tmp_path_factory.mktemp("programs")),
        "jax_persistent_cache_min_compile_time_secs": 0,
    }
    before = {name: getattr(jax.config, name) for name in ours}
    for values in (ours, before):
        for name, value in values.items():
            jax.config.update(name, value)
        compilation_cache.reset_cache()
        if values is ours:
            yield


@pytest.fixture(scope="module")
def whole(programs, tmp_path_factory):
    """A finished run with checkpoints of steps 4, 8 and 12."""
    folder = tmp_path_factory.mktemp("whole")
    assert loop.train(config(), folder) == 0
    return folder


@pytest.fixture
def run(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "run")


def state_of(folder):
    return workdir.restore(folder).state


def assert_same_end(folder, whole):
    jax.tree.map(np.testing.assert_array_equal, state_of(folder), state_of(whole))
    for path in sorted(whole.glob("samples/*.png")):
        assert (folder / "samples" / path.name).read_bytes() == path.read_bytes(), path.name
    timeless = [
        [{k: v for k, v in row.items() if k != "images_per_s"} for row in logger.read(each)]
        for each in (folder, whole)
    ]
    assert timeless[0] == timeless[1]


def snapshot(folder):
    """All files, but that of the lock."""
    files = (p for p in folder.rglob("*") if p.is_file() and p.name != ".lock")
    return {p: p.read_bytes() for p in files}


def test_a_damaged_checkpoint_is_set_aside_and_the_end_is_the_same(run, whole, capfd):
    (run / "checkpoints" / "12" / "_CHECKPOINT_METADATA").unlink()
    shutil.rmtree(run / "checkpoints" / "12" / "state")
    (run / "checkpoints" / "999").mkdir()
    out = run.parent / "a.png"
    assert sample.main([f"--workdir={run}", "--n=1", f"--out={out}"]) == 0
    err = capfd.readouterr().err
    assert "step 999 in" in err and "step 12 in" in err and "step 8 is used" in err
    with pytest.raises(UserError, match="step 12 in .* is damaged"):
        sample.main([f"--workdir={run}", "--step=12", f"--out={out}"])

    with pytest.raises(UserError, match="step 999 in .* is damaged .*move .*999 elsewhere"):
        loop.train(config("--config.checkpoint.on_damage=stop"), run)
    assert (run / "checkpoints" / "999").exists(), "stop changes nothing"
    assert loop.train(config(), run) == 0
    err = capfd.readouterr().err
    assert "step 8 is used" in err and "resuming from step 8" in err
    names = sorted(p.name for p in (run / "checkpoints").iterdir())
    assert names == ["12", "12.damaged", "4", "8", "999.damaged"]
    assert_same_end(run, whole)


def test_without_a_whole_checkpoint_nothing_is_trained(run):
    for folder in (run / "checkpoints").iterdir():
        shutil.rmtree(folder / "state")
    before = snapshot(run)
    with pytest.raises(UserError, match="no checkpoint in .* is whole .*another --workdir"):
        loop.train(config(), run)
    assert snapshot(run) == before


def edit(key, value):
    def change(path):
        saved = json.loads(path.read_text())
        saved[key] = value(saved[key]) if callable(value) else value
        path.write_text(json.dumps(saved))

    return change


CONFIGS = {
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "empty": lambda path: path.write_text(""),
    "list": lambda path: path.write_text("[]"),
    "object": lambda path: path.write_text("{}"),
    "null": lambda path: path.write_text("null"),
    "binary": lambda path: path.write_bytes(bytes(range(256))),
    "deep": lambda path: path.write_text("[" * 100_000),
    "folder": lambda path: (path.unlink(), path.mkdir()),
    "config is a list": edit("config", []),
    "spec is null": edit("spec", None),
    "spec has more": edit("spec", lambda spec: spec | {"more": 1}),
    "shape is text": edit("spec", lambda spec: spec | {"shape": "abc"}),
    "steps are text": edit("steps", "12"),
    "growth is a number": edit("growth", 5),
    "history is text": edit("history", ["x"]),
    "data is a list": edit("data", []),
    "game is a number": edit("config", lambda config: config | {"game": 5}),
    "no game": edit("config", lambda config: {k: v for k, v in config.items() if k != "game"}),
}


@pytest.mark.parametrize("damage", CONFIGS)
def test_a_damaged_config_is_one_line_that_names_it(run, damage):
    CONFIGS[damage](run / "config.json")
    before = snapshot(run)
    commands = [lambda: workdir.read(run)]
    if damage in ("cut", "no game"):
        commands.append(lambda: loop.train(config(), run))
        commands.append(lambda: sample.main([f"--workdir={run}", f"--out={run.parent / 'a.png'}"]))
    for command in commands:
        with pytest.raises(UserError, match=r"config.json (is damaged|cannot be read) \(") as error:
            command()
        assert "\n" not in str(error.value)
    assert snapshot(run) == before


def test_types_inside_the_game_are_one_line(run):
    edit("config", lambda config: config | {"optim": {"g": 5, "d": []}})(run / "config.json")
    with pytest.raises(UserError, match="config"):
        workdir.restore(run)


def test_a_changed_config_is_noticed(run, capfd):
    edit("steps", 13)(run / "config.json")
    workdir.restore(run)
    assert "config.json was changed since it was written" in capfd.readouterr().err


def test_a_flipped_bit_outside_of_checkpoints_is_noticed_or_harmless(run, capfd):
    """A record is read as it was written, or one line says that it is not."""
    rng, record = np.random.default_rng(0), workdir.read(run)
    with contextlib.closing(Checkpoints(run / "checkpoints", write=False)) as checkpoints:
        kept = checkpoints._orbax.metadata(STEPS).custom_metadata
    assert integrity.changed(kept, run) == []
    for file in sorted(run.rglob("*")):
        if not file.is_file() or "checkpoints" in file.parts or file.name == ".lock":
            continue
        content = file.read_bytes()
        for at in rng.choice(len(content), min(12, len(content)), replace=False):
            flipped = bytearray(content)
            flipped[at] ^= 1 << rng.integers(8)
            file.write_bytes(flipped)
            capfd.readouterr()
            if file.name == "config.json":
                try:
                    assert workdir.read(run) == record or "was changed" in capfd.readouterr().err
                except UserError as error:
                    assert str(file) in str(error)
            elif file.parent.name == "tensorboard":
                Events(file.parent, STEPS).close()
                untouched = file.exists() and file.read_bytes() == bytes(flipped)
                assert not untouched and f"warning: {file}: " in capfd.readouterr().err
            elif file.name == "metrics.jsonl":
                assert len(logger.read(run)) >= STEPS // 2 - 2  # a flip may join or split two
                (line,) = integrity.changed(kept, run)
                assert f"{file} is not what it was at step {STEPS}" in line
            elif file.parent.name == "samples":
                save_gif(run / "other.gif", [file])
        file.write_bytes(content)


def test_checkpoints_without_their_config_are_not_trained_on(run):
    (run / "config.json").unlink()
    before = snapshot(run)
    with pytest.raises(UserError, match="checkpoints but no config.json.*another --workdir"):
        loop.train(config("--config.batch=16"), run)
    assert snapshot(run) == before


def test_broken_lines_of_metrics_are_dropped_and_counted(run, whole, capfd):
    path = run / "metrics.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    broken = [b"\n", b"\0" * 40 + b"\n", b'{"step": 6, "d/lo\n', b"[1]\n", b'{"step": "6"}\n',
              b'{"step": 6, "a": [1]}\n', bytes(range(128, 256)) + b"\n"]  # fmt: skip
    path.write_bytes(b"".join([*lines[:2], *broken, *lines[2:], b'{"step": 14, "d/']))
    assert loop.train(config(), run) == 0
    assert f"{path}: 7 damaged lines dropped" in capfd.readouterr().err
    assert path.read_bytes().splitlines(keepends=True) == lines


def test_a_changed_digit_of_a_row_is_said_and_the_run_goes_on(run, whole, capfd):
    path = run / "metrics.jsonl"
    content = path.read_bytes()
    at = content.index(b"d/loss") + len(b'd/loss": 1.')
    path.write_bytes(content[:at] + b"%d" % (int(content[at : at + 1]) ^ 1) + content[at + 1 :])
    assert loop.train(config("--config.steps=16"), run) == 0
    assert f"{path} is not what it was at step {STEPS}" in capfd.readouterr().err
    assert loop.train(config("--config.steps=20"), run) == 0
    assert "is not what" not in capfd.readouterr().err  # newer checkpoints know them so


def test_damaged_pictures_are_left_out_of_the_gif(run, capfd):
    samples = run / "samples"
    os.truncate(samples / "00000004.png", 60)
    (samples / "00000008.png").write_bytes(b"")
    (samples / "00000009.png").write_text("no picture")
    (samples / "00000010.png").mkdir()
    assert loop.train(config(), run) == 0
    err = capfd.readouterr().err
    for name in ("00000004", "00000008", "00000009", "00000010"):
        assert f"{name}.png is no picture and left out of progress.gif" in err
    with Image.open(run / "progress.gif") as gif, Image.open(samples / "00000012.png") as picture:
        assert gif.size == picture.size
    assert not list(run.rglob("*.part"))


@pytest.mark.parametrize(
    "name", ["checkpoints", "samples", "tensorboard", "metrics.jsonl", "progress.gif", "."]
)
def test_a_file_for_a_folder_and_the_reverse_are_one_line(run, name):
    path = run / name
    if path.is_dir():
        shutil.rmtree(path)
        path.write_text("")
    else:
        path.unlink()
        path.mkdir()
    with pytest.raises(UserError, match=f"{re.escape(str(path.resolve()))}.* cannot be (read|wr)"):
        loop.train(config(), run)


def test_a_second_process_is_refused_before_it_reads(run):
    (run / "config.json").write_text("")
    before = snapshot(run)
    with Lock(run), pytest.raises(UserError, match=f"in use: process {os.getpid()} on"):
        loop.train(config(), run)
    assert snapshot(run) == before


@pytest.mark.parametrize("gone", ["samples", "."])
def test_a_workdir_that_goes_while_it_is_trained_in_is_one_line(run, gone, monkeypatch):
    save = Checkpoints.save

    def save_and_remove(self, state, step, pending):
        save(self, state, step, pending)
        shutil.rmtree(run / gone)

    monkeypatch.setattr(Checkpoints, "save", save_and_remove)
    with pytest.raises(UserError, match="(cannot be|was not) written") as error:
        loop.train(config("--config.steps=20"), run)
    assert "\n" not in str(error.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_workdir_that_cannot_be_written_is_one_line(run):
    for path in (run, *run.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    with pytest.raises(UserError, match="cannot be written .Permission denied"):
        loop.train(config("--config.steps=20"), run)


@pytest.mark.parametrize("out", ["/proc/x/a.png", "/proc/a.npz", "/dev/null/x/"])
def test_where_samples_cannot_be_written_is_one_line(run, out):
    with pytest.raises(UserError, match="cannot be written|/dev/null"):
        sample.main([f"--workdir={run}", "--n=1", f"--out={out}"])
