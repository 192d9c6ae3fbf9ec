"""Published weights converted to a run, which samples as their network does, and back."""

from pathlib import Path

import jax
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import convert, sample
from jaxgan.runtime.errors import UserError
from jaxgan.training.workdir import read, restore

ROOT = Path(__file__).parents[2]
PATH = Path(__file__).parents[1] / "fixtures/stylegan2_32.npz"
BASE = f"--config={ROOT}/experiments/stylegan2.py"


@pytest.fixture(scope="module")
def workdir(tmp_path_factory):
    """The fixture's generator and discriminator as a run."""
    folder = tmp_path_factory.mktemp("run")
    with np.load(PATH) as arrays:
        nets = {k: v for k, v in arrays.items() if k.startswith(("G/", "D/"))}
    np.savez(folder / "nets.npz", **nets)
    flags = [str(folder / "nets.npz"), f"--workdir={folder}/run", BASE, "--config.game.d.group=4"]
    assert convert.main(flags) == 0
    return folder / "run"


def test_the_run_draws_what_the_network_draws(workdir):
    _, game, state = restore(workdir)
    with np.load(PATH) as arrays:
        z, image, x, logits = (arrays[k] for k in ("z", "img_const", "x", "d_logits"))
    drawn = jax.jit(game.sample)(state, {"z": z}, jax.random.key(0))
    expected = np.clip(image.transpose(0, 2, 3, 1), -1, 1)
    np.testing.assert_allclose(drawn, expected, atol=1e-4)
    scored = jax.jit(game.critic)(state, {"image": x.transpose(0, 2, 3, 1)})
    np.testing.assert_allclose(scored, logits.reshape(-1), rtol=1e-4, atol=1e-4)


def test_the_exported_generator_is_the_imported_one(workdir, tmp_path):
    assert convert.main([f"--workdir={workdir}", f"--out={tmp_path}/G.npz"]) == 0
    with np.load(PATH) as arrays, np.load(tmp_path / "G.npz") as out:
        names = {k.removeprefix("G/") for k in arrays if k.startswith("G/")}
        assert set(out) == names
        for name in names:
            np.testing.assert_array_equal(out[name], arrays[f"G/{name}"], err_msg=name)


@pytest.mark.parametrize(
    "out", ["/proc/G.npz", "/dev/null/G.npz", "folder.npz", "y" * 300 + ".npz"]
)
def test_a_path_that_cannot_be_written_is_one_line(workdir, tmp_path, monkeypatch, out):
    monkeypatch.chdir(tmp_path)
    Path("folder.npz").mkdir()
    with pytest.raises(UserError, match=r"--out=.*cannot be written"):
        convert.main([f"--workdir={workdir}", f"--out={out}"])


def test_the_written_config_is_the_recorded_one(workdir, tmp_path):
    config = configs.load(str(workdir / "config.py")).to_dict()
    assert config["game"]["latent"] == 64 and config["data"]["res"] == 32
    recorded = read(workdir).config
    assert recorded["game"]["g"]["w_dim"] == config["game"]["g"]["w_dim"] == 64
    flags = [f"--workdir={workdir}", "--n=2", f"--out={tmp_path}/a.npz"]
    assert sample.main(flags) == 0
    assert np.load(tmp_path / "a.npz")["images"].shape == (2, 32, 32, 3)


def test_other_files_games_and_workdirs_are_refused(workdir, tmp_path):
    with pytest.raises(UserError, match="not both"):
        convert.main([f"--workdir={workdir}"])
    with pytest.raises(UserError, match="holds a run already"):
        convert.main([str(PATH), f"--workdir={workdir}", BASE])
    with pytest.raises(UserError, match="--nois=1: not understood"):
        convert.main([f"--workdir={workdir}", f"--out={tmp_path}/G.npz", "--nois=1"])
    with pytest.raises(UserError, match="its game is not stylegan2"):
        convert.main(
            [str(PATH), f"--workdir={tmp_path}/run", f"--config={ROOT}/experiments/gan.py"]
        )
    (tmp_path / "text.pkl").write_text("no weights")
    with pytest.raises(UserError, match="text.pkl"):
        convert.main([f"{tmp_path}/text.pkl", f"--workdir={tmp_path}/run", BASE])
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("config", "flags", "text"),
    [
        (f"{BASE}:res=64", [], "the weights have data.res=32, --config says 64"),
        (f"{BASE[:-3]}_ada.py:labelled", [], "have game.condition='', --config says 'label'"),
        (BASE, ["--config.game.latent=100"], "have game.latent=64, --config says 100"),
        (BASE, ["--config.game.g.layers=1"], "have game.g.layers=2, --config says 1"),
    ],
)
def test_what_the_user_says_otherwise_than_the_weights_is_refused(
    workdir, tmp_path, config, flags, text
):
    with pytest.raises(UserError, match=text):
        convert.main([f"{workdir.parent}/nets.npz", f"--workdir={tmp_path}/run", config, *flags])
    assert not (tmp_path / "run").exists()
