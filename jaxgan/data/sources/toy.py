"""Points in the plane with known modes: where mode collapse shows within seconds.

Each source is a fixed sample, drawn from Philox under a constant key: a larger one begins with the
points of a smaller one. Coordinates are raw, so a generator's output must be linear.
"""

import numpy as np

from jaxgan.data.source import Source, from_arrays
from jaxgan.runtime.errors import UserError

_KEY = 0x746F79  # any constant: it names the stream that the points are drawn from
_STD = {"ring": 0.02, "grid": 0.05}


def ring(*, size: int = 100_000) -> Source:
    """Eight Gaussians of std 0.02 on a circle of radius 2; labelled by mode.

    Metz et al. 2017 (unrolled GAN, section 3.1); PacGAN's is this one halved.
    """
    return _mixture("ring", size)


def grid(*, size: int = 100_000) -> Source:
    """25 Gaussians of std 0.05 at {-4, -2, 0, 2, 4}^2; labelled by mode.

    Srivastava et al. 2017 (VEEGAN, section 4.1); Lin et al. 2018 (PacGAN, section 4.1).
    """
    return _mixture("grid", size)


def swiss_roll(*, size: int = 100_000) -> Source:
    """A spiral of 1.5 turns, radius 0.67 to 2, with noise of std 0.03; unlabelled."""
    angle = 1.5 * np.pi * (1 + 2 * _uniforms(size))
    points = np.concatenate([np.cos(angle), np.sin(angle)], axis=1) * angle / (2.25 * np.pi)
    return from_arrays((points + 0.03 * _normals(size)).astype(np.float32))


def moons(*, size: int = 100_000) -> Source:
    """Two interleaved half circles of radius 1.5 with noise of std 0.05; unlabelled."""
    angle = np.pi * _uniforms(size)
    upper = np.arange(size)[:, None] % 2 == 0
    x = np.where(upper, np.cos(angle), 1 - np.cos(angle)) - 0.5
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle)) - 0.25
    points = 1.5 * np.concatenate([x, y], axis=1) + 0.05 * _normals(size)
    return from_arrays(points.astype(np.float32))


def modes(name: str) -> tuple[np.ndarray, float]:
    """The centres (K, 2) of a source here and the std around each; K = 0 for a manifold."""
    if name == "ring":
        angle = 2 * np.pi * np.arange(8) / 8
        return 2 * np.stack([np.cos(angle), np.sin(angle)], axis=1), _STD[name]
    if name == "grid":
        side = np.arange(-4.0, 5.0, 2.0)
        return np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2), _STD[name]
    return np.zeros((0, 2)), 0.0


def _mixture(name: str, size: int) -> Source:
    """`size` points, as many of each mode as can be, in turn."""
    centres, std = modes(name)
    points = np.resize(centres, (size, 2)) + std * _normals(size)
    names = [f"({x:.3g}, {y:.3g})" for x, y in centres.round(6) + 0.0]  # + 0.0: no -0
    return from_arrays(points.astype(np.float32), np.arange(size) % len(centres), names)


def _normals(size: int) -> np.ndarray:
    return _stream(_KEY, size).standard_normal((size, 2))


def _uniforms(size: int) -> np.ndarray:
    return _stream(_KEY + 1, size).random((size, 1))


def _stream(key: int, size: int) -> np.random.Generator:
    if size < 1:
        raise UserError(f"data: size={size!r}; give at least 1")
    return np.random.Generator(np.random.Philox(key=key))
