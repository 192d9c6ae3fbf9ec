"""`python -m jaxgan.modes --out=modes.md`: the toy study, how many modes each recipe covers."""

import argparse
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from jaxgan import config as configs
from jaxgan.config.registry import nearest
from jaxgan.data.sources import toy
from jaxgan.evaluation.mode_coverage import POINTS
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run
from jaxgan.visual import grid

DATA = ("ring", "grid")
RECIPES = ("ns", "mm", "ls", "hinge", "wgan", "wgan_gp", "dragan", "sn")


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
    environment.prepare()
    # jax is slow to import: --help and bad flags need not wait
    from jaxgan.evaluation.mode_study import study

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
            grid.save_png(args.pictures / f"{data}-{name}.png", picture)
    text = table(rows, args.seeds, (time.perf_counter() - started) / 60)
    print(text)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text + "\n")
    return 0


def row(data: str, name: str, scores: Mapping[str, tuple[float, float]]) -> str:
    """One line of the table; scores as `study` gives them."""
    (modes, modes_by), (high, high_by), (kl, kl_by) = (
        scores[key] for key in ("modes", "high_quality", "reverse_kl")
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
