"""Every experiment's samples as a .png, as an .npz and as a folder: nets are built, none is run."""

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest
import untrained

from jaxgan import sample
from jaxgan.core.inputs import Image
from jaxgan.runtime.errors import UserError
from jaxgan.visual.sheet import LINE, enlarged

SIDE, RANGE, N = 480, 3.0, 5  # of a plot of points; of the samples; how many


def ranging(name):
    """A run of an experiment whose samples have its shape, and values from -3 to 3."""
    run, _, shape = untrained.built(name)

    def of(state, drawn, key):
        made = jax.eval_shape(run.game.sample, state, drawn, key)
        assert made.shape[1:] == shape, "what the game's own sampler makes"
        return jnp.linspace(-RANGE, RANGE, made.size).reshape(made.shape)

    return run._replace(game=run.game._replace(sample=of)), shape


def as_drawn(shape):
    values = np.linspace(-RANGE, RANGE, N * np.prod(shape)).reshape(N, *shape)
    if len(shape) != 3:
        return np.float32(values)
    return np.clip(np.round((values + 1) * 127.5), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", untrained.NAMES)
def test_samples_take_every_suffix(name, tmp_path, monkeypatch):
    run, shape = ranging(name)
    monkeypatch.setattr("jaxgan.training.workdir.restore", lambda *_: run)
    flags = [f"--workdir={tmp_path}", f"--n={N}"]
    taken = [field.shape for field in run.game.inputs.values() if isinstance(field, Image)]
    if taken:
        np.save(tmp_path / "photos.npy", np.zeros((2, *taken[0]), np.uint8))
        flags.append(f"--images={tmp_path}/photos.npy")

    assert sample.main([*flags, f"--out={tmp_path}/a.npz"]) == 0
    with np.load(tmp_path / "a.npz") as arrays:
        images = arrays["images"]
    want = as_drawn(shape)
    assert images.dtype == want.dtype
    np.testing.assert_allclose(images.astype(float), want.astype(float), atol=1)
    if len(shape) != 3:
        assert np.abs(images).max() == RANGE, "points are not clipped to the range of pictures"

    assert sample.main([*flags, f"--out={tmp_path}/a.png"]) == 0
    picture = np.asarray(PIL.Image.open(tmp_path / "a.png"))
    if len(shape) != 3:
        assert picture.shape == (SIDE, SIDE, 3) and len(np.unique(picture)) > 2
        with pytest.raises(UserError, match="points make one plot"):
            sample.main([*flags, f"--out={tmp_path}/points/"])
        return
    tile = enlarged(images[:1])[0].squeeze()
    spots = [picture[y : y + len(tile), 4 : 4 + tile.shape[1]] for y in (4, 4 + LINE)]
    assert any(np.array_equal(spot, tile) for spot in spots), "below the name of its column, if any"
    assert sample.main([*flags, f"--out={tmp_path}/each/"]) == 0
    files = sorted((tmp_path / "each").glob("*.png"))
    assert len(files) == N
    for path, image in zip(files, images, strict=True):
        np.testing.assert_array_equal(np.asarray(PIL.Image.open(path)), image.squeeze())
