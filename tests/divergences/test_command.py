"""The command: its files, its table, and its exit code where a closed form does not hold."""

import csv

import numpy as np
import pytest

from jaxgan import theory
from jaxgan.divergences import disjoint, fits, optimal, saturation
from jaxgan.divergences.result import Comparison, Result
from jaxgan.visual.figures import Curve, Panel


@pytest.mark.parametrize(("found", "code"), [(0.51, 0), (0.7, 1), (np.nan, 1)])
def test_figures_and_tables(found, code, tmp_path, monkeypatch, capsys):
    exact = np.array([0.0, 0.5])
    comparison = Comparison("W1", "|t|", np.array([0.0, found]), exact, 0.1)
    for module in (disjoint, fits, optimal):
        result = Result([Panel("W1", "t", "W1", [Curve("|t|", exact, exact)])], [comparison])
        monkeypatch.setattr(module, "study", lambda seed, result=result: result)
    assert theory.main([f"--out={tmp_path}/new"]) == code
    out, folder = capsys.readouterr().out, tmp_path / "new"
    assert out == (folder / "theory.md").read_text()
    for module in (disjoint, fits, optimal, saturation):
        assert (folder / f"{module.__name__.rpartition('.')[2]}.png").stat().st_size > 5000
    rows = list(csv.DictReader((folder / "theory.csv").read_text().splitlines()))
    mine = [row for row in rows if row["figure"] == "disjoint.png"]
    assert [row["holds"] for row in mine] == ["no" if code else "yes"]
    assert mine[0]["closed form"] == "|t|" and mine[0]["tolerance"] == "0.1"
    assert len(rows) == len(out.splitlines()) - 2
