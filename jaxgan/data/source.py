"""The interface of every data set: a size, a shape and a function that gathers items."""

import dataclasses
import hashlib
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from jaxgan.data import columns, summary
from jaxgan.runtime.errors import UserError

_PIECE = 2**20  # bytes hashed at once


@dataclasses.dataclass(frozen=True)
class Source:
    """A finite, immutable data set with random access.

    `gather` maps int64 indices (n,) to a dict of arrays with leading axis n:
    'image', of `dtype`: uint8 (n, H, W, C) in [0, 255] or float32 (n, *shape), used as is;
    'label', int32 (n,), present if and only if `classes` is not empty;
    'condition', float32 (n, condition_dim), present if and only if `condition_dim` > 0.
    It must be a pure function, and safe to call from another thread.

    `crop`, where items are crops of larger images, is a `gather` that takes float64 (n, 2) in
    [0, 1) too: where a crop's top and left edges lie in the room that its image leaves them.
    Batches draw these at random; `gather` crops centrally.

    `second` has the images of the other domain, of data of two, which batches hold as 'other';
    `aligned`: those of equal index belong together, and are cropped and mirrored alike, else any is
    drawn. `first` is the first domain alone, and `sizes` are how many images each has. `test` has
    items that are kept out of training.

    `labels` returns all labels, int32 (size,), without reading images; None where only `gather`
    can.

    `found` says in one line what the data are; `describe` makes one where it is empty.
    `fingerprint`, hexadecimal, identifies the content as the run sees it (images, labels,
    conditions, names of classes) and not where it lies; '' where that is not known.
    """

    size: int
    shape: tuple[int, ...]
    gather: Callable[[np.ndarray], dict[str, np.ndarray]]
    classes: tuple[str, ...] = ()
    condition_dim: int = 0
    dtype: str = "uint8"
    found: str = ""
    fingerprint: str = ""
    crop: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]] | None = None
    second: "Source | None" = None
    aligned: bool = False
    test: "Source | None" = None
    sizes: tuple[int, ...] = ()
    first: "Source | None" = None
    labels: Callable[[], np.ndarray] | None = None

    def abstract(self, n: int) -> dict[str, tuple[tuple[int, ...], str]]:
        """Returns the shape and dtype of each column of n items, without reading any."""
        columns = {"image": ((n, *self.shape), self.dtype)}
        if self.classes:
            columns["label"] = ((n,), "int32")
        if self.condition_dim:
            columns["condition"] = ((n, self.condition_dim), "float32")
        if self.second:
            columns["other"] = ((n, *self.second.shape), self.second.dtype)
        return columns

    def describe(self) -> str:
        """Returns one line that says what the data are; reads no item."""
        return self.found or summary.line(
            self.size, self.shape, self.classes, condition_dim=self.condition_dim
        )


def from_arrays(
    images: np.ndarray,
    labels: np.ndarray | None = None,
    classes: Sequence[str] = (),
    conditions: np.ndarray | None = None,
    *,
    original: str = "",
    notes: Sequence[str] = (),
    fingerprint: str = "",
) -> Source:
    """Builds a source from arrays, memory-mapped ones included, without copying the images.

    Args:
      images: uint8 (N, H, W, C), or float32 (N, ...), which reaches the model unchanged.
      labels: whole numbers (N,) or (N, 1) in [0, len(classes)).
      classes: names of the classes; if empty, they are '0' to str(max(labels)).
      conditions: finite floats (N, D).
      original: sizes and channels before preparation, for the line `found`.
      notes: what else that line should say.
      fingerprint: identifies the images; if empty, the bytes of images in memory are hashed,
        and those of memory-mapped ones are not.

    Raises:
      UserError: an unsupported dtype, rank, length or number of channels; a label out of range;
        repeated names; conditions that are not finite.
    """
    if not fingerprint and not isinstance(images, np.memmap):
        fingerprint = digest({"image": np.asarray(images)})
    images = np.asarray(images)
    columns.check_images(images)
    names = columns.names(classes)
    rest = {}
    if labels is not None:
        rest["label"] = columns.labels(np.asarray(labels), len(images), len(names))
        names = names or tuple(str(k) for k in range(int(rest["label"].max()) + 1))
    elif names:
        raise UserError(
            f"config.data: {len(names)} classes are named but there are no labels; add labels"
        )
    if conditions is not None:
        rest["condition"] = columns.conditions(np.asarray(conditions), len(images))
    dim = rest["condition"].shape[1] if conditions is not None else 0
    every = {"image": images, **rest}
    return Source(
        size=len(images),
        shape=images.shape[1:],
        gather=lambda indices: {key: column[indices] for key, column in every.items()},
        classes=names,
        condition_dim=dim,
        dtype=images.dtype.name,
        found=summary.line(
            len(images), images.shape[1:], names, rest.get("label"), dim, original, notes
        ),
        fingerprint=fingerprint and digest(rest, fingerprint, *names),
        labels=(lambda: rest["label"]) if labels is not None else None,
    )


def of_two(a: Source, b: Source, *, aligned: bool = False, test: Source | None = None) -> Source:
    """Builds a source of two domains; an epoch visits every image of the larger one.

    Args:
      a, b: the domains, without labels and conditions.
      aligned: whether images of equal index belong together.
      test: of both domains, kept out of training.

    Raises:
      UserError: domains of different dtypes, or aligned ones of different sizes.
    """
    if aligned and a.size != b.size:
        raise UserError(
            f"config.data.aligned=True: {a.size} images in A and {b.size} in B are no pairs; "
            "set aligned=False"
        )
    if a.dtype != b.dtype:
        raise UserError(f"config.data: A is {a.dtype} and B {b.dtype}; store both as one")
    marks = a.fingerprint, b.fingerprint
    return Source(
        size=max(a.size, b.size),
        shape=a.shape,
        gather=lambda indices: a.gather(indices % a.size),
        dtype=a.dtype,
        found=f"A: {a.describe()}; B: {b.describe()}",
        fingerprint=digest({}, *marks, *["aligned"] * aligned) if all(marks) else "",
        crop=a.crop and (lambda indices, places: a.crop(indices % a.size, places)),
        second=b,
        aligned=aligned,
        test=test,
        sizes=(a.size, b.size),
        first=a,
    )


def items(source: Source, indices: np.ndarray) -> dict[str, np.ndarray]:
    """Gathers items, and those of equal index in a second domain, modulo its size."""
    columns = source.gather(indices)
    if source.second:
        columns["other"] = source.second.gather(indices % source.second.size)["image"]
    return columns


def digest(arrays: Mapping[str, np.ndarray], *texts: str) -> str:
    """Returns 32 hexadecimal digits of the bytes, dtypes and shapes of arrays, and of texts."""
    total = hashlib.blake2b(digest_size=16)
    for text in texts:
        data = text.encode(errors="surrogateescape")
        total.update(f"{len(data)}:".encode() + data)
    for name, column in sorted(arrays.items()):
        total.update(f"{name} {column.dtype.str} {column.shape}".encode())
        rows = max(1, _PIECE * len(column) // max(1, column.nbytes))
        for start in range(0, len(column), rows):  # a piece at a time: it may lie on disk
            total.update(np.ascontiguousarray(column[start : start + rows]).view(np.uint8))
    return total.hexdigest()
