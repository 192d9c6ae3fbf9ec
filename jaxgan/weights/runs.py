"""Converts published weights to a run of jaxgan, and a run's averaged generator back."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.config.registry import as_mapping
from jaxgan.core import game as core
from jaxgan.core.game import Spec, State
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import shown
from jaxgan.training import workdir as workdirs
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.setup import make_game
from jaxgan.weights import configs, contents, state_dict
from jaxgan.weights import stylegan2_ada as published
from jaxgan.weights.state_dict import StateDict


class Run(NamedTuple):
    """What weights become: a config, the data's shape, and a state at step 0."""

    config: dict[str, Any]
    spec: Spec
    steps: int
    state: State


def read(
    path: Path,
    workdir: Path,
    base: dict[str, Any],
    name: str,
    said: Mapping[str, Any] | None = None,
) -> None:
    """Writes a run to `workdir`, at step 0, with the nets of a file of published weights.

    Args:
      path: a file that `contents.read` reads, with the networks of stylegan2-ada-pytorch.
      workdir: the run's folder; it must have no checkpoint.
      base: a config of the game stylegan2; sets what the weights do not determine.
      name: the config file's name, for messages and for the written config.py.
      said: the keys of `base`, as in {'data.res': 32}, that the user set, not the preset; the
        weights must agree with them.

    Raises:
      UserError: another game, a workdir with a checkpoint, or a file without such networks.
    """
    game = as_mapping(base.get("game"), "config.game")
    if game.get("name") != "stylegan2":
        raise UserError(f"--config={name}: its game is not stylegan2")
    configs.check(base)
    with files.writing(workdir):
        held = list((workdir / "checkpoints").glob("[0-9]*"))
    if held:
        raise UserError(f"{workdir} holds a run already; pass another --workdir")
    weights = contents.read(path)
    try:
        nets = {net: state_dict.checked(s) for net, s in state_dict.split(weights.arrays).items()}
        options = published.generator_options(nets["G_ema"])
        config, trees = describe(base, nets, options, weights.kwargs), _trees(nets)
    except UserError as error:
        raise UserError(f"{shown(path)}: {error}") from None
    agree(path, config, said or {}, options["shape"][-1])
    run = _build(config, Spec(options["shape"], options["classes"]), trees, path)
    source = configs.source(run.config, path.name, name)
    with files.writing(workdir):
        files.folder(workdir)
        workdirs.write(workdir, workdirs.Record(run.config, run.spec, run.steps))
        files.write(workdir / "config.py", source)
        checkpoints = Checkpoints(workdir / "checkpoints")
        checkpoints.save(run.state, 0)
        checkpoints.close()
    critic = "with its critic" if "D" in nets else "with a newly initialized critic"
    print(f"wrote {shown(path)} to {workdir}, {critic}", file=sys.stderr)


def _trees(nets: Mapping[str, StateDict]) -> dict[str, dict[str, Any]]:
    """Converts state dicts by network to what they replace of a state."""
    imported = {net: published.import_generator(nets[net]) for net in ("G", "G_ema")}
    params = dict(imported["G"].params)
    if "D" in nets:
        params["d"] = published.import_discriminator(nets["D"])
    noise = {"noise": imported["G_ema"].stats["noise"].get("synthesis", {})}
    return {
        "params": params,
        "ema": dict(imported["G_ema"].params),
        "stats": {"synthesis": noise},
        "memory": {"w_avg": imported["G_ema"].w_avg},
    }


def _build(config: dict[str, Any], spec: Spec, trees: Mapping[str, Any], path: Path) -> Run:
    """Returns the run of a config, with the trees of a file of weights."""
    steps = config["steps"] if isinstance(config["steps"], int) else 1
    game = make_game(config["game"], config["optim"], spec=spec, steps=steps)

    def init() -> State:
        return core.init(game, jax.random.key(config["seed"]))

    # Shapes are compared before a net is made: its size is the product of what the file says.
    shapes = jax.eval_shape(init)
    for part, tree in trees.items():
        fitting(getattr(shapes, part), tree, path)
    state = jax.jit(init)()
    merged = {part: fitting(getattr(state, part), tree, path) for part, tree in trees.items()}
    made = {part: jax.tree.map(jax.numpy.asarray, tree) for part, tree in merged.items()}
    return Run(config, spec, steps, state.replace(**made))


def write(workdir: Path, out: Path) -> None:
    """Writes a run's averaged generator, w_avg and noise under the published names, as .npz.

    Raises:
      UserError: no run of stylegan2 in `workdir`, no checkpoint, or a run of several seeds.
    """
    record = workdirs.read(workdir)
    styles = workdirs.rebuild(workdir, record).styles
    if styles is None or styles.weights != "stylegan2_ada":
        raise UserError(f"{workdir} holds no run of the game stylegan2")
    if record.config.get("seeds", 1) > 1:
        raise UserError(f"{workdir} holds several seeds; only a run of one can be converted")
    state = jax.device_get(workdirs.restore(workdir).state)
    noise = {"noise": {"synthesis": state.stats["synthesis"]["noise"]}}
    g = published.Generator(dict(state.ema), noise, state.memory["w_avg"])
    taps = record.config["game"]["g"].get("taps")
    files.folder(out.parent)
    contents.write(out, published.export_generator(g, *([tuple(taps)] if taps else [])))
    print(f"wrote step {int(state.step)} of {workdir} to {out}", file=sys.stderr)


def describe(
    base: dict[str, Any],
    states: Mapping[str, Mapping[str, Any]],
    g: dict[str, Any],
    kwargs: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Returns the run's config: `base` with the nets that the weights belong to.

    Args:
      base: a config of the game stylegan2.
      states: state dicts by network, as `state_dict.split` returns them.
      g: `generator_options` of the averaged generator.
      kwargs: by network, its constructor's arguments, as `contents.read` returns them.
    """
    d = published.discriminator_options(states["D"]) if "D" in states else {}
    clamp = {"clamp": configs.clamp(kwargs)}
    labeled = bool(g["classes"])
    latent = states["G_ema"]["mapping.fc0.weight"].shape[1] - (g["w_dim"] if labeled else 0)
    if latent < 1:
        raise UserError("mapping.fc0.weight takes no latent; give other weights")
    critic = as_mapping(base["game"].get("d"), "config.game.d")
    game = base["game"] | {
        "latent": latent,
        "condition": "label" if labeled else "",
        "g": {"name": "stylegan2.Generator", **_fields(g), **clamp},
        "d": {**critic, "name": "stylegan2.Discriminator", **_fields(d), **clamp},
    }
    # A warm-up would forget the file's average within a few steps of training.
    data = base["data"] | {"res": g["shape"][0]}
    return base | {"game": game, "data": data, "ema_warmup": False}


def agree(path: Path, config: Mapping[str, Any], said: Mapping[str, Any], channels: int) -> None:
    """Compares what the user set with what the weights determine.

    Raises:
      UserError: a key that differs, with both values.
    """
    game, at = config["game"], shown(path)
    found = {"data.res": config["data"]["res"], "data.channels": channels}
    found |= {f"game.{key}": game[key] for key in ("latent", "condition")}
    found |= {f"game.{net}.{key}": value for net in "gd" for key, value in game[net].items()}
    for key, value in said.items():
        if key.startswith("game.g.") and key not in found:
            raise UserError(
                f"{shown(path)}: --config says {key}={value!r}; the weights set all of game.g"
            )
        if key in found and found[key] != value:
            raise UserError(
                f"{at}: the weights have {key}={found[key]!r}, --config says {value!r}; "
                "leave it out, or give other weights"
            )


def fitting(tree: Any, new: Any, path: Path) -> Any:
    """Returns `tree` with its branches replaced by those of `new`, which is of the file `path`.

    Raises:
      UserError: their names or shapes differ.
    """
    merged = tree | new
    have, want = (
        {jax.tree_util.keystr(at): np.shape(x) for at, x in jax.tree.leaves_with_path(t)}
        for t in (merged, tree)
    )
    if differ := sorted(set(have.items()) ^ set(want.items())):
        name = differ[0][0]
        raise UserError(
            f"{shown(path)}: {state_dict.brief(name)} is {have.get(name)}, but the nets of its "
            f"options have {want.get(name)}"
        )
    return merged


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the options that a config sets; the game passes the nets the others."""
    return {name: value for name, value in options.items() if name not in ("shape", "classes")}
