"""Reads the arguments of a pickle's opcodes, none of which is taken at its word."""

import struct
import sys
from typing import Any

from jaxgan.weights import bounds
from jaxgan.weights.bounds import Budget, Damaged, Excess
from jaxgan.weights.tensors import Bytes

_SMALL = 256  # bytes up to which a copy takes less than a view


class Cursor:
    """A position `at` in a file's bytes; what is read counts against a budget."""

    def __init__(self, data: memoryview, at: int, budget: Budget):
        self.data, self.at, self._budget = data, at, budget

    def take(self, count: int) -> memoryview:
        """Returns the next bytes, not copied.

        Raises:
          Damaged: there are fewer.
        """
        if not 0 <= count <= len(self.data) - self.at:
            raise Damaged(f"{count} bytes are declared, {len(self.data) - self.at} are there")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, form: str) -> Any:
        """Returns a number of a format of struct, as in '<I'."""
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        """Returns the text up to the next end of a line."""
        window = bytes(self.data[self.at : self.at + bounds.LINE])
        text, end, _ = window.partition(b"\n")
        if not end:
            raise Damaged(f"a line without its end, or longer than {bounds.LINE} bytes")
        self.at += len(text) + 1
        return _decoded(text)

    def text(self, form: str) -> str:
        """Returns a text whose size in bytes is a number of that format."""
        size = self.number(form)
        if size > bounds.TEXT:
            raise Excess(f"it has a text of {size} bytes")
        value = _decoded(self.take(size))
        self._budget.take(sys.getsizeof(value))
        return value

    def old_text(self, form: str) -> str | Bytes:
        """Returns a string of Python 2: text if it is ASCII, else bytes."""
        data = self.bytes(form)
        if len(data) > bounds.TEXT or not bytes(data).isascii():
            return data
        self._budget.take(len(data) + 64)
        return str(data, "ascii")

    def bytes(self, form: str) -> Bytes:
        """Returns bytes whose count is a number of that format; not copied unless they are few."""
        data = self.take(self.number(form))
        value = bytes(data) if len(data) <= _SMALL else data
        self._budget.take(sys.getsizeof(value))
        return value

    def integer(self, form: str) -> int:
        """Returns an integer whose size in bytes is a number of that format."""
        size = self.number(form)
        if size > bounds.INTEGER:
            raise Excess(f"it has an integer of {size} bytes")
        self._budget.take(32 + size)
        return int.from_bytes(self.take(size), "little", signed=True)

    def written_integer(self) -> int:
        """Returns an integer written in a line, where '00' and '01' are false and true."""
        text = self.line()
        digits = text.removeprefix("-")
        if not (digits.isascii() and digits.isdigit()):
            raise Damaged("an integer that is none")
        self._budget.take(160)
        return {"00": False, "01": True}.get(text, int(text))

    def protocol(self) -> None:
        """Passes the number of the pickle's protocol."""
        if (number := self.number("B")) > 5:
            raise Damaged(f"a pickle of protocol {number}, 5 is the newest")

    def frame(self) -> None:
        """Passes the size of a frame."""
        size = self.number("<Q")
        if size > len(self.data) - self.at:
            raise Damaged(f"{size} bytes are declared, {len(self.data) - self.at} are there")


def _decoded(data: bytes | memoryview) -> str:
    try:
        return str(data, "utf-8", "surrogatepass")
    except UnicodeDecodeError as error:
        raise Damaged("a text that is not UTF-8") from error
