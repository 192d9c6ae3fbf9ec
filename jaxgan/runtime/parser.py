"""The parser of flags that all commands share."""

import argparse
from typing import NoReturn

from jaxgan.runtime.errors import UserError


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

    def error(self, message: str) -> NoReturn:
        """Raises a UserError in place of printing the usage and exiting."""
        raise UserError(f"{message}; see {self.prog} --help")
