"""`python -m jaxgan.sample --workdir=runs/dcgan --out=grid.png`: draws from a trained run."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxgan.runtime import environment as startup
from jaxgan.runtime.errors import UserError, run

if TYPE_CHECKING:
    from jaxgan.core.game import Game, State

BATCH = 100  # drawn at once
COLUMNS = 10  # of a sweep


def main(argv: list[str]) -> int:
    """Parses the flags, draws, and writes a PNG grid or an .npz."""
    parser = argparse.ArgumentParser("python -m jaxgan.sample", description=__doc__)
    parser.add_argument("--workdir", type=Path, required=True, help="a run of jaxgan.main")
    parser.add_argument("--n", type=int, default=64, help="how many samples (default: 64)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other samples")
    parser.add_argument(
        "--replica", type=int, default=0, help="which of config.seeds to draw from (default: 0)"
    )
    parser.add_argument(
        "--labels",
        help="classes to draw in turn: 7, or 0,1,2 (default: all; conditional models only)",
    )
    parser.add_argument(
        "--conditions",
        type=Path,
        metavar="FILE.npy",
        help="vectors (N, D) to draw in turn, for models of vectors such as text embeddings",
    )
    parser.add_argument(
        "--sweep",
        type=int,
        metavar="I",
        help="a row for each sample, in which number I of its condition vector goes from -1 to 1; "
        "InfoGAN's continuous codes follow its categories: 10 and 11 by default",
    )
    parser.add_argument(
        "--out",
        type=Path,
        required=True,
        help="FILE.png: a grid; FILE.npz: images (uint8, NHWC), latents, labels or conditions",
    )
    args = parser.parse_args(argv)
    if args.out.suffix not in (".png", ".npz"):
        raise UserError(f"--out={args.out}: write a .png (grid) or an .npz (arrays)")
    if args.n < 1:
        raise UserError(f"--n={args.n}: at least 1")
    startup.prepare()
    # jax is slow to import: --help need not wait
    from jaxgan.visual import grid as pictures

    given = _given(args.labels, args.conditions)
    _, game, state = restore(args.workdir, args.replica)
    images, inputs = draw(game, state, args.n, args.seed, given, args.sweep)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    if args.out.suffix == ".png":
        columns = 0 if args.sweep is None else COLUMNS
        pictures.save_png(args.out, pictures.grid(images, columns))
    else:
        arrays = {"images": images, "latents": inputs["z"]}
        if "y" in inputs:
            discrete = np.issubdtype(inputs["y"].dtype, np.integer)
            arrays["labels" if discrete else "conditions"] = inputs["y"]
        np.savez_compressed(args.out, **arrays)
    print(f"{len(images)} samples in {args.out}", file=sys.stderr)
    return 0


def restore(
    workdir: Path, replica: int = 0, step: int | None = None
) -> tuple[dict[str, Any], "Game", "State"]:
    """A run's config, its game, and its state as a checkpoint holds it.

    Args:
      workdir: the run's folder.
      replica: which of the run's seeds, counted from 0.
      step: of a checkpoint that is kept; None for the newest.

    Raises:
      UserError: no run or no such checkpoint there, or no such replica.
    """
    import jax

    from jaxgan.training import replicas as seeds
    from jaxgan.training import workdir as recipe
    from jaxgan.training.checkpoint import Checkpoints

    config, game = recipe.recall(workdir)
    replicas = config.get("seeds", 1)
    if not 0 <= replica < replicas:
        raise UserError(f"--replica={replica}: the run in {workdir} has {replicas}, from 0")
    saves = Checkpoints(workdir / "checkpoints", write=False)
    kept = saves.steps()
    if not kept:
        raise UserError(f"{workdir} has no checkpoint yet; train it with jaxgan.main")
    if step is not None and step not in kept:
        raise UserError(f"--step={step}: {workdir} keeps {', '.join(map(str, kept))}")
    here = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    state = saves.load(seeds.like(game, replicas), here, step)
    return config, game, seeds.pick(state, replica) if replicas > 1 else state


def draw(
    game: "Game",
    state: "State",
    n: int,
    seed: int,
    given: Mapping[str, np.ndarray],
    sweep: int | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """n samples of a game in a state.

    Args:
      game, state: from `restore`.
      n: how many. seed: of the latents.
      given: `label` (N,) or `condition` (N, D) to draw, repeated in turn up to n; else the game's
        own draw.
      sweep: each sample becomes COLUMNS, along which this number of its condition vector goes from
        -1 to 1.

    Returns:
      uint8 images (n, H, W, C), or n * COLUMNS of a sweep, and the inputs drawn from: `z`,
      `y` where conditional.

    Raises:
      UserError: conditions of another kind than the model's.
    """
    import jax

    from jaxgan.visual import grid as pictures

    k_inputs, k_sample = jax.random.split(jax.random.key(seed))
    given = {name: np.resize(rows, (n, *rows.shape[1:])) for name, rows in given.items()}
    inputs = game.inputs(k_inputs, n, given)
    if sweep is not None:
        inputs, n = _swept(jax.device_get(inputs), sweep), n * COLUMNS
    sample = jax.jit(game.sample)
    parts = []
    for i in range(0, n, BATCH):
        rows = np.minimum(np.arange(i, i + BATCH), n - 1)  # one shape, one compilation
        batch = {name: value[rows] for name, value in inputs.items()}
        parts.append(pictures.to_uint8(sample(state, batch, jax.random.fold_in(k_sample, i))))
    return np.concatenate(parts)[:n], {name: np.asarray(v) for name, v in inputs.items()}


def _swept(inputs: Mapping[str, np.ndarray], number: int) -> dict[str, np.ndarray]:
    """Each row COLUMNS times, `number` of its condition vector going from -1 to 1."""
    y = inputs.get("y")
    length = 0 if y is None or y.ndim < 2 else y.shape[1]
    if not 0 <= number < length:
        raise UserError(f"--sweep={number}: this model's condition has {length} numbers, from 0")
    rows = {name: np.repeat(value, COLUMNS, axis=0) for name, value in inputs.items()}
    rows["y"][:, number] = np.tile(np.linspace(-1, 1, COLUMNS), len(y))
    return rows


def _given(labels: str | None, conditions: Path | None) -> dict[str, np.ndarray]:
    """The flags --labels and --conditions, read."""
    given = {}
    if labels is not None:
        try:
            given["label"] = np.array([int(part) for part in labels.split(",")], np.int32)
        except ValueError:
            raise UserError(f"--labels={labels}: write class numbers, as in 7 or 0,1,2") from None
    if conditions is not None:
        try:
            rows = np.load(conditions, allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise UserError(f"--conditions={conditions}: not a .npy file ({error})") from None
        if getattr(rows, "ndim", 0) != 2 or not len(rows):
            raise UserError(f"--conditions={conditions}: needs an array (N, D), N at least 1")
        given["condition"] = rows.astype(np.float32)
    return given


if __name__ == "__main__":
    run(main)
