"""`jaxgan.open`: a run's samples, w, critic and data as arrays, and images found again."""

import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
import untrained

import jaxgan
from jaxgan import sample as command
from jaxgan.core import game as core
from jaxgan.generation import data
from jaxgan.generation.projection import project
from jaxgan.generation.run import Run
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir
from jaxgan.visual.raster import to_uint8


def initialized(name):
    """A run of an experiment in its first state, with nets."""
    restored, _, _ = untrained.built(name)
    state = jax.jit(lambda: core.init(restored.game, jax.random.key(0)))()
    return restored._replace(state=state)


@pytest.fixture(scope="module")
def plain():
    return initialized("gan.py:smoke")


@pytest.fixture(scope="module")
def styled():
    return initialized("stylegan2.py:smoke")


@pytest.fixture(scope="module")
def labeled():
    return initialized("cgan.py:smoke")


def test_samples_are_those_of_the_command(plain, tmp_path, monkeypatch):
    monkeypatch.setattr(workdir, "restore", lambda *_: plain)
    flags = [f"--workdir={tmp_path}", "--n=5", "--seed=3"]
    assert command.main([*flags, f"--out={tmp_path}/a.npz"]) == 0
    run = jaxgan.open(tmp_path)
    assert run.config["game"]["name"] == "adversarial" and run.step == 0
    assert run.spec.shape == (28, 28, 1) and run.classes == ()
    with np.load(tmp_path / "a.npz") as arrays:
        z, images = arrays["latents"], arrays["images"]
    np.testing.assert_array_equal(run.latents(5, seed=3), z)
    np.testing.assert_array_equal(run.sample(5, seed=3, uint8=True), images)
    floats = run.sample(z)
    assert floats.dtype == np.float32 and abs(floats).max() <= 1
    np.testing.assert_array_equal(to_uint8(floats), images)
    scores = run.critic(floats)
    assert scores.shape == (5,) and scores.std() > 0
    np.testing.assert_allclose(run.critic(images), scores, atol=0.02)


def test_what_a_run_lacks_is_said(plain, labeled):
    run = Run(Path("."), plain)
    assert set(run.lacks) == {"labels", "styles", "translators"}
    for call, text in {
        lambda: run.styles(3): "no w: its generator is not style-based",
        lambda: run.synthesize(np.zeros((1, 4))): "no w",
        lambda: run.sample(2, psi=0.5): "no w to truncate",
        lambda: run.sample(2, labels=1): "takes neither labels nor conditions",
        lambda: run.translate(np.zeros((1, 28, 28, 1))): "does not translate",
        lambda: run.sample(
            np.zeros((2, 3))
        ): r"latents of shape \(2, 3\): this run takes \(N, 64\)",
        lambda: run.sample(0): "at least 1",
        lambda: run.sample(4, seed=[1, 2]): "2 seeds of 4 samples",
        lambda: run.critic(np.zeros((1, 4, 4, 1))): r"the critic takes \(N, 28, 28, 1\)",
        lambda: jaxgan.open(".", generator="mean"): "'averaged', 'last'",
    }.items():
        with pytest.raises(UserError, match=text):
            call()
    run = Run(Path("."), labeled)
    images = run.sample(3, labels=[1, 1, 2])
    with pytest.raises(UserError, match="together with its label: pass labels"):
        run.critic(images)
    assert (run.critic(images, labels=[1, 1, 2]) != run.critic(images, labels=0)).any()
    np.testing.assert_array_equal(run.inputs(3, labels="7,8")["y"], [7, 8, 7])
    with pytest.raises(UserError, match="labels 0 to 10: this model takes 0 to 9"):
        run.sample(2, labels=[0, 10])


def test_samples_are_synthesized_from_w(styled):
    run = Run(Path("."), styled)
    z = run.latents(3)
    w = run.styles(z)
    assert w.shape == (3, len(run.mean_style)) and run.game.styles.psi == 1.0
    np.testing.assert_allclose(run.synthesize(w, psi=0.5), run.sample(z, psi=0.5), atol=1e-5)
    np.testing.assert_allclose(run.synthesize(w), run.sample(z), atol=1e-5)
    layers = np.repeat(w[:, None], run.game.styles.layers, axis=1)
    np.testing.assert_array_equal(run.synthesize(layers), run.synthesize(w))
    with pytest.raises(UserError, match="this run takes"):
        run.synthesize(layers[:, :-1])


def test_real_items_are_drawn_of_the_data(plain, monkeypatch):
    source = untrained.built("gan.py:smoke")[1]
    monkeypatch.setattr(data, "opened", lambda record: source)
    run = Run(Path("."), plain)
    reals = run.reals(7, seed=1)
    assert reals["image"].shape == (7, 28, 28, 1) and reals["image"].dtype == np.uint8
    assert len(run.reals(10**6)["image"]) == source.size
    assert len(np.unique(reals["image"].reshape(7, -1), axis=0)) == 7, "without replacement"


@pytest.mark.parametrize("space", ["z", "w"])
def test_a_generated_image_is_found_again(plain, styled, space):
    run = Run(Path("."), plain if space == "z" else styled)
    rows = run.inputs(2, seed=5)
    w = run.styles(rows) if space == "w" else None
    targets = run.sample(rows) if w is None else run.synthesize(w)
    found = project(run, targets, rows, space, steps=400)
    assert (found.distances < 0.01 * found.before).all(), (found.distances, found.before)
    assert (found.before > 0).all()
    made = run.sample(rows | {"z": found.points}) if w is None else run.synthesize(found.points)
    np.testing.assert_allclose(made, found.images, atol=1e-4)
    other = np.random.default_rng(0).uniform(-1, 1, targets.shape)
    with pytest.raises(UserError, match="this run's are"):
        project(run, other[:, :4], rows, space)


def test_importing_jaxgan_is_cheap():
    code = "import jaxgan, sys; assert callable(jaxgan.open) and 'jax' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
