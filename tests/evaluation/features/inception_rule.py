"""InceptionV3's weights by a rule of their names, so that no file of them is needed.

Those of tests/fixtures/inception_rule.npz: each array is drawn by the CRC of its name.
"""

import zlib
from collections.abc import Iterator

import numpy as np

# Inputs, outputs and kernel (height, width) of each convolution outside the blocks.
STEM = {
    "Conv2d_1a_3x3": (3, 32, 3, 3),
    "Conv2d_2a_3x3": (32, 32, 3, 3),
    "Conv2d_2b_3x3": (32, 64, 3, 3),
    "Conv2d_3b_1x1": (64, 80, 1, 1),
    "Conv2d_4a_3x3": (80, 192, 3, 3),
}


def blocks() -> Iterator[tuple[str, tuple[int, int, int, int]]]:
    """The convolutions of the blocks."""
    for name, n, pool in (("5b", 192, 32), ("5c", 256, 64), ("5d", 288, 64)):
        yield f"{name}.branch1x1", (n, 64, 1, 1)
        yield f"{name}.branch5x5_1", (n, 48, 1, 1)
        yield f"{name}.branch5x5_2", (48, 64, 5, 5)
        yield f"{name}.branch3x3dbl_1", (n, 64, 1, 1)
        yield f"{name}.branch3x3dbl_2", (64, 96, 3, 3)
        yield f"{name}.branch3x3dbl_3", (96, 96, 3, 3)
        yield f"{name}.branch_pool", (n, pool, 1, 1)
    yield "6a.branch3x3", (288, 384, 3, 3)
    yield "6a.branch3x3dbl_1", (288, 64, 1, 1)
    yield "6a.branch3x3dbl_2", (64, 96, 3, 3)
    yield "6a.branch3x3dbl_3", (96, 96, 3, 3)
    for name, n in (("6b", 128), ("6c", 160), ("6d", 160), ("6e", 192)):
        yield f"{name}.branch1x1", (768, 192, 1, 1)
        yield f"{name}.branch7x7_1", (768, n, 1, 1)
        yield f"{name}.branch7x7_2", (n, n, 1, 7)
        yield f"{name}.branch7x7_3", (n, 192, 7, 1)
        yield f"{name}.branch7x7dbl_1", (768, n, 1, 1)
        yield f"{name}.branch7x7dbl_2", (n, n, 7, 1)
        yield f"{name}.branch7x7dbl_3", (n, n, 1, 7)
        yield f"{name}.branch7x7dbl_4", (n, n, 7, 1)
        yield f"{name}.branch7x7dbl_5", (n, 192, 1, 7)
        yield f"{name}.branch_pool", (768, 192, 1, 1)
    yield "7a.branch3x3_1", (768, 192, 1, 1)
    yield "7a.branch3x3_2", (192, 320, 3, 3)
    yield "7a.branch7x7x3_1", (768, 192, 1, 1)
    yield "7a.branch7x7x3_2", (192, 192, 1, 7)
    yield "7a.branch7x7x3_3", (192, 192, 7, 1)
    yield "7a.branch7x7x3_4", (192, 192, 3, 3)
    for name, n in (("7b", 1280), ("7c", 2048)):
        yield f"{name}.branch1x1", (n, 320, 1, 1)
        yield f"{name}.branch3x3_1", (n, 384, 1, 1)
        yield f"{name}.branch3x3_2a", (384, 384, 1, 3)
        yield f"{name}.branch3x3_2b", (384, 384, 3, 1)
        yield f"{name}.branch3x3dbl_1", (n, 448, 1, 1)
        yield f"{name}.branch3x3dbl_2", (448, 384, 3, 3)
        yield f"{name}.branch3x3dbl_3a", (384, 384, 1, 3)
        yield f"{name}.branch3x3dbl_3b", (384, 384, 3, 1)
        yield f"{name}.branch_pool", (n, 192, 1, 1)


def weights() -> dict[str, np.ndarray]:
    """The state dict, float32, convolutions (out, in, height, width)."""
    found = {}

    def add(name, shape, make):
        found[name] = make(np.random.RandomState(zlib.crc32(name.encode())), shape).astype("f4")

    def small(r, shape):
        return 0.1 * r.randn(*shape)

    layers = STEM | {f"Mixed_{name}": shape for name, shape in blocks()}
    for at, (inputs, outputs, height, width) in layers.items():
        fan_in = inputs * height * width
        shape = (outputs, inputs, height, width)
        add(f"{at}.conv.weight", shape, lambda r, s, f=fan_in: r.randn(*s) * np.sqrt(2 / f))
        add(f"{at}.bn.weight", (outputs,), lambda r, s: 1 + 0.1 * r.randn(*s))
        add(f"{at}.bn.bias", (outputs,), small)
        add(f"{at}.bn.running_mean", (outputs,), small)
        add(f"{at}.bn.running_var", (outputs,), lambda r, s: 1 + 0.5 * r.rand(*s))
    add("fc.weight", (1008, 2048), lambda r, s: 0.02 * r.randn(*s))
    add("fc.bias", (1008,), small)
    return found
