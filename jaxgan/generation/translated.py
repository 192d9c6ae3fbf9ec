"""Translates image files from one domain to the other, at their own size."""

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.core.game import Game, Spec, State
from jaxgan.data.decoded import opened
from jaxgan.data.images import Target, convert_channels, resize_batch, scaled, upright
from jaxgan.data.tree import is_image, tree
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import shown
from jaxgan.visual import sheet as sheets
from jaxgan.visual.raster import to_uint8

BACK = {"a2b": "b2a", "b2a": "a2b"}
COLUMNS = {"a2b": ("image", "other"), "b2a": ("other", "image")}  # of the data: from, to
TILE = 128  # pixels a side of a picture in the sheet
NAMES = ("picture", "translated", "back", "identity")  # of its columns, as many as there are


class Picture(NamedTuple):
    """A file to translate: where it is, and its name among the outputs, without a suffix."""

    path: Path
    name: str


def find(places: Sequence[Path]) -> list[Picture]:
    """Lists the image files that are given, and those below folders that are.

    Raises:
      UserError: a path that is no image and no folder of images, or two of the same name.
    """
    found: dict[str, Picture] = {}
    for place in places:
        if place.is_dir():
            try:
                pictures = [Picture(place / name, name) for name in tree(place).readable]
            except UserError as error:
                raise UserError(str(error).removeprefix("config.data: ")) from None
        elif place.is_file() and is_image(place.name):
            pictures = [Picture(place, place.name)]
        else:
            raise UserError(f"{shown(place)}: no image file and no folder; give one of them")
        for path, relative in pictures:
            name = str(Path(relative).with_suffix(""))
            if name in found:
                raise UserError(
                    f"{shown(path)} and {shown(found[name].path)} would both be written as "
                    f"{shown(name)}.png; translate them one after the other"
                )
            found[name] = Picture(path, name)
    return list(found.values())


def read(path: Path, channels: int, res: int = 0) -> np.ndarray:
    """Reads an image as uint8 (H, W, channels), with its shorter side `res` unless that is 0.

    Raises:
      UserError: a file that cannot be read as an image.
    """
    from PIL import Image

    def convert(img: Image.Image) -> np.ndarray:
        img, _ = upright(img, Target(1, channels))
        img = scaled(img, res) if res else img
        return np.asarray(img).reshape(img.height, img.width, channels)

    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"{shown(path)}: cannot be read ({error.strerror})") from error
    pixels = opened(data, convert)
    if isinstance(pixels, str):
        raise UserError(f"{shown(path)}: cannot be read as an image ({pixels})")
    return pixels


def rows(
    game: Game,
    spec: Spec,
    state: State,
    direction: str,
    pictures: Sequence[Picture],
    res: int = 0,
    absent: Collection[str] = (),
) -> Iterator[list[np.ndarray]]:
    """Yields for each picture, uint8 (H, W, C): itself, its translation, the way back, identity.

    The last is what the way back makes of the picture itself, which should leave it as it is; it
    is left out where the domains differ in channels, and both are where the way back is `absent`.

    Raises:
      UserError: a game that does not translate, a file that cannot be read, or a size that the nets
        refuse; all of it before the first.
    """
    if direction not in game.translators:
        raise UserError(f"--direction={direction}: this run's game does not translate")
    shapes = {"a2b": (spec.shape, spec.other), "b2a": (spec.other, spec.shape)}[direction]
    key = jax.random.key(0)
    there, back = (
        jax.jit(partial(padded, game.translators[name])) for name in (direction, BACK[direction])
    )
    returns = BACK[direction] not in absent
    # Each is read here too, since a bad one in the middle would leave half of the outputs.
    forms = {read(path, shapes[0][-1], res).shape: path for path, _ in reversed(pictures)}
    for shape, path in forms.items():
        try:
            made = jax.eval_shape(there, state, jax.ShapeDtypeStruct((1, *shape), np.float32), key)
            _ = jax.eval_shape(back, state, made, key) if returns else None
        except UserError as error:
            raise UserError(f"{shown(path)}: {error}; pass --res") from None
    for path, _ in pictures:
        image = read(path, shapes[0][-1], res)
        x = jnp.asarray(image[None], jnp.float32) / 127.5 - 1
        translated = there(state, x, key)
        row = [x, translated]
        row += [back(state, translated, key)] if returns else []
        if returns and shapes[0][-1] == shapes[1][-1]:
            row.append(back(state, x, key))
        yield [to_uint8(each[0]) for each in row]


def padded(translator, state: State, images: jax.Array, key: jax.Array) -> jax.Array:
    """Translates images of any size: reflects them to multiples of 4, and cuts the result."""
    height, width = images.shape[1:3]
    below, right = -height % 4, -width % 4
    pads = ((0, 0), (0, below), (0, right), (0, 0))
    # A side shorter than the margin has too little to reflect.
    mode = "reflect" if below < height and right < width else "edge"
    return translator(state, jnp.pad(images, pads, mode=mode), key)[:, :height, :width]


def sheet(rows: Sequence[Sequence[np.ndarray]]) -> np.ndarray:
    """Arranges rows that `rows` yields, center squares of TILE pixels, below their NAMES.

    Returns uint8 (H, W, C), C of the picture with the most channels.
    """
    channels = max(picture.shape[-1] for row in rows for picture in row)
    tiles = [
        convert_channels(resize_batch(picture[None], TILE), channels)
        for row in rows
        for picture in row
    ]
    columns = len(rows[0])
    return sheets.sheet(np.concatenate(tiles), columns, names=NAMES[:columns])
