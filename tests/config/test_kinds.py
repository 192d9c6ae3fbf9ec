"""What fits an option's kind, what does not, and what is said of it."""

import math
from collections.abc import Mapping
from typing import Any, Literal

import pytest

from jaxgan.config import kinds
from jaxgan.config.kinds import misfit
from jaxgan.config.registry import bind
from jaxgan.runtime.errors import UserError

HUGE = 10**5000  # more digits than Python converts to text


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (kinds.Positive, [1, 2**31 - 1], [0, -1, 2**31, HUGE, 1.0, True, "1", None, [], {}]),
        (kinds.Seed, [0], [-1, 2**31, 2**64]),
        (kinds.Rate, [0, 0.0, 1, 1e-300, 3e38], [-1e-9, math.inf, math.nan, 1e39, True, "1"]),
        (kinds.Scale, [1e-9], [0, 0.0, -1.0]),
        (kinds.Portion, [0, 0.999], [1, 1.0, -0.1, math.nan]),
        (kinds.Probability, [0, 1], [1.1]),
        (kinds.Finite, [-3.5, 0], [math.inf, -math.inf, HUGE]),
        (kinds.Widths, [(), [1], (8, 16)], [(0,), (1, -1), ("a",), 8, "ab", (1,) * 65, None]),
        (
            kinds.Duration,
            [0, 7, "7", "1.5kimg", "1 epoch"],
            ["-5", "kimg", "", "1e3", -1, 2**31, 1.5, True, None, ()],
        ),
        (kinds.Positive | Literal["auto"], [1, "auto"], [0, "", "other", None]),
        (tuple[float, float] | None, [None, (0, 1.5), [1, 2]], [(1,), (1, 2, 3), (0, math.nan)]),
        (Literal["a", "b"], ["a"], ["c", 1, None, ["a"]]),
        (bool, [True], [1, 0, "True", None]),
        (str, ["", "x"], [1, None, b"x"]),
        (str | Mapping[str, Any], ["x", {}, {"a": object()}], [1, None, ["x"]]),
        (Mapping[str, kinds.Batch] | None, [None, {"8": 16}], [{"8": 0}, {"8": "x"}, 5, "x"]),
        (int, [-5], [1.0, True, HUGE]),
    ],
)
def test_what_fits(kind, good, bad):
    for value in good:
        assert not misfit(value, kind, "config.x"), value
    for value in bad:
        text = misfit(value, kind, "config.x")
        assert text.startswith("config.x") and ": " in text and len(text) < 300, text


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (0, kinds.Batch, "config.x=0: at least 1 and at most 1048576, a whole number"),
        (math.inf, kinds.Rate, "config.x=inf: a finite number at least 0"),
        (0.0, kinds.Scale, "config.x=0.0: a finite number above 0"),
        (1.0, kinds.Portion, "config.x=1.0: a finite number at least 0 and below 1"),
        ("?", Literal["a", "b"], "config.x='?': known: 'a', 'b'"),
        ("?", bool, "config.x='?': True or False"),
        (5, Mapping[str, Any], "config.x=5: options by name"),
        (5, str | Mapping[str, Any], "config.x=5: text or options by name"),
        ({"8": 0}, Mapping[str, kinds.Batch] | None, "config.x.8=0: at least 1 and at most 104"),
        ((1,), tuple[float, float], "config.x=(1,): a list of 2: a finite number, a finite number"),
        (
            -1,
            kinds.Duration,
            "config.x=-1: a duration: steps, at most 2147483647, '600kimg' or '",
        ),
        (HUGE, kinds.Whole, "config.x=a number of 16610 bits: at least 0"),
        ("x" * 500, kinds.Whole, "config.x='xxxxxxxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxx' (502 long)"),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",  # no text is as long as HUGE
)
def test_the_message_has_the_key_the_value_and_what_fits(value, kind, text):
    assert misfit(value, kind, "config.x").startswith(text)


def test_kinds_that_say_nothing_of_values_take_what_is_finite():
    class Own:
        """A type that no config can give."""

    for kind in (Own, "float"):
        assert not misfit(3, kind, "x") and not misfit((1, "a"), kind, "x")
        assert misfit(math.nan, kind, "x") == "x=nan: finite numbers and text"
        assert misfit([1, math.inf], kind, "x")


def test_bind_compares_every_value_and_asks_for_a_mapping():
    def adam(*, lr: kinds.Rate, b1: kinds.Portion = 0.9):
        return lr, b1

    assert bind(adam, {"lr": 1}, at="config.optim.g")() == (1, 0.9)
    for node, text in {
        5: "config.optim.g=5: options by name, as config.optim.g.KEY=VALUE",
        "": "config.optim.g='': options by name",
        None: "config.optim.g=None: options by name",
    }.items():
        with pytest.raises(UserError, match=text):
            bind(adam, node, at="config.optim.g")
    with pytest.raises(UserError, match=r"^config.optim.g.b1=1: a finite number at least 0 and be"):
        bind(adam, {"lr": 1, "b1": 1}, at="config.optim.g")


def test_every_range_holds_its_functions_own_default():
    """Defaults are values like any other."""
    import importlib
    import inspect

    import optax

    from jaxgan.augment.diffaugment import Augment
    from jaxgan.config import registry
    from jaxgan.core.game import Game
    from jaxgan.core.network import Module
    from jaxgan.data.source import Source
    from jaxgan.losses.adversarial import Loss
    from jaxgan.losses.auxiliary import Auxiliary
    from jaxgan.losses.regularizers import Regularizer

    homes = {
        "jaxgan.nets": (Module,),
        "jaxgan.games": (Game,),
        "jaxgan.losses": (Loss, Auxiliary, Regularizer),
        "jaxgan.augment": (Augment,),
        "jaxgan.data.sources": (Source,),
        "jaxgan.core": (optax.GradientTransformation,),
    }
    checked = 0
    for home, of in homes.items():
        for file in registry.files(home):
            module = importlib.import_module(f"{home}.{file}")
            for fn in (fn for kind in of for fn in registry.offered(module, kind).values()):
                for p in inspect.signature(fn).parameters.values():
                    if p.default is not p.empty and p.name not in ("name", "parent"):
                        assert not misfit(p.default, p.annotation, f"{fn.__name__}.{p.name}")
                        checked += 1
    assert checked > 100
