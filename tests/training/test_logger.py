"""Scalars of a run: their means, losses that are not finite, and rows after a resume."""

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.training.divergence import Diverged
from jaxgan.training.logger import Meter, Writer, read


def accept(row, before, steps, saved):
    """Finds nothing wrong with a row."""


def test_meter_averages_what_each_step_reported():
    meter = Meter(lambda step: 8 * step, accept)
    meter.add({"d/loss": jnp.float32(1.0)})
    meter.add({"d/loss": jnp.float32(3.0), "g/loss": jnp.float32(5.0)})
    row = meter.read(2, None)
    assert row["d/loss"] == 2.0 and row["g/loss"] == 5.0 and row["images_per_s"] > 0
    meter.add({"d/loss": jnp.float32(7.0)})
    assert meter.read(3, None)["d/loss"] == 7.0


def test_what_is_not_finite_is_null_in_the_log_and_names_all_rates(tmp_path):
    writer = Writer(tmp_path, 0)
    writer.scalars(5, {"diagnosis/diversity": math.nan, "d/real": math.inf, "d/loss": 1.0})
    writer.close()
    text = (tmp_path / "metrics.jsonl").read_text()
    assert text == '{"step": 5, "diagnosis/diversity": null, "d/real": null, "d/loss": 1.0}\n'
    assert math.isnan(read(tmp_path)[0]["diagnosis/diversity"])


def test_meter_checks_each_row_with_its_steps():
    checked = []
    meter = Meter(lambda step: 8 * step, lambda *args: checked.append(args[1:]))
    for _ in range(3):
        meter.add({"d/loss": jnp.float32(1.0)}, 10)
    meter.read(130, 90)
    assert checked == [(100, 10, 90), (110, 10, 90), (120, 10, 90)]

    def refuse(*args):
        raise Diverged("step 130")

    meter = Meter(lambda step: 8 * step, refuse)
    meter.add({"d/loss": jnp.float32(math.nan)}, 10)
    with pytest.raises(Diverged):
        meter.pending(140, 90)


def test_meter_goes_on_with_what_a_stopped_run_had_added():
    """The row is that of a run that was not stopped, to the bit; only the speed is its own."""
    values = np.random.default_rng(0).normal(size=(5, 2)).astype(np.float32)
    rows = [{"d/loss": jnp.asarray(value), "d/finite": jnp.ones(2)} for value in values]
    whole = Meter(lambda step: 8 * step, accept)
    stopped = Meter(lambda step: 8 * step, accept)
    for row in rows:
        whole.add(row, 4)
    for row in rows[:3]:
        stopped.add(row, 4)
    resumed = Meter(
        lambda step: 8 * step, accept, json.loads(json.dumps(stopped.pending(12, None)))
    )
    for row in rows[3:]:
        resumed.add(row, 4)
    a, b = whole.read(20, None), resumed.read(20, None)
    assert a.keys() == b.keys() == {"d/loss", "d/loss_ci95", "images_per_s"}
    assert all(a[name] == b[name] for name in ("d/loss", "d/loss_ci95"))


def test_meter_gives_mean_and_interval_over_seeds():
    meter = Meter(lambda step: 8 * step, accept)
    meter.add({"d/loss": jnp.array([1.0, 3.0]), "g/loss": [jnp.float32(1), jnp.float32(2)]}, 50)
    meter.add({"d/loss": jnp.array([3.0, 5.0])}, 50)
    row = meter.read(100, None)
    assert row["d/loss"] == 3.0 and row["g/loss"] == 1.5
    assert row["d/loss_ci95"] == pytest.approx(12.7062, rel=1e-5)  # t(0.975, 1) * sqrt(2 / 2)


def test_writer_drops_rows_after_the_step_it_resumes_from(tmp_path):
    writer = Writer(tmp_path, 0)
    for step in (5, 10, 15):
        writer.scalars(step, {"d/loss": step / 2})
    writer.image(5, "samples", np.zeros((4, 4, 1), np.uint8))
    writer.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 20, "d/lo')  # a kill in mid-line
    assert [row["step"] for row in read(tmp_path)] == [5, 10, 15]
    writer = Writer(tmp_path, 10)
    writer.scalars(15, {"d/loss": 1.0})
    writer.close()
    lines = (tmp_path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [
        {"step": 5, "d/loss": 2.5},
        {"step": 10, "d/loss": 5.0},
        {"step": 15, "d/loss": 1.0},
    ]
