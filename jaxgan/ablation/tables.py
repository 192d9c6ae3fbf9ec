"""The table of a sweep: as CSV, as Markdown, and a picture with a row of samples for each cell."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jaxgan.ablation import statistics
from jaxgan.ablation.results import Result
from jaxgan.ablation.spec import COLUMNS, FEW, Sweep
from jaxgan.ablation.statistics import NAN, Mean


class Row(NamedTuple):
    """A metric of a cell: over its seeds, and its paired difference from the base."""

    cell: str
    levels: Mapping[str, str]
    metric: str
    mean: Mean
    difference: Mean
    p_holm: float
    reasons: tuple[str, ...]


def rows(sweep: Sweep, results: Sequence[Result]) -> list[Row]:
    """Returns a row for each metric of each cell, in the order of both."""
    found = []
    for metric in sweep.metrics:
        values = {cell.name: _values(results, cell.name, metric) for cell in sweep.cells}
        base, *others = values.values()
        differences = [statistics.paired(each, base) for each in others]
        corrected = [NAN, *statistics.holm([each.p for each in differences])]
        for cell, difference, p in zip(
            sweep.cells, [Mean(NAN, NAN, NAN, 0), *differences], corrected, strict=True
        ):
            over = statistics.mean(list(values[cell.name].values()))
            why = _reasons(results, cell.name)
            found.append(Row(cell.name, cell.levels, metric, over, difference, p, why))
    return found


def _values(results: Sequence[Result], cell: str, metric: str) -> dict[int, float]:
    """Returns a metric of a cell by seed."""
    return {r.seed: r.figures[metric] for r in results if r.cell == cell and metric in r.figures}


def _reasons(results: Sequence[Result], cell: str) -> tuple[str, ...]:
    """Says why seeds of a cell have no figures, each reason once."""
    seeds: dict[str, list[str]] = {}
    for result in results:
        if result.cell == cell and result.reason:
            seeds.setdefault(result.reason, []).append(str(result.seed))
    return tuple(f"seed {', '.join(each)}: {reason}" for reason, each in seeds.items())


def as_csv(found: Sequence[Row]) -> str:
    """Formats rows as CSV; what is not known is empty."""
    file = io.StringIO()
    axes = list(found[0].levels)
    out = csv.writer(file, lineterminator="\n")
    out.writerow([COLUMNS[0], *axes, *COLUMNS[1:]])
    for row in found:
        over, by = row.mean, row.difference
        numbers = [over.value, over.low, over.high, by.value, by.low, by.high]
        cells = [_plain(x) for x in numbers]
        tail = [by.n, _plain(by.p), _plain(row.p_holm), "; ".join(row.reasons)]
        out.writerow([row.cell, *row.levels.values(), row.metric, over.n, *cells, *tail])
    return file.getvalue()


def runs_csv(results: Sequence[Result], metrics: Sequence[str]) -> str:
    """Formats the figures of each seed as CSV."""
    file = io.StringIO()
    out = csv.writer(file, lineterminator="\n")
    out.writerow(["cell", "seed", "step", *metrics, "reason"])
    for each in results:
        figures = [_plain(each.figures.get(name, NAN)) for name in metrics]
        out.writerow([each.cell, each.seed, each.step or "", *figures, each.reason])
    return file.getvalue()


def as_markdown(sweep: Sweep, found: Sequence[Row], command: str) -> str:
    """Formats rows as a Markdown table, a line for each cell, and says below it how it came about.

    Args:
      command: with which it is made again.
    """
    axes, several = list(sweep.axes), len(sweep.cells) > 1
    head = [*axes, "seeds"]
    for metric in sweep.metrics:
        head += [metric, "difference from the base", "p (Holm)"] if several else [metric]
    lines = [_line(head), "|" + "---|" * len(head)]
    for cell in sweep.cells:
        mine = [row for row in found if row.cell == cell.name]
        line = [*cell.levels.values(), str(max(row.mean.n for row in mine))]
        for row in mine:
            line.append(_range(row.mean))
            if several:
                differs = "base" if cell is sweep.base else _range(row.difference, sign=True)
                line += [differs, _p(row.p_holm)]
        lines.append(_line(line))
    lines += ["", f"`{command}`", "", _note(sweep)]
    reasons = {row.cell: row.reasons for row in found if row.reasons}
    lines += [f"- {cell}: {'; '.join(why)}" for cell, why in reasons.items()]
    return "\n".join(lines) + "\n"


def _note(sweep: Sweep) -> str:
    """Says what the table's figures are."""
    text = (
        f"Mean and 95 % interval (Student's t) over {len(sweep.seeds)} "
        f"seed{'s' * (len(sweep.seeds) > 1)}."
    )
    if others := len(sweep.cells) - 1:
        text += (
            " Differences are paired: of the same seeds; p of a paired t-test, with Holm's "
            f"correction over {others} comparison{'s' * (others > 1)}."
        )
    if sweep.seconds is not None:
        text += f" Each run was trained for {sweep.seconds:g} s."
    return text + (f" {warning(sweep)}." if warning(sweep) else "")


def warning(sweep: Sweep) -> str:
    """Warns of few seeds; '' where there are enough."""
    if len(sweep.seeds) >= FEW:
        return ""
    return (
        f"{len(sweep.seeds)} seed{'s' * (len(sweep.seeds) > 1)}: intervals are wide and tests find "
        f"little; use {FEW} or more before concluding"
    )


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _plain(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"


def _p(value: float) -> str:
    """Formats a p value, '' where no test was made."""
    if math.isnan(value):
        return ""
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def _range(over: Mean, sign: bool = False) -> str:
    """Formats a mean and its interval: '41.2 (39.0 to 43.4)'; digits by the interval's width."""
    if math.isnan(over.value):
        return "none"
    width = over.high - over.low
    scale = abs(over.value) if math.isnan(width) or not width else width
    digits = max(0, min(6, 1 - math.floor(math.log10(scale)))) if scale else 0
    text = f"{over.value:{'+' if sign else ''}.{digits}f}"
    if math.isnan(width):
        return text
    return f"{text} ({over.low:.{digits}f} to {over.high:.{digits}f})"
