"""The exception for errors that a user can fix, and how a command exits with it."""

import errno
import os
import sys
from collections.abc import Callable

from jaxgan.runtime import background, signals, streams

MOST = 1000  # characters of a message; what a user typed can be of any length


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


def limit(error: BaseException) -> str:
    """Says which limit of the machine ended a command, and the remedy; '' where none did.

    XLA's errors are told by their text: jax, which defines them, need not have been imported.
    """
    text = str(error)
    if getattr(error, "errno", None) in (errno.EMFILE, errno.ENFILE) or "open files" in text:
        return f"too many open files ({_first(error)}); raise the limit: ulimit -n 4096"
    if isinstance(error, MemoryError) or "RESOURCE_EXHAUSTED" in text or "Out of memory" in text:
        return (
            f"out of memory ({_first(error)}); lower config.batch or the nets' widths, or raise "
            "the limit, as ulimit -v has it"
        )
    if isinstance(error, RuntimeError) and "start new thread" in text:
        return f"no more threads ({_first(error)}); raise the limits: ulimit -u, ulimit -v"
    return ""


def _first(error: BaseException) -> str:
    """Returns the first line of an error's message, or its type where it has none."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]


def _line(error: BaseException) -> str:
    """Returns an error's message on one line, whatever names and values it quotes."""
    text = " ".join(str(error).split())
    return text if len(text) <= MOST else f"{text[: MOST // 2]} … {text[-MOST // 4 :]}"


def leave(code: int) -> None:
    """Exits; at once where a thread still compiles, which cannot be stopped nor outlive Python."""
    if background.busy():
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


def run(command: Callable[[list[str]], int]) -> None:
    """Runs a command with the process's arguments and exits with the code that it returns.

    A UserError, a full disk or a limit of the machine is one line on stderr and code 2; a signal
    ends it as `signals` says; any other exception is a traceback and code 1. What ends one of
    several processes ends all of them, with the same line.
    """
    from jaxgan.runtime import processes  # which has UserErrors

    streams.protect()
    signals.install()
    try:
        code = command(sys.argv[1:])
        processes.leave()
    except UserError as error:
        processes.fail(_line(error), 2)
        print(f"error: {_line(error)}", file=sys.stderr)
        code = 2
    except Exception as error:
        text = limit(error)
        if isinstance(error, OSError) and is_full(error):
            text = (
                f"the disk is full ({_line(error)}); free some space and run it again: a training "
                "run resumes from its last checkpoint"
            )
        if not text:
            processes.fail_by(error)
            raise
        processes.fail(text, 2)
        print(f"error: {text}", file=sys.stderr)
        code = 2
    leave(code)
