"""What files of a generator, and maybe its critic, become: a run of the game adversarial."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config import schedules
from jaxgan.config.registry import as_mapping
from jaxgan.core.game import Spec
from jaxgan.runtime.errors import UserError
from jaxgan.weights.configs import Described
from jaxgan.weights.contents import File
from jaxgan.weights.state_dict import StateDict, naming, networks

GAME = "adversarial"

Tree = dict[str, Any]


class Net(NamedTuple):
    """A network: its parameters and statistics, and the fields of the module they belong to."""

    params: Tree
    stats: Tree
    fields: dict[str, Any]


class Program(NamedTuple):
    """What differs between programs.

    import_net: converts the state dict of 'g' or 'd'.
    is_critic: whether a state dict that no name tells is d's.
    nodes: returns the entries of config.game that weights determine, by each net's fields.
    refused: returns the error of arrays that are no such net.
    """

    import_net: Callable[[StateDict, str], Net]
    is_critic: Callable[[StateDict], bool]
    nodes: Callable[[Mapping[str, Mapping[str, Any]]], dict[str, Any]]
    refused: Callable[[str], UserError]


def describe(base: Mapping[str, Any], given: Sequence[File], program: Program) -> Described:
    """Returns what becomes of files' networks: G, or G and G_ema, and D where it is there.

    Args:
      base: a config of the game adversarial; sets what the weights do not determine.
      given: a file, and maybe another with D.

    Raises:
      UserError: no such generator, or nets that do not fit together.
    """
    nets: dict[str, Net] = {}
    for path, weights in given:
        with naming(path):
            nets |= read(weights.arrays, nets, program)
    with naming(given[0].path):
        if "g" not in nets:
            raise program.refused("there is no generator")
        found = nets["g"].fields
        for what in ("classes", "shape") if "d" in nets else ():
            if (other := nets["d"].fields[what]) != found[what]:
                raise UserError(f"its critic's {what}: {other}, the generator's {found[what]}")
    made = {net: nets[net] for net in "gd" if net in nets}
    nodes = program.nodes({net: each.fields for net, each in made.items()})
    config = _configured(base, nodes)
    config["data"] = {**config["data"], "res": found["shape"][0]}
    fixed = {"data.res": found["shape"][0], "data.channels": found["shape"][-1]}
    for key, value in nodes.items():
        within = {f".{name}": each for name, each in value.items()} if key in ("g", "d") else {}
        fixed |= {f"game.{key}{name}": each for name, each in (within or {"": value}).items()}
    trees = {
        part: {net: getattr(each, part) for net, each in made.items()}
        for part in ("params", "stats")
    }
    if base["game"].get("ema"):
        trees["ema"] = {"g": nets.get("ema", nets["g"]).params}
    line = "with its critic" if "d" in nets else "with a newly initialized critic"
    return Described(config, Spec(found["shape"], found["classes"]), trees, fixed, line)


def read(
    given: Mapping[str, np.ndarray], known: Mapping[str, Net], program: Program
) -> dict[str, Net]:
    """Returns the nets of a file, 'g', 'ema' and 'd'; `known` are those of files before it."""
    states: dict[str, StateDict] = networks(given)
    if not {"G", "G_ema", "D"} & set(states):
        state = states.get("", {})
        states = {"D" if program.is_critic(state) else "G": state}
    found = {}
    if "G" in states or "G_ema" in states:
        found["g"] = program.import_net(states.get("G") or states["G_ema"], "g")
    if "G_ema" in states:
        found["ema"] = program.import_net(states["G_ema"], "g")
        # Samples are drawn with one set of moments: those of the average.
        found["g"] = found["g"]._replace(stats=found["ema"].stats)
    if "D" in states:
        found["d"] = program.import_net(states["D"], "d")
    if twice := set(found) & set(known):
        raise UserError(f"a second {'critic' if 'd' in twice else 'generator'}; give one")
    return found


def found(
    state: StateDict, name: str, axes: int = 0, *, refused: Callable[[str], UserError]
) -> np.ndarray:
    """Returns an array; with `axes`, one that has as many, none of them empty.

    Raises:
      UserError: there is no such array, as `refused` words it.
    """
    if name not in state:
        raise refused(f"it has no {name}")
    value = state[name]
    if axes and (value.ndim != axes or 0 in value.shape):
        raise refused(f"{name} is {value.shape}, and has {axes} axes there")
    return value


def _configured(base: Mapping[str, Any], nodes: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the config of the run: `base` with `nodes` in config.game."""
    game, critic = {**base["game"], **nodes}, as_mapping(base["game"].get("d"), "config.game.d")
    d = nodes.get("d", critic)  # an option that no weights determine, such as dtype, is kept
    game["d"] = {**critic, **d} if critic.get("name") == d["name"] else d
    # A warm-up, or a half-life that grows from zero, would forget the file's average within a few
    # steps of training.
    if schedules.is_schedule(game.get("ema")):
        game["ema"] = schedules.parse(game["ema"], "config.game.ema").ends[-1]
    return {**base, "game": game, "ema_warmup": False}
