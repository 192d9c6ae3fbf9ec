"""The parser of flags that all commands share, and the ranges of their numbers."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from jaxgan.runtime.errors import UserError

SEED = 2**31 - 1  # the largest


class Parser(argparse.ArgumentParser):
    """Parses a command's flags; --help prints the text it was built with, unwrapped.

    A flag that cannot be parsed is a `UserError`, so one line on stderr without the usage.
    """

    def __init__(self, command: str, text: str | None):
        """Builds the parser of `python -m jaxgan.COMMAND`; `text` is usually its docstring."""
        super().__init__(
            f"python -m jaxgan.{command}",
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        self.register("type", Path, _path)

    def error(self, message: str) -> NoReturn:
        """Raises a UserError in place of printing the usage and exiting."""
        if len(message) > 500:
            message = f"{message[:400]}…{message[-50:]}"
        raise UserError(f"{message}; see {self.prog} --help")


def _path(text: str) -> Path:
    """Parses a path; an empty one, as of a shell's variable that is not set, would be the cwd."""
    if not text:
        raise argparse.ArgumentTypeError("an empty path; '.' is the current folder")
    return Path(text)


GENERATORS = ("averaged", "last")


def add_generator(parser: argparse._ActionsContainer) -> None:
    """Adds --generator; '' where it is left out."""
    parser.add_argument(
        "--generator",
        choices=GENERATORS,
        default="",
        help="the average of its parameters over training, or the last ones (default: the average, "
        "where the run keeps one)",
    )


def add_choice(parser: argparse._ActionsContainer, *, truncation: bool = True) -> None:
    """Adds the flags of generation.chosen.Choice: --generator, --ema and, of latents, --truncation.

    `choice` reads them.
    """
    add_generator(parser)
    parser.add_argument(
        "--ema",
        type=real(0.001, 0.28),
        metavar="WIDTH",
        help="in its place, the power-function average of this relative width, as 0.05, of runs "
        "with config.ema_widths",
    )
    if truncation:
        parser.add_argument(
            "--truncation",
            type=real(0.001, 100),
            metavar="T",
            help="draw numbers of z beyond T again, of runs without w (default: none)",
        )


def choice(args: argparse.Namespace) -> dict[str, Any]:
    """Returns what the flags of `add_choice` say, as keywords of open_run."""
    found = {"generator": args.generator, "ema": args.ema}
    return found | {"truncation": args.truncation} if "truncation" in args else found


def whole(low: int, high: int) -> Callable[[str], int]:
    """Returns a flag's type: whole numbers from `low` to `high`."""

    def parse(text: str) -> int:
        # A longer number is out of every range, and int refuses to read some.
        digits = text.strip().lstrip("+-")
        if not (digits.isascii() and digits.isdigit()):
            raise argparse.ArgumentTypeError(f"{text}: give a whole number, at least {low}")
        number = int(text) if len(digits) <= 20 else -math.inf if text[0] == "-" else math.inf
        if number < low:
            raise argparse.ArgumentTypeError(f"{text}: at least {low}")
        if number > high:
            raise argparse.ArgumentTypeError(f"{text}: at most {high}")
        return int(number)

    return parse


def real(low: float, high: float) -> Callable[[str], float]:
    """Returns a flag's type: numbers from `low` to `high`."""

    def parse(text: str) -> float:
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f"{text}: give a number, {low:g} to {high:g}")
        return number

    return parse
