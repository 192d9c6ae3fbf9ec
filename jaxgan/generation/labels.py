"""Classes as a user names them: by name where the data have one, else by number."""

from collections.abc import Sequence

import numpy as np

from jaxgan.runtime import paths
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import SEED

Labels = str | int | Sequence[int | str] | np.ndarray


def numbers(labels: Labels, names: Sequence[str]) -> np.ndarray:
    """Returns class numbers, int32 (N,).

    Args:
      labels: one class or several, by number or name; a text may hold several, as in 'cat,dog'.
      names: of the run's classes, () where they have none.

    Raises:
      UserError: a class that is neither a number nor one of the names.
    """
    if isinstance(labels, str):
        return parse(labels, names)
    rows = np.atleast_1d(np.asarray(labels))
    if rows.ndim != 1 or not len(rows) or rows.dtype.kind not in "iuU":
        raise UserError("labels: give class numbers or names, one or a list of them")
    if rows.dtype.kind == "U":
        return np.concatenate([parse(name, names) for name in rows.tolist()])
    return rows.astype(np.int32)


def parse(text: str, names: Sequence[str]) -> np.ndarray:
    """Returns the classes that --labels names, by name where there is one, else by number.

    Names may have commas, as "(2, 0)": the longest that fits is taken.

    Raises:
      UserError: as `numbers`.
    """
    parts, found = text.split(","), []
    while parts:
        ends = range(len(parts), 0, -1)
        named = [end for end in ends if ",".join(parts[:end]).strip() in names]
        end = named[0] if named else 1
        word = ",".join(parts[:end]).strip()
        if named:
            found.append(list(names).index(word))
        elif word.isascii() and word.isdigit() and len(word) < 11 and int(word) <= SEED:
            found.append(int(word))
        else:
            listed = f"{', '.join(names[:10])}{', …' if len(names) > 10 else ''}"
            known = f"; the classes are {listed}" if names else ""
            label = paths.shorten(text)
            raise UserError(f"--labels={label}: write class numbers, as in 7 or 0,1,2{known}")
        parts = parts[end:]
    return np.array(found, np.int32)
