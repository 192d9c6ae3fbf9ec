"""What a workdir records of its run, and how the run is read back from it."""

import importlib.metadata
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from jaxgan.core.game import Game, Spec, State
from jaxgan.core.growth import Growth, Stage
from jaxgan.runtime.errors import UserError
from jaxgan.training import replicas
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.setup import make_game

_PACKAGES = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")


class Record(NamedTuple):
    """What config.json says of a run.

    config: as it was given. spec, steps, growth: what followed from it and from the data; growth
    is None where the run was recorded without. data: size, classes (names), fingerprint and found
    as `Source` has them; empty where the run was recorded without. history: what was changed on
    purpose while it ran, see training.changes.
    """

    config: dict[str, Any]
    spec: Spec
    steps: int
    growth: Growth | None = None
    data: Mapping[str, Any] = {}
    history: Sequence[Mapping[str, Any]] = ()

    def game(self) -> Game:
        """Builds the run's game again."""
        nodes = self.config["game"], self.config["optim"]
        return make_game(*nodes, spec=self.spec, steps=self.steps, growth=self.growth)


class Restored(NamedTuple):
    """A run as one of its checkpoints holds it."""

    record: Record
    game: Game
    state: State


def write(workdir: Path, record: Record) -> None:
    """Writes config.json: the record, versions of packages, and the git revision."""
    path = workdir / "config.json"
    text = json.dumps(
        {
            "config": record.config,
            "spec": record.spec._asdict(),
            "steps": record.steps,
            "growth": record.growth and record.growth.stages,
            "data": record.data,
            "history": record.history,
            "versions": {name: _version(name) for name in _PACKAGES},
            "revision": _revision(),
        },
        indent=2,
    )
    part = path.with_suffix(".part")
    part.write_text(text + "\n")
    os.replace(part, path)


def read(workdir: Path) -> Record:
    """Reads config.json.

    Raises:
      UserError: the folder holds no run.
    """
    path = workdir / "config.json"
    if not path.exists():
        raise UserError(f"{workdir} holds no run (no config.json); train one with jaxgan.main")
    saved = json.loads(path.read_text())
    spec = Spec(**saved["spec"] | {"shape": tuple(saved["spec"]["shape"])})
    stages = saved.get("growth")
    growth = Growth(tuple(Stage(*stage) for stage in stages)) if stages else None
    rest = saved.get("data", {}), saved.get("history", [])
    return Record(saved["config"], spec, saved["steps"], growth, *rest)


def restore(workdir: Path, replica: int = 0, step: int | None = None) -> Restored:
    """Restores a run from a checkpoint.

    Args:
      workdir: the run's folder.
      replica: which of the run's seeds, counted from 0.
      step: of a checkpoint that is kept; None for the newest.

    Raises:
      UserError: no run or no such checkpoint there, or no such replica.
    """
    record = read(workdir)
    game, seeds = record.game(), record.config.get("seeds", 1)
    if not 0 <= replica < seeds:
        raise UserError(f"--replica={replica}: the run in {workdir} has {seeds}, from 0")
    checkpoints = Checkpoints(workdir / "checkpoints", write=False)
    kept = checkpoints.steps()
    if not kept:
        raise UserError(f"{workdir} has no checkpoint yet; train it with jaxgan.main")
    if step is not None and step not in kept:
        raise UserError(f"--step={step}: {workdir} keeps {', '.join(map(str, kept))}")
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    state = checkpoints.load(replicas.like(game, seeds), device, step)
    return Restored(record, game, replicas.pick(state, replica) if seeds > 1 else state)


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
