"""Scalars of a run: their means, losses that are not finite, and rows after a resume."""

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.training.logger import Diverged, Meter, Writer, read


def test_meter_averages_what_each_step_reported():
    meter = Meter(seen=lambda step: 8 * step)
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

    meter = Meter(lambda step: 8 * step, {"d": 1e30, "g": 2e-4})
    meter.add({"d/loss": jnp.float32(1.0), "g/loss": jnp.float32(math.nan)})
    with pytest.raises(Diverged, match=r"config.optim.d.lr=1e\+30 or config.optim.g.lr=0.0002"):
        meter.read(1, None)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_meter_names_step_and_turn_of_a_loss_that_is_not_finite(bad):
    meter = Meter(seen=lambda step: 8 * step)
    for value in (1.0, 2.0, bad, 3.0):
        meter.add({"d/loss": jnp.float32(1.0), "g/loss": jnp.float32(value)})
    with pytest.raises(Diverged, match="step 102, turn 'g': loss is .*Step 90 is saved"):
        meter.read(104, 90)


def test_meter_gives_mean_and_interval_over_seeds():
    meter = Meter(seen=lambda step: 8 * step)
    meter.add({"d/loss": jnp.array([1.0, 3.0]), "g/loss": [jnp.float32(1), jnp.float32(2)]}, 50)
    meter.add({"d/loss": jnp.array([3.0, 5.0])}, 50)
    row = meter.read(100, None)
    assert row["d/loss"] == 3.0 and row["g/loss"] == 1.5
    assert row["d/loss_ci95"] == pytest.approx(12.7062, rel=1e-5)  # t(0.975, 1) * sqrt(2 / 2)
    meter.add({"d/loss": jnp.array([1.0, 2.0])}, 50)
    meter.add({"d/loss": jnp.array([1.0, math.nan])}, 50)
    with pytest.raises(Diverged, match="steps 150 to 199, turn 'd': loss of replica 1 is nan"):
        meter.read(200, None)


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
