"""What differs between a recorded run and the command that resumes it: refused, or recorded.

A run is its config, its data and its checkpoint. Whatever fits the checkpoint may be changed on
purpose, by --override, and is kept in config.json's history; the rest needs another workdir.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.config.registry import as_mapping
from jaxgan.config.schedules import first
from jaxgan.core.growth import fixed
from jaxgan.core.optim import rate
from jaxgan.runtime.errors import UserError
from jaxgan.training.workdir import Record

# Keys that may differ without --override: they change no step's result, but for `ema_warmup`, which
# changes averages alone. A rate that falls depends on `steps`, of which `rates` warns.
FREE = ("steps", "log", "checkpoint", "dispatch", "ema_warmup")


class Change(NamedTuple):
    """One difference: the key that --override must name, '' where it need not; and its line."""

    key: str
    text: str


def resume(
    folder: Path, old: Record, new: Record, step: int, override: Sequence[str], misfit: str
) -> tuple[Record, list[str]]:
    """Compares a run with the command that resumes it.

    Args:
      folder: the workdir, for messages.
      old: what config.json says. new: what the command and the data give.
      step: of the newest checkpoint.
      override: dotted keys of the config that may differ, as in ('optim', 'data.name').
      misfit: in which leaf that checkpoint differs from the state of `new`; '' where in none.

    Returns:
      `new` with the run's history, the changes of this resume added; and lines for the user.

    Raises:
      UserError: a change that does not fit the checkpoint, or that `override` does not name.
    """
    found = between(old, new)
    refused = [change for change in found if change.key and not _named(change.key, override)]
    told = [change for change in found if change.key]
    if misfit:
        raise UserError(_does_not_fit(folder, told, misfit))
    if refused:
        keys = ",".join(dict.fromkeys(change.key for change in refused))
        of_data = any(change.key == "data" for change in refused)
        raise UserError(
            f"{folder} holds another run: {_listed(refused)}. "
            f"{'Restore the data, pass' if of_data else 'Pass'} another --workdir, or accept the "
            f"change with --override={keys}"
        )
    lines = [f"step {step}: {change.text} (kept in the history of config.json)" for change in told]
    lines += seen(old, new, step) + rates(old, new, step)
    history = list(old.history)
    if found:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        changed = [change.text for change in found]
        history.append(
            {"step": step, "when": now, "changed": changed, "override": ",".join(override)}
        )
    return new._replace(history=history, missing=old.missing), lines


def between(old: Record, new: Record) -> list[Change]:
    """Lists the differences of two records, of the data first.

    A data set whose content is the same may lie elsewhere, or be read in another way.
    """
    marks = old.data.get("fingerprint"), new.data.get("fingerprint")
    same = bool(marks[0]) and marks[0] == marks[1] and old.spec == new.spec
    found = [] if same else [Change("data", text) for text in _of_data(old, new)]
    for key, text in _differences(old.config, json.loads(json.dumps(new.config))):
        moved = same and key.startswith("data.") and key != "data.flip"
        free = key.partition(".")[0] in FREE or moved
        found.append(Change("" if free else key, text))
    return found


def seen(old: Record, new: Record, step: int) -> list[str]:
    """Says that kimg and the position in the data follow from the batch of now, where they jump."""
    counts = [
        (each.growth or fixed(0, each.config.get("batch", 0))).seen(step) / 1000
        for each in (old, new)
    ]
    if counts[0] == counts[1]:
        return []
    return [
        f"step {step}: kimg goes from {counts[0]:g} to {counts[1]:g}: it and the position in the "
        "data count as if all steps had had the batch of now"
    ]


def rates(old: Record, new: Record, step: int) -> list[str]:
    """Warns of learning rates that jump because the run's length changed under a decay."""
    lines = []
    for player, node in new.config["optim"].items() if old.steps != new.steps else ():
        before = old.config["optim"].get(player)
        if before == node and isinstance(node, Mapping) and "decay" in node:
            was, now = (_rate(node, record, step) for record in (old, new))
            if was != now:
                lines.append(
                    f"warning: config.optim.{player}.lr goes from {was:.3g} to {now:.3g} at step "
                    f"{step}: it falls over config.steps, which were {old.steps} and are "
                    f"{new.steps} now"
                )
    return lines


def _rate(node: Mapping[str, Any], record: Record, t: int) -> float:
    """Returns the rate at step t, over the stage that it is in: a pyramid's fall by stage."""
    by_stage = as_mapping(record.config["game"], "config.game")["name"] == "pyramid"
    stage = (record.growth if by_stage and record.growth else fixed(0, 0)).stage(t)
    length = (stage.stop or record.steps) - stage.start
    base = first(node["lr"], "config.optim")
    schedule = rate(base, node["decay"], node.get("decay_from", 0.0), length)
    return float(schedule(t - stage.start)) if callable(schedule) else schedule


def _of_data(old: Record, new: Record) -> list[str]:
    """Says how the data differ; the images' content only where nothing else does."""
    lines = []
    for what, was, now in (
        ("items of shape", old.spec.shape, new.spec.shape),
        ("conditions of length", old.spec.condition_dim, new.spec.condition_dim),
    ):
        if was != now:
            lines.append(f"the run was trained on {what} {was}, the data now have {now}")
    names = [list(each.data.get("classes", ())) for each in (old, new)]
    counts = old.spec.classes, new.spec.classes
    if counts[0] != counts[1] or (old.data and names[0] != names[1]):
        lines.append(
            f"the run was trained on {counts[0]} classes{_names(names[0])}, the data now have "
            f"{counts[1]}{_names(names[1])}"
        )
    sizes = old.data.get("size"), new.data.get("size")
    if sizes[0] and sizes[0] != sizes[1]:
        lines.append(f"the run was trained on {sizes[0]} images, the data now have {sizes[1]}")
    marks = old.data.get("fingerprint"), new.data.get("fingerprint")
    if not lines and all(marks) and marks[0] != marks[1]:
        lines.append("the images or labels are not those that the run was trained on")
    return lines


def _names(classes: Sequence[str], most: int = 5) -> str:
    more = ", …" if len(classes) > most else ""
    return f" ({', '.join(classes[:most])}{more})" if classes else ""


def _does_not_fit(folder: Path, told: Sequence[Change], misfit: str) -> str:
    what = f"holds another run: {_listed(told)}" if told else "was trained with other nets"
    restore = "restore the data or " if any(change.key == "data" for change in told) else ""
    return (
        f"{folder} {what}. No --override accepts it, for the checkpoint does not fit: {misfit}; "
        f"{restore}pass another --workdir"
    )


def _listed(found: Sequence[Change]) -> str:
    return "; ".join(change.text for change in found[:3]) + (" …" if len(found) > 3 else "")


def _named(key: str, override: Sequence[str]) -> bool:
    """Whether a key is one of `override` or below one; any key of data covers what the data are."""
    if key == "data":
        return any(each.partition(".")[0] == "data" for each in override)
    return any(key == each or key.startswith(f"{each}.") for each in override)


def _differences(old: Any, new: Any, at: str = "") -> list[tuple[str, str]]:
    """Lists the dotted keys whose values differ, each with its line; an absent key is None."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        below = f"{at}." if at else ""
        names = sorted(old.keys() | new.keys())
        return [d for k in names for d in _differences(old.get(k), new.get(k), f"{below}{k}")]
    return [] if old == new else [(at, f"config.{at} was {old!r}, now {new!r}")]
