"""BigGAN's nets: the values and gradients of another implementation, and the structure.

fixtures/biggan_32.npz holds random weights of PyTorch-StudioGAN's nets and what they compute.
"""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import NamedSharding, PartitionSpec

from jaxgan.core.network import pure
from jaxgan.losses.adversarial import hinge
from jaxgan.nets import biggan
from jaxgan.parallel import mesh
from jaxgan.runtime.errors import UserError
from jaxgan.weights.published import biggan as published
from jaxgan.weights.published.biggan_names import STUDIO, arrays

KEY = jax.random.key(0)
FIXTURE = dict(np.load(Path(__file__).parents[1] / "fixtures/biggan_32.npz"))
Y = FIXTURE["y"]


def of(prefix):
    """The fixture's arrays under a prefix."""
    return {k.removeprefix(prefix): v for k, v in FIXTURE.items() if k.startswith(prefix)}


def nhwc(name):
    return np.moveaxis(FIXTURE[name], 1, -1)


@pytest.fixture(scope="module")
def nets():
    """By player: the net, its parameters and statistics, and its fields."""
    found = {}
    for kind, module in (("g", biggan.Generator), ("d", biggan.Discriminator)):
        net = published.import_net(of(f"{kind.upper()}/"), kind)
        fields = {k: v for k, v in net.fields.items() if k != "chunk"}
        found[kind] = (pure(module(**fields)), net.params, net.stats, net.fields)
    return found


@pytest.fixture(scope="module")
def judged(nets):
    """Images and logits in evaluation; images, losses and gradients in training."""
    (g, g_params, g_stats, _), (d, d_params, d_stats, _) = nets["g"], nets["d"]
    frozen = {"train": True, "frozen": ("spectral",)}
    z, x = FIXTURE["z"], nhwc("x")

    def critic(params, images):
        return d.apply(params, d_stats, images, Y, **frozen)[0]

    def g_loss(params):
        images = g.apply(params, g_stats, z, Y, **frozen)[0]
        return hinge().g(None, critic(d_params, images)).mean(), images

    def d_loss(params, fakes):
        real, fake = hinge().d(critic(params, x), critic(params, fakes), KEY)
        return real.mean() + fake.mean()

    @jax.jit
    def all_of(g_params, d_params):
        images = g(g_params, g_stats, z, Y, train=False)
        real, fake = (d(d_params, d_stats, each, Y, train=False) for each in (x, images))
        (loss_g, trained), grad_g = jax.value_and_grad(g_loss, has_aux=True)(g_params)
        loss_d, grad_d = jax.value_and_grad(d_loss)(d_params, trained)
        return {
            "image_eval": images, "d_real": real, "d_fake": fake, "image_train": trained,
            "g_loss": loss_g, "d_loss": loss_d, "grad_g": grad_g, "grad_d": grad_d,
        }  # fmt: skip

    return jax.tree.map(np.asarray, all_of(g_params, d_params))


@pytest.mark.parametrize("name", ["image_eval", "image_train"])
def test_images_are_those_of_another_implementation(judged, name):
    np.testing.assert_allclose(judged[name], nhwc(name), atol=1e-5)


@pytest.mark.parametrize("name", ["d_real", "d_fake", "d_loss", "g_loss"])
def test_logits_and_losses_are_those_of_another_implementation(judged, name):
    np.testing.assert_allclose(judged[name], FIXTURE[name], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["g", "d"])
def test_gradients_are_those_of_another_implementation(nets, judged, kind):
    want, got = of(f"grad_{kind}/"), {}
    for each in arrays(kind, nets[kind][3], STUDIO):
        if each.part == "params":
            value = judged[f"grad_{kind}"]
            for name in each.path:
                value = value[name]
            got[each.name] = each.theirs(value)
    assert set(got) == set(want)
    for name, given in want.items():
        scale = np.linalg.norm(given)
        if kind == "g" and re.fullmatch(r"blocks.(.*conv2d1|3.0.conv2d.).bias", name):
            # BatchNorm takes it away: what is left is rounding.
            scale = np.linalg.norm(want[name.replace("bias", "weight_orig")])
        assert np.linalg.norm(got[name] - given) < 1e-4 * scale, name


def shapes(module, x, y=None):
    return jax.eval_shape(lambda: pure(module).init(KEY, x, y))


def output(module, x, y=None):
    params, stats = shapes(module, x, y)
    return jax.eval_shape(lambda p, s: pure(module)(p, s, x, y, train=False), params, stats).shape


@pytest.mark.parametrize(
    ("res", "y"),
    [(32, jnp.zeros(2, int)), (32, jnp.zeros((2, 7))), (32, None), (64, None), (256, None)],
    ids=["labels", "vectors", "none", "64", "256"],
)
def test_labels_vectors_or_none_condition_nets_of_all_sizes(res, y):
    shape, chunks = (res, res, 3), len(biggan.PLANS[res].g)
    g = biggan.Generator(shape, width=2, classes=10, embedding=6, attention=res // 2)
    d = biggan.Discriminator(shape, width=2, classes=10, attention=res // 2)
    assert output(g, jnp.zeros((2, 3 * chunks)), y) == (2, *shape)
    assert output(d, jnp.zeros((2, *shape)), y) == (2,)
    style = shapes(g, jnp.zeros((2, 3 * chunks)), y)[0]["block0"]["norm0"]["gain"]["kernel"]
    assert style.shape[0] == (3 if y is None else 9)


def test_the_papers_nets_have_its_numbers_of_weights():
    """Brock et al. 2019, table 1: 158 M parameters of G and D of 128 pixels, ch 96, both tricks."""
    y, count = jnp.zeros(1, int), 0
    for module, x in (
        (biggan.Generator((128, 128, 3), classes=1000, attention=64), jnp.zeros((1, 120))),
        (
            biggan.Discriminator((128, 128, 3), classes=1000, attention=64),
            jnp.zeros((1, 128, 128, 3)),
        ),
    ):
        count += sum(leaf.size for leaf in jax.tree.leaves(shapes(module, x, y)[0]))
    assert round(count / 1e6) == 158


def test_weights_start_orthogonal():
    d = biggan.Discriminator((32, 32, 1), width=2, classes=3, attention=16)
    params, _ = jax.jit(pure(d).init)(KEY, jnp.zeros((2, 32, 32, 1)), jnp.zeros(2, int))
    for path, kernel in jax.tree.leaves_with_path(params):
        if kernel.ndim > 1:
            w = np.asarray(kernel).reshape(-1, kernel.shape[-1])
            gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
            np.testing.assert_allclose(gram, np.eye(len(gram)), atol=1e-5, err_msg=str(path))


def test_all_but_the_shared_embedding_are_spectrally_normalized():
    g = biggan.Generator((32, 32, 1), width=4, classes=3, embedding=5, attention=16)
    params, stats = shapes(g, jnp.zeros((2, 8)), jnp.zeros(2, int))
    kernels = {p[:-1] for p, x in jax.tree.leaves_with_path(params) if len(x.shape) > 1}
    normed = {p[:-1] for p, _ in jax.tree.leaves_with_path(stats["spectral"])}
    assert [jax.tree_util.keystr(p) for p in kernels - normed] == ["['shared']['Embed_0']"]


def test_what_does_not_fit_is_refused():
    z, x = jnp.zeros((2, 10)), jnp.zeros((2, 32, 32, 3))
    with pytest.raises(
        UserError, match="config.game.latent=10: .* 4 chunks .* use a multiple, as 8"
    ):
        shapes(biggan.Generator((32, 32, 3), width=2), z)
    with pytest.raises(UserError, match="config.game.g.attention=4: .*; known: 8, 16, 32"):
        shapes(biggan.Generator((32, 32, 3), width=2, attention=4), jnp.zeros((2, 8)))
    with pytest.raises(UserError, match="config.game.d.attention=32: .*; known: 8, 16"):
        shapes(biggan.Discriminator((32, 32, 3), width=2, attention=32), x)
    with pytest.raises(UserError, match="set --config.data.res"):
        shapes(biggan.Generator((28, 28, 1), width=2), z)


def test_batch_norm_normalizes_by_the_moments_of_all_devices():
    """Shards of different means: those of one device alone would be others."""
    devices = mesh.over_data(16, jax.devices()[:8])
    block, rng = biggan._Up(2, 1e-4), np.random.default_rng(0)
    x = rng.normal(size=(16, 4, 4, 3)) + np.arange(16)[:, None, None, None]
    x, style = np.float32(x), np.float32(rng.normal(size=(16, 5)))
    variables = jax.jit(block.init, static_argnums=3)(KEY, x, style, False)

    @jax.jit
    def statistics(x, style):
        return block.apply(variables, x, style, True, mutable=["batch_stats"])[1]["batch_stats"]

    with jax.set_mesh(devices):
        split = jax.device_put(x, NamedSharding(devices, PartitionSpec("data")))
        found = statistics(split, style)["norm0"]["BatchNorm_0"]["BatchNorm_0"]
    np.testing.assert_allclose(found["mean"], 0.1 * x.mean((0, 1, 2)), rtol=1e-4)
    np.testing.assert_allclose(found["var"], 0.9 + 0.1 * x.var((0, 1, 2)), rtol=1e-4)
