"""sliced Wasserstein distance by scale (Karras et al. 2018), x 1000; less is better; from 16 pixels

The protocol is that of the authors' code: a Laplacian pyramid down to 16 pixels; 128 patches of
7x7 from each image at each level; each channel of a level's patches is brought to mean 0 and
standard deviation 1 over the set; along 4 x 128 random directions the patches are projected and
sorted; the figure is the mean absolute difference of the sorted projections, times 1000. Small at
16 pixels means a like large-scale structure, small at the finest level like edges and noise.

Each set is normalized by itself, so a change of a channel's offset or gain does not show. The
distance of two draws from one distribution is not 0 but falls with their number: compare figures
of equal n only.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.subject import Subject
from jaxgan.runtime.errors import UserError

COARSEST = 16  # pixels of the last level
PATCHES = 128  # of an image, at each level
SIDE = 7  # of a patch
REPEATS, DIRECTIONS = 4, 128

_CHUNK = 256  # images whose pyramids are held at once
_TAPS = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
_SORTED = 32  # directions whose projections are held at once


def check(subject: Subject) -> None:
    """Refuses images without a level.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_images()
    check_shape(subject.spec.shape)
    _ = subject.source


def levels_of(subject: Subject) -> Sequence[str]:
    """Returns the names of its further figures: the shorter sides of the pyramid's levels."""
    return [str(side) for side in levels((0, *subject.goal.shape))]


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the distance x 1000: the mean over levels, and of each level; their intervals."""
    real, fake = subject.pair

    def figures(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
        return swd(one, other, subject.seed)

    found = uncertainty.of_parts(figures, real, fake, subject.seed)
    settings = [PATCHES, SIDE, REPEATS, DIRECTIONS, COARSEST]
    floors, floor_n = subject.floor({"swd": settings}, figures)
    protocol = {
        "unit": 1e-3,
        "n": len(fake),
        "split": subject.split,
        "resize": "none",
        "patches": f"{PATCHES} per image and level",
        "directions": REPEATS * DIRECTIONS,
        "floor_n": floor_n,
    }
    return {**uncertainty.rows(found, floors), "protocol": protocol}


def swd(images_a: np.ndarray, images_b: np.ndarray, seed: int) -> dict[str, float]:
    """Computes the distance of two sets at each level of the pyramid.

    Args:
      images_a, images_b: (N, H, W, C), the same N; uint8, or floats in [-1, 1].
      seed: at least 0; determines patches and directions. Patches lie at the same positions in both
        sets, so that equal sets are at distance 0.

    Returns:
      By a level's shorter side, '64', '32', '16', and as 'mean' over the levels: distance x 1000.

    Raises:
      UserError: sets of different shapes, images below 16 pixels, or values that are not finite.
    """
    a, b = np.asarray(images_a), np.asarray(images_b)
    if a.shape != b.shape or a.ndim != 4 or not len(a):
        raise UserError(f"swd: sets of shapes {a.shape}, {b.shape}; give two of one (N, H, W, C)")
    check_shape(a.shape[1:])
    if not all(x.dtype == np.uint8 or np.isfinite(x).all() for x in (a, b)):
        raise UserError("swd: pixels that are not finite; did the run diverge?")
    found = {}
    for level, side in enumerate(levels(a.shape)):
        one, other = (_patches(images, level, _stream(seed, level, 0)) for images in (a, b))
        found[str(side)] = 1000 * _sliced(one, other, _stream(seed, level, 1))
    return found | {"mean": sum(found.values()) / len(found)}


def levels(shape: tuple[int, ...]) -> list[int]:
    """Returns the shorter sides of a pyramid of (N, H, W, C): halved, rounded up, down to 16."""
    sides = [min(shape[1:3])]
    while (sides[-1] + 1) // 2 >= COARSEST:
        sides.append((sides[-1] + 1) // 2)
    return sides


def pyramid(images: np.ndarray, depth: int) -> list[np.ndarray]:
    """Builds the Laplacian pyramid of (N, H, W, C): `depth` + 1 levels, the last one low-pass.

    Burt and Adelson's 5-tap filter, mirrored at the edges.
    """
    out = [images]
    for _ in range(depth):
        out.append(down(out[-1]))
    return [x - up(y, x.shape) for x, y in zip(out, out[1:], strict=False)] + [out[-1]]


def down(x: np.ndarray) -> np.ndarray:
    """Smooths (N, H, W, C), keeps every other row and column: (N, ceil(H/2), ceil(W/2), C)."""
    return _smooth(_smooth(x, 1)[:, ::2], 2)[:, :, ::2]


def up(x: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Inserts zeros, smooths, and multiplies by 4: to `shape`, twice the size or 1 less."""
    wide = np.zeros(shape, x.dtype)
    wide[:, ::2, ::2] = x
    return 4 * _smooth(_smooth(wide, 1), 2)


def _smooth(x: np.ndarray, axis: int) -> np.ndarray:
    pads = [(0, 0)] * 4
    pads[axis] = (2, 2)
    wide, n = np.pad(x, pads, mode="reflect"), x.shape[axis]
    at = [slice(None)] * 4
    out = np.zeros_like(x)
    for i, tap in enumerate(_TAPS):
        at[axis] = slice(i, i + n)
        out += np.float32(tap) * wide[tuple(at)]
    return out


def _patches(images: np.ndarray, level: int, rng: np.random.Generator) -> np.ndarray:
    """Returns normalized patches of one level, (N * PATCHES, SIDE * SIDE * C) float32."""
    last = level == len(levels(images.shape)) - 1
    parts = []
    for chunk in _floats(images):
        x = pyramid(chunk, level + (not last))[level]
        n, height, width, channels = x.shape
        top = rng.integers(height - SIDE + 1, size=(n, PATCHES))
        left = rng.integers(width - SIDE + 1, size=(n, PATCHES))
        windows = np.lib.stride_tricks.sliding_window_view(x, (SIDE, SIDE), axis=(1, 2))
        parts.append(windows[np.arange(n)[:, None], top, left])  # (n, PATCHES, C, SIDE, SIDE)
    patches = np.concatenate(parts).reshape(-1, channels, SIDE * SIDE)
    mean = patches.mean(axis=(0, 2), dtype=np.float64)
    std = np.sqrt(np.square(patches).mean(axis=(0, 2), dtype=np.float64) - mean**2)
    std = np.where(std > 1e-3, std, 1)  # a channel without content stays at 0 (of 255)
    patches -= mean[:, None].astype(np.float32)
    patches /= std[:, None].astype(np.float32)
    return patches.reshape(len(patches), -1)


def _floats(images: np.ndarray) -> Iterator[np.ndarray]:
    """Yields chunks as float32 in [0, 255]."""
    for i in range(0, len(images), _CHUNK):
        x = images[i : i + _CHUNK]
        yield x.astype(np.float32) if x.dtype == np.uint8 else (x.astype(np.float32) + 1) * 127.5


def _stream(seed: int, level: int, use: int) -> np.random.Generator:
    """Returns independent random numbers for each level and use."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, level, use]))


def _sliced(a: np.ndarray, b: np.ndarray, rng: np.random.Generator) -> float:
    """Computes the mean over random directions of the Wasserstein-1 distance of points (M, D)."""
    directions = rng.standard_normal((a.shape[1], REPEATS * DIRECTIONS))
    directions = (directions / np.linalg.norm(directions, axis=0)).astype(np.float32)
    total = 0.0
    for i in range(0, directions.shape[1], _SORTED):
        # Directions first, so that what is sorted lies together in memory.
        one, other = (np.sort(directions[:, i : i + _SORTED].T @ x.T, axis=1) for x in (a, b))
        total += np.abs(one - other).mean(axis=1, dtype=np.float64).sum()
    return float(total / directions.shape[1])


def check_shape(shape: tuple[int, ...]) -> None:
    """Refuses images (H, W, C) smaller than the coarsest level.

    Raises:
      UserError: says so.
    """
    if min(shape[:2]) < COARSEST:
        raise UserError(
            f"swd: images of {shape[0]}x{shape[1]} pixels, its coarsest level has {COARSEST}; "
            "use another metric, or larger images"
        )
