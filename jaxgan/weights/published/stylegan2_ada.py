"""Converts StyleGAN2-ADA's published weights to parameters of jaxgan.nets.stylegan2 and back.

A state dict maps the published names ("synthesis.b8.conv0.affine.weight") to arrays; jaxgan's
trees nest by the same names. Convolutions are transposed from OIHW to HWIO, dense layers from
(out, in) to (in, out), features from CHW to HWC. Buffers are not parameters: `noise_const` goes to
the statistics, `w_avg` to the game's memory; `resample_filter` is the field `taps`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config.registry import as_mapping
from jaxgan.core.averages import power
from jaxgan.core.game import Spec, State
from jaxgan.nets.ops import upfirdn
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import shown
from jaxgan.weights import configs
from jaxgan.weights.configs import Described
from jaxgan.weights.contents import File
from jaxgan.weights.state_dict import OTHER, Shapes, StateDict, brief, checked, naming, split

GAME, PRESET = "stylegan2", "experiments/stylegan2.py"

Tree = dict[str, Any]

_TO_HWIO, _TO_OIHW = (2, 3, 1, 0), (3, 2, 0, 1)


class Generator(NamedTuple):
    """The parameters and statistics of a `stylegan2.Generator`, and its game's w_avg.

    params: {'mapping', 'synthesis'}. stats: {'noise': {'synthesis': …}}. w_avg: (w_dim,).
    """

    params: Tree
    stats: Tree
    w_avg: np.ndarray


def import_generator(state: StateDict) -> Generator:
    """Converts a generator's state dict to jaxgan's trees.

    Raises:
      UserError: a name that no StyleGAN2 generator has.
    """
    generator_options(state)
    params, noise, w_avg = {}, {}, None
    for name, value in state.items():
        *path, leaf = name.split(".")
        if name == "mapping.w_avg":
            w_avg = np.asarray(value)
        elif leaf == "noise_const":
            _put(noise, [*path, "const"], value)
        elif leaf != "resample_filter":
            _put(params, *_ours(path, leaf, value))
    return Generator(params, {"noise": noise}, w_avg)


def export_generator(
    g: Generator, taps: tuple[float, ...] = upfirdn.FILTER
) -> dict[str, np.ndarray]:
    """Returns the state dict of a generator; the inverse of `import_generator`."""
    state = {".".join(path): value for path, value in _theirs(g.params)}
    for path, value in _leaves(g.stats["noise"]):
        state[".".join([*path[:-1], "noise_const"])] = value
    state["mapping.w_avg"] = np.asarray(g.w_avg)
    return state | _filters(state, taps)


def import_discriminator(state: StateDict) -> Tree:
    """Converts a discriminator's state dict to the parameters of a `stylegan2.Discriminator`.

    Raises:
      UserError: a name that no StyleGAN2 discriminator has.
    """
    discriminator_options(state)
    params = {}
    for name, value in state.items():
        *path, leaf = name.split(".")
        if leaf != "resample_filter":
            _put(params, *_ours(path, leaf, value))
    return params


def export_discriminator(params: Tree, taps: tuple[float, ...] = upfirdn.FILTER) -> StateDict:
    """Returns the state dict of a discriminator; the inverse of `import_discriminator`."""
    state = {".".join(path): value for path, value in _theirs(params)}
    return state | _filters(state, taps)


def generator_options(state: StateDict) -> dict[str, Any]:
    """Returns the fields of the `stylegan2.Generator` that these weights belong to.

    They are read from names and shapes, which do not determine `clamp`; the size of the labels is
    `classes`.

    Raises:
      UserError: the weights are not a StyleGAN2 generator's.
    """
    shapes = Shapes("generator", state)
    base = shapes.of("synthesis.b4.const", 3)[0]
    sizes = shapes.sizes("synthesis.")
    last = f"synthesis.b{sizes[-1]}"
    skip, rgb = f"{last}.skip.weight" in state, "synthesis.b4.torgb.weight" in state
    shapes.of("mapping.fc0.weight", 2)
    return {
        "shape": (sizes[-1], sizes[-1], shapes.of(f"{last}.torgb.weight", 4)[0]),
        "w_dim": shapes.of("mapping.w_avg", 1)[0],
        "layers": shapes.layers(),
        "channel_base": shapes.of(f"{last}.conv1.weight", 4)[0] * sizes[-1],
        "channel_max": base,
        "architecture": "skip" if rgb else "resnet" if skip else "orig",
        "classes": shapes.classes(),
        "taps": shapes.taps("synthesis.b4.resample_filter"),
    }


def discriminator_options(state: StateDict) -> dict[str, Any]:
    """Returns the fields of the `stylegan2.Discriminator` that these weights belong to.

    They are read from names and shapes, which do not determine `clamp` and `group`.

    Raises:
      UserError: the weights are not a StyleGAN2 discriminator's.
    """
    shapes = Shapes("discriminator", state)
    out, widened = shapes.of("b4.conv.weight", 4)[:2]
    first = shapes.sizes("")[-1]
    width, channels = shapes.of(f"b{first}.fromrgb.weight", 4)[:2]
    skip, rgb = f"b{first}.skip.weight" in state, "b4.fromrgb.weight" in state
    classes = shapes.classes()
    return {
        "shape": (first, first, channels),
        "channel_base": width * first,
        "channel_max": out,
        "architecture": "skip" if rgb else "resnet" if skip else "orig",
        "std_channels": widened - out,
        "cmap": shapes.of("b4.out.weight", 2)[0] if classes else 0,
        "layers": shapes.layers() if classes else 8,
        "classes": classes,
        "taps": shapes.taps("b4.conv.resample_filter"),
    }


def describe(base: Mapping[str, Any], given: Sequence[File]) -> Described:
    """Returns what becomes of a file's networks: G, G_ema, and D where it is there.

    Args:
      base: a config of the game stylegan2; sets what the weights do not determine.
      given: one file.

    Raises:
      UserError: no such networks, or more than one file.
    """
    if len(given) > 1:
        raise UserError(f"--other={shown(given[1].path)}: only CycleGAN has a second generator")
    path, weights = given[0]
    with naming(path):
        nets = {net: checked(state) for net, state in split(weights.arrays).items()}
        options = generator_options(nets["G_ema"])
        config = configured(base, nets, options, weights.kwargs)
        trees = _trees(nets)
    game = config["game"]
    fixed = {"data.res": config["data"]["res"], "data.channels": options["shape"][-1]}
    fixed |= {f"game.{key}": game[key] for key in ("latent", "condition")}
    fixed |= {f"game.{net}.{key}": value for net in "gd" for key, value in game[net].items()}
    critic = "with its critic" if "D" in nets else "with a newly initialized critic"
    return Described(config, Spec(options["shape"], options["classes"]), trees, fixed, critic)


def export(state: State, config: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the state dict of a run's averaged generator, with w_avg and noise."""
    noise = {"noise": {"synthesis": state.stats["synthesis"]["noise"]}}
    taps = config["game"]["g"].get("taps")
    g = Generator(power.plain(state.ema), noise, state.memory["w_avg"])
    return export_generator(g, *([tuple(taps)] if taps else []))


def configured(
    base: Mapping[str, Any],
    states: Mapping[str, StateDict],
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
    d = discriminator_options(states["D"]) if "D" in states else {}
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
    data = base["data"] | {"res": g["shape"][0]}
    # A warm-up would forget the file's average within a few steps of training.
    return {**base, "game": game, "data": data, "ema_warmup": False}


def _trees(nets: Mapping[str, StateDict]) -> dict[str, dict[str, Any]]:
    """Converts state dicts by network to what they replace of a state."""
    imported = {net: import_generator(nets[net]) for net in ("G", "G_ema")}
    params = dict(imported["G"].params)
    if "D" in nets:
        params["d"] = import_discriminator(nets["D"])
    noise = {"noise": imported["G_ema"].stats["noise"].get("synthesis", {})}
    return {
        "params": params,
        "ema": dict(imported["G_ema"].params),
        "stats": {"synthesis": noise},
        "memory": {"w_avg": imported["G_ema"].w_avg},
    }


def _fields(options: dict[str, Any]) -> dict[str, Any]:
    """Returns the options that a config sets; the game passes the nets the others."""
    return {name: value for name, value in options.items() if name not in ("shape", "classes")}


def _ours(path: list[str], leaf: str, value: Any) -> tuple[list[str], np.ndarray]:
    """Converts one parameter's published path and value to those of jaxgan's tree."""
    value, name = np.asarray(value), brief(".".join([*path, leaf]))
    axes = {"const": (3,), "bias": (1,), "noise_strength": (0, 1), "weight": (2, 4)}
    if leaf not in axes:
        raise UserError(f"{name}: not a parameter of StyleGAN2{OTHER}")
    features = [*path, leaf] == ["b4", "fc", "weight"]  # features are flattened CHW there, HWC here
    if value.ndim not in axes[leaf] or (features and (value.ndim != 2 or value.shape[1] % 16)):
        raise UserError(f"{name} has the shape {value.shape}, as in no StyleGAN2{OTHER}")
    if leaf == "const":
        return [*path, leaf], value.transpose(1, 2, 0)
    if leaf != "weight":
        return [*path, leaf], value
    if features:
        out = len(value)
        value = value.reshape(out, -1, 4, 4).transpose(0, 2, 3, 1).reshape(out, -1)
    value = value.transpose(_TO_HWIO) if value.ndim == 4 else value.T
    return [*path, "kernel"], value


def _theirs(params: Tree) -> Iterator[tuple[list[str], np.ndarray]]:
    """Yields every parameter's published path and value."""
    for path, value in _leaves(params):
        *parents, leaf = path
        if leaf == "const":
            value = value.transpose(2, 0, 1)
        elif leaf == "kernel":
            leaf, value = "weight", value.transpose(_TO_OIHW) if value.ndim == 4 else value.T
            if parents == ["b4", "fc"]:
                out = len(value)
                value = value.reshape(out, 4, 4, -1).transpose(0, 3, 1, 2).reshape(out, -1)
        yield [*parents, leaf], value


def _filters(state: StateDict, taps: tuple[float, ...]) -> dict[str, np.ndarray]:
    """Builds the buffers `resample_filter`: one in each block and convolution that may resample."""
    f = np.asarray(taps, np.float32) / np.float32(sum(taps))
    blocks, convs = set(), set()
    for name in state:
        block = re.match(r"((?:synthesis\.)?b\d+)\.", name)
        if block and block[1] != "b4":  # a discriminator's b4 is its epilogue
            blocks.add(block[1])
        if block and name.endswith(".weight") and np.ndim(state[name]) == 4:
            convs.add(name.removesuffix(".weight"))
    convs = {name for name in convs if not name.endswith("torgb")}
    return {f"{name}.resample_filter": np.outer(f, f) for name in blocks | convs}


def _put(tree: Tree, path: list[str], value: Any) -> None:
    for name in path[:-1]:
        tree = tree.setdefault(name, {})
    tree[path[-1]] = np.asarray(value)


def _leaves(tree: Tree, path: tuple[str, ...] = ()) -> Iterator[tuple[list[str], np.ndarray]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*path, name))
        else:
            yield [*path, name], np.asarray(value)
