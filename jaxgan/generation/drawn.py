"""Stores drawn samples: arrays with the inputs that make them again, a grid, or a folder."""

import math
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from jaxgan.core.inputs import Image, Inputs
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.visual import grid, plots

Rows = Mapping[str, np.ndarray]


def save_arrays(path: Path, samples: np.ndarray, rows: Rows, seeds: Sequence[int]) -> None:
    """Writes an .npz: images, the inputs by their public names, and seeds.

    Args:
      path: the file.
      samples: uint8 images (N, H, W, C), or float32 points (N, D).
      rows: the inputs, N rows each.
      seeds: one for all samples, or one for each.

    Raises:
      UserError: it cannot be written.
    """
    named = {_public(name, value): value for name, value in rows.items()}
    with files.replacing(path) as file:
        np.savez_compressed(file, images=samples, **named, seeds=np.asarray(seeds, np.int64))


def load_inputs(path: Path, declared: Inputs) -> tuple[dict[str, np.ndarray], list[int]]:
    """Reads the inputs and seeds that `save_arrays` wrote.

    Args:
      path: the .npz.
      declared: the inputs that the game takes; those of the file must have their shapes.

    Raises:
      UserError: no such file, or inputs of another model, in one line.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"--latents={path}: not an .npz of jaxgan.sample ({error})") from None
    rows = {name: _find(path, arrays, name, field) for name, field in declared.items()}
    if "seeds" not in arrays:
        raise UserError(f"--latents={path}: has no 'seeds'; write it with --out=FILE.npz")
    lengths = {name: len(value) for name, value in rows.items()}
    n, seeds = max(lengths.values()), arrays["seeds"]
    if min(lengths.values()) != n or n == 0:
        raise UserError(f"--latents={path}: its inputs have {lengths} rows; they need one number")
    if seeds.dtype.kind != "i" or seeds.shape not in ((1,), (n,)) or seeds.min() < 0:
        raise UserError(f"--latents={path}: its seeds are no 1 or {n} integers from 0")
    return rows, seeds.tolist()


def save_grid(path: Path, samples: np.ndarray, columns: int) -> None:
    """Writes a PNG: a grid of images with `columns` in a row (0: a square), or a plot of points.

    Raises:
      UserError: neither pictures nor points in the plane.
    """
    if samples.ndim == 4:
        _check_channels(path, samples)
        return grid.save_png(path, grid.grid(samples, columns))
    if samples.shape[1:] != (2,):
        raise UserError(f"--out={path}: samples of shape {samples.shape[1:]} are no picture; "
                        "write an .npz")  # fmt: skip
    extent = float(math.ceil(np.abs(samples).max()) or 1)
    return grid.save_png(path, plots.scatter(np.empty((0, 2)), samples, extent=extent))


def save_folder(folder: Path, samples: np.ndarray, rows: Rows, classes: Sequence[str] = ()) -> None:
    """Writes a PNG for each image, 00000.png and so on, with the class in the name of labeled ones.

    Raises:
      UserError: samples that are no images, or a folder that holds something.
    """
    if samples.ndim != 4:
        raise UserError(f"--out={folder}/: points make one plot; write a .png or an .npz")
    _check_channels(folder, samples)
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"--out={folder}/: the folder is not empty; name another")
    files.folder(folder)
    labels = rows.get("y", np.zeros(0))
    for i, image in enumerate(samples):
        suffix = ""
        if labels.ndim == 1 and len(labels):
            number = int(labels[i])
            name = classes[number] if number < len(classes) else str(number)
            suffix = "-" + "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
        grid.save_png(folder / f"{i:05d}{suffix}.png", image)


def _check_channels(path: Path, samples: np.ndarray) -> None:
    if samples.shape[-1] not in (1, 3, 4):
        raise UserError(f"--out={path}: {samples.shape[-1]} channels are no PNG; write an .npz")


def _public(name: str, rows: np.ndarray) -> str:
    """Returns an input's name in the .npz."""
    if name == "y":
        return "labels" if np.issubdtype(rows.dtype, np.integer) else "conditions"
    return {"z": "latents", "x": "inputs"}.get(name, name)


def _find(path: Path, arrays: Rows, name: str, field: object) -> np.ndarray:
    """Returns an input's rows among a file's arrays, with the shape that its field declares."""
    if isinstance(field, Image):
        want = jax.ShapeDtypeStruct((1, *field.shape), np.float32)
    else:
        want = jax.eval_shape(lambda: field.draw(jax.random.key(0), 1, None))
    public = _public(name, np.empty(0, want.dtype))
    if public not in arrays:
        raise UserError(
            f"--latents={path}: has no {public!r}, which this run's model takes; "
            "write it with --out=FILE.npz"
        )
    rows = arrays[public]
    if rows.shape[1:] != want.shape[1:] or rows.ndim == 0 or rows.dtype != want.dtype:
        raise UserError(
            f"--latents={path}: {public} are {rows.dtype} {rows.shape}, but this run's model takes "
            f"{want.dtype} (N, {', '.join(map(str, want.shape[1:]))}); is it of another run?"
        )
    if want.dtype == np.int32 and len(rows):
        field.check(rows)
    return rows
