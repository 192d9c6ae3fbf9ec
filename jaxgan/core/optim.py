"""Builds optax chains from the nodes under config.optim, one per player.

A node names one of the functions below: {'name': 'adam', 'lr': 2e-4, 'b1': 0.5}.
"""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxgan.config.kinds import NonNegative, Portion, Rate
from jaxgan.config.registry import Node, nearest, resolve
from jaxgan.core.growth import Growth, Stage
from jaxgan.runtime.errors import UserError

Decay = Literal["constant", "linear"]


def adam(
    *,
    updates: int,
    lr: Rate,
    b1: Portion = 0.9,
    b2: Portion = 0.999,
    eps: NonNegative = 1e-8,
    clip_value: NonNegative = 0.0,
    decay: Decay = "constant",
    decay_from: Portion = 0.0,
) -> optax.GradientTransformation:
    """Builds Adam (Kingma & Ba 2015); `decay` and `decay_from` as in `rate`.

    With clip_value > 0 each element of a gradient is clipped to [-clip_value, clip_value] first.
    """
    tx = optax.adam(rate(lr, decay, decay_from, updates), b1=b1, b2=b2, eps=eps)
    return optax.chain(optax.clip(clip_value), tx) if clip_value else tx


def rmsprop(
    *,
    updates: int,
    lr: Rate,
    rho: Portion = 0.99,
    eps: NonNegative = 1e-8,
    clip: NonNegative = 0.0,
    clip_value: NonNegative = 0.0,
    decay: Decay = "constant",
    decay_from: Portion = 0.0,
) -> optax.GradientTransformation:
    """Builds RMSProp; with clip > 0 weights are clipped to [-clip, clip] (WGAN, Algorithm 1).

    clip_value clips gradients, see `adam`.
    """
    tx = optax.rmsprop(rate(lr, decay, decay_from, updates), decay=rho, eps=eps, eps_in_sqrt=False)
    tx = optax.chain(optax.clip(clip_value), tx) if clip_value else tx
    return optax.chain(tx, clip_weights(clip)) if clip else tx


def sgd(
    *,
    updates: int,
    lr: Rate,
    momentum: Portion = 0.0,
    decay: Decay = "constant",
    decay_from: Portion = 0.0,
) -> optax.GradientTransformation:
    """Builds stochastic gradient descent with heavy-ball momentum."""
    return optax.sgd(rate(lr, decay, decay_from, updates), momentum or None)


def rate(lr: float, decay: Decay, decay_from: float, updates: int) -> optax.ScalarOrSchedule:
    """Returns a constant rate, or one that falls linearly to 0 from the part `decay_from` on."""
    if decay == "constant":
        return lr
    start = int(decay_from * updates)
    return optax.linear_schedule(lr, 0.0, updates - start, transition_begin=start)


def clip_weights(bound: float) -> optax.GradientTransformation:
    """Clips weights to [-bound, bound] by changing their updates; the last of a chain."""

    def clip(updates: Any, params: Any) -> Any:
        return jax.tree.map(lambda u, p: jnp.clip(p + u, -bound, bound) - p, updates, params)

    return optax.stateless(clip)


class Restarted(NamedTuple):
    """The state of `restarted`: updates made, and the chain's own state."""

    moves: jax.Array
    own: Any


def restarted(
    tx: optax.GradientTransformation, starts: Sequence[int], rates: Sequence[float]
) -> optax.GradientTransformation:
    """Resets the chain's state at each of the updates `starts`, ascending from 0.

    From update starts[i] on, updates are multiplied by rates[i]: with Adam, the learning rate is.
    """

    def init(params: Any) -> Restarted:
        return Restarted(jnp.zeros((), jnp.int32), tx.init(params))

    def update(grads: Any, state: Restarted, params: Any = None) -> tuple[Any, Restarted]:
        steps = jnp.array(starts)
        reset = jnp.any(steps == state.moves)
        own = jax.tree.map(lambda new, old: jnp.where(reset, new, old), tx.init(params), state.own)
        updates, own = tx.update(grads, own, params)
        rate = jnp.array(rates)[jnp.sum(steps <= state.moves) - 1]
        updates = jax.tree.map(lambda u: u * rate.astype(u.dtype), updates)
        return updates, Restarted(state.moves + 1, own)

    return optax.GradientTransformation(init, update)


class Optim:
    """Builds each player's chain from its node under config.optim, for a run of `steps` steps.

    In a growing run each stage sets its own rate, and the chains are reset where a stage begins and
    where its fade ends: whenever the authors' level of detail passes an integer, its floor or its
    ceiling changes (tkarras/progressive_growing_of_gans, train.py; NVlabs/stylegan,
    training/training_loop.py).
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        steps: int,
        growth: Growth | None = None,
        rate: float = 1.0,
    ):
        """Takes the nodes of a run of `steps` steps, whose every lr is multiplied by `rate`."""
        self._nodes = nodes
        self._steps = steps
        self._rate = rate
        self._stages = growth.stages if growth else ()
        self._made: set[str] = set()

    def __call__(
        self, player: str, every: int = 1, lazy: Sequence[int] = (), idle: Sequence[int] = ()
    ) -> optax.GradientTransformation:
        """Builds the chain of a player that moves every `every`-th step.

        Each interval k of `lazy` is one more update on every k-th step, for a lazy regularizer.
        Adam's rate and betas become lr c, b1^c, b2^c with c = 1 / (1 + sum of every / k), so that
        all updates together go as far as its own did: for a single one beside a player of every
        step, c = k / (k + 1) (Karras et al. 2020a, appendix B). A decay ends with the last update
        of all. Intervals of `idle` count in c alone: those of regularizers of weight 0, for which
        the authors' loop corrects too but which make no updates (stylegan2-ada-pytorch,
        training_loop.py).

        Raises:
          UserError: no node for the player, an unknown optimizer or option, or lazy regularization
            of another optimizer than Adam.
        """
        if player not in self._nodes:
            raise UserError(
                f"config.optim has no {player!r}: this game's player needs an optimizer"
            )
        self._made.add(player)
        node, at = self._nodes[player], f"config.optim.{player}"
        chain = resolve(
            node,
            "jaxgan.core.optim",
            kind=optax.GradientTransformation,
            at=at,
            given=("updates",),
            takes=("updates",),
        )
        if self._rate != 1:
            chain = functools.partial(chain, lr=chain.keywords["lr"] * self._rate)
        moves = max(1, self._steps // every)
        if len(self._stages) > 1:
            return self._grown(chain, moves, every, bool(lazy or idle), at)
        if not (lazy or idle):
            return chain(updates=moves)
        if chain.func is not adam:
            raise UserError(
                f"{at}: lazy regularization (an interval above 1) is corrected for adam only; use "
                "adam, or regularize at every step"
            )
        c = 1 / (1 + sum(every / k for k in (*lazy, *idle)))
        options = {"b1": 0.9, "b2": 0.999, **chain.keywords}
        options |= {"lr": options["lr"] * c, "b1": options["b1"] ** c, "b2": options["b2"] ** c}
        return chain(**options, updates=moves + sum(self._steps // k for k in lazy))

    def _grown(
        self, chain: Any, moves: int, every: int, lazy: bool, at: str
    ) -> optax.GradientTransformation:
        options = chain.keywords
        if lazy or options.get("decay", "constant") != "constant" or options.get("clip"):
            # Each stage would restart the decay, and its rate would undo the clipping.
            raise UserError(
                f"{at}: a growing game takes neither decay, clip nor lazy regularization; "
                "config.growth.rate sets the rate by resolution"
            )
        rates = {}
        for stage in self._stages:
            for step in (stage.start, stage.start + stage.fade):
                rates[step // every] = stage.rate
        return restarted(chain(updates=moves), list(rates), list(rates.values()))

    def within(self, stage: Stage) -> "Optim":
        """Returns what builds the chains of players that move in one stage of a run alone.

        Their rates fall over that stage, and are multiplied by its `rate`; nothing restarts.
        """
        stop = self._steps if stage.stop is None else min(stage.stop, self._steps)
        own = Optim(self._nodes, max(1, stop - stage.start), rate=stage.rate)
        own._made = self._made  # what one stage reads is read
        return own

    def has(self, player: str) -> bool:
        """Returns whether config.optim has a node of this name."""
        return player in self._nodes

    def check_all_made(self) -> None:
        """Raises UserError when config.optim has a node for a player that the game lacks."""
        for player in set(self._nodes) - self._made:
            raise UserError(f"config.optim.{player}: no such player{nearest(player, self._made)}")
