"""Converts CycleGAN's published generators to parameters of nets.cyclegan and back.

A state dict is that of junyanz/pytorch-CycleGAN-and-pix2pix's ResnetGenerator: a sequence of
layers by number, of which "model.10.conv_block.1.weight" is the first convolution of the first
residual block. Convolutions are transposed from OIHW, and transposed ones from IOHW, to HWIO. A
file has one generator; one of the other direction may be given beside it.
"""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from jaxgan.config.registry import as_mapping
from jaxgan.core.game import Nets, Spec
from jaxgan.runtime.errors import UserError
from jaxgan.weights.configs import Described
from jaxgan.weights.contents import File
from jaxgan.weights.state_dict import StateDict, brief, checked, naming

GAME, PRESET = "translation", "experiments/cyclegan.py:paper"
NET = "cyclegan.ResNetGenerator"
DIRECTIONS = ("a2b", "b2a")  # of the first file, and of the second

_WRAPPER = r"(?:(?:module|_orig_mod|state_dict|net|(?:net)?G(?:_A|_B|_A2B|_B2A)?|generator)[./])*"
_STATISTICS = ("running_mean", "running_var", "num_batches_tracked")
_TO_HWIO, _TO_OIHW = (2, 3, 1, 0), (3, 2, 0, 1)
_UP_TO_HWIO, _UP_TO_IOHW = (2, 3, 0, 1), (2, 3, 0, 1)
_MOST_BLOCKS = 64
_CHANNELS = (1, 3, 4)  # of pictures


class Generator(NamedTuple):
    """The parameters of a `cyclegan.ResNetGenerator`, and what their shapes say of it."""

    params: dict[str, Any]
    width: int
    blocks: int
    channels: tuple[int, int]  # of what it takes, and of what it makes


class _Layer(NamedTuple):
    """A convolution: its path in our tree, its published name, and the shape of its weight."""

    path: tuple[str, ...]
    name: str
    weight: tuple[int, int, int, int]

    @property
    def up(self) -> bool:
        """Whether it is a transposed one."""
        return self.path[0].startswith("up")

    @property
    def features(self) -> int:
        """The channels of its output."""
        return self.weight[1] if self.up else self.weight[0]


def import_generator(arrays: Mapping[str, np.ndarray]) -> Generator:
    """Converts a generator's state dict; statistics of InstanceNorm are left aside, and said so.

    Raises:
      UserError: a name that the generator does not have or lacks, a tensor of another shape, or
        values that are not finite floats; the tensor's name.
    """
    state = _bare(arrays)
    aside = [name for name in state if name.rpartition(".")[2] in _STATISTICS]
    state = checked({name: value for name, value in state.items() if name not in aside})
    blocks, width, channels = _sizes(state)
    layers = list(_layers(blocks, width, *channels))
    shapes = {f"{layer.name}.weight": layer.weight for layer in layers}
    shapes |= {f"{layer.name}.bias": (layer.features,) for layer in layers}
    for name, shape in shapes.items():
        if name not in state:
            raise _refused(f"it has no {name}")
        if state[name].shape != shape:
            raise _refused(f"{name} is {state[name].shape}, and {shape} at width {width}")
    if more := [name for name in state if name not in shapes]:
        raise _refused(f"it has {brief(more[0])}, which that net has not")
    if aside:
        print(
            f"left aside: {len(aside)} statistics of InstanceNorm ({brief(aside[0])}, …), which "
            "normalizes each image by its own",
            file=sys.stderr,
        )
    params: dict[str, Any] = {}
    for layer in layers:
        tree = params
        for part in layer.path:
            tree = tree.setdefault(part, {})
        axes = _UP_TO_HWIO if layer.up else _TO_HWIO
        kernel = state[f"{layer.name}.weight"].transpose(axes)
        tree |= {"kernel": kernel, "bias": state[f"{layer.name}.bias"]}
    return Generator(params, width, blocks, channels)


def export_generator(params: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Returns the state dict of a generator's parameters; the inverse of `import_generator`."""
    blocks = sum(name.startswith("block") for name in params)
    cin, width = params["stem"]["kernel"].shape[2:]
    state = {}
    for layer in _layers(blocks, width, cin, params["image"]["kernel"].shape[-1]):
        tree: Any = params
        for part in layer.path:
            tree = tree[part]
        axes = _UP_TO_IOHW if layer.up else _TO_OIHW
        weight = np.ascontiguousarray(np.asarray(tree["kernel"]).transpose(axes))
        state[f"{layer.name}.weight"] = weight
        state[f"{layer.name}.bias"] = np.asarray(tree["bias"])
    return state


def matches(names: Sequence[str]) -> bool:
    """Returns whether arrays of these names may be a net of CycleGAN or pix2pix."""
    net = re.compile(rf"{_WRAPPER}model\.(\d+\.(weight|bias|conv_block\.|model\.)|model\.)")
    return any(net.match(name) for name in names)


def describe(base: Mapping[str, Any], given: Sequence[File]) -> Described:
    """Returns what becomes of one generator, a2b, or of two: a2b and b2a.

    Args:
      base: a config of the game translation; sets what the weights do not determine.
      given: one file or two.

    Raises:
      UserError: a file without such a generator, or two that do not fit together.
    """
    made = {}
    for direction, (path, weights) in zip(DIRECTIONS, given, strict=False):
        with naming(path):
            made[direction] = import_generator(weights.arrays)
    first = made["a2b"]
    if "b2a" in made:
        _check_pair(given[1], first, made["b2a"])
    g = {"name": NET, "width": first.width, "blocks": first.blocks}
    critic = as_mapping(base["game"].get("d"), "config.game.d")
    config = {**base, "game": {**base["game"], "g": g, "d": critic}}
    res = base["data"].get("res", 256)
    spec = Spec((res, res, first.channels[0]), other=(res, res, first.channels[1]))
    params = {direction: each.params for direction, each in made.items()}
    trees = {"params": params} | ({"ema": params} if base["game"].get("ema") else {})
    missing = tuple(direction for direction in DIRECTIONS if direction not in made)
    without = f"; {missing[0]} and" if missing else ";"
    return Described(
        config,
        spec,
        trees,
        {f"game.g.{key}": value for key, value in g.items()},
        f"{' and '.join(made)}{without} both critics start anew in training",
        missing,
    )


def export(params: Nets, config: Mapping[str, Any], direction: str) -> dict[str, np.ndarray]:
    """Returns the state dict of a run's generator of one direction.

    Raises:
      UserError: the run's generators are of another kind.
    """
    g = as_mapping(config["game"]["g"], "config.game.g")
    norm, residual = g.get("norm", "InstanceNorm"), g.get("residual", False)
    if g["name"] != NET or norm != "InstanceNorm" or residual:
        raise UserError(
            f"its generators are {'residual ' * residual}{g['name']} with {norm}; only {NET} with "
            "InstanceNorm has published names"
        )
    return export_generator(params[direction])


def _check_pair(second: File, first: Generator, other: Generator) -> None:
    """Refuses two generators of which one does not lead back from the other."""
    with naming(second.path):
        for what, want, got in (
            ("width", first.width, other.width),
            ("blocks", first.blocks, other.blocks),
            ("channels", first.channels[::-1], other.channels),
        ):
            if want != got:
                raise UserError(f"its {what}: {got}, and {want} would lead back; give its pair")


def _bare(arrays: Mapping[str, np.ndarray]) -> StateDict:
    """Returns arrays by their names in the net, without wrappers' prefixes."""
    state: dict[str, np.ndarray] = {}
    for full, value in arrays.items():
        name = re.sub(rf"^{_WRAPPER}", "", full)
        if name in state:
            raise UserError(f"two arrays are {brief(name)}; give the file of one generator")
        state[name] = value
    return state


def _sizes(state: StateDict) -> tuple[int, int, tuple[int, int]]:
    """Returns blocks, width and channels, of the few tensors that tell them."""
    blocks = 0
    while f"model.{10 + blocks}.conv_block.1.weight" in state and blocks <= _MOST_BLOCKS:
        blocks += 1
    if not 0 < blocks <= _MOST_BLOCKS:
        first = ", ".join(brief(name) for name in list(state)[:2]) or "none"
        said = f"more than {_MOST_BLOCKS}" if blocks else "no"
        raise _refused(f"it has {said} blocks model.10.conv_block, and its tensors are {first}, …")
    ends = "model.1.weight", f"model.{17 + blocks}.weight"
    for name in ends:
        if name not in state:
            raise _refused(f"it has no {name}")
        if state[name].ndim != 4 or 0 in state[name].shape:
            raise _refused(f"{name} is {state[name].shape}, and has 4 axes there")
    channels = state[ends[0]].shape[1], state[ends[1]].shape[0]
    for name, found in zip(ends, channels, strict=True):
        if found not in _CHANNELS:
            raise _refused(f"{name} is of {found} channels, and pictures have 1, 3 or 4")
    return blocks, state[ends[0]].shape[0], channels


def _layers(blocks: int, width: int, cin: int, cout: int) -> Iterator[_Layer]:
    """Yields the generator's convolutions in their order."""
    w = width
    yield _Layer(("stem",), "model.1", (w, cin, 7, 7))
    yield _Layer(("down1",), "model.4", (2 * w, w, 3, 3))
    yield _Layer(("down2",), "model.7", (4 * w, 2 * w, 3, 3))
    for i in range(blocks):
        for name, at in (("first", 1), ("second", 5)):
            place = f"model.{10 + i}.conv_block.{at}"
            yield _Layer((f"block{i}", name), place, (4 * w, 4 * w, 3, 3))
    yield _Layer(("up2",), f"model.{10 + blocks}", (4 * w, 2 * w, 3, 3))
    yield _Layer(("up1",), f"model.{13 + blocks}", (2 * w, w, 3, 3))
    yield _Layer(("image",), f"model.{17 + blocks}", (cout, w, 7, 7))


def _refused(why: str) -> UserError:
    """Returns the error of arrays that are another net's."""
    return UserError(
        f"not CycleGAN's ResNet generator: {why}; give a latest_net_G.pth, trained with --norm "
        "instance and without dropout"
    )
