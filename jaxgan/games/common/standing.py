"""Standing statistics of a generator's BatchNorm (Brock et al. 2019, section 2 and appendix B)."""

from typing import Any

import jax
import jax.numpy as jnp

from jaxgan.core.game import Drawn, Nets, Standing, State
from jaxgan.core.network import Net
from jaxgan.games.common.build import AT
from jaxgan.runtime.errors import UserError

COLLECTION = "batch_stats"


def check(standing: Standing | None, stats: Any) -> None:
    """Refuses standing statistics of a generator whose `stats`, abstract or not, have no moments.

    Raises:
      UserError: says so.
    """
    if standing and COLLECTION not in stats:
        raise UserError(
            f"{AT}.standing={standing.batches}: {AT}.g has no BatchNorm, of whose moments these "
            f"are; set {AT}.standing=0"
        )


def build(net: Net, name: str, batches: int, condition: str) -> Standing | None:
    """Builds what config.game.standing asks for: moments over so many batches; None for 0.

    Args:
      net, name: the generator, and what it is called in the state.
      batches: how many.
      condition: of the game.

    Raises:
      UserError: the generator takes vectors, of which none are known without the data.
    """
    if batches and condition == "condition":
        raise UserError(
            f"{AT}.standing={batches}: standing statistics draw their own inputs, and vectors are "
            f"the data's; set {AT}.standing=0"
        )

    def moments(state: State, inputs: Drawn, key: jax.Array) -> Nets:
        params, stats = {**state.params, **state.ema}[name], state.stats[name]
        z, y = inputs["z"], inputs.get("y")

        def moved(running: Any) -> Any:
            kept = stats | {COLLECTION: running}
            new = net.apply(params, kept, z, y, train=True, key=key, frozen=("spectral",))[1]
            return new.get(COLLECTION, {})

        # Running moments r become m r + (1 - m) b, of whatever m a layer has: at r = 0, b follows.
        running = stats.get(COLLECTION, {})
        zeros, ones = (jax.tree.map(like, running) for like in (jnp.zeros_like, jnp.ones_like))
        new, momentum = jax.jvp(moved, (zeros,), (ones,))
        batch = jax.tree.map(lambda x, m: x / (1 - m), new, momentum)
        return {name: {COLLECTION: batch}}

    return Standing(batches, moments) if batches else None
