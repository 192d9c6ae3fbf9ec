"""The mode study prepares what it trains as a run is, and tabulates nothing that is not finite."""

from pathlib import Path

import pytest

from jaxgan import config as configs
from jaxgan.evaluation.mode_study import study
from jaxgan.runtime.errors import UserError

TOY = str(Path(__file__).parents[2] / "experiments/toy.py")


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        (
            ["--config.optim.g.lr=1e30", "--config.steps=20"],
            "^step 1, turn 'd' of replica 0: .*lower",
        ),
        (["--config.steps=0"], "config.steps=0: the turns of this game take 1"),
        (["--config.data.name=moons"], "config.data.name=moons: has no modes"),
        (["--config.batch=0"], "config.batch=0: at least 1"),
        (["--config.x=1"], "config.x: .* no such option"),
    ],
)
def test_what_has_no_figures_is_one_line(flags, text):
    config = configs.load(TOY)
    configs.override(config, ["--config.batch=8", "--config.game.g.widths=(8,)", *flags])
    with pytest.raises(UserError, match=text):
        study(config.to_dict(), 1)
