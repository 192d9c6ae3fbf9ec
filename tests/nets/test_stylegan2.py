"""StyleGAN2's nets: an independent implementation's numbers, and what styles may reach.

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
from jaxgan.nets import mapping as latents
from jaxgan.nets import stylegan2
from jaxgan.nets.layers.modulated import StyleLayer, activate, modulated_conv2d
from jaxgan.nets.ops import upfirdn as fir
from jaxgan.nets.ops.conv import conv2d, conv2d_transpose
from jaxgan.runtime.errors import UserError
from jaxgan.weights import stylegan2_ada as published

KEY = jax.random.key(0)
FIXTURE = dict(np.load(Path(__file__).parents[1] / "fixtures/stylegan2_32.npz"))
SHAPE = (16, 16, 3)


def state_dict(prefix):
    return {k.removeprefix(prefix): v for k, v in FIXTURE.items() if k.startswith(prefix)}


def made(net, *args):
    """Parameters and statistics as NumPy draws them: quicker than compiling `init`."""
    shapes = jax.eval_shape(lambda key: pure(net).init(key, *args), KEY)
    rng = np.random.default_rng(0)
    return jax.tree.map(lambda s: rng.normal(size=s.shape).astype(s.dtype), shapes)


@functools.cache
def generator():
    """Mapping, synthesis, their variables, and w_avg."""
    state = state_dict("G/")
    weights = published.import_generator(state)
    mapping, synthesis = stylegan2.split(stylegan2.Generator(**published.generator_options(state)))
    variables = {
        "params": weights.params["synthesis"],
        "noise": weights.stats["noise"]["synthesis"],
    }
    return mapping, {"params": weights.params["mapping"]}, synthesis, variables, weights.w_avg


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
    mapping, variables, synthesis, _, w_avg = generator()
    w = mapping.apply(variables, FIXTURE["z"], train=False)
    ws = latents.spread(w, synthesis.shape)
    close(ws, FIXTURE["ws"], nchw=False)
    close(latents.truncate(ws, w_avg, 0.5, 4), FIXTURE["ws_trunc"], nchw=False)


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
    net = stylegan2.Discriminator(**published.discriminator_options(state))

    def score(x):
        params = published.import_discriminator(state)
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
        drawn()(ws) for ws in (latents.mix(first, second, cutoff), first, second)
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
    np.testing.assert_array_equal(jax.jit(latents.truncate)(ws, w_avg, 1.0), ws)
    image, _, _ = drawn()(latents.truncate(ws, w_avg, 0.0))
    np.testing.assert_allclose(image, np.broadcast_to(image[:1], image.shape), rtol=0, atol=1e-5)
    near = latents.truncate(ws, w_avg, 0.0, 3)
    np.testing.assert_array_equal(near[:, :3], np.broadcast_to(w_avg, near[:, :3].shape))
    np.testing.assert_array_equal(near[:, 3:], ws[:, 3:])


def test_the_running_mean_of_w():
    w = jnp.asarray([[1.0, 3.0], [3.0, 5.0]])
    got = latents.average(jnp.zeros(2), w, 0.9)
    np.testing.assert_allclose(got, [0.2, 0.4], rtol=1e-6)
    assert not jax.grad(lambda w: latents.average(jnp.ones(2), w).sum())(w).any()


def by_groups(x, kernel, style, demodulate, up):
    """As the paper has it: a kernel for each sample, made before anything is convolved."""
    out = []
    for image, s in zip(x, style, strict=True):
        own = kernel * s[:, None]
        if demodulate:
            own = own / jnp.sqrt(jnp.sum(own**2, axis=(0, 1, 2)) + 1e-8)
        if up:
            h = conv2d_transpose(image[None], own, stride=2)
            out.append(fir.upfirdn2d(h, padding=((1, 1), (1, 1)), gain=4.0))
        else:
            out.append(conv2d(image[None], own, padding=((1, 1), (1, 1))))
    return jnp.concatenate(out)


@pytest.mark.parametrize("up", [False, True])
@pytest.mark.parametrize("demodulate", [False, True])
def test_modulated_convolution_is_one_kernel_per_sample(demodulate, up):
    rng = np.random.default_rng(0)
    x, kernel, style = (
        rng.normal(size=s).astype(np.float32) for s in ((3, 6, 6, 4), (3, 3, 4, 5), (3, 4))
    )

    def value_and_grads(f):
        def loss(*args):
            out = f(*args)
            return jnp.sum(jnp.sin(out)), out

        return jax.jit(jax.value_and_grad(loss, (0, 1, 2), has_aux=True))(x, kernel, style)

    ours = value_and_grads(lambda *a: modulated_conv2d(*a, demodulate=demodulate, up=up))
    theirs = value_and_grads(lambda *a: by_groups(*a, demodulate, up))
    for got, want in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4 * np.abs(want).max())


def test_demodulated_convolutions_keep_unit_variance():
    rng = np.random.default_rng(0)
    x, kernel, style = (
        rng.normal(size=s).astype("f") for s in ((8, 12, 12, 32), (3, 3, 32, 64), (8, 32))
    )
    inside = np.asarray(jax.jit(modulated_conv2d)(x, kernel, 3 * style))[:, 1:-1, 1:-1]
    assert abs(inside.std() - 1) < 0.05
    # Whatever the styles, for each sample alone.
    np.testing.assert_allclose(inside.std(axis=(1, 2, 3)), 1, atol=0.1)


@pytest.mark.parametrize("architecture", ["orig", "skip", "resnet"])
def test_architectures_differ_in_their_ends_only(architecture):
    options = {"channel_base": 64, "channel_max": 8, "architecture": architecture}
    g = stylegan2.Generator(SHAPE, w_dim=8, layers=2, **options)
    d = stylegan2.Discriminator(SHAPE, **options)
    z, x = jnp.zeros((4, 8)), jnp.zeros((4, *SHAPE))
    (g_params, g_stats), (d_params, _) = made(g, z), made(d, x)
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
    (g_params, g_stats), (d_params, _) = made(g, ws), made(d, jnp.zeros((4, 8, 8, 3)))
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


def test_sizes_are_the_published_ones():
    """Parameters of the 1024-pixel networks of configuration F."""
    shape = (1024, 1024, 3)
    for net, x, want in (
        (stylegan2.Generator(shape), jnp.zeros((1, 512)), 30_370_060),
        (stylegan2.Discriminator(shape), jnp.zeros((4, *shape)), 29_012_513),
    ):
        params, _ = jax.eval_shape(pure(net).init, KEY, x)
        assert sum(p.size for p in jax.tree.leaves(params)) == want


def test_noise_is_random_in_training_and_its_strength_starts_at_zero():
    layer = StyleLayer(4, up=False, clamp=0.0, taps=fir.FILTER)
    x, w = np.random.default_rng(0).normal(size=(2, 4, 4, 3)).astype("f"), np.ones((2, 5), "f")
    variables = jax.jit(layer.init, static_argnums=3)(KEY, x, w, "constant")
    assert variables["params"]["noise_strength"] == 0

    @jax.jit
    def draws(strength):
        params = {**variables["params"], "noise_strength": strength}
        return [
            layer.apply({**variables, "params": params}, x, w, noise, rngs={"noise": key})
            for noise, key in (("none", KEY), ("constant", KEY), ("random", KEY),
                               ("random", jax.random.key(1)))
        ]  # fmt: skip

    for out in draws(0.0)[1:]:
        np.testing.assert_array_equal(out, draws(0.0)[0])
    plain, fixed, a, b = map(np.asarray, draws(10.0))
    assert (a != b).all() and (a != fixed).all() and (fixed != plain).all()
    assert (a[0] - plain[0] != a[1] - plain[1]).all()


@pytest.mark.parametrize("vectors", [False, True])
def test_conditions_reach_w_and_the_logits(vectors):
    y = jnp.eye(3)[jnp.array([2, 0])] if vectors else jnp.array([2, 0])
    mapping = latents.Mapping(8, 2, classes=3)
    d = stylegan2.Discriminator((8, 8, 1), 64, 8, classes=3, layers=2, cmap=5)
    z, x = jnp.ones((2, 6)), jnp.ones((2, 8, 8, 1))
    (m_params, _), (d_params, _) = made(mapping, z, y), made(d, x, y)
    assert m_params["embed"]["kernel"].shape == (3, 8)
    assert m_params["fc0"]["kernel"].shape == (14, 8)
    assert d_params["b4"]["out"]["kernel"].shape == (8, 5)

    @jax.jit
    def play(y):
        w, _ = pure(mapping).apply(m_params, {}, z, y, train=False)
        return w, pure(d).apply(d_params, {}, x, y, train=False)[0]

    w, logits = play(y)
    assert (w[0] != w[1]).all()
    assert logits.shape == (2,) and logits[0] != logits[1]


def test_the_clamp_scales_with_the_gain():
    x = jnp.array([-1e4, -1.0, 1.0, 1e4])
    np.testing.assert_allclose(activate(x, clamp=256.0)[jnp.array([0, 3])], [-256, 256])
    half = activate(x, 0.5, clamp=256.0)
    np.testing.assert_allclose(half, 0.5 * activate(x, clamp=256.0), rtol=1e-6)
    np.testing.assert_allclose(activate(x), np.where(x < 0, 0.2, 1) * x * np.sqrt(2), rtol=1e-6)


def test_bfloat16_is_for_the_largest_resolutions_and_stays_inside():
    """Parameters, images and logits are float32."""
    g = stylegan2.Synthesis(SHAPE, 64, 8, clamp=256.0, bfloat16=1)
    d = stylegan2.Discriminator(SHAPE, 64, 8, clamp=256.0, bfloat16=1)
    rng = np.random.default_rng(0)
    ws, x = rng.normal(size=(4, 6, 8)).astype("f"), rng.normal(size=(4, *SHAPE)).astype("f")
    (g_params, g_stats), (d_params, _) = made(g, ws), made(d, x)
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


def test_what_cannot_be_drawn_is_refused():
    ws = jnp.zeros((1, 6, 4))
    with pytest.raises(UserError, match="set --config.data.res"):
        stylegan2.Synthesis((48, 48, 3)).init(KEY, ws, train=False)
    with pytest.raises(UserError, match="architecture='skips'"):
        stylegan2.Synthesis(SHAPE, architecture="skips").init(KEY, ws, train=False)
    with pytest.raises(UserError, match="noise='off'"):
        stylegan2.Synthesis(SHAPE).init(KEY, ws, "off", train=False)
    with pytest.raises(ValueError, match="want 6 layers"):
        stylegan2.Synthesis(SHAPE).init(KEY, ws[:, :2], train=False)
