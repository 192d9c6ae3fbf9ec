"""Power-function averages of parameters, of any width after training (Karras et al. 2024, sec. 3).

The average after t updates weighs what update s made by the power function (s / t)^gamma, so it
forgets initial weights without a warm-up and looks alike at all lengths of training. Its width is
the standard deviation of that profile relative to t. Averages of a few widths, kept at several
times, span those of others: the best combination of their profiles follows by least squares.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

MOST = 0.28  # the width of exponent 0, a mean of all parameters, is sqrt(1/12) = 0.289
MARK = "@"  # between a net's name and a width, in State.ema


class Power(NamedTuple):
    """A power-function average of a relative width, above 0 and at most MOST."""

    width: float

    def share(self, updates: jax.Array) -> jax.Array:
        """Returns how far update number `updates`, from 0, moves the average.

        1 - (1 - 1/t)^(gamma + 1), where t counts the updates with it. By logarithms: in float32,
        1 - share would be rounded to 1.
        """
        t = updates.astype(jnp.float32) + 1
        return -jnp.expm1((exponent(self.width) + 1) * jnp.log1p(-1 / t))


class Profile(NamedTuple):
    """The weights of an average: its exponent, and after how many updates it was taken."""

    gamma: float
    updates: int


def exponent(width: float) -> float:
    """Returns gamma of a width, whose square is (gamma + 1) / ((gamma + 2)^2 (gamma + 3))."""
    square = width**-2
    roots = np.roots([1.0, 7.0, 16.0 - square, 12.0 - square])
    return float(roots.real.max())


def named(net: str, width: float) -> str:
    """Returns the key of a net's average in State.ema."""
    return f"{net}{MARK}{width:g}"


def net_of(name: str) -> str:
    """Returns the net that an entry of State.ema averages."""
    return name.partition(MARK)[0]


def plain(ema: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the entries of State.ema without those of power functions."""
    return {name: value for name, value in ema.items() if MARK not in name}


def inner(a: Profile, b: Profile) -> float:
    """Computes the integral of the product of two profiles, each of which integrates to 1.

    A profile is (gamma + 1) / t (s / t)^gamma for s from 0 to t, and 0 beyond.
    """
    first, last = sorted((a, b), key=lambda each: each.updates)
    scale = (a.gamma + 1) * (b.gamma + 1) / (a.gamma + b.gamma + 1) / last.updates
    return float(scale * (first.updates / last.updates) ** last.gamma)


def combine(given: Sequence[Profile], wanted: Profile) -> tuple[np.ndarray, float]:
    """Finds the combination of profiles that is nearest to another one, with coefficients of sum 1.

    Without that sum all that does not change in training, most of the parameters, would be scaled.

    Returns:
      Coefficients, float64 (len(given),); the distance that is left, relative to the norm of
      `wanted`.
    """
    gram = np.array([[inner(a, b) for b in given] for a in given])
    right = np.array([inner(a, wanted) for a in given])
    # Profiles differ in scale by their times; normalized ones make a matrix that can be solved.
    norms = np.sqrt(np.diag(gram))
    ones = norms.min() / norms
    bordered = np.block([[gram / np.outer(norms, norms), ones[:, None]], [ones, np.zeros(1)]])
    solved = np.linalg.lstsq(bordered, np.append(right / norms, norms.min()), rcond=1e-12)[0]
    found = solved[:-1] / norms
    square = inner(wanted, wanted)
    left = square - 2 * right @ found + found @ gram @ found
    return found, math.sqrt(max(left, 0.0) / square)
