"""Truncation towards the mean w, on tiny nets of both style-based games."""

from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import sample
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.core.growth import plan
from jaxgan.evaluation.subject import Subject
from jaxgan.generation.truncation import truncated
from jaxgan.nets.mapping import spread
from jaxgan.runtime.errors import UserError
from jaxgan.training import replicas, workdir
from jaxgan.training.checkpoint import Checkpoints

ROOT = Path(__file__).parents[2]
SHAPE = (8, 8, 3)
OPTIONS = ["g.channel_max=4", "d.channel_max=4", "g.w_dim=6", "g.layers=2", "latent=5", "psi=0.7"]


def record(name: str) -> workdir.Record:
    config = configs.load(f"{ROOT}/experiments/{name}.py:smoke")
    configs.override(config, [f"--config.game.{option}" for option in OPTIONS])
    config, spec = config.to_dict(), Spec(SHAPE)
    growth = plan(config.get("growth"), shape=SHAPE, images=config["batch"], size=100)
    return workdir.Record(config, spec, config["steps"], growth)


@pytest.fixture(scope="module", params=["stylegan", "stylegan2"])
def run(request, tmp_path_factory):
    """A run's folder, its game, and its untrained state with a mean w that is not 0."""
    folder, saved = tmp_path_factory.mktemp(request.param), record(request.param)
    game = saved.game()
    state = jax.jit(partial(replicas.first, game))(jax.random.key(0))
    mean = jax.random.normal(jax.random.key(1), game.styles.mean(state).shape)
    state = state.replace(step=jnp.int32(4), memory=state.memory | {"w_avg": mean})
    workdir.write(folder, saved)
    checkpoints = Checkpoints(folder / "checkpoints")
    checkpoints.save(state, 4)
    checkpoints.close()
    return folder, game, state


@pytest.fixture(scope="module")
def drawn(run):
    """A function psi -> images of three latents."""
    _, game, state = run
    inputs = {"z": jax.random.normal(jax.random.key(2), (3, 5))}

    @jax.jit
    def draw(psi):
        return truncated(game, psi)(state, inputs, jax.random.key(3))

    return inputs, draw


def test_psi_1_is_the_synthesis_without_truncation(run, drawn):
    _, game, state = run
    inputs, draw = drawn

    @jax.jit
    def untruncated(state):
        ws = spread(game.styles.map(state, inputs), game.styles.layers)
        return jnp.clip(game.styles.synthesize(state, ws), -1, 1)

    images = draw(1.0)
    np.testing.assert_allclose(images, untruncated(state), atol=1e-5)
    assert images.shape == (3, *SHAPE) and (images[0] != images[1]).any()


def test_psi_0_draws_the_image_of_the_mean_w_for_all(run, drawn):
    _, game, state = run
    ws = spread(game.styles.mean(state)[None], game.styles.layers)
    image = jnp.clip(jax.jit(game.styles.synthesize)(state, ws), -1, 1)
    _, draw = drawn
    np.testing.assert_allclose(draw(0.0), jnp.broadcast_to(image, (3, *SHAPE)), atol=1e-5)


def test_psi_of_the_config_draws_the_games_own_samples(run, drawn):
    _, game, state = run
    inputs, draw = drawn
    own = jax.jit(game.sample)(state, inputs, jax.random.key(3))
    np.testing.assert_allclose(draw(0.7), own, atol=1e-5)
    assert np.abs(draw(1.0) - own).max() > 1e-3 < np.abs(draw(0.0) - own).max()


def test_the_commands_psi(run, tmp_path):
    """Images of the same latents: the config's by default, one for all at 0."""
    folder, *_ = run

    def images(*flags):
        flags = [f"--workdir={folder}", "--n=4", f"--out={tmp_path}/a.npz", *flags]
        assert sample.main(flags) == 0
        with np.load(tmp_path / "a.npz") as arrays:
            return arrays["images"].astype(int)

    own, same, far, mean = images(), images("--psi=0.7"), images("--psi=1"), images("--psi=0")
    np.testing.assert_allclose(same, own, atol=1)
    assert (far != own).any()
    assert np.ptp(mean, axis=0).max() <= 1 < np.ptp(own, axis=0).max()


def test_a_psi_that_is_asked_for_draws_what_is_evaluated(run, drawn):
    folder, _, state = run
    inputs, draw = drawn
    subject = Subject(folder, psi=0.25)
    own = jax.jit(subject.game.sample)(state, inputs, jax.random.key(3))
    np.testing.assert_allclose(draw(0.25), own, atol=1e-5)
    assert subject.truncation == "psi 0.25" and Subject(folder).truncation == "psi 0.7"


def test_a_game_without_w_is_refused():
    config = configs.load(f"{ROOT}/experiments/gan.py").to_dict()
    game = make_game(config["game"], config["optim"], spec=Spec((28, 28, 1)), steps=1)
    with pytest.raises(UserError, match="--psi=0.5: this run's game has no w to truncate"):
        truncated(game, 0.5)
