"""TensorBoard events: in the file at once, cut back on resume, damage dropped and said."""

import os

import numpy as np
import pytest
from tensorboardX.crc32c import crc32c as reference
from tensorboardX.proto.event_pb2 import Event

from jaxgan.runtime.errors import UserError
from jaxgan.training.records.crc32c import crc32c
from jaxgan.training.records.events import Events, records


def test_the_checksum_is_crc_32c():
    assert crc32c(b"123456789") == 0xE3069283
    rng = np.random.default_rng(0)
    for n in (0, 1, 8191, 8192, 8193, 20_000):
        data = rng.bytes(n)
        assert crc32c(data) == reference(data), n


def found(folder):
    """The (step, tag) of all events, in order of files and records."""
    every = []
    for path in sorted(folder.iterdir()):
        with path.open("rb") as file:
            events = [Event.FromString(record.data) for record in records(file)]
        every += [(event.step, value.tag) for event in events for value in event.summary.value]
    return every


def write(folder, step, steps):
    """Writes events after `step` and leaves the file as a kill does."""
    events = Events(folder, step)
    for t in steps:
        events.scalar(t, "d/loss", t / 2)
        events.image(t, "samples", np.full((4, 4, 1), t, np.uint8))
        events.flush()
    return events


def both(steps):
    return [(t, name) for t in steps for name in ("d/loss", "samples")]


def test_an_event_is_there_once_and_those_after_the_checkpoint_are_written_again(tmp_path):
    write(tmp_path, 0, [10, 20, 30])
    assert found(tmp_path) == both([10, 20, 30]), "without a close"
    write(tmp_path, 20, [30, 40])
    write(tmp_path, 20, [])  # killed before the next checkpoint
    write(tmp_path, 20, [30, 40, 50])
    assert found(tmp_path) == both([10, 20, 30, 40, 50])
    assert len(list(tmp_path.iterdir())) == 2, "files without events are removed"
    write(tmp_path, 0, [10])
    assert found(tmp_path) == both([10]), "a new start keeps nothing"


def test_a_record_that_a_kill_cut_is_dropped_silently(tmp_path, capfd):
    write(tmp_path, 0, [10, 20])
    (path,) = tmp_path.iterdir()
    os.truncate(path, path.stat().st_size - 5)
    write(tmp_path, 20, [])
    assert found(tmp_path) == both([10, 20])[:-1]
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("at", "left"), [(0, 3), (8, 3), (20, 5), (-2, 5)])
def test_a_flipped_bit_costs_one_event_or_where_lengths_are_lost_the_rest(
    tmp_path, at, left, capfd
):
    write(tmp_path, 0, [10, 20, 30])
    (path,) = tmp_path.iterdir()
    with path.open("rb") as file:
        record = list(records(file))[4]  # the version's, two of step 10, the scalar of step 20
    content = bytearray(path.read_bytes())
    content[(record.start if at >= 0 else record.end) + at] ^= 16
    path.write_bytes(content)
    write(tmp_path, 30, [])
    kept = found(tmp_path)
    assert kept == [each for i, each in enumerate(both([10, 20, 30])) if i < 3 or i > 6 - left + 2]
    assert f"{path}: 1 damaged events or parts dropped" in capfd.readouterr().err


def test_what_cannot_be_opened_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file cannot be written .File exists"):
        Events(tmp_path / "file", 0)
    (tmp_path / "events.out.tfevents.0").mkdir()
    with pytest.raises(UserError, match="tfevents.0 cannot be read .Is a directory"):
        Events(tmp_path, 10)
