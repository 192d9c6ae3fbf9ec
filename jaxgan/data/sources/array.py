"""Reads images from a NumPy file."""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from jaxgan.data.images import check_target, convert_channels, resize_batch
from jaxgan.data.source import Source, from_arrays
from jaxgan.runtime.errors import UserError

_OPTIONAL = ("labels", "classes", "conditions")


def array(path: str, *, res: int = 0, channels: int = 0) -> Source:
    """Reads an .npz of images, labels, classes and conditions, or an .npy of images alone.

    Args:
      path: an .npz with 'images', uint8 (N, H, W, C) or (N, H, W), and optionally 'labels',
        integers (N,), 'classes', strings (K,), and 'conditions', floats (N, D); or an .npy of
        the images. An .npy is memory-mapped, so it may exceed the memory if it is neither
        resized nor converted.
      res: pixels a side, by a center crop and antialiased resizing; 0 for the shorter side.
      channels: 1 (luminance) or 3 (gray repeated); 0 for the file's.

    Raises:
      UserError: a file that is missing or not as above, or inconsistent contents.
    """
    columns = _read(Path(path).expanduser())
    images = columns.pop("images")
    if images.dtype != np.uint8 or images.ndim not in (3, 4) or images.size == 0:
        raise UserError(
            f"config.data: images in {path} are {images.dtype.name} of shape {images.shape}; "
            "store uint8 (N, H, W, C) or (N, H, W)"
        )
    if images.ndim == 3:
        images = images[..., None]
    res = res or min(images.shape[1:3])
    channels = channels or images.shape[-1]
    check_target(res)
    return from_arrays(resize_batch(convert_channels(images, channels), res), **columns)


def _read(path: Path) -> dict[str, np.ndarray]:
    """Returns 'images' and those of the optional columns that the file has."""
    try:
        # A pickle in the file could run code, so pickles are refused.
        file = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(file, np.ndarray):
            return {"images": file}
        with file:
            if "images" not in file:
                raise UserError(
                    f"config.data: {path} has no 'images', only {sorted(file)}; "
                    "save it with np.savez(path, images=...)"
                )
            return {key: file[key] for key in ("images", *_OPTIONAL) if key in file}
    except FileNotFoundError as error:
        raise UserError(f"config.data: no file {path}; check the path after 'array:'") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise UserError(
            f"config.data: {path} is not a readable .npz or .npy ({' '.join(str(error).split())}); "
            "save it with np.savez(path, images=...)"
        ) from error
