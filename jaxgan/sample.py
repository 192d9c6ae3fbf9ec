"""`python -m jaxgan.sample --workdir=runs/dcgan --out=grid.png`: draws from a trained run."""

import argparse
import sys
from pathlib import Path

import numpy as np

from jaxgan import startup
from jaxgan.errors import UserError, run

BATCH = 100  # drawn at once


def main(argv: list[str]) -> int:
    """Parses the flags, draws, and writes a PNG grid or an .npz."""
    parser = argparse.ArgumentParser("python -m jaxgan.sample", description=__doc__)
    parser.add_argument("--workdir", type=Path, required=True, help="a run of jaxgan.main")
    parser.add_argument("--n", type=int, default=64, help="how many samples (default: 64)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other samples")
    parser.add_argument(
        "--labels",
        help="classes to draw in turn: 7, or 0,1,2 (default: all; conditional models only)",
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
    startup.cache()
    from jaxgan import pictures  # jax is slow to import: --help need not wait

    images, inputs = draw(args.workdir, args.n, args.seed, _labels(args.labels))
    args.out.parent.mkdir(parents=True, exist_ok=True)
    if args.out.suffix == ".png":
        pictures.save_png(args.out, pictures.grid(images))
    else:
        arrays = {"images": images, "latents": inputs["z"]}
        if "y" in inputs:
            discrete = np.issubdtype(inputs["y"].dtype, np.integer)
            arrays["labels" if discrete else "conditions"] = inputs["y"]
        np.savez_compressed(args.out, **arrays)
    print(f"{args.n} samples in {args.out}", file=sys.stderr)
    return 0


def draw(
    workdir: Path, n: int, seed: int, labels: list[int] | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """n samples of a run's newest checkpoint.

    Args:
      workdir: the run's folder.
      n: how many. seed: of the latents.
      labels: classes to draw, repeated in turn up to n; None for the game's own draw.

    Returns:
      uint8 images (n, H, W, C), and the inputs they were drawn from: `z`, `y` where conditional.

    Raises:
      UserError: no run or no checkpoint there, or labels for a model that takes none.
    """
    import jax

    from jaxgan import game as core
    from jaxgan import pictures, recipe
    from jaxgan.checkpoint import Checkpoints

    _, game = recipe.recall(workdir)
    saves = Checkpoints(workdir / "checkpoints", write=False)
    if saves.latest() is None:
        raise UserError(f"{workdir} has no checkpoint yet; train it with jaxgan.main")
    like = jax.eval_shape(lambda: core.init(game, jax.random.key(0)))
    state = saves.load(like, jax.sharding.SingleDeviceSharding(jax.devices()[0]))
    k_inputs, k_sample = jax.random.split(jax.random.key(seed))
    given = {} if labels is None else {"label": np.resize(np.asarray(labels, np.int32), n)}
    inputs = game.inputs(k_inputs, n, given)
    if given and "y" not in inputs:
        raise UserError(f"--labels: the model in {workdir} takes no labels; leave them out")
    sample = jax.jit(game.sample)
    parts = []
    for i in range(0, n, BATCH):
        rows = np.minimum(np.arange(i, i + BATCH), n - 1)  # one shape, one compilation
        batch = {name: value[rows] for name, value in inputs.items()}
        parts.append(pictures.to_uint8(sample(state, batch, jax.random.fold_in(k_sample, i))))
    return np.concatenate(parts)[:n], {name: np.asarray(v) for name, v in inputs.items()}


def _labels(text: str | None) -> list[int] | None:
    try:
        return None if text is None else [int(part) for part in text.split(",")]
    except ValueError:
        raise UserError(f"--labels={text}: write class numbers, as in 7 or 0,1,2") from None


if __name__ == "__main__":
    run(main)
