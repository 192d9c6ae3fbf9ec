"""`python -m jaxgan.modes --out=modes.md`: the toy study, how many modes each recipe covers."""

import argparse
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan import config as configs
from jaxgan import pictures, program, recipe, seeds
from jaxgan.data import toy
from jaxgan.data.load import load
from jaxgan.errors import UserError, run
from jaxgan.evals.modes import POINTS, quality
from jaxgan.game import Game, Spec, State
from jaxgan.resolve import nearest
from jaxgan.train import train_step

DATA = ("ring", "grid")
RECIPES = ("ns", "mm", "ls", "hinge", "wgan", "wgan_gp", "dragan", "sn")
CHUNK = 500  # steps in one dispatch, at most


def main(argv: list[str]) -> int:
    """Parses the flags, trains each cell of the table, and prints and writes it."""
    parser = argparse.ArgumentParser("python -m jaxgan.modes", description=__doc__)
    parser.add_argument("--config", default="experiments/toy.py", help="default: %(default)s")
    parser.add_argument("--data", default=",".join(DATA), help="default: %(default)s")
    parser.add_argument("--recipes", default=",".join(RECIPES), help="default: %(default)s")
    parser.add_argument("--seeds", type=int, default=8, help="replicas of each (default: 8)")
    parser.add_argument("--steps", type=int, help="the critic's, instead of the experiment's")
    parser.add_argument("--out", type=Path, help="FILE.md to write the table to")
    parser.add_argument("--pictures", type=Path, help="a folder for a scatter picture of each")
    args, overrides = parser.parse_known_args(argv)
    cells = [
        (data, name)
        for data in _names(args.data, DATA, "--data")
        for name in _names(args.recipes, RECIPES, "--recipes")
    ]
    if args.seeds < 1:
        raise UserError(f"--seeds={args.seeds}: at least 1")
    if args.steps is not None:
        overrides.append(f"--config.steps={args.steps}")

    started, rows = time.perf_counter(), []
    for data, name in cells:
        since = time.perf_counter()
        config = configs.load(f"{args.config}:recipe={name},data={data}")
        configs.override(config, overrides)
        scores, picture = study(config.to_dict(), args.seeds)
        rows.append(row(data, name, scores))
        print(f"{rows[-1]} {time.perf_counter() - since:.0f} s", file=sys.stderr)
        if args.pictures:
            args.pictures.mkdir(parents=True, exist_ok=True)
            pictures.save_png(args.pictures / f"{data}-{name}.png", picture)
    text = table(rows, args.seeds, (time.perf_counter() - started) / 60)
    print(text)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text + "\n")
    return 0


def study(config: Mapping[str, Any], n: int) -> tuple[list[dict[str, float]], np.ndarray]:
    """Trains n replicas of a config on a mixture, of seeds config.seed and on; saves nothing.

    Returns:
      `quality` of each seed's points, and the first seed's scatter picture.

    Raises:
      UserError: anything in the config that is unknown or does not fit.
    """
    source = load(**config["data"])
    spec = Spec(tuple(source.shape), len(source.classes), source.condition_dim)
    game = recipe.make_game(config["game"], config["optim"], spec=spec, steps=config["steps"])
    keys, turns = seeds.keys(config["seed"], n), program.period(game)
    states = jax.jit(jax.vmap(partial(seeds.first, game)))(keys)
    step = seeds.replicas(partial(train_step, game))
    chunk = jax.jit(partial(program.chunk, step, turns=turns), donate_argnums=0)
    cycles, most = config["steps"] // len(turns), max(1, CHUNK // len(turns))
    for done in range(0, cycles, most):
        shape = (min(most, cycles - done) * len(turns), config["batch"])
        rows = [draw(config["seed"] + i, done, source.size, shape) for i in range(n)]
        states, _ = chunk(states, source.gather(np.stack(rows, axis=1)), keys)

    centres, std = toy.modes(config["data"]["name"])
    extent = 1.3 * float(np.abs(centres).max())
    points, levels = look(game, states, keys, extent)
    real = source.gather(np.arange(POINTS))["image"]
    return [quality(p, centres, std) for p in points], pictures.scatter(
        real, points[0], levels, extent
    )


def draw(seed: int, chunk: int, size: int, shape: tuple[int, int]) -> np.ndarray:
    """Indices below `size`, with replacement, for the batches of one chunk.

    A function of its arguments alone, so a replica's data do not depend on the others. It takes
    microseconds where `Batches`, which passes over the points in turn, takes milliseconds a step.
    """
    rng = np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, chunk]))
    return rng.integers(size, size=shape)


def look(
    game: Game, states: State, keys: jax.Array, extent: float
) -> tuple[np.ndarray, np.ndarray]:
    """2,500 points of each seed, (seeds, 2500, 2), and the first seed's critic on a lattice."""

    def points(state: State, key: jax.Array) -> jax.Array:
        k_inputs, k_sample = jax.random.split(jax.random.fold_in(key, 1))
        return game.sample(state, game.inputs(k_inputs, POINTS), k_sample)

    drawn = jax.jit(jax.vmap(points))(states, keys)
    critic = jax.jit(lambda state, x: game.critic(state, {"image": x}))
    levels = critic(seeds.pick(states, 0), pictures.lattice(extent))
    return np.asarray(drawn), np.asarray(levels)


def row(data: str, name: str, scores: list[dict[str, float]]) -> str:
    """One line of the table."""
    columns = {key: seeds.interval([score[key] for score in scores]) for key in scores[0]}
    (modes, modes_by), (high, high_by), (kl, kl_by) = (
        columns[key] for key in ("modes", "high_quality", "reverse_kl")
    )
    return (
        f"| {data} | {name} | {modes:.1f} ± {modes_by:.1f} of {len(toy.modes(data)[0])} "
        f"| {100 * high:.1f} ± {100 * high_by:.1f} % | {kl:.2f} ± {kl_by:.2f} |"
    )


def table(rows: list[str], n: int, minutes: float) -> str:
    """The Markdown table, and how it was made."""
    head = "| data | recipe | modes covered | high quality | reverse KL, nats |"
    note = f"Mean ± 95 % interval over {n} seeds, {POINTS} points each; {minutes:.1f} minutes."
    return "\n".join([head, "|---|---|---|---|---|", *rows, "", note])


def _names(text: str, known: tuple[str, ...], flag: str) -> list[str]:
    names = text.split(",")
    for name in names:
        if name not in known:
            raise UserError(f"{flag}={text}: no {name!r}{nearest(name, known)}")
    return names


if __name__ == "__main__":
    run(main)
