"""The core: an adversarial game is data, and a step of it is a pure function.

A game has players (whose parameters move, and by which optax chain) and turns (who moves, by which
loss, how often). `step` plays the turns that are due, in order. All that a run must keep is in
`State`; all randomness follows from one key, the step and the turn's name.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import flax.struct
import jax
import jax.numpy as jnp
import optax

from jaxgan.core import slices
from jaxgan.core.averages.ema import Decay
from jaxgan.core.averages.moved import averaged
from jaxgan.core.averages.power import net_of
from jaxgan.core.finite import finite
from jaxgan.core.inputs import Inputs
from jaxgan.core.keys import named

if TYPE_CHECKING:
    from jaxgan.core.schedule import Now

PyTree = Any
Nets = Mapping[str, PyTree]  # one entry per net: its parameters, or its running statistics
Batch = Mapping[str, jax.Array]  # one entry per column of the data


class Spec(NamedTuple):
    """The shape of the data.

    shape: one item's shape, (H, W, C) for images.
    classes: number of integer labels, 0 when there are none.
    condition_dim: length of the condition vectors, 0 when there are none.
    other: an item's shape in the second domain, () when there is one domain.
    """

    shape: tuple[int, ...]
    classes: int = 0
    condition_dim: int = 0
    other: tuple[int, ...] = ()


class Aux(NamedTuple):
    """What a turn's loss returns besides its value.

    metrics: scalars to log. stats: new statistics, only of nets the turn trains. memory: new
    values of entries of `State.memory`. passed: columns that the step's later turns find in their
    batch, such as the fakes that a generator was judged by before it moved; constants to them.
    """

    metrics: Mapping[str, jax.Array] = {}
    stats: Nets = {}
    memory: Mapping[str, PyTree] = {}
    passed: Batch = {}


class Player(NamedTuple):
    """The nets whose parameters move together, and the optax chain that moves them."""

    nets: tuple[str, ...]
    tx: optax.GradientTransformation


class State(flax.struct.PyTreeNode):
    """All that a run keeps from step to step, and all that a checkpoint holds."""

    step: jax.Array  # int32, steps taken
    params: dict[str, PyTree]  # by net
    stats: dict[str, PyTree]  # by net: BatchNorm moments, spectral vectors
    memory: dict[str, PyTree]  # by name: image pools, running means
    opt: dict[str, PyTree]  # by player
    ema: dict[str, PyTree]  # by net, and "net@width": averaged parameters


TurnLoss = Callable[[Nets, State, Batch, jax.Array], tuple[jax.Array, Aux]]


class Turn(NamedTuple):
    """One move: `player` descends `loss(params, state, batch, key) -> (scalar, Aux)`.

    It is played on every `every`-th step of `span`, (start, stop), where stop None means to the
    end. A turn without a player updates memory only. Its metrics are logged under `label`, by
    default its name: turns of consecutive spans share a label.
    """

    name: str
    player: str | None
    loss: TurnLoss
    every: int = 1
    span: tuple[int, int | None] = (0, None)
    label: str = ""


Drawn = Mapping[str, jax.Array]  # drawn inputs, one entry per input that a game declares


class Styles(NamedTuple):
    """The intermediate latents w of a style-based generator (Karras et al. 2019).

    Of the averaged parameters, with constant noise, in float32: differences of 1e-4 in w show.

    map: (state, drawn inputs) -> w (N, w_dim).
    synthesize: (state, ws (N, layers, w_dim)) -> images (N, H, W, C), not clipped.
    mean: state -> w_avg (w_dim,), towards which samples are truncated.
    layers: how many ws an image takes. truncated: in how many of the first samples are truncated.
    psi: by how much they are, unless they say; 1 is none.
    """

    map: Callable[[State, Drawn], jax.Array]
    synthesize: Callable[[State, jax.Array], jax.Array]
    mean: Callable[[State], jax.Array]
    layers: int
    truncated: int
    psi: float = 1.0


class Standing(NamedTuple):
    """Standing statistics: the moments of BatchNorm that samples are drawn with, taken anew.

    batches: over how many batches of samples. moments: (state, drawn inputs, key) -> by net the
    collection batch_stats of that batch alone, at the parameters that samples are drawn with.
    """

    batches: int
    moments: Callable[[State, Drawn, jax.Array], Nets]


class Game(NamedTuple):
    """A recipe.

    init: key -> (params, stats, memory), each a dict as in `State`.
    players, turns: who plays, and in what order.
    inputs: what samples are drawn from, see core.inputs.
    sample: (state, drawn inputs, key) -> (n, *shape) float array, images in [-1, 1].
    critic: (state, batch) -> (n,), the critic's logits of batch["image"], for diagnostics.
    ema: net -> decay or half-life of its averaged parameters, see averages.ema; "net@width" ->
      that of a power function, beside it, see averages.power.
    styles: of a style-based generator; None elsewhere.
    target: the column of the data that samples should resemble.
    now: step, traced -> the game that is played at it, where numbers of it have schedules, see
      core.schedule; this one is then that of step 0.
    strips: (state, batch of n, key) -> (n, k, H, W, C), k pictures that show what becomes of each
      item; None where samples say it all.
    translators: of a game of two domains, by direction: (state, images (N, H, W, C), key) -> images
      (N, H, W, C'), both in [-1, 1].
    mixes: what in the losses compares the samples of a batch, by name.
    accumulate: slices of a batch whose gradients are averaged, see core.slices. per_device: whether
      a step sees a device's share of the batch, and averages over the devices of the mesh.
    standing: how commands that draw samples replace BatchNorm's running moments; None where not.
    """

    init: Callable[[jax.Array], tuple[Nets, Nets, Mapping[str, PyTree]]]
    players: Mapping[str, Player]
    turns: tuple[Turn, ...]
    inputs: Inputs
    sample: Callable[[State, Drawn, jax.Array], jax.Array]
    critic: Callable[[State, Batch], jax.Array]
    ema: Mapping[str, Decay]
    styles: Styles | None = None
    target: str = "image"
    strips: Callable[[State, Batch, jax.Array], jax.Array] | None = None
    translators: Mapping[str, Callable[[State, jax.Array, jax.Array], jax.Array]] = {}
    now: "Now | None" = None
    mixes: tuple[str, ...] = ()
    accumulate: int = 1
    per_device: bool = False
    standing: Standing | None = None


def init(game: Game, key: jax.Array) -> State:
    """Returns the state before the first step."""
    params, stats, memory = game.init(key)
    return State(
        step=jnp.zeros((), jnp.int32),
        params=dict(params),
        stats=dict(stats),
        memory=dict(memory),
        opt={name: p.tx.init(_own(params, p)) for name, p in game.players.items()},
        ema={name: jax.tree.map(jnp.copy, params[net_of(name)]) for name in game.ema},
    )


def due(game: Game, t: int) -> tuple[str, ...]:
    """Returns the names of the turns that play at step t (from 0).

    Decided on the host, hence static under jit. A turn with every = k plays on the last of each k
    steps: a critic has moved k times before the generator moves.
    """
    return tuple(turn.name for turn in game.turns if (t + 1) % turn.every == 0 and _spans(turn, t))


def step(
    game: Game, state: State, batch: Batch, key: jax.Array, *, turns: tuple[str, ...]
) -> tuple[State, dict[str, jax.Array]]:
    """Plays the named turns in the game's order and returns the new state and their metrics.

    The step, then the turn's name, are folded into the key: a run is a function of its config and
    seed alone, and adding a turn does not change the randomness of others.
    """
    metrics: dict[str, jax.Array] = game.now.readings(state.step) if game.now else {}
    game = at(game, state.step)
    key = jax.random.fold_in(named(key, "steps"), state.step)
    images = len(next(iter(batch.values()))) if batch else 0
    images *= jax.lax.axis_size(slices.AXIS) if game.per_device else 1
    moved: set[str] = set()
    for turn in game.turns:
        if turn.name in turns:
            state, own_metrics, passed = play(game, turn, state, batch, named(key, turn.name))
            batch = {**batch, **passed}
            label = turn.label or turn.name
            metrics |= {f"{label}/{name}": value for name, value in own_metrics.items()}
            moved |= set(game.players[turn.player].nets) if turn.player else set()
    ema = averaged(game, state, moved, images)
    return state.replace(step=state.step + 1, ema=ema), metrics


def play(
    game: Game, turn: Turn, state: State, batch: Batch, key: jax.Array
) -> tuple[State, dict[str, jax.Array], Batch]:
    """Plays one turn and returns the new state, its metrics, and columns for later turns.

    Only the player's own nets are differentiated, updated, or given new statistics. The metric
    `finite` is 1.0 if all new parameters, statistics and memory are finite, else 0.0: a loss tells
    of the parameters before the update only.
    """
    if turn.player is None:
        whole = slices.gathered(batch) if game.per_device else batch
        loss, aux = turn.loss(state.params, state, whole, key)
        _only(aux.stats, (), turn)
        metrics = {"loss": loss, "finite": finite(aux.memory), **aux.metrics}
        return state.replace(memory={**state.memory, **aux.memory}), metrics, aux.passed

    player = game.players[turn.player]

    def loss_of(own: Nets, batch: Batch, key: jax.Array) -> tuple[jax.Array, Aux]:
        return turn.loss({**state.params, **own}, state, batch, key)

    own = _own(state.params, player)
    how = game.accumulate, game.per_device
    (loss, aux), grads = slices.gradients(loss_of, own, batch, key, *how)
    _only(aux.stats, player.nets, turn)
    updates, opt = player.tx.update(grads, state.opt[turn.player], own)
    own = optax.apply_updates(own, updates)
    state = state.replace(
        params=state.params | own,
        stats={**state.stats, **aux.stats},
        memory={**state.memory, **aux.memory},
        opt=state.opt | {turn.player: opt},
    )
    # The barrier keeps XLA from materializing the squared gradients to share them with Adam.
    norm = optax.tree.norm(jax.tree.map(jax.lax.optimization_barrier, grads))
    whole = finite((own, aux.stats, aux.memory))
    metrics = {"loss": loss, "grad_norm": norm, "finite": whole, **aux.metrics}
    return state, metrics, aux.passed


def at(game: Game, step: jax.Array) -> Game:
    """Returns the game that is played at a step: another one where numbers have schedules."""
    if not game.now:
        return game
    now = game.now(step)
    return now._replace(
        accumulate=game.accumulate, per_device=game.per_device, ema={**game.ema, **now.ema}
    )


def _spans(turn: Turn, t: int) -> bool:
    start, stop = turn.span
    return start <= t and (stop is None or t < stop)


def _own(params: Nets, player: Player) -> dict[str, PyTree]:
    return {net: params[net] for net in player.nets}


def _only(stats: Nets, nets: tuple[str, ...], turn: Turn) -> None:
    if foreign := set(stats) - set(nets):
        raise ValueError(
            f"turn {turn.name!r} wrote statistics of {foreign}, which it does not train"
        )
