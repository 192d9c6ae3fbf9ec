"""How often sweeps find a planted difference, and one that is not there: a benchmark, not a test.

  python tests/ablation/planted.py --workdir=/tmp/planted

It is a sweep file too, of points at small width: the base; `worse`, the base at a tenth of its
rate; and `same`, the base with another eps of Adam. That eps changes the last digits of an update,
which a GAN amplifies until runs of one seed are as different as those of several (the script prints
their correlation), and nothing else: it is the base against itself. All seeds are trained as one
run of replicas, and taken as 20 sweeps of five, each with the table that jaxgan.sweep gives it. In
how many was p, after Holm's correction over both comparisons, below 5 %?

Of `same` one in 20 is expected at most, and two or more come about by chance in up to 26 % of
repetitions; with more --seeds the share itself is estimated.
"""

import argparse
from pathlib import Path

import numpy as np
from ml_collections import ConfigDict

from jaxgan import sweep as command
from jaxgan.ablation import cells, results, spec, tables
from jaxgan.config import load

ROOT = Path(__file__).parents[2]
EACH = 5  # seeds of a sweep
METRIC = "modes/high_quality"
LR = 5e-3


def get_config(arg: str | None = None) -> ConfigDict:
    """Returns the sweep of so many seeds; by `base`, the config of its runs."""
    if arg == "base":
        return base()
    sweep = ConfigDict()
    sweep.base = f"{__file__}:base"
    sweep.axes = {"rate": {"base": {}, "same": both(eps=1e-7), "worse": both(lr=LR / 10)}}
    sweep.seeds = int(arg or 100)
    sweep.metrics = (METRIC,)
    sweep.n = 1000
    sweep.replicas = True
    return sweep


def base() -> ConfigDict:
    """Returns toy.py's config, of smaller nets for fewer steps."""
    config = load(f"{ROOT}/experiments/toy.py")
    config.steps, config.batch = 1200, 64
    for player in ("g", "d"):
        config.game[player].widths = (64, 64)
        config.optim[player].lr = LR
    config.log = {"every": 600, "samples": 1, "pictures": 1200}
    config.checkpoint = {"every": 1200}
    return config


def both(**options: float) -> dict:
    """Returns the overrides of an option of both players' Adam."""
    return {"optim": {"g": options, "d": options}}


def main() -> None:
    """Trains what is left of all sweeps, and prints how often each difference was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workdir", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=100, help=f"a multiple of {EACH}")
    args = parser.parse_args()
    file = f"{__file__}:{args.seeds}"
    if code := command.main([file, f"--workdir={args.workdir}"]):
        raise SystemExit(code)
    sweep = spec.load(file)
    found = [
        result
        for job in cells.jobs(sweep, args.workdir)
        for result in results.of_job(job, sweep.metrics)
    ]
    if reasons := {each.reason for each in found if each.reason}:
        raise SystemExit(f"runs failed: {', '.join(reasons)}")
    values = np.array([each.figures[METRIC] for each in found]).reshape(3, -1)
    print(f"correlation of base and same over seeds: {np.corrcoef(values)[0, 1]:.2f}")
    ps = []
    for first in range(0, args.seeds, EACH):
        one = sweep._replace(seeds=tuple(range(first, first + EACH)))
        rows = tables.rows(one, [each for each in found if each.seed in one.seeds])
        ps.append([row.p_holm for row in rows[1:]])
    for i, name in enumerate(("same", "worse")):
        count = sum(each[i] < 0.05 for each in ps)
        print(f"{name}: found in {count} of {len(ps)} sweeps of {EACH} seeds")


if __name__ == "__main__":
    main()
