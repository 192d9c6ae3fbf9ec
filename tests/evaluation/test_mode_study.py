"""The mode study prepares what it trains as a run is, and tabulates nothing that is not finite."""

from pathlib import Path

import pytest

from jaxgan import config as configs
from jaxgan import modes
from jaxgan.evaluation.mode_study import study, summary
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


def test_intervals_keep_to_what_a_figure_can_be():
    """Student's would reach 8.1 of 8 modes, 100.6 % and -0.03 nats."""
    found = [
        {"modes": count, "high_quality": share, "reverse_kl": kl}
        for count, share, kl in ((8, 1.0, 0.0), (8, 0.99, 0.0), (8, 1.0, 0.0), (7, 0.97, 0.1))
    ]
    scores = summary(found, 8)
    assert modes.row("ring", "ns", scores).startswith("| ring | ns | 7.8 (")
    for name, most in (("modes", 8), ("high_quality", 1), ("reverse_kl", 2.08)):
        low, high = scores[name].low, scores[name].high
        assert 0 <= low < scores[name].value < high <= most, name
    assert scores["reverse_kl"].low == 0
    alike = summary([{"modes": 8, "high_quality": 1.0, "reverse_kl": 0.0}] * 4, 8)
    assert alike["modes"].high == 8 and 7 < alike["modes"].low < 8, (
        "32 of 32, and not all there are"
    )
