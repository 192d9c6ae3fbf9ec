"""Published weights as a run of jaxgan, and a run's averaged generator as published weights."""

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
from jaxgan.weights import safe_pickle
from jaxgan.weights import stylegan2_ada as published

PYTHON = '''"""{source} as jaxgan.convert found it; what it does not tell is {base}'s."""

from ml_collections import ConfigDict


def get_config(arg: str | None = None) -> ConfigDict:
    """The run that this folder holds."""
    del arg
    return ConfigDict({config!r})
'''


def read(path: Path, workdir: Path, base: dict[str, Any], name: str) -> None:
    """Makes `workdir` a run of step 0 whose nets are those of the file.

    Raises:
      UserError: the file is not what it claims, or the workdir has a checkpoint already.
    """
    if base["game"].get("name") != "stylegan2":
        raise UserError(f"--config={name}: its game is not stylegan2")
    if list((workdir / "checkpoints").glob("[0-9]*")):
        raise UserError(f"{workdir} holds a run already; pass another --workdir, or delete it")
    found = safe_pickle.read(path)
    states = networks(found.arrays)
    options = published.generator_options(states["G_ema"])
    config, spec = describe(base, states, options, found.kwargs), Spec(options["shape"])
    spec = spec._replace(classes=options["classes"])
    steps = config["steps"] if isinstance(config["steps"], int) else 1
    game = make_game(config["game"], config["optim"], spec=spec, steps=steps)
    state = jax.jit(lambda: core.init(game, jax.random.key(config["seed"])))()

    made = {net: published.import_generator(states[net]) for net in ("G", "G_ema")}
    nets = {net: dict(made[net].params) for net in made}
    if "D" in states:
        nets["G"]["d"] = published.import_discriminator(states["D"])
    noise = {"noise": made["G_ema"].stats["noise"]["synthesis"]}
    state = state.replace(
        params=fitting(state.params, nets["G"], path),
        ema=fitting(state.ema, nets["G_ema"], path),
        stats=fitting(state.stats, {"synthesis": noise}, path),
        memory=state.memory | {"w_avg": jax.numpy.asarray(made["G_ema"].w_avg)},
    )
    workdir.mkdir(parents=True, exist_ok=True)
    workdirs.write(workdir, workdirs.Record(config, spec, steps))
    source = PYTHON.format(source=path.name, base=name, config=config)
    (workdir / "config.py").write_text(source)
    saves = Checkpoints(workdir / "checkpoints")
    saves.save(state, 0)
    saves.close()
    critic = "with its critic" if "D" in states else "its critic is new"
    print(f"{path} in {workdir}, {critic}", file=sys.stderr)


def write(workdir: Path, out: Path) -> None:
    """Writes a run's averaged generator, w_avg and noise under the published names.

    Raises:
      UserError: no run of stylegan2 there, or no checkpoint.
    """
    record = workdirs.read(workdir)
    styles = record.game().styles
    if styles is None or styles.weights != "stylegan2_ada":
        raise UserError(f"{workdir} holds no run of the game stylegan2")
    if record.config.get("seeds", 1) > 1:
        raise UserError(f"{workdir} holds several seeds; only a run of one can be written")
    state = jax.device_get(workdirs.restore(workdir).state)
    noise = {"noise": {"synthesis": state.stats["synthesis"]["noise"]}}
    g = published.Generator(dict(state.ema), noise, state.memory["w_avg"])
    taps = record.config["game"]["g"].get("taps")
    safe_pickle.write(out, published.export_generator(g, *([tuple(taps)] if taps else [])))
    print(f"step {int(state.step)} of {workdir} in {out}", file=sys.stderr)


def networks(arrays: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """State dicts by network: G, G_ema, D; one generator alone stands for both G."""
    states: dict[str, dict[str, Any]] = {}
    for name, value in arrays.items():
        network, _, rest = name.rpartition("/")
        states.setdefault(network, {})[rest] = value
    alone = states.get("G_ema") or states.get("G") or states.get("")
    if not alone:
        raise UserError(f"no G, G_ema or plain state dict among {sorted(states)}")
    return {"G": alone, "G_ema": alone} | {k: v for k, v in states.items() if k in ("G", "D")}


def describe(
    base: dict[str, Any],
    states: Mapping[str, Mapping[str, Any]],
    g: dict[str, Any],
    kwargs: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """The config of the run: `base` with the nets that the weights are of."""
    d = published.discriminator_options(states["D"]) if "D" in states else {}
    clamp = _clamp(kwargs)
    labelled = bool(g["classes"])
    embedded = g["w_dim"] if labelled else 0
    game = base["game"] | {
        "latent": states["G_ema"]["mapping.fc0.weight"].shape[1] - embedded,
        "condition": "label" if labelled else "",
        "g": {"name": "stylegan2.Generator", **_fields(g), "clamp": clamp},
        "d": {**base["game"]["d"], "name": "stylegan2.Discriminator", **_fields(d), "clamp": clamp},
    }
    return base | {"game": game, "data": base["data"] | {"res": g["shape"][0]}}


def fitting(tree: Any, new: Any, path: Path) -> Any:
    """`tree` with the branches of `new` in place of its own, which must be of the same shapes."""
    whole = tree | new
    have, want = (
        {jax.tree_util.keystr(at): np.shape(x) for at, x in jax.tree.leaves_with_path(t)}
        for t in (whole, tree)
    )
    if differ := sorted(set(have.items()) ^ set(want.items())):
        name = differ[0][0]
        raise UserError(
            f"{path}: {name} is {have.get(name)}, the nets that its options tell have "
            f"{want.get(name)}"
        )
    return jax.tree.map(jax.numpy.asarray, whole)


def _clamp(kwargs: Mapping[str, Mapping[str, Any]]) -> float:
    """conv_clamp, where the file tells what its networks were constructed with."""
    for options in kwargs.values():
        inner = options.get("synthesis_kwargs", options)
        if inner.get("conv_clamp"):
            return float(inner["conv_clamp"])
    return 0.0


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    """The options that a config gives; the game tells the nets the rest."""
    return {name: value for name, value in options.items() if name not in ("shape", "classes")}
