"""StyleGAN2's nets against an independent implementation, and the layers that styles reach.

fixtures/stylegan2_32.npz holds random weights and what another implementation of the published
code computes from them, layer by layer, in float32 (NCHW).
"""

import functools
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import pure
from jaxgan.nets import mapping, stylegan2
from jaxgan.runtime.errors import UserError
from jaxgan.weights.published import stylegan2_ada

KEY = jax.random.key(0)
FIXTURE = dict(np.load(Path(__file__).parents[1] / "fixtures/stylegan2_32.npz"))
SHAPE = (16, 16, 3)


def state_dict(prefix):
    return {k.removeprefix(prefix): v for k, v in FIXTURE.items() if k.startswith(prefix)}


def random_variables(net, *args):
    """Parameters and statistics as NumPy draws them: quicker than compiling `init`."""
    shapes = jax.eval_shape(lambda key: pure(net).init(key, *args), KEY)
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda s: rng.normal(size=s.shape).astype(s.dtype), shapes)


@functools.cache
def generator():
    """Mapping, synthesis, their variables, and w_avg."""
    state = state_dict("G/")
    weights = stylegan2_ada.import_generator(state)
    to_w, synthesis = stylegan2.split(stylegan2.Generator(**stylegan2_ada.generator_options(state)))
    variables = {
        "params": weights.params["synthesis"],
        "noise": weights.stats["noise"]["synthesis"],
    }
    return to_w, {"params": weights.params["mapping"]}, synthesis, variables, weights.w_avg


@functools.cache
def drawn():
    """A function ws -> image and every layer's output with constant noise, image without noise."""
    _, _, synthesis, variables, _ = generator()

    def draw(ws):
        image, found = synthesis.apply(
            variables, ws, "constant", train=False,
            capture_intermediates=True, mutable=["intermediates"],
        )  # fmt: skip
        return image, found["intermediates"], synthesis.apply(variables, ws, "none", train=False)

    return jax.jit(draw)


def close(got, want, nchw=True):
    """To 1e-4 of the largest number."""
    got = np.moveaxis(np.asarray(got), -1, 1) if nchw else np.asarray(got)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-4 * np.abs(want).max())


def test_mapping_and_truncation_are_the_published_ones():
    to_w, variables, synthesis, _, w_avg = generator()
    w = to_w.apply(variables, FIXTURE["z"], train=False)
    ws = mapping.spread(w, mapping.style_layers(synthesis.shape))
    close(ws, FIXTURE["ws"], nchw=False)
    close(mapping.truncate(ws, w_avg, 0.5, 4), FIXTURE["ws_trunc"], nchw=False)


def test_every_synthesis_layer_is_the_published_one():
    image, layers, without = drawn()(FIXTURE["ws"])
    names = [name for name in FIXTURE if name.startswith("act/synthesis")]
    assert len(names) == 11
    for name in names:
        _, block, layer = name.split(".")
        close(layers[block][layer]["__call__"][0][:1], FIXTURE[name])
    close(image, FIXTURE["img_const"])
    close(without, FIXTURE["img_none"])
    close(drawn()(FIXTURE["ws_trunc"])[2], FIXTURE["img_trunc"])


def test_the_discriminator_is_the_published_one():
    state = state_dict("D/")
    net = stylegan2.Discriminator(**stylegan2_ada.discriminator_options(state))

    def score(x):
        params = stylegan2_ada.import_discriminator(state)
        return net.apply({"params": params}, x, train=False,
                         capture_intermediates=True, mutable=["intermediates"])  # fmt: skip

    logits, found = jax.jit(score)(np.moveaxis(FIXTURE["x"], 1, -1))
    for block in ("b32", "b16", "b8"):
        features, _ = found["intermediates"][block]["__call__"][0]
        close(features[:1], FIXTURE[f"act/D.{block}"])
    close(logits[:, None], FIXTURE["d_logits"], nchw=False)


def affines(layers):
    """The style of each layer, and which w made it."""
    for i, block in enumerate(("b4", "b8", "b16", "b32")):
        for at, layer in ((2 * i - 1, "conv0"), (2 * i, "conv1"), (2 * i + 1, "torgb")):
            if layer in layers[block]:
                yield at, np.asarray(layers[block][layer]["affine"]["__call__"][0])


@pytest.mark.parametrize("cutoff", [1, 4, 7])
def test_mixing_gives_each_layer_one_latents_style(cutoff):
    first, second = FIXTURE["ws"], np.roll(FIXTURE["ws"], 1, axis=0)
    (_, mixed, _), (_, a, _), (_, b, _) = (
        drawn()(ws) for ws in (mapping.mix(first, second, cutoff), first, second)
    )
    seen = set()
    for (at, got), (_, own), (_, other) in zip(*map(affines, (mixed, a, b)), strict=True):
        seen.add(at)
        np.testing.assert_array_equal(got, own if at < cutoff else other)
        assert (own != other).all()
    assert seen == set(range(8))
    # Layers before the cutoff see nothing of the second latent, not even through the features.
    np.testing.assert_array_equal(*(
        layers["b4"]["conv1"]["__call__"][0] for layers in (mixed, a)
    ))  # fmt: skip


def test_psi_0_draws_one_image_and_psi_1_changes_nothing():
    ws, w_avg = jnp.asarray(FIXTURE["ws"]), generator()[4]
    np.testing.assert_array_equal(jax.jit(mapping.truncate)(ws, w_avg, 1.0), ws)
    image, _, _ = drawn()(mapping.truncate(ws, w_avg, 0.0))
    np.testing.assert_allclose(image, np.broadcast_to(image[:1], image.shape), rtol=0, atol=1e-5)
    near = mapping.truncate(ws, w_avg, 0.0, 3)
    np.testing.assert_array_equal(near[:, :3], np.broadcast_to(w_avg, near[:, :3].shape))
    np.testing.assert_array_equal(near[:, 3:], ws[:, 3:])


@pytest.mark.parametrize("architecture", ["orig", "skip", "resnet"])
def test_architectures_differ_in_their_image_layers_only(architecture):
    options = {"channel_base": 64, "channel_max": 8, "architecture": architecture}
    g = stylegan2.Generator(SHAPE, w_dim=8, layers=2, **options)
    d = stylegan2.Discriminator(SHAPE, **options)
    z, x = jnp.zeros((4, 8)), jnp.zeros((4, *SHAPE))
    (g_params, g_stats), (d_params, _) = random_variables(g, z), random_variables(d, x)
    has = {size: set(g_params["synthesis"][size]) for size in ("b4", "b8", "b16")}
    assert [("torgb" in names) for names in has.values()] == [architecture == "skip"] * 2 + [True]
    assert ("skip" in has["b8"]) == ("skip" in d_params["b16"]) == (architecture == "resnet")
    entries = ["fromrgb" in d_params[size] for size in ("b16", "b8", "b4")]
    assert entries == [True] + [architecture == "skip"] * 2
    # Noise constants are kept, not learned: training leaves them.
    assert len(jax.tree.leaves(g_stats)) == 5
    call = jax.eval_shape(lambda: pure(g).apply(g_params, g_stats, z, train=True, key=KEY))
    assert call[0].shape == x.shape and jax.tree.structure(call[1]) == jax.tree.structure(g_stats)


@pytest.mark.parametrize("architecture", ["orig", "skip", "resnet"])
def test_features_neither_vanish_nor_grow(architecture):
    options = {"channel_base": 128, "channel_max": 16, "architecture": architecture}
    g, d = stylegan2.Synthesis((8, 8, 3), **options), stylegan2.Discriminator((8, 8, 3), **options)
    ws = np.random.default_rng(1).normal(size=(4, 4, 16)).astype(np.float32)
    # A skip generator adds up one image of unit variance for each resolution.
    (g_params, g_stats), (d_params, _) = (
        random_variables(g, ws),
        random_variables(d, jnp.zeros((4, 8, 8, 3))),
    )
    g_params, d_params = (
        jax.tree.map_with_path(lambda at, p: p * (at[-1].key == "kernel" or p.ndim == 3), tree)
        for tree in (g_params, d_params)
    )

    def play(x):
        image, _ = pure(g).apply(g_params, g_stats, ws, "none", train=False)
        found = d.apply({"params": d_params}, x, train=False, capture_intermediates=True,
                        mutable=["intermediates"])[1]["intermediates"]  # fmt: skip
        return image, found["b8"]["__call__"][0][0]

    x = np.random.default_rng(2).normal(size=(4, 8, 8, 3)).astype(np.float32)
    for out in jax.jit(play)(x):
        assert 0.3 < np.std(out) < 3


def test_the_networks_have_the_published_numbers_of_parameters():
    """Parameters of the 1024-pixel networks of configuration F."""
    shape = (1024, 1024, 3)
    for net, x, want in (
        (stylegan2.Generator(shape), jnp.zeros((1, 512)), 30_370_060),
        (stylegan2.Discriminator(shape), jnp.zeros((4, *shape)), 29_012_513),
    ):
        params, _ = jax.eval_shape(pure(net).init, KEY, x)
        assert sum(p.size for p in jax.tree.leaves(params)) == want


@pytest.mark.parametrize("vectors", [False, True])
def test_conditions_reach_w_and_the_logits(vectors):
    y = jnp.eye(3)[jnp.array([2, 0])] if vectors else jnp.array([2, 0])
    to_w = mapping.Mapping(8, 2, classes=3)
    d = stylegan2.Discriminator((8, 8, 1), 64, 8, classes=3, layers=2, cmap=5)
    z, x = jnp.ones((2, 6)), jnp.ones((2, 8, 8, 1))
    (m_params, _), (d_params, _) = random_variables(to_w, z, y), random_variables(d, x, y)
    assert m_params["embed"]["kernel"].shape == (3, 8)
    assert m_params["fc0"]["kernel"].shape == (14, 8)
    assert d_params["b4"]["out"]["kernel"].shape == (8, 5)

    @jax.jit
    def play(y):
        w, _ = pure(to_w).apply(m_params, {}, z, y, train=False)
        return w, pure(d).apply(d_params, {}, x, y, train=False)[0]

    w, logits = play(y)
    assert (w[0] != w[1]).all()
    assert logits.shape == (2,) and logits[0] != logits[1]


def test_bfloat16_is_for_features_of_the_largest_resolutions_only():
    """Parameters, images and logits are float32."""
    g = stylegan2.Synthesis(SHAPE, 64, 8, clamp=256.0, bfloat16=1)
    d = stylegan2.Discriminator(SHAPE, 64, 8, clamp=256.0, bfloat16=1)
    rng = np.random.default_rng(0)
    ws, x = rng.normal(size=(4, 6, 8)).astype("f"), rng.normal(size=(4, *SHAPE)).astype("f")
    (g_params, g_stats), (d_params, _) = random_variables(g, ws), random_variables(d, x)
    assert {p.dtype for p in jax.tree.leaves((g_params, d_params))} == {np.dtype("f4")}

    def play(g, d):
        options = {"train": False, "capture_intermediates": True, "mutable": ["intermediates"]}
        image, a = g.apply({"params": g_params, **g_stats}, ws, **options)
        logits, b = d.apply({"params": d_params}, x, **options)
        features = [a["intermediates"][size]["__call__"][0][0].dtype for size in ("b8", "b16")]
        features += [b["intermediates"][size]["__call__"][0][0].dtype for size in ("b16", "b8")]
        largest = jnp.bfloat16 if g.bfloat16 else jnp.float32
        assert features == [jnp.float32, largest, largest, jnp.float32]
        return image, logits

    wants = jax.jit(lambda: play(g.clone(bfloat16=0), d.clone(bfloat16=0)))()
    for want, got in zip(wants, jax.jit(lambda: play(g, d))(), strict=True):
        assert got.dtype == jnp.float32
        assert 0 < np.abs(got - want).max() < 0.05 * np.abs(want).max()


def test_unknown_sizes_architectures_and_noise_are_refused():
    ws = jnp.zeros((1, 6, 4))
    with pytest.raises(UserError, match="set --config.data.res"):
        stylegan2.Synthesis((48, 48, 3)).init(KEY, ws, train=False)
    with pytest.raises(UserError, match="architecture='skips'"):
        stylegan2.Synthesis(SHAPE, architecture="skips").init(KEY, ws, train=False)
    with pytest.raises(UserError, match="noise='off'"):
        stylegan2.Synthesis(SHAPE).init(KEY, ws, "off", train=False)
    with pytest.raises(ValueError, match="want 6 layers"):
        stylegan2.Synthesis(SHAPE).init(KEY, ws[:, :2], train=False)
