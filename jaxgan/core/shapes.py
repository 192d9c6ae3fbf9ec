"""What a net or a game asks of the data's shape."""

from jaxgan.runtime.errors import UserError


def check_square(shape: tuple[int, ...], sizes: tuple[int, ...], net: str) -> None:
    """Refuses data (H, W, C) whose sides are not equal and among `sizes`.

    Raises:
      UserError: says what `net` draws, and what the data are.
    """
    if shape[:-1] != (shape[0],) * 2 or shape[0] not in sizes:
        listed = f"{', '.join(map(str, sizes[:-1]))} or {sizes[-1]}"
        raise UserError(
            f"{net} takes square images of {listed} pixels, the data are "
            f"{'x'.join(map(str, shape))}; set --config.data.res to one of those"
        )
