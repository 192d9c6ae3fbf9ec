"""Charts as SVG: lines with bands, and means with intervals. Colors are the page's classes."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

COLORS = 8  # of the page's style
POINTS, FEWEST = 400, 8  # of a line, at most and at least
WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 48, 8, 8, 24


class Line(NamedTuple):
    """A named curve: x and y, and half the width of its band at each x, 0 for none."""

    name: str
    color: int
    x: Sequence[float]
    y: Sequence[float]
    band: Sequence[float]


def curves(title: str, lines: Sequence[Line], unit: str) -> str:
    """Returns a chart of lines over `unit`; '' where no value is finite."""
    spans = [
        (x, y - half, y + half)
        for line in lines
        for x, y, half in zip(line.x, line.y, line.band, strict=True)
        if math.isfinite(y + half)
    ]
    if not spans:
        return ""
    sides = max(x for x, _, _ in spans), min(s[1] for s in spans), max(s[2] for s in spans)
    right, low, high = sides[0] or 1.0, *padded(sides[1], sides[2])

    def place(x: float, y: float) -> tuple[float, float]:
        across = LEFT + (WIDTH - LEFT - RIGHT) * x / right
        return across, TOP + (HEIGHT - TOP - BOTTOM) * (high - y) / (high - low)

    parts = [axes(low, high, right, place)]
    for line in lines:
        shade, path = _band(line, place), _path(line, place)
        parts += [f'<path class="band c{line.color}" d="{shade}"/>'] if shade else []
        parts.append(f'<path class="line c{line.color}" d="{path}"/>')
    ends = [f"{line.name} {number(_last(line))}" for line in lines if not math.isnan(_last(line))]
    words = f"{title} over {unit}, up to {number(right)}; at the end {', '.join(ends)}"
    return _figure(title, words, "".join(parts), HEIGHT)


def padded(low: float, high: float) -> tuple[float, float]:
    """Returns a range with some room, of a constant too."""
    room = 0.05 * (high - low) or 0.05 * abs(high) or 1.0
    return low - room, high + room


def axes(low: float, high: float, right: float, place) -> str:
    """Returns the grid, with the numbers of both axes."""
    parts = []
    for y in ticks(low, high):
        x0, at = place(0, y)
        parts.append(f'<path class="grid" d="M{x0:.1f} {at:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text x="{LEFT - 4}" y="{at + 4:.1f}" class="end">{number(y)}</text>')
    for x in ticks(0, right):
        at, _ = place(x, low)
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - 8}" class="middle">{number(x)}</text>')
    return "".join(parts)


def intervals(title: str, rows: Sequence[tuple[str, float, float, float]]) -> str:
    """Returns a chart of (name, mean, low, high), a row each; NaN ends are no interval.

    Means that are not finite have no row.
    """
    finite = [row for row in rows if math.isfinite(row[1])]
    known = [(n, m, *(e if math.isfinite(e) else m for e in ends)) for n, m, *ends in finite]
    if not known:
        return ""
    low, high = padded(min(r[2] for r in known), max(r[3] for r in known))
    row, parts = 38, []
    height = row * len(known) + BOTTOM

    def across(x: float) -> float:
        return RIGHT + (WIDTH - 2 * RIGHT) * (x - low) / (high - low)

    for x in ticks(low, high):
        at = f"{across(x):.1f}"
        parts.append(f'<path class="grid" d="M{at} 0V{height - BOTTOM}"/>')
        parts.append(f'<text x="{at}" y="{height - 6}" class="middle">{number(x)}</text>')
    for i, (name, mean, bottom, top) in enumerate(known):
        y = row * i + 26
        parts.append(f'<text x="{RIGHT}" y="{y - 11}">{escape(name[:56])}</text>')
        parts.append(f'<path class="line c0" d="M{across(bottom):.1f} {y}H{across(top):.1f}"/>')
        parts.append(f'<circle class="dot c0" cx="{across(mean):.1f}" cy="{y}" r="4"/>')
    said = [f"{n} {number(m)} ({number(a)} to {number(b)})" for n, m, a, b in known]
    return _figure(f"{title}, mean and 95 % interval", "; ".join(said), "".join(parts), height)


def _figure(title: str, words: str, inner: str, height: int) -> str:
    return (
        f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {height}" '
        f'role="img" aria-label="{escape(words)}">{inner}</svg></figure>'
    )


def thinned(line: Line, points: int = POINTS) -> Line:
    """Returns a line of some `points` points, of FEWEST to POINTS: evenly spaced, and the last."""
    every = math.ceil(len(line.x) / min(POINTS, max(FEWEST, points)))
    if every <= 1:
        return line
    keep = sorted({*range(0, len(line.x), every), len(line.x) - 1})
    x, y, band = ([values[i] for i in keep] for values in (line.x, line.y, line.band))
    return line._replace(x=x, y=y, band=band)


def ticks(low: float, high: float) -> list[float]:
    """Returns some three to six round numbers from low to high."""
    raw = (high - low) / 4
    size = 10 ** math.floor(math.log10(raw))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= raw)
    first = math.ceil(low / step)
    return [i * step for i in range(first, math.floor(high / step) + 1)]


def number(value: float) -> str:
    """Formats a number by four digits, as '0.03', '41.2', '12345', '1.2e+06'."""
    text = f"{value:.0f}" if 1e4 <= abs(value) < 1e6 else f"{value:.4g}"
    return text.replace("-", "\N{MINUS SIGN}")


def _last(line: Line) -> float:
    return next((y for y in reversed(line.y) if math.isfinite(y)), math.nan)


def _path(line: Line, place) -> str:
    """Returns a line's path, broken where a value is not finite."""
    parts, pen = [], "M"
    for x, y in zip(line.x, line.y, strict=True):
        if math.isfinite(y):
            parts.append("{}{:.1f} {:.1f}h0".format(pen, *place(x, y)))  # h0: a dot where alone
        pen = "L" if math.isfinite(y) else "M"
    return "".join(parts)


def _band(line: Line, place) -> str:
    """Returns the outline of a line's band; '' where it has none."""
    known = [p for p in zip(line.x, line.y, line.band, strict=True) if math.isfinite(p[1] + p[2])]
    if not any(half for _, _, half in known):
        return ""
    upper = [place(x, y + half) for x, y, half in known]
    lower = [place(x, y - half) for x, y, half in reversed(known)]
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in upper + lower) + "Z"
