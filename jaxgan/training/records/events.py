"""TensorBoard's event files, written as the run goes and cut back where it resumes.

tensorboardX's own writer has a queue and a thread, whose events a kill loses, also those from
before the checkpoint; here an event is in the file once it is added. On resume, events after the
checkpoint are removed, since they are written again.
"""

import os
import socket
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from jaxgan.runtime import files
from jaxgan.training.records.crc32c import crc32c

_PREFIX = "events.out.tfevents."
_HEAD, _FOOT = struct.Struct("<QI"), struct.Struct("<I")  # length and its checksum; the data's


class Record(NamedTuple):
    """A record in a file: its bytes are those from start to end; None is data that are damaged."""

    start: int
    end: int
    data: bytes | None


class Events:
    """Writes the events of a run from a step on."""

    def __init__(self, folder: Path, step: int):
        """Opens a new file in a folder, from which events after `step` are removed; 0 for all.

        Raises:
          UserError: the folder or a file cannot be read or written.
        """
        from tensorboardX.proto.event_pb2 import Event, SessionLog  # slow to import

        files.folder(folder)
        for path in sorted(folder.glob(f"{_PREFIX}*")):
            _cut(path, step)
        self._path = folder / f"{_PREFIX}{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        with files.writing(self._path):
            self._file = self._path.open("xb")
        self._event = Event
        self._add(file_version="brain.Event:2")
        if step:  # a TensorBoard that is running forgets what it has read beyond
            self._add(step=step + 1, session_log=SessionLog(status=SessionLog.START))
        self.flush()

    def scalar(self, step: int, name: str, value: float) -> None:
        """Adds a scalar."""
        from tensorboardX import summary

        self._add(step=step, summary=summary.scalar(name, value))

    def image(self, step: int, name: str, picture: np.ndarray) -> None:
        """Adds a picture, (H, W, C) uint8."""
        from tensorboardX import summary

        self._add(step=step, summary=summary.image(name, picture, dataformats="HWC"))

    def flush(self) -> None:
        """Hands what was added to the system: a kill of the process loses none of it."""
        with files.writing(self._path):
            self._file.flush()

    def close(self) -> None:
        """Flushes and closes the file."""
        with files.writing(self._path):
            self._file.close()

    def _add(self, **fields: object) -> None:
        data = self._event(wall_time=time.time(), **fields).SerializeToString()
        length = struct.pack("<Q", len(data))
        with files.writing(self._path):
            self._file.write(
                length + _FOOT.pack(_masked(length)) + data + _FOOT.pack(_masked(data))
            )


def records(file: BinaryIO) -> Iterator[Record]:
    """Reads the records of an event file; ends at a length that is damaged, or where it is cut."""
    start = 0
    while len(head := file.read(_HEAD.size)) == _HEAD.size:
        length, crc = _HEAD.unpack(head)
        if crc != _masked(head[:8]):
            yield Record(start, os.fstat(file.fileno()).st_size, None)
            return
        rest = file.read(length + _FOOT.size)
        if len(rest) < length + _FOOT.size:
            return
        end, data = start + _HEAD.size + len(rest), rest[:length]
        yield Record(start, end, data if _FOOT.unpack(rest[length:])[0] == _masked(data) else None)
        start = end


def _cut(path: Path, step: int) -> None:
    """Removes damaged events from a file, and those after `step`; and the file if none is left."""
    from google.protobuf.message import DecodeError
    from tensorboardX.proto.event_pb2 import Event

    kept, damaged, has_summary = [], 0, False
    with files.reading(path), path.open("rb") as file:
        for record in records(file):
            try:
                event = None if record.data is None else Event.FromString(record.data)
            except DecodeError:
                event = None
            if event is None:
                damaged += 1
            elif step and event.step <= step:
                kept.append(record)
                has_summary |= event.HasField("summary")
    if damaged:
        print(f"warning: {path}: {damaged} damaged events or parts dropped", file=sys.stderr)
    with files.writing(path):
        if not has_summary:
            path.unlink()
        elif kept[-1].end == sum(record.end - record.start for record in kept):
            if kept[-1].end < path.stat().st_size:
                os.truncate(path, kept[-1].end)
        else:
            content = path.read_bytes()
            with files.replacing(path) as file:
                for record in kept:
                    file.write(content[record.start : record.end])


def _masked(data: bytes) -> int:
    """The checksum as TFRecord files store it."""
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
