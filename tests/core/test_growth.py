"""Durations, and stages that follow from the step: borders, alpha, images, batches, real images."""

import functools

import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.growth import Growth, Stage, fixed, interval, plan, steps, total
from jaxgan.nets.layers import growing
from jaxgan.runtime.errors import UserError

NODE = {"first": 4, "stable": "120", "fade": "1.2kimg", "batch": {"8": 16, "32": 4}}
GROWN = plan(NODE, shape=(32, 32, 3), images=32, size=100)


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (500, 500),
        ("500", 500),
        ("6.4kimg", 100),
        ("6.41kimg", 101),
        ("3epochs", 30),
        ("1epoch", 10),
    ],
)
def test_durations(duration, expected):
    assert steps(duration, batch=64, size=640, at="config.steps") == expected


@pytest.mark.parametrize("duration", ["soon", "10miles", -5, "epochs"])
def test_nonsense_durations_are_refused(duration):
    with pytest.raises(UserError, match="config.steps=.* is not a duration"):
        steps(duration, batch=64, size=640, at="config.steps")


def test_stages_and_their_batches():
    """1.2 thousand images are 75 steps of 16, and 300 of 4."""
    assert GROWN.stages == (
        Stage(4, 0, 120, 0, 32, 0),
        Stage(8, 120, 315, 75, 16, 120 * 32),
        Stage(16, 315, 510, 75, 16, 120 * 32 + 195 * 16),
        Stage(32, 510, None, 300, 4, 120 * 32 + 390 * 16),
    )
    assert [GROWN.stage(t).res for t in (0, 119, 120, 314, 315, 510, 10**9)] == [
        4, 4, 8, 8, 16, 32, 32
    ]  # fmt: skip


def test_images_seen_and_the_steps_that_see_them():
    seen = np.cumsum([0, *(GROWN.stage(t).batch for t in range(700))])
    assert [GROWN.seen(t) for t in range(701)] == seen.tolist()
    for images in (0, 1, 3840, 3841, 10_000, 10_500):
        assert GROWN.steps(images) == np.flatnonzero(seen >= images)[0]
    assert total("3.84kimg", growth=GROWN, size=100, at="") == 120
    assert total("50epochs", growth=GROWN, size=100, at="") == 120 + 73
    assert total("77", growth=GROWN, size=100, at="") == 77


def test_alpha_and_level():
    stage, times = GROWN.stages[1], np.array([0, 120, 150, 195, 300])
    np.testing.assert_allclose(growing.alpha(stage, times), [0, 0, 30 / 75, 1, 1])
    assert [stage.alpha(t) for t in times] == [0, 0, 30 / 75, 1, 1]
    for each, t, level, resolutions in (
        (GROWN.stages[0], 7, 2.0, (4, 4)),
        (stage, 150, 2.4, (4, 8)),
        (GROWN.stages[3], 10**6, 5.0, (16, 32)),
    ):
        found, between = growing.for_stage(each, t)
        assert between == resolutions and float(found) == pytest.approx(level)
    times = jnp.array([0, 120, 150, 195, 315, 390, 660, 810, 10**7])
    levels, resolutions = growing.for_all_stages(GROWN, times)
    assert resolutions == (4, 32)
    np.testing.assert_allclose(levels, [2, 2, 2.4, 3, 3, 4, 4.5, 5, 5], rtol=1e-6)


def test_without_a_fade_a_resolution_arrives_in_one_step():
    grown = plan({**NODE, "fade": 0}, shape=(8, 8, 3), images=32, size=100)
    np.testing.assert_array_equal(
        growing.for_all_stages(grown, jnp.array([0, 119, 120, 121]))[0], [2, 2, 3, 3]
    )
    assert grown.stages[1].alpha(120) == 1.0


def test_readings_to_log():
    assert GROWN.readings(150) == pytest.approx(
        {"kimg": (3840 + 30 * 16) / 1000, "res": 8, "alpha": 0.4}
    )
    assert fixed(32, 8).readings(5) == {"kimg": 0.04}


def test_real_images_fade_in_by_the_closed_form():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (2, 32, 32, 3)).astype(np.float32)
    eights = x.reshape(2, 8, 4, 8, 4, 3).mean(axis=(2, 4))
    fours = x.reshape(2, 4, 8, 4, 8, 3).mean(axis=(2, 4)).repeat(2, axis=1).repeat(2, axis=2)
    for step, alpha in ((120, 0.0), (150, 0.4), (195, 1.0)):
        found = growing.reals(jnp.asarray(x), GROWN.stages[1], step)
        np.testing.assert_allclose(found, (1 - alpha) * fours + alpha * eights, atol=1e-6)
    first = growing.reals(jnp.asarray(x), GROWN.stages[0], 5)
    np.testing.assert_allclose(first, fours[:, ::2, ::2], atol=1e-6)


def test_rates_by_resolution():
    grown = plan({**NODE, "rate": {"16": 1.5}}, shape=(32, 32, 3), images=32, size=100)
    assert [stage.rate for stage in grown.stages] == [1.0, 1.0, 1.5, 1.5]


def test_a_pyramids_stages_may_grow_faster_or_train_together():
    node = {"first": 8, "stable": 3, "fade": 0}
    of = functools.partial(plan, shape=(32, 32, 3), images=6, size=100)
    assert of({**node, "factor": 4}).stages == (
        Stage(8, 0, 3, 0, 6, 0), Stage(32, 3, None, 0, 6, 18)
    )  # fmt: skip
    at_once = of({**node, "together": True, "batch": {"16": 4}, "rate": {"32": 0.5}})
    assert at_once.stages == (
        Stage(8, 0, None, 0, 4, 0), Stage(16, 0, None, 0, 4, 0), Stage(32, 0, None, 0, 4, 0, 0.5)
    )  # fmt: skip
    assert at_once.seen(5) == 20 and at_once.steps(20) == 5 and at_once.stage(0).res == 32
    with pytest.raises(UserError, match="config.growth.factor=8: from 8 pixels .* data's 32"):
        of({**node, "factor": 8})


def test_without_a_node_nothing_grows():
    assert plan(None, shape=(28, 28, 1), images=7, size=1) == Growth((Stage(28, 0, None, 0, 7, 0),))


@pytest.mark.parametrize(
    ("node", "shape", "text"),
    [
        ({"frist": 4}, (8, 8, 3), "config.growth.frist.*did you mean 'first'"),
        ({"first": 6}, (8, 8, 3), "config.growth.first=6"),
        ({"first": 16}, (8, 8, 3), "growing takes square images of 16, .*set --config.data.res"),
        ({}, (28, 28, 1), "growing takes square images"),
        ({"stable": "long"}, (8, 8, 3), "config.growth.stable='long': a duration"),
        ({"stable": 0, "fade": 0}, (8, 8, 3), "takes a step"),
        ({"batch": {"8": 0}}, (8, 8, 3), "config.growth.batch.8=0"),
        ({"batch": {"9": 4}}, (8, 8, 3), "config.growth.batch.9=4"),
        ({"rate": {"8": "fast"}}, (8, 8, 3), "config.growth.rate.8='fast'"),
    ],
)
def test_bad_nodes_are_refused(node, shape, text):
    with pytest.raises(UserError, match=text):
        plan(node, shape=shape, images=8, size=100)


def test_intervals_in_images_need_one_batch():
    with pytest.raises(UserError, match="config.log.every='1kimg'.*write steps"):
        interval("1kimg", growth=GROWN, size=100, at="config.log.every")
    assert interval(30, growth=GROWN, size=100, at="") == 30
    assert interval("1kimg", growth=fixed(8, 10), size=100, at="") == 100
