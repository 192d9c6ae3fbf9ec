"""What both sides of a golden step start from: a function of names alone, so none of it is stored.

Everything is rounded to float32, which no platform's logarithm can change. NumPy keeps the streams
of RandomState as they are (NEP 19).
"""

import math
import zlib

import numpy as np

COUNT = 3  # updates that an optimizer has made before the step


def source(*names):
    """Returns a generator that depends on the names alone."""
    return np.random.RandomState(zlib.crc32(" ".join(map(str, names)).encode()))


def rounded(values):
    """Returns values that float32 holds exactly, as float64."""
    return np.asarray(values, np.float32).astype(np.float64)


def scale(path, shape, equalized):
    """Returns the mean and the standard deviation of a parameter, which keep activations near 1.

    equalized: whether the net scales its weights at run time.
    """
    *place, leaf = path.split("/")
    if leaf in ("kernel", "const", "scale", "gamma"):
        mean, std = {"scale": (1, 0.2), "gamma": (0, 0.5)}.get(leaf, (0, 1))
        if leaf == "kernel" and "Embed" in place[-1]:
            std = 0.4
        elif leaf == "kernel" and not equalized:
            std = (2 if "ConvTranspose" in place[-1] else 1) / math.sqrt(math.prod(shape[:-1]))
    else:
        mean, std = 0, 0.1  # biases and strengths of noise
    # Layers of a mapping learn at a hundredth of the rate, and are stored a hundred times as large.
    slow = equalized and "mapping" in place and place[-1].startswith("fc")
    return (100 * mean, 100 * std) if slow else (mean, std)


def parameter(name, path, shape, equalized=False):
    """Returns a recipe's parameter before the step, or an averaged one where name says so."""
    mean, std = scale(path, shape, equalized)
    return rounded(mean + std * source(name, path).normal(size=shape))


def statistic(name, path, shape):
    """Returns a statistic or a memory before the step, in (0.1, 1.1)."""
    return rounded(0.1 + source(name, path).uniform(size=shape))


def moments(name, path, shape):
    """Returns an optimizer's first and second moments, small enough that every epsilon matters."""
    root = 10 ** source(name, path, "nu").uniform(-5, -2, size=shape)
    return rounded(root * source(name, path, "mu").normal(size=shape)), rounded(root**2)


def draw(name, kind, shape, i, low=0, high=2):
    """Returns a recipe's i-th draw of a kind and shape.

    kind: 'normal', 'uniform' in [0, 1), or 'randint' in [low, high).
    """
    own = source(name, kind, shape, i)
    if kind == "randint":
        return own.randint(low, high, size=shape)
    return rounded(own.normal(size=shape) if kind == "normal" else own.uniform(size=shape))


def batch(name, shape):
    """Returns images of integer levels 0 to 255, float64, and labels of three classes."""
    return source(name, "level").randint(0, 256, shape).astype(float), np.resize(
        [0, 2, 1, 2], shape[0]
    )


def fingerprint(x):
    """Returns the norm of an array and its products with two fixed vectors, (3,)."""
    x = np.ravel(x)
    i = np.arange(x.size)
    return np.array([np.linalg.norm(x), x @ np.cos(1.7 * i), x @ np.cos(2.3 * i + 1)])
