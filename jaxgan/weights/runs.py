"""Converts published weights to a run of jaxgan, and a run's averaged generator back."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.core import game as core
from jaxgan.core.game import Spec
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir as workdirs
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.setup import make_game
from jaxgan.weights import contents, networks
from jaxgan.weights import stylegan2_ada as published

PYTHON = '''"""{source} as jaxgan.convert found it; what it does not tell is {base}'s."""

from ml_collections import ConfigDict


def get_config(arg: str | None = None) -> ConfigDict:
    """The run that this folder holds."""
    del arg
    return ConfigDict({config!r})
'''


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
    if base["game"].get("name") != "stylegan2":
        raise UserError(f"--config={name}: its game is not stylegan2")
    if list((workdir / "checkpoints").glob("[0-9]*")):
        raise UserError(f"{workdir} holds a run already; pass another --workdir")
    weights = contents.read(path)
    try:
        states = networks.split(weights.arrays)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    options = published.generator_options(states["G_ema"])
    config, spec = describe(base, states, options, weights.kwargs), Spec(options["shape"])
    spec = spec._replace(classes=options["classes"])
    agree(path, config, said or {}, options["shape"][-1])
    steps = config["steps"] if isinstance(config["steps"], int) else 1
    game = make_game(config["game"], config["optim"], spec=spec, steps=steps)
    state = jax.jit(lambda: core.init(game, jax.random.key(config["seed"])))()

    imported = {net: published.import_generator(states[net]) for net in ("G", "G_ema")}
    nets = {net: dict(imported[net].params) for net in imported}
    if "D" in states:
        nets["G"]["d"] = published.import_discriminator(states["D"])
    noise = {"noise": imported["G_ema"].stats["noise"]["synthesis"]}
    state = state.replace(
        params=fitting(state.params, nets["G"], path),
        ema=fitting(state.ema, nets["G_ema"], path),
        stats=fitting(state.stats, {"synthesis": noise}, path),
        memory=state.memory | {"w_avg": jax.numpy.asarray(imported["G_ema"].w_avg)},
    )
    workdir.mkdir(parents=True, exist_ok=True)
    workdirs.write(workdir, workdirs.Record(config, spec, steps))
    source = PYTHON.format(source=path.name, base=name, config=config)
    (workdir / "config.py").write_text(source)
    checkpoints = Checkpoints(workdir / "checkpoints")
    checkpoints.save(state, 0)
    checkpoints.close()
    critic = "with its critic" if "D" in states else "with a newly initialized critic"
    print(f"wrote {path} to {workdir}, {critic}", file=sys.stderr)


def write(workdir: Path, out: Path) -> None:
    """Writes a run's averaged generator, w_avg and noise under the published names, as .npz.

    Raises:
      UserError: no run of stylegan2 in `workdir`, no checkpoint, or a run of several seeds.
    """
    record = workdirs.read(workdir)
    styles = record.game().styles
    if styles is None or styles.weights != "stylegan2_ada":
        raise UserError(f"{workdir} holds no run of the game stylegan2")
    if record.config.get("seeds", 1) > 1:
        raise UserError(f"{workdir} holds several seeds; only a run of one can be converted")
    state = jax.device_get(workdirs.restore(workdir).state)
    noise = {"noise": {"synthesis": state.stats["synthesis"]["noise"]}}
    g = published.Generator(dict(state.ema), noise, state.memory["w_avg"])
    taps = record.config["game"]["g"].get("taps")
    out.parent.mkdir(parents=True, exist_ok=True)
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
      states: state dicts by network, as `networks.split` returns them.
      g: `generator_options` of the averaged generator.
      kwargs: by network, its constructor's arguments, as `contents.read` returns them.
    """
    d = published.discriminator_options(states["D"]) if "D" in states else {}
    clamp = _clamp(kwargs)
    labeled = bool(g["classes"])
    embedded = g["w_dim"] if labeled else 0
    game = base["game"] | {
        "latent": states["G_ema"]["mapping.fc0.weight"].shape[1] - embedded,
        "condition": "label" if labeled else "",
        "g": {"name": "stylegan2.Generator", **_fields(g), "clamp": clamp},
        "d": {**base["game"]["d"], "name": "stylegan2.Discriminator", **_fields(d), "clamp": clamp},
    }
    return base | {"game": game, "data": base["data"] | {"res": g["shape"][0]}}


def agree(path: Path, config: Mapping[str, Any], said: Mapping[str, Any], channels: int) -> None:
    """Compares what the user set with what the weights determine.

    Raises:
      UserError: a key that differs, with both values.
    """
    game = config["game"]
    found = {"data.res": config["data"]["res"], "data.channels": channels}
    found |= {f"game.{key}": game[key] for key in ("latent", "condition")}
    found |= {f"game.{net}.{key}": value for net in "gd" for key, value in game[net].items()}
    for key, value in said.items():
        if key.startswith("game.g.") and key not in found:
            raise UserError(f"{path}: --config says {key}={value!r}; the weights set all of game.g")
        if key in found and found[key] != value:
            raise UserError(
                f"{path}: the weights have {key}={found[key]!r}, --config says {value!r}; "
                "leave it out, or give other weights"
            )


def fitting(tree: Any, new: Any, path: Path) -> Any:
    """Returns `tree` with its branches replaced by those of `new`.

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
            f"{path}: {name} is {have.get(name)}, but the nets of its options have {want.get(name)}"
        )
    return jax.tree.map(jax.numpy.asarray, merged)


def _clamp(kwargs: Mapping[str, Mapping[str, Any]]) -> float:
    """Returns conv_clamp from the arguments of the networks' constructors, 0 if it is not there."""
    for options in kwargs.values():
        inner = options.get("synthesis_kwargs", options)
        if inner.get("conv_clamp"):
            return float(inner["conv_clamp"])
    return 0.0


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the options that a config sets; the game passes the nets the others."""
    return {name: value for name, value in options.items() if name not in ("shape", "classes")}
