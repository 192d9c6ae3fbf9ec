"""Batches as a function of the step, what is known of them beforehand, and prefetching."""

import dataclasses
import threading
import time

import numpy as np
import pytest

from jaxgan.core.growth import Growth, Stage
from jaxgan.data.pipeline import Batches, prefetch
from jaxgan.data.source import from_arrays
from jaxgan.runtime.errors import UserError


def numbered(size: int):
    """Items whose 2x3 RGB pixels tell the item and the pixel's place in its row."""
    images = np.zeros((size, 2, 3, 3), np.uint8)
    images[..., 0] = np.arange(size)[:, None, None]
    images[..., 1] = np.arange(3)
    return from_arrays(images, np.arange(size) % 2)


def items(batch: dict[str, np.ndarray]) -> list[int]:
    return batch["image"][:, 0, 0, 0].tolist()


def test_a_batch_depends_on_the_step_alone():
    data = Batches(numbered(50), batch=8, seed=3, flip=True)
    forward = [data(step)["image"] for step in range(12)]
    again = Batches(numbered(50), batch=8, seed=3, flip=True)
    for step in (11, 0, 7, 7, 3):
        np.testing.assert_array_equal(again(step)["image"], forward[step])


def test_seeds_give_other_orders_and_flips():
    a, b = (Batches(numbered(50), batch=32, seed=seed, flip=True)(0)["image"] for seed in (0, 1))
    assert (a[:, 0, 0, 0] != b[:, 0, 0, 0]).any()
    assert ((a[:, 0, 0, 1] == 2) != (b[:, 0, 0, 1] == 2)).any()


def test_every_epoch_is_another_order_of_every_item():
    data = Batches(numbered(12), batch=4, seed=0)
    epochs = [sum((items(data(3 * epoch + k)) for k in range(3)), []) for epoch in range(4)]
    assert all(sorted(epoch) == list(range(12)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert list(range(12)) not in epochs


def test_a_source_smaller_than_a_batch_repeats():
    counts = np.bincount(items(Batches(numbered(5), batch=20, seed=0)(1)), minlength=5)
    assert counts.tolist() == [4] * 5


def test_labels_stay_with_their_images():
    batch = Batches(numbered(50), batch=16, seed=0, flip=True)(2)
    np.testing.assert_array_equal(batch["label"], batch["image"][:, 0, 0, 0] % 2)


@pytest.mark.parametrize("processes", [2, 4])
def test_the_global_batch_is_the_same_for_any_number_of_processes(processes):
    whole = Batches(numbered(10), batch=8, seed=5, flip=True)
    for step in range(6):
        merged = np.empty((8, 2, 3, 3), np.uint8)
        for p in range(processes):
            own = np.roll(np.arange(8), 3)[p::processes]  # as a torus may have them, in no block
            share = Batches(numbered(10), batch=8, seed=5, flip=True, rows=lambda n, own=own: own)
            merged[own] = share(step)["image"]
            np.testing.assert_array_equal(share.whole(step)["image"], whole(step)["image"])
        np.testing.assert_array_equal(merged, whole(step)["image"])


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_flip_mirrors_half_the_images_and_changes_nothing_else(dtype):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 4, 5, 3)).astype(dtype)
    original = pixels.copy()
    source = from_arrays(pixels)
    plain = Batches(source, batch=40, seed=1)
    flipped = Batches(source, batch=40, seed=1, flip=True)
    mirrored = []
    for step in range(10):
        before, after = plain(step)["image"], flipped(step)["image"]
        same = (after == before).all((1, 2, 3))
        turned = (after == before[:, :, ::-1]).all((1, 2, 3))
        assert (same ^ turned).all()
        mirrored.append(turned)
    assert 0.4 < np.mean(mirrored) < 0.6
    assert len({tuple(m) for m in mirrored}) == 10
    np.testing.assert_array_equal(pixels, original)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch": 0}, "config.batch=0: at least 1"),
        ({"batch": 4, "seed": -1}, "seed=-1"),
    ],
)
def test_empty_batches_and_negative_seeds_are_refused(options, message):
    with pytest.raises(UserError, match=message):
        Batches(numbered(4), **{"seed": 0, **options})


def test_points_cannot_be_flipped():
    with pytest.raises(UserError, match="flip=False"):
        Batches(from_arrays(np.zeros((4, 2), np.float32)), batch=2, seed=0, flip=True)


GROWTH = Growth((Stage(4, 0, 3, 0, 12, 0), Stage(8, 3, 5, 1, 8, 36), Stage(16, 5, None, 1, 2, 52)))
SOURCES = {
    "images": numbered(50),
    "conditions": from_arrays(
        np.zeros((9, 4, 4, 1), np.uint8), np.arange(9), conditions=np.zeros((9, 7))
    ),
    "points": from_arrays(np.zeros((9, 2), np.float32)),
}


@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("batch", [8, GROWTH], ids=["fixed", "growing"])
@pytest.mark.parametrize("source", SOURCES)
def test_shapes_dtypes_and_bytes_are_known_before_a_batch_is_read(source, batch, processes):
    flip = source != "points"
    for process in range(processes):
        rows = None if processes == 1 else lambda n, p=process: np.arange(p, n, 2)
        data = Batches(SOURCES[source], batch=batch, seed=0, flip=flip, rows=rows)
        for step in (0, 2, 3, 4, 5, 9):
            columns = data(step)
            found = {name: (column.shape, column.dtype.name) for name, column in columns.items()}
            assert data.abstract(step) == found
            assert data.nbytes(step) == sum(column.nbytes for column in columns.values())


def test_no_item_is_read_to_know_a_batchs_size():
    source = dataclasses.replace(numbered(4), gather=lambda rows: 1 / 0)
    assert Batches(source, batch=2, seed=0).nbytes(0) == 2 * (2 * 3 * 3 + 4)


def workers() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name.startswith("prefetch")]


@pytest.mark.parametrize("depth", [1, 2, 50])
def test_prefetch_keeps_the_order_and_ends(depth):
    made = prefetch(lambda step: step * 10, range(3, 9, 2), depth)
    assert list(made) == [30, 50, 70]
    assert list(prefetch(lambda step: step, range(5, 5), depth)) == []
    assert not workers()


def test_prefetch_runs_ahead_but_no_further_than_its_depth():
    started = []
    made = prefetch(started.append, range(100), depth=3)
    next(made)
    deadline = time.monotonic() + 5
    while len(started) < 4 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.05)  # time enough for a worker without bounds to run on
    assert started == [0, 1, 2, 3]
    made.close()


def test_prefetch_raises_the_workers_error_at_the_failing_step():
    def fail_at_two(x):
        if x == 2:
            raise KeyError("two")
        return x

    made = prefetch(fail_at_two, range(9), depth=4)
    assert [next(made), next(made)] == [0, 1]
    with pytest.raises(KeyError, match="two"):
        next(made)
    assert not workers()


def test_closing_prefetch_ends_its_thread():
    made = prefetch(lambda step: step, range(10**9))
    assert [next(made) for _ in range(3)] == [0, 1, 2]
    assert workers()
    made.close()
    assert not workers()


@pytest.mark.parametrize("processes", [1, 2])
def test_batches_of_a_growing_run_continue_one_stream(processes):
    given = {"seed": 5, "flip": True}
    blocks = [lambda n, p=p: np.arange(n).reshape(processes, -1)[p] for p in range(processes)]
    shares = [Batches(numbered(50), batch=GROWTH, rows=rows, **given) for rows in blocks]
    stream = Batches(numbered(50), batch=2, seed=5)
    found = []
    for step in range(8):
        for share in shares:
            found += items(share(step))
    assert found == sum((items(stream(i)) for i in range(len(found) // 2)), [])
    assert items(shares[0].whole(6)) == items(Batches(numbered(50), batch=GROWTH, **given)(6))
