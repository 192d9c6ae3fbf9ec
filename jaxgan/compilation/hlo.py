"""Reads the text of a compiled program: what its devices exchange, and what each holds whole."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

KINDS = (
    "all-reduce",
    "all-gather",
    "reduce-scatter",
    "all-to-all",
    "ragged-all-to-all",
    "collective-permute",
    "collective-broadcast",
)
# %all-reduce.3 = (f32[8]{0}, f32[4,8]{1,0}) all-reduce(%a, %b), … ; on a TPU a layout may follow a
# shape, and an exchange may start here and end in another instruction, X-done.
_EXCHANGE = re.compile(rf"^\s*(?:ROOT )?%?[\w.-]+ = (.*?) ({'|'.join(KINDS)})(-start)?\(", re.M)
_SHAPE = re.compile(r"\b(pred|bf16|[fsuc]\d+\w*)\[([\d,]*)\]")


class Exchange(NamedTuple):
    """All exchanges of a kind: how many, their bytes on one device, and those of the largest."""

    count: int
    nbytes: int
    largest: int


def collectives(text: str) -> dict[str, Exchange]:
    """Returns what the devices of a program exchange, by kind, from the text of its HLO.

    Instructions in the body of a loop count once, as in XLA's cost analysis.
    """
    found: dict[str, list[int]] = {}
    for result, kind, start in _EXCHANGE.findall(text):
        sizes = [_nbytes(*shape) for shape in _SHAPE.findall(result)]
        # What starts a gather or a permutation names its operand beside its result.
        whole = max(sizes, default=0) if start and kind != "all-reduce" else sum(sizes)
        found.setdefault(kind, []).append(whole)
    return {k: Exchange(len(v), sum(v), max(v)) for k, v in sorted(found.items())}


def leading(text: str, n: int) -> Mapping[str, int]:
    """Returns the shapes in a program whose leading axis is n, as 'f32[512,100]', with their count.

    A program of several devices has the shapes that one of them holds: n of the global batch are
    rows that every device computes. Masks (pred) are left out: the TPU's compiler makes some of a
    few bits a row, of indices, in programs that move and replicate nothing else.
    """
    shapes = (
        f"{kind}[{axes}]"
        for kind, axes in _SHAPE.findall(text)
        if axes.split(",")[0] == str(n) and kind != "pred"
    )
    return Counter(shapes)


def _nbytes(kind: str, axes: str) -> int:
    bits = 8 if kind == "pred" else int(re.findall(r"\d+", kind)[0])
    for axis in filter(None, axes.split(",")):
        bits *= int(axis)
    return bits // 8
