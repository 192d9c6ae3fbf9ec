"""What pictures were before they were prepared, what preparing them loses, and warnings of it."""

import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jaxgan.data import summary

_MUCH = 0.2  # a crop that drops more than this share of the area is warned of


class Facts(NamedTuple):
    """What one picture was.

    width, height: in pixels. kind: its channels, and their depth if not 8 bits. deep: it had more
    than 8 bits a channel. peak: its largest value, in 1/65535 of its type's range, 0 unless deep.
    clipped: share of values outside the range in force. composited: it was partly transparent,
    and is no longer.
    """

    width: int
    height: int
    kind: str
    deep: bool = False
    peak: float = 0.0
    clipped: float = 0.0
    composited: bool = False


class Survey(NamedTuple):
    """What the pictures of a set were.

    smallest, largest: width and height, by area. kinds: how many of each. cropped: the share of
    the area that a center crop drops, on average, and most: at most. deep, composited: how many.
    peak: the largest of the deep ones. clipped: on average.
    """

    smallest: tuple[int, int]
    largest: tuple[int, int]
    kinds: Mapping[str, int]
    cropped: float
    most: float
    deep: int
    peak: float
    clipped: float
    composited: int

    def original(self) -> str:
        """Returns sizes, width by height, and channels: '12x10 to 96x32 RGB (3) and gray (1)'."""
        sizes = ["x".join(map(str, size)) for size in (self.smallest, self.largest)]
        kinds = [f"{kind} ({n})" for kind, n in self.kinds.items()]
        kinds = kinds if len(kinds) > 1 else list(self.kinds)
        return f"{' to '.join(dict.fromkeys(sizes))} {' and '.join(kinds)}"

    def notes(self, fit: str) -> list[str]:
        """Returns what preparing the pictures lost, where that can be seen."""
        lost = []
        if fit == "crop" and self.cropped >= 0.005:
            lost.append(f"crop drops {self.cropped:.0%} of the area")
        if self.clipped:
            lost.append(f"{max(self.clipped, 0.0001):.2%} of the values were clipped to the range")
        if self.composited:
            lost.append(f"{summary.count(self.composited, 'image')} composited on white")
        return lost

    def warn(self, fit: str, *, ranged: bool) -> None:
        """Warns on stderr of much that was lost; `ranged`: bits or a range were given."""
        if fit == "crop" and self.cropped > _MUCH:
            differ = self.most > self.cropped + 0.005
            worst = f" on average and up to {self.most:.0%}" if differ else ""
            _warn(
                f"fit=crop drops {self.cropped:.0%} of the images' area{worst}; "
                "config.data.fit=pad or squash keeps all of it"
            )
        if self.deep and not ranged and self.peak <= 65535 / 8:
            bits = max(1, math.ceil(math.log2(self.peak + 1)))
            _warn(
                f"the largest value of {summary.count(self.deep, '16-bit image')} is "
                f"{self.peak:.0f} of 65535, so they come out nearly black; if they use "
                f"{bits} bits, set config.data.bits={bits}, or else config.data.range=low,high"
            )


def of(facts: Sequence[Facts]) -> Survey:
    """Summarizes the facts of at least one picture."""
    sizes = sorted({(f.width * f.height, f.width, f.height) for f in facts})
    dropped = [1 - min(f.width, f.height) / max(f.width, f.height) for f in facts]
    return Survey(
        smallest=sizes[0][1:],
        largest=sizes[-1][1:],
        kinds=dict(Counter(f.kind for f in facts).most_common()),
        cropped=sum(dropped) / len(facts),
        most=max(dropped),
        deep=sum(f.deep for f in facts),
        peak=max(f.peak for f in facts),
        clipped=sum(f.clipped for f in facts) / len(facts),
        composited=sum(f.composited for f in facts),
    )


def merged(parts: Sequence[Survey]) -> Survey:
    """Summarizes what at least one summary is of."""
    counts = [sum(part.kinds.values()) for part in parts]
    total, kinds = sum(counts), Counter[str]()
    for part in parts:
        kinds.update(part.kinds)

    def mean(name: str) -> float:
        return sum(n * getattr(p, name) for n, p in zip(counts, parts, strict=True)) / total

    def size(of: tuple[int, int]) -> tuple[int, int, int]:
        return of[0] * of[1], *of

    return Survey(
        smallest=min((part.smallest for part in parts), key=size),
        largest=max((part.largest for part in parts), key=size),
        kinds=dict(kinds.most_common()),
        cropped=mean("cropped"),
        most=max(part.most for part in parts),
        deep=sum(part.deep for part in parts),
        peak=max(part.peak for part in parts),
        clipped=mean("clipped"),
        composited=sum(part.composited for part in parts),
    )


def _warn(text: str) -> None:
    print(f"warning: config.data: {text}", file=sys.stderr)
