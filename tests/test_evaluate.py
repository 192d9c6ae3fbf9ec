import json
from pathlib import Path

import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import evaluate
from jaxgan.checkpoint import Checkpoints
from jaxgan.errors import UserError
from jaxgan.evals.swd import swd
from jaxgan.score import Subject
from jaxgan.train import train

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A conditional run with three checkpoints kept."""
    folder = tmp_path_factory.mktemp("run")
    config = configs.load(f"{ROOT}/experiments/cgan.py:smoke")
    configs.override(config, ["--config.checkpoint.keep=9"])
    assert train(config.to_dict(), folder) == 0
    return folder


def test_a_line_and_a_row_with_the_protocol(workdir, capsys):
    assert evaluate.main([f"--workdir={workdir}", "--n=30", "--seed=3"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("swd ") and "at step 6; n 30, split train, resize none" in line
    assert evaluate.main([f"--workdir={workdir}", "--n=30", "--seed=3", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    rows = [json.loads(r) for r in (workdir / "evaluations.jsonl").read_text().splitlines()]
    assert rows == [row, row], "the same command gives the same figure"
    assert row["value"] == pytest.approx(swd(*Subject(workdir, 30, 3).pair, 3)["mean"])
    assert list(row["levels"]) == ["28"] and row["protocol"]["seed"] == 3


def test_samples_are_of_the_reals_classes(workdir, monkeypatch):
    seen = {}

    def draw(game, state, n, seed, given):
        seen.update(given, n=n, step=int(state.step))
        return np.zeros((n, 28, 28, 1), np.uint8), {}

    monkeypatch.setattr("jaxgan.sample.draw", draw)
    kept = Checkpoints(workdir / "checkpoints", write=False).steps()
    assert kept[0] < kept[-1] == 6
    reals, _ = Subject(workdir, 40, 1, kept[0]).pair
    source = Subject(workdir).source.gather(np.arange(5000))
    match = [np.flatnonzero((source["image"] == real).all((1, 2, 3)))[0] for real in reals]
    np.testing.assert_array_equal(seen["label"], source["label"][match])
    assert len(set(match)) == 40 and seen["n"] == 40 and seen["step"] == kept[0]


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--metrics=swd,sdw"], "no 'sdw'; did you mean 'swd'"),
        (["--n=0"], "at least 1"),
        (["--n=5001"], "the data are 5000 images"),
        (["--seed=-1"], "at least 0"),
        (["--step=5"], "--step=5: .* keeps .*6"),
        (["--replica=1"], "has 1, from 0"),
    ],
)
def test_what_is_refused(workdir, flags, text):
    path = workdir / "evaluations.jsonl"
    before = path.exists() and path.read_text()
    with pytest.raises(UserError, match=text):
        evaluate.main([f"--workdir={workdir}", *flags])
    assert (path.exists() and path.read_text()) == before


def test_what_does_not_fit(workdir, tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        evaluate.main([f"--workdir={tmp_path}"])
    saved = json.loads((workdir / "config.json").read_text())
    for shape, text in [([2], "they are of images"), ([8, 8, 1], "images of 8x8 pixels")]:
        saved["spec"]["shape"] = shape
        (tmp_path / "config.json").write_text(json.dumps(saved))
        with pytest.raises(UserError, match=text):
            evaluate.main([f"--workdir={tmp_path}"])
