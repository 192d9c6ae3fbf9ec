"""Makes a function of a run's generator that other programs can call, with its weights inside."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, export
from jax.extend import core

from jaxgan.core.game import State
from jaxgan.generation import drawn, onnx
from jaxgan.generation.run import Run
from jaxgan.generation.translated import COLUMNS
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.training import workdir

SCOPE = export.SymbolicScope()  # in which N is the same of all inputs


class Generator(NamedTuple):
    """What is exported.

    call: (state, key, rows by their public names) -> samples, float32: images (N, H, W, C) in
      [-1, 1], or points (N, D).
    state: with the parameters that samples are drawn from.
    specs: the inputs' shapes by name, N symbolic.
    output: 'images' or 'points'.
    """

    call: Callable[..., Array]
    state: State
    specs: dict[str, jax.ShapeDtypeStruct]
    output: str


def of(run: Run, direction: str = "", psi: float | None = None) -> Generator:
    """Returns the generator of a run, of the parameters that it was opened with.

    Args:
      run: a trained run.
      direction: of a run that translates, 'a2b' or 'b2a'.
      psi: of truncation; None for the config's.

    Raises:
      UserError: direction or psi where the run has none, or a generator that it lacks.
    """
    if direction or run.game.translators:
        if psi is not None:
            run.need("styles")
        return _translator(run, direction or "a2b")
    sample = run.game.sample if psi is None else run.truncated(psi)
    rows = {name: drawn.row_of(field) for name, field in run.game.inputs.items()}
    names = {drawn.public(name, np.empty(0, row.dtype)): name for name, row in rows.items()}

    def call(state: State, key: Array, **given: Array) -> Array:
        made = sample(state, {names[public]: value for public, value in given.items()}, key)
        return made.astype(jnp.float32)

    specs = {public: _rows(rows[name]) for public, name in names.items()}
    output = "images" if len(run.spec.shape) == 3 else "points"
    return Generator(call, run.state, specs, output)


def _translator(run: Run, direction: str) -> Generator:
    """Returns one of the two generators of a run that translates; raises UserError as `of`."""
    run.need("translators")
    if direction in run.absent:
        raise UserError(f"--direction={direction}: {workdir.without(direction)}")
    translate = run.game.translators[direction]

    def call(state: State, key: Array, inputs: Array) -> Array:
        return translate(state, inputs, key).astype(jnp.float32)

    shape = run.spec.shape if COLUMNS[direction][0] == "image" else run.spec.other
    specs = {"inputs": _rows(jax.ShapeDtypeStruct((1, *shape), jnp.float32))}
    return Generator(call, run.state, specs, "images")


def _rows(row: jax.ShapeDtypeStruct) -> jax.ShapeDtypeStruct:
    """Returns the shape of any number N of rows."""
    (n,) = export.symbolic_shape("N", scope=SCOPE)
    return jax.ShapeDtypeStruct((n, *row.shape[1:]), row.dtype)


def save_program(path: Path, generator: Generator, platforms: Sequence[str]) -> None:
    """Writes a program of jax.export, for any N: `jax.export.deserialize(bytes).call(latents=z)`.

    Raises:
      UserError: the generator draws noise of its own.
    """
    function = _closed(generator, path)
    program = export.export(jax.jit(function), platforms=platforms)(**generator.specs)
    with files.replacing(path) as file:
        file.write(program.serialize())


def save_onnx(path: Path, generator: Generator) -> None:
    """Writes an ONNX model with the inputs' names, for any N.

    Raises:
      UserError: the generator draws noise of its own, or jax2onnx is not installed.
    """
    onnx.write(path, _closed(generator, path), generator.specs, generator.output)


def save_weights(path: Path, generator: Generator) -> None:
    """Writes an .npz of the arrays that samples depend on, by their place in the run's state."""
    jaxpr = _jaxpr(generator).jaxpr
    used = _used(jaxpr)
    leaves = jax.tree.leaves_with_path(generator.state)
    arrays = {
        jax.tree_util.keystr(at, simple=True, separator="/"): np.asarray(leaf)
        for (at, leaf), needed in zip(leaves, used, strict=False)
        if needed
    }
    with files.replacing(path) as file:
        np.savez(file, **arrays)


def _closed(generator: Generator, path: Path) -> Callable[..., Array]:
    """Returns a function of the inputs alone.

    Raises:
      UserError: samples depend on the key too, so a file without one would repeat its noise.
    """
    jaxpr = _jaxpr(generator).jaxpr
    if _used(jaxpr)[len(jax.tree.leaves(generator.state))]:
        raise UserError(
            f"--out={path}: this generator draws noise of its own for each sample, which a file "
            "cannot; draw from the run by jaxgan.sample, or export weights, as .npz"
        )
    return partial(generator.call, generator.state, jax.random.key(0))


def _jaxpr(generator: Generator) -> core.ClosedJaxpr:
    """Returns the program as a function of state, key and inputs."""
    rows = _concrete(generator.specs)
    return jax.make_jaxpr(lambda state, key: generator.call(state, key, **rows))(
        generator.state, jax.random.key(0)
    )


def _used(jaxpr: core.Jaxpr) -> list[bool]:
    """Returns which of a program's arguments its results depend on."""
    needed = {var for var in jaxpr.outvars if isinstance(var, core.Var)}
    for equation in reversed(jaxpr.eqns):
        if needed.intersection(equation.outvars):
            needed.update(var for var in equation.invars if isinstance(var, core.Var))
    return [var in needed for var in jaxpr.invars]


def _concrete(specs: dict[str, jax.ShapeDtypeStruct]) -> dict[str, Any]:
    """Returns inputs of two rows of zeros."""
    return {name: jnp.zeros((2, *spec.shape[1:]), spec.dtype) for name, spec in specs.items()}
