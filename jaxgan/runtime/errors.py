"""The exception for errors that a user can fix, and how a command exits with it."""

import errno
import sys
from collections.abc import Callable

from jaxgan.runtime import signals, streams


class UserError(Exception):
    """Bad input; its message is one line, the cause and the remedy, printed without a traceback."""


def is_full(error: BaseException | None) -> bool:
    """Returns whether an error, or one that caused it, says that the disk or the quota is full."""
    texts = ("no space left", "disk quota exceeded")
    while error is not None:
        numbered = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if numbered or any(text in str(error).lower() for text in texts):
            return True
        error = error.__cause__ or error.__context__
    return False


def run(command: Callable[[list[str]], int]) -> None:
    """Runs a command with the process's arguments and exits with the code that it returns.

    A UserError or a full disk is one line on stderr and code 2; a signal ends it as `signals` says;
    any other exception is a traceback and code 1.
    """
    streams.protect()
    signals.install()
    try:
        code = command(sys.argv[1:])
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except OSError as error:
        if not is_full(error):
            raise
        print(
            f"error: the disk is full ({error}); free some space and run it again: a training "
            "run resumes from its last checkpoint",
            file=sys.stderr,
        )
        code = 2
    sys.exit(code)
