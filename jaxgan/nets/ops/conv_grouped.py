"""Grouped convolutions."""

from jax import Array, lax


def grouped_conv2d(x: Array, w: Array, *, groups: int, padding: int) -> Array:
    """x (N, H, W, C), w (k, k, C / groups, C_out)."""
    return lax.conv_general_dilated(
        x, w, (1, 1), ((padding, padding),) * 2,
        dimension_numbers=("NHWC", "HWIO", "NHWC"), feature_group_count=groups,
    )  # fmt: skip
