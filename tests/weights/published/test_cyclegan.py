"""CycleGAN's generators become runs that translate as they do, and files with the same bits."""

from pathlib import Path

import assemble
import jax
import numpy as np
import pytest
from cyclegan_names import FIXTURE
from PIL import Image

from jaxgan import convert, translate
from jaxgan.runtime.errors import UserError
from jaxgan.training.workdir import restore
from jaxgan.visual.sheet import GUTTER
from jaxgan.weights.published import cyclegan

ROOT = Path(__file__).parents[3]
BASE = f"--config={ROOT}/experiments/cyclegan.py:res=32"


def state_dict(net="G_A"):
    """A published state dict."""
    return {k.removeprefix(f"{net}/"): v for k, v in FIXTURE.items() if k.startswith(f"{net}/")}


def saved(path, state):
    """Writes a .pth as torch.save does: an OrderedDict of tensors, each of a storage of its own."""
    names, members = {"float32": "FloatStorage", "int64": "LongStorage"}, {}
    body = b"}" + assemble.MARK
    for i, (name, value) in enumerate(state.items()):
        strides = [step // value.itemsize for step in value.strides]
        of = assemble.storage(str(i), value.size, names[value.dtype.name])
        body += assemble.text(name) + assemble.tensor(of, 0, value.shape, strides)
        members[f"m/data/{i}"] = value.tobytes()
    members |= {"m/data.pkl": assemble.pickled(body + b"u"), "m/byteorder": b"little"}
    path.write_bytes(assemble.zipped(members))
    return str(path)


def with_statistics(state):
    """The state dict as PyTorch before 0.4 wrote it, with InstanceNorm's statistics."""
    more = {}
    for name, at in (("model.2", 4), ("model.10.conv_block.2", 16)):
        more[f"{name}.running_mean"] = np.full(at, np.nan, np.float32)
        more[f"{name}.running_var"] = np.ones(at, np.float32)
        more[f"{name}.num_batches_tracked"] = np.array([3])
    return state | more


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A run of both generators, of which the first file is old; and one of the first alone."""
    folder = tmp_path_factory.mktemp("runs")
    first = saved(folder / "latest_net_G_A.pth", with_statistics(state_dict()))
    second = saved(folder / "G_B.pth", {f"module.{k}": v for k, v in state_dict("G_B").items()})
    both, alone = folder / "both", folder / "alone"
    assert convert.main([first, f"--other={second}", f"--workdir={both}", BASE]) == 0
    assert convert.main([first, f"--workdir={alone}", BASE, "--config.game.ema=0.99"]) == 0
    return both, alone


@pytest.fixture
def picture(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (32, 36, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "horse.png")
    return tmp_path / "horse.png"


def test_a_run_translates_as_the_published_generators_do(runs):
    for run, directions in zip(runs, (("a2b", "b2a"), ("a2b",)), strict=True):
        _, game, state = restore(run)
        for name in directions:
            x, y = ("a", "fake_b") if name == "a2b" else ("b", "fake_a")
            images = np.moveaxis(FIXTURE[x], 1, -1)
            got = jax.jit(game.translators[name])(state, images, jax.random.key(0))
            want = np.moveaxis(FIXTURE[y], 1, -1)
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-5, err_msg=name)


def test_what_is_written_has_the_bits_that_were_read(runs, tmp_path):
    both, alone = runs
    out = [f"{tmp_path}/{name}.npz" for name in ("G_A", "G_B", "G")]
    assert convert.main([f"--workdir={both}", f"--out={out[0]}", f"--other={out[1]}"]) == 0
    assert convert.main([f"--workdir={alone}", f"--out={out[2]}"]) == 0
    for path, net in zip(out, ("G_A", "G_B", "G_A"), strict=True):
        with np.load(path) as found:
            want = state_dict(net)
            assert list(found) == list(want), "in the published order"
            for name, value in want.items():
                assert found[name].tobytes() == value.tobytes() and found[name].dtype == np.float32
    again = tmp_path / "again"
    assert convert.main([out[0], f"--other={out[1]}", f"--workdir={again}", BASE]) == 0
    one, other = restore(both).state, restore(again).state
    jax.tree.map(np.testing.assert_array_equal, one, other)


def test_statistics_of_norms_are_left_aside_and_said_so(tmp_path, capsys):
    cyclegan.import_generator(with_statistics(state_dict()))
    assert "left aside: 6 statistics of InstanceNorm (model.2.running_mean, …)" in (
        capsys.readouterr().err
    )


def test_one_generator_translates_one_way(runs, picture, tmp_path, capsys):
    _, alone = runs
    flags = [str(picture), f"--workdir={alone}", f"--out={tmp_path}/out"]
    assert translate.main([*flags, "--direction=a2b"]) == 0
    assert "the sheet shows no way back: b2a is noise" in capsys.readouterr().err
    assert Image.open(tmp_path / "out" / "sheet.png").size[0] == GUTTER + 2 * (128 + GUTTER)
    with pytest.raises(UserError, match="--direction=b2a: b2a is noise: .* --other=FILE, or train"):
        translate.main([*flags[:2], f"--out={tmp_path}/back", "--direction=b2a"])
    with pytest.raises(UserError, match="b2a is noise"):
        convert.main([f"--workdir={alone}", f"--out={tmp_path}/a.npz", f"--other={tmp_path}/b.npz"])
    assert not list(tmp_path.glob("*.npz")) and not (tmp_path / "back").exists()


def test_the_preset_is_that_of_the_weights(runs, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"experiments/cyclegan.py: no such file"):
        convert.main([f"{runs[0].parent}/latest_net_G_A.pth", "--workdir=run"])
    config = f"--config={ROOT}/experiments/stylegan2.py"
    with pytest.raises(UserError, match="a CycleGAN or pix2pix network, which a --config of the"):
        convert.main([f"{runs[0].parent}/latest_net_G_A.pth", "--workdir=run", config])


REST = {k: v for k, v in state_dict().items() if k != "model.7.bias"}
UNET = {f"model.model.{i}.weight": np.ones((4, 3, 4, 4), np.float32) for i in (0, 1)}
CASES = [
    (UNET, "no blocks model.10.conv_block, and its tensors are model.model.0.weight, "),
    (state_dict("D_A"), "its tensors are model.0.weight, model.0.bias"),
    (REST, "it has no model.7.bias"),
    (state_dict() | {"model.2.weight": np.ones(4, np.float32)}, "it has model.2.weight, which"),
    (state_dict() | {"model.4.weight": np.ones((8, 4, 4, 4), np.float32)},
     r"model.4.weight is \(8, 4, 4, 4\), and \(8, 4, 3, 3\) at width 4"),
    (state_dict() | {"model.1.weight": np.ones((4, 5, 7, 7), np.float32)},
     "model.1.weight is of 5 channels"),
    (state_dict() | {"model.1.weight": np.ones(4, np.float32)}, r"model.1.weight is \(4,\)"),
    (state_dict() | {"model.1.bias": np.full(4, np.nan, np.float32)},
     "model.1.bias has values that are not finite"),
    (state_dict() | {"model.1.bias": np.arange(4)}, "model.1.bias holds int64"),
    (state_dict() | {f"module.{k}": v for k, v in state_dict().items()}, "two arrays are model.1"),
]  # fmt: skip


@pytest.mark.parametrize(("state", "said"), CASES)
def test_other_nets_are_one_line_that_names_the_tensor(tmp_path, state, said):
    np.savez(tmp_path / "w.npz", **state)
    with pytest.raises(UserError, match=said) as told:
        convert.main([f"{tmp_path}/w.npz", f"--workdir={tmp_path}/run", BASE])
    assert "\n" not in str(told.value) and "w.npz: " in str(told.value)
    assert not (tmp_path / "run").exists()


def test_what_does_not_fit_together_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **state_dict())
    layers = cyclegan._layers(1, 4, 3, 3)
    one = {}
    for layer in layers:
        one[f"{layer.name}.weight"] = np.zeros(layer.weight, np.float32)
        one[f"{layer.name}.bias"] = np.zeros(layer.features, np.float32)
    np.savez(tmp_path / "b.npz", **one)
    flags = [f"{tmp_path}/a.npz", f"--workdir={tmp_path}/run", BASE]
    with pytest.raises(UserError, match=r"b.npz: its blocks: 1, and 2 would lead back"):
        convert.main([*flags, f"--other={tmp_path}/b.npz"])
    with pytest.raises(UserError, match="have game.g.width=4, --config says 8"):
        convert.main([*flags, "--config.game.g.width=8"])
    with pytest.raises(UserError, match="--other=.*: cannot be read"):
        convert.main([*flags, f"--other={tmp_path}/c.npz"])
    assert not (tmp_path / "run").exists()
