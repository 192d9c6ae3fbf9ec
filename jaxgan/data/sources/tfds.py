"""Reads images of TensorFlow Datasets, without TensorFlow."""

import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxgan.config.kinds import Side
from jaxgan.data import summary, survey
from jaxgan.data.images import Target, target, to_square
from jaxgan.data.source import Source, digest
from jaxgan.runtime.errors import UserError

if TYPE_CHECKING:
    from tensorflow_datasets.core import DatasetBuilder

_OFFLINE = "mnist, digits, photos, folder: and array: need no network"


def tfds(
    path: str,
    *,
    res: Side,
    channels: int = 3,
    fit: str = "crop",
    split: str = "train",
    data_dir: str = "",
) -> Source:
    """Opens a TFDS data set with an 'image' feature: uint8 (res, res, channels), read on demand.

    Items have a label if the data set has a ClassLabel 'label'. A data set that is not on disk is
    downloaded and prepared, which needs TensorFlow (the extra `jaxgan[tfds]`) and the network;
    reading it afterwards needs neither.

    Args:
      path: the data set's name: 'cifar10', 'name/config' or 'name/config:1.0.0'.
      res: pixels a side, with antialiased resizing.
      channels: 1 (gray), 3 (RGB) or 4 (RGBA); transparency is composited on white unless 4.
      fit: how images that are not square become so: 'crop', 'pad' or 'squash', see images.Target.
      split: TFDS's split, slices such as 'train[:90%]' included.
      data_dir: TFDS's folder; if empty, its default ($TFDS_DATA_DIR or ~/tensorflow_datasets).

    Raises:
      UserError: an unknown name or split, no 8-bit 'image', a data set that cannot be
        prepared, or one that was prepared in a format without random access.
    """
    import tensorflow_datasets
    from PIL import Image

    want = target(res, channels, fit)
    builder = _builder(path, data_dir)
    items = _open(builder, path, split)
    label = dict(builder.info.features).get("label")
    labeled = isinstance(label, tensorflow_datasets.features.ClassLabel)

    def read(index: int) -> tuple[np.ndarray, int]:
        item = items[index]
        pixels = item["image"]
        gray = pixels.shape[-1] == 1  # Pillow takes gray images without a channel axis
        picture = Image.fromarray(pixels[..., 0] if gray else pixels)
        return to_square(picture, want)[0], int(item["label"]) if labeled else 0

    pool = ThreadPoolExecutor(thread_name_prefix="tfds")  # decoding runs without the GIL

    def gather(indices: np.ndarray) -> dict[str, np.ndarray]:
        images, labels = zip(*pool.map(read, indices.tolist()), strict=True)
        batch = {"image": np.stack(images)}
        return batch | {"label": np.array(labels, np.int32)} if labeled else batch

    classes = tuple(label.names) if labeled else ()
    facts = [builder.info.full_name, split, str(len(items)), repr(want), *classes]
    return Source(
        size=len(items),
        shape=(res, res, channels),
        gather=gather,
        classes=classes,
        found=_line(builder, len(items), want, classes),
        fingerprint=digest({}, "tfds", *facts),
    )


def _line(builder: "DatasetBuilder", size: int, want: Target, classes: Sequence[str]) -> str:
    """Returns the line that describes the data; warns of much that a crop drops."""
    shape = (want.res, want.res, want.channels)
    height, width, channels = builder.info.features["image"].shape
    if not (height and width and channels):  # they differ from image to image
        return summary.line(size, shape, classes)
    kind = {1: "gray", 3: "RGB", 4: "RGBA"}[channels]
    seen = survey.of([survey.Facts(width, height, kind)])
    seen.warn(want.fit, ranged=True)
    given = {"original": seen.original(), "notes": seen.notes(want.fit)}
    return summary.line(size, shape, classes, **given)


def _builder(path: str, data_dir: str) -> "DatasetBuilder":
    """Returns the builder of a data set with 8-bit images; raises UserError if there is none."""
    import tensorflow_datasets

    try:
        builder = tensorflow_datasets.builder(path, data_dir=data_dir or None)
    except ValueError as error:  # such as DatasetNotFoundError, whose message fills pages
        reason = _first_line(error)
        raise UserError(f"config.data: tfds: {reason}; check the name {path!r}") from error
    features = dict(builder.info.features)
    image = features.get("image")
    if not isinstance(image, tensorflow_datasets.features.Image) or image.np_dtype != np.uint8:
        raise UserError(
            f"config.data: tfds:{path} has no 8-bit 'image', only {', '.join(sorted(features))}; "
            "choose another data set"
        )
    return builder


def _open(builder: "DatasetBuilder", path: str, split: str) -> Sequence[dict[str, Any]]:
    """Returns the split as a sequence of items; prepares the data set if necessary."""
    if not builder.is_prepared():
        _prepare(builder, path)
    try:
        return builder.as_data_source(split)
    except NotImplementedError as error:
        raise UserError(
            f"config.data: tfds:{path} was prepared without random access in {builder.data_path}; "
            "remove that folder or choose another data_dir"
        ) from error
    except ValueError as error:
        raise UserError(
            f"config.data: tfds:{path}: {_first_line(error)}; check {split=}"
        ) from error


def _prepare(builder: "DatasetBuilder", path: str) -> None:
    """Downloads and prepares the data set; raises UserError if that fails."""
    if importlib.util.find_spec("tensorflow") is None:
        raise UserError(
            f"config.data: tfds:{path} is not in {builder.data_path}; preparing it needs the "
            f'network and tensorflow: pip install -e ".[tfds]"; {_OFFLINE}'
        )
    try:
        builder.download_and_prepare(file_format="array_record")
    # Each data set has its own code to download and parse, which may raise anything.
    except Exception as error:
        raise UserError(
            f"config.data: tfds:{path} could not be prepared ({type(error).__name__}: "
            f"{_first_line(error)}); check the network; {_OFFLINE}"
        ) from error


def _first_line(error: Exception) -> str:
    """Returns the first line of the error's message, without its period."""
    return str(error).strip().partition("\n")[0].rstrip(".")
