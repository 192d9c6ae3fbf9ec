"""Stores drawn samples: arrays with the inputs that make them again, a grid, or a folder.

And reads inputs: those that were stored, and arrays that users give.
"""

import lzma
import math
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from jaxgan.core.inputs import Field, Image, Inputs, Label
from jaxgan.runtime import files, paths
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.parser import SEED
from jaxgan.visual import plots, raster
from jaxgan.visual.sheet import TILE, arranged, sheet

ENLARGED = 4096  # images of a sheet, at most, whose tiles are enlarged
Rows = Mapping[str, np.ndarray]

_SPARSE = 2**28  # bytes that an array of an .npz may unpack to, whatever its size
_DENSITY = 100  # bytes that a larger one may unpack to for each of its own
# What reading a damaged zip or .npy raises, beside a UserError.
_DAMAGED = (
    *(OSError, ValueError, EOFError, AttributeError, TypeError, MemoryError),
    *(NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error, lzma.LZMAError),
)


def check(path: Path, shape: Sequence[int], *, folder: bool) -> None:
    """Refuses a path that does not take samples of this shape, before they are drawn.

    Args:
      path: a .png, an .npz, or a folder with `folder`.
      shape: of one sample.

    Raises:
      UserError: no picture, or a folder that holds something.
    """
    at = f"--out={path}{'/' * folder}"
    if folder and len(shape) != 3:
        raise UserError(f"{at}: points make one plot; write a .png or an .npz")
    if folder and path.exists() and any(path.iterdir()):
        raise UserError(f"{at}: the folder is not empty; name another")
    if path.suffix == ".npz" and not folder:
        return
    if len(shape) == 3 and shape[-1] not in (1, 3, 4):
        raise UserError(f"{at}: {shape[-1]} channels are no PNG; write an .npz")
    if len(shape) != 3 and tuple(shape) != (2,):
        raise UserError(f"{at}: samples of shape {tuple(shape)} are no picture; write an .npz")


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
    named = {public(name, value): value for name, value in rows.items()}
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
    named = [public(name, np.empty(0, row_of(each).dtype)) for name, each in declared.items()]
    arrays = archive("--latents", path, (*named, "seeds"))
    rows = {name: _find(path, arrays, name, field) for name, field in declared.items()}
    if "seeds" not in arrays:
        raise UserError(f"--latents={path}: has no 'seeds'; write it with --out=FILE.npz")
    lengths = {name: len(value) for name, value in rows.items()}
    n, seeds = max(lengths.values()), arrays["seeds"]
    if min(lengths.values()) != n or n == 0:
        raise UserError(f"--latents={path}: its inputs have {lengths} rows; they need one number")
    if (
        seeds.dtype.kind != "i"
        or seeds.shape not in ((1,), (n,))
        or seeds.min() < 0
        or seeds.max() > SEED
    ):
        raise UserError(f"--latents={path}: its seeds are no 1 or {n} integers, 0 to {SEED}")
    return rows, seeds.tolist()


def archive(flag: str, path: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """Reads those arrays of an .npz, which `flag` names, that it has; others are not unpacked.

    Raises:
      UserError: it is missing, damaged or something else, or unpacks to far more than it is.
    """
    at = f"{flag}={paths.shown(path)}"
    try:
        if path.exists():
            paths.check_input(path, flag)
        file = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(file, np.ndarray):
            raise ValueError("a lone array")
        with file:
            members = {info.filename: info for info in file.zip.infolist()}
            found = {}
            for name in names:
                info = members.get(f"{name}.npy") or members.get(name)
                if info and info.file_size > max(_SPARSE, _DENSITY * info.compress_size):
                    size = f"{info.file_size / 1e9:.1f} GB in {info.compress_size} bytes"
                    raise UserError(f"{at}: {name} has {size}; store it with np.savez")
                if name in file:
                    found[name] = file[name]
            if not all(isinstance(each, np.ndarray) for each in found.values()):
                raise ValueError("a member that is no array")
            return found
    except _DAMAGED as error:
        raise UserError(f"{at}: not an .npz of jaxgan.sample ({paths.reason(error)})") from None


def names_of(declared: Inputs, classes: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of the classes that a game draws, () where they have none.

    A code's categories are the game's own, and no classes of the data.
    """
    labels = [field for field in declared.values() if isinstance(field, Label)]
    return tuple(classes) if labels and labels[0].classes == len(classes) else ()


def names_of_rows(declared: Inputs, rows: Rows, classes: Sequence[str]) -> list[str]:
    """Returns the class of each sample, by number where it has no name; [] where there is none."""
    names = names_of(declared, classes)
    for name, field in declared.items():
        if isinstance(field, Label):
            return [names[k] if names else str(k) for k in np.asarray(rows[name]).tolist()]
    return []


def save_grid(path: Path, samples: np.ndarray, columns: int, names: Sequence[str] = ()) -> None:
    """Writes a PNG: a sheet of images with `columns` in a row, or a plot of points.

    `names` are written above the columns where they recur in order and `columns` is 0, else below
    the images. Images are enlarged to tiles that one can read, unless there are over ENLARGED.
    """
    if samples.ndim != 4:
        extent = float(math.ceil(np.abs(samples).max()) or 1)
        return raster.save_png(path, plots.scatter(np.empty((0, 2)), samples, extent=extent))
    named = {"columns": columns, "captions": names} if columns else arranged(names)
    side = TILE if len(samples) <= ENLARGED else 1
    return raster.save_png(path, sheet(samples, **named, side=side))


def save_folder(folder: Path, samples: np.ndarray, names: Sequence[str] = ()) -> None:
    """Writes a PNG for each image, 00000.png and so on, with its class in the name of labeled ones.

    The folder holds nothing yet.
    """
    files.folder(folder)
    for i, image in enumerate(samples):
        suffix = "".join(c if c.isalnum() or c in "-_." else "_" for c in names[i]) if names else ""
        raster.save_png(folder / f"{i:05d}{suffix and '-'}{suffix[:100]}.png", image)


def public(name: str, rows: np.ndarray) -> str:
    """Returns the name in an .npz of a game's input."""
    if name == "y":
        return "labels" if np.issubdtype(rows.dtype, np.integer) else "conditions"
    return {"z": "latents", "x": "inputs"}.get(name, name)


def row_of(field: Field) -> jax.ShapeDtypeStruct:
    """Returns the shape (1, ...) and the type of one row of an input."""
    if isinstance(field, Image):
        return jax.ShapeDtypeStruct((1, *field.shape), np.float32)
    return jax.eval_shape(lambda: field.draw(jax.random.key(0), 1, None))


def _find(path: Path, arrays: Rows, name: str, field: Field) -> np.ndarray:
    """Returns an input's rows among a file's arrays, with the shape that its field declares."""
    want = row_of(field)
    known = public(name, np.empty(0, want.dtype))
    if known not in arrays:
        raise UserError(
            f"--latents={path}: has no {known!r}, which this run's model takes; "
            "write it with --out=FILE.npz"
        )
    rows = arrays[known]
    if rows.shape[1:] != want.shape[1:] or rows.ndim == 0 or rows.dtype != want.dtype:
        raise UserError(
            f"--latents={path}: {known} are {rows.dtype} {rows.shape}, but this run's model takes "
            f"{want.dtype} (N, {', '.join(map(str, want.shape[1:]))}); is it of another run?"
        )
    if rows.dtype.kind == "f" and not np.isfinite(rows).all():
        raise UserError(f"--latents={path}: some {known} are not finite")
    if want.dtype == np.int32 and len(rows):
        field.check(rows)
    return rows


def conditions(path: Path) -> np.ndarray:
    """Reads the vectors of --conditions: float32 (N, D).

    Raises:
      UserError: they cannot be read, or are no finite vectors.
    """
    rows = array("--conditions", path)
    if rows.ndim != 2 or not rows.size or rows.dtype.kind not in "buif":
        raise UserError(f"--conditions={path}: needs numbers (N, D), N at least 1")
    with np.errstate(over="ignore"):  # refused below
        vectors = rows.astype(np.float32)
    if not np.isfinite(vectors).all():
        raise UserError(f"--conditions={path}: some are not finite, or no float32")
    return vectors


def array(flag: str, path: Path) -> np.ndarray:
    """Reads the .npy file that a flag names.

    Raises:
      UserError: it is missing, or something else.
    """
    try:
        if path.exists():
            paths.check_input(path, flag)
        rows = np.load(path, allow_pickle=False)
    except _DAMAGED as error:
        at = f"{flag}={paths.shown(path)}"
        raise UserError(f"{at}: not a .npy file ({paths.reason(error)})") from None
    if not isinstance(rows, np.ndarray):
        raise UserError(f"{flag}={path}: not a .npy file (an archive)")
    return rows
