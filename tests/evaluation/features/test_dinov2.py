"""DINOv2's transformers against NumPy, on random weights; their positions and names."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf

from jaxgan.evaluation.features import dinov2, extract
from jaxgan.runtime.errors import UserError


def state_dict(width=24, layers=2, grid=4, registers=0):
    """Random weights under the published names, float64."""
    rng = np.random.default_rng(width + registers)
    shapes = {
        "cls_token": (1, 1, width),
        "pos_embed": (1, 1 + grid**2, width),
        "mask_token": (1, width),
        "patch_embed.proj.weight": (width, 3, 14, 14),
        "patch_embed.proj.bias": (width,),
        "norm.weight": (width,),
        "norm.bias": (width,),
    }
    if registers:
        shapes["register_tokens"] = (1, registers, width)
    for i in range(layers):
        shapes |= {f"blocks.{i}.{name}.gamma": (width,) for name in ("ls1", "ls2")}
        for name, (out, inputs) in {
            "attn.qkv": (3 * width, width),
            "attn.proj": (width, width),
            "mlp.fc1": (4 * width, width),
            "mlp.fc2": (width, 4 * width),
        }.items():
            shapes[f"blocks.{i}.{name}.weight"] = (out, inputs)
            shapes[f"blocks.{i}.{name}.bias"] = (out,)
        for name in ("norm1", "norm2"):
            shapes |= {f"blocks.{i}.{name}.{part}": (width,) for part in ("weight", "bias")}
    return {name: rng.normal(size=shape) / np.sqrt(shape[-1]) for name, shape in shapes.items()}


def forward(w, x, head):
    """The class token of images (N, 28, 28, 3), by loops over images, heads and patches."""

    def norm(t, at):
        mean, var = t.mean(axis=1, keepdims=True), t.var(axis=1, keepdims=True)
        return (t - mean) / np.sqrt(var + 1e-6) * w[f"{at}.weight"] + w[f"{at}.bias"]

    def dense(t, at):
        return t @ w[f"{at}.weight"].T + w[f"{at}.bias"]

    found = []
    for image in x:
        tokens = [w["cls_token"][0, 0] + w["pos_embed"][0, 0]]
        tokens += list(w.get("register_tokens", np.zeros((1, 0, 0)))[0])
        for k in range(4):
            top, left = 14 * (k // 2), 14 * (k % 2)
            patch = image[top : top + 14, left : left + 14].transpose(2, 0, 1)
            conv = (w["patch_embed.proj.weight"] * patch).sum(axis=(1, 2, 3))
            tokens.append(conv + w["patch_embed.proj.bias"] + w["pos_embed"][0, 1 + k])
        h = np.stack(tokens)
        for i in range(2):
            q, k, v = np.split(dense(norm(h, f"blocks.{i}.norm1"), f"blocks.{i}.attn.qkv"), 3, 1)
            heads = []
            for j in range(0, h.shape[1], head):
                at = slice(j, j + head)
                scores = np.exp(q[:, at] @ k[:, at].T / np.sqrt(head))
                heads.append(scores / scores.sum(axis=1, keepdims=True) @ v[:, at])
            seen = dense(np.concatenate(heads, axis=1), f"blocks.{i}.attn.proj")
            h = h + w[f"blocks.{i}.ls1.gamma"] * seen
            u = dense(norm(h, f"blocks.{i}.norm2"), f"blocks.{i}.mlp.fc1")
            u = u * (1 + erf(u / np.sqrt(2))) / 2
            h = h + w[f"blocks.{i}.ls2.gamma"] * dense(u, f"blocks.{i}.mlp.fc2")
        found.append(norm(h, "norm")[0])
    return np.stack(found)


@pytest.mark.parametrize("registers", [0, 3])
def test_class_tokens_against_numpy(registers):
    weights = state_dict(grid=2, registers=registers)
    x = np.random.default_rng(0).normal(size=(3, 28, 28, 3))
    params = dinov2.adapt(weights, size=28)
    found = jax.jit(lambda p, x: dinov2.apply(p, x, head=8))(params, x.astype(np.float32))
    np.testing.assert_allclose(found, forward(weights, x, 8), rtol=2e-4, atol=2e-5)


def test_positions_are_resampled_as_the_authors_do():
    """Bicubic, a = -3/4, at scale (side + 0.1) / grid: by its formula at every position."""
    rng, grid, side = np.random.default_rng(0), 7, 4
    embedded = rng.normal(size=(1, 1 + grid**2, 2))
    found = dinov2.positions(embedded, side)
    np.testing.assert_allclose(found[:, 0], embedded[:, 0], rtol=1e-6)

    def cubic(t):
        t, a = abs(t), -0.75
        if t <= 1:
            return (a + 2) * t**3 - (a + 3) * t**2 + 1
        return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0

    square = embedded[0, 1:].reshape(grid, grid, 2)
    for i, j in np.ndindex(side, side):
        y, x = ((k + 0.5) * grid / (side + 0.1) - 0.5 for k in (i, j))
        total = 0
        for a in range(int(np.floor(y)) - 1, int(np.floor(y)) + 3):
            for b in range(int(np.floor(x)) - 1, int(np.floor(x)) + 3):
                pixel = square[np.clip(a, 0, grid - 1), np.clip(b, 0, grid - 1)]
                total = total + cubic(y - a) * cubic(x - b) * pixel
        np.testing.assert_allclose(found[0, 1 + i * side + j], total, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(dinov2.positions(embedded, grid), embedded)
    flat = np.ones((1, 1 + grid**2, 2))
    np.testing.assert_allclose(dinov2.positions(flat, side, registers=True), 1, rtol=1e-5)


def test_sizes_are_known_by_their_shapes():
    for width, layers, name in ((384, 12, "S"), (768, 12, "B"), (1024, 24, "L")):
        arrays = {f"blocks.{layers - 1}.x": np.zeros(1), "cls_token": np.zeros((1, 1, width))}
        assert dinov2.named(arrays) == f"DINOv2 ViT-{name}/14"
        arrays["register_tokens"] = np.zeros((1, 4, width))
        assert dinov2.named(arrays) == f"DINOv2 ViT-{name}/14 with registers"
    with pytest.raises(UserError, match="none of DINOv2's S, B and L"):
        dinov2.named({"cls_token": np.zeros((1, 1, 24)), "blocks.1.x": np.zeros(1)})


def test_a_file_becomes_features(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(dinov2.SIZES, (64, 2), "tiny")
    path = tmp_path / "tiny.npz"
    weights = {name: x.astype("f4") for name, x in state_dict(64, grid=37).items()}
    np.savez(path, **weights)
    net = extract.load(f"dinov2:{path}")
    assert "not of DINOv2's published files" in capsys.readouterr().err
    assert net.name == "DINOv2 ViT-tiny/14" and net.dims == 64
    assert net.params["pos_embed"].shape == (1, 257, 64)
    out = jax.eval_shape(net.apply, net.params, jnp.zeros((2, 32, 32, 1), jnp.uint8))
    assert out.shape == (2, 64) and out.dtype == jnp.float32
    del weights["blocks.1.attn.proj.bias"]
    np.savez(path, **weights)
    with pytest.raises(UserError, match="tiny.npz: no weights of DINOv2's .* no 'blocks.1.attn"):
        extract.load(f"dinov2:{path}")
