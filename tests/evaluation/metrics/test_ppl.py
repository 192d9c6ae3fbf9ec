"""Path lengths with known answers, and those of the style-based generators."""

import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import convert, evaluate
from jaxgan.core import inputs
from jaxgan.core.game import Spec
from jaxgan.core.growth import plan
from jaxgan.evaluation.features import distance, efficientnet, extract
from jaxgan.evaluation.features.network import Features
from jaxgan.evaluation.metrics import ppl
from jaxgan.nets.ops.resize import upsample
from jaxgan.runtime.errors import UserError
from jaxgan.training import replicas, workdir
from jaxgan.training.checkpoint import Checkpoints

ROOT = Path(__file__).parents[3]
D = 6


def ends(generator, key):
    a, b = jax.random.split(key)
    return jax.random.normal(a, (4, D)), jax.random.normal(b, (4, D))


def squared(features, a, b):
    return features * jnp.sum((a - b) ** 2, axis=1)


@pytest.mark.parametrize("path", ppl.PATHS)
def test_lengths_of_a_linear_generator(path):
    matrix = np.random.default_rng(0).normal(size=(D, 9)).astype(np.float32)
    found = ppl.lengths(
        ends, lambda g, w: w @ g, squared, (matrix, 3.0), n=10, seed=1, path=path, batch=4
    )
    steps = []
    for key in jax.random.split(jax.random.key(1), 3):
        start, stop = ends(None, jax.random.split(key)[0])
        steps += [*np.asarray(stop - start, np.float64)]
    expected = 3 * np.sum((np.array(steps) @ matrix) ** 2, axis=1)[:10]
    np.testing.assert_allclose(found, expected, rtol=3e-3)


def test_paths_are_measured_at_their_start_or_anywhere():
    """Images w^2 move at the rate 2 w."""

    def line(generator, key):
        return jnp.ones((4, 1)), jnp.full((4, 1), 3.0)

    args = (line, lambda g, w: w**2, squared, (0.0, 1.0))
    at_start = ppl.lengths(*args, n=8, seed=0, path="end", batch=4)
    np.testing.assert_allclose(at_start, 16, rtol=5e-3)  # (2 * 1 * 2)^2
    between = ppl.lengths(*args, n=400, seed=0, path="full", batch=4)
    assert between.min() >= 15.9 and between.max() <= 16 * 9.1
    assert between.mean() == pytest.approx(16 * 13 / 3, rel=0.1)  # E (1 + 2t)^2 = 13 / 3


def test_values_beyond_the_outer_percentiles_are_dropped():
    values = np.arange(1000.0)
    values[-1] = 1e9
    assert ppl.trimmed_mean(values) == np.mean(np.arange(9, 991))


def pixels(features, a, b):
    return jnp.mean((a - b) ** 2, axis=(1, 2, 3))


@pytest.fixture
def distance_of_pixels(monkeypatch):
    net = Features(
        name=efficientnet.NAME,
        sha256=efficientnet.SHA256,
        resize=efficientnet.RESIZE,
        dims=1,
        params={},
        apply=pixels,
    )
    monkeypatch.setattr(extract, "load", lambda: net)
    monkeypatch.setattr(distance, "perceptual", pixels)


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """The fixture's StyleGAN2 as a run."""
    folder = tmp_path_factory.mktemp("published")
    with np.load(ROOT / "tests/fixtures/stylegan2_32.npz") as arrays:
        np.savez(folder / "g.npz", **{k: v for k, v in arrays.items() if k.startswith("G/")})
    base = f"--config={ROOT}/experiments/stylegan2.py"
    assert convert.main([str(folder / "g.npz"), f"--workdir={folder}/run", base]) == 0
    return folder / "run"


@pytest.fixture(scope="module")
def grown(tmp_path_factory):
    """An untrained StyleGAN's run: checkpoints at 4 pixels of 8, and halfway from 4 to 8."""
    folder = tmp_path_factory.mktemp("grown")
    config = configs.load(f"{ROOT}/experiments/stylegan.py:smoke")
    config.game.g.update({"w_dim": 6, "layers": 2, "dtype": "bfloat16"})
    config = config.to_dict()
    spec = Spec((8, 8, 1))
    growth = plan(config["growth"], shape=spec.shape, images=config["batch"], size=100)
    record = workdir.Record(config, spec, 6, growth)
    game = record.game()
    workdir.write(folder, record)
    state = jax.jit(functools.partial(replicas.first, game))(jax.random.key(0))
    checkpoints = Checkpoints(folder / "checkpoints")
    for step in (1, 3):
        checkpoints.save(state.replace(step=jnp.int32(step)), step)
    checkpoints.close()
    return folder


def walk(game):
    """The ends of two paths in a game's w, and the images along them."""
    return functools.partial(ppl.ends_in_w, game, batch=2), functools.partial(ppl.images_of_w, game)


def speeds(ends, draw, state):
    """Of two batches' starts, by the derivative that jvp gives."""

    @jax.jit
    def speed(key):
        start, stop = ends(state, jax.random.split(key)[0])
        moved = jax.jvp(lambda w: draw(state, w), (start,), (stop - start,))[1]
        return jnp.mean(moved**2, axis=(1, 2, 3))

    return np.concatenate([speed(key) for key in jax.random.split(jax.random.key(0), 2)])


def test_lengths_of_a_stylegan2_run(published, distance_of_pixels, capsys):
    _, game, state = workdir.restore(published)
    ends, draw = walk(game)
    w, other = ends(state, jax.random.key(0))
    assert w.shape == other.shape == (2, 64) and (w != other).any()
    flags = [f"--workdir={published}", "--metrics=ppl", "--n=8", "--json"]
    assert evaluate.main(flags) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["protocol"]["path"] == "end in w" and "not LPIPS" in row["protocol"]["distance"]
    found = ppl.lengths(ends, draw, pixels, (state, {}), n=4, seed=0, batch=2)
    np.testing.assert_allclose(found, speeds(ends, draw, state), rtol=0.02)
    with pytest.raises(UserError, match="--path: invalid choice: 'middle'"):
        evaluate.main([*flags, "--path=middle"])


def test_lengths_of_a_stylegan_run_follow_its_growth(grown, distance_of_pixels, capsys):
    """Its images are the samples at the checkpoint's step, but for truncation."""
    values = []
    for step in (1, 3):
        _, game, state = workdir.restore(grown, step=step)
        ends, draw = walk(game)
        images = jax.jit(draw)(state, ends(state, jax.random.key(0))[0])
        blocky = bool((images == upsample(images[:, ::2, ::2])).all())
        assert images.shape == (2, 8, 8, 1) and blocky == (step == 1)
        k_start = jax.random.split(jax.random.key(0), 3)[1]
        plain = functools.partial(game.sample.func, game.sample.args[0], 1.0)
        sampled = jax.jit(plain)(state, inputs.draw(game.inputs, k_start, 2), k_start)
        np.testing.assert_allclose(jnp.clip(images, -1, 1), sampled, atol=0.05)  # it has bfloat16

        found = ppl.lengths(ends, draw, pixels, (state, {}), n=4, seed=0, batch=2)
        np.testing.assert_allclose(found, speeds(ends, draw, state), rtol=0.02)
        flags = [f"--workdir={grown}", "--metrics=ppl", f"--step={step}", "--n=8", "--json"]
        assert evaluate.main(flags) == 0
        values.append(json.loads(capsys.readouterr().out)["value"])
    assert values[0] != values[1]
