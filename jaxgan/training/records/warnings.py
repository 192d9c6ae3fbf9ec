"""warnings.jsonl: what a run was warned of, a JSON object a line: step, kind, value, text."""

import json
import math
import sys
from pathlib import Path
from typing import Any, NamedTuple

from jaxgan.runtime import files
from jaxgan.runtime.paths import shown

NAME = "warnings.jsonl"


class Warned(NamedTuple):
    """A warning: at which step, of what kind, the reading that led to it, and what was said."""

    step: int
    kind: str
    value: float
    text: str


class Warnings:
    """The file in a workdir. What was warned of before a resume is kept, and is not repeated."""

    def __init__(self, workdir: Path, step: int):
        """Opens it; drops lines that are damaged or from after `step`, from which a run resumes.

        Raises:
          UserError: it cannot be read or written.
        """
        self._path = workdir / NAME
        found = [warned for warned in read(workdir) if warned.step <= step]
        self.kinds = {warned.kind for warned in found}
        if self._path.exists():
            files.write(self._path, "".join(_line(warned) for warned in found))

    def add(self, warned: Warned) -> bool:
        """Adds a warning and returns whether it is the first of its kind."""
        if warned.kind in self.kinds:
            return False
        self.kinds.add(warned.kind)
        files.append(self._path, _line(warned))
        return True


def read(workdir: Path) -> list[Warned]:
    """Reads a workdir's warnings.jsonl; [] where there is none.

    Lines that are damaged are passed over, which a line on stderr says.
    """
    path = workdir / NAME
    if not path.exists():
        return []
    with files.reading(path):
        lines = path.read_bytes().split(b"\n")[:-1]  # after the last end a kill cut one, or nothing
    found = [warned for line in lines if (warned := _warned(line)) is not None]
    if lost := len(lines) - len(found):
        print(f"warning: {shown(path)}: {lost} damaged lines are left out", file=sys.stderr)
    return found


def _warned(line: bytes) -> Warned | None:
    """Returns what a line says, None where it is damaged."""
    kinds = {"step": int, "kind": str, "value": float, "text": str}
    try:
        found: dict[str, Any] = json.loads(line)
        values = {name: found[name] for name in kinds}
    except (ValueError, RecursionError, TypeError, KeyError):
        return None
    fits = all(type(values[name]) is kind for name, kind in kinds.items())
    return Warned(**values) if fits and math.isfinite(values["value"]) else None


def _line(warned: Warned) -> str:
    return json.dumps(warned._asdict(), allow_nan=False) + "\n"
