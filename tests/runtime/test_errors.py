"""How a command ends: a fault of user or machine is one line, one of the program a traceback."""

import errno

import pytest

from jaxgan.runtime.errors import MOST, UserError, run


def ended(capsys, error: BaseException) -> tuple[int, str]:
    """The exit code of a command that raises an error, and its stderr."""

    def command(argv):
        raise error

    with pytest.raises(SystemExit) as out:
        run(command)
    return out.value.code, capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UserError("a\nb\tc \x0b d\x85e\u2028f"), "error: a b c d e f\n"),
        (OSError(errno.EMFILE, "Too many open files"), "error: too many open files"),
        (RuntimeError("can't start new thread"), "error: no more threads"),
        (MemoryError(), "error: out of memory (MemoryError); lower config.batch"),
        (RuntimeError("RESOURCE_EXHAUSTED: Out of memory\nand more"), "error: out of memory (RES"),
        (RuntimeError("RESOURCE_EXHAUSTED: Too many open files"), "error: too many open files"),
        (OSError(errno.ENOSPC, "No space left on device"), "error: the disk is full"),
    ],
)
def test_a_fault_of_the_user_or_the_machine_is_one_line(capsys, error, text):
    code, err = ended(capsys, error)
    assert code == 2 and err.startswith(text) and err.count("\n") == 1


def test_a_long_message_is_cut(capsys):
    _, err = ended(capsys, UserError("x" * 100_000 + "end"))
    assert len(err) < MOST and err.endswith("end\n")


@pytest.mark.parametrize("error", [TypeError("bug"), OSError(errno.EIO, "I/O"), KeyError("k")])
def test_a_fault_of_the_program_stays_a_traceback(error):
    def command(argv):
        raise error

    with pytest.raises(type(error)):
        run(command)
