"""What a file of weights may cost its reader: a budget of memory and steps, and other limits.

A file's author is a stranger, who may declare whatever sizes, depths and counts the format can
write. So nothing is allocated for what a file declares before it is known to be there, and all
that is made from a file is counted against one budget.
"""

FILE = 2**34  # bytes of a file that is read at all
FLOOR = 2**26  # bytes that a small file may cost
FACTOR = 4  # what a larger one may cost, in multiples of its size
STEPS = 2_000_000  # opcodes executed, and entries of dicts walked
DEPTH = 64  # dicts and modules within one another
NESTED = 1  # pickles within one another
NAME = 1024  # characters of an array's name
TEXT = 2**22  # bytes of a string
LINE = 256  # bytes of an opcode's argument that is a line of text
INTEGER = 255  # bytes of an integer
GAP = 1024  # how far beyond its end a pickle may write to its memo
MEMBERS = 2**16  # of a zip
AXES = 32  # of an array
ELEMENTS = 2**40  # of an array, axes of length 0 aside
HEADER = 4096  # bytes of the header of an .npy


class Damaged(ValueError):
    """A file that is not as its format has it; the message says where."""


class Excess(ValueError):
    """A file that costs more than the bounds of this module; the message says what."""


class Budget:
    """What reading one file may still cost.

    All that is held at once, with the file's own bytes, is at most max(FLOOR, FACTOR * size).
    """

    def __init__(self, size: int):
        """Takes a file's size in bytes."""
        self._left = max(FLOOR, FACTOR * size) - size
        self._steps = STEPS

    def step(self, nbytes: int = 16) -> None:
        """Counts a step that keeps `nbytes`.

        Raises:
          Excess: there are no steps or no bytes left.
        """
        self._steps -= 1
        if self._steps < 0:
            raise Excess(f"it takes more than {STEPS} steps to read")
        self.take(nbytes)

    def take(self, nbytes: int) -> None:
        """Counts bytes that are about to be kept.

        Raises:
          Excess: there are fewer left.
        """
        self._left -= nbytes
        if self._left < 0:
            raise Excess(
                f"it takes more memory to read than {FACTOR} times its size, and than "
                f"{FLOOR >> 20} MiB"
            )

    def give(self, nbytes: int) -> None:
        """Counts bytes that are no longer kept."""
        self._left += nbytes
