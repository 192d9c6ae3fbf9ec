"""`python -m jaxgan.evaluate`: figures with their protocols, metrics by file, and refusals."""

import json
import re
import sys
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import evaluate
from jaxgan.core.game import Spec
from jaxgan.evaluation import run
from jaxgan.evaluation.features import efficientnet
from jaxgan.evaluation.features.network import Features
from jaxgan.evaluation.metrics import kid
from jaxgan.evaluation.metrics.swd import swd
from jaxgan.evaluation.subject import Subject
from jaxgan.runtime.errors import UserError
from jaxgan.training import replicas, workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.workdir import Record

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def conditional(tmp_path_factory):
    """A conditional run, untrained, with two checkpoints."""
    folder = tmp_path_factory.mktemp("run")
    config = configs.load(f"{ROOT}/experiments/cgan.py").to_dict()
    record = Record(config, Spec((28, 28, 1), 10), steps=6)
    game = record.game()
    workdir.write(folder, record)
    checkpoints = Checkpoints(folder / "checkpoints")
    for step in (3, 6):
        state = jax.jit(partial(replicas.first, game))(jax.random.key(step))
        checkpoints.save(state.replace(step=jnp.int32(step)), step)
    checkpoints.close()
    return folder


def test_each_figure_is_a_line_and_a_row_with_its_protocol(conditional, capsys):
    assert evaluate.main([f"--workdir={conditional}", "--n=30", "--seed=3"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("swd ")
    assert "at step 6; data mnist 28x28x1, generator averaged, seed 3" in line
    assert "n 30, split train, resize none" in line
    assert evaluate.main([f"--workdir={conditional}", "--n=30", "--seed=3", "--json"]) == 0
    row = json.loads(capsys.readouterr().out)
    rows = [json.loads(r) for r in (conditional / "evaluations.jsonl").read_text().splitlines()]
    assert rows == [row, row], "the same command gives the same figure"
    assert row["value"] == pytest.approx(swd(*Subject(conditional, 30, 3).pair, 3)["mean"])
    assert list(row["levels"]) == ["28"] and row["protocol"]["seed"] == 3
    assert row["low"] < row["value"] < row["high"] and row["std"] > 0
    real = Subject(conditional, 30, 3)
    assert row["floor"] == pytest.approx(swd(*real.halves, 3)["mean"]) and row["floor"] < row["low"]
    assert row["bounds"]["28"] == {name: row[name] for name in ("low", "high", "floor")}


def test_samples_have_the_classes_of_the_real_images(conditional, monkeypatch):
    seen = {}

    def draw(game, state, n, seed, given):
        seen.update(given, n=n, step=int(state.step))
        return np.zeros((n, 28, 28, 1), np.uint8), {}

    monkeypatch.setattr("jaxgan.generation.sample.draw", draw)
    real, _ = Subject(conditional, 40, 1, 3).pair
    source = Subject(conditional).source.gather(np.arange(5000))
    match = [np.flatnonzero((source["image"] == image).all((1, 2, 3)))[0] for image in real]
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
        (["--metrics=is"], "Inception Score is of FID's Inception; give its file, as --features"),
        (["--metrics=modes"], "the data, mnist, are no mixture of known modes"),
        (["--metrics=intra_fd", "--n=100"], "of the real images compared, intra_fd needs 20"),
        (["--metrics=swd,ppl"], "ppl walks in w; this run's game has none"),
    ],
)
def test_flags_that_do_not_fit_are_refused_and_nothing_is_written(
    conditional, flags, text, monkeypatch
):
    monkeypatch.setattr("jaxgan.evaluation.features.extract.load", lambda choice="": {})
    path = conditional / "evaluations.jsonl"
    before = path.exists() and path.read_text()
    with pytest.raises(UserError, match=text):
        evaluate.main([f"--workdir={conditional}", *flags])
    assert (path.exists() and path.read_text()) == before


def test_folders_without_a_run_and_other_shapes_are_refused(conditional, tmp_path):
    with pytest.raises(UserError, match="holds no run"):
        evaluate.main([f"--workdir={tmp_path}"])
    saved = json.loads((conditional / "config.json").read_text())
    for shape, text in [([2], "some are of images only"), ([8, 8, 1], "images of 8x8 pixels")]:
        saved["spec"]["shape"] = shape
        (tmp_path / "config.json").write_text(json.dumps(saved))
        with pytest.raises(UserError, match=text):
            evaluate.main([f"--workdir={tmp_path}"])


def test_kid_names_its_feature_network(conditional, monkeypatch, capsys):
    """Features are stubbed: mean colors."""
    net = Features(
        name=efficientnet.NAME,
        sha256=efficientnet.SHA256,
        resize="none",
        dims=1,
        params={},
        apply=lambda params, x: x.mean((1, 2)) / 255,
    )
    monkeypatch.setattr("jaxgan.evaluation.features.extract.load", lambda choice: net)
    assert evaluate.main([f"--workdir={conditional}", "--metrics=kid,swd", "--n=40"]) == 0
    one, other = capsys.readouterr().out.splitlines()
    assert one.startswith("kid ") and other.startswith("swd ")
    for line in (one, other):
        assert re.match(r"\w+ [\d.]+ ± [\d.]+ \(-?[\d.]+ to [\d.]+, floor -?[\d.]+", line)
    assert "features EfficientNet-Lite0 57934424, estimator unbiased, of all" in one


def test_a_metric_is_found_by_its_file():
    assert run.load("kid") is kid
    with pytest.raises(UserError) as caught:
        run.load("sdw")
    known = "known: agreement, cycle, dependence, fd, hidden, intra_fd, is, kid, mind, modes, ppl, "
    known += "prdc, psnr, steepness, swd"
    assert str(caught.value) == f"--metrics: no 'sdw'; did you mean 'swd'? {known}"
    with pytest.raises(UserError, match=known):
        run.load("__init__")


BRIGHTNESS = '''
"""mean brightness of samples over that of real images; 1 is best

Not a published metric.
"""


def check(subject):
    assert "restored" not in vars(subject), "nothing is restored before every check has passed"


def compute(subject):
    real, fake = subject.pair
    return {"value": float(fake.mean() / real.mean()), "protocol": {"n": len(fake)}}
'''


def test_a_new_file_is_a_metric(conditional, tmp_path, monkeypatch, capsys):
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures/__init__.py").touch()
    (tmp_path / "figures/brightness.py").write_text(BRIGHTNESS)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(run, "HOME", "figures")
    monkeypatch.setattr(evaluate, "METRICS", "figures")
    assert evaluate.main([f"--workdir={conditional}", "--metrics=brightness", "--n=10"]) == 0
    line = capsys.readouterr().out
    assert line.startswith("brightness ") and line.endswith("seed 0, n 10\n")
    row = json.loads((conditional / "evaluations.jsonl").read_text().splitlines()[-1])
    assert row["low"] is row["high"] is row["floor"] is None, "a metric may leave them out"
    with pytest.raises(UserError, match="no 'swd'; known: brightness"):
        evaluate.main([f"--workdir={conditional}"])
    with pytest.raises(SystemExit):
        evaluate.main(["--help"])
    assert "  brightness mean brightness of samples over that" in capsys.readouterr().out
    for name in [name for name in sys.modules if name.partition(".")[0] == "figures"]:
        del sys.modules[name]


def test_help_shows_the_first_line_of_each_metrics_docstring(capsys):
    with pytest.raises(SystemExit) as ended:
        evaluate.main(["--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for name in ("kid", "ppl", "swd"):
        line = run.load(name).__doc__.partition("\n")[0]
        assert "less is better" in line and f"  {name:9} {line}\n" in text


def test_a_run_is_compared_with_other_data(conditional, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("jaxgan.evaluation.metrics.swd.PATCHES", 16)
    flags = [f"--workdir={conditional}", "--json", "--n=30"]
    assert evaluate.main([*flags, "--real=digits"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["protocol"]["data"] == "digits 28x28x1" and row["step"] == 6
    subject = Subject(conditional, 30, reference="digits")
    assert row["value"] == pytest.approx(swd(*subject.pair, 0)["mean"])
    assert subject.labeled is False, "the record of this run does not name its classes"
    np.savez(tmp_path / "rgb.npz", images=np.zeros((40, 28, 28, 3), np.uint8))
    assert Subject(conditional, reference=f"{tmp_path}/rgb.npz").opened.shape == (28, 28, 1)
    with pytest.raises(UserError, match=r"--real=ring: items of shape \(2,\), of the run"):
        evaluate.main([*flags, "--real=ring"])
    with pytest.raises(UserError, match="has not the classes of the run's own"):
        evaluate.main([*flags, "--real=digits", "--metrics=agreement"])
    with pytest.raises(UserError, match="--res, --channels: a run has its own size"):
        evaluate.main([*flags, "--real=digits", "--res=8"])
