"""Paths between latents: straight, or along the sphere that N(0, I) lies close to."""

import numpy as np


def lerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Returns the points (N, T, D) at t (T,) of the straight lines from a to b, both (N, D)."""
    t = t[None, :, None]
    return np.float32((1 - t) * a[:, None] + t * b[:, None])


def slerp(a: np.ndarray, b: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Returns points as `lerp`, at equal angles (Shoemake 1985; White 2016, section 2.1).

    Halfway between two draws of N(0, I) it stays as long as they are, where a straight line is
    shorter by sqrt 2. Of parallel ones it is the straight line.
    """
    t = t[None, :, None]
    units = [x / np.linalg.norm(x, axis=1, keepdims=True).clip(1e-12) for x in (a, b)]
    angle = np.arccos(np.sum(units[0] * units[1], axis=1).clip(-1, 1))[:, None, None]
    parallel = np.sin(angle) < 1e-6
    sine = np.where(parallel, 1, np.sin(angle))
    weights = [np.sin(s * angle) / sine for s in (1 - t, t)]
    weights = [np.where(parallel, s, w) for s, w in zip((1 - t, t), weights, strict=True)]
    return np.float32(weights[0] * a[:, None] + weights[1] * b[:, None])


PATHS = {"lerp": lerp, "slerp": slerp}
