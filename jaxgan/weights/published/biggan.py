"""Converts BigGAN's published weights to parameters of nets.biggan and back.

Two programs' state dicts are read, see biggan_names.py: that of PyTorch-StudioGAN, and that of
ajbrock/BigGAN-PyTorch; labeled, with a shared embedding, chunks of z and spectral normalization in
both nets. Singular values follow from one of the two vectors that StudioGAN stores: both have
converged in trained weights.
"""

import functools
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from jaxgan.config.registry import as_mapping
from jaxgan.core.game import State
from jaxgan.nets import biggan
from jaxgan.runtime.errors import UserError
from jaxgan.weights.configs import Described
from jaxgan.weights.contents import File
from jaxgan.weights.published import pairs
from jaxgan.weights.published.biggan_names import ORIGINAL, STUDIO, Array, Names, arrays
from jaxgan.weights.published.pairs import Net, Program, Tree
from jaxgan.weights.state_dict import StateDict, brief, checked

PRESET, NETS = "experiments/biggan.py:cifar", "biggan."
G, D = "biggan.Generator", "biggan.Discriminator"

_ASIDE = ("num_batches_tracked", "weight_v", "sv0")  # counts, or follows from the others
_CHANNELS = (1, 3, 4)  # of pictures


def matches(names: Sequence[str]) -> bool:
    """Returns whether arrays of these names may be a network of BigGAN."""
    layers = r"blocks\.\d+\.\d+\.(conv2d\d|conv\d|conv_sc|bn\d|conv1x1_|theta)"
    return any(re.search(rf"(^|[./]){layers}", name) for name in names)


def import_net(state: StateDict, kind: str) -> Net:
    """Converts the state dict of 'g' or 'd'.

    Raises:
      UserError: a name that the net does not have or lacks, a tensor of another shape, or values
        that are not finite floats; the tensor's name.
    """
    right = {name: value for name, value in state.items() if name == "embedding.weight_v"}
    state = checked({name: v for name, v in state.items() if not name.endswith(_ASIDE)} | right)
    names = STUDIO if any(name.endswith(STUDIO.weight) for name in state) else ORIGINAL
    net = Net({}, {}, _fields(state, names, kind))
    known = list(arrays(kind, net.fields, names))
    for each in known:
        tree = net.params if each.part == "params" else net.stats.setdefault(each.part, {})
        for name in each.path[:-1]:
            tree = tree.setdefault(name, {})
        tree[each.path[-1]] = each.ours(_value(state, each, names))
    if more := set(state) - {each.name for each in known} - set(right):
        raise _refused(f"it has {brief(min(more))}, which that net has not")
    return net


def export_net(params: Tree, stats: Tree, kind: str, fields: Mapping[str, Any]) -> StateDict:
    """Returns the state dict of a net, by StudioGAN's names; the inverse of `import_net`."""
    state: dict[str, np.ndarray] = {}
    for each in arrays(kind, fields, STUDIO):
        value: Any = params if each.part == "params" else stats[each.part]
        for name in each.path:
            value = value[name]
        state[each.name] = each.theirs(np.asarray(value))
        if each.name.endswith("running_var"):
            count = each.name.replace("running_var", "num_batches_tracked")
            state[count] = np.zeros((), np.int64)
    for name in [name for name in state if name.endswith(".weight_u")]:
        w, u, right = _matrix(state, name), state[name], name.replace("weight_u", "weight_v")
        if name == "embedding.weight_u":  # what is kept of an embedding is the right one
            state |= {name: _unit(w @ u), right: u}
        else:
            state[right] = _unit(w.T @ u)
    return state


def describe(base: Mapping[str, Any], given: Sequence[File]) -> Described:
    """Returns what becomes of a file's networks, and maybe of another's with D; see pairs.py."""
    return pairs.describe(base, given, PROGRAM)


def export(state: State, config: Mapping[str, Any]) -> StateDict:
    """Returns the state dict of a run's generator, averaged where the run averages it.

    Raises:
      UserError: the run's generator is of another kind.
    """
    node = as_mapping(config["game"]["g"], "config.game.g")
    if node["name"] != G or config["game"].get("condition") != "label":
        raise UserError(f"its generator is {node['name']}; only a labeled {G} has published names")
    params = {**state.params, **state.ema}["g"]
    blocks = sum(name.startswith("block") for name in params)
    res, channels = biggan.START << blocks, params["image"]["kernel"].shape[-1]
    fields = {
        "attention": 0,
        **{key: value for key, value in node.items() if key != "name"},
        "shape": (res, res, channels),
        "classes": len(params["shared"]["Embed_0"]["kernel"]),
        "chunk": len(params["linear"]["kernel"]),
    }
    return export_net(params, state.stats["g"], "g", fields)


def _nodes(fields: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Returns config.game's entries, by fields of nets."""
    ours = ("shape", "classes", "chunk")  # what the game passes to nets
    latent = fields["g"]["chunk"] * len(biggan.plan(fields["g"]["shape"]).g)
    nets = {
        net: {"name": G if net == "g" else D}
        | {key: value for key, value in each.items() if key not in ours}
        for net, each in fields.items()
    }
    return {"latent": latent, "condition": "label", **nets}


def _is_critic(state: StateDict) -> bool:
    return any(name.startswith((f"{STUDIO.last}.", "embed")) for name in state)


def _value(state: StateDict, each: Array, names: Names) -> np.ndarray:
    """Returns an array of the file, flat where it is a singular vector or a scalar."""
    value, want = _found(state, each.name), each.published()
    if each.part == "spectral" and each.path[0] == "Condition_0":  # the right one is kept
        right, kernel = f"{names.embed}.weight_v", _matrix(state, each.name)
        if value.size != len(kernel):
            raise _refused(f"{each.name} is {value.shape}, and has {len(kernel)} numbers there")
        value = state[right] if right in state else _unit(kernel.T @ value.reshape(-1))
    elif each.part == "spectral" or not each.shape:
        value = value.reshape(-1)
    if value.shape != want:
        raise _refused(f"{each.name} is {value.shape}, and {want} at the width of the others")
    return value


def _matrix(state: StateDict, u: str) -> np.ndarray:
    """Returns the matrix (out, -1) of a layer whose vector is named."""
    stem = u.rpartition(".")[0]
    weight = state.get(f"{stem}.{STUDIO.weight}", state.get(f"{stem}.{ORIGINAL.weight}"))
    return weight.reshape(len(weight), -1)


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.maximum(np.linalg.norm(x), 1e-12)


def _fields(state: StateDict, names: Names, kind: str) -> dict[str, Any]:
    """Reads a module's fields from names and shapes, and of G `chunk`, the length of z's chunks."""
    conv = f"{names.convs['conv0']}.{names.weight}"
    at = [i for i in range(64) if f"blocks.{i}.0.{conv}" in state]
    plans = {len(getattr(plan, kind)) - (kind == "g"): res for res, plan in biggan.PLANS.items()}
    res = plans.get(len(at), 0)
    if not res:
        first = ", ".join(brief(name) for name in list(state)[:2]) or "none"
        raise _refused(f"it has {len(at)} residual blocks, and its tensors are {first}, …")
    head = _found(state, f"blocks.{at[0]}.0.{conv}", 4)
    attention = 0
    for i in range(len(at)):
        gain = f"blocks.{i}.1" if names.inner else f"blocks.{i + 1}.0"
        if f"{gain}.{names.attention['gain']}" in state:
            attention = 2 * biggan.START << i if kind == "g" else res >> i + 1
    if kind == "g":
        shared = _found(state, "shared.weight", 2)
        channels = len(_found(state, f"{names.image}.{names.weight}", 4))
        width = head.shape[1] // biggan.PLANS[res].g[0]
        fields: dict[str, Any] = {
            "classes": len(shared),
            "embedding": shared.shape[1],
            "epsilon": 1e-4 if names is STUDIO else 1e-5,  # BN_eps of either program's default
            "chunk": _found(state, f"{names.first}.{names.weight}", 2).shape[1],
        }
    else:
        channels, width = head.shape[1], len(head) // biggan.PLANS[res].d[0]
        fields = {"classes": len(_found(state, f"{names.embed}.{names.weight}", 2))}
    if channels not in _CHANNELS:
        raise _refused(f"its images have {channels} channels, and pictures have 1, 3 or 4")
    shape = (res, res, channels)
    return {"shape": shape, "width": max(1, width), "attention": attention, **fields}


def _refused(why: str) -> UserError:
    """Returns the error of arrays that are another net's."""
    return UserError(
        f"not a labeled BigGAN network: {why}; give a state dict of PyTorch-StudioGAN's or "
        "BigGAN-PyTorch's, of 32, 64, 128 or 256 pixels"
    )


PROGRAM = Program(import_net, _is_critic, _nodes, _refused)


_found = functools.partial(pairs.found, refused=_refused)
