"""Draws points in the plane with known modes, on which mode collapse shows within seconds.

Each source is a fixed sample, drawn by Philox with a constant key: a larger one begins with the
points of a smaller one. Coordinates are not scaled, so the generator's output must be linear.
"""

import numpy as np

from jaxgan.config.kinds import Items
from jaxgan.data.source import Source, from_arrays
from jaxgan.runtime.errors import UserError

_KEY = 0x746F79  # arbitrary; the seed of the points
_STD = {"ring": 0.02, "grid": 0.05}


def ring(*, size: Items = 100_000) -> Source:
    """Draws from eight Gaussians of std 0.02 on a circle of radius 2; labeled by mode.

    Metz et al. 2017 (unrolled GAN, section 3.1); PacGAN's ring is half this size.
    """
    return _mixture("ring", size)


def grid(*, size: Items = 100_000) -> Source:
    """Draws from 25 Gaussians of std 0.05 at {-4, -2, 0, 2, 4}^2; labeled by mode.

    Srivastava et al. 2017 (VEEGAN, section 4.1); Lin et al. 2018 (PacGAN, section 4.1).
    """
    return _mixture("grid", size)


def swiss_roll(*, size: Items = 100_000) -> Source:
    """Draws a spiral of 1.5 revolutions, radius 0.67 to 2, with noise of std 0.03; unlabeled."""
    angle = 1.5 * np.pi * (1 + 2 * _uniforms(size))
    points = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) * angle / (2.25 * np.pi)
    return from_arrays((points + 0.03 * _normals(size)).astype(np.float32))


def moons(*, size: Items = 100_000) -> Source:
    """Draws two interleaved half circles of radius 1.5 with noise of std 0.05; unlabeled."""
    angle = np.pi * _uniforms(size)
    upper = np.arange(size)[:, None] % 2 == 0
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle)) - 0.5
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle)) - 0.25
    points = 1.5 * np.concatenate([x, y], axis=1) + 0.05 * _normals(size)
    return from_arrays(points.astype(np.float32))


def modes(name: str) -> tuple[np.ndarray, float]:
    """Returns the centers (K, 2) of a source's modes and their std; K = 0 for a manifold."""
    if name == "ring":
        angle = 2 * np.pi * np.arange(8) / 8
        return 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1), _STD[name]
    if name == "grid":
        side = np.arange(-4.0, 5.0, 2.0)
        return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2), _STD[name]
    return np.zeros((0, 2)), 0.0


def _mixture(name: str, size: int) -> Source:
    """Draws `size` points, one of each mode in rotation."""
    centers, std = modes(name)
    points = np.resize(centers, (size, 2)) + std * _normals(size)
    names = [f"({x:.3g}, {y:.3g})" for x, y in centers.round(6) + 0.0]  # + 0.0: no -0
    return from_arrays(points.astype(np.float32), np.arange(size) % len(centers), names)


def _normals(size: int) -> np.ndarray:
    return _stream(_KEY, size).standard_normal((size, 2))


def _uniforms(size: int) -> np.ndarray:
    return _stream(_KEY + 1, size).random((size, 1))


def _stream(key: int, size: int) -> np.random.Generator:
    if size < 1:
        raise UserError(f"config.data: size={size!r}; give at least 1")
    return np.random.Generator(np.random.Philox(key=key))
