"""Figures of a run, by each way of drawing its samples; what is asked for and not there."""

import json

import pytest

from jaxgan.ablation import measure
from jaxgan.runtime.errors import UserError


@pytest.fixture
def evaluated(tmp_path, monkeypatch):
    """A run's folder, whose swd is the psi that it is drawn by."""

    def evaluate(workdir, names, n, options):
        assert workdir == tmp_path and names == ["swd"] and n == 10
        return 7, {"swd": [options["psi"]], "swd/28": [1.0]}

    monkeypatch.setattr(measure, "evaluations", evaluate)
    rows = [{"step": 5, "d/loss": 0.5}, {"step": 7, "d/loss": None}]
    text = "".join(f"{json.dumps(row)}\n" for row in rows)
    (tmp_path / "metrics.jsonl").write_text(text)
    return tmp_path


def main(folder, *flags):
    return measure.main([f"--workdir={folder}", "--n=10", *flags])


def read(folder, name):
    return json.loads((folder / name).read_text())


def test_each_view_has_figures_of_its_own(evaluated):
    flags = ("--drawn=psi=1:", "--drawn=psi=5e-1:psi=0.5")
    assert main(evaluated, "--metrics=swd,d/loss", *flags) == 0
    of_base, of_half = (read(evaluated, f"figures-psi={x}.json") for x in ("1", "5e-1"))
    assert of_base["figures"]["swd"] == [None] and of_half["figures"]["swd"] == [0.5]
    assert of_half["step"] == 7 and of_half["figures"]["d/loss"] == [None], "no number in JSON"
    assert not (evaluated / "figures.json").exists()


def test_without_views_there_is_one_file(evaluated):
    assert main(evaluated, "--metrics=swd") == 0
    assert read(evaluated, "figures.json")["step"] == 7


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (["--metrics=swd,d/los"], "no key 'd/los'; did you mean 'd/loss'"),
        (["--metrics=swd/27", "--drawn=:"], "no figure 'swd/27'; did you mean 'swd/28'"),
        (["--metrics=swd", "--drawn=a:psy=1"], "drawing has no such option; did you mean 'psi'"),
        (["--metrics=swd", "--drawn=a:psi=x"], "drawn: x: give a number"),
    ],
)
def test_what_is_not_there_is_one_line(flags, text, evaluated, monkeypatch):
    monkeypatch.setattr(measure, "evaluations", lambda *_: (7, {"swd": [1.0], "swd/28": [1.0]}))
    with pytest.raises(UserError, match=text):
        main(evaluated, *flags)
