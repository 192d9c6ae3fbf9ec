"""Converts R3GAN's published weights to parameters of nets.r3gan and back.

The authors' pickles (brownvc/R3GAN) hold G, D and G_ema, whose names begin with `Model.`; without
that prefix they are those of the nets alone. G counts its stages from 4x4 pixels up, D from the
image down, and here both from 4x4 up. Images are not bounded by the nets.
"""

import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.config.registry import as_mapping
from jaxgan.core.averages import power
from jaxgan.core.game import State
from jaxgan.core.network import pure
from jaxgan.nets import r3gan
from jaxgan.runtime.errors import UserError
from jaxgan.weights.configs import Described
from jaxgan.weights.contents import File
from jaxgan.weights.published import pairs
from jaxgan.weights.published.pairs import Net, Program, Tree
from jaxgan.weights.state_dict import StateDict, brief, checked

PRESET, NETS = "experiments/r3gan.py:cifar", "r3gan."
G, D = "r3gan.Generator", "r3gan.Discriminator"
PREFIX = "Model."  # of the pickles' networks, which wrap the nets

_LAYERS = {
    ("expand", "kernel"): "LinearLayer1.Layer.weight",
    ("grouped", "kernel"): "LinearLayer2.Layer.weight",
    ("project", "kernel"): "LinearLayer3.Layer.weight",
    ("bias1",): "NonLinearity1.Bias",
    ("bias2",): "NonLinearity2.Bias",
}
_ENDS = {
    "to_image": "AggregationLayer.Layer.weight",
    "from_image": "ExtractionLayer.Layer.weight",
    "Condition_0": "EmbeddingLayer.weight",
}
_FILTER = np.outer((1, 3, 3, 1), (1, 3, 3, 1)) / 64  # of all resampling
_STAGES, _BLOCKS = 9, 64  # at most: 1024 pixels
_CHANNELS = (1, 3, 4)  # of pictures


class Array(NamedTuple):
    """One array: its path and shape here, and its published name."""

    path: tuple[str, ...]
    shape: tuple[int, ...]
    name: str

    def published(self) -> tuple[int, ...]:
        """Returns its shape in the file: OIHW, (out, in), (C,), and G's basis (C, 4, 4)."""
        if self.path[0] == "basis":
            size, _, width = self.shape
            one = (1,) if self.name.endswith("weight") else ()
            return (width, *one, size, size)
        order = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[len(self.shape)]
        return tuple(self.shape[i] for i in order)

    def ours(self, value: np.ndarray) -> np.ndarray:
        """Converts an array of the file, of the shape `published`."""
        if self.path[0] == "basis":
            value = value.reshape(len(value), *value.shape[-2:]).transpose(1, 2, 0)
        else:
            value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
        return np.array(value, order="C")

    def theirs(self, value: np.ndarray) -> np.ndarray:
        """Converts an array of ours; the inverse of `ours`."""
        if self.path[0] == "basis":
            value = value.transpose(2, 0, 1).reshape(self.published())
        else:
            value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
        return np.ascontiguousarray(value)


def matches(names: Sequence[str]) -> bool:
    """Returns whether arrays of these names may be a network of R3GAN."""
    return any(re.search(r"(^|[./])MainLayers\.\d+\.Layers\.\d+\.", name) for name in names)


def import_net(state: StateDict, kind: str) -> Net:
    """Converts the state dict of 'g' or 'd'.

    Raises:
      UserError: a name that the net does not have or lacks, a tensor of another shape, values that
        are not finite floats, or another filter of the resampling; the tensor's name.
    """
    state = checked(state)
    net = Net({}, {}, _fields(state, kind))
    resampling, known = filters(kind, net.fields), set()
    for each in arrays(kind, net.fields):
        value, tree = _found(state, each.name), net.params
        if value.shape != each.published():
            raise _refused(
                f"{each.name} is {value.shape}, and {each.published()} at the width of the others"
            )
        for name in each.path[:-1]:
            tree = tree.setdefault(name, {})
        tree[each.path[-1]] = each.ours(value)
        known.add(each.name)
    for name in resampling:
        if name in state and not np.allclose(state[name], _FILTER, atol=1e-6):
            raise _refused(f"{name} is not the filter 1, 3, 3, 1, which nets here resample by")
    if more := set(state) - known - set(resampling):
        raise _refused(f"it has {brief(min(more))}, which that net has not")
    return net


def export_net(params: Tree, kind: str, fields: Mapping[str, Any]) -> StateDict:
    """Returns the state dict of a net; the inverse of `import_net`, with `PREFIX`."""
    state: dict[str, np.ndarray] = {}
    for each in arrays(kind, fields):
        value: Any = params
        for name in each.path:
            value = value[name]
        state[f"{PREFIX}{each.name}"] = each.theirs(np.asarray(value))
    return state | {f"{PREFIX}{name}": _FILTER.astype(np.float32) for name in filters(kind, fields)}


def describe(base: Mapping[str, Any], given: Sequence[File]) -> Described:
    """Returns what becomes of a file's networks, and maybe of another's with D; see pairs.py."""
    return pairs.describe(base, given, PROGRAM)


def export(state: State, config: Mapping[str, Any]) -> StateDict:
    """Returns the state dict of a run's generator, averaged where the run averages it.

    Raises:
      UserError: its condition is no label, which no published net has.
    """
    if config["game"].get("condition") not in ("", "label", None):
        raise UserError("its condition is no label; no published R3GAN has another")
    node = as_mapping(config["game"]["g"], "config.game.g")
    params = {**state.params, **power.plain(state.ema)}["g"]
    labels = params.get("Condition_0")
    options = {name: value for name, value in node.items() if name not in ("name", "dtype")}
    stages = len(node.get("widths", r3gan.Generator.widths))
    classes, features = np.shape(labels["Embed_0"]["kernel"]) if labels else (0, 0)
    fields = {
        **options,
        "shape": (4 << stages - 1, 4 << stages - 1, params["to_image"]["kernel"].shape[-1]),
        "classes": classes,
        "latent": len(params["basis_scale"]["kernel"]) - features,
    }
    return export_net(params, "g", fields)


def arrays(kind: str, fields: Mapping[str, Any]) -> Iterator[Array]:
    """Yields the arrays of 'g' or 'd' of a module's `fields`, and of G the length of z."""
    own = {name: value for name, value in fields.items() if name != "latent"}
    module = (r3gan.Generator if kind == "g" else r3gan.Discriminator)(**own)
    x = jnp.zeros((1, fields["latent"]) if kind == "g" else (1, *own["shape"]))
    y = jnp.zeros(1, jnp.int32) if own["classes"] else None
    params, _ = jax.eval_shape(lambda key: pure(module).init(key, x, y), jax.random.key(0))
    for keys, leaf in jax.tree.leaves_with_path(params):
        path = tuple(key.key for key in keys)
        yield Array(path, leaf.shape, _name(path, kind, module.blocks))


def filters(kind: str, fields: Mapping[str, Any]) -> list[str]:
    """Returns the names of the buffers of resampling layers: G's from 8x8 on, D's down to 8x8."""
    blocks = fields.get("blocks", r3gan.Generator.blocks)
    sizes = [4 << i for i in range(1, len(blocks))]
    return [f"{_transition(size, kind, blocks)}.Resampler.Kernel" for size in sizes]


def _transition(size: int, kind: str, blocks: Sequence[int]) -> str:
    """Returns the published name of the layer between the stage of `size` pixels and a smaller."""
    i = size.bit_length() - 3
    return (
        f"MainLayers.{i}.Layers.0"
        if kind == "g"
        else f"MainLayers.{len(blocks) - 1 - i}.Layers.{blocks[i]}"
    )


def _name(path: tuple[str, ...], kind: str, blocks: Sequence[int]) -> str:
    """Returns an array's published name."""
    layer, *inner = path
    if layer in _ENDS:
        return _ENDS[layer]
    if layer == "basis":
        return f"{_transition(4, kind, blocks)}.Basis{'.weight' if kind == 'd' else ''}"
    if layer in ("basis_scale", "Dense_0"):
        return f"{_transition(4, kind, blocks)}.LinearLayer.weight"
    if layer.startswith("transition"):
        size = int(layer.removeprefix("transition"))
        return f"{_transition(size, kind, blocks)}.LinearLayer.Layer.weight"
    size, j = map(int, layer.removeprefix("b").split("_"))
    stage = _transition(size, kind, blocks).rpartition(".")[0]
    return f"{stage}.{j + (kind == 'g')}.{_LAYERS[tuple(inner)]}"


def _fields(state: StateDict, kind: str) -> dict[str, Any]:
    """Reads a module's fields from names and shapes, and of G `latent`, the length of z."""
    counts = [_blocks(state, i, kind) for i in range(_STAGES + 1)]
    stages = counts.index(0) if 0 in counts else _STAGES + 1
    if not 0 < stages <= _STAGES or any(counts[stages:]):
        first = ", ".join(brief(name) for name in list(state)[:2]) or "none"
        raise _refused(f"it has residual blocks in {stages} stages, and its tensors are {first}, …")
    first = int(kind == "g")
    blocks = [f"MainLayers.{i}.Layers.{first}.LinearLayer" for i in range(stages)]
    outer = [_found(state, f"{name}1.Layer.weight", 4).shape for name in blocks]
    inner = [_found(state, f"{name}2.Layer.weight", 4).shape for name in blocks]
    order = 1 if kind == "g" else -1
    image = f"{'Aggregation' if kind == 'g' else 'Extraction'}Layer.Layer.weight"
    channels = _found(state, image, 4).shape[0 if kind == "g" else 1]
    if channels not in _CHANNELS:
        raise _refused(f"its images have {channels} channels, and pictures have 1, 3 or 4")
    features = classes = 0
    if "EmbeddingLayer.weight" in state:
        features, classes = _found(state, "EmbeddingLayer.weight", 2).shape
    size = 4 << stages - 1
    found = {
        "shape": (size, size, channels),
        "widths": tuple(shape[1] for shape in outer)[::order],
        "cardinality": tuple(max(1, out // part) for out, part, *_ in inner)[::order],
        "blocks": tuple(counts[:stages])[::order],
        "expansion": max(1, outer[0][0] // outer[0][1]),
        "classes": classes,
    }
    if kind == "d":
        return found | ({"embedding": features} if classes else {})
    taken = _found(state, "MainLayers.0.Layers.0.LinearLayer.weight", 2).shape[1]
    if taken <= features:
        raise _refused("MainLayers.0.Layers.0.LinearLayer.weight takes no latent")
    same = taken - features == features or not classes
    return found | {"latent": taken - features, **({} if same else {"embedding": features})}


def _blocks(state: StateDict, stage: int, kind: str) -> int:
    """Returns the number of residual blocks of a stage, which stand one after the other."""
    first = int(kind == "g")
    names = (f"MainLayers.{stage}.Layers.{first + j}.NonLinearity1.Bias" for j in range(_BLOCKS))
    return next((j for j, name in enumerate(names) if name not in state), _BLOCKS)


def _nodes(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Returns config.game's entries, by fields of nets; a critic without weights mirrors G."""
    g = fields["g"]
    ours = ("shape", "classes", "latent")  # what the game passes to nets
    plain = {key: value for key, value in g.items() if key not in (*ours, "embedding")}
    mirrored = plain | ({"embedding": g["widths"][0]} if g["classes"] else {})
    d = {key: value for key, value in fields.get("d", mirrored).items() if key not in ours}
    own = {"embedding": g["embedding"]} if "embedding" in g else {}
    return {
        "latent": g["latent"],
        "condition": "label" if g["classes"] else "",
        "g": {"name": G, **plain, **own},
        "d": {"name": D, **d},
    }


def _is_critic(state: StateDict) -> bool:
    return "ExtractionLayer.Layer.weight" in state


def _refused(why: str) -> UserError:
    """Returns the error of arrays that are another net's."""
    return UserError(
        f"not an R3GAN network: {why}; give a pickle, or a state dict, of brownvc/R3GAN's networks"
    )


PROGRAM = Program(import_net, _is_critic, _nodes, _refused)


_found = functools.partial(pairs.found, refused=_refused)
