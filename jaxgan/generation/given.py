"""Inputs that users give as .npy files: conditions, latents, images."""

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from jaxgan.runtime import paths
from jaxgan.runtime.errors import UserError


def conditions(path: Path) -> np.ndarray:
    """Reads the vectors of --conditions: float32 (N, D).

    Raises:
      UserError: they cannot be read, or are no finite vectors.
    """
    rows = array("--conditions", path)
    if rows.ndim != 2 or not rows.size or rows.dtype.kind not in "buif":
        raise UserError(f"--conditions={path}: needs numbers (N, D), N at least 1")
    with np.errstate(over="ignore"):  # refused below
        vectors = rows.astype(np.float32)
    if not np.isfinite(vectors).all():
        raise UserError(f"--conditions={path}: some are not finite, or no float32")
    return vectors


def array(flag: str, path: Path) -> np.ndarray:
    """Reads the .npy file that a flag names.

    Raises:
      UserError: it is missing, or something else.
    """
    try:
        if path.exists():
            paths.check_input(path, flag)
        rows = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError, MemoryError, BadZipFile) as error:
        at = f"{flag}={paths.shown(path)}"
        raise UserError(f"{at}: not a .npy file ({paths.reason(error)})") from None
    if not isinstance(rows, np.ndarray):
        raise UserError(f"{flag}={path}: not a .npy file (an archive)")
    return rows
