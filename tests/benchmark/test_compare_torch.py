"""The nets and updates that are timed against PyTorch, and the comparison itself, on stubs."""

import sys
from functools import partial
from pathlib import Path

import jax
import pytest

from jaxgan import config as configs
from jaxgan.benchmark import compare_torch
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.core import inputs
from jaxgan.training import dispatch
from jaxgan.training.setup import prepare

ROOT = Path(__file__).parents[2]
# Parameters of PyTorch's g and d, latent, and Adam's rate and betas; counted by hand.
PEERS = {
    "gan_mlp": (283_920, 267_009, 64, 2e-4, 0.5, 0.999),
    "cgan_mlp": (1_511_412, 932_965, 100, 2e-4, 0.5, 0.999),
    "acgan32": (1_050_985, 103_243, 100, 2e-4, 0.5, 0.999),
    "dcgan64": (3_576_704 + 3, 2_765_633, 100, 2e-4, 0.5, 0.999),  # ours has a bias at the output
    "wgan_gp64": (3_576_704 + 3, 2_764_737, 100, 1e-4, 0.0, 0.9),
    "sngan32": (4_276_739, 1_053_825, 128, 2e-4, 0.0, 0.9),
    "biggan32": (176_194, 67_810, 64, (5e-4, 1e-3), 0.0, 0.999),
    "r3gan64": (183_856, 175_792, 64, 1e-3, 0.0, 0.99),
}


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_has_pytorchs_parameters_latent_and_optimizers(name):
    config = configs.load(f"{ROOT}/experiments/peers/pytorch.py:{name}")
    run = bind(prepare, config.to_dict(), at="config")()
    state = jax.eval_shape(partial(core.init, run.game), jax.random.key(0))
    sizes = {net: sum(x.size for x in jax.tree.leaves(p)) for net, p in state.params.items()}
    g, d, latent, lr, b1, b2 = PEERS[name]
    assert sizes == {"g": g, "d": d} and not state.ema
    assert inputs.draw(run.game.inputs, jax.random.key(0), 2)["z"].shape == (2, latent)
    assert run.batch == 64 and f"{run.spec.shape[0]}" in ("28", name[-2:])
    n_critic = {"wgan_gp64": 5, "sngan32": 5, "biggan32": 2}.get(name, 1)
    assert dispatch.period(run.game) == (("d",),) * (n_critic - 1) + (("d", "g"),)
    rates = lr if isinstance(lr, tuple) else (lr, lr)
    for node, rate in zip((config.optim.g, config.optim.d), rates, strict=True):
        node = node.to_dict()
        assert node.pop("decay", "constant") == "constant"
        assert node == {"name": "adam", "lr": rate, "b1": b1, "b2": b2}
    assert config.game.get("g_batch", 1) == 1 and not config.game.get("dequantize", False)


def test_the_translating_peer_has_pytorchs_parameters_and_losses():
    config = configs.load(f"{ROOT}/experiments/peers/pytorch.py:cyclegan128")
    assert config.batch == 1
    config.batch = 8  # the devices of the tests
    run = bind(prepare, config.to_dict(), at="config")()
    state = jax.eval_shape(partial(core.init, run.game), jax.random.key(0))
    sizes = {net: sum(x.size for x in jax.tree.leaves(p)) for net, p in state.params.items()}
    assert sizes == dict.fromkeys(("a2b", "b2a"), 7_837_699) | dict.fromkeys(
        ("d_a", "d_b"), 2_764_737
    )
    assert run.spec.shape == (128, 128, 3) and not state.memory
    weights = {name: config.game[name] for name in ("adversarial", "cycle", "identity")}
    assert weights == {"adversarial": 2, "cycle": 10, "identity": 5}
    assert dispatch.period(run.game) == (("g", "d"),)


@pytest.fixture
def compare(monkeypatch):
    """The program, on stubs: the times that each call gets, and the commands that were called."""
    monkeypatch.chdir(ROOT)
    called = []

    def call(command):
        called.append(command)
        if "--compile" in command:
            raise compare_torch.Failed("no compiler")
        if "torch_peers.py" not in command[1]:
            return {"params_m": 0.55, "cycle_ms": 10.0, "of_peak": 0.5}
        slow = 1000.0 if "--channels-last" not in command else 0.0
        return {"params_m": 0.55, "step_ms": slow + 10.0 * len(called)}

    def run(*flags):
        monkeypatch.setattr(sys, "argv", ["compare_torch.py", "--peers=torch_peers.py", *flags])
        return compare_torch.main()

    monkeypatch.setattr(compare_torch, "call", call)
    monkeypatch.setattr(Path, "is_file", lambda self: True)
    return run, called


def test_pairs_alternate_and_the_table_has_medians(compare, capsys):
    run, called = compare
    assert run("gan_mlp", "--pairs=3", "--torch=--channels-last --threads 2") == 0
    torch = [command[1] == "torch_peers.py" for command in called]
    assert torch == [True, False, False, True, True, False]
    assert called[0][2:] == ["gan_mlp", "--channels-last", "--threads", "2", "--batch=64"] + [
        "--steps=10"
    ]
    assert "--config.batch=64" in called[1] and called[1][3].endswith("pytorch.py:gan_mlp")
    last = capsys.readouterr().out.splitlines()[-1]
    want = "| gan_mlp | channels-last threads 2 | 40.0 | 10.0 | 4.00 (1.00 to 5.00) | 50% |"
    assert last == want


def test_a_preset_keeps_its_own_batch_where_none_is_given(compare, capsys):
    run, called = compare
    assert run("cyclegan128", "--pairs=1", "--torch=") == 0
    assert "--batch=1" in called[0] and "--config.batch=1" in called[1]
    assert run("cyclegan128", "--pairs=1", "--torch=", "--batch=2") == 0
    assert "--batch=2" in called[2] and "--config.batch=2" in called[3]
    with pytest.raises(SystemExit):
        run("cyclegan128", "--batch=0")


def test_torch_runs_at_its_fastest_and_failing_modes_are_left_out(compare, capsys):
    run, called = compare
    assert run("gan_mlp", "--pairs=1") == 0
    trials, pair = ["--batch=64", "--channels-last", "--compile"], ["--channels-last"]
    jaxgan = ["--config=experiments/peers/pytorch.py:gan_mlp"]
    assert [command[3] for command in called] == trials + pair + jaxgan
    out, err = capsys.readouterr()
    assert "--compile failed: no compiler" in err
    assert out.splitlines()[-1].startswith("| gan_mlp | channels-last | 40.0 | 10.0 | 4.00")
    assert run("gan_mlp", "--torch=--compile") == 1
    assert capsys.readouterr().err == "error: no compiler\n"
