"""Plays a step of an experiment's game from the arrays of seeded.py, in float64."""

import functools
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import seeded
from flax.traverse_util import flatten_dict, unflatten_dict

from jaxgan import config as configs
from jaxgan.core import game as core
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Game, Spec, State
from jaxgan.core.growth import plan
from jaxgan.games import adversarial, progressive, stylegan, stylegan2
from jaxgan.games.common import batches, conditions
from jaxgan.losses import adversarial as losses
from jaxgan.losses import auxiliary, regularizers
from jaxgan.nets import mapping
from jaxgan.nets import stylegan as epilogues
from jaxgan.nets.layers import modulated

# Flax draws too, when it checks the shapes of parameters: these are the modules that draw in steps.
DRAWING = (
    *(adversarial, progressive, stylegan, stylegan2, conditions, losses, auxiliary, regularizers),
    *(batches, mapping, epilogues, modulated),
)
HERE = Path(__file__).parent
NONE: dict = {}
QUICK = {"xla_llvm_disable_expensive_passes": True}  # compilation is most of the time


def expected(name):
    return json.loads((HERE / f"expected/{name}.json").read_text())


def build(name, config, changes) -> Game:
    """Builds an experiment's game, smaller where `changes` says so, for a run of 40 steps."""
    shape = expected(name)["shape"]
    node = configs.load(f"{HERE.parents[1]}/experiments/{config}").to_dict()
    for key, value in changes.items():
        *path, last = key.split(".")
        functools.reduce(lambda each, name: each[name], path, node)[last] = value
    spec = Spec(tuple(shape[1:]), classes=3)
    growth = plan(node.get("growth"), shape=spec.shape, images=shape[0], size=100)
    return make_game(node["game"], node["optim"], spec=spec, steps=40, growth=growth)


def filled(tree, make):
    """Replaces each leaf of nested dicts by make(path, shape)."""
    flat = {path: make("/".join(path), leaf.shape) for path, leaf in flatten_dict(tree).items()}
    return dict.fromkeys(tree, {}) | unflatten_dict(flat)


def start(name, game, *, equalized=False, step=0, memory=NONE) -> State:
    """Returns the state before a step: optimizers in mid-run, averages apart from parameters.

    memory: entries that are not seeded.
    """
    like = jax.eval_shape(functools.partial(core.init, game), jax.random.key(0))
    params, averages = (
        filled(tree, functools.partial(seeded.parameter, which, equalized=equalized))
        for tree, which in ((like.params, name), (like.ema, f"{name} ema"))
    )

    def moment(path, leaf):
        names = [getattr(key, "name", getattr(key, "key", None)) for key in path]
        names = [each for each in names if each not in (None, "own")]
        _, field, *place = names  # the player, then an optax state's
        if field in ("count", "moves"):
            return np.int32(step if field == "moves" else seeded.COUNT)
        return seeded.moments(name, "/".join(place), leaf.shape)[["mu", "nu"].index(field)]

    return State(
        step=np.int32(step),
        params=params,
        stats=filled(like.stats, functools.partial(seeded.statistic, name)),
        memory=filled(like.memory, functools.partial(seeded.statistic, name)) | memory,
        opt=jax.tree_util.tree_map_with_path(moment, like.opt),
        ema=averages,
    )


def replay(monkeypatch, name):
    """Makes jax.random return the recipe's draws, by kind and shape, in the order of the calls.

    So keys and their order don't matter. Returns how many were drawn of each.
    """
    drawn = {}

    def take(kind, shape, *bounds):
        i = drawn[kind, tuple(shape)] = drawn.get((kind, tuple(shape)), -1) + 1
        return seeded.draw(name, kind, tuple(shape), i, *bounds)

    def normal(key, shape=(), dtype=jnp.float64):
        return jnp.asarray(take("normal", shape), dtype)

    def uniform(key, shape=(), dtype=jnp.float64, minval=0.0, maxval=1.0):
        return minval + (maxval - minval) * jnp.asarray(take("uniform", shape), dtype)

    def randint(key, shape, minval, maxval, dtype=jnp.int32):
        return jnp.asarray(take("randint", shape, minval, maxval), dtype)

    fakes = {"normal": normal, "uniform": uniform, "randint": randint}
    stand_in = SimpleNamespace(
        **vars(jax) | {"random": SimpleNamespace(**vars(jax.random) | fakes)}
    )
    for module in DRAWING:
        monkeypatch.setattr(module, "jax", stand_in)
    return drawn


def doubled(monkeypatch):
    """Makes float64 of what nets and games compute in float32 whatever they get."""
    wide = {"float32": jnp.float64, "dtype": lambda name: jnp.float64}
    stand_in = SimpleNamespace(**vars(jnp) | wide)
    for path, module in list(sys.modules.items()):
        if path.startswith("jaxgan.") and vars(module).get("jnp") is jnp:
            monkeypatch.setattr(module, "jnp", stand_in)


def program(name, game, state, monkeypatch):
    """Compiles a step of all turns whose time it is, on the recipe's images and draws."""
    want = expected(name)
    assert [[turn.name, turn.every] for turn in game.turns] == want["turns"]
    level, label = seeded.batch(name, want["shape"])
    batch = {"image": level / 127.5 - 1, "label": label.astype(np.int32)}
    doubled(monkeypatch)
    drawn = replay(monkeypatch, name)
    step = jax.jit(functools.partial(core.step, game, turns=turns(game, state.step)))
    lowered = step.lower(state, batch, jax.random.key(0))
    assert {" ".join(map(str, key)): n + 1 for key, n in drawn.items()} == want["draws"]
    compiled = lowered.compile(compiler_options=QUICK)
    return lambda state: compiled(state, batch, jax.random.key(0))


def check(name, state, new, metrics, rtol):
    """Compares a step with the reference's: metrics, moves, averages, statistics and memory."""
    want = expected(name)
    for key, value in want["metrics"].items():
        np.testing.assert_allclose(metrics[key], value, rtol=rtol, err_msg=key)
    compare(prints(new.params, state.params), want["moves"], rtol)
    compare(prints(new.ema, state.ema), want["ema"], rtol)
    compare(prints(new.stats), want["stats"], rtol)
    compare(prints(new.memory), want["memory"], rtol)


def turns(game, step):
    """Returns the turns of this time of the run, whatever their intervals."""
    every = [turn._replace(every=1) for turn in game.turns]
    return core.due(game._replace(turns=tuple(every)), step)


def prints(after, before=None):
    """Returns fingerprints by path, of moves where there is a before."""
    after = {"/".join(path): np.asarray(leaf) for path, leaf in flatten_dict(after).items()}
    if before is not None:
        before = {"/".join(path): leaf for path, leaf in flatten_dict(before).items()}
        after = {path: leaf - before[path] for path, leaf in after.items()}
    return {path: seeded.fingerprint(leaf) for path, leaf in after.items()}


def compare(got, want, rtol):
    """Compares fingerprints, relative to the norms."""
    assert got.keys() == want.keys()
    for path, value in want.items():
        atol = rtol * np.abs(value).max() + 1e-13
        np.testing.assert_allclose(got[path], value, rtol=0, atol=atol, err_msg=path)
