"""Digits in colors, each with the vector of its caption, as "a red seven": data for StackGAN."""

import dataclasses

import numpy as np

from jaxgan.config.kinds import Side, Width
from jaxgan.data.source import Source, digest
from jaxgan.data.sources.embedded import digits

COLORS = {
    "red": (230, 50, 50),
    "yellow": (230, 210, 50),
    "green": (50, 200, 70),
    "cyan": (60, 200, 220),
    "blue": (70, 90, 235),
    "magenta": (220, 70, 210),
}
_KEY = 0x63617074696F6E  # arbitrary; the seed of the words' vectors


def digits_captioned(*, res: Side = 32, dim: Width = 16) -> Source:
    """Paints scikit-learn's digits in each of six colors on black: uint8 (res, res, 3).

    An item's condition is the `embedding` of its color and digit, its class their names. Of equal
    index modulo 1,797 are the same digit's.
    """
    gray = digits(res=res)
    names = tuple(COLORS)
    kinds = gray.labels()
    palette = np.array(list(COLORS.values()), np.float32)

    def labels(indices: np.ndarray) -> np.ndarray:
        color, item = np.divmod(indices, gray.size)
        return (10 * color + kinds[item]).astype(np.int32)

    def gather(indices: np.ndarray) -> dict[str, np.ndarray]:
        color, item = np.divmod(indices, gray.size)
        drawn = gray.gather(item)
        paint = palette[color][:, None, None] / 255
        return {
            "image": np.rint(drawn["image"] * paint).astype(np.uint8),
            "label": labels(indices),
            "condition": embedding(color, drawn["label"], dim),
        }

    return dataclasses.replace(
        gray,
        size=len(names) * gray.size,
        shape=(res, res, 3),
        gather=gather,
        classes=tuple(f"{name} {digit}" for name in names for digit in gray.classes),
        condition_dim=dim,
        labels=lambda: labels(np.arange(len(names) * gray.size)),
        found="",
        fingerprint=digest({"colors": palette}, gray.fingerprint, f"captions {dim}"),
    )


def embedding(colors: np.ndarray, kinds: np.ndarray, dim: int = 16) -> np.ndarray:
    """Returns the vectors of captions, float32 (N, dim): the sum of their words' vectors.

    A word's vector is a fixed draw of N(0, 1/2), so that those of captions are of N(0, 1).

    Args:
      colors: which of COLORS, whole numbers (N,). kinds: which digit.
      dim: length of the vectors; those of another length are other ones.
    """
    rng = np.random.Generator(np.random.Philox(key=[_KEY, dim]))
    words = rng.normal(0, 0.5**0.5, (len(COLORS) + 10, dim))
    return (words[colors] + words[len(COLORS) + kinds]).astype(np.float32)
