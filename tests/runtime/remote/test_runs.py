"""A run in a store is a run: trained on two machines, read by every command, from data there."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxgan
from jaxgan import evaluate, explore, export, report, sample
from jaxgan.main import main
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.remote import copies
from jaxgan.training import logger, workdir

URL = "gs://bucket/a/run"
RUN = [
    *["--config=experiments/gan.py", "--config.batch=8", "--config.log.samples=8"],
    *["--config.log.every=2", "--config.log.pictures=4", "--config.checkpoint.every=4"],
    *["--config.dispatch=1", "--config.game.latent=4", "--config.data.res=16"],
    *["--config.game.g.widths=(8,)", "--config.game.d.widths=(8,)"],
]


@pytest.fixture
def data(gs):
    """Images in the store."""
    images = np.random.default_rng(0).integers(0, 256, (64, 16, 16, 1), np.uint8)
    np.savez(gs.root / "bucket" / "digits.npz", images=images)
    return "--config.data.name=array:gs://bucket/digits.npz"


def test_a_run_in_a_store(gs, data, tmp_path, monkeypatch, compiled_once, capfd):
    whole = tmp_path / "whole"
    assert main([*RUN, data, "--config.steps=12", f"--workdir={whole}"]) == 0
    assert main([*RUN, data, "--config.steps=8", f"--workdir={URL}"]) == 0
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "other"))
    capfd.readouterr()
    assert main([*RUN, data, "--config.steps=12", f"--workdir={URL}"]) == 0
    said = capfd.readouterr().err
    assert f"experiments/gan.py in {URL}" in said and "resuming from step 8" in said

    there = copies.run(Path(URL), pictures=True)
    assert [row | {"images_per_s": 0} for row in logger.read(there)] == [
        row | {"images_per_s": 0} for row in logger.read(whole)
    ]
    for path in sorted((whole / "samples").iterdir()):
        assert (there / "samples" / path.name).read_bytes() == path.read_bytes(), path.name
    a, b = workdir.restore(Path(URL)).state, workdir.restore(whole).state
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()
    in_store = {path.name for path in (gs.root / "bucket/a/run").iterdir()}
    assert in_store >= {"curves.png", "progress.gif", "tensorboard", "real-and-fake.png"}

    run = jaxgan.open(URL)
    assert run.step == 12 and run.steps == [8, 12] and run.at(8).step == 8
    assert run.sample(3).shape == (3, 16, 16, 1)
    given = [f"--workdir={URL}"]
    assert sample.main([*given, f"--out={tmp_path}/x.png", "--n=4", "--step=8"]) == 0
    assert explore.main(["interpolate", *given, f"--out={tmp_path}/y.png"]) == 0
    assert export.main([*given, f"--out={tmp_path}/z.npz"]) == 0
    assert report.main([URL, str(whole), f"--out={tmp_path}/r.html"]) == 0
    with pytest.raises(UserError, match=f"--step=5: {URL} keeps 8, 12"):
        sample.main([*given, f"--out={tmp_path}/x.png", "--n=4", "--step=5"])
    assert evaluate.main([*given, "--metrics=swd", "--n=16"]) == 0
    row = json.loads((gs.root / "bucket/a/run/evaluations.jsonl").read_text())
    assert row["metric"] == "swd" and row["step"] == 12
    init = f"--config.init={URL}:8"
    flags = [*RUN, data, init, "--config.steps=2", f"--workdir={tmp_path}/new"]
    assert main(flags) == 0
    assert f"nets of step 8 of {URL}" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("command", "flags", "text"),
    [
        (main, [*RUN, "--workdir=qs://b/r"], "--workdir=qs://b/r: qs:// is no store; take gs://"),
        (main, [*RUN, "--workdir=gs://absent/run"], "make the bucket absent, or name another"),
        (sample.main, ["--workdir=gs://bucket/no", "--out=x.png"], "gs://bucket/no holds no run"),
        (report.main, ["gs://bucket/no", "--out=r.html"], "gs://bucket/no holds no run"),
        (evaluate.main, ["--workdir=gs://bucket/no"], "gs://bucket/no holds no run"),
        (
            main,
            [*RUN, "--config.data.name=array:gs://bucket/x.npz", "--workdir=new"],
            "gs://bucket/x.npz: there is nothing of that name",
        ),
        (sample.main, ["--workdir=gs://bucket/no", "--out=gs://b/x.png"], "gs:// is no disk"),
    ],
)
def test_what_is_not_there_is_one_line(gs, command, flags, text, tmp_path, monkeypatch):
    if command is not main:
        monkeypatch.chdir(tmp_path)
    flags = [f"--workdir={tmp_path}/new" if flag == "--workdir=new" else flag for flag in flags]
    with pytest.raises(UserError, match=text) as told:
        command(flags)
    assert "\n" not in str(told.value)
