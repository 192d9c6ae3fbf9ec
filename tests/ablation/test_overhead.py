"""The share of steps in a sweep's time, of files by hand."""

import json

import pytest

from jaxgan.ablation import overhead
from jaxgan.ablation.cells import Job
from jaxgan.ablation.spec import Cell

CELL = Cell({"loss": "ns"}, "gan.py", ())


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))


def test_steps_are_images_by_the_median_speed_and_the_rest_is_overhead(tmp_path):
    job = Job(CELL, (0, 1), tmp_path / "loss=ns/seeds-0-1", (), ())
    speeds = (10.0, 100.0, 100.0, 100.0, 50.0)  # the first row has the compilation
    rows = [
        {"step": i, "kimg": 0.1 * i, "images_per_s": speed} for i, speed in enumerate(speeds, 1)
    ]
    write(job.workdir / "metrics.jsonl", rows)
    write(tmp_path / "t.jsonl", [{"seconds": 15.0, "code": 0}, {"seconds": 5.0, "code": 0}])
    with (tmp_path / "t.jsonl").open("a") as file:
        file.write('{"seconds": 9')
    assert overhead.seconds(tmp_path, "t.jsonl") == 20, "a line that was cut is left out"
    assert overhead.steps([job]) == pytest.approx(500 * 2 / 100)
    assert "0.3 minutes of runs, 50 % of it" in overhead.line(tmp_path, "t.jsonl", [job])


def test_of_no_run_nothing_is_said(tmp_path):
    job = Job(CELL, (0,), tmp_path / "loss=ns/seed-0", (), ())
    assert overhead.line(tmp_path, "t.jsonl", [job]) == "" and overhead.steps([job]) == 0
