"""R3GAN's pickles become runs that draw and judge as their networks do, whatever their sizes."""

from pathlib import Path

import assemble
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from assemble import mapping, text

from jaxgan import convert
from jaxgan.core.network import pure
from jaxgan.nets import r3gan as nets
from jaxgan.runtime.errors import UserError
from jaxgan.training.workdir import read, restore
from jaxgan.weights import contents
from jaxgan.weights.published import r3gan

ROOT = Path(__file__).parents[3]
FIXTURE = dict(np.load(Path(__file__).parents[2] / "fixtures/r3gan_16.npz"))
BASE = f"--config={ROOT}/experiments/r3gan.py"
KEY = jax.random.key(0)
CLASSES = {"MainLayers": "torch.nn.modules.container.ModuleList",
           "Layers": "torch.nn.modules.container.ModuleList",
           "Layer": "torch.nn.modules.conv.Conv2d", "Resampler": "UpsampleLayer",
           "NonLinearity1": "R3GAN.FusedOperators.BiasedActivationCUDA",
           "NonLinearity2": "R3GAN.FusedOperators.BiasedActivation"}  # fmt: skip


def state_dict(net):
    """A published state dict."""
    return {k.removeprefix(f"{net}/"): v for k, v in FIXTURE.items() if k.startswith(f"{net}/")}


def tensor(value):
    """A tensor as a plain pickle holds it."""
    value = np.ascontiguousarray(value)
    strides = tuple(step // value.itemsize for step in value.strides)
    body = assemble.stream(assemble.storage(count=value.size), values=value.reshape(-1))
    held = assemble.call("torch.storage._load_from_bytes", assemble.raw(body))
    made = assemble.tensor(held, 0, value.shape, strides)
    return assemble.call("torch._utils._rebuild_parameter", made, b"\x89", mapping())


def module(state, kind="R3GAN.Networks.Generator", **more):
    """A module pickled as an object of its class, with the modules within it."""
    inner, own = {}, {}
    for path, value in state.items():
        name, _, rest = path.partition(".")
        inner.setdefault(name, {})[rest] = value
    for name in [name for name, each in inner.items() if "" in each]:
        own[name] = tensor(inner.pop(name)[""])
    within = {
        name: module(each, CLASSES.get(name, "R3GAN.Networks.GeneratorStage"))
        for name, each in inner.items()
    }
    attributes = mapping(
        training=b"\x89",
        DataType=assemble.name("torch.bfloat16"),
        _parameters=mapping(**own),
        _buffers=mapping(),
        _non_persistent_buffers_set=b"\x8f",
        _modules=mapping(**within | more),
    )
    kind = kind if "." in kind else f"R3GAN.Networks.{kind}"
    return assemble.name(kind) + b")\x81" + attributes + b"b"


def network(net):
    kind = "training.networks." + ("Discriminator" if net == "D" else "Generator")
    return module({}, kind, Model=module(state_dict(net[0])))


def filled(kind, **fields):
    """A net of ours with random weights, and its published state dict."""
    own = {k: v for k, v in fields.items() if k != "latent"}
    net = pure((nets.Generator if kind == "g" else nets.Discriminator)(**own))
    x = jnp.zeros((1, fields["latent"]) if kind == "g" else (1, *own["shape"]))
    y = jnp.zeros(1, jnp.int32) if own["classes"] else None
    shapes, _ = jax.eval_shape(lambda key: net.init(key, x, y), KEY)
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda p: rng.normal(size=p.shape).astype(np.float32), shapes)
    return params, dict(r3gan.export_net(params, kind, fields))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The fixture's networks in a pickle as the authors' program writes it, as a run."""
    folder = tmp_path_factory.mktemp("run")
    entries = {name: network(name) for name in ("G", "D", "G_ema")}
    entries |= {"training_set_kwargs": mapping(path=text("x")), "cur_nimg": assemble.number(9)}
    (folder / "final.pkl").write_bytes(assemble.pickled(mapping(**entries)))
    assert convert.main([f"{folder}/final.pkl", f"--workdir={folder}/run", f"{BASE}:cifar"]) == 0
    return folder / "run"


def test_the_run_draws_and_judges_as_the_networks_do(run):
    _, game, state = restore(run)
    images = jax.jit(game.sample)(state, {"z": FIXTURE["z"]}, KEY)
    want = np.moveaxis(FIXTURE["image"], 1, -1)
    np.testing.assert_allclose(images, want.clip(-1, 1), atol=1e-5)
    critic = pure(nets.Discriminator((16, 16, 3), (16, 8, 8), (4, 2, 2), (2, 1, 1)))
    logits = critic(state.params["d"], {}, np.moveaxis(FIXTURE["x"], 1, -1), train=False)
    np.testing.assert_allclose(logits, FIXTURE["d_real"], rtol=1e-5, atol=1e-5)
    jax.tree.map(np.testing.assert_array_equal, state.params["g"], state.ema["g"])


def test_the_config_is_that_of_the_weights_and_keeps_their_average(run):
    record = read(run)
    game = record.config["game"]
    fields = {"widths": [16, 8, 8], "cardinality": [4, 2, 2], "blocks": [2, 1, 1], "expansion": 2}
    assert (record.spec.shape, record.spec.classes, game["latent"]) == ((16, 16, 3), 0, 16)
    assert game["g"] == {"name": "r3gan.Generator", **fields} and game["condition"] == ""
    assert game["d"].items() >= {"name": "r3gan.Discriminator", **fields}.items()
    assert game["ema"] == "5000kimg" and record.config["ema_warmup"] is False


def test_the_exported_generator_is_the_imported_one(run, tmp_path):
    assert convert.main([f"--workdir={run}", f"--out={tmp_path}/G.npz"]) == 0
    with np.load(tmp_path / "G.npz") as found:
        want = {f"Model.{name}": value for name, value in state_dict("G").items()}
        assert set(found) == set(want)
        for name, value in want.items():
            np.testing.assert_array_equal(found[name], value, err_msg=name)
            assert found[name].dtype == value.dtype


SIBLINGS = [
    {"shape": (4, 4, 1), "widths": (6,), "cardinality": (3,), "blocks": (1,), "expansion": 1,
     "classes": 0},
    {"shape": (32, 32, 3), "widths": (8, 8, 4, 2), "cardinality": (6, 2, 4, 1),
     "blocks": (1, 3, 2, 1), "expansion": 3, "classes": 5},
]  # fmt: skip


@pytest.mark.parametrize("fields", SIBLINGS, ids=["smallest", "labeled"])
@pytest.mark.parametrize("features", [7, 4])
@pytest.mark.parametrize("kind", ["g", "d"])
def test_depths_widths_and_classes_are_read_from_the_weights(kind, features, fields):
    own = {"latent": 4} if kind == "g" else {}
    # G's embedding is as long as its latent unless the config says otherwise
    labeled = fields["classes"] and (kind == "d" or features != 4)
    fields = fields | own | ({"embedding": features} if labeled else {})
    params, state = filled(kind, **fields)
    net = r3gan.import_net({k.removeprefix("Model."): v for k, v in state.items()}, kind)
    assert net.fields == fields
    jax.tree.map(np.testing.assert_array_equal, net.params, params)
    if fields["classes"]:
        rows = state["Model.EmbeddingLayer.weight"].T
        np.testing.assert_array_equal(rows, params["Condition_0"]["Embed_0"]["kernel"])
        last = "0.Layers.0" if kind == "g" else "3.Layers.1"
        assert {f"Model.MainLayers.{last}.LinearLayer.weight"} <= set(state)


def test_a_labeled_generator_alone_gets_a_critic_like_it(tmp_path):
    _, state = filled("g", latent=4, embedding=7, **SIBLINGS[1])
    np.savez(tmp_path / "G.npz", **state)
    flags = [f"{tmp_path}/G.npz", f"--workdir={tmp_path}/run"]
    with pytest.raises(UserError, match=r"have game.d.blocks=\(1, 3, 2, 1\), --config says"):
        convert.main([*flags, f"{BASE}:cifar", "--config.game.d.blocks=(1,1,1,1)"])
    assert convert.main([*flags, BASE, "--config.game.d.dtype=bfloat16"]) == 0
    game = read(tmp_path / "run").config["game"]
    assert (game["condition"], game["latent"], game["g"]["embedding"]) == ("label", 4, 7)
    assert game["d"]["blocks"] == game["g"]["blocks"] == [1, 3, 2, 1]
    assert game["d"]["embedding"] == 8 and game["d"]["dtype"] == "bfloat16"
    assert convert.main([f"--workdir={tmp_path}/run", f"--out={tmp_path}/back.npz"]) == 0
    with np.load(tmp_path / "back.npz") as back:
        assert all(np.array_equal(back[name], value) for name, value in state.items())


G, FIRST = state_dict("G"), "MainLayers.0.Layers"
CASES = [
    ({k: v for k, v in G.items() if "MainLayers.1" not in k}, "residual blocks in 1 stages"),
    ({k: v for k, v in G.items() if k != f"{FIRST}.0.Basis"}, f"it has no {FIRST}.0.Basis"),
    (G | {f"{FIRST}.7.NonLinearity1.Bias": np.ones(3, np.float32)}, f"it has {FIRST}.7.NonLinear"),
    (G | {f"{FIRST}.1.LinearLayer3.Layer.weight": np.ones((16, 9, 1, 1), np.float32)},
     r"LinearLayer3.Layer.weight is \(16, 9, 1, 1\), and \(16, 32, 1, 1\) at the width"),
    (G | {f"{FIRST}.1.LinearLayer2.Layer.weight": np.ones((32, 8, 5, 5), np.float32)},
     r"is \(32, 8, 5, 5\), and \(32, 8, 3, 3\)"),
    (G | {f"{FIRST}.1.LinearLayer1.Layer.weight": np.ones((0, 0, 1, 1), np.float32)},
     "and has 4 axes there"),
    (G | {"MainLayers.1.Layers.0.Resampler.Kernel": np.ones((4, 4), np.float32)},
     "Resampler.Kernel is not the filter 1, 3, 3, 1"),
    (G | {"AggregationLayer.Layer.weight": np.full((3, 8, 1, 1), np.inf, np.float32)},
     "AggregationLayer.Layer.weight has values that are not finite"),
    (G | {"EmbeddingLayer.weight": np.ones((16, 5), np.float32)}, "takes no latent"),
    (state_dict("D"), "there is no generator"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "said"), CASES)
def test_other_nets_are_one_line_that_names_the_tensor(tmp_path, state, said):
    np.savez(tmp_path / "w.npz", **state)
    with pytest.raises(UserError, match=said) as told:
        convert.main([f"{tmp_path}/w.npz", f"--workdir={tmp_path}/run", BASE])
    assert "\n" not in str(told.value) and "w.npz: " in str(told.value)
    assert not (tmp_path / "run").exists()


def test_objects_of_other_classes_are_refused_by_name(tmp_path):
    bad = assemble.name("R3GAN.Networks.__builtins__") + b")\x81" + mapping() + b"b"
    (tmp_path / "w.pkl").write_bytes(assemble.pickled(mapping(G_ema=bad)))
    with pytest.raises(UserError, match="asks for 'R3GAN.Networks.__builtins__'"):
        contents.read(tmp_path / "w.pkl")
    odd = assemble.name("R3GAN.Networks.Generator") + b")\x81" + assemble.number(1) + b"b"
    (tmp_path / "w.pkl").write_bytes(assemble.pickled(mapping(G_ema=odd)))
    with pytest.raises(UserError, match="a network whose attributes are no dict"):
        contents.read(tmp_path / "w.pkl")
