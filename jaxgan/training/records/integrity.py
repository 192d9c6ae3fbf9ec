"""Checksums of a training state, and of a run's rows, kept beside its arrays in a checkpoint.

A state is what was saved if every leaf has the CRC-32 that it had then, over type, shape and bytes.
zlib's takes 0.3 s for a GB, which is little beside writing one.
"""

import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan.runtime import files

Kept = Mapping[str, Any]  # what `describe` returns, as a checkpoint's metadata have it: JSON


def describe(
    state: Any, step: int, pending: Sequence[Any] = (), beside: Sequence[Path] = ()
) -> dict[str, Any]:
    """Returns what a checkpoint of `state` keeps: the step, and the CRC-32 of each leaf.

    Also `pending`, metrics of no row yet, which is JSON; and the length in bytes and the CRC-32 of
    each file of `beside`, to which lines are added only. Both have a CRC-32 of their own.
    """
    marks = {path.name: _mark(path.read_bytes()) for path in beside if path.exists()}
    return {
        "step": step,
        "shapes": _listing(leaves(state)),
        "crc32": checksums(state),
        "pending": list(pending),
        "pending_crc32": _crc32_of_json(pending),
        "files": marks,
        "files_crc32": _crc32_of_json([marks]),
    }


def pending(kept: Kept | None) -> list[Any]:
    """Returns what `describe` was given as pending; [] of an older checkpoint."""
    return list(kept.get("pending", [])) if _is_kept(kept) else []


def changed(kept: Kept | None, folder: Path) -> list[str]:
    """Returns a line for each file in `folder` that has no longer the bytes that `describe` saw."""
    lines = []
    for name, mark in (kept.get("files", {}) if _is_kept(kept) else {}).items():
        path = folder / name
        with files.reading(path):
            content = path.read_bytes() if path.exists() else b""
        if _mark(content[: mark[0]]) != list(mark):
            lines.append(
                f"warning: {path} is not what it was at step {kept['step']}: lines of it have been "
                "changed or lost since; the state that is resumed is whole"
            )
    return lines


def checksums(state: Any) -> dict[str, int]:
    """Returns the CRC-32 of each leaf by its dotted name, over type, shape and bytes (C order).

    A leaf of which another process has a part is left out.
    """
    return {name: _crc32(leaf) for name, leaf in _named(state) if _is_whole(leaf)}


def listing_damage(kept: Kept | None, found: Mapping[str, str]) -> str:
    """Returns how a checkpoint's names, shapes and types differ from those saved; '' if not at all.

    Args:
      kept: from `describe`; None or anything else of a checkpoint from before there were any.
      found: `leaves` of the metadata that the checkpoint has now.
    """
    if not _is_kept(kept) or kept["shapes"] == _listing(found):
        return ""
    return "the list of its arrays is not the one that was saved"


def damage(kept: Kept | None, state: Any, step: int) -> str:
    """Returns how a state that was read differs from the one saved; '' where in nothing."""
    if not _is_kept(kept):
        return ""
    if kept["step"] != step:
        return f"it was saved as step {kept['step']}"
    if _crc32_of_json(pending(kept)) != kept.get("pending_crc32", _crc32_of_json([])):
        return "the metrics beside it are not those that were saved"
    if _crc32_of_json([kept.get("files", {})]) != kept.get("files_crc32", _crc32_of_json([{}])):
        return "the checksums of files beside it are not those that were saved"
    found = checksums(state)
    wrong = [name for name, crc in kept["crc32"].items() if name in found and found[name] != crc]
    if not wrong:
        return ""
    more = f" and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return f"the checksum of {wrong[0]}{more} is not the one that was saved"


def not_finite(state: Any) -> str:
    """Returns the name of the first leaf with a value that is not finite; '' where there is none.

    On the host, unlike core.finite: a state that was read need not lie on the mesh in use.
    """
    for name, leaf in _named(state):
        is_float = jnp.issubdtype(leaf.dtype, jnp.floating)
        if is_float and _is_whole(leaf) and not np.isfinite(np.asarray(leaf)).all():
            return name
    return ""


def leaves(tree: Any) -> dict[str, str]:
    """Returns each leaf's shape and type by its dotted name, as 'params.g.b': '(3,) float32'.

    Random keys are left out: they are stored as plain integers.
    """
    return {
        name: f"{tuple(leaf.shape)} {jnp.dtype(leaf.dtype).name}"
        for name, leaf in _named(tree)
        if not _is_key(leaf)
    }


def _named(tree: Any) -> Iterator[tuple[str, Any]]:
    for path, leaf in jax.tree.leaves_with_path(tree):
        keys = (getattr(k, "key", getattr(k, "idx", getattr(k, "name", k))) for k in path)
        yield ".".join(map(str, keys)), leaf


def _is_kept(kept: Any) -> bool:
    """Whether metadata are those of `describe`; foreign and older ones are not compared."""
    return (
        isinstance(kept, Mapping)
        and {"step", "shapes", "crc32"} <= set(kept)
        and isinstance(kept["crc32"], Mapping)
    )


def _is_key(leaf: Any) -> bool:
    return jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _is_whole(leaf: Any) -> bool:
    return not isinstance(leaf, jax.Array) or leaf.is_fully_addressable or leaf.is_fully_replicated


def _crc32(leaf: Any) -> int:
    array = np.ascontiguousarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf)
    head = f"{array.dtype.name} {np.shape(leaf)}".encode()
    # as bytes: bfloat16 is no type of the buffer protocol
    return zlib.crc32(array.reshape(-1).view(np.uint8), zlib.crc32(head))


def _mark(content: bytes) -> list[int]:
    return [len(content), zlib.crc32(content)]


def _crc32_of_json(values: Sequence[Any]) -> int:
    return zlib.crc32(json.dumps(list(values)).encode())


def _listing(found: Mapping[str, str]) -> int:
    text = "\n".join(f"{name} {shape}" for name, shape in sorted(found.items()))
    return zlib.crc32(text.encode())
