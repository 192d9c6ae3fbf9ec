"""PSNR in dB of translations to the truth; more is better; needs two domains of pairs

20 log10(255 / rms) of each picture, as it would be written, to its pair, rms over pixels and
channels of [0, 255]; the figure is the mean over pictures. `untranslated` is that of the picture
itself to its pair: what a translation that changes nothing reaches. The truth is known where the
data are pairs, as `photos_ab` keeps some out of training. A picture without any error counts
58.9 dB, the error of rounding to 8 bits.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxgan.evaluation import translations, uncertainty
from jaxgan.evaluation.compared import pixels
from jaxgan.evaluation.subject import Subject
from jaxgan.generation.translated import COLUMNS
from jaxgan.runtime.errors import UserError

ROUNDING = 1 / 12  # mean squared error of rounding, in gray levels


def check(subject: Subject) -> None:
    """Refuses a run that does not translate, or pictures whose translation is not known.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_translates("psnr", back=False)
    if not subject.source.aligned:
        raise UserError(
            "--metrics=psnr: the pictures of the two domains are no pairs, so the true translation "
            "is not known; kid and swd compare sets"
        )


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures, where both domains have one shape."""
    return ("untranslated",) if subject.spec.shape == subject.spec.other else ()


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the mean over pictures and its interval, and those of the untranslated ones."""
    truth, made = subject.pair
    x = pixels(subject.columns[COLUMNS[subject.direction][0]])
    found = {"translated": psnr(made, truth)}
    if x.shape == truth.shape:
        found["untranslated"] = psnr(x, truth)
    estimates = {k: translations.estimate(each, subject.seed) for k, each in found.items()}
    return {
        **uncertainty.rows(estimates, {}, "translated"),
        "protocol": {
            "unit": "dB of 8 bits, mean over pictures",
            "n": len(truth),
            "split": subject.split,
        },
    }


def psnr(images: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Computes the peak signal-to-noise ratio in dB (N,) of uint8 images (N, H, W, C)."""
    squares = (images.astype(np.float64) - truth) ** 2
    ratios: np.ndarray = 10 * np.log10(255**2 / np.maximum(squares.mean(axis=(1, 2, 3)), ROUNDING))
    return ratios
