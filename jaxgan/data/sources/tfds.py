"""Images from TensorFlow Datasets, read without TensorFlow."""

import importlib.util
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxgan.data.images import check_target, to_square
from jaxgan.data.source import Source
from jaxgan.runtime.errors import UserError

if TYPE_CHECKING:
    from tensorflow_datasets.core import DatasetBuilder

_OFFLINE = "mnist, digits, photos, folder: and array: need no network"


def tfds(
    path: str, *, res: int, channels: int = 3, split: str = "train", data_dir: str = ""
) -> Source:
    """Opens a TFDS data set with an 'image' feature: uint8 (res, res, channels), read on demand.

    Items carry a label if the data set has a ClassLabel 'label'. One that is not on disk is
    downloaded and prepared, which takes TensorFlow (the extra `jaxgan[tfds]`) and the network;
    reading it afterwards takes neither.

    Args:
        path: the data set's name, 'cifar10', 'name/config' or 'name/config:1.0.0'.
        res: pixels a side, by a centre crop and antialiased resizing.
        channels: 1 (grey) or 3 (RGB).
        split: TFDS's split, slices such as 'train[:90%]' included.
        data_dir: TFDS's folder; empty, its default ($TFDS_DATA_DIR or ~/tensorflow_datasets).

    Raises:
        UserError: an unknown name or split, no 8-bit 'image', a data set that cannot be
            prepared, or one that was prepared in a format without random access.
    """
    import tensorflow_datasets
    from PIL import Image

    check_target(res, channels)
    try:
        builder = tensorflow_datasets.builder(path, data_dir=data_dir or None)
    except ValueError as error:  # DatasetNotFoundError is one; the message goes on for pages
        raise UserError(f"data: tfds: {_first_line(error)}; check the name {path!r}") from error
    features = dict(builder.info.features)
    image = features.get("image")
    if not isinstance(image, tensorflow_datasets.features.Image) or image.np_dtype != np.uint8:
        raise UserError(
            f"data: tfds:{path} has no 8-bit 'image', only {', '.join(sorted(features))}; "
            "choose another data set"
        )
    items = _open(builder, path, split)
    label = features.get("label")
    labelled = isinstance(label, tensorflow_datasets.features.ClassLabel)

    def read(index: int) -> tuple[np.ndarray, int]:
        item = items[index]
        pixels = item["image"]
        grey = pixels.shape[-1] == 1  # Pillow wants such an image without its last axis
        picture = Image.fromarray(pixels[..., 0] if grey else pixels)
        return to_square(picture, res, channels), int(item["label"]) if labelled else 0

    pool = ThreadPoolExecutor(thread_name_prefix="tfds")  # decoding runs without the GIL

    def gather(indices: np.ndarray) -> dict[str, np.ndarray]:
        images, labels = zip(*pool.map(read, indices.tolist()), strict=True)
        batch = {"image": np.stack(images)}
        return batch | {"label": np.array(labels, np.int32)} if labelled else batch

    return Source(
        size=len(items),
        shape=(res, res, channels),
        gather=gather,
        classes=tuple(label.names) if labelled else (),
    )


def _open(builder: "DatasetBuilder", path: str, split: str) -> Sequence[dict[str, Any]]:
    """Returns the split as a sequence of items, preparing the data set if need be."""
    if not builder.is_prepared():
        _prepare(builder, path)
    try:
        return builder.as_data_source(split)
    except NotImplementedError as error:
        raise UserError(
            f"data: tfds:{path} was prepared without random access in {builder.data_path}; "
            "remove that folder or choose another data_dir"
        ) from error
    except ValueError as error:
        raise UserError(f"data: tfds:{path}: {_first_line(error)}; check {split=}") from error


def _prepare(builder: "DatasetBuilder", path: str) -> None:
    """Downloads and prepares the data set, or raises UserError."""
    if importlib.util.find_spec("tensorflow") is None:
        raise UserError(
            f"data: tfds:{path} is not in {builder.data_path}; preparing it takes the network "
            f'and tensorflow: pip install -e ".[tfds]"; {_OFFLINE}'
        )
    try:
        builder.download_and_prepare(file_format="array_record")
    # Each data set downloads and parses in code of its own, and raises what it likes.
    except Exception as error:
        raise UserError(
            f"data: tfds:{path} could not be prepared ({type(error).__name__}: "
            f"{_first_line(error)}); check the network; {_OFFLINE}"
        ) from error


def _first_line(error: Exception) -> str:
    """Returns the first line of the error's message, without its full stop."""
    return str(error).strip().partition("\n")[0].rstrip(".")
