"""The programs of a run, built for a topology by the code that builds them for training."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import jax

from jaxgan.compilation.topology import Topology
from jaxgan.config.registry import bind
from jaxgan.core.game import Game
from jaxgan.core.growth import Stage
from jaxgan.data.source import Source
from jaxgan.runtime.errors import UserError
from jaxgan.training import dispatch
from jaxgan.training.loop import build
from jaxgan.training.programs.due import Turns, spans
from jaxgan.training.setup import GIVEN, Run, prepare

SIZE = 100_000  # items of data that are not here; durations in epochs alone depend on it
LONGEST = 10**6  # steps of a cycle of turns, at most


def stand_in(shape: tuple[int, ...], classes: int) -> Source:
    """Returns a source of items of a shape, images where it is (H, W, C), that cannot be read."""

    def gather(indices: Any) -> Any:
        raise NotImplementedError("only the shapes of these items are known")

    names = tuple(map(str, range(classes)))
    return Source(SIZE, shape, gather, names, dtype="uint8" if len(shape) == 3 else "float32")


def prepared(
    config: Mapping[str, Any], source: Source, topology: Topology, each: int | None, res: int = 0
) -> Run:
    """Builds a config's run for devices that need not be here.

    Args:
      config: as for `training.loop.train`.
      source: the data; no item is read.
      topology: the devices.
      each: images a device; None leaves the config's batches.
      res: the stage that has so many, of a growing run; 0 for the last. See `scaled`.

    Raises:
      UserError: anything in the config that does not fit.
    """
    given = scaled(config, len(topology.devices), each, res or source.shape[0])
    run: Run = bind(prepare, given, at="config", given=GIVEN)(
        source=source, devices=topology.devices
    )
    return run


def scaled(config: Mapping[str, Any], devices: int, each: int | None, res: int) -> dict[str, Any]:
    """Returns the config with `each` images a device at resolution `res`; None leaves its batches.

    The batches of a growing run's other resolutions keep their ratios to that one.

    Raises:
      UserError: a batch that does not split over the devices.
    """
    growth = config.get("growth")
    table = growth.get("batch") if isinstance(growth, Mapping) else None
    table = table if isinstance(table, Mapping) else {}
    batches = {"batch": config.get("batch")}
    batches |= {f"growth.batch.{key}": n for key, n in table.items()}
    if not all(type(n) is int and n > 0 for n in batches.values()):
        return dict(config)  # and let `prepare` say so
    reached = [int(key) for key in table if key.isdigit() and int(key) <= res]
    now = batches[f"growth.batch.{max(reached)}" if reached else "batch"]
    factor = Fraction(each * devices, now) if each else Fraction(1)
    splits = devices if config.get("seeds", 1) == 1 else 1  # seeds may be split in its place
    for key, n in batches.items():
        if (n * factor) % splits:
            remedy = "another --per_chip" if each else "--per_chip=N, so many images a device"
            raise UserError(
                f"config.{key}={float(n * factor):g} does not split over {devices} devices; give "
                f"{remedy}"
            )
    batch, *rest = (int(n * factor) for n in batches.values())
    new = {**config, "batch": batch}
    if rest:
        new["growth"] = {**growth, "batch": dict(zip(table, rest, strict=True))}
    return new


def stages(run: Run, res: int | None) -> list[Stage]:
    """Returns the run's stages, or the one of a resolution.

    Raises:
      UserError: the run has no such stage.
    """
    found = [stage for stage in run.growth.stages if res in (None, stage.res)]
    if not found:
        listed = ", ".join(str(stage.res) for stage in run.growth.stages)
        raise UserError(f"--stage={res}: the run's stages are {listed}")
    return found


def dispatches(run: Run, stage: Stage) -> dict[Turns, int]:
    """Returns each distinct set of turns of a stage, with the first step that it is dispatched at.

    A set is (names) of a step; where a dispatch takes several, (names, names, …) of its cycle.

    Raises:
      UserError: turns that repeat after more than LONGEST steps.
    """
    game, stride = run.game, build(run, 0).stride
    length = max(dispatch.cycle_length(game), stride)
    if length > LONGEST:
        raise UserError(f"the turns repeat only after {length} steps; lower n_critic or every")
    steps = range(stage.start, stage.stop or stage.start + length)
    found: dict[Turns, int] = {}
    for span in spans(game, [stage], stride, steps, length):
        found |= {turns: t for turns, t in span.programs.items() if turns not in found}
    return found


def worst(found: Mapping[Turns, int]) -> dict[Turns, int]:
    """Returns the set with the most turns alone."""

    def count(turns: Turns) -> int:
        return sum(1 if isinstance(each, str) else len(each) for each in turns)

    turns = max(found, key=count)
    return {turns: found[turns]}


def words(game: Game, turns: Turns, stride: int) -> str:
    """Returns 'd g'; of several steps '50 x (d g)', or '50 x (d, d g)' where they differ."""
    labels = {turn.name: turn.label or turn.name for turn in game.turns}

    def one(names: tuple[str, ...]) -> str:
        return " ".join(labels[name] for name in names) or "none"

    return one(turns) if stride == 1 else f"{stride} x ({', '.join(map(one, turns))})"


def lower(run: Run, t: int) -> jax.stages.Lowered:
    """Lowers what the run dispatches at step t."""
    with jax.set_mesh(run.mesh):
        return build(run, 0).lower(run.feeds[0].abstract(t), t)


def bisect(fits: Callable[[int], bool | None], below: int) -> int:
    """Returns the largest number under `below` that fits, 0 for none, if fewer fit where more do.

    `fits` is None of a number that is no candidate.
    """
    best, low, high = 0, 0, below  # best fits, nothing in (best, low] is left to try, high does not
    while high - low > 1:
        middle = (low + high) // 2
        for n in range(middle, low, -1):
            found = fits(n)
            if found is not None:
                break
        else:
            low = middle
            continue
        if found:
            best, low = n, middle
        else:
            high = n
    return best
