"""What a workdir records of its run, and how the run is read back from it."""

import importlib.metadata
import json
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgan.core.averages.kept import widened
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Game, Spec, State
from jaxgan.core.growth import Growth, Stage
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.remote import copies
from jaxgan.training import replicas
from jaxgan.training.checkpoint import Checkpoints

_PACKAGES = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")
_SHAPES = ("shape", "other")  # of spec; lists in JSON
# What older records do without.
_OPTIONAL: Mapping[str, Any] = {"data": {}, "history": [], "missing": []}
NAME = "config.json"


class Record(NamedTuple):
    """What config.json says of a run.

    config: as it was given. spec, steps, growth: what followed from it and from the data; growth
    is None where the run was recorded without. data: size, classes (names), fingerprint and found
    as `Source` has them; empty where the run was recorded without. history: what was changed on
    purpose while it ran, see training.changes. missing: nets that the weights it was converted from
    do not include, and that are noise until they are trained.
    """

    config: dict[str, Any]
    spec: Spec
    steps: int
    growth: Growth | None = None
    data: Mapping[str, Any] = {}
    history: Sequence[Mapping[str, Any]] = ()
    missing: Sequence[str] = ()

    def game(self) -> Game:
        """Builds the run's game again."""
        nodes = self.config["game"], self.config["optim"]
        precision = self.config.get("precision", "default")
        game = make_game(
            *nodes, spec=self.spec, steps=self.steps, growth=self.growth, precision=precision
        )
        return widened(game, self.config.get("ema_widths", ()))


class Restored(NamedTuple):
    """A run as one of its checkpoints holds it."""

    record: Record
    game: Game
    state: State

    @property
    def absent(self) -> Sequence[str]:
        """The nets of this state that neither weights nor training have made."""
        return () if int(self.state.step) else self.record.missing


def without(net: str) -> str:
    """Says that a run has no net of that name, and what to do."""
    return (
        f"{net} is noise: the weights that were converted do not include it; convert again with "
        "--other=FILE, or train the run"
    )


def write(workdir: Path, record: Record) -> None:
    """Writes config.json: the record, versions of packages, the git revision, and a checksum.

    Raises:
      UserError: it cannot be written.
    """
    saved = {
        "config": record.config,
        "spec": record.spec._asdict(),
        "steps": record.steps,
        "growth": record.growth and record.growth.stages,
        "data": record.data,
        "history": record.history,
        "missing": list(record.missing),
        "versions": {name: _version(name) for name in _PACKAGES},
        "revision": _revision(),
    }
    files.write(workdir / NAME, json.dumps(saved | {"crc32": _crc32(saved)}, indent=2) + "\n")


def read(workdir: Path) -> Record:
    """Reads config.json; says so on stderr if it was changed since it was written.

    Raises:
      UserError: the folder holds no run, or its config.json cannot be read.
    """
    workdir = copies.run(workdir, checkpoint=False)
    path = workdir / NAME
    with files.reading(path):
        if not path.exists():
            raise UserError(f"{workdir} holds no run (no {NAME}); train one with jaxgan.main")
        content = path.read_bytes()
    try:
        saved = json.loads(content)
        record = _parse(saved)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        cause = (
            f"no {error}" if isinstance(error, KeyError) else str(error).partition("\n")[0][:200]
        )
        raise UserError(
            f"{path} is damaged ({cause}); bring it back from a copy, or pass another --workdir"
        ) from None
    crc = saved.pop("crc32", None)
    if crc is not None and crc != _crc32(saved):
        print(f"warning: {path} was changed since it was written", file=sys.stderr)
    return record


def restore(workdir: Path, replica: int = 0, step: int | None = None) -> Restored:
    """Restores a run from a checkpoint.

    Args:
      workdir: the run's folder, or its URL in a store.
      replica: which of the run's seeds, counted from 0.
      step: of a checkpoint that is kept; None for the newest that is whole, and a line on stderr
        about newer ones.

    Raises:
      UserError: no run or no such checkpoint there, or no such replica, or they are damaged.
    """
    workdir = copies.run(workdir, step)
    record = read(workdir)
    game, seeds = rebuild(workdir, record), record.config.get("seeds", 1)
    if not 0 <= replica < seeds:
        raise UserError(f"--replica={replica}: the run in {workdir} has {seeds}, from 0")
    place = workdir / "checkpoints"
    checkpoints = Checkpoints(place, write=False) if place.exists() else None
    kept = checkpoints.steps() if checkpoints else []
    if not checkpoints or not kept:
        raise UserError(f"{workdir} has no checkpoint yet; train it with jaxgan.main")
    if step is not None and step not in kept:
        raise UserError(f"--step={step}: {workdir} keeps {', '.join(map(str, kept))}")
    device, like = _first_device(), replicas.like(game, seeds)
    if step is None:
        found = checkpoints.newest(like, device, "fallback")
        for line in found.lines(place):
            print(line, file=sys.stderr)
        state = found.state or checkpoints.load(like, device, found.step)  # which says the misfit
    else:
        state = checkpoints.load(like, device, step)
    return Restored(record, game, replicas.pick(state, replica) if seeds > 1 else state)


def states(
    workdir: Path, found: Restored, steps: Sequence[int], replica: int = 0
) -> Iterator[State]:
    """Restores the states of further checkpoints of a run, one after the other.

    Raises:
      UserError: one of them is damaged.
    """
    seeds = found.record.config.get("seeds", 1)
    like = replicas.like(found.game, seeds)
    for step in steps:
        place = copies.run(workdir, step) / "checkpoints"
        checkpoints = Checkpoints(place, write=False)
        state = checkpoints.load(like, _first_device(), step)
        yield replicas.pick(state, replica) if seeds > 1 else state


def _first_device() -> jax.sharding.Sharding:
    return jax.sharding.SingleDeviceSharding(jax.local_devices()[0])


def rebuild(workdir: Path, record: Record) -> Game:
    """Builds the game of the run that `record` was read from.

    Raises:
      UserError: what config.json says describes none.
    """
    try:
        return record.game()
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        cause = f"{type(error).__name__}: {error}".partition("\n")[0][:200]
        raise UserError(
            f"{workdir / NAME} describes no game that can be built ({cause}); bring it back from a "
            "copy, or use the code that the run was trained with"
        ) from error


def _parse(saved: Any) -> Record:
    """Returns the record of a parsed config.json; raises ValueError, TypeError or KeyError."""
    _require(saved, dict, "it")
    parts = {name: saved.get(name, default) for name, default in _OPTIONAL.items()}
    for name, default in _OPTIONAL.items():
        _require(parts[name], type(default), name)
    config, spec, steps = (saved[name] for name in ("config", "spec", "steps"))
    _require(config, dict, "config")
    for name in ("data", "game", "optim"):
        _require(config[name], dict, f"config.{name}")
    _require(config["data"]["name"], str, "config.data.name")
    seeds = config.get("seeds", 1)
    for name, value in (("steps", steps), ("config.seeds", seeds), *_sizes(spec)):
        _require(value, int, name)
    for entry in parts["history"]:
        _require(entry, dict, "an entry of history")
    for net in parts["missing"]:
        _require(net, str, "an entry of missing")
    stages = saved.get("growth") or []
    growth = Growth(tuple(Stage(*stage) for stage in stages)) if stages else None
    spec = Spec(**spec | {name: tuple(spec.get(name, ())) for name in _SHAPES})
    return Record(config, spec, steps, growth, **parts)


def _sizes(spec: Any) -> list[tuple[str, Any]]:
    _require(spec, dict, "spec")
    shapes = {"shape": spec["shape"], "other": spec.get("other", [])}
    for name, sides in shapes.items():
        _require(sides, list, f"spec.{name}")
    found = [(name, value) for name, sides in shapes.items() for value in sides]
    found += [(name, value) for name, value in spec.items() if name not in shapes]
    return [(f"spec.{name}", value) for name, value in found]


def _require(value: Any, kind: type, name: str) -> None:
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} is {str(value)[:50]!r}, not of type {kind.__name__}")


def _crc32(saved: Any) -> int:
    """Returns the checksum of a record; what JSON does not tell apart has one."""
    plain = json.loads(json.dumps(saved))
    return zlib.crc32(json.dumps(plain, sort_keys=True).encode())


def _version(package: str) -> str | None:
    """The installed version; None of jaxgan where it runs from its sources, not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _revision() -> str:
    """The git revision of the code, '+' when it has uncommitted changes, '' outside a checkout."""
    here = Path(__file__).parent
    git = ["git", "-C", str(here), "describe", "--always", "--abbrev=40", "--dirty=+"]
    try:
        done = subprocess.run(git, capture_output=True, text=True, check=False)
    except FileNotFoundError:  # no git on this machine
        return ""
    return done.stdout.strip()
