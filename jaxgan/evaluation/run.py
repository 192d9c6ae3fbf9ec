"""A run's samples against its data: a figure for each metric, and the protocol it was got by.

Two figures may be compared where their protocols are equal, and not otherwise.
"""

import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from jaxgan import sample
from jaxgan.config.registry import nearest
from jaxgan.core.game import Game, Spec, State
from jaxgan.data.load import load
from jaxgan.data.source import Source
from jaxgan.evaluation.features import extract as features
from jaxgan.evaluation.metrics import kid as kernels
from jaxgan.evaluation.metrics import ppl as paths
from jaxgan.evaluation.metrics import swd as sliced
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir as recipe
from jaxgan.visual import grid as pictures

N = 2000  # samples, and reals
READ = 500  # reals read at once

Row = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Subject:
    """What is scored. What a metric does not ask for is not opened.

    workdir: a run's folder.
    n: how many samples, and reals; None for N, or all reals where they are fewer.
    seed: at least 0, of every draw.
    step: of a kept checkpoint; None for the newest.
    replica: which of the run's seeds, counted from 0.
    path: where ppl measures, one of ppl.PATHS.
    """

    workdir: Path
    n: int | None = None
    seed: int = 0
    step: int | None = None
    replica: int = 0
    path: str = "end"

    @cached_property
    def restored(self) -> tuple[dict[str, Any], Game, State]:
        """Config, game and state, from `sample.restore`."""
        return sample.restore(self.workdir, self.replica, self.step)

    @cached_property
    def spec(self) -> Spec:
        """What the run's data look like."""
        return recipe.spec(self.workdir)

    @cached_property
    def source(self) -> Source:
        """The run's data, without training's augmentation, which is a batch's and not theirs.

        Raises:
          UserError: they are not there, not as in training, or fewer than n.
        """
        data = self.restored[0]["data"]
        source = load(**{key: value for key, value in data.items() if key != "flip"})
        found = Spec(tuple(source.shape), len(source.classes), source.condition_dim)
        if found != self.spec:
            raise UserError(f"the data changed: the run was trained on {self.spec}, now {found}")
        if self.n and self.n > source.size:
            raise UserError(f"--n={self.n}: the data are {source.size} images; give at most that")
        return source

    @cached_property
    def judge(self) -> features.Params:
        """The feature net's weights."""
        return features.load()

    @cached_property
    def pair(self) -> tuple[np.ndarray, np.ndarray]:
        """Reals and samples, uint8 (n, H, W, C) each.

        Samples are those of jaxgan.sample, but that a conditional model is given the reals'
        labels or vectors.
        """
        config, game, state = self.restored
        n = self.n or min(N, self.source.size)
        rows = np.random.default_rng(self.seed).choice(self.source.size, n, replace=False)
        rows.sort()  # files are read in order
        parts = [self.source.gather(rows[i : i + READ]) for i in range(0, n, READ)]

        def gathered(name: str) -> np.ndarray:
            return np.concatenate([part[name] for part in parts])

        column = config["game"].get("condition", "")
        given = {column: gathered(column)} if column else {}
        reals = gathered("image")
        print(f"drawing {n} samples of step {int(state.step)}", file=sys.stderr)
        fakes, _ = sample.draw(game, state, n, self.seed, given)
        return reals if reals.dtype == np.uint8 else pictures.to_uint8(reals), fakes


def score(subject: Subject, metrics: Sequence[str]) -> Iterator[Row]:
    """Scores a run; a row is appended to its evaluations.jsonl before it is handed out.

    Args:
      subject: the run.
      metrics: names among METRICS.

    Yields:
      metric, value (lower is better) and, by metric, std or levels; step, replica; protocol.

    Raises:
      UserError: no such metric, run, checkpoint or data, or a metric that does not fit the run;
        all of it before anything is drawn.
    """
    for name in metrics:
        if name not in METRICS:
            raise UserError(f"--metrics: no {name!r}{nearest(name, METRICS)}")
    if len(subject.spec.shape) != 3:
        raise UserError(f"--metrics: they are of images, the data are {subject.spec.shape}")
    for name in metrics:
        METRICS[name][0](subject)
    step = int(subject.restored[2].step)
    for name in metrics:
        row = {"metric": name, "step": step, "replica": subject.replica}
        row |= METRICS[name][1](subject)
        row["protocol"] = protocol(subject) | row["protocol"]
        with (subject.workdir / "evaluations.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        yield row


def protocol(subject: Subject) -> Row:
    """What every metric's figure depends on besides the run's weights."""
    config, game, _ = subject.restored
    return {
        "data": f"{config['data']['name']} {'x'.join(map(str, subject.spec.shape))}",
        "generator": "averaged" if game.ema else "last",
        "seed": subject.seed,
    }


def check_swd(subject: Subject) -> None:
    """Refuses images without a level."""
    sliced.check(subject.spec.shape)
    _ = subject.source


def swd(subject: Subject) -> Row:
    """Sliced Wasserstein distance x 1000, the mean over levels, and each."""
    reals, fakes = subject.pair
    levels = sliced.swd(reals, fakes, subject.seed)
    how = {
        "unit": 1e-3,
        "n": len(fakes),
        "split": "train",
        "resize": "none",
        "patches": f"{sliced.PATCHES} an image and level",
        "directions": sliced.REPEATS * sliced.DIRECTIONS,
    }
    return {"value": levels.pop("mean"), "levels": levels, "protocol": how}


def check_kid(subject: Subject) -> None:
    """Refuses a run without weights to judge it, or too few images."""
    _ = subject.judge
    kernels.size(*[subject.n or min(N, subject.source.size)] * 2)


def kid(subject: Subject) -> Row:
    """KID's estimator on another net's features, x 1000."""
    reals, fakes = (
        features.extract(subject.judge, images, f"kid: {name}")
        for name, images in zip(("reals", "samples"), subject.pair, strict=True)
    )
    mean, std = kernels.kid(reals, fakes, subject.seed)
    how = {
        "unit": 1e-3,
        "n": len(fakes),
        "split": "train",
        "resize": features.RESIZE,
        "features": f"{features.NAME} {features.SHA256[:8]}",
        "subsets": f"{kernels.SUBSETS} of {kernels.size(len(reals), len(fakes))}",
    }
    return {"value": 1000 * mean, "std": 1000 * std, "protocol": how}


def check_ppl(subject: Subject) -> None:
    """Refuses a run that has no w, or no weights to judge it."""
    game = subject.restored[0]["game"].get("name", "adversarial")
    if game not in paths.GAMES:
        known = " and ".join(paths.GAMES)
        raise UserError(f"--metrics: ppl walks in w, which {known} have; this game is {game}")
    if subject.path not in paths.PATHS:
        raise UserError(f"--path={subject.path}: {' or '.join(paths.PATHS)}")
    _ = subject.judge


def ppl(subject: Subject) -> Row:
    """Path length by another net's distance."""
    config, game, state = subject.restored
    grown = recipe.growth(subject.workdir)
    ends, draw = paths.of_styles(config["game"], subject.spec, game, grown)
    n = subject.n or N
    print(f"ppl: {n} paths of step {int(state.step)}", file=sys.stderr)
    lengths = paths.lengths(
        ends, draw, features.distance, (state, subject.judge),
        n=n, seed=subject.seed, path=subject.path,
    )  # fmt: skip
    if not np.isfinite(lengths).all():
        raise UserError(
            f"ppl: lengths of step {int(state.step)} are not finite; try another --step"
        )
    how = {
        "n": n,
        "path": f"{subject.path} in w",
        "epsilon": paths.EPSILON,
        "distance": f"{features.NAME} {features.SHA256[:8]} (not LPIPS)",
        "resize": features.RESIZE,
    }
    return {"value": paths.trimmed_mean(lengths), "protocol": how}


Metric = tuple[Callable[[Subject], None], Callable[[Subject], Row]]
METRICS: dict[str, Metric] = {
    "swd": (check_swd, swd),
    "kid": (check_kid, kid),
    "ppl": (check_ppl, ppl),
}
