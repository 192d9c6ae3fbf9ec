"""Counts the floating-point operations that a function requires, from its jaxpr.

Only matrix products and convolutions count, 2 for each multiply-add; all else is small beside
them. The count depends on the mathematics alone, so any implementation's time can be compared with
it:

- a strided or transposed convolution, and each of its gradients, costs N H' W' C_out kh kw C_in,
  where H' W' is the size on its strided side. Zeros inserted between pixels cost nothing; padding
  around the image counts as pixels, as is customary.
- XLA's cost analysis counts what the compiled program does instead: inserted zeros, element-wise
  work, recomputation; but the body of a loop only once.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import jax
from jax.extend.core import Jaxpr, jaxprs_in_params

Shape = Sequence[int]


def count(fn: Callable, *args: Any) -> int:
    """Returns the floating-point operations of fn(*args); args may be `jax.ShapeDtypeStruct`s.

    A `cond` counts as its most expensive branch; a `while`, whose length the jaxpr does not
    contain, as one iteration.
    """
    return 2 * multiply_adds(jax.make_jaxpr(fn)(*args).jaxpr)


def multiply_adds(jaxpr: Jaxpr) -> int:
    """Counts the multiply-adds of products and convolutions in a jaxpr and those it calls."""
    return sum(_equation(eqn) for eqn in jaxpr.eqns)


def _equation(eqn: Any) -> int:
    name = eqn.primitive.name
    if name in _COUNTS:
        (out, *_), shapes = eqn.outvars, [tuple(v.aval.shape) for v in eqn.invars]
        return _COUNTS[name](eqn.params, *shapes[:2], tuple(out.aval.shape))
    inner = [multiply_adds(jaxpr) for jaxpr in jaxprs_in_params(eqn.params)]
    if name == "cond":
        return max(inner)
    return sum(inner) * eqn.params.get("length", 1) if name == "scan" else sum(inner)


def _dot_general(params: dict[str, Any], a: Shape, b: Shape, out: Shape) -> int:
    del b
    (contracted, _), _ = params["dimension_numbers"]
    return math.prod(out) * math.prod(a[axis] for axis in contracted)


def _lax_conv(params: dict[str, Any], x: Shape, w: Shape, out: Shape) -> int:
    del x
    _, features_in, *space = params["dimension_numbers"].rhs_spec
    taps = math.prod(w[axis] for axis in space) * w[features_in]
    # Most taps meet the zeros that dilation inserts between pixels.
    return math.prod(out) * taps // math.prod(params["lhs_dilation"])


def _conv(y: Shape, w: Shape) -> int:
    """Counts one of nets.ops.conv's three primitives: each tap meets each strided pixel once.

    y: (..., N, H', W', C_out), on the strided side. w: (..., kh, kw, C_in, C_out).
    """
    return math.prod(y) * math.prod(w[-4:-1])


def _doubled_conv(y: Shape, w: Shape) -> int:
    """Counts one of nets.ops.conv_resized's primitives.

    Of the k k taps of a kernel on a doubled image few meet different pixels.

    y: (..., N, 2 H, 2 W, C_out), on the doubled side. w: (..., k, k, C_in, C_out).
    """
    return math.prod(y) * w[-2] * (w[-4] + 1) * (w[-3] + 1) // 4


def _grouped_conv(y: Shape, w: Shape) -> int:
    """Counts one of nets.ops.conv_grouped's primitives.

    y: (..., N, H', W', G, C_out). w: (..., kh, kw, G, C_in, C_out).
    """
    return math.prod(y) * w[-5] * w[-4] * w[-2]


_COUNTS: dict[str, Callable[..., int]] = {
    "dot_general": _dot_general,
    "conv_general_dilated": _lax_conv,
    "jaxgan_conv": lambda params, x, w, y: _conv(y, w),
    "jaxgan_conv_input_grad": lambda params, y, w, x: _conv(y, w),
    "jaxgan_conv_weight_grad": lambda params, x, y, w: _conv(y, w),
    "jaxgan_doubled_conv": lambda params, x, w, y: _doubled_conv(y, w),
    "jaxgan_doubled_conv_input_grad": lambda params, y, w, x: _doubled_conv(y, w),
    "jaxgan_doubled_conv_weight_grad": lambda params, x, y, w: _doubled_conv(y, w),
    "jaxgan_grouped_conv": lambda params, x, w, y: _grouped_conv(y, w),
    "jaxgan_grouped_conv_input_grad": lambda params, y, w, x: _grouped_conv(y, w),
    "jaxgan_grouped_conv_weight_grad": lambda params, x, y, w: _grouped_conv(y, w),
}
