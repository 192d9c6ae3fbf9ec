"""Reads images of records that jaxgan.prepare wrote, on demand, however many there are."""

from pathlib import Path

import numpy as np

from jaxgan.config.kinds import SideOrNone
from jaxgan.data import content, summary
from jaxgan.data.columns import CHANNELS
from jaxgan.data.images import convert_channels, resize_batch
from jaxgan.data.shards import layout
from jaxgan.data.shards.reader import Shards
from jaxgan.data.source import Source, digest
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import shown


def records(path: str, *, res: SideOrNone = 0, channels: int = 0) -> Source:
    """Opens a folder of records: uint8 (res, res, channels), read on demand.

    Only where records begin is held in memory, and all labels: some 30 bytes an image.

    Args:
      path: the folder, see data.shards.layout.
      res: pixels a side; 0 for those of the records. Others are resized at every reading.
      channels: 1, 3 or 4; 0 for those of the records. Others are converted at every reading.

    Raises:
      UserError: a folder that is missing, unfinished or damaged, or channels other than these.
    """
    if channels not in (0, *CHANNELS):
        raise UserError(f"config.data.channels={channels!r}: give 1 (gray), 3 (RGB) or 4 (RGBA)")
    folder = content.home(path)
    held = layout.read(folder)
    shards = Shards(folder, layout.form(held), held.counts)
    labels = layout.labels(folder, held)
    height, width, own = held.shape
    shape = (res or height, res or width, channels or own)

    converted = shape != held.shape

    def gather(indices: np.ndarray) -> dict[str, np.ndarray]:
        found = shards.gather(indices)
        _check(found, folder, len(held.classes))
        if converted:
            images = convert_channels(found["image"], shape[2])
            found["image"] = resize_batch(images, res) if res else images
        return found

    original = f"{width}x{height}x{own}" if converted else shown(held.original)
    notes = map(shown, held.notes)
    return Source(
        size=len(shards),
        shape=shape,
        gather=gather,
        classes=held.classes,
        condition_dim=held.condition_dim,
        found=summary.line(
            len(shards), shape, held.classes, labels, held.condition_dim, original, notes
        ),
        fingerprint=digest({}, held.fingerprint, f"as {shape}") if converted else held.fingerprint,
        labels=None if labels is None else (lambda: labels),
    )


def _check(found: dict[str, np.ndarray], folder: Path, classes: int) -> None:
    """Refuses labels without a class and conditions that are not finite, in a stranger's records.

    Raises:
      UserError: says so.
    """
    labels, conditions = found.get("label"), found.get("condition")
    if labels is not None and not ((labels >= 0) & (labels < classes)).all():
        raise UserError(f"config.data: {folder} has labels without a class; prepare it again")
    if conditions is not None and not np.isfinite(conditions).all():
        raise UserError(f"config.data: {folder} has conditions not finite; prepare it again")
