"""Lists the commands: `python -m jaxgan`."""

from jaxgan.config.registry import files
from jaxgan.runtime.errors import UserError, run


def list_commands(argv: list[str]) -> int:
    """Prints every command with the first line of its docstring, importing none.

    Raises:
      UserError: an argument other than --help.
    """
    commands = files("jaxgan")
    if argv and argv[0] not in ("-h", "--help"):
        raise UserError(
            f"{argv[0]}: not understood; run a command as python -m jaxgan.COMMAND, one of "
            f"{', '.join(commands)}"
        )
    width = max(map(len, commands))
    print("usage: python -m jaxgan.COMMAND [flags]\n")
    for name, line in commands.items():
        print(f"  {name:{width}}  {line}")
    print("\nCOMMAND --help lists its flags, what it writes and its exit codes.")
    return 0


if __name__ == "__main__":
    run(list_commands)
