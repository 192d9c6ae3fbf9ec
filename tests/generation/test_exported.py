"""Exported generators: what other programs compute is what the run samples."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import onnxruntime
import pytest

from jaxgan import config as configs
from jaxgan import export
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.generation import exported
from jaxgan.generation.run import open_run
from jaxgan.runtime.errors import UserError
from jaxgan.training.setup import prepare
from jaxgan.training.workdir import Record, Restored

ROOT = Path(__file__).parents[2]
CONVOLUTIONAL = ("dcgan.py", "sngan.py", "progan.py", "stylegan2.py")


@pytest.fixture
def opened(monkeypatch):
    """Returns a function of an experiment's name: its run with random weights, as `open_run`'s."""

    def run_of(name):
        config = configs.load(str(ROOT / "experiments" / name)).to_dict()
        run = bind(prepare, config, at="config")()
        draw = np.random.default_rng(0)

        def filled(at, leaf):
            if leaf.dtype != np.float32:
                return np.full(leaf.shape, run.steps, leaf.dtype)  # progressive nets are grown
            place = jax.tree_util.keystr(at)
            scale = 100.0 if "mapping" in place else 0.1 if name.startswith("sngan") else 0.3
            values = np.float32(draw.normal(size=leaf.shape) * scale)
            return abs(values) + 0.5 if "var" in place else values

        like = jax.eval_shape(lambda: core.init(run.game, jax.random.key(0)))
        state = jax.tree.map(jnp.asarray, jax.tree_util.tree_map_with_path(filled, like))
        restored = Restored(Record(config, run.spec, run.steps, data=run.data), run.game, state)
        monkeypatch.setattr("jaxgan.training.workdir.restore", lambda *_: restored)
        return open_run("nowhere")

    return run_of


def rows_of(generator, n):
    draw = np.random.default_rng(n)
    return {
        name: draw.normal(size=(n, *spec.shape[1:])).astype(spec.dtype)
        if spec.dtype == np.float32
        else np.arange(n, dtype=spec.dtype)
        for name, spec in generator.specs.items()
    }


def sampled(run, rows):
    names = {"latents": "z", "labels": "y", "conditions": "y"}
    return run.sample({names[name]: values for name, values in rows.items()})


@pytest.mark.parametrize("name", [*CONVOLUTIONAL, "cgan.py", "infogan.py"])
def test_files_compute_what_the_run_samples(name, opened, tmp_path):
    run = opened(f"{name}:smoke")
    flags = [f"--workdir={tmp_path}"]
    assert export.main([*flags, f"--out={tmp_path}/g.jax"]) == 0
    assert export.main([*flags, f"--out={tmp_path}/g.onnx"]) == 0
    program = jax.export.deserialize(bytearray((tmp_path / "g.jax").read_bytes()))
    assert set(program.platforms) == {"cpu", "cuda", "rocm", "tpu"}
    model = onnxruntime.InferenceSession(str(tmp_path / "g.onnx"))
    for n in (1, 7):
        rows = rows_of(exported.of(run), n)
        want = sampled(run, rows)
        if n > 1:  # samples depend on the inputs, and are not all at the ends of their range
            assert want.std(axis=0).max() > 0.05 and (abs(want) > 0.99).mean() < 0.3
        np.testing.assert_allclose(program.call(**rows), want, atol=1e-5)
        np.testing.assert_allclose(model.run(["images"], rows)[0], want, atol=1e-5)


def test_both_directions_of_a_run_that_translates(opened, tmp_path):
    run = opened("cyclegan.py:smoke")
    for direction in ("a2b", "b2a"):
        out = tmp_path / f"{direction}.onnx"
        flags = [f"--workdir={tmp_path}", f"--out={out}", f"--direction={direction}"]
        assert export.main(flags) == 0
        inputs = np.clip(rows_of(exported.of(run, direction), 2)["inputs"], -1, 1)
        got = onnxruntime.InferenceSession(str(out)).run(None, {"inputs": inputs})[0]
        want = run.translate(inputs, direction)
        np.testing.assert_allclose(got, want, atol=1e-5)


def test_psi_is_in_the_file(opened):
    run = opened("stylegan2.py:smoke")
    rows = rows_of(exported.of(run), 3)
    whole, none = (
        exported.of(run, psi=psi).call(run.state, jax.random.key(0), **rows) for psi in (1.0, 0.0)
    )
    np.testing.assert_allclose(none[0], none[1], atol=1e-6)
    assert np.abs(whole[0] - whole[1]).max() > 0.1


def test_weights_are_all_that_samples_depend_on(opened, tmp_path):
    run = opened("gan.py:smoke")
    assert export.main([f"--workdir={tmp_path}", f"--out={tmp_path}/g.npz"]) == 0
    with np.load(tmp_path / "g.npz") as file:
        arrays = dict(file)
    assert arrays and all(name.startswith(("ema/g/", "params/g/")) for name in arrays)
    want = run.sample(4)

    def kept(at, leaf):
        name = jax.tree_util.keystr(at, simple=True, separator="/")
        return arrays.get(name, np.zeros_like(leaf))

    bare = run.having(jax.tree_util.tree_map_with_path(kept, run.state))
    np.testing.assert_array_equal(bare.sample(4), want)


def test_noise_of_the_generators_own_is_refused(opened, tmp_path):
    run = opened("gan.py:smoke")
    sample = run.game.sample
    run.game = run.game._replace(
        sample=lambda state, rows, key: sample(state, rows, key) + jax.random.normal(key)
    )
    generator = exported.of(run)
    for save in (exported.save_onnx, lambda *given: exported.save_program(*given, ("cpu",))):
        with pytest.raises(UserError, match="noise of its own"):
            save(tmp_path / "g", generator)
    exported.save_weights(tmp_path / "g.npz", generator)


def test_psi_of_a_run_that_translates_is_refused(opened):
    with pytest.raises(UserError, match="no w"):
        exported.of(opened("cyclegan.py:smoke"), "a2b", psi=0.5)


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--out=g.pt"], "write a .jax, .onnx, .npz"),
        (["--out=g.onnx", "--platforms=cpu"], "has none"),
        (["--out=g.jax", "--platforms=cpu,abacus"], "'abacus'"),
        (["--out=g.jax", "--direction=b2a"], "does not translate"),
        (["--out=g.jax", "--psi=0.5"], "no w"),
    ],
)
def test_flags_that_do_not_fit(flags, says, opened, tmp_path):
    opened("gan.py:smoke")
    out = tmp_path / flags[0].removeprefix("--out=")
    with pytest.raises(UserError, match=says):
        export.main([f"--workdir={tmp_path}", f"--out={out}", *flags[1:]])
    assert not out.exists()
