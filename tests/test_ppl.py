"""Path lengths whose answer is known, and those of StyleGAN2's nets."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import convert, evaluate, sample, score
from jaxgan.errors import UserError
from jaxgan.evals import features, ppl

ROOT = Path(__file__).parents[1]
D = 6


def ends(generator, key):
    a, b = jax.random.split(key)
    return jax.random.normal(a, (4, D)), jax.random.normal(b, (4, D))


def squared(judge, a, b):
    return judge * jnp.sum((a - b) ** 2, axis=1)


@pytest.mark.parametrize("path", ppl.PATHS)
def test_a_linear_generator(path):
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


def test_where_paths_are_measured():
    """Images w^2 move at the rate 2 w: at the start, or anywhere between."""

    def line(generator, key):
        return jnp.ones((4, 1)), jnp.full((4, 1), 3.0)

    args = (line, lambda g, w: w**2, squared, (0.0, 1.0))
    at_start = ppl.lengths(*args, n=8, seed=0, path="end", batch=4)
    np.testing.assert_allclose(at_start, 16, rtol=5e-3)  # (2 * 1 * 2)^2
    between = ppl.lengths(*args, n=400, seed=0, path="full", batch=4)
    assert between.min() >= 15.9 and between.max() <= 16 * 9.1
    assert between.mean() == pytest.approx(16 * 13 / 3, rel=0.1)  # E (1 + 2t)^2 = 13 / 3


def test_outliers_are_dropped():
    values = np.arange(1000.0)
    values[-1] = 1e9
    assert ppl.trimmed_mean(values) == np.mean(np.arange(9, 991))


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """The fixture's StyleGAN2 as a run."""
    folder = tmp_path_factory.mktemp("run")
    with np.load(ROOT / "tests/fixtures/stylegan2_32.npz") as arrays:
        np.savez(folder / "g.npz", **{k: v for k, v in arrays.items() if k.startswith("G/")})
    base = f"--config={ROOT}/experiments/stylegan2.py"
    assert convert.main([str(folder / "g.npz"), f"--workdir={folder}/run", base]) == 0
    return folder / "run"


def test_a_stylegan2_run(workdir, monkeypatch, capsys):
    config, game, state = sample.restore(workdir)
    pieces = ppl.of_stylegan2(config["game"], score.Subject(workdir).spec, game, batch=2)
    w, other = pieces[0](state, jax.random.key(0))
    assert w.shape == other.shape == (2, 64) and (w != other).any()

    def pixels(judge, a, b):
        return jnp.mean((a - b) ** 2, axis=(1, 2, 3))

    monkeypatch.setattr(features, "load", dict)
    monkeypatch.setattr(features, "distance", pixels)
    flags = [f"--workdir={workdir}", "--metrics=ppl", "--n=8", "--json"]
    assert evaluate.main(flags) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["protocol"]["path"] == "end in w" and "not LPIPS" in row["protocol"]["distance"]

    # Its steps of 1e-4 follow the derivative that jvp gives.
    def speed(key):
        start, stop = pieces[0](state, jax.random.split(key)[0])
        moved = jax.jvp(lambda w: pieces[1](state, w), (start,), (stop - start,))[1]
        return jnp.mean(moved**2, axis=(1, 2, 3))

    expected = [jax.jit(speed)(key) for key in jax.random.split(jax.random.key(0), 2)]
    found = ppl.lengths(*pieces, pixels, (state, {}), n=4, seed=0, batch=2)
    np.testing.assert_allclose(found, np.concatenate(expected), rtol=0.02)
    with pytest.raises(UserError, match="--path=middle: end or full"):
        evaluate.main([*flags, "--path=middle"])
