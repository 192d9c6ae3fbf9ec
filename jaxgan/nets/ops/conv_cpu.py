"""Convolutions rewritten for XLA's CPU back end.

The back end's forward convolutions are fast, some of the gradients slow: worst by far is
the weight gradient that lax derives for a transposed convolution, which falls back to a naive
loop. Each function here chooses, by shape, between lax and these rewrites:

    fold    A stride s becomes 1 by moving s x s blocks of pixels into channels, of images
            and kernel alike. The FLOPs stay the same if s divides the kernel.
    taps    For kernels, one matrix product per tap between the flattened cotangent and the images
            shifted by the tap; for images, one product for all taps, whose results are spread,
            shifted and added.
    dense   A kernel that covers its entire input is a matrix, as at both ends of DCGAN.
    row     lax on images padded by one extra row, which is cropped: a result larger than the
            image goes to Eigen, and not to YNNPACK, which is slower on large or wide ones.
    thin    Few output channels: one product for all taps, whose results are shifted and added.

GFLOP/s in float32 on a 2-core x86 CPU (jax 0.10.2, batch 32-64, medians, one op per program;
shared machine, so trust the ratios within a row and not the third digit):

    weight gradient        lax   taps           input gradient         lax   fold   taps
    4x4/2  1->32   at 32    14   39 (thin in)   4x4/2  3->64   at 64    27     24
    4x4/2 64->128  at 32    38     51           4x4/2 64->128  at 32    53    151
    4x4/2 128->256 at 16    73    101           4x4/2 128->256 at 16   125    134
    4x4/2 256->512 at 8    112    107           4x4/2 256->512 at 8    104     73
    3x3   128->128 at 32    46     68           4x4/2 32->64   at 16    59     92
    3x3   256->256 at 32    35     78           3x3/2 128->256 at 8     98     50    113
    3x3   48->3    at 32     7   13 (thin out)  3x3/2 64->128  at 64    91     82    118
    1x1   128->128 at 32    12     71           3x3/2 128->256 at 32   123     84    114
    7x7   3->64    at 64    22     39           3x3/2 64->128  at 4      6     27     57
    3x3/2 64->128  at 64    30     57

    stride 1, forward      lax    row           stride 1, input grad.  lax    row
    3x3   64->64   at 32    80    116           3x3   64->64   at 32    79    114
    3x3   32->32   at 64    82    116           3x3   32->32   at 64    78    102
    3x3   128->64  at 32    97    144           3x3   256->256 at 16   140    141
    3x3   16->16   at 64    59     49           1x1   128->128 at 32    32    106 (product)
    7x7   64->3    at 64    24     10
    3x3   64->3    at 64    26     53 (thin)
    1x1   128->128 at 32    48    102 (product)
    without padding, batch 1 to 8, on a busy machine:
    7x7   64->3    at 134  1.1     81           7x7   64->64   at 34     7     20
    3x3   64->64   at 130  4.5     30           3x3   256->256 at 34    26     27
    7x7   16->16   at 34    39     38           4x4   128->256 at 3      3    144 (thin)

Hence the rules. Stride 1, including folded input gradients: a product for 1x1, thin where all taps'
results have at most `COLUMNS` channels or the kernel is larger than the images, row from 32 pixels
or 128 channels on, except where channels are so few that YNNPACK ignores them or is faster, and for
more than 16 channels without padding. Other strides, forward: lax (100-140 wherever channels are
many). Weight gradients are taps; input gradients fold if the stride divides the kernel (else the
padded kernel wastes FLOPs: taps) and the kernel is no larger than the images (else transposing it
costs more than it saves). An entire dcgan64 update, batch 32, where lax hits the naive loop, is 7.5
times faster (medians of alternating runs). Winograd's minimal filtering was tried: weight gradients
alone gain 1.2 to 1.5, forward nothing, and an entire dcgan64 update with such weight gradients
takes a tenth longer because of the copies it writes.

The shifted images are kh * kw copies of x, so beyond `COPIES` bytes a loop makes one at a time
(and lax computes the input gradient): 72 MB instead of 307 for 3x3, 256 channels, 32 pixels,
batch 32, at 0.9 of the speed (products, unlike convolutions, are as fast in loops). XLA's
cost_analysis counts the body of that loop once.
"""

import itertools

import jax.numpy as jnp
from jax import Array, lax

Padding = tuple[tuple[int, int], tuple[int, int]]
Size = tuple[int, int]

THIN = 4  # channels, at most, that are too few to fill a matrix product
COLUMNS = 48  # taps times output channels, at most, of one product for all taps
COPIES = 2**26  # bytes of shifted images beyond which taps are computed in a loop


def conv(x: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    """Convolves x (N, H, W, C_in) with w (kh, kw, C_in, C_out) to (N, *size, C_out)."""
    if _covers(x, w.shape[:2], padding):
        return (x.reshape(x.shape[0], -1) @ w.reshape(-1, w.shape[3])).reshape(
            x.shape[0], *size, w.shape[3]
        )
    return _conv1(x, w, padding) if stride == 1 else _lax_conv(x, w, stride, padding)


def input_grad(y: Array, w: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    """Maps the cotangent y (N, H', W', C_out) and w (kh, kw, C_in, C_out) to (N, *size, C_in)."""
    if y.shape[1:3] == (1, 1) and size == w.shape[:2] and not any(map(any, padding)):
        return jnp.einsum("nk,hwck->nhwc", y[:, 0, 0], w)
    if stride == 1:
        return _conv1(y, _flip(w), _adjoint_padding(y, w, padding, size))
    divides = all(k % stride == 0 for k in w.shape[:2])
    # Folding transposes and copies the kernel, too slow for one larger than the images. An exported
    # program's batch is of any size: it counts as large.
    n = y.shape[0]
    if divides and (type(n) is not int or w.size <= n * size[0] * size[1] * w.shape[2]):
        return _input_grad_folded(y, w, stride, padding, size)
    if not divides and type(n) is int and y.nbytes // y.shape[3] * w.size // w.shape[3] <= COPIES:
        return _input_grad_taps(y, w, stride, padding, size)
    return _lax_conv(y, _flip(w), 1, _adjoint_padding(y, w, padding, size, stride), stride)


def weight_grad(x: Array, y: Array, *, stride: int, padding: Padding, size: Size) -> Array:
    """Maps x (N, H, W, C_in) and the cotangent y (N, H', W', C_out) to (*size, C_in, C_out)."""
    c_in, c_out = x.shape[3], y.shape[3]
    if _covers(x, size, padding):
        return _product(x.reshape(len(x), -1), y).reshape(*size, c_in, c_out)
    if stride > 1 and min(c_in, c_out) <= THIN:
        kernel = tuple(-(-k // stride) for k in size)
        x = _fold(_pad_to(x, padding, [(m + k - 1) * stride for m, k in _zip(y, kernel)]), stride)
        w = weight_grad(x, y, stride=1, padding=((0, 0), (0, 0)), size=kernel)
        return _unfold_kernel(w, stride)[: size[0], : size[1]]
    x = _pad_to(x, padding, [(m - 1) * stride + k for m, k in _zip(y, size)])
    if c_out <= THIN:
        return _weight_grad_thin_out(x, y, size)
    if c_in <= THIN * THIN and stride == 1:  # thin images, folded or not
        return _weight_grad_thin_in(x, y, size)
    return _weight_grad_taps(x, y, stride, size)


def _conv1(x: Array, w: Array, padding: Padding) -> Array:
    """Convolves with stride 1: by a product for 1x1 or few output channels, else by lax."""
    (kh, kw, c_in, c_out), pixels = w.shape, x.shape[:3]
    if (kh, kw) == (1, 1) and not any(map(any, padding)):
        return (x.reshape(-1, c_in) @ w[0, 0]).reshape(*pixels, c_out)
    beyond = kh > pixels[1] or kw > pixels[2]  # lax has 1 GFLOP/s where kernels exceed images
    if (kh * kw * c_out <= COLUMNS or beyond) and c_in > THIN:
        return _conv_thin_out(x, w, padding)
    few, many = sorted((c_in, c_out))
    large = min(pixels[1:]) >= 32 or many >= 128
    (top, bottom), sides = padding
    same = top + bottom == kh - 1 and sum(sides) < kw
    none = not any(map(any, padding)) and c_in > 16
    if x.dtype == jnp.float32 and (none or same and large and few >= 16 < many):
        # YNNPACK would take this one; an extra row prevents it.
        return _lax_conv(x, w, 1, ((top, bottom + 1), sides))[:, :-1]
    return _lax_conv(x, w, 1, padding)


def _conv_thin_out(x: Array, w: Array, padding: Padding) -> Array:
    """Convolves with stride 1 to few channels: one product for all taps, then shifts and adds."""
    kh, kw, c, out = w.shape
    ends = zip(x.shape[1:3], padding, (kh, kw), strict=True)
    rows, cols = (n + sum(pads) - k + 1 for n, pads, k in ends)
    y = (x.reshape(-1, c) @ w.transpose(2, 0, 1, 3).reshape(c, -1)).reshape(*x.shape[:3], -1)
    y = _pad_to(y, padding, (rows + kh - 1, cols + kw - 1))
    taps = enumerate(itertools.product(range(kh), range(kw)))
    return sum(y[:, i : i + rows, j : j + cols, t * out : (t + 1) * out] for t, (i, j) in taps)


def _input_grad_folded(y: Array, w: Array, s: int, padding: Padding, size: Size) -> Array:
    """Computes all s * s phases of every output block as channels, then moves them into place."""
    w = _fold_kernel(w, s)
    full = tuple((k - 1, k - 1) for k in w.shape[:2])
    x = _unfold(_conv1(y, _flip(w), full), s)
    (top, _), (left, _) = padding
    return _pad_to(x, ((-top, 0), (-left, 0)), size)


def _input_grad_taps(y: Array, w: Array, s: int, padding: Padding, size: Size) -> Array:
    """Computes one product for all taps, whose results are spread s apart, shifted and added."""
    (n, rows, cols, c_out), (kh, kw, c, _) = y.shape, w.shape
    product = y.reshape(-1, c_out) @ w.transpose(3, 0, 1, 2).reshape(c_out, -1)
    taps = product.reshape(n, rows, cols, kh, kw, c)

    def placed(tap: tuple[int, int]) -> Array:
        lo = [i - before for i, (before, _) in zip(tap, padding, strict=True)]
        ends = zip(lo, size, (rows, cols), strict=True)
        pads = [(a, m - (k - 1) * s - 1 - a, s - 1) for a, m, k in ends]
        spread = ((0, 0, 0), *pads, (0, 0, 0))
        return lax.pad(taps[:, :, :, tap[0], tap[1]], jnp.zeros((), y.dtype), spread)

    return sum(placed(tap) for tap in itertools.product(range(kh), range(kw)))


def _weight_grad_taps(x: Array, y: Array, s: int, size: Size) -> Array:
    """Computes one product per tap; in a loop if the shifted copies of x take too much memory."""
    n, _, _, c = x.shape
    rows, cols = ((m - 1) * s + 1 for m in y.shape[1:3])

    def tap(ij: tuple[Array | int, Array | int]) -> Array:
        shifted = lax.dynamic_slice(x, (0, ij[0], ij[1], 0), (n, rows, cols, c))
        return _product(shifted[:, ::s, ::s].reshape(-1, c), y)

    copies = size[0] * size[1] * (y.size // y.shape[3]) * c * x.dtype.itemsize
    if copies > COPIES:
        taps = lax.map(tap, tuple(jnp.indices(size).reshape(2, -1)))
    else:
        taps = jnp.stack([tap(ij) for ij in itertools.product(*map(range, size))])
    return taps.reshape(*size, c, y.shape[3])


def _weight_grad_thin_in(x: Array, y: Array, size: Size) -> Array:
    """Handles few input channels, stride 1: one product per row of taps, which fills it better."""
    (kh, kw), (rows, cols), c = size, y.shape[1:3], x.shape[3]
    x = jnp.concatenate([x[:, :, j : j + cols] for j in range(kw)], axis=3)
    taps = [_product(x[:, i : i + rows].reshape(-1, kw * c), y) for i in range(kh)]
    return jnp.stack(taps).reshape(kh, kw, c, y.shape[3])


def _weight_grad_thin_out(x: Array, y: Array, size: Size) -> Array:
    """Handles few output channels, stride 1: shifts copies of y instead, all in one product."""
    (kh, kw), (_, h, w, c), out = size, x.shape, y.shape[3]
    y = _pad_to(y, ((kh - 1, 0), (kw - 1, 0)), (h + kh - 1, w + kw - 1))
    shifts = itertools.product(range(kh - 1, -1, -1), range(kw - 1, -1, -1))
    y = jnp.concatenate([y[:, i : i + h, j : j + w] for i, j in shifts], axis=3)
    return _product(x.reshape(-1, c), y).reshape(c, kh, kw, out).transpose(1, 2, 0, 3)


def _covers(x: Array, kernel: Size, padding: Padding) -> bool:
    """Returns whether a kernel of this size covers all of the image at once."""
    return x.shape[1:3] == tuple(kernel) and not any(map(any, padding))


def _zip(y: Array, kernel: Size) -> list[tuple[int, int]]:
    """Returns pairs of output and kernel lengths."""
    return list(zip(y.shape[1:3], kernel, strict=True))


def _product(a: Array, y: Array) -> Array:
    """Computes a^T y over all pixels: a (M, C), y (..., C_out) with M pixels -> (C, C_out)."""
    return lax.dot_general(a, y.reshape(len(a), -1), (((0,), (0,)), ((), ())))


def _flip(w: Array) -> Array:
    """Returns the kernel (kh, kw, C_out, C_in), flipped, that the input gradient convolves with."""
    return lax.rev(w, (0, 1)).swapaxes(2, 3)


def _adjoint_padding(y: Array, w: Array, padding: Padding, size: Size, stride: int = 1) -> Padding:
    """Returns the padding of y with which its convolution with the flipped kernel has `size`."""
    lo = [k - 1 - p[0] for k, p in zip(w.shape[:2], padding, strict=True)]
    ends = zip(size, y.shape[1:3], w.shape[:2], lo, strict=True)
    return tuple((a, n - (m - 1) * stride + k - 2 - a) for n, m, k, a in ends)


def _lax_conv(x: Array, w: Array, stride: int, padding: Padding, dilation: int = 1) -> Array:
    if dilation == 1 and min(map(min, padding)) < 0:
        # XLA (jaxlib 0.10.2) reads before the image where its own padding is negative.
        x = lax.slice_in_dim(x, max(-padding[0][0], 0), None, axis=1)
        x = lax.slice_in_dim(x, max(-padding[1][0], 0), None, axis=2)
        padding = tuple((max(lo, 0), hi) for lo, hi in padding)
    return lax.conv_general_dilated(
        x,
        w,
        (stride, stride),
        padding,
        lhs_dilation=(dilation, dilation),
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )


def _pad_to(x: Array, padding: Padding, size: Size) -> Array:
    """Pads or crops x (N, H, W, C) by `padding` before, and after to (N, *size, C)."""
    amounts = [
        (before, m - n - before, 0)
        for (before, _), m, n in zip(padding, size, x.shape[1:3], strict=True)
    ]
    return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *amounts, (0, 0, 0)))


def _fold(x: Array, s: int) -> Array:
    """Moves space to depth: (N, H * s, W * s, C) -> (N, H, W, s * s * C)."""
    n, h, w, c = x.shape
    x = x.reshape(n, h // s, s, w // s, s, c).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h // s, w // s, s * s * c)


def _unfold(x: Array, s: int) -> Array:
    """Moves depth to space: (N, H, W, s * s * C) -> (N, H * s, W * s, C)."""
    n, h, w, c = x.shape
    x = x.reshape(n, h, w, s, s, c // (s * s)).transpose(0, 1, 3, 2, 4, 5)
    return x.reshape(n, h * s, w * s, c // (s * s))


def _fold_kernel(w: Array, s: int) -> Array:
    """Folds a kernel: (kh * s, kw * s, C_in, C_out) -> (kh, kw, s * s * C_in, C_out)."""
    kh, kw, c_in, c_out = w.shape
    w = w.reshape(kh // s, s, kw // s, s, c_in, c_out).transpose(0, 2, 1, 3, 4, 5)
    return w.reshape(kh // s, kw // s, s * s * c_in, c_out)


def _unfold_kernel(w: Array, s: int) -> Array:
    """Unfolds a kernel: (kh, kw, s * s * C_in, C_out) -> (kh * s, kw * s, C_in, C_out)."""
    kh, kw, c, c_out = w.shape
    w = w.reshape(kh, kw, s, s, c // (s * s), c_out).transpose(0, 2, 1, 3, 4, 5)
    return w.reshape(kh * s, kw * s, c // (s * s), c_out)
