"""Turns a Flax module into the two pure functions that a game needs."""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
from jax import Array

PyTree = Any
Module = nn.Module


class Net(NamedTuple):
    """Pure functions of one network; called, it returns the output alone.

    init: (key, *args) -> (params, stats).
    apply: (params, stats, *args, train, key, frozen) -> (output, stats). In training the batch's
      own moments are used, dropout and noise draw from `key`, and the returned stats are new, but
      for the collections named in `frozen`; without, the stats come back as they went in.
    """

    init: Callable[..., tuple[PyTree, PyTree]]
    apply: Callable[..., tuple[Any, PyTree]]

    def __call__(
        self, params: PyTree, stats: PyTree, *args: Any, train: bool, key: Array | None = None
    ) -> Array:
        """Returns the output of `apply`; statistics are read, and new ones dropped."""
        output: Array = self.apply(params, stats, *args, train=train, key=key)[0]
        return output


def mixing(run: Callable[[], Any]) -> list[str]:
    """Returns the kinds of layers that `run` calls, abstractly, and that mix a batch's samples."""
    found: dict[str, None] = {}

    def note(call: Callable[..., Any], args: Any, kwargs: Any, context: Any) -> Any:
        if getattr(context.module, "mixes_samples", False):
            found[type(context.module).__name__] = None
        return call(*args, **kwargs)

    with nn.intercept_methods(note):
        jax.eval_shape(lambda: run())  # a function that JAX has not traced: it caches those
    return list(found)


def pure(module: nn.Module) -> Net:
    """Splits a module's variables into parameters, which learn, and statistics, which are kept.

    The module is called as module(*args, train=bool), an absent condition being None; its random
    streams may be `dropout` and `noise`.
    """

    module = module.clone(name=None)  # a part of another module has a name there

    def init(key: Array, *args: Any) -> tuple[PyTree, PyTree]:
        stats = dict(module.init(key, *args, train=False))
        return stats.pop("params"), stats

    def apply(
        params: PyTree,
        stats: PyTree,
        *args: Any,
        train: bool,
        key: Array | None = None,
        frozen: tuple[str, ...] = (),
    ) -> tuple[Any, PyTree]:
        rngs = {} if key is None else {"dropout": key, "noise": key}
        variables = {"params": params, **stats}
        if not train:
            return module.apply(variables, *args, train=False, rngs=rngs), stats
        written = [name for name in stats if name not in frozen]
        out, new = module.apply(variables, *args, train=True, rngs=rngs, mutable=written)
        return out, stats | new

    return Net(init, apply)
