"""Assembles the page of a report: one file that loads nothing else."""

import math
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from jaxgan.reporting import charts, images
from jaxgan.reporting.charts import COLORS, Line, number
from jaxgan.reporting.runs import NUMBERS, Run, Sweep, bounded, differences

BYTES = 3_000_000  # of pictures, of 5 MB
DRAWN = 1_000_000  # of curves, at most about
POINT, BAND = 13, 26  # bytes of a curve's point, and of its band
NO_CURVES = ("step", "kimg", "res")
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(runs: Sequence[Run], sweeps: Sequence[Sweep]) -> str:
    """Returns the HTML of a report on runs and sweeps."""
    budget = BYTES // max(1, len(runs) + len(sweeps))
    parts = [sweep_section(sweep, budget) for sweep in sweeps]
    if runs:
        parts += [
            overview(runs),
            differing(runs),
            warnings(runs),
            pictures(runs, budget),
            curves(runs),
            evaluations(runs),
        ]
    names = ", ".join(each.name for each in (*sweeps, *runs))
    here = resources.files("jaxgan.reporting")
    style, script = ((here / f"page.{kind}").read_text() for kind in ("css", "js"))
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><title>{escape(names)}</title>'
        f"<style>\n{style}</style></head>\n<body><main><h1>{escape(names)}</h1>\n"
        f"{''.join(parts)}</main><script>\n{script}</script></body></html>\n"
    )


def section(title: str, *parts: str) -> str:
    """Returns a section; '' where it has no content."""
    return f"<section><h2>{escape(title)}</h2>{''.join(parts)}</section>\n" if any(parts) else ""


def table(head: Sequence[str], rows: Sequence[Sequence[str]], name: str) -> str:
    """Returns a table that scrolls by itself where it is wide; numbers are not wrapped."""
    if not rows:
        return ""
    heads = "".join(f'<th scope="col">{escape(each)}</th>' for each in head)
    lines = []
    for first, *rest in rows:
        cells = "".join(f"<td{_class(each)}>{escape(each)}</td>" for each in rest)
        lines.append(f'<tr><th scope="row">{escape(first)}</th>{cells}</tr>')
    return (
        f'<div class="wide" tabindex="0" role="region" aria-label="{escape(name)}"><table>'
        f"<thead><tr>{heads}</tr></thead><tbody>{''.join(lines)}</tbody></table></div>"
    )


def _class(text: str) -> str:
    """Returns the class of a table's cell: of a long text, or of what is not broken into lines."""
    return ' class="long"' if len(text) > 40 else ' class="number"' if text[-1:].isdigit() else ""


def overview(runs: Sequence[Run]) -> str:
    """Returns how long and how fast each run was, on what data, by what versions."""
    rows = []
    for run in runs:
        record, data = run.record, run.record.get("data", {})
        versions = record.get("versions", {})
        rows.append([
            run.name, f"{run.steps} of {record.get('steps', 'unknown')}",
            number(run.kimg(run.steps)), f"{run.seconds / 60:.1f} minutes",
            "unknown" if math.isnan(run.speed) else number(run.speed),
            str(data.get("found", run.config.get("data.name", ""))),
            ", ".join(f"{k} {v}" for k, v in versions.items() if v),
            str(record.get("revision", ""))[:12],
        ])  # fmt: skip
    head = ["run", "steps", "thousand images", "training time", "images/s", "data", "versions"]
    return section("Runs", table([*head, "revision"], rows, "runs"))


def differing(runs: Sequence[Run]) -> str:
    """Returns the keys of the config, and the versions, that differ between runs."""
    if len(runs) < 2:
        return ""
    rows = [[key, *values] for key, values in differences(runs).items()]
    names = [run.name for run in runs]
    same = "" if rows else "<p>Nothing: configs and versions are the same.</p>"
    return section("What differs", table(["key", *names], rows, "what differs"), same)


def warnings(runs: Sequence[Run]) -> str:
    """Returns what runs were warned of."""
    rows = [
        [run.name, str(each.get("step", "")), str(each.get("text", ""))]
        for run in runs
        for each in run.warnings
    ]
    return section("Warnings", table(["run", "step", "warning"], rows, "warnings"))


def pictures(runs: Sequence[Run], budget: int) -> str:
    """Returns samples of all runs at equal images, over training by a slider."""
    shown, stops = [], {0.0}
    for i, run in enumerate(runs):
        spread = images.frames(list(run.pictures), [0] * len(run.pictures), 0)
        found = {step: images.encoded(run.pictures[step], budget) for step in spread}
        steps, sizes = list(found), [len(address) for address, _ in found.values()]
        kept = images.frames(steps, sizes, budget)
        stops |= {round(run.kimg(step), 3) for step in kept}
        frames = []
        for step in kept:
            address, (width, height) = found[step]
            hidden, kimg = " hidden" * (step != kept[-1]), round(run.kimg(step), 3)
            frames.append(
                f'<img src="{address}" width="{width}" height="{height}" data-kimg="{kimg:g}" '
                f'alt="samples of {escape(run.name)} at {kimg:g} thousand images"{hidden}>'
            )
        if frames:
            name = f'<span class="c{i % COLORS}">\N{BLACK SQUARE}</span> {escape(run.name)}'
            shown.append(
                f'<figure class="frames"><figcaption>{name}</figcaption>{"".join(frames)}</figure>'
            )
    if not shown:
        return ""
    ordered = sorted(stops)
    slider = (
        '<label for="slider">Images seen: <output id="said" for="slider">'
        f"{ordered[-1]:g} thousand images</output></label><br>"
        f'<input type="range" id="slider" min="0" max="{len(ordered) - 1}" step="1" '
        f'value="{len(ordered) - 1}" data-stops="{" ".join(f"{x:g}" for x in ordered)}">'
    )
    return section("Samples", slider, f'<div class="runs">{"".join(shown)}</div>')


def curves(runs: Sequence[Run]) -> str:
    """Returns a chart for each key of metrics.jsonl, by the part of the game that it is of."""
    keys = sorted({key for run in runs for row in run.rows for key in row})
    keys = [key for key in keys if key not in NO_CURVES and not key.endswith("_ci95")]
    groups: dict[str, list[str]] = {}
    bands = any(key.endswith("_ci95") for run in runs for row in run.rows for key in row)
    points = DRAWN // ((POINT + BAND * bands) * max(1, len(keys) * len(runs)))
    for key in keys:
        lines = [_line(run, i, key) for i, run in enumerate(runs)]
        lines = [charts.thinned(line, points) for line in lines if line.x]
        chart = charts.curves(key, lines, "thousand images")
        groups.setdefault(key.partition("/")[0] if "/" in key else "others", []).append(chart)
    legend = "".join(
        f'<li class="c{i % COLORS}"><span></span><b>{escape(run.name)}</b></li>'
        for i, run in enumerate(runs)
    )
    note = "<p>Bands are 95 % intervals over seeds.</p>" if bands else ""
    parts = [
        f'<h3>{escape(name)}</h3><div class="charts">{"".join(found)}</div>'
        for name, found in groups.items()
        if any(found)
    ]
    return section("Curves", f'<ul class="legend">{legend}</ul>{note}' * bool(parts), *parts)


def _line(run: Run, i: int, key: str) -> Line:
    rows = [row for row in run.rows if key in row and math.isfinite(row.get("kimg", math.nan))]
    bands = [row.get(f"{key}_ci95", 0.0) for row in rows]
    return Line(run.name, i % COLORS, [r["kimg"] for r in rows], [r[key] for r in rows], bands)


def evaluations(runs: Sequence[Run]) -> str:
    """Returns the figures of evaluations.jsonl, with their intervals and protocols."""
    rows = [line for run in runs for each in run.evaluations for line in _evaluated(run.name, each)]
    head = ["run", "metric", "step", "replica", "figure", "95 % interval", "floor", "protocol"]
    return section("Evaluations", table(head, rows, "evaluations"))


def _evaluated(run: str, row: Mapping[str, Any]) -> list[list[str]]:
    """Formats a row of evaluations.jsonl: a line for its figure, and one for each level."""
    name = " ".join(str(row[key]) for key in ("metric", "direction") if key in row)
    protocol = ", ".join(f"{key} {value}" for key, value in row.get("protocol", {}).items())
    of = [str(row.get(key, "")) for key in ("step", "replica")]
    bounds = row.get("bounds", {})
    found = [[run, name, *of, *_figures(row, row.get("value")), protocol]]
    for level, value in row.get("levels", {}).items():
        figures = _figures(bounds.get(level, {}), value)
        found.append([run, f"{name} {level}", *of, *figures, "as above"])
    return found


def _figures(ends: Mapping[str, Any], value: Any) -> list[str]:
    """Formats a figure, its interval and its floor; '' where one is not known."""
    low, high, floor = (_figure(ends.get(key)) for key in ("low", "high", "floor"))
    return [_figure(value), f"{low} to {high}" if low and high else "", floor]


def sweep_section(sweep: Sweep, budget: int) -> str:
    """Returns a sweep's table, a chart of each metric, and its rows of samples."""
    parts = []
    for metric in dict.fromkeys(row["metric"] for row in sweep.rows):
        rows = [row for row in sweep.rows if row["metric"] == metric]
        chart = [(r["cell"], *(_parsed(r[k]) for k in ("mean", "low", "high"))) for r in rows]
        head = ["cell", "seeds", "mean", "95 % interval", "difference from the base", "p (Holm)"]
        parts.append(f"<h3>{escape(metric)}</h3>" + charts.intervals(metric, chart))
        lines = [_cell(row) for row in rows]
        parts.append(table([*head, "failed"], lines, f"{metric} by cell"))
    notes = "".join(f"<p>{escape(line.strip('`'))}</p>" for line in sweep.note.splitlines())
    picture = ""
    if sweep.picture is not None:
        address, (width, height) = images.encoded(sweep.picture, budget)
        if len(address) <= budget:
            picture = (
                f'<figure class="frames"><figcaption>samples of each cell</figcaption><img '
                f'src="{address}" width="{width}" height="{height}" alt="a row of samples for '
                'each cell, above its name"></figure>'
            )
    return section(f"Sweep {sweep.name}", *parts, notes, picture)


def _cell(row: Mapping[str, str]) -> list[str]:
    """Formats a row of table.csv."""
    mean, low, high, difference, least, most, p = (
        number(float(row[key])) if row[key] else "" for key in NUMBERS
    )
    ends = f"{low} to {high}" if low else ""
    difference += f" ({least} to {most})" if least else ""
    return [row["cell"], row["n"], mean, ends, difference, p, row["reason"]]


def _parsed(text: str) -> float:
    return bounded(float(text)) if text else math.nan


def _figure(value: Any) -> str:
    return number(bounded(value)) if isinstance(value, int | float) else ""
