"""Executes a pickle, a program for a stack machine, in a machine that can only build records.

Python's own unpickler is not used: it calls what the pickle names, stores into whatever it has
built, arrays included, and allocates what the pickle declares. This one has the opcodes that the
pickles of weights need, and refuses the others.
"""

from collections.abc import Callable, Mapping
from typing import Any

from jaxgan.runtime.errors import UserError
from jaxgan.weights import bounds, kinds
from jaxgan.weights.bounds import Budget, Damaged, Excess
from jaxgan.weights.cursor import Cursor
from jaxgan.weights.inert import NOTHING, Dict, Module, Name
from jaxgan.weights.tensors import Array, Dtype

_GAP = object()  # what the memo holds where nothing was written


class Machine:
    """The stack, the memo and the position of a pickle that is being executed."""

    def __init__(
        self,
        data: memoryview,
        at: int,
        budget: Budget,
        names: Mapping[str, Name],
        storage: Callable[[Any], Any],
    ):
        """Prepares to execute the pickle that starts at `at` in `data`.

        Args:
          data: the file's bytes. at: where the pickle begins.
          budget: what it may cost.
          names: what it may name, see inert.names.
          storage: returns what a persistent id stands for.
        """
        self.cursor = Cursor(data, at, budget)
        self._budget, self._names, self._storage = budget, names, storage
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self._memo: list[Any] = []

    def run(self) -> Any:
        """Executes opcodes up to STOP and returns the value on top; the cursor is then behind it.

        Raises:
          UserError: a global or an opcode that no weights need.
          Damaged, Excess: no pickle, or one beyond the bounds.
        """
        step, codes, stop = self._budget.step, _CODES, ord(".")
        cursor, size = self.cursor, len(self.cursor.data)
        while True:
            if cursor.at >= size:
                raise Damaged("a pickle without its end")
            code = cursor.data[cursor.at]
            cursor.at += 1
            step()
            if code == stop:
                return self._pop()
            if code not in codes:
                raise self._unknown(code)
            codes[code](self)

    def _unknown(self, code: int) -> Exception:
        import pickletools  # slow to import, and only this message needs it

        known = pickletools.code2op.get(chr(code))
        if known is None:
            return Damaged(f"no opcode {code:#04x} of a pickle")
        return UserError(
            f"refused: the pickle has the opcode {known.name}, which no weights need; nothing was "
            "run; save the state dict alone, or as .npz"
        )

    def _push(self, value: Any, nbytes: int = 0) -> None:
        if nbytes:
            self._budget.take(nbytes)
        self._stack.append(value)

    def _pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            raise Damaged("a pickle takes more from its stack than is there")
        return self._stack.pop()

    def _top(self) -> Any:
        self._stack.append(value := self._pop())
        return value

    def _from_mark(self) -> list[Any]:
        """Takes all values above the last mark."""
        if not self._marks:
            raise Damaged("a pickle looks for a mark that is not there")
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def _mark(self) -> None:
        self._budget.take(32)
        self._marks.append(len(self._stack))

    def _put(self, form: str) -> None:
        self._memoize(self.cursor.number(form))

    def _memoize(self, index: int | None = None) -> None:
        value, memo = self._top(), self._memo
        index = len(memo) if index is None else index
        if index > len(memo) + bounds.GAP:
            raise Excess(f"its memo has an entry {index} after {len(memo)}")
        if index >= len(memo):
            self._budget.take(16 * (index + 1 - len(memo)))
            memo.extend([_GAP] * (index + 1 - len(memo)))
        memo[index] = value

    def _get(self, form: str) -> None:
        index = self.cursor.number(form)
        value = self._memo[index] if index < len(self._memo) else _GAP
        if value is _GAP:
            raise Damaged("a pickle asks for what it has not kept")
        self._stack.append(value)

    def _tuple(self, size: int | None = None) -> None:
        values = self._from_mark() if size is None else [self._pop() for _ in range(size)][::-1]
        self._push(tuple(values), 64 + 8 * len(values))

    def _frozenset(self) -> None:
        self._from_mark()
        self._push(NOTHING)

    def _pop_one(self) -> None:
        """Drops the top value, or the mark above it."""
        if self._marks and self._marks[-1] == len(self._stack):
            self._marks.pop()
        else:
            self._pop()

    def _append(self, values: list[Any]) -> None:
        target = self._top()
        if type(target) is list:
            self._budget.take(16 * len(values))
            target.extend(values)
        elif target is not NOTHING:
            raise Damaged("values are appended to what is no list")

    def _set(self, values: list[Any]) -> None:
        target = self._top()
        if len(values) % 2:
            raise Damaged("a key without its value")
        if type(target) is Dict:
            for key, value in zip(values[::2], values[1::2], strict=True):
                target.put(key, value)
        elif target is not NOTHING:
            raise Damaged("entries are set of what is no dict")

    def _set_one(self) -> None:
        value, key = self._pop(), self._pop()
        self._set([key, value])

    def _build(self) -> None:
        state, target = self._pop(), self._top()
        if type(target) in (Array, Dtype, Module):
            target.build(state)
        elif target is not NOTHING and type(target) is not Dict:
            raise Damaged("a state is set of what has none")

    def _global(self) -> None:
        module = self.cursor.line()
        self._name(module, self.cursor.line())

    def _stack_global(self) -> None:
        name, module = self._pop(), self._pop()
        self._name(module, name)

    def _name(self, module: Any, name: Any) -> None:
        if type(module) is not str or type(name) is not str:
            raise Damaged("a global without its name")
        full = f"{module[: bounds.LINE]}.{name[: bounds.LINE]}"
        if full not in self._names:
            said = kinds.of_global(full) or "save the state dict alone, or as .npz"
            raise UserError(
                f"refused: the pickle asks for {full!a}, which may run any code; "
                f"nothing was run; {said}"
            )
        self._stack.append(self._names[full])

    def _call(self, keywords: bool = False) -> None:
        if keywords:
            self._pop()
        args, target = self._pop(), self._pop()
        if type(target) is not Name or target.call is None or type(args) is not tuple:
            raise Damaged("a call of what is no function")
        if len(args) < target.needs:
            raise Damaged(f"{target.full} is called with {len(args)} arguments")
        self._stack.append(target.call(*args))

    def _persistent(self) -> None:
        self._stack.append(self._storage(self._pop()))


Code = Callable[[Machine], None]


def _constant(value: Any) -> Code:
    return lambda machine: machine._push(value)


def _read(read: Callable[..., Any], *form: str, nbytes: int = 0) -> Code:
    """Returns what an opcode does that pushes its argument; Cursor counts what it keeps itself."""
    return lambda machine: machine._push(read(machine.cursor, *form), nbytes)


_CODES: dict[int, Code] = {
    ord(key): code
    for key, code in {
        "\x80": lambda m: m.cursor.protocol(),
        "\x95": lambda m: m.cursor.frame(),
        "N": _constant(None),
        "\x88": _constant(True),
        "\x89": _constant(False),
        "J": _read(Cursor.number, "<i", nbytes=32),
        "K": _read(Cursor.number, "B"),
        "M": _read(Cursor.number, "<H", nbytes=32),
        "G": _read(Cursor.number, ">d", nbytes=32),
        "I": _read(Cursor.written_integer),
        "\x8a": _read(Cursor.integer, "B"),
        "\x8b": _read(Cursor.integer, "<I"),
        "X": _read(Cursor.text, "<I"),
        "\x8c": _read(Cursor.text, "B"),
        "\x8d": _read(Cursor.text, "<Q"),
        "U": _read(Cursor.old_text, "B"),
        "T": _read(Cursor.old_text, "<I"),
        "B": _read(Cursor.bytes, "<I"),
        "C": _read(Cursor.bytes, "B"),
        "\x8e": _read(Cursor.bytes, "<Q"),
        "\x96": _read(Cursor.bytes, "<Q"),
        "(": Machine._mark,
        "0": Machine._pop_one,
        "1": Machine._from_mark,
        "q": lambda m: m._put("B"),
        "r": lambda m: m._put("<I"),
        "\x94": Machine._memoize,
        "h": lambda m: m._get("B"),
        "j": lambda m: m._get("<I"),
        ")": _constant(()),
        "\x85": lambda m: m._tuple(1),
        "\x86": lambda m: m._tuple(2),
        "\x87": lambda m: m._tuple(3),
        "t": Machine._tuple,
        "]": lambda m: m._push([], 80),
        "}": lambda m: m._push(Dict(m._budget)),
        "\x8f": _constant(NOTHING),  # a set, which holds no weights
        "\x91": Machine._frozenset,
        "a": lambda m: m._append([m._pop()]),
        "e": lambda m: m._append(m._from_mark()),
        "\x90": lambda m: m._append(m._from_mark()),
        "s": Machine._set_one,
        "u": lambda m: m._set(m._from_mark()),
        "b": Machine._build,
        "c": Machine._global,
        "\x93": Machine._stack_global,
        "R": Machine._call,
        "\x81": Machine._call,
        "\x92": lambda m: m._call(keywords=True),
        "Q": Machine._persistent,
    }.items()
}
