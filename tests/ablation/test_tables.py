"""The table and the picture of a sweep, of results by hand."""

import csv
import io
import json

import numpy as np
import pytest
from scipy import stats

from jaxgan.ablation import pictures, results, tables
from jaxgan.ablation.cells import Job
from jaxgan.ablation.results import Result
from jaxgan.ablation.spec import Cell, Sweep
from jaxgan.visual import raster
from jaxgan.visual import sheet as sheets

CELLS = tuple(Cell({"loss": name}, "gan.py", ()) for name in ("ns", "hinge", "mm"))
VALUES = {
    "ns": [40.0, 42.0, 41.0, 43.0, 40.5],
    "hinge": [35.0, 36.5, 36.0, 38.5, 35.0],
    "mm": [41.0, 41.5, 40.0],
}


def sweep(seeds):
    axes = {"loss": {"ns": {}, "hinge": {}, "mm": {}}}
    return Sweep(axes, tuple(range(seeds)), ("swd",), None, None, None, False, CELLS)


def found():
    all_of = [
        Result(f"loss={name}", seed, 9, {"swd": value})
        for name, values in VALUES.items()
        for seed, value in enumerate(values)
    ]
    return [*all_of, *(Result("loss=mm", seed, 0, {}, "diverged") for seed in (3, 4))]


def test_csv_has_means_paired_differences_and_reasons():
    rows = list(csv.DictReader(io.StringIO(tables.as_csv(tables.rows(sweep(5), found())))))
    base, hinge, mm = rows
    assert base["cell"] == "loss=ns" and base["loss"] == "ns" and base["n"] == "5"
    assert float(base["mean"]) == 41.3 and base["difference"] == base["p_holm"] == ""
    ps = [
        stats.ttest_rel(VALUES[x], VALUES["ns"][: len(VALUES[x])]).pvalue for x in ("hinge", "mm")
    ]
    assert float(hinge["p"]) == pytest.approx(ps[0], rel=1e-4)
    assert float(hinge["p_holm"]) == pytest.approx(2 * ps[0], rel=1e-4)
    assert float(mm["p_holm"]) == pytest.approx(max(ps[1], 2 * ps[0]), rel=1e-4)
    assert float(hinge["difference"]) == pytest.approx(-5.1)
    assert mm["n"] == mm["pairs"] == "3" and mm["reason"] == "seed 3, 4: diverged"


def test_markdown_has_a_line_for_each_cell_and_says_what_failed():
    text = tables.as_markdown(sweep(5), tables.rows(sweep(5), found()), "the command")
    head, _, base, hinge, mm = text.splitlines()[:5]
    assert head == "| loss | seeds | swd | difference from the base | p (Holm) |"
    assert base == "| ns | 5 | 41.3 (39.8 to 42.8) | base |  |"
    assert hinge.startswith("| hinge | 5 | 36.2 (34.4 to 38.0) | -5.1 (-5.6 to -4.6) | < 0.001 |")
    assert mm.startswith("| mm | 3 | 40.8 (38.9 to 42.7) | -0.2 (")
    assert "`the command`" in text and "- loss=mm: seed 3, 4: diverged" in text
    assert "use 5 or more" not in text


def test_few_seeds_are_warned_of():
    assert "3 seeds: intervals are wide" in tables.warning(sweep(3))
    text = tables.as_markdown(sweep(3), tables.rows(sweep(3), found()), "")
    assert tables.warning(sweep(3)) in text and not tables.warning(sweep(5))


def test_a_cell_without_any_figure_is_a_row():
    lost = [Result(f"loss={name}", 0, 0, {}, "out of memory") for name in VALUES]
    rows = tables.rows(sweep(1), lost)
    assert tables.as_csv(rows).splitlines()[1] == "loss=ns,ns,swd,0,,,,,,,0,,,seed 0: out of memory"
    assert "| ns | 0 | none | base |  |" in tables.as_markdown(sweep(1), rows, "")


def job(folder, cell, seed=0):
    return Job(cell, (seed,), folder / cell.name / f"seed-{seed}", (), ())


def test_results_are_those_of_each_replica_and_none_where_not_finite(tmp_path):
    run = Job(CELLS[0], (4, 5), tmp_path / "loss=ns/seeds-4-5", (), ())
    run.workdir.mkdir(parents=True)
    assert [r.reason for r in results.of_job(run, ["swd"])] == [results.WAITING] * 2
    figures = {"step": 9, "figures": {"swd": [1.5, None], "swd/28": [1.0, 2.0]}}
    (run.workdir / results.name("")).write_text(json.dumps(figures))
    assert results.of_job(run, ["swd", "swd/28"]) == [
        Result("loss=ns", 4, 9, {"swd": 1.5, "swd/28": 1.0}),
        Result("loss=ns", 5, 9, {"swd/28": 2.0}, "swd: not finite"),
    ]
    assert not results.done(run, ["swd", "kid"]), "more metrics are measured later"


def test_cells_of_one_run_have_figures_of_their_own(tmp_path):
    views = [Cell({"psi": x}, "gan.py", (), ("psi",), {}) for x in ("1", "5e-1")]
    run = Job(views[0], (4,), tmp_path / "base/seed-4", (), (), also=(views[1],))
    run.workdir.mkdir(parents=True)
    (run.workdir / "figures-psi=1.json").write_text('{"step": 9, "figures": {"swd": [1.5]}}')
    run.failed.write_text("no memory")
    assert not results.done(run, ["swd"])
    assert results.of_job(run, ["swd"]) == [
        Result("psi=1", 4, 9, {"swd": 1.5}),
        Result("psi=5e-1", 4, 0, {}, "no memory"),
    ]


def saved(folder, picture, shape, **config):
    """Writes what a run's first row is read from."""
    (folder / "samples").mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps({"spec": {"shape": shape}, "config": config}))
    raster.save_png(folder / "samples/00000009.png", picture)
    raster.save_png(folder / "samples/00000003.png", picture * 0)


@pytest.mark.parametrize("names", [{}, {"captions": "abcdef"}, {"names": "abc", "title": "step 9"}])
def test_picture_has_the_first_row_of_each_cell_that_has_any(tmp_path, names):
    for value, cell in zip((50, 200), (CELLS[0], CELLS[2]), strict=True):
        images = np.full((6, 28, 28, 1), value, np.uint8)
        images[3:] = 255
        saved(job(tmp_path, cell).workdir, sheets.sheet(images, 3, **names), [28, 28, 1])
    found = pictures.sheet([job(tmp_path, cell) for cell in CELLS])
    top = sheets.GUTTER + 2 * sheets.LINE * ("title" in names)
    height = sheets.LINE + top + 84
    assert found.shape == (2 * height, pictures.NARROWEST, 3)
    for i, value in enumerate((50, 200)):
        row = found[i * height : (i + 1) * height]
        assert row[: sheets.LINE].min() < 100, "its name"
        assert (row[-84:, 4:88] == value).all() and (row[-84:, 92:176] == value).all()
        assert (row[-84:, 3 * 88 + 4 :] == sheets.PAPER).all()
    assert pictures.sheet([job(tmp_path, CELLS[1])]) is None


def test_of_replicas_the_picture_has_the_first_seed(tmp_path):
    images = np.full((40, 28, 28, 1), 7, np.uint8)
    images[20:] = 9
    saved(tmp_path / "images", sheets.sheet(images, 20, rows=["seed 0", "seed 1"]), [28, 28, 1])
    found = pictures.first_row(tmp_path / "images")
    assert found.shape[:2] == (4 + 84, 4 + pictures.MOST * 88)
    assert (found[4:, -88:-84] == 7).all(), "the first seed's, beside its name"
    saved(tmp_path / "points", np.zeros((30, 1200, 3), np.uint8), [2], seeds=2)
    assert pictures.first_row(tmp_path / "points").shape[:2] == (30, 600)
