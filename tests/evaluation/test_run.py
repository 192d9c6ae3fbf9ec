import json
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import evaluate
from jaxgan.core.game import Spec
from jaxgan.evaluation.metrics.swd import swd
from jaxgan.evaluation.run import Subject
from jaxgan.runtime.errors import UserError
from jaxgan.training import replicas as seeds
from jaxgan.training import workdir as recipe
from jaxgan.training.checkpoint import Checkpoints

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """A conditional run, untrained, with two checkpoints."""
    folder = tmp_path_factory.mktemp("run")
    config = configs.load(f"{ROOT}/experiments/cgan.py").to_dict()
    spec = Spec((28, 28, 1), 10)
    game = recipe.make_game(config["game"], config["optim"], spec=spec, steps=6)
    recipe.record(folder, config, spec, 6)
    saves = Checkpoints(folder / "checkpoints")
    for step in (3, 6):
        state = jax.jit(partial(seeds.first, game))(jax.random.key(step))
        saves.save(state.replace(step=jnp.int32(step)), step)
    saves.close()
    return folder


def test_a_line_and_a_row_with_the_protocol(workdir, capsys):
    assert evaluate.main([f"--workdir={workdir}", "--n=30", "--seed=3"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("swd ")
    assert "at step 6; data mnist 28x28x1, generator averaged, seed 3" in line
    assert "n 30, split train, resize none" in line
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
    reals, _ = Subject(workdir, 40, 1, 3).pair
    source = Subject(workdir).source.gather(np.arange(5000))
    match = [np.flatnonzero((source["image"] == real).all((1, 2, 3)))[0] for real in reals]
    np.testing.assert_array_equal(seen["label"], source["label"][match])
    assert len(set(match)) == 40 and seen["n"] == 40 and seen["step"] == 3


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--metrics=swd,sdw"], "no 'sdw'; did you mean 'swd'"),
        (["--n=0"], "at least 1"),
        (["--n=5001"], "the data are 5000 images"),
        (["--seed=-1"], "at least 0"),
        (["--step=5"], "--step=5: .* keeps 3, 6"),
        (["--replica=1"], "has 1, from 0"),
        (["--metrics=kid", "--n=3"], "kid needs at least 4"),
        (["--metrics=swd,ppl"], "which stylegan and stylegan2 have; this game is adversarial"),
    ],
)
def test_what_is_refused(workdir, flags, text, monkeypatch):
    monkeypatch.setattr("jaxgan.evaluation.features.extract.load", dict)
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


def test_kid_is_of_the_net_it_names(workdir, monkeypatch, capsys):
    """Features are stubbed: mean colours."""
    monkeypatch.setattr("jaxgan.evaluation.features.extract.load", dict)
    monkeypatch.setattr(
        "jaxgan.evaluation.features.extract.extract", lambda judge, x, label: x.mean((1, 2)) / 255
    )
    assert evaluate.main([f"--workdir={workdir}", "--metrics=kid,swd", "--n=40"]) == 0
    one, other = capsys.readouterr().out.splitlines()
    assert one.startswith("kid ") and " ± " in one and other.startswith("swd ")
    assert "features EfficientNet-Lite0 57934424, subsets 100 of 20" in one
