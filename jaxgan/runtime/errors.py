"""The one exception for what a user can put right, and how a command line ends with it."""

import errno
import sys
from collections.abc import Callable


class UserError(Exception):
    """Bad input: one line that names the cause and the remedy, printed without a traceback."""


def is_full(error: BaseException | None) -> bool:
    """Whether an error, or one it came from, says that the disk or the quota is full."""
    texts = ("no space left", "disk quota exceeded")
    while error is not None:
        numbered = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if numbered or any(text in str(error).lower() for text in texts):
            return True
        error = error.__cause__ or error.__context__
    return False


def run(verb: Callable[[list[str]], int]) -> None:
    """Runs a command line and exits with its code; a UserError is one line on stderr, code 2."""
    try:
        code = verb(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except OSError as error:
        if not is_full(error):
            raise
        print(
            f"error: the disk is full ({error}); free some space and run it again: a training "
            "run goes on from its last checkpoint",
            file=sys.stderr,
        )
        code = 2
    sys.exit(code)
