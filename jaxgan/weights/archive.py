"""Reads the members of a zip in memory, by its directory and never by its word.

Python's zipfile makes an object of each entry before any can be counted, and unpacks to whatever
size an entry has. Here entries are counted and compared with the bytes that are there, and a
member is unpacked to the size that it declares and no further.
"""

import struct
import zlib
from typing import NamedTuple

from jaxgan.runtime.errors import UserError
from jaxgan.weights import bounds
from jaxgan.weights.bounds import Budget, Damaged, Excess
from jaxgan.weights.tensors import Bytes

_END, _END64 = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q")
_LOCATOR, _LOCAL = struct.Struct("<4sLQL"), struct.Struct("<4s5H3L2H")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_STORED, _DEFLATED = 0, 8
_ENCRYPTED, _UTF8 = 1, 0x800


class Member(NamedTuple):
    """An entry of the directory: where its header is, and what it says of the bytes behind it."""

    at: int
    packed: int
    size: int
    crc: int
    method: int


class Archive:
    """A zip's members by name."""

    def __init__(self, data: memoryview, budget: Budget):
        """Reads the directory.

          Raises:
            Damaged, Excess: a zip without its directory, or with more than is there or allowed.
        UserError: an encrypted member, or one packed by a method other than zlib's.
        """
        self._data, self._budget = data, budget
        self.members: dict[str, Member] = {}
        at, count, size = self._end()
        if count > bounds.MEMBERS:
            raise Excess(f"it has {count} members")
        if at + size > len(data) or count * _ENTRY.size > size:
            raise Damaged("a zip whose directory is not all there")
        for _ in range(count):
            at = self._entry(at)
        if sum(member.packed for member in self.members.values()) > len(data):
            raise Damaged("a zip whose members overlap")

    def read(self, name: str) -> Bytes:
        """Returns a member's bytes, which are not copied if they are stored as they are.

        Raises:
          Damaged, Excess: no such member, or one that is not as the directory says.
        """
        if name not in self.members:
            raise Damaged(f"a zip without its member {name[:80]!a}")
        member = self.members[name]
        local = self._unpack(_LOCAL, member.at, b"PK\3\4")
        start = member.at + _LOCAL.size + local[-2] + local[-1]
        packed = self._data[start : start + member.packed]
        if len(packed) != member.packed:
            raise Damaged(f"a zip in which {name[:80]!a} is not all there")
        data = self._inflated(packed, member) if member.method == _DEFLATED else packed
        if len(data) != member.size or zlib.crc32(data) != member.crc:
            raise Damaged(f"a zip in which {name[:80]!a} is not what was packed")
        return data

    def _inflated(self, packed: memoryview, member: Member) -> bytes:
        self._budget.take(2 * member.size)  # zlib joins its pieces
        engine = zlib.decompressobj(-zlib.MAX_WBITS)
        try:
            data = engine.decompress(packed, member.size + 1)
        except zlib.error as error:
            raise Damaged(f"a zip whose member cannot be unpacked ({error})") from error
        self._budget.give(member.size)
        return data

    def _end(self) -> tuple[int, int, int]:
        """Returns where the directory begins, its number of entries and its size."""
        tail = bytes(self._data[-_END.size - 0xFFFF :])
        found = tail.rfind(b"PK\5\6")
        at = len(self._data) - len(tail) + found
        if found < 0 or at + _END.size > len(self._data):
            raise Damaged("a zip without its end")
        *_, count, size, start, _ = self._unpack(_END, at, b"PK\5\6")
        if at >= _LOCATOR.size and self._data[at - _LOCATOR.size :][:4] == b"PK\6\7":
            _, _, where, _ = self._unpack(_LOCATOR, at - _LOCATOR.size, b"PK\6\7")
            *_, count, size, start = self._unpack(_END64, where, b"PK\6\6")
        return start, count, size

    def _entry(self, at: int) -> int:
        """Adds the entry at a place in the directory; returns the place behind it."""
        entry = self._unpack(_ENTRY, at, b"PK\1\2")
        flags, method, crc, packed, size = entry[3], entry[4], *entry[7:10]
        lengths, where = entry[10:13], entry[-1]
        named, at = at + _ENTRY.size, at + _ENTRY.size + sum(lengths)
        if at > len(self._data):
            raise Damaged("a zip whose directory is not all there")
        text = bytes(self._data[named : named + lengths[0]])
        name = text.decode("utf-8" if flags & _UTF8 else "cp437", "replace")
        extra = self._data[named + lengths[0] : named + lengths[0] + lengths[1]]
        size, packed, where = _long(extra, [size, packed, where])
        if name in self.members:
            raise Damaged(f"a zip with two members {name[:80]!a}")
        if flags & _ENCRYPTED:
            raise UserError(f"a zip in which {name[:80]!a} is encrypted; decrypt it first")
        if method not in (_STORED, _DEFLATED):
            raise UserError(f"a zip in which {name[:80]!a} is packed by method {method}; repack it")
        self._budget.step(400 + len(text))
        self.members[name] = Member(where, packed, size, crc, method)
        return at

    def _unpack(self, form: struct.Struct, at: int, start: bytes) -> tuple:
        if at + form.size > len(self._data) or self._data[at : at + 4] != start:
            raise Damaged("a zip with a header that is not there")
        return form.unpack_from(self._data, at)


def _long(extra: memoryview, values: list[int]) -> list[int]:
    """Returns numbers of which those that do not fit in 32 bits are in the field of a zip64."""
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<2H", extra)
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind != 1:
            continue
        for i, value in enumerate(values):
            if value == 0xFFFFFFFF:
                if len(field) < 8:
                    raise Damaged("a zip whose sizes are not all there")
                values[i], field = struct.unpack_from("<Q", field)[0], field[8:]
        break
    return values
