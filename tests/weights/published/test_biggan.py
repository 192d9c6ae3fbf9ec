"""BigGAN's networks become runs that draw and judge as they do, under the names of two programs."""

from pathlib import Path

import jax
import numpy as np
import pytest

from jaxgan import convert
from jaxgan.runtime.errors import UserError
from jaxgan.training.workdir import read, restore
from jaxgan.weights.published import biggan, pairs
from jaxgan.weights.published.biggan_names import ORIGINAL, STUDIO, arrays

ROOT = Path(__file__).parents[3]
FIXTURE = dict(np.load(Path(__file__).parents[2] / "fixtures/biggan_32.npz"))
BASE = f"--config={ROOT}/experiments/biggan.py:cifar"


def state_dict(net):
    """A published state dict."""
    return {k.removeprefix(f"{net}/"): v for k, v in FIXTURE.items() if k.startswith(f"{net}/")}


def original(kind):
    """The same network under the names of BigGAN-PyTorch, whose embedding keeps one vector only."""
    given, fields = (
        state_dict(kind.upper()),
        biggan.import_net(state_dict(kind.upper()), kind).fields,
    )
    pairs = zip(*(arrays(kind, fields, names) for names in (STUDIO, ORIGINAL)), strict=True)
    state = {b.name: given[a.name] for a, b in pairs}
    state |= {name: value[None] for name, value in state.items() if name.endswith("u0")}
    state |= {
        name.replace("u0", "sv0"): np.ones(1, np.float32) for name in state if name[-2:] == "u0"
    }
    return state


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The fixture's generator and critic, each of a file of its own, as a run."""
    folder = tmp_path_factory.mktemp("run")
    for net in "GD":
        np.savez(folder / f"{net}.npz", **{f"module.{k}": v for k, v in state_dict(net).items()})
    flags = [f"{folder}/G.npz", f"--other={folder}/D.npz", f"--workdir={folder}/run", BASE]
    assert convert.main(flags) == 0
    return folder / "run"


def test_the_run_draws_what_the_networks_do(run):
    _, game, state = restore(run)
    drawn = {"z": FIXTURE["z"], "y": FIXTURE["y"]}
    images = jax.jit(game.sample)(state, drawn, jax.random.key(0))
    np.testing.assert_allclose(images, np.moveaxis(FIXTURE["image_eval"], 1, -1), atol=1e-5)
    critic = biggan.import_net(state_dict("D"), "d")  # judges as in tests/nets/test_biggan.py
    jax.tree.map(np.testing.assert_array_equal, state.params["d"], critic.params)
    jax.tree.map(np.testing.assert_array_equal, state.stats["d"], critic.stats)


def test_the_config_is_that_of_the_weights(run):
    record = read(run)
    game = record.config["game"]
    assert (record.spec.shape, record.spec.classes, game["latent"]) == ((32, 32, 3), 5, 16)
    assert game["g"] == {"name": "biggan.Generator", "width": 8, "attention": 16, "embedding": 8,
                         "epsilon": 1e-4}  # fmt: skip
    assert game["d"] == {"name": "biggan.Discriminator", "width": 8, "attention": 16}


def test_the_exported_generator_is_the_imported_one(run, tmp_path):
    assert convert.main([f"--workdir={run}", f"--out={tmp_path}/G.npz"]) == 0
    with np.load(tmp_path / "G.npz") as found:
        want = state_dict("G")
        assert set(found) == set(want)
        for name, value in want.items():
            assert found[name].shape == value.shape and found[name].dtype == value.dtype, name
            if not name.endswith(("weight_v", "num_batches_tracked")):
                np.testing.assert_array_equal(found[name], value, err_msg=name)
            elif name.endswith("weight_v"):
                np.testing.assert_allclose(found[name], value, atol=1e-4, err_msg=name)


@pytest.mark.parametrize("kind", ["g", "d"])
def test_names_of_the_other_program_give_the_same_arrays(kind):
    """layers.py and BigGAN.py of ajbrock/BigGAN-PyTorch; its BatchNorm's epsilon is 1e-5."""
    ours, theirs = (
        biggan.import_net(state_dict(kind.upper()), kind),
        biggan.import_net(original(kind), kind),
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), ours[:2], theirs[:2])
    epsilon = {"epsilon": 1e-5} if kind == "g" else {}
    assert theirs.fields == ours.fields | epsilon
    names = set(original(kind))
    assert names >= (
        {"linear.u0", "shared.weight", "blocks.0.0.bn1.gain.weight", "blocks.1.0.conv_sc.bias",
         "blocks.0.0.bn1.stored_mean", "blocks.1.1.theta.weight", "blocks.1.1.gamma",
         "output_layer.0.gain", "output_layer.0.stored_var", "output_layer.2.weight"}
        if kind == "g"
        else {"blocks.0.1.o.u0", "blocks.0.0.conv1.weight", "linear.bias", "embed.weight"}
    )  # fmt: skip


def test_one_file_with_all_networks_and_others_beside_them():
    """The fixture itself: prefixes tell networks, and arrays of none are passed over."""
    found = pairs.read(FIXTURE, {}, biggan.PROGRAM)
    assert set(found) == {"g", "d"}
    ema = {f"G_ema/{k}": 2 * v for k, v in state_dict("G").items()}
    both = pairs.read(FIXTURE | ema, {}, biggan.PROGRAM)
    first, mean = both["g"].params["image"]["bias"], both["ema"].params["image"]["bias"]
    np.testing.assert_array_equal(mean, 2 * first)
    assert both["g"].stats is both["ema"].stats, "samples are the average's"


G = state_dict("G")
CASES = [
    ({"model.1.weight": np.ones((4, 3, 7, 7), np.float32)}, "0 residual blocks, and its tensors"),
    ({k: v for k, v in G.items() if k != "bn4.bias"}, "it has no bn4.bias"),
    (G | {"blocks.0.0.conv2d3.bias": np.ones(3, np.float32)}, "blocks.0.0.conv2d3.bias, which"),
    (G | {"conv2d5.bias": np.ones(5, np.float32)}, r"conv2d5.bias is \(5,\), and \(3,\) at the"),
    (G | {"conv2d5.bias": np.full(3, np.nan, np.float32)}, "conv2d5.bias has values that are not"),
    (G | {"linear0.weight_orig": np.ones(512, np.float32)}, r"linear0.weight_orig is \(512,\)"),
    ({k: v for k, v in G.items() if k != "shared.weight"}, "it has no shared.weight"),
    (state_dict("D"), "there is no generator"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "said"), CASES)
def test_other_nets_are_one_line_that_names_the_tensor(tmp_path, state, said):
    np.savez(tmp_path / "w.npz", **state)
    with pytest.raises(UserError, match=said) as told:
        convert.main([f"{tmp_path}/w.npz", f"--workdir={tmp_path}/run", BASE])
    assert "\n" not in str(told.value) and "w.npz: " in str(told.value)
    assert not (tmp_path / "run").exists()


def test_what_does_not_fit_together_is_refused(tmp_path):
    np.savez(tmp_path / "G.npz", **G)
    embedding = {"embedding.weight_orig": np.ones((3, 16), np.float32)}
    embedding |= {"embedding.weight_u": np.ones(3, np.float32)}
    np.savez(tmp_path / "D.npz", **state_dict("D") | embedding)
    flags = [f"{tmp_path}/G.npz", f"--workdir={tmp_path}/run", BASE]
    with pytest.raises(UserError, match="its critic's classes: 3, the generator's 5"):
        convert.main([*flags, f"--other={tmp_path}/D.npz"])
    np.savez(tmp_path / "G2.npz", **G)
    with pytest.raises(UserError, match="a second generator; give one"):
        convert.main([*flags, f"--other={tmp_path}/G2.npz"])
    with pytest.raises(UserError, match="have game.latent=16, --config says 32"):
        convert.main([*flags, "--config.game.latent=32"])


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(UserError, match=r"embed.u0 is \(1, 4\), and has 5 numbers there"):
        biggan.import_net(original("d") | {"embed.u0": np.ones((1, 4), np.float32)}, "d")


def test_weights_of_stylegan3_are_refused_by_name_and_reason(tmp_path):
    np.savez(tmp_path / "w.npz", **{"G_ema/synthesis.L0_36_512.weight": np.ones(3, np.float32)})
    with pytest.raises(
        UserError, match="a StyleGAN3 .* generator, whose alias-free layers .* no net"
    ):
        convert.main(
            [
                f"{tmp_path}/w.npz",
                f"--workdir={tmp_path}/run",
                BASE.replace("biggan.py:cifar", "stylegan2.py"),
            ]
        )


def test_a_run_of_other_nets_has_no_published_names():
    config = {"game": {"g": {"name": "dcgan.Generator"}, "condition": "label"}}
    with pytest.raises(UserError, match="its generator is dcgan.Generator; only a labeled biggan"):
        biggan.export(None, config)
