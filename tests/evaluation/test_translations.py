"""`evaluate` of a run of two domains: a line a direction, of pictures kept out of training."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from jaxgan import evaluate
from jaxgan.core import game as core
from jaxgan.core.game import Spec
from jaxgan.data.load import load
from jaxgan.data.source import from_arrays, items, of_two
from jaxgan.evaluation.subject import Subject
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir
from jaxgan.training.checkpoint import Checkpoints

ADAM = {"name": "adam", "lr": 2e-4}
SPEC = Spec((16, 16, 3), other=(16, 16, 3))
CONFIG = {
    "data": {"name": "photos_ab", "res": 16, "held": 40},
    "game": {
        "name": "translation",
        "g": {"name": "cyclegan.ResNetGenerator", "width": 2, "blocks": 1},
        "d": {"name": "cyclegan.PixelDiscriminator", "width": 2},
    },
    "optim": {"g": ADAM, "d": ADAM},
}


def saved(folder, **changes):
    record = workdir.Record(CONFIG, SPEC, 1, **changes)
    folder.mkdir()
    workdir.write(folder, record)
    checkpoints = Checkpoints(folder / "checkpoints")
    checkpoints.save(core.init(record.game(), jax.random.key(0)), 0)
    checkpoints.close()
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A workdir whose checkpoint holds initial weights."""
    return saved(tmp_path_factory.mktemp("runs") / "both")


def test_each_figure_has_a_line_for_each_direction(run, capsys):
    metrics = "swd,cycle,psnr,hidden,dependence"
    assert evaluate.main([f"--workdir={run}", f"--metrics={metrics}", "--n=10"]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [json.loads(row) for row in (run / "evaluations.jsonl").read_text().splitlines()]
    names = [(name, way) for name in metrics.split(",") for way in ("a2b", "b2a")]
    assert [(row["metric"], row["direction"]) for row in rows] == names
    for line, row, (name, way) in zip(lines, rows, names, strict=True):
        assert line.startswith(f"{name} {way} ")
        assert row["protocol"]["direction"] == way and row["protocol"]["split"] == "test"
    view = Subject(run, 10).views()[1]
    np.testing.assert_array_equal(view.pair[0], view.columns["image"])
    _, game, state = workdir.restore(run)
    x = view.columns["other"].astype(np.float32) / 127.5 - 1
    made = np.asarray(game.translators["b2a"](state, x, jax.random.key(0)))
    gray = np.abs(view.pair[1] - (made + 1) * 127.5)
    assert gray.max() < 0.51, "what is compared is b2a of the real images of B, rounded"


def test_pictures_are_those_kept_out_of_training_and_pairs(run):
    subject = Subject(run, 12, seed=3)
    test = items(load("photos_ab", res=16, held=40).test, np.arange(40))
    for name, other in (("image", "other"), ("other", "image")):
        found = [np.flatnonzero((test[name] == x).all((1, 2, 3)))[0] for x in subject.columns[name]]
        np.testing.assert_array_equal(test[other][found], subject.columns[other])
    with pytest.raises(UserError, match="--n=41: the data are 40 images"):
        _ = Subject(run, 41).source
    assert Subject(run).size == 40


def test_domains_of_other_sizes_are_drawn_each_by_itself(tmp_path):
    """Of the smaller one no picture is drawn twice, wherever it is."""
    small, large = (np.arange(n, dtype=np.uint8).reshape(n, 1, 1, 1) for n in (5, 20))
    for a, b in ((small, large), (large, small)):
        subject = Subject(tmp_path)
        vars(subject)["source"] = of_two(from_arrays(a), from_arrays(b))
        columns = subject.columns
        assert subject.size == 5
        assert [len(np.unique(columns[name])) for name in ("image", "other")] == [5, 5]


def test_a_generator_that_is_not_there_is_not_evaluated(tmp_path, capsys):
    folder = saved(tmp_path / "alone", missing=("b2a",))
    assert evaluate.main([f"--workdir={folder}", "--n=8"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("swd a2b ") and len(out.splitlines()) == 1
    assert "b2a is not evaluated: b2a is noise" in err
    with pytest.raises(UserError, match="--metrics=cycle: b2a is noise"):
        evaluate.main([f"--workdir={folder}", "--metrics=cycle"])


def test_a_game_of_one_domain_has_no_direction(run):
    subject = Subject(run)
    spec = workdir.read(run)._replace(spec=Spec((16, 16, 3)))
    vars(subject)["record"] = spec
    (view,) = subject.views()
    assert view is subject
    assert dataclasses.replace(view, seed=1).direction == ""
    for metric in ("cycle", "psnr", "hidden"):
        with pytest.raises(UserError, match=f"--metrics={metric}: this run's game does not"):
            view.check_translates(metric, back=True)
