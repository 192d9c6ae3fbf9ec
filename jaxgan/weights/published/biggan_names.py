"""The arrays of nets.biggan under the names of two programs, and in their layouts."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.network import pure
from jaxgan.nets import biggan

_ATTENTION = {"Conv_0": "theta", "Conv_1": "phi", "Conv_2": "g", "Conv_3": "out"}


class Names(NamedTuple):
    """A program's names.

    first, last, embed: G's first dense layer, D's last, D's embedding. norm, image: G's last
    BatchNorm and convolution. convs: of a block, by our name. attention: its convolutions, by what
    they are for, and its gain. moments, last_moments: of conditional BatchNorms and of the last,
    `{}` for mean or var. scale: of the last. weight, u: what a normalized layer keeps. inner:
    whether attention stands within the entry of the block before it, and not after that.
    """

    first: str
    last: str
    embed: str
    norm: str
    image: str
    convs: Mapping[str, str]
    attention: Mapping[str, str]
    moments: str
    last_moments: str
    scale: str
    weight: str
    u: str
    inner: bool


STUDIO = Names(  # PyTorch-StudioGAN, models/big_resnet.py and torch's spectral_norm
    first="linear0",
    last="linear1",
    embed="embedding",
    norm="bn4",
    image="conv2d5",
    convs={"shortcut": "conv2d0", "conv0": "conv2d1", "conv1": "conv2d2"},
    attention={name: f"conv1x1_{name}" for name in ("theta", "phi", "g")}
    | {"out": "conv1x1_attn", "gain": "sigma"},
    moments="bn.running_{}",
    last_moments="running_{}",
    scale="weight",
    weight="weight_orig",
    u="weight_u",
    inner=False,
)
ORIGINAL = Names(  # ajbrock/BigGAN-PyTorch, BigGAN.py and layers.py
    first="linear",
    last="linear",
    embed="embed",
    norm="output_layer.0",
    image="output_layer.2",
    convs={"shortcut": "conv_sc", "conv0": "conv1", "conv1": "conv2"},
    attention={name: name for name in ("theta", "phi", "g")} | {"out": "o", "gain": "gamma"},
    moments="stored_{}",
    last_moments="stored_{}",
    scale="gain",
    weight="weight",
    u="u0",
    inner=True,
)


class Array(NamedTuple):
    """One array: its part of a net ('params', or a collection of statistics), path, shape, name."""

    part: str
    path: tuple[str, ...]
    shape: tuple[int, ...]
    name: str

    @property
    def first(self) -> bool:
        """Whether it belongs to G's dense layer, whose features are CHW there, HWC here."""
        return self.path[0] == "linear" and self.shape[-1] > 1

    def published(self) -> tuple[int, ...]:
        """Returns its shape in the file; of 'u' the elements alone."""
        if self.part == "spectral" or not self.shape:
            return (int(np.prod(self.shape)),)
        if self.path[-1] != "kernel" or "Embed_0" in self.path:
            return self.shape
        return tuple(self.shape[i] for i in ((3, 2, 0, 1) if len(self.shape) == 4 else (1, 0)))

    def ours(self, value: np.ndarray) -> np.ndarray:
        """Converts an array of the file, of the shape `published`."""
        if self.first:
            value = value.reshape(-1, biggan.START**2, *value.shape[1:]).swapaxes(0, 1)
            value = value.reshape(-1, *value.shape[2:])
        if self.path[-1] == "kernel" and "Embed_0" not in self.path:
            value = value.transpose(2, 3, 1, 0) if value.ndim == 4 else value.T
        return np.array(value.reshape(self.shape), order="C")

    def theirs(self, value: np.ndarray) -> np.ndarray:
        """Converts an array of ours; the inverse of `ours`."""
        if self.path[-1] == "kernel" and "Embed_0" not in self.path:
            value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value.T
        value = value.reshape(self.published())
        if self.first:
            value = value.reshape(biggan.START**2, -1, *value.shape[1:]).swapaxes(0, 1)
            value = value.reshape(-1, *value.shape[2:])
        return np.ascontiguousarray(value)


def arrays(kind: str, fields: Mapping[str, Any], names: Names) -> Iterator[Array]:
    """Yields the arrays of 'g' or 'd' of a module's `fields`, and of G the length of its chunks."""
    own = {name: value for name, value in fields.items() if name != "chunk"}
    module = (biggan.Generator if kind == "g" else biggan.Discriminator)(**own)
    chunks = len(biggan.plan(own["shape"]).g)
    shape = (1, fields["chunk"] * chunks) if kind == "g" else (1, *own["shape"])
    init = lambda key: pure(module).init(key, jnp.zeros(shape), jnp.zeros(1, jnp.int32))  # noqa: E731
    params, stats = jax.eval_shape(init, jax.random.key(0))
    at = after(kind, fields)
    for part, tree in {"params": params, **stats}.items():
        for keys, leaf in jax.tree.leaves_with_path(tree):
            path = tuple(key.key for key in keys)
            yield Array(part, path, leaf.shape, _name(part, path, kind, names, at))


def after(kind: str, fields: Mapping[str, Any]) -> int:
    """Returns how many blocks stand before attention; 0 without."""
    size, res = fields["attention"], fields["shape"][0]
    if not size:
        return 0
    return ((size // biggan.START) if kind == "g" else res // size).bit_length() - 1


def _name(part: str, path: tuple[str, ...], kind: str, names: Names, at: int) -> str:
    """Returns an array's published name."""
    layer, *inner = path
    leaf = {"params": {"kernel": names.weight, "bias": "bias"}, "spectral": {"u": names.u}}
    end = leaf.get(part, {}).get(path[-1], "")
    if layer == "shared":
        return "shared.weight"
    if layer == "attention":
        place = f"blocks.{at - 1}.1" if names.inner else f"blocks.{at}.0"
        if inner == ["gamma"]:
            return f"{place}.{names.attention['gain']}"
        return f"{place}.{names.attention[_ATTENTION[inner[0]]]}.{end}"
    if layer == "norm":
        if part == "batch_stats":
            return f"{names.norm}.{names.last_moments.format(path[-1])}"
        return f"{names.norm}.{names.scale if path[-1] == 'scale' else 'bias'}"
    if not layer.startswith("block"):
        last = names.first if kind == "g" else names.last
        return f"{ {'linear': last, 'image': names.image}.get(layer, names.embed) }.{end}"
    i = int(layer.removeprefix("block"))
    place = f"blocks.{i + (not names.inner and 0 < at <= i)}.0"
    if not inner[0].startswith("norm"):
        return f"{place}.{names.convs[inner[0]]}.{end}"
    norm = f"{place}.bn{int(inner[0][-1]) + 1}"
    if part == "batch_stats":
        return f"{norm}.{names.moments.format(path[-1])}"
    return f"{norm}.{inner[1]}.{end}"
