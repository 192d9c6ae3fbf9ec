"""Runs of every experiment that are built and never trained, for tests of what is made of them."""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import config as configs
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.training.setup import prepare
from jaxgan.training.workdir import Record, Restored

FOLDER = Path(__file__).parents[2] / "experiments"
EXPERIMENTS = [f"{path.name}:smoke" for path in sorted(FOLDER.glob("*.py"))]
NAMES = EXPERIMENTS + [f"toy.py:smoke,data={name}" for name in ("grid", "moons", "swiss_roll")]


@functools.cache
def built(name):
    """The run of an experiment, its state of zeros, and the shape of its samples."""
    config = configs.load(str(FOLDER / name)).to_dict()
    run = bind(prepare, config, at="config")()
    like = jax.eval_shape(lambda: core.init(run.game, jax.random.key(0)))
    state = jax.tree.map(lambda leaf: np.zeros(leaf.shape, leaf.dtype), like)
    record = Record(config, run.spec, run.steps, data=run.data)
    return Restored(record, run.game, state), run.feeds[0].source, run.spec.other or run.spec.shape


def without_nets(restored, shape):
    """The same run with functions in place of its nets that compile at once."""

    def images(rows):
        lead = rows.reshape(len(rows), -1)[:, :1].reshape(-1, *[1] * len(shape))
        return jnp.tanh(lead + jnp.linspace(-1, 1, int(np.prod(shape))).reshape(shape))

    game = restored.game._replace(
        sample=lambda state, drawn, key: images(drawn.get("z", next(iter(drawn.values())))),
        critic=lambda state, batch: batch["image"].reshape(len(batch["image"]), -1).mean(axis=1),
    )
    if game.styles is not None:
        dim = len(game.styles.mean(restored.state))
        styles = game.styles._replace(
            map=lambda state, drawn: jnp.resize(drawn["z"], (len(drawn["z"]), dim)),
            synthesize=lambda state, ws: images(ws),
        )
        game = game._replace(styles=styles)
    return restored._replace(game=game)
