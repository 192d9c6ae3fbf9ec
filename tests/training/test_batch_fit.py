"""Nets of another kind, and runs that cannot fit into memory, are refused before compiling."""

from pathlib import Path

import jax
import jax.numpy as jnp
import pytest

from jaxgan import config as configs
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.core.growth import fixed
from jaxgan.runtime import capacity
from jaxgan.runtime.errors import UserError
from jaxgan.training import batch_fit
from jaxgan.training.setup import GIVEN, prepare

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def run():
    config = configs.load(f"{ROOT}/experiments/gan.py:smoke").to_dict()
    return bind(prepare, config, at="config", given=GIVEN)()


@pytest.mark.parametrize(
    ("part", "text"),
    [
        ({"critic": lambda state, batch: batch["image"]}, r"game.d judges 8 items by \(8, 28, 28"),
        (
            {"critic": lambda state, batch: jnp.zeros((8, 1))},
            r"game.d judges 8 items by \(8, 1\); needs \(8,\)",
        ),
        (
            {"sample": lambda state, drawn, key: drawn["z"]},
            r"game.g draws items \(64,\), the data are \(28, 28, 1\)",
        ),
    ],
    ids=["images", "columns", "latents"],
)
def test_outputs_of_another_shape_are_refused(run, part, text):
    source = run.feeds[0].source
    batch_fit.check(run.game, fixed(28, 8), source, 4)
    with pytest.raises(UserError, match=f"^config.{text}"):
        batch_fit.check(run.game._replace(**part), fixed(28, 8), source, 4)


def test_memory_that_is_too_small_is_said_with_its_numbers(run, monkeypatch):
    source = run.feeds[0].source
    state = jax.eval_shape(lambda: core.init(run.game, jax.random.key(0)))
    size = batch_fit.nbytes(state)
    monkeypatch.setattr(capacity, "memory", lambda: 10 * size)
    batch_fit.check(run.game, fixed(28, 8), source, 4)
    needed = capacity.size(20 * size)
    with pytest.raises(UserError, match=f"^{needed} of parameters.*lower config.batch.*seeds$"):
        batch_fit.check(run.game, fixed(28, 8), source, 4, seeds=20)
    with pytest.raises(UserError, match="images of a batch.*do not fit"):
        batch_fit.check(run.game, fixed(28, 2**20), source, 4)


def test_products_are_found_wherever_a_program_has_them():
    def scanned(x):
        return jax.lax.scan(lambda h, _: (h @ h, None), jnp.tanh(x), None, length=3)[0] @ x[:, :2]

    assert batch_fit.products(jax.make_jaxpr(scanned)(jnp.zeros((4, 4))).jaxpr) == [64, 32]
