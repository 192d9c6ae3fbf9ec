"""A run that diverges: which turn is named, and that such states are not saved."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan.core.game import Aux, Game, Player, Turn, init
from jaxgan.training.dispatch import dispatch
from jaxgan.training.divergence import Detector, Diverged
from jaxgan.training.step import train_step

KEY = jax.random.key(0)
RATES = {"d": 0.1, "g": 0.01}


def game(breaks=None, at=0, every=1):
    """d and g descend a parabola each; from step `at` the gradient of `breaks` is infinite."""

    def loss(net):
        def of(params, state, batch, key):
            huge = jnp.where((state.step >= at) & (net == breaks), jnp.inf, 1.0)
            return params[net] * jax.lax.stop_gradient(huge), Aux()

        return of

    nets = {"d": jnp.float32(1), "g": jnp.float32(2)}
    return Game(
        init=lambda key: (nets, {"d": {}, "g": {}}, {}),
        players={net: Player((net,), optax.sgd(rate)) for net, rate in RATES.items()},
        turns=(Turn("d", "d", loss("d")), Turn("g", "g", loss("g"), every=every)),
        inputs={},
        sample=lambda state, inputs, key: state.params["g"],
        critic=lambda state, batch: state.params["d"],
        ema={},
    )


@pytest.mark.parametrize(
    ("breaks", "at", "every", "named"),
    [
        ("d", 0, 1, "step 20, turn 'd'"),
        ("g", 20 + 7, 1, "step 27, turn 'g'"),
        ("g", 20 + 6, 5, "step 29, turn 'g'"),
        ("d", 20 + 9, 5, "step 29, turn 'd'"),
    ],
)
def test_the_step_and_the_turn_are_exact_within_a_dispatch(breaks, at, every, named):
    def step(state, batch, key, *, turns):
        return train_step(played, state, batch, key, turns=turns)

    played = game(breaks, at, every)
    state = init(played, KEY).replace(step=jnp.int32(20))
    batches = {"image": jnp.zeros((10, 1, 1))}
    run, turns = dispatch(step, played, 10, "cpu")
    _, metrics = run(state, batches, KEY, turns=turns(20))
    with pytest.raises(Diverged, match=f"{named}: .*; stopped. Step 10 is saved"):
        Detector(played, RATES).check(metrics, 20, 10, 10)


def test_the_first_of_two_turns_is_named_not_the_one_with_the_lower_mean():
    """d's mean 0.7 is step 7; g plays at 4 and 9 and its mean 0.5 is step 9."""
    detector = Detector(game(every=5), RATES)
    row = {"d/loss": 1.0, "g/loss": 1.0, "d/finite": 0.7, "g/finite": 0.5}
    with pytest.raises(Diverged, match="step 7, turn 'd': its update is not finite"):
        detector.check(row, 0, 10, None)
    with pytest.raises(Diverged, match="step 4, turn 'g'"):
        detector.check(row | {"g/finite": 0.0}, 0, 10, None)


def test_the_remedy_names_the_player_at_fault_or_all():
    detector = Detector(game(), RATES)
    row = {"d/loss": 1.0, "g/loss": 1.0, "d/finite": 1.0, "g/finite": 0.0}
    with pytest.raises(Diverged, match="No checkpoint yet; lower config.optim.g.lr=0.01, or"):
        detector.check(row, 3, 1, None)
    text = "step 3, turn 'g': its loss is nan; .*lower config.optim.d.lr=0.1 or config.optim.g.lr"
    with pytest.raises(Diverged, match=text):
        detector.check(row | {"g/loss": np.nan}, 3, 1, None)


def test_seeds_are_told_apart():
    detector = Detector(game(), RATES)
    row = {name: np.ones(3) for name in ("d/loss", "d/finite", "g/loss", "g/finite")}
    detector.check(row, 0, 10, None)
    row["g/finite"] = np.array([1.0, 0.5, 0.6])
    with pytest.raises(Diverged, match="step 5, turn 'g' of replica 1"):
        detector.check(row, 0, 10, None)


def test_other_metrics_are_checked_too():
    detector = Detector(game(), RATES)
    row = {"d/loss": 1.0, "d/finite": 1.0, "d/real": np.inf}
    with pytest.raises(Diverged, match="steps 50 to 59, turn 'd': real is inf"):
        detector.check(row, 50, 10, None)


def test_a_state_is_checked_before_it_is_saved():
    played = game()
    state, detector = init(played, KEY), Detector(played, RATES)
    detector.check_state(state, 4, None)
    bad = state.replace(opt=state.opt | {"g": (jnp.float32(np.inf),)})
    text = "after step 4: opt.g not finite, .*not saved. Step 2 is saved; lower config.optim.g.lr="
    with pytest.raises(Diverged, match=text):
        detector.check_state(bad, 4, 2)
