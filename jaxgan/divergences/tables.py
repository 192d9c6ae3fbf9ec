"""The table of all comparisons with closed forms, as Markdown and as CSV."""

import csv
import io
from collections.abc import Mapping, Sequence

from jaxgan.divergences.result import Comparison

HEAD = ("figure", "quantity", "closed form", "values", "largest deviation", "tolerance", "holds")


def as_markdown(found: Mapping[str, Sequence[Comparison]]) -> str:
    """Formats comparisons by figure, a line each."""
    lines = ["| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    for row in _rows(found):
        cells = (cell.replace("|", "\\|") for cell in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def as_csv(found: Mapping[str, Sequence[Comparison]]) -> str:
    """Formats comparisons by figure, a row each."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\n").writerows([HEAD, *_rows(found)])
    return file.getvalue()


def _rows(found: Mapping[str, Sequence[Comparison]]) -> list[tuple[str, ...]]:
    return [
        (
            f"{name}.png",
            each.quantity,
            each.exact_form,
            str(each.found.size),
            f"{each.deviation:.2g}",
            f"{each.tolerance:g}",
            "yes" if each.holds else "no",
        )
        for name, group in found.items()
        for each in group
    ]
