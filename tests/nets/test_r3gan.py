"""R3GAN's nets: against another implementation, how they start, conditions, what is refused."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from r3gan_names import FIXTURE, STAGES, published

from jaxgan.core.network import pure
from jaxgan.losses.regularizers import r1, r2
from jaxgan.losses.relativistic import relativistic_pairing
from jaxgan.nets import r3gan
from jaxgan.runtime.errors import UserError

KEY = jax.random.key(0)
SHAPE = (16, 16, 3)
LOSS = relativistic_pairing()
X = np.moveaxis(FIXTURE["x"], 1, -1)
G, D = (pure(net(SHAPE, **STAGES)) for net in (r3gan.Generator, r3gan.Discriminator))


@pytest.fixture(scope="module")
def accumulated():
    """Returns what one accumulation of each player gives: its terms, and its gradients."""
    g, d = published("G"), published("D")

    def d_loss(d):
        fakes = G(g, {}, FIXTURE["z"], train=True)
        real, fake = (D(d, {}, x, train=True) for x in (X, fakes))
        terms, none = LOSS.d(real, fake, KEY)
        critic = partial(D, d, {}, train=True)
        own = [r(gamma=2.0).term(critic, d, X, fakes, KEY) for r in (r1, r2)]
        values = {"image": fakes, "d_real": real, "d_fake": fake, "d_adversarial": terms + none,
                  "d_relativistic": real - fake, "r1": own[0], "r2": own[1]}  # fmt: skip
        return terms.mean() + FIXTURE["gamma"] / 2 * sum(own), values

    def g_loss(g):
        real, fake = (D(d, {}, x, train=True) for x in (X, G(g, {}, FIXTURE["z"], train=True)))
        terms = LOSS.g(real, fake)
        return terms.mean(), {"g_adversarial": terms, "g_relativistic": fake - real}

    moves = [jax.grad(loss, has_aux=True) for loss in (d_loss, g_loss)]
    (grad_d, values), (grad_g, more) = jax.jit(lambda d, g: (moves[0](d), moves[1](g)))(d, g)
    return {"grad_d": grad_d, "grad_g": grad_g}, values | more


def test_outputs_and_losses_are_those_of_the_authors_nets(accumulated):
    values = dict(accumulated[1])
    values["image"] = jnp.moveaxis(values["image"], -1, 1)
    for name, value in values.items():
        # A term of weight gamma = 2 is the mean of the squares.
        want = FIXTURE[name].mean() if name in ("r1", "r2") else FIXTURE[name]
        np.testing.assert_allclose(value, want, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("group", ["grad_d", "grad_g"])
def test_gradients_are_those_of_the_authors_nets(accumulated, group):
    got, want = accumulated[0][group], published(group)
    assert jax.tree.structure(got) == jax.tree.structure(want)

    def compare(path, a, b):
        error = np.linalg.norm(a - b) / np.linalg.norm(b)
        assert error < 1e-4, (jax.tree_util.keystr(path), error)

    jax.tree_util.tree_map_with_path(compare, got, want)


def test_outside_of_training_images_are_clipped():
    image = G(published("G"), {}, FIXTURE["z"], train=False)
    assert abs(FIXTURE["image"]).max() > 2
    np.testing.assert_allclose(
        image, np.moveaxis(FIXTURE["image"], 1, -1).clip(-1, 1), rtol=1e-5, atol=1e-5
    )


def test_a_block_starts_as_the_identity_with_the_authors_variances_inside():
    depth, x = 8, jax.random.normal(KEY, (128, 8, 8, 64))
    block = r3gan.Block(cardinality=4, expansion=2, depth=depth)
    variables = block.init(KEY, x)
    out, seen = block.apply(variables, x, capture_intermediates=True)
    np.testing.assert_array_equal(out, x)

    def inside(name):
        return seen["intermediates"][name]["__call__"][0][:, 1:-1, 1:-1]

    gain = 2 / 1.04 / depth**0.5
    np.testing.assert_allclose(inside("expand").var(), gain, rtol=0.05)
    # leaky_relu keeps 1.04 / 2 of the mean square. At the edges a sum has fewer terms.
    np.testing.assert_allclose(inside("grouped").var(), gain**2 * 1.04 / 2, rtol=0.05)


@pytest.mark.parametrize("player", ["g", "d"])
def test_every_weight_starts_with_the_authors_variance(player):
    options = {"widths": (64,) * 3, "cardinality": (8,) * 3, "blocks": (2,) * 3, "classes": 50}
    kind = r3gan.Generator if player == "g" else r3gan.Discriminator
    first, y = jnp.zeros((1, 64) if player == "g" else (1, *SHAPE)), jnp.zeros(1, jnp.int32)
    params = jax.jit(lambda: pure(kind(SHAPE, **options)).init(KEY, first, y)[0])()
    blocks, gain = 6, (2 / 1.04) ** 0.5
    for path, leaf in jax.tree.leaves_with_path(params):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        want = (leaf[..., 0].size) ** -0.5
        if "project" in name or "bias" in name:
            want = 0
        elif "expand" in name or "grouped" in name:
            want *= gain * blocks**-0.25
        elif name == "basis":
            want = 1 if player == "g" else 1 / 4
        elif "Embed" in name and player == "d":
            want /= 768**0.5
        if leaf.size > 3000:
            np.testing.assert_allclose(leaf.std(), want, rtol=0.05, err_msg=name)
        elif not want:
            assert not leaf.any()


def test_a_condition_is_joined_to_the_latent_and_multiplies_the_features():
    options = {"widths": (8, 8, 8), "cardinality": (2, 2, 2), "blocks": (1, 1, 1), "classes": 3}
    g, d = (
        pure(r3gan.Generator(SHAPE, **options)),
        pure(r3gan.Discriminator(SHAPE, embedding=6, **options)),
    )
    z, y = jnp.ones((3, 5)), jnp.arange(3)
    params, stats = g.init(KEY, z, y)
    assert params["basis_scale"]["kernel"].shape == (10, 8)
    images = g(params, stats, z, y, train=True)
    assert abs(images[0] - images[1]).max() > 0.01
    params, stats = d.init(KEY, images, y)
    assert params["Dense_0"]["kernel"].shape == (8, 6)
    logits = d(params, stats, images, y, train=True)
    row = params["Condition_0"]["Embed_0"]["kernel"]
    params["Condition_0"]["Embed_0"]["kernel"] = row.at[1].multiply(3)
    np.testing.assert_allclose(
        d(params, stats, images, y, train=True), logits * jnp.array([1, 3, 1]), rtol=1e-5
    )


def test_stages_and_groups_that_do_not_fit_are_refused():
    x = jnp.zeros((1, *SHAPE))
    with pytest.raises(UserError, match=r"config.game.d.widths=\(8, 8\): 3 numbers, for stages"):
        pure(r3gan.Discriminator(SHAPE, widths=(8, 8), cardinality=(2, 2, 2))).init(KEY, x)
    with pytest.raises(UserError, match="config.game.d.cardinality: 3 groups do not divide 2 x 8"):
        options = {"widths": (8, 8, 8), "cardinality": (2, 3, 2), "blocks": (1, 1, 1)}
        pure(r3gan.Discriminator(SHAPE, **options)).init(KEY, x)
