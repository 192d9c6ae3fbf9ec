"""The channels of DCGAN's pyramid of feature maps."""

from jaxgan.core.shapes import check_square


def pyramid(shape: tuple[int, ...], width: int, max_width: int, net: str) -> list[int]:
    """Returns the channels of DCGAN's feature maps, from half the image's size down to 4x4 or 7x7.

    Raises:
      UserError: data that are not square images of 28 pixels, or of 16 to 256, a power of two.
    """
    check_square(shape, (16, 28, 32, 64, 128, 256), net)
    side, widths = shape[0], []
    while side > 7:
        side, widths = side // 2, [*widths, min(width << len(widths), max_width)]
    return widths
