"""Experiments: each builds, takes two steps, and samples images of its shape and range."""

import functools
import re
from pathlib import Path

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.core import inputs
from jaxgan.core.from_config import make_game
from jaxgan.core.game import Spec
from jaxgan.runtime.errors import UserError
from jaxgan.training.setup import Log, Save, prepare
from jaxgan.training.step import to_float, train_step

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "experiments").glob("*.py"))
PRESETS = ["gan.py:minimax,smoke", "dcgan.py:smoke,res=64,data=photos"]
PRESETS += ["cgan_matching.py:two_stage,smoke", "infogan.py:odog,smoke", "acgan.py:tutorial,smoke"]
PRESETS += ["wgan_gp.py:unlabelled,smoke", "sngan.py:unlabelled,smoke"]
PRESETS += ["dcgan_anime.py:article,smoke", "cgan.py:datawhale,smoke"]
REFERENCE = r"arxiv\.org/abs/\d{4}\.\d{4,5}|doi\.org/10\.\d{4,}/\S|ISBN (\d-?){9}(\d-?){0,3}[\dX]"


def narrow(config):
    """Reduces the nets to a few channels, so that they compile in seconds."""
    for net in ("g", "d"):
        node = config.game[net]
        if not isinstance(node, str) and "width" in node:
            node.width = 4
    return config


@pytest.mark.parametrize("name", [f"{p.name}:smoke" for p in FILES] + PRESETS)
def test_experiment(name):
    config = narrow(configs.load(str(ROOT / "experiments" / name)))
    run = bind(prepare, config.to_dict(), at="config")()
    step = jax.jit(functools.partial(train_step, run.game), static_argnames="turns")
    first = state = jax.jit(functools.partial(core.init, run.game))(jax.random.key(0))
    for t in range(2):
        for turn in run.game.turns:
            before = state
            # A translation's critics judge what its generators made in the same step.
            played = [turn] if run.game.target == "image" else [run.game.turns[0], turn]
            names = tuple(dict.fromkeys(each.name for each in played))
            state, metrics = step(state, run.feeds[0](t), jax.random.key(1), turns=names)
            for value in metrics.values():
                assert np.isfinite(value) and value.shape == () and value.dtype == jnp.float32
            players = [run.game.players[each.player] for each in played if each.player]
            moving = [net for player in players for net in player.nets]
            for net in state.params:
                assert has_moved(net, before, state) == (net in moving), (turn.name, net)
    assert step._cache_size() == len(run.game.turns), "a second step compiled again"
    chex.assert_trees_all_equal_shapes_and_dtypes(first, state)

    columns = jax.tree.map(lambda x: to_float(x[:3]), run.feeds[0](0))
    given = {f.column: columns[f.column] for f in run.game.inputs.values() if f.of_data}
    drawn = inputs.draw(run.game.inputs, jax.random.key(2), 3, given)
    images = jax.jit(run.game.sample)(state, drawn, jax.random.key(3))
    assert images.shape == (3, *(run.spec.other or run.spec.shape)) and images.dtype == jnp.float32
    assert np.isfinite(images).all()
    assert len(run.spec.shape) == 1 or abs(images).max() <= 1, "images lie in [-1, 1]"


FIXED = ["progan.py:paper", "stylegan.py:ffhq", "stylegan2.py:ffhq", "sagan.py:imagenet"]
FIXED += ["r3gan.py:cifar", "r3gan.py:ffhq"]
FIXED += ["biggan.py:cifar", "biggan.py:imagenet128"]


@pytest.mark.parametrize("name", [path.name for path in FILES] + FIXED)
def test_averages_warm_up_but_for_published_schedules(name):
    config = configs.load(str(ROOT / "experiments" / name))
    assert config.get("ema_warmup", True) == (name not in FIXED)


@pytest.mark.parametrize(
    "name",
    ["biggan.py:cifar", "biggan.py:imagenet128", "dcgan.py:celeba", "lapgan.py:paper",
     "r3gan.py:cifar", "r3gan.py:imagenet32", "r3gan.py:ffhq", "sagan.py:imagenet",
     "sngan.py:cifar", "stylegan2_ada.py:cifar", "wgan_gp.py:cifar"],
)  # fmt: skip
def test_published_presets_train_on_other_data_where_these_are_given(name):
    config = configs.load(str(ROOT / "experiments" / f"{name},data=folder:/of/mine"))
    assert config.data.name == "folder:/of/mine"
    own = configs.load(str(ROOT / "experiments" / name)).data
    assert own.name.startswith("tfds:") or name == "r3gan.py:ffhq"
    assert own.res == config.data.res and own.get("flip") == config.data.get("flip")


def test_presets_train_at_another_resolution_where_one_is_given():
    for name in ("stylegan2.py:ffhq", "stylegan2.py:smoke", "stylegan2_ada.py:cifar"):
        assert configs.load(str(ROOT / "experiments" / f"{name},res=64")).data.res == 64, name
    assert configs.load(str(ROOT / "experiments/stylegan2.py:ffhq")).data.res == 1024


@pytest.mark.parametrize("res", [16, 32, 64])
def test_all_stages_of_lapgan_train_whatever_the_size(res):
    for preset, length in (("", 2000), ("paper,", 100)):
        path = ROOT / "experiments" / f"lapgan.py:{preset}res={res}"
        steps = str(configs.load(str(path)).steps).removesuffix("epochs")
        assert int(steps) == length * (res // 8).bit_length()


@pytest.mark.parametrize("name", ["lapgan.py", "stackgan.py"])
def test_a_papers_stages_are_shortened_too(name):
    growth = configs.load(str(ROOT / "experiments" / f"{name}:paper,smoke")).growth
    assert growth.stable in (2, 3) and not growth.get("batch")
    assert not configs.load(str(ROOT / "experiments" / f"{name}:smoke")).growth.get("batch")


def test_another_size_reaches_r3gans_published_nets_which_refuse_it():
    config = configs.load(str(ROOT / "experiments" / "r3gan.py:cifar,res=64")).to_dict()
    spec = Spec((config["data"]["res"],) * 2 + (3,), classes=10)
    with pytest.raises(UserError, match="config.game.g.widths=.*: 5 numbers, for stages of 4 to 6"):
        make_game(config["game"], config["optim"], spec=spec, steps=1)


LABELED = {"game.fresh_labels": True, "game.ema": 0.0}
TUTORIALS = {
    "gan.py:datawhale": {
        "steps": "200epochs", "batch": 100, "optim.g.lr": 2e-4, "optim.d.b1": 0.9, "game.ema": 0.0,
    },
    "cgan.py:datawhale": LABELED | {
        "steps": "50epochs", "batch": 100, "game.g.widths": (256, 512, 1024), "optim.d.lr": 1e-4,
        "game.g.norm": "Identity", "game.d.widths": (1024, 512, 256), "game.d.drop_first": True,
        "game.d.dropout": 0.4, "optim.g.b1": 0.9, "game.latent": 100,
    },
    "cgan.py:step_by_step": LABELED | {"game.loss": "least_squares", "game.g.norm": None},
    "acgan.py:tutorial": {"game.fresh_labels": True, "game.auxiliary.g_weight": 1.0},
    "infogan.py:odog": {
        "game.g.name": "infogan.OdogGenerator", "game.d.dropout": 0.25, "optim.g.lr": 2e-4,
        "game.auxiliary.continuous": 0, "game.latent": 62, "optim.d.lr": 2e-4, "optim.d.b1": 0.5,
    },
    "dcgan_anime.py:article,data=folder:x": {
        "steps": 30_000, "batch": 32, "game.latent": 64, "game.loss.noise": 0.05,
        "game.joint": True, "optim.d.name": "rmsprop", "optim.d.lr": 8e-4, "optim.g.lr": 4e-4,
        "optim.g.rho": 0.9, "optim.g.eps": 1e-7, "optim.g.clip_value": 1.0,
        "checkpoint.keep_every": 10_000, "game.d.dropout": 0.4,
    },
    "cgan_matching.py:combine=matching": {"game.d.combine": "matching"},
    "wgan_gp.py:datawhale": {
        "game.regularizers.gradient_penalty.power": 1, "game.auxiliary": None,
        "game.regularizers.gradient_penalty.one_sided": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", TUTORIALS)
def test_presets_of_tutorials_have_their_settings(name):
    config = configs.load(str(ROOT / "experiments" / name)).to_dict()
    for key, value in TUTORIALS[name].items():
        found = functools.reduce(lambda node, part: node.get(part), key.split("."), config)
        assert found == value, key


def has_moved(net, before, after):
    """Returns whether any parameter or statistic of a net differs between two states."""
    old, new = ((state.params[net], state.stats[net]) for state in (before, after))
    pairs = zip(jax.tree.leaves(old), jax.tree.leaves(new), strict=True)
    return any((a != b).any() for a, b in pairs)


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_docstring_has_commands_and_a_reference(path):
    text = configs.flags.execute(path).__doc__
    assert re.search(REFERENCE, text)
    commands = re.findall(rf"python -m jaxgan.main --config=experiments/{path.name}(\S*)", text)
    assert ":smoke" in commands and len(commands) > 1
    for arg in commands:
        configs.load(f"{path}{arg}")


@pytest.mark.parametrize("path", FILES, ids=lambda p: p.name)
def test_log_and_checkpoint_do_not_restate_defaults(path):
    config = configs.load(str(path))
    for key, defaults in (("log", Log()), ("checkpoint", Save())):
        for option, value in config.get(key, {}).items():
            assert value != getattr(defaults, option), f"config.{key}.{option}"


@pytest.mark.parametrize("name", [p.name for p in FILES])
def test_optimizers_of_the_players_are_separate(name):
    config = configs.load(str(ROOT / "experiments" / name))
    configs.override(config, ["--config.optim.g.lr=0.5"])
    assert config.optim.g.lr == 0.5 and config.optim.d.lr != 0.5


@pytest.mark.parametrize(
    ("name", "key", "value"),
    [
        ("progan.py:paper", "growth.rate", {"1024": 1.5}),  # config.py, preset-v2-1gpu
        ("stylegan.py:ffhq", "game.ema", "10kimg"),  # training_loop.py, G_smoothing_kimg
        ("stylegan2.py:ffhq", "game.ema", "10kimg"),  # training_loop.py, the same
        ("stylegan2_ada.py:cifar", "game.ema", "500kimg"),  # train.py, cfg 'cifar'
        ("stylegan2_ada.py:cifar", "game.ema_rampup", 0.05),
        ("sagan.py:imagenet", "game.d.widen", "first"),  # discriminator.py, `block`
        # train.py, presets 'CIFAR10' and 'FFHQ-256'
        ("r3gan.py:cifar", "game.ema", {"cosine": ("0kimg", "5000kimg"), "images": 2e7}),
        ("r3gan.py:ffhq", "game.g.cardinality", (96, 96, 96, 96, 48, 24, 12)),
    ],
)
def test_official_presets_have_the_authors_settings(name, key, value):
    found = configs.load(str(ROOT / "experiments" / name)).to_dict()
    for part in key.split("."):
        found = found[part]
    assert found == value
