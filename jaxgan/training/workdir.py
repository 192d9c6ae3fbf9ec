"""From a config to what it describes: the game, and the record that a workdir keeps of both."""

import importlib.metadata
import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax

from jaxgan.config.registry import Node, options, resolve
from jaxgan.core import game as core
from jaxgan.core.game import Game, Spec
from jaxgan.core.growth import Growth, Stage, fixed
from jaxgan.core.optim import Optim
from jaxgan.runtime.errors import UserError

# Keys that may differ between a run and its continuation: they change no step's result.
_FREE = ("steps", "log", "checkpoint", "dispatch")


def make_game(
    game: Node,
    optim: Mapping[str, Node],
    *,
    spec: Spec,
    steps: int,
    growth: Growth | None = None,
) -> Game:
    """The game under config.game, its players' optimisers under config.optim.

    Args:
      game, optim: the config's nodes.
      spec: what the data look like.
      steps: the run's length, over which learning rates decay.
      growth: the run's stages, where it has several.

    Raises:
      UserError: an unknown name or option, or parts that do not fit together.
    """
    stages = growth or fixed(spec.shape[0], 0)
    chains = Optim(optim, steps, stages)
    build = resolve(game, "jaxgan.games", at="config.game", given=("spec", "optim", "growth"))
    grows = "growth" in options(build.func)
    if len(stages.stages) > 1 and not grows:
        raise UserError(
            f"config.growth: the game {build.func.__name__} does not grow; progressive does"
        )
    built = build(spec, chains, stages) if grows else build(spec, chains)
    chains.check_all_made()
    jax.eval_shape(lambda: core.init(built, jax.random.key(0)))  # nets that do not fit say so here
    return built


def record(
    workdir: Path,
    config: Mapping[str, Any],
    spec: Spec,
    steps: int,
    growth: Growth | None = None,
) -> None:
    """Writes config.json: the config, what follows from it and the data, versions, the revision.

    Raises:
      UserError: the workdir holds a run of another config.
    """
    path = workdir / "config.json"
    if path.exists():
        old = json.loads(path.read_text())["config"]
        new = json.loads(json.dumps(config))
        if differ := _differences(
            {k: v for k, v in old.items() if k not in _FREE},
            {k: v for k, v in new.items() if k not in _FREE},
        ):
            raise UserError(
                f"{workdir} holds another experiment's run: {'; '.join(differ[:3])}"
                f"{' …' if len(differ) > 3 else ''}. Pass another --workdir, or delete that one"
            )
    packages = ("jaxgan", "jax", "jaxlib", "flax", "optax", "orbax-checkpoint", "grain", "numpy")
    text = json.dumps(
        {
            "config": config,
            "spec": spec._asdict(),
            "steps": steps,
            "growth": growth and growth.stages,
            "versions": {name: _version(name) for name in packages},
            "revision": _revision(),
        },
        indent=2,
    )
    part = path.with_suffix(".part")
    part.write_text(text + "\n")
    os.replace(part, path)


def recall(workdir: Path) -> tuple[dict[str, Any], Game]:
    """The config and the game of a workdir.

    Raises:
      UserError: the folder holds no run.
    """
    saved = _recorded(workdir)
    config = saved["config"]
    nodes = config["game"], config["optim"]
    about = {"spec": spec(workdir), "steps": saved["steps"], "growth": growth(workdir)}
    return config, make_game(*nodes, **about)


def spec(workdir: Path) -> Spec:
    """What the data of a workdir's run look like.

    Raises:
      UserError: the folder holds no run.
    """
    shape, *rest = _recorded(workdir)["spec"].values()
    return Spec(tuple(shape), *rest)


def growth(workdir: Path) -> Growth | None:
    """The stages of a workdir's run; None where it was recorded without.

    Raises:
      UserError: the folder holds no run.
    """
    stages = _recorded(workdir).get("growth")
    return Growth(tuple(Stage(*stage) for stage in stages)) if stages else None


def _recorded(workdir: Path) -> dict[str, Any]:
    path = workdir / "config.json"
    if not path.exists():
        raise UserError(f"{workdir} holds no run (no config.json); train one with jaxgan.main")
    return json.loads(path.read_text())


def _differences(old: Any, new: Any, at: str = "config") -> list[str]:
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old.keys() | new.keys())
        return [d for k in keys for d in _differences(old.get(k), new.get(k), f"{at}.{k}")]
    return [] if old == new else [f"{at} was {old!r}, now {new!r}"]


def _version(package: str) -> str | None:
    """None for what is not installed: jaxgan, where it is run from its sources."""
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
