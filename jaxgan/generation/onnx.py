"""Writes a function of arrays as an ONNX file, by jax2onnx.

jax2onnx knows lax's primitives but not this package's, ignores how far the images of a convolution
are dilated, and pads no batch of unknown size. So the function is first rewritten, primitive by
primitive, into those that it has.
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax
from jax.extend import core

from jaxgan.nets.ops import plain
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError

Specs = Mapping[str, jax.ShapeDtypeStruct]
CALLS = {"jit": "jaxpr", "pjit": "jaxpr", "custom_jvp_call": "call_jaxpr"}


def write(path: Path, function: Callable[..., Array], specs: Specs, output: str) -> None:
    """Writes an .onnx file.

    Args:
      path: the file.
      function: of arrays by name, to one array.
      specs: its inputs' shapes, in which a symbolic dimension is a size of any value.
      output: the name of what it returns.

    Raises:
      UserError: jax2onnx is not installed.
    """
    try:
        from jax2onnx import to_onnx
    except ModuleNotFoundError:
        raise UserError(f"--out={path}: ONNX needs pip install -e '.[onnx]'") from None

    def of_rows(*rows: Array) -> Array:
        return function(**dict(zip(specs, rows, strict=True)))

    jaxpr = jax.make_jaxpr(partial(rewritten, of_rows))(*specs.values())
    evaluated = core.jaxpr_as_fun(jaxpr)
    with _quiet():
        model = to_onnx(
            lambda *rows: evaluated(*rows)[0],
            list(specs.values()),
            model_name="jaxgan",
            input_names=list(specs),
            output_names=[output],
        )
    with files.replacing(path) as file:
        file.write(model.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences warnings of jax2onnx about plug-ins for packages that are not used here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def rewritten(function: Callable[..., Array], *rows: Array) -> Array:
    """Calls a function of arrays with its operations replaced by those that ONNX has."""
    jaxpr = jax.make_jaxpr(function)(*rows)
    return _run(jaxpr.jaxpr, jaxpr.consts, rows)[0]


def _run(jaxpr: core.Jaxpr, consts: Sequence[Any], rows: Sequence[Any]) -> list[Any]:
    """Evaluates a jaxpr, calls inlined and operations replaced."""
    values = dict(zip(jaxpr.constvars + jaxpr.invars, [*consts, *rows], strict=True))

    def value(var: Any) -> Any:
        return var.val if isinstance(var, core.Literal) else values[var]

    for equation in jaxpr.eqns:
        operands, name = [value(var) for var in equation.invars], equation.primitive.name
        if equation.primitive in plain.rules:
            rule = partial(plain.rules[equation.primitive], **equation.params)
            results = [rewritten(rule, *operands)]
        elif name in CALLS:
            called = equation.params[CALLS[name]]
            results = _run(called.jaxpr, called.consts, operands)
        elif name in _REPLACED:
            results = [_REPLACED[name](*operands, **equation.params)]
        else:
            params = equation.primitive.get_bind_params(equation.params)
            results = equation.primitive.bind(*operands, **params)
            results = results if equation.primitive.multiple_results else [results]
        values.update(zip(equation.outvars, results, strict=True))
    return [value(var) for var in jaxpr.outvars]


def _pad(x: Array, fill: Array, *, padding_config: Sequence[tuple[int, int, int]]) -> Array:
    """Pads as lax.pad does, by reshaping and concatenating."""
    for axis, (before, after, between) in enumerate(padding_config):
        if between:
            x = _spread(x, fill, axis, between)
        if before < 0 or after < 0:
            stop = x.shape[axis] + min(after, 0)
            x = lax.slice_in_dim(x, max(-before, 0), stop, axis=axis)
        ends = [_filled(x, fill, axis, max(n, 0)) for n in (before, after)]
        parts = [part for part in (ends[0], x, ends[1]) if part.shape[axis] != 0]
        x = parts[0] if len(parts) == 1 else lax.concatenate(parts, axis)
    return x


def _spread(x: Array, fill: Array, axis: int, between: int) -> Array:
    """Inserts `between` entries between those of an axis."""
    count, inner = x.shape[axis], jnp.expand_dims(x, axis + 1)
    x = lax.concatenate([inner, _filled(inner, fill, axis + 1, between)], axis + 1)
    x = x.reshape(*inner.shape[:axis], count * (between + 1), *inner.shape[axis + 2 :])
    return lax.slice_in_dim(x, 0, (count - 1) * (between + 1) + 1, axis=axis)


def _filled(x: Array, fill: Array, axis: int, count: int) -> Array:
    """Returns an array like x but `count` long on an axis."""
    return jnp.broadcast_to(fill, (*x.shape[:axis], count, *x.shape[axis + 1 :]))


def _conv(x: Array, w: Array, *, lhs_dilation: Sequence[int], **params: Any) -> Array:
    """Convolves as lax does, dilated images spread first and the kernel in the layout HWIO."""
    numbers = params["dimension_numbers"]
    zero = np.zeros((), x.dtype)
    dilation = dict(zip(numbers.lhs_spec[2:], lhs_dilation, strict=True))
    x = _pad(x, zero, padding_config=[(0, 0, dilation.get(i, 1) - 1) for i in range(x.ndim)])
    out, into, *space = numbers.rhs_spec
    w = w.transpose(*space, into, out)
    numbers = numbers._replace(rhs_spec=(w.ndim - 1, w.ndim - 2, *range(len(space))))
    params |= {"dimension_numbers": numbers, "lhs_dilation": (1,) * len(space)}
    return lax.conv_general_dilated_p.bind(x, w, **params)


_REPLACED = {"pad": _pad, "conv_general_dilated": _conv}
