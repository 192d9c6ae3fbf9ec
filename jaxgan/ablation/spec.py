"""Reads a sweep file: a base config, axes of overrides, seeds, metrics, a budget.

    def get_config(arg=None):
        sweep = ConfigDict()
        sweep.base = "experiments/gan.py"
        sweep.axes = {
            "loss": {"non_saturating": {}, "hinge": {"game": {"loss": "hinge"}}},
            "rate": {"2e-4": {}, "1e-3": {"optim": {"g": {"lr": 1e-3}, "d": {"lr": 1e-3}}}},
        }
        sweep.seeds = 5
        sweep.metrics = ("swd",)
        sweep.budget = {"steps": 5000}
        return sweep

Each axis has one level without overrides, {}: the cell of those levels is the base, with which all
others are compared. A level's overrides are keys of the config, nested as in a config; `base` among
them names another config file, and `evaluate` says how samples are drawn for the metrics:

            "psi": {"1": {}, "5e-1": {"evaluate": {"psi": 0.5}}},

An axis that has nothing else trains nothing anew: its cells are figures of the same runs.
"""

import itertools
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, NamedTuple

from jaxgan import config as configs
from jaxgan.config.kinds import Duration, Items, Options, Seed, Seeds, Within
from jaxgan.config.registry import bind, files, nearest
from jaxgan.runtime.errors import UserError

METRICS = "jaxgan.evaluation.metrics"
FEW = 5  # seeds, below which intervals are wide and tests find little
MOST = 10_000  # runs of a sweep
LONGEST = 200  # bytes of a folder's name: file systems take 255
# Of table.csv, beside those of the axes; p is of a paired t-test.
COLUMNS = (
    *("cell", "metric", "n", "mean", "low", "high", "difference", "difference_low"),
    *("difference_high", "pairs", "p", "p_holm", "reason"),
)
Seconds = Annotated[float, Within(0.001, 1e9)]
Psi = Annotated[float, Within(-100, 100)]
Threshold = Annotated[float, Within(0.001, 100)]
EVALUATE = "evaluate"  # of a level's overrides, those of no config
_LEVEL = re.compile(r"[\w.+-]+")


class Cell(NamedTuple):
    """A combination of levels: by axis its level, the config file, and flags of jaxgan.main.

    drawn: the axes that train nothing. evaluate: how samples are drawn, keywords of `drawing`.
    """

    levels: Mapping[str, str]
    config: str
    flags: tuple[str, ...]
    drawn: tuple[str, ...] = ()
    evaluate: Mapping[str, Any] = {}

    @property
    def name(self) -> str:
        """Such as 'loss=hinge,psi=5e-1'."""
        return _named(self.levels) or "base"

    @property
    def run(self) -> str:
        """The name of what is trained, 'loss=hinge', which cells may share; a folder's name too."""
        trained = {axis: level for axis, level in self.levels.items() if axis not in self.drawn}
        return _named(trained) or "base"

    @property
    def view(self) -> str:
        """What tells it from other cells of its run, 'psi=5e-1'; '' where it has a run alone."""
        return _named({axis: self.levels[axis] for axis in self.drawn})


def _named(levels: Mapping[str, str]) -> str:
    return ",".join(f"{axis}={level}" for axis, level in levels.items())


def drawing(
    *,
    psi: Psi | None = None,
    truncation: Threshold | None = None,
    generator: Literal["", "averaged", "last"] = "",
) -> dict[str, Any]:
    """Returns what a level's `evaluate` says, as keywords of evaluation.subject.Subject.

    Args:
      psi, truncation, generator: as the flags of jaxgan.sample.
    """
    return {"psi": psi, "threshold": truncation, "generator": generator}


class Sweep(NamedTuple):
    """A sweep, as its file says it.

    axes: levels by axis, overrides by level. seeds: of each cell. metrics: evaluate's, 'swd';
    further figures of one, 'swd/28'; or a key of metrics.jsonl, 'diagnosis/coverage'. steps: of
    each run, None for the config's own; seconds: in their place, of training. n: evaluate's.
    replicas: whether a cell's seeds are one run of config.seeds. cells: all but those of `skip`,
    the base first.
    """

    axes: Mapping[str, Mapping[str, Options]]
    seeds: tuple[int, ...]
    metrics: tuple[str, ...]
    steps: int | str | None
    seconds: float | None
    n: int | None
    replicas: bool
    cells: tuple[Cell, ...]

    @property
    def base(self) -> Cell:
        """The cell that all others are compared with."""
        return self.cells[0]


def load(text: str) -> Sweep:
    """Loads a sweep file, `text` as path or path:argument.

    Raises:
      UserError: no such file; a key that is unknown or a value that does not fit; axes whose cells
        contradict each other. What no config reads is found by `check` only.
    """
    found = configs.load(text, flag="").to_dict()
    return bind(sweep, found, at="sweep")()


def sweep(
    *,
    base: str,
    axes: Mapping[str, Options],
    metrics: tuple[str, ...],
    seeds: Seeds | tuple[Seed, ...] = FEW,
    budget: Options | None = None,
    n: Items | None = None,
    replicas: bool = False,
    skip: tuple[str, ...] = (),
) -> Sweep:
    """Builds a sweep; its keyword arguments are the keys of a sweep file.

    Args:
      base: a config file, with an argument where it takes one.
      axes: by axis its levels, by level its overrides.
      metrics, n, replicas: see `Sweep`.
      seeds: how many, from 0; or which.
      budget: of each run, {'steps': …} or {'seconds': …}.
      skip: names of cells that are left out, such as impossible ones.

    Raises:
      UserError: what does not fit together, in one line.
    """
    which = tuple(range(seeds)) if isinstance(seeds, int) else tuple(seeds)
    if not which or len(set(which)) < len(which):
        raise UserError(f"sweep.seeds={seeds}: give at least one seed, each once")
    if replicas and which != tuple(range(which[0], which[0] + len(which))):
        raise UserError(f"sweep.seeds={seeds}: replicas are of consecutive seeds")
    _check_metrics(metrics, replicas)
    steps, seconds = _budget(**_bound_budget(budget or {}))
    for name, levels in axes.items():
        _check_axis(name, levels)
    cells = _cells(base, axes, steps is not None, skip)
    if len(cells) * len(which) > MOST:
        raise UserError(f"sweep: {len(cells)} cells of {len(which)} seeds; at most {MOST} runs")
    return Sweep(axes, which, tuple(metrics), steps, seconds, n, replicas, cells)


def _bound_budget(budget: Options) -> dict[str, Any]:
    return bind(_budget, budget, at="sweep.budget").keywords


def _budget(
    steps: Duration | None = None, seconds: Seconds | None = None
) -> tuple[int | str | None, float | None]:
    if steps is not None and seconds is not None:
        raise UserError("sweep.budget: steps or seconds, not both")
    return steps, seconds


def _check_metrics(metrics: tuple[str, ...], replicas: bool) -> None:
    """Refuses metrics that evaluate does not know and that are no key of metrics.jsonl either."""
    if not metrics:
        raise UserError("sweep.metrics: name at least one, such as 'swd'")
    known = files(METRICS)
    for name in metrics:
        if metrics.count(name) > 1:
            raise UserError(f"sweep.metrics: {name!r} twice; name each once")
        if logged(name) and "/" not in name:
            raise UserError(f"sweep.metrics: no {name!r}{nearest(name, known)}")
        if logged(name) and replicas:
            raise UserError(
                f"sweep.metrics: {name!r}: metrics.jsonl has no figures of each seed of a run of "
                "several; set replicas=False, or name a metric of evaluate"
            )


def logged(name: str) -> bool:
    """Returns whether a metric is a key of metrics.jsonl, and not evaluate's."""
    return name.partition("/")[0] not in files(METRICS)


def _check_axis(axis: str, levels: Any) -> None:
    """Refuses an axis without a base, and names that make no folder."""
    if not isinstance(levels, Mapping) or not all(isinstance(x, Mapping) for x in levels.values()):
        raise UserError(f"sweep.axes.{axis}: levels by name, each a mapping of overrides")
    for name in (axis, *levels):
        if not isinstance(name, str) or not _LEVEL.fullmatch(name):
            raise UserError(
                f"sweep.axes.{axis}: {name!r}: give a text of letters, digits and _ . + - only"
            )
    if axis in COLUMNS:
        raise UserError(f"sweep.axes.{axis}: a column of table.csv has that name; take another")
    count = sum(not overrides for overrides in levels.values())
    if count != 1:
        raise UserError(
            f"sweep.axes.{axis}: {count} levels without overrides; one, as 'none': {{}}, is the "
            "base that others are compared with"
        )


def _cells(
    base: str, axes: Mapping[str, Options], steps: bool, skip: tuple[str, ...]
) -> tuple[Cell, ...]:
    """Returns all combinations of levels, the base first, without those of `skip`."""
    for axis, levels in axes.items():
        for level, overrides in levels.items():
            _check_own(f"sweep.axes.{axis}.{level}", overrides, steps)
    ordered = {axis: sorted(levels, key=lambda x: bool(levels[x])) for axis, levels in axes.items()}
    found = []
    for names in itertools.product(*ordered.values()):
        levels = dict(zip(ordered, names, strict=True))
        found.append(_cell(base, levels, axes))
    known = [cell.name for cell in found]
    for name in skip:
        if name not in known:
            raise UserError(f"sweep.skip: no cell {name!r}{nearest(name, known)}")
        if name == known[0]:
            raise UserError(f"sweep.skip: {name!r} is the base")
    for name in (name for cell in found for name in (cell.run, cell.view)):
        if len(name.encode()) > LONGEST:
            raise UserError(
                f"sweep.axes: {name[:40]}… is the name of a file; shorten names until it has at "
                f"most {LONGEST} bytes"
            )
    return tuple(cell for cell in found if cell.name not in skip)


def _check_own(at: str, overrides: Options, steps: bool) -> None:
    """Refuses overrides of keys that the sweep sets itself."""
    own = {"seed": "seeds", "seeds": "seeds"} | ({"steps": "budget"} if steps else {})
    for key in own:
        if key in overrides:
            raise UserError(f"{at}.{key}: set by sweep.{own[key]}")
    if not isinstance(overrides.get("base", ""), str):
        raise UserError(f"{at}.base: the path of a config file")
    if EVALUATE in overrides:
        bind(drawing, overrides[EVALUATE], at=f"{at}.{EVALUATE}")


def _cell(base: str, levels: Mapping[str, str], axes: Mapping[str, Options]) -> Cell:
    """Merges a cell's overrides.

    Raises:
      UserError: two axes set one key.
    """
    owner: dict[str, str] = {}
    flags = []
    evaluate: dict[str, Any] = {}
    for axis, level in levels.items():
        evaluate |= axes[axis][level].get(EVALUATE, {})
        for key, value in flatten(axes[axis][level]).items():
            for other, whose in owner.items():
                nested = f"{key}.".startswith(f"{other}.") or f"{other}.".startswith(f"{key}.")
                if whose != axis and nested:
                    raise UserError(f"sweep.axes: {whose} sets {other} and {axis} sets {key}")
            owner[key] = axis
            if key == "base":
                base = value
            elif key.partition(".")[0] != EVALUATE:
                flags.append(f"--config.{key}={value}")
    drawn = tuple(axis for axis in levels if all(set(x) <= {EVALUATE} for x in axes[axis].values()))
    return Cell(dict(levels), base, tuple(flags), drawn, evaluate)


def flatten(overrides: Options, at: str = "") -> dict[str, str]:
    """Returns nested overrides by dotted key, each value as a flag has it.

    {"game": {"loss": "hinge", "n_critic": 2}} is {"game.loss": "hinge", "game.n_critic": "2"}.
    """
    found = {}
    for key, value in overrides.items():
        if isinstance(value, Mapping) and value:
            found |= flatten(value, f"{at}{key}.")
        else:
            found[f"{at}{key}"] = value if isinstance(value, str) else repr(value)
    return found
