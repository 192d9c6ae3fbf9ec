"""Walks what a pickle built, and names the arrays in it."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from jaxgan.weights import bounds
from jaxgan.weights.bounds import Budget, Damaged, Excess
from jaxgan.weights.inert import Dict, Module
from jaxgan.weights.tensors import Array, Tensor, plain

_GROUPS = ("_parameters", "_buffers", "_modules")


class Weights(NamedTuple):
    """The contents of a file of weights.

    arrays: by name. The keys of nested dicts are joined by '/', modules within a network by '.':
      'G_ema/synthesis.b4.const' in a network pickle; the names of a plain state dict are kept.
    kwargs: by network, the arguments it was constructed with, if the file records them: nested
      dicts of whatever the file has there.
    """

    arrays: dict[str, np.ndarray]
    kwargs: dict[str, Any]


class _Node(NamedTuple):
    """A value that remains to be visited; `prefix` is what the names of its entries begin with."""

    value: Any
    name: str
    prefix: str
    depth: int
    within: bool  # a module, of which only modules and arrays are visited


def collect(root: Any, budget: Budget) -> Weights:
    """Returns the arrays of nested dicts and networks, under their joined names.

    What is shared is visited each time that it occurs, and counted each time.

    Raises:
      Damaged, Excess: two arrays of one name, or a structure beyond the bounds.
    """
    found = Weights({}, {})
    made: dict[int, np.ndarray | None] = {}  # by the id of a record, which the file may share
    todo = [_Node(root, "", "", 0, within=False)]
    while todo:
        node = todo.pop()
        budget.step(64 + 2 * len(node.name))
        if node.depth > bounds.DEPTH:
            raise Excess(f"it has more than {bounds.DEPTH} levels")
        if type(node.value) is Module:
            node = node._replace(value=node.value.state)
        if type(node.value) in (Tensor, Array):
            if id(node.value) not in made:
                made[id(node.value)] = _array(node.value, budget)
            add(found.arrays, node.name, made[id(node.value)])
        elif type(node.value) is Dict:
            if _is_module(node.value) and not node.within:
                found.kwargs[node.name] = _options(node.value.items.get("_init_kwargs"), budget)
            todo += reversed(list(_entries(node, budget)))
    return found


def add(arrays: dict[str, np.ndarray], name: str, array: np.ndarray | None) -> None:
    """Adds an array under its name; one that is None holds no numbers and is passed over.

    Raises:
      Damaged, Excess: another array has that name, or it is too long.
    """
    if array is None:
        return
    if len(name) > bounds.NAME:
        raise Excess(f"it has an array with a name of {len(name)} characters")
    if name in arrays:
        raise Damaged(f"two arrays are named {name[:80]!a}")
    arrays[name] = array


def _entries(node: _Node, budget: Budget) -> Iterator[_Node]:
    """Yields what is in a dict; of a network, its arrays and modules."""
    depth, items = node.depth + 1, node.value.items
    if not _is_module(node.value):
        for key, value in [] if node.within else items.items():
            name = f"{node.name}/{key}" if node.name else key
            yield _Node(value, name, f"{name}/", depth, within=False)
            budget.step(64 + 8 * len(name))
        return
    for group in _GROUPS:
        for key, value in items[group].items.items():
            name = f"{node.prefix}{key}"
            if (type(value) in (Dict, Module)) == (group == "_modules"):
                yield _Node(value, name, f"{name}.", depth, within=True)
            budget.step(64 + 8 * len(name))


def _array(record: Tensor | Array, budget: Budget) -> np.ndarray | None:
    budget.take(256)
    array = record.array() if type(record) is Tensor else record.values
    return None if array is None else plain(array, budget)


def _is_module(node: Dict) -> bool:
    return all(type(node.items.get(group)) is Dict for group in _GROUPS)


def _options(value: Any, budget: Budget, depth: int = 0) -> Any:
    """Returns the dicts in a value as Python's."""
    if type(value) is not Dict:
        return {} if value is None and depth == 0 else value
    if depth > bounds.DEPTH:
        raise Excess(f"it has more than {bounds.DEPTH} levels")
    budget.step(160 + 128 * len(value.items))
    return {key: _options(each, budget, depth + 1) for key, each in value.items.items()}
