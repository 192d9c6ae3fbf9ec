"""What this package's primitives are in terms of lax's, for programs that know only the latter."""

from collections.abc import Callable

from jax import Array
from jax.extend.core import Primitive

rules: dict[Primitive, Callable[..., Array]] = {}  # primitive -> f(operands, **its parameters)
