"""DINOv2's vision transformers (Oquab et al. 2023), as fixed extractors of features.

ViT-S/14, B/14 and L/14, with or without register tokens, by the names of the published files. The
feature of an image is its class token after the last LayerNorm.
"""

from collections.abc import Mapping

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxgan.evaluation.features.network import rgb
from jaxgan.runtime.errors import UserError

Params = dict[str, Array]

SIZE = 224  # pixels a side that the net takes
PATCH = 14
RESIZE = f"bicubic to {SIZE} with antialiasing"
EPSILON = 1e-6  # of LayerNorm
HEAD = 64  # features of an attention head
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's pixels in [0, 1]

SIZES = {(384, 12): "S", (768, 12): "B", (1024, 24): "L"}  # by width and depth
KNOWN = {
    "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9",  # dinov2_vits14_pretrain
    "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73",  # dinov2_vitb14_pretrain
    "d5383ea8f4877b2472eb973e0fd72d557c7da5d3611bd527ceeb1d7162cbf428",  # dinov2_vitl14_pretrain
}


def prepare(images: Array) -> Array:
    """Converts images, as `rgb` takes them, to the net's input (N, 224, 224, 3).

    Resizing is bicubic (Keys, a = -1/2), with averaging where images shrink.
    """
    x = rgb(images) / 255
    x = jax.image.resize(x, (len(x), SIZE, SIZE, 3), "cubic")
    return (x - jnp.array(MEAN)) / jnp.array(STD)


def apply(params: Params, x: Array, *, head: int = HEAD) -> Array:
    """Computes the class tokens (N, D) of images.

    Args:
      params: from `adapt`.
      x: (N, H, W, 3) from `prepare`; H and W are multiples of 14, as many patches as positions.
      head: features of an attention head, of which D is a multiple.
    """
    tokens = _patches(x) @ params["patch_embed.proj.weight"].reshape(-1, params["norm.weight"].size)
    tokens = tokens + params["patch_embed.proj.bias"]
    first = jnp.broadcast_to(params["cls_token"], (len(x), 1, tokens.shape[2]))
    h = jnp.concatenate([first, tokens], axis=1) + params["pos_embed"]
    if (registers := params.get("register_tokens")) is not None:
        registers = jnp.broadcast_to(registers, (len(x), *registers.shape[1:]))
        h = jnp.concatenate([h[:, :1], registers, h[:, 1:]], axis=1)
    for i in range(depth(params)):
        at = f"blocks.{i}"
        h = h + params[f"{at}.ls1.gamma"] * _attention(
            params, at, _norm(params, f"{at}.norm1", h), head
        )
        wide = _dense(params, f"{at}.mlp.fc1", _norm(params, f"{at}.norm2", h))
        wide = jax.nn.gelu(wide, approximate=False)
        h = h + params[f"{at}.ls2.gamma"] * _dense(params, f"{at}.mlp.fc2", wide)
    return _norm(params, "norm", h[:, 0])


def adapt(arrays: Mapping[str, np.ndarray], size: int = SIZE) -> dict[str, np.ndarray]:
    """Returns the arrays that `apply` takes, by their published names, for images of `size`.

    Dense weights become (in, out), the patches' (14, 14, 3, D), and the positions are resampled to
    as many patches as such images have.

    Raises:
      UserError: arrays are missing, or not those of a DINOv2 transformer.
    """
    if missing := [name for name in _names(arrays) if name not in arrays]:
        raise UserError(
            f"no weights of DINOv2's ViT-S, B or L: no {missing[0]!r}; give a file such as "
            "dinov2_vits14_pretrain.pth"
        )
    params = {name: np.asarray(arrays[name], np.float32) for name in _names(arrays)}
    for name, value in params.items():
        if name.endswith("weight") and value.ndim == 2:
            params[name] = value.T
    params["patch_embed.proj.weight"] = params["patch_embed.proj.weight"].transpose(2, 3, 1, 0)
    params["pos_embed"] = positions(
        params["pos_embed"], size // PATCH, registers="register_tokens" in arrays
    )
    return params


def depth(arrays: Mapping[str, Array] | Mapping[str, np.ndarray]) -> int:
    """Returns the number of blocks."""
    return 1 + max(
        (int(name.split(".")[1]) for name in arrays if name.startswith("blocks.")), default=-1
    )


def named(arrays: Mapping[str, np.ndarray]) -> str:
    """Returns the name of a transformer, such as 'DINOv2 ViT-S/14'.

    Raises:
      UserError: it is none of those that are published.
    """
    width, layers = arrays["cls_token"].shape[-1], depth(arrays)
    if (width, layers) not in SIZES:
        raise UserError(
            f"a transformer of width {width} and {layers} blocks, none of DINOv2's S, B and L; "
            "give a file such as dinov2_vits14_pretrain.pth"
        )
    registers = " with registers" if "register_tokens" in arrays else ""
    return f"DINOv2 ViT-{SIZES[width, layers]}/{PATCH}{registers}"


def positions(embedded: np.ndarray, side: int, *, registers: bool = False) -> np.ndarray:
    """Resamples position embeddings (1, 1 + G * G, D) to a grid of `side`, as the authors do.

    By bicubic interpolation, whose scale they take as (side + 0.1) / G, without averaging where the
    grid shrinks; in nets with registers, side / G with it.
    """
    first, rest = embedded[:, :1], embedded[0, 1:]
    grid = round(len(rest) ** 0.5)
    if grid**2 != len(rest):
        raise UserError(f"{len(rest)} positions are no square grid; give DINOv2's own file")
    square = rest.reshape(grid, grid, -1)
    if side == grid:
        return embedded
    if registers:
        resampled = np.asarray(jax.image.resize(square, (side, side, square.shape[2]), "cubic"))
    else:
        weights = _cubic(grid, side, (side + 0.1) / grid)
        resampled = np.einsum("ih,hwc,jw->ijc", weights, square, weights)
    return np.concatenate([first, resampled.reshape(1, side**2, -1)], axis=1).astype(np.float32)


def _cubic(n: int, size: int, scale: float) -> np.ndarray:
    """Returns the weights (size, n) of PyTorch's bicubic interpolation, whose a is -3/4.

    Samples beyond an edge are the one at the edge.
    """
    at = (np.arange(size) + 0.5) / scale - 0.5
    weights = np.zeros((size, n))
    for offset in range(-1, 3):
        source = np.floor(at) + offset
        t = np.abs(at - source)
        near = 1.25 * t**3 - 2.25 * t**2 + 1
        far = -0.75 * (t**3 - 5 * t**2 + 8 * t - 4)
        rows = (np.arange(size), np.clip(source, 0, n - 1).astype(int))
        np.add.at(weights, rows, np.where(t <= 1, near, far))
    return weights


def _patches(x: Array) -> Array:
    """Returns the patches of images (N, H, W, C), row by row: (N, H * W / 196, 196 * C)."""
    n, height, width, channels = x.shape
    cut = x.reshape(n, height // PATCH, PATCH, width // PATCH, PATCH, channels)
    return cut.transpose(0, 1, 3, 2, 4, 5).reshape(n, -1, PATCH * PATCH * channels)


def _attention(params: Params, at: str, x: Array, head: int) -> Array:
    """Attends over the tokens (N, T, D) with D / head heads."""
    n, length, width = x.shape
    parts = _dense(params, f"{at}.attn.qkv", x).reshape(n, length, 3, width // head, head)
    q, k, v = (parts[:, :, i] for i in range(3))
    scores = jnp.einsum("nqhd,nkhd->nhqk", q, k) / np.sqrt(head)
    seen = jnp.einsum("nhqk,nkhd->nqhd", jax.nn.softmax(scores, axis=-1), v)
    return _dense(params, f"{at}.attn.proj", seen.reshape(n, length, width))


def _norm(params: Params, name: str, x: Array) -> Array:
    """Brings each token to mean 0 and variance 1, scales and shifts it."""
    x = x - x.mean(axis=-1, keepdims=True)
    unit = x * jax.lax.rsqrt((x**2).mean(axis=-1, keepdims=True) + EPSILON)
    return unit * params[f"{name}.weight"] + params[f"{name}.bias"]


def _dense(params: Params, name: str, x: Array) -> Array:
    return x @ params[f"{name}.weight"] + params[f"{name}.bias"]


def _names(arrays: Mapping[str, np.ndarray]) -> list[str]:
    """Lists the arrays of a transformer with as many blocks as these have."""
    names = ["cls_token", "pos_embed", "norm.weight", "norm.bias"]
    names += ["patch_embed.proj.weight", "patch_embed.proj.bias"]
    names += ["register_tokens"] if "register_tokens" in arrays else []
    for i in range(max(1, depth(arrays))):
        at = f"blocks.{i}"
        names += [f"{at}.ls1.gamma", f"{at}.ls2.gamma"]
        for layer in ("norm1", "attn.qkv", "attn.proj", "norm2", "mlp.fc1", "mlp.fc2"):
            names += [f"{at}.{layer}.weight", f"{at}.{layer}.bias"]
    return names
