"""mean |x - back(8-bit there(x))| of translations; less is better; shows what they hide

CycleGAN can hide in there(x) what it needs to restore x, as a signal too weak to see (Chu et al.
2017): the cycle error is then small for a translation that lost x. The figure is the cycle error
in [-1, 1] when there(x) is rounded to 8 bits, as in a file; the levels are those with Gaussian
noise of standard deviation 0 (the cycle error itself) to 0.1 added to there(x) in [-1, 1]. A way
back that kept to what is seen would grow worse by some 0.8 sigma, the mean size of the noise.
"""

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from jaxgan.evaluation import translations, uncertainty
from jaxgan.evaluation.subject import Subject
from jaxgan.evaluation.translations import Translate, distance
from jaxgan.generation.translated import BACK
from jaxgan.runtime import files
from jaxgan.runtime.remote import copies
from jaxgan.visual.raster import save_png, to_uint8
from jaxgan.visual.sheet import sheet

SIGMAS = (0.0, 0.01, 0.02, 0.05, 0.1)
ROUNDED = "8-bit"
WORSE = 1.5  # times as far off, from which a line says what that means
ROUNDING = 0.5 / 127.5  # what rounding changes a pixel by, at most
COLUMNS = ("x", "translated", "difference", "back", "rounded")  # of the picture
SHOWN = 8  # rows of it
WHITE = 99.0  # percentile of |there(x) - x| that is shown white


def check(subject: Subject) -> None:
    """Refuses a run that does not translate both ways.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_translates("hidden", back=True)
    _ = subject.source


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures: sigmas of the noise."""
    del subject
    return [f"{sigma:g}" for sigma in SIGMAS]


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the mean over pictures of each level, with its interval; writes a picture."""
    run = subject.restored, subject.direction, subject.columns
    found = translations.measured(*run, errors)
    shown = {name: rows[:SHOWN] for name, rows in subject.columns.items()}
    path, factor = show(subject, translations.measured(*run[:2], shown, pictures))
    estimates = {k: translations.estimate(each, subject.seed) for k, each in found.items()}
    explain(subject.direction, found[ROUNDED], found["0"], subject.seed)
    print(
        f"wrote {path}: x, {subject.direction}(x), |{subject.direction}(x) - x| times "
        f"{factor:.3g}, and the way back from {subject.direction}(x), exact and rounded",
        file=sys.stderr,
    )
    return {
        **uncertainty.rows(estimates, {}, ROUNDED),
        "picture": str(path),
        "protocol": {
            "unit": "L1 of [-1, 1], by sigma of the noise",
            "n": len(found["0"]),
            "split": subject.split,
        },
    }


def rounded(images: Array) -> Array:
    """Rounds images in [-1, 1] to what 8 bits can hold."""
    return jnp.clip(jnp.round((images + 1) * 127.5), 0, 255) / 127.5 - 1


def errors(there: Translate, back: Translate, x: Array, keys: Array) -> dict[str, Array]:
    """The cycle error (N,) of each picture by the noise on there(x), and with it rounded."""
    y = there(x)
    noise = jax.vmap(partial(jax.random.normal, shape=y.shape[1:]))(keys)
    found = {f"{sigma:g}": distance(back(y + sigma * noise), x) for sigma in SIGMAS}
    return found | {ROUNDED: distance(back(rounded(y)), x)}


def pictures(there: Translate, back: Translate, x: Array, _keys: Array) -> dict[str, Array]:
    """What is shown of each picture, by COLUMNS: the last two are ways back to x."""
    y = there(x)
    least = min(x.shape[-1], y.shape[-1])  # a gray picture is compared with the first channel
    return {
        "x": x,
        "translated": y,
        "difference": jnp.abs(y[..., :least] - x[..., :least]),
        "back": back(y),
        "rounded": back(rounded(y)),
    }


def show(subject: Subject, found: dict[str, np.ndarray]) -> tuple[Path, float]:
    """Writes the rows of a picture; returns where, and by what the difference was multiplied."""
    white = float(np.percentile(found["difference"], WHITE))
    factor = 2 / max(white, 1e-6)  # of the width of [-1, 1]
    found = found | {"difference": factor * found["difference"] - 1}
    columns = [found[name] for name in COLUMNS]
    most = max(each.shape[-1] for each in columns)
    tiles = [
        np.broadcast_to(each if each.shape[-1] == most else each[..., :1], (*each.shape[:3], most))
        for each in columns
    ]
    rows = to_uint8(np.stack(tiles, axis=1).reshape(-1, *tiles[0].shape[1:]))
    name = f"hidden_{subject.direction}_{int(subject.state.step):06d}.png"
    path = copies.here(subject.workdir) / "evaluations" / name
    files.folder(path.parent)
    names = [f"diff x{factor:.2g}" if name == "difference" else name for name in COLUMNS]
    save_png(path, sheet(rows, len(tiles), names=names))
    return path, factor


def explain(direction: str, rounded: np.ndarray, exact: np.ndarray, seed: int) -> None:
    """Says on stderr what it means where rounding makes the way back much worse."""
    if (
        translations.estimate(rounded - exact, seed).low > ROUNDING
        and rounded.mean() > WORSE * exact.mean()
    ):
        print(
            f"hidden {direction}: the way back is off by {rounded.mean():.3f} once {direction}(x) "
            f"is rounded to 8 bits, and by {exact.mean():.3f} before: {BACK[direction]} restores x "
            f"from differences too small to see, so {direction}(x) hides x rather than shows it, "
            "and a saved picture has lost it",
            file=sys.stderr,
        )
