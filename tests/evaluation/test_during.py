"""Metrics in training: the same run as without, the same rows after a resume."""

import json

import jax
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import evaluate, main
from jaxgan.evaluation.during import drop
from jaxgan.runtime.errors import UserError
from jaxgan.training import logger, loop, replicas, workdir
from jaxgan.training.checkpoint import Checkpoints

LOG = {"every": 2, "pictures": 100, "samples": 8}


pytestmark = pytest.mark.usefixtures("compiled_once_a_module")


@pytest.fixture(autouse=True)
def fewer_projections(monkeypatch):
    """Computes a coarser swd, in a thirtieth of the time."""
    monkeypatch.setattr("jaxgan.evaluation.metrics.swd.PATCHES", 16)
    monkeypatch.setattr("jaxgan.evaluation.metrics.swd.REPEATS", 1)


def config(**changes):
    found = configs.load("experiments/cgan.py:smoke").to_dict()
    found["game"]["g"] = {"name": "mlp.Generator", "widths": (8,)}
    found["game"]["d"] = {"name": "mlp.Discriminator", "widths": (8,)}
    found |= {"data": {"name": "mnist", "res": 16, "holdout": 0.02}, "steps": 8, "batch": 16}
    return found | {"log": LOG | {"evaluate": 4, "n": 40}, "checkpoint": {"every": 4}} | changes


def train(folder, **changes):
    assert loop.train(config(**changes), folder, evaluator=main.evaluator) == 0
    return folder


def rows(folder):
    path = folder / "evaluations.jsonl"
    return path.read_text().splitlines() if path.exists() else []


def state(folder):
    record = workdir.read(folder)
    saves = Checkpoints(folder / "checkpoints", write=False)
    like = replicas.like(record.game(), record.config.get("seeds", 1))
    return saves.load(like, jax.sharding.SingleDeviceSharding(jax.devices()[0]))


@pytest.fixture(scope="module")
def whole(tmp_path_factory, compiled_once_a_module):
    """A run that was evaluated at steps 4 and 8."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("jaxgan.evaluation.metrics.swd.PATCHES", 16)
        patch.setattr("jaxgan.evaluation.metrics.swd.REPEATS", 1)
        return train(tmp_path_factory.mktemp("runs") / "whole")


def test_figures_are_logged_and_are_those_of_evaluate(whole, capsys):
    found = [json.loads(row) for row in rows(whole)]
    assert [(row["metric"], row["step"], row["training"]) for row in found] == [
        ("swd", 4, True),
        ("swd", 8, True),
    ]
    logged = {row["step"]: row["eval/swd"] for row in logger.read(whole) if "eval/swd" in row}
    assert logged == {row["step"]: row["value"] for row in found}
    assert found[1]["protocol"]["split"] == "test" and found[1]["protocol"]["n"] == 40
    before = rows(whole)
    for step, row in zip((4, 8), found, strict=True):
        assert evaluate.main([f"--workdir={whole}", f"--step={step}", "--n=40", "--json"]) == 0
        again = json.loads(capsys.readouterr().out)
        assert again == {name: value for name, value in row.items() if name != "training"}
    assert rows(whole)[:2] == before
    (whole / "evaluations.jsonl").write_text("".join(f"{row}\n" for row in before))


def test_training_is_the_same_bit_for_bit_with_and_without(whole, tmp_path):
    train(tmp_path / "without", log=LOG)
    assert not rows(tmp_path / "without")
    for a, b in zip(
        *map(jax.tree.leaves, (state(whole), state(tmp_path / "without"))), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_run_that_was_stopped_and_resumed_has_the_same_rows(whole, tmp_path):
    folder = train(tmp_path / "parts", steps=4)
    assert rows(folder) == rows(whole)[:1]
    late = json.dumps(json.loads(rows(whole)[1]) | {"value": 1.0})  # as before a kill
    own = json.dumps({"metric": "swd", "step": 8, "value": 2.0})  # of jaxgan.evaluate
    with (folder / "evaluations.jsonl").open("a") as file:
        file.write(f"{late}\n{own}\nnot a row\n")
    train(folder)
    assert rows(folder) == [rows(whole)[0], own, "not a row", rows(whole)[1]]


def test_seeds_are_evaluated_each_and_logged_as_a_mean(tmp_path):
    folder = train(tmp_path / "seeds", seeds=2, steps=4)
    found = [json.loads(row) for row in rows(folder)]
    assert [row["replica"] for row in found] == [0, 1]
    (logged,) = [row for row in logger.read(folder) if "eval/swd" in row]
    values = [row["value"] for row in found]
    assert logged["eval/swd"] == pytest.approx(np.mean(values)) and logged["eval/swd_ci95"] > 0


@pytest.mark.parametrize(
    ("log", "text"),
    [
        ({"metrics": "swd,sdw"}, "config.log.metrics: no 'sdw'; did you mean 'swd'"),
        ({"metrics": "ppl"}, "config.log.metrics: ppl walks in w; this run's game has none"),
        ({"n": 101}, "config.log.n=101: the data are 100 images"),
        ({"n": -1}, "config.log.n=-1: at least 0"),
        ({"evaluate": "often"}, "config.log.evaluate='often'"),
    ],
)
def test_metrics_that_do_not_fit_are_refused_before_anything_is_written(tmp_path, log, text):
    with pytest.raises(UserError, match=text):
        train(tmp_path / "none", log=LOG | {"evaluate": 4} | log)
    assert not (tmp_path / "none/config.json").exists()


def test_rows_of_other_writers_stay(tmp_path):
    path = tmp_path / "evaluations.jsonl"
    lines = [{"step": 3}, {"step": 9}, {"step": 3, "training": True}, ["training"], {"step": "9"}]
    text = "".join(f"{json.dumps(line)}\n" for line in lines) + '{"cut'
    path.write_text(text)
    drop(path, 3)
    assert path.read_text() == text
    drop(path, 2)
    assert path.read_text() == text.replace('{"step": 3, "training": true}\n', "")
    drop(tmp_path / "absent.jsonl", 0)
