"""The nets cgan, acgan, infogan and resnet: shapes, counts, sizes, and how scores combine."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.core.network import pure
from jaxgan.nets import acgan, cgan, infogan, resnet
from jaxgan.nets.layers.basic import Conv
from jaxgan.nets.ops.resize import downsample
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
LABELS, VECTORS = jnp.array([3, 1]), jnp.array([[0.5, -1.0, 2.0], [0.0, 1.0, 0.3]])
SIZES = {
    acgan: ([16, 32, 64, 128, 256], [28, 48]),
    infogan: ([28, 32], [30]),
    resnet: ([32, 48, 64, 128], [16, 28, 256]),
}


def count(tree):
    return sum(x.size for x in jax.tree.leaves(tree))


def params_of(module, *args):
    return jax.eval_shape(lambda: pure(module).init(KEY, *args)[0])


def outputs(module, *args):
    """Shapes of what a net returns in training."""
    net = pure(module)

    def through(key):
        return net.apply(*net.init(key, *args), *args, train=True, key=key)[0]

    return jax.tree.map(lambda x: x.shape, jax.eval_shape(through, KEY))


def dense(i, o):
    return i * o + o


def conv(i, o, k):
    return k * k * i * o + o


def test_cgan_has_the_tutorials_parameters():
    g, d = cgan.Generator((28, 28, 1), classes=10), cgan.Discriminator((28, 28, 1), classes=10)
    hidden = dense(110, 128) + dense(128, 256) + dense(256, 512) + dense(512, 1024)
    norms = 2 * (256 + 512 + 1024)
    z, x = jnp.zeros((2, 100)), jnp.zeros((2, 28, 28, 1))
    assert count(params_of(g, z, LABELS)) == 100 + hidden + norms + dense(1024, 784)
    sizes = dense(794, 512) + 2 * dense(512, 512) + dense(512, 1)
    assert count(params_of(d, x, LABELS)) == 100 + sizes


def test_acgan_has_the_tutorials_parameters():
    g = acgan.Generator((32, 32, 1), classes=10)
    d = acgan.Discriminator((32, 32, 1), heads=10)
    drawn = 10 * 100 + dense(100, 128 * 64) + conv(128, 128, 3) + conv(128, 64, 3) + conv(64, 1, 3)
    assert count(params_of(g, jnp.zeros((2, 100)), LABELS)) == drawn + 2 * (128 + 128 + 64)
    trunk = conv(1, 16, 3) + conv(16, 32, 3) + conv(32, 64, 3) + conv(64, 128, 3)
    norms = 2 * (32 + 64 + 128)
    read = params_of(d, jnp.zeros((2, 32, 32, 1)))
    assert count(read) == trunk + norms + dense(512, 1) + dense(512, 10)


def test_infogan_has_the_papers_parameters():
    """Biases only where no BatchNorm follows."""
    g, d = infogan.Generator((28, 28, 1)), infogan.Discriminator((28, 28, 1), heads=12)
    drawn = 74 * 1024 + 2048 + 1024 * 6272 + 2 * 6272 + 16 * 128 * 64 + 128 + conv(64, 1, 4)
    assert count(params_of(g, jnp.zeros((2, 62)), jnp.zeros((2, 12)))) == drawn
    trunk = conv(1, 64, 4) + 16 * 64 * 128 + 256 + 6272 * 1024 + 2048 + dense(1024, 1)
    read = params_of(d, jnp.zeros((2, 28, 28, 1)))
    assert count(read) == trunk + 1024 * 128 + 256 + dense(128, 12)


def test_odogs_nets_have_the_parameters_of_its_layers():
    g, d = infogan.OdogGenerator((28, 28, 1)), infogan.OdogDiscriminator((28, 28, 1), heads=10)
    drawn = dense(72, 7 * 7 * 128) + conv(128, 128, 3) + conv(128, 64, 3) + conv(64, 1, 3)
    norms = 2 * (128 + 128 + 64)
    assert count(params_of(g, jnp.zeros((2, 62)), jnp.zeros((2, 10)))) == drawn + norms
    trunk = conv(1, 64, 3) + conv(64, 128, 3) + conv(128, 256, 3) + conv(256, 512, 3)
    norms = 2 * (128 + 256 + 512)
    heads = dense(2 * 2 * 512, 1) + dense(2 * 2 * 512, 128) + dense(128, 10)
    assert count(params_of(d, jnp.zeros((2, 28, 28, 1)))) == trunk + norms + heads


def test_odogs_norms_follow_the_rectifier_and_forget_by_a_fifth():
    """After ReLU the batch's moments are not negative; a running one moves by 1 - 0.8."""
    g = infogan.OdogGenerator((8, 8, 1), width=2)
    net, z = pure(g), jax.random.normal(KEY, (4, 5))
    params, stats = net.init(KEY, z)
    _, new = net.apply(params, stats, z, train=True)
    h = jnp.maximum(z @ params["Dense_0"]["kernel"], 0).reshape(4, 2, 2, 4)
    mean = new["batch_stats"]["BatchNorm_0"]["BatchNorm_0"]["mean"]
    np.testing.assert_allclose(mean, 0.2 * h.mean((0, 1, 2)), rtol=1e-4, atol=1e-8)


def test_cgans_critic_may_drop_its_first_layer_out_too():
    x, y, key = jnp.ones((2, 4, 4, 1)), LABELS[:2], jax.random.key(1)
    for first in (False, True):
        d = cgan.Discriminator((4, 4, 1), widths=(8,), drop_first=first, classes=10)
        params, _ = pure(d).init(KEY, x, y)
        scores = [pure(d).apply(params, {}, x, y, train=True, key=k)[0] for k in (KEY, key)]
        assert bool((scores[0] != scores[1]).any()) == first


def test_resnet_has_sngans_parameters():
    g, d = resnet.Generator((32, 32, 3)), resnet.Discriminator((32, 32, 3))
    up = 2 * conv(256, 256, 3) + conv(256, 256, 1) + 4 * 256
    drawn = params_of(g, jnp.zeros((2, 128)))
    assert count(drawn) == dense(128, 4096) + 3 * up + 512 + conv(256, 3, 3)
    first = conv(3, 128, 3) + conv(128, 128, 3) + conv(3, 128, 1)
    same = 2 * conv(128, 128, 3)
    read = params_of(d, jnp.zeros((2, 32, 32, 3)))
    assert count(read) == first + same + conv(128, 128, 1) + 2 * same + dense(128, 1)


def test_resnet_starts_with_glorots_uniform_weights():
    d = resnet.Discriminator((32, 32, 3), width=16)
    params, stats = jax.jit(pure(d).init)(KEY, jnp.zeros((1, 32, 32, 3)))
    block = params["block1"]
    for name, fans, gain in (("Conv_0", 9 * 32, 2), ("Conv_2", 32, 1)):
        bound = np.sqrt(6 * gain / fans)
        assert 0.95 * bound < float(abs(block[name]["kernel"]).max()) <= bound
    normalized = jax.tree.leaves(stats["spectral"])
    assert len(normalized) == len([w for w in jax.tree.leaves(params) if w.ndim > 1])
    assert set(stats) == {"spectral"}, "no BatchNorm in the critic"


@pytest.mark.parametrize(("nets", "res"), [(n, r) for n, (good, _) in SIZES.items() for r in good])
def test_pictures_of_these_sizes_are_drawn_and_scored(nets, res):
    shape, label = (res, res, 3), {} if nets is infogan else {"y": LABELS}
    g = nets.Generator(shape, width=4, classes=10)
    d = nets.Discriminator(shape, width=4, heads=7)
    x = jnp.zeros((2, *shape))
    assert outputs(g, jnp.zeros((2, 6)), *label.values()) == (2, *shape)
    assert outputs(d, x) == ((2,), (2, 7))
    assert outputs(d.clone(heads=0), x) == (2,)


@pytest.mark.parametrize(("nets", "res"), [(n, r) for n, (_, bad) in SIZES.items() for r in bad])
def test_pictures_of_other_sizes_are_refused(nets, res):
    for module, x in (
        (nets.Generator((res, res, 1), width=4), jnp.zeros((2, 6))),
        (nets.Discriminator((res, res, 1), width=4), jnp.zeros((2, res, res, 1))),
    ):
        with pytest.raises(UserError, match="set --config.data.res"):
            params_of(module, x)


@pytest.mark.parametrize("shape", [(32, 48, 3), (2,)])
@pytest.mark.parametrize("module", [acgan.Generator, resnet.Generator, infogan.Generator])
def test_shapes_other_than_square_pictures_are_refused(module, shape):
    if module is infogan.Generator and len(shape) == 3:
        assert outputs(module(shape, width=4), jnp.zeros((2, 6))) == (2, *shape)
        return
    with pytest.raises(UserError, match="set --config.data.res"):
        params_of(module(shape), jnp.zeros((2, 6)))


@pytest.mark.parametrize("y", [LABELS, VECTORS, None], ids=["labels", "vectors", "none"])
@pytest.mark.parametrize(
    "pair",
    [
        (cgan.Generator, cgan.Discriminator, {"widths": (4, 4)}),
        (acgan.Generator, cgan.TwoStageDiscriminator, {"width": 4}),
        (infogan.Generator, None, {"width": 4}),
        (resnet.Generator, resnet.Discriminator, {"width": 4}),
    ],
    ids=["cgan", "two_stage", "infogan", "resnet"],
)
def test_labels_vectors_or_none_may_condition(pair, y):
    g, d, options = pair
    shape = (32, 32, 1)
    assert outputs(g(shape, classes=10, **options), jnp.zeros((2, 6)), y) == (2, *shape)
    if d:
        assert outputs(d(shape, classes=10, **options), jnp.zeros((2, *shape)), y) == (2,)


def drawn(net, x, y=None):
    """Weights drawn wide enough that every part of a score counts."""
    rng = np.random.default_rng(0)
    draw = lambda w: (0.2 * rng.normal(size=w.shape)).astype(np.float32)  # noqa: E731
    params, stats = jax.eval_shape(lambda: net.init(KEY, x, y))
    return jax.tree.map(draw, params), jax.tree.map(lambda s: np.ones(s.shape, s.dtype), stats)


def score(module, params, stats, x, y=None):
    """The net's output, evaluated."""
    apply = jax.jit(lambda p, s, x, y: pure(module).apply(p, s, x, y, train=False)[0])
    return jax.tree.map(np.asarray, apply(params, stats, x, y))


@pytest.mark.parametrize("y", [LABELS, VECTORS], ids=["labels", "vectors"])
def test_two_stage_scores_are_combined_by_rule(y):
    d = cgan.TwoStageDiscriminator((16, 16, 1), width=4, classes=10)
    x = jax.random.normal(KEY, (2, 16, 16, 1))
    params, stats = drawn(pure(d), x, y)
    realism = score(d, params, stats, x)
    matching = score(d, params, stats, x, y) - realism
    worse = score(d.clone(combine="min"), params, stats, x, y)
    np.testing.assert_allclose(worse, np.minimum(realism, matching), rtol=1e-4, atol=1e-5)
    alone = score(d.clone(combine="matching"), params, stats, x, y)
    np.testing.assert_allclose(alone, matching, rtol=1e-4, atol=1e-5)
    both = score(d.clone(combine="weighted", weight=0.3), params, stats, x, y)
    np.testing.assert_allclose(both, 0.7 * realism + 0.3 * matching, rtol=1e-4, atol=1e-5)
    assert (abs(score(d, params, stats, x, y[::-1]) - realism - matching) > 1e-4).all()
    # The realism score is what an unconditional critic of the same weights gives.
    bare = {name: w for name, w in params.items() if name in params_of(d, x)}
    np.testing.assert_allclose(score(d, bare, stats, x), realism, rtol=1e-6)


def test_the_two_stage_critic_refuses_another_rule_or_size():
    with pytest.raises(UserError, match="did you mean 'min'"):
        params_of(cgan.TwoStageDiscriminator((16, 16, 1), combine="mim"), jnp.zeros((1, 16, 16, 1)))
    with pytest.raises(UserError, match="set --config.data.res"):
        params_of(cgan.TwoStageDiscriminator((14, 14, 1)), jnp.zeros((1, 14, 14, 1)))


@pytest.mark.parametrize("y", [LABELS, VECTORS], ids=["labels", "vectors"])
def test_projection_adds_the_inner_product_of_embedding_and_features(y):
    """Miyato & Koyama 2018, equation 3, with phi summed over space, or its mean."""
    d = resnet.Discriminator((32, 32, 1), width=4, classes=10, spectral=False)
    x = jax.random.normal(KEY, (2, 32, 32, 1))
    params, stats = drawn(pure(d), x, y)
    (table,) = jax.tree.leaves(params["Condition_0"])
    embedded = table[y] if y.ndim == 1 else np.asarray(y) @ table
    # Heads that are the identity read the pooled features themselves.
    reader = params | {"Dense_1": {"kernel": np.eye(4), "bias": np.zeros(4)}}
    plain, features = score(d.clone(heads=4), reader, stats, x)
    got = score(d, params, stats, x, y)
    np.testing.assert_allclose(got, plain + (embedded * features).sum(1), rtol=1e-4, atol=1e-4)
    mean, bias = score(d.clone(pool="mean"), params, stats, x, y), params["Dense_0"]["bias"]
    np.testing.assert_allclose((mean - bias) * 64, got - bias, rtol=1e-4, atol=1e-4)


def test_the_embedding_of_projection_is_spectrally_normalized():
    d, x = resnet.Discriminator((32, 32, 1), width=4, classes=10), jnp.zeros((2, 32, 32, 1))
    stats = jax.eval_shape(lambda: pure(d).init(KEY, x, LABELS)[1])
    assert [u.shape for u in jax.tree.leaves(stats["spectral"]["Condition_0"])] == [(1, 4)]


def test_a_condition_turns_batch_norm_into_conditional_batch_norm():
    z = jnp.zeros((2, 6))
    g = resnet.Generator((32, 32, 1), width=4, classes=10)
    assert "ConditionalBatchNorm_0" in params_of(g, z, LABELS)["block0"]
    assert "BatchNorm_0" in params_of(g, z)["block0"]
    joined = params_of(g.clone(norm="LayerNorm"), z, LABELS)
    assert joined["Dense_0"]["kernel"].shape == (6 + 128, 64)


@pytest.mark.parametrize("res", SIZES[resnet][0])
@pytest.mark.parametrize("norm", ["BatchNorm", "ConditionalBatchNorm"])
def test_the_last_norm_of_a_conditional_generator_is_unconditional(res, norm):
    """As in sngan_projection's gen_models/resnet_32.py: `b5 = L.BatchNormalization(ch)`."""
    g = resnet.Generator((res, res, 3), width=4, classes=10, norm=norm)
    params = params_of(g, jnp.zeros((2, 6)), LABELS)
    assert [name for name in params if "Norm" in name] == ["BatchNorm_0"]
    assert set(params["BatchNorm_0"]["BatchNorm_0"]) == {"scale", "bias"}
    blocks = [params[name] for name in params if name.startswith("block")]
    assert all({"ConditionalBatchNorm_0", "ConditionalBatchNorm_1"} <= set(b) for b in blocks)


@pytest.mark.parametrize(("widen", "of_out"), [("first", True), ("second", False)])
def test_sagans_critic_widens_with_its_first_convolution(widen, of_out):
    """self-attention-gan, discriminator.py, `block`: twice SNGAN's 9.4 M weights at 128 pixels."""
    d = resnet.Discriminator((128, 128, 3), widen=widen)
    params = params_of(d, jnp.zeros((1, 128, 128, 3)))
    kernels = [params[f"block{i}"][f"Conv_{j}"]["kernel"] for i in range(1, 5) for j in (0, 1)]
    widths = [64, 128, 256, 512, 1024]
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    expected = sum(9 * (o if of_out else i) * (i + o) for i, o in pairs)
    assert sum(kernel.size for kernel in kernels) == expected == (18_800_640, 9_400_320)[not of_out]
    with pytest.raises(UserError, match="config.game.d.widen='last': 'first' or 'second'"):
        params_of(d.clone(widen="last"), jnp.zeros((1, 128, 128, 3)))


def test_attention_is_at_the_requested_resolution():
    sizes = {"shape": (128, 128, 3), "width": 8, "attention": 32, "spectral": True}
    g, d = resnet.Generator(**sizes), resnet.Discriminator(**sizes)
    x = jnp.zeros((1, 128, 128, 3))
    for module, given, channels in ((g, jnp.zeros((1, 6)), 32), (d, x, 16)):
        params = params_of(module, given)
        names = [name for name in params if name.startswith("SelfAttention")]
        assert names == ["SelfAttention_0"]
        assert params["SelfAttention_0"]["Conv_3"]["kernel"].shape[-1] == channels
    for module, given in ((g, jnp.zeros((1, 6))), (d, x)):
        with pytest.raises(UserError, match="attention=48"):
            params_of(module.clone(attention=48), given)


def test_a_1x1_convolution_and_pooling_commute():
    """The authors' later blocks convolve, then pool; ours pool first, at a quarter of the cost."""
    x, layer = jax.random.normal(KEY, (2, 4, 4, 3)), Conv(5, 1)
    params = layer.init(KEY, x)
    np.testing.assert_allclose(
        layer.apply(params, downsample(x)), downsample(layer.apply(params, x)), atol=1e-6
    )


def test_acgan_drops_out_whole_channels():
    d = acgan.Discriminator((16, 16, 1), width=8, dropout=0.5, norm="Identity")
    x = jnp.ones((2, 16, 16, 1))
    params, _ = drawn(pure(d), x)
    keep = lambda m, _: m.name == "Dropout_0"  # noqa: E731

    @jax.jit
    def apply(x):
        rngs = {"dropout": KEY}
        return d.apply({"params": params}, x, train=True, rngs=rngs, capture_intermediates=keep)

    out, seen = apply(x)
    dropped = np.asarray(seen["intermediates"]["Dropout_0"]["__call__"][0]) == 0
    assert out.shape == (2,) and 0 < dropped.mean() < 1
    assert (dropped.all((1, 2)) | (~dropped).all((1, 2))).all()


def test_infogan_takes_labels_as_one_hot():
    g = infogan.Generator((28, 28, 1), width=4, classes=10)
    z = jax.random.normal(KEY, (2, 6))
    params, stats = drawn(pure(g), z, LABELS)
    by_label, by_vector = (
        score(g, params, stats, z, y) for y in (LABELS, jax.nn.one_hot(LABELS, 10))
    )
    np.testing.assert_array_equal(by_label, by_vector)


@pytest.mark.parametrize("module", [infogan.Generator, cgan.Generator])
def test_dense_layers_refuse_instance_norm(module):
    with pytest.raises(UserError, match="use LayerNorm"):
        params_of(module((28, 28, 1), norm="InstanceNorm"), jnp.zeros((2, 6)))
