"""Builds a run from its config: data, growth, game, devices, durations in steps."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import numpy as np

from jaxgan.config.kinds import (
    LARGEST,
    Batch,
    Duration,
    Options,
    Portion,
    Positive,
    RelativeWidths,
    Seed,
    Seeds,
    misfit,
)
from jaxgan.config.registry import Node
from jaxgan.config.schedules import first
from jaxgan.core import growth as growing
from jaxgan.core.accumulate import in_parts
from jaxgan.core.averages.kept import widened
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Game, Spec
from jaxgan.core.growth import Growth
from jaxgan.core.precision import Precision
from jaxgan.data.holdout.split import split
from jaxgan.data.load import bound, warn
from jaxgan.data.pipeline import Batches
from jaxgan.data.source import Source, items
from jaxgan.parallel import mesh
from jaxgan.runtime.clock import Clock
from jaxgan.runtime.errors import UserError
from jaxgan.training import batch_fit
from jaxgan.training import dispatch as dispatching
from jaxgan.training.records.intervals import Log, Save, intervals


class Run(NamedTuple):
    """What `prepare` builds of a config; durations in steps."""

    game: Game
    spec: Spec
    growth: Growth
    feeds: list[Batches]  # one per seed
    mesh: jax.sharding.Mesh
    seed: int
    batch: int
    steps: int
    dispatch: int | str
    log: Log
    checkpoint: Save
    rates: Mapping[str, float]  # config.optim.PLAYER.lr, by player
    data: Mapping[str, Any]  # what config.json says of them, see workdir.Record
    init: str = ""


NONE: Mapping[str, Any] = {}
Parallel = Literal["global", "per_device"]
GIVEN = ("clock", "source", "devices")  # arguments of `prepare` that are no keys of a config
# Options of config.data that no source takes: their defaults and kinds.
OF_ALL = {"flip": (False, bool), "holdout": (0.0, Portion), "holdout_seed": (0, Seed)}


def prepare(
    *,
    seed: Seed,
    steps: Duration,
    batch: Batch,
    data: Options,
    game: Node,
    optim: Mapping[str, Node],
    log: Options = NONE,
    checkpoint: Options = NONE,
    growth: Options | None = None,
    init: str = "",
    ema_warmup: bool = True,
    ema_widths: RelativeWidths = (),
    seeds: Seeds = 1,
    replicas: Literal["auto", "vmap", "sequential"] = "auto",
    dispatch: Positive | Literal["auto"] = "auto",
    precision: Precision = "default",
    accumulate: Positive = 1,
    parallel: Parallel = "global",
    clock: Clock | None = None,
    source: Source | None = None,
    devices: Sequence[jax.Device] | None = None,
) -> Run:
    """Builds all that a config describes; its keyword arguments are the config's top-level keys.

    Args:
      seed: determines every random draw of the run. steps, batch: its length; items per step.
      data, game, optim, log, checkpoint: nodes, see data.load, games, core.optim, `Log`, `Save`.
      growth: see core.growth.grow. init: WORKDIR, or WORKDIR:STEP, of a run whose nets this takes.
      ema_warmup, ema_widths: see ema.WarmUp, unless `init` brings averages, and averages.power.
      seeds: how many runs, from `seed` on. replicas, dispatch: how, see dispatch.vmapped, .stride.
      precision, accumulate, parallel: see core.precision and, for both others, core.accumulate.
      clock, source, devices: no config keys. Records laps; in place of the data, of all devices.

    Raises UserError of anything in the config that is unknown or does not fit.
    """
    check_seeds(seed, seeds)
    source, flip = source or open_source(data, clock), data.get("flip", False)
    spec = spec_of(source)
    stages = growing.plan(growth, shape=spec.shape, images=batch, size=source.size)
    total = growing.total(steps, growth=stages, size=source.size, at="config.steps")
    warm = ema_warmup and not init
    built = make_game(
        game, optim, spec=spec, steps=total, growth=stages, precision=precision, warm=warm
    )
    on = devices or jax.devices()
    vmapped = dispatching.vmapped(built, replicas, on[0].platform) and seeds > 1
    built = widened(in_parts(built, stages.batches(), accumulate, parallel, vmapped), ema_widths)
    in_steps = functools.partial(intervals, growth=stages, size=source.size)
    logged = in_steps(Log, log, "config.log")
    batch_fit.check(built, stages, source, logged.samples, seeds, devices)
    over = mesh.over_seeds(seeds, on) if vmapped else over_data(on, stages, growth, accumulate)
    return Run(
        game=built, spec=spec, growth=stages, mesh=over,
        seed=seed, batch=batch, steps=total, dispatch=dispatch, log=logged,
        feeds=[feed(source, stages, seed + i, flip, over) for i in range(seeds)], init=init,
        checkpoint=in_steps(Save, checkpoint, "config.checkpoint"), data=described(source),
        rates={player: first(node["lr"], player) for player, node in optim.items() if "lr" in node},
    )  # fmt: skip


def check_seeds(seed: int, seeds: int) -> None:
    """Refuses seeds of which the last is no int32."""
    if seed + seeds - 1 > LARGEST:
        raise UserError(
            f"config.seed={seed} with config.seeds={seeds}: the last is above {LARGEST}"
        )


def described(source: Source) -> dict[str, Any]:
    """Returns what config.json says of the data, see workdir.Record."""
    return {
        "size": source.size,
        "classes": source.classes,
        "fingerprint": source.fingerprint,
        "found": source.describe(),
    }


def spec_of(source: Source) -> Spec:
    """Returns the shapes of a source's items."""
    other = tuple(source.second.shape) if source.second else ()
    return Spec(tuple(source.shape), len(source.classes), source.condition_dim, other)


def open_source(data: Mapping[str, Any], clock: Clock | None = None) -> Source:
    """Opens the source under config.data, without what `holdout` there keeps out of training.

    `flip` there is an option of batches, not of sources. `holdout_seed` draws what is held out; it
    is not the run's seed, so that runs of several seeds are evaluated on the same items. `clock`
    records the time of it.

    Raises:
      UserError: an unknown source or option, or data that the source refuses.
    """
    source = bound_source(data)()
    warn(source)
    share = data.get("holdout", 0.0)
    opened = split(source, share, data.get("holdout_seed", 0)) if share else source
    if clock:
        clock.lap("data")
    return opened


def bound_source(data: Mapping[str, Any]) -> Callable[[], Source]:
    """Returns what opens the source under config.data, without opening it; checks the options.

    Raises:
      UserError: an unknown source or option.
    """
    if text := misfit(data.get("name"), str, "config.data.name"):
        raise UserError(text)
    for key, (default, kind) in OF_ALL.items():
        if text := misfit(data.get(key, default), kind, f"config.data.{key}"):
            raise UserError(text)
    return bound(**{key: value for key, value in data.items() if key not in OF_ALL})


def over_data(
    devices: Sequence[jax.Device], growth: Growth, node: Options | None, slices: int = 1
) -> jax.sharding.Mesh:
    """Splits the slices of all stages' batches over devices; `node` is config.growth.

    Raises:
      UserError: one that does not split, by its key.
    """
    table = [int(res) for res in (node or {}).get("batch") or ()]
    for stage in growth.stages:
        named = max((res for res in table if res <= stage.res), default=0)
        at = f"config.growth.batch.{named}" if named else "config.batch"
        at = f"{at} / config.accumulate" if slices > 1 else at
        over = mesh.over_data(stage.batch // slices, devices, at)
    return over


def shown(run: Run) -> Mapping[str, np.ndarray]:
    """Returns the items that pictures and diagnostics show: of the test split, else of training.

    As many as config.log.samples of the former, and of points, which are small; the first batch of
    images of the latter.
    """
    source = run.feeds[0].source
    if not source.test and len(source.shape) > 1:
        return run.feeds[0].whole(0)
    source = source.test or source
    return items(source, np.arange(min(run.log.samples, source.size)))


def feed(source: Source, growth: Growth, seed: int, flip: bool, over: jax.sharding.Mesh) -> Batches:
    """The rows that this process has of the batches of one seed."""
    rows = functools.partial(mesh.rows, over) if jax.process_count() > 1 else None
    return Batches(source, batch=growth, seed=seed, flip=flip, rows=rows)
