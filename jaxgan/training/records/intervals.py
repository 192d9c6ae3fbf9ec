"""config.log and config.checkpoint: how often a run logs, draws, evaluates and saves."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from jaxgan.config.kinds import Duration, Positive, Samples, Whole
from jaxgan.config.registry import bind
from jaxgan.core import growth as growing
from jaxgan.core.growth import Growth
from jaxgan.runtime.errors import UserError
from jaxgan.training.records import tracker

OR_NEVER = ("keep_every", "evaluate")  # intervals that may be 0


class Log(NamedTuple):
    """config.log: the intervals of scalars and of sample grids, and the number of samples.

    evaluate: interval at which metrics are computed, 0 for never. metrics: of jaxgan.evaluate, as
    in 'swd,kid'. n: samples, and real items, that they compare; 0 for jaxgan.evaluate's number.
    wandb: whether Weights & Biases has the same scalars and pictures, see records.tracker; '' not.
    """

    every: Duration = 50
    pictures: Duration = 500
    samples: Samples = 64
    evaluate: Duration = 0
    metrics: str = "swd"
    n: Whole = 0
    wandb: Literal["", "online", "offline"] = ""


class Save(NamedTuple):
    """config.checkpoint.

    every: interval of checkpoints. keep: how many of the latest are kept. keep_every: interval of
    those kept permanently, 0 for none. on_damage: whether a resume passes over checkpoints that
    are damaged, 'fallback', or refuses them, 'stop'.
    """

    every: Duration = 1000
    keep: Positive = 2
    keep_every: Duration = 0
    on_damage: Literal["fallback", "stop"] = "fallback"


def intervals(kind: Any, settings: Mapping[str, Any], at: str, growth: Growth, size: int) -> Any:
    """A `Log` or `Save` of the node at `at`, whose intervals become steps.

    Raises:
      UserError: an unknown option, an interval that is none, or a package that is missing.
    """
    node = bind(kind, settings, at=at)()
    if isinstance(node, Log):
        tracker.check(node.wandb)
    found = {}
    for name in node._fields:
        if name in ("every", "pictures", *OR_NEVER):
            length, key = getattr(node, name), f"{at}.{name}"
            found[name] = growing.interval(length, at=key, growth=growth, size=size)
            if not found[name] and name not in OR_NEVER:
                raise UserError(f"{key}={length!r}: at least 1 step")
    return node._replace(**found)
