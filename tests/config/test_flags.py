"""Flags that override a config, arguments of an experiment, and what is said of bad ones."""

from pathlib import Path

import pytest
from ml_collections import ConfigDict

from jaxgan import config as configs
from jaxgan.main import default_workdir, main
from jaxgan.runtime.errors import UserError


def sample() -> ConfigDict:
    adam = {"name": "adam", "lr": 2e-4}
    return ConfigDict(
        {"steps": 10, "loss": "hinge", "flip": False, "ema": 0.99, "optim": {"g": adam}}
    )


def test_overrides_keep_types():
    config = sample()
    configs.override(
        config,
        [
            "--config.steps=600kimg",
            "--config.optim.g.lr=1",
            "--config.optim.g.b1=0.5",
            "--config.ema=10kimg",
            "--config.flip=true",
            "--config.loss.c=0.5",
            "--config.regularizers.r1.gamma=5",
        ],
    )
    assert config.to_dict() == {
        "steps": "600kimg",
        "loss": {"name": "hinge", "c": 0.5},
        "flip": True,
        "ema": "10kimg",
        "regularizers": {"r1": {"gamma": 5}},
        "optim": {"g": {"name": "adam", "lr": 1.0, "b1": 0.5}},
    }
    assert isinstance(config.optim.g.lr, float)


def test_a_name_keeps_the_nodes_options_and_a_bare_value_replaces_the_node():
    config = sample()
    configs.override(config, ["--config.optim.g.name=sgd"])
    assert config.optim.g.to_dict() == {"name": "sgd", "lr": 2e-4}
    configs.override(config, ["--config.optim.g=sgd"])
    assert config.optim.g == "sgd"


@pytest.mark.parametrize(
    ("flag", "text"),
    [
        ("--cofnig.steps=1", "not understood"),
        ("--config.steps", "not understood"),
        ("--config.optim.g.lr=fast", "expected a value like 0.0002"),
        ("--config.steps=1.5", "expected a value like 10"),
        ("--config.flip=3", "expected a value like False"),
    ],
)
def test_bad_flags_are_refused(flag, text):
    with pytest.raises(UserError, match=text):
        configs.override(sample(), [flag])


def test_arguments_of_an_experiment():
    args = configs.arguments("smoke,res=64,data=folder:/a,b", smoke=False, res=32, data="mnist")
    assert (args.smoke, args.res, args.data) == (True, 64, "folder:/a,b")
    for text in ("smok", "smoke=1", "res", "res=big", "data=digits"):
        with pytest.raises(UserError):
            configs.arguments(text, smoke=False, res=32)


def test_a_missing_experiment_is_refused_with_the_nearest():
    folder = Path(__file__).parents[2] / "experiments"
    with pytest.raises(UserError, match="did you mean '.*experiments/dcgan.py'"):
        configs.load(f"{folder}/dcgn.py")


def test_default_workdir_is_named_by_the_experiment():
    assert str(default_workdir("experiments/dcgan.py")) == "runs/dcgan"
    assert str(default_workdir("x/dcgan.py:res=64,data=folder:/p/q")) == (
        "runs/dcgan-res=64-data=folder--p-q"
    )


def test_help_lists_the_flags(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert "--workdir" in out and "--config.steps=20000" in out
