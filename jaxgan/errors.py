"""The one exception for what a user can put right, and how a command line ends with it."""

import sys
from collections.abc import Callable


class UserError(Exception):
    """Bad input: one line that names the cause and the remedy, printed without a traceback."""


def run(verb: Callable[[list[str]], int]) -> None:
    """Runs a command line and exits with its code; a UserError is one line on stderr, code 2."""
    try:
        code = verb(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    sys.exit(code)
