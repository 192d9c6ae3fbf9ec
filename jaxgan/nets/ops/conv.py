"""Two-dimensional convolutions that are fast on every platform, CPU included.

A convolution is bilinear, and with its two gradients it forms a family that is
closed under differentiation: the derivatives of any member are the other two.

    conv         x, w -> y     the convolution
    input_grad   y, w -> x     its adjoint in x, the transposed convolution
    weight_grad  x, y -> w     its adjoint in w

So three JAX primitives, each bilinear, are differentiable in forward and reverse
mode to any order (gradient penalties, R1 and path length need the second), and the
choice of algorithm is deferred to lowering, where the platform is known: CUDA, ROCm
and TPU get plain `lax.conv_general_dilated`; the CPU, whose back end is slow on
strided, dilated and weight-gradient convolutions, gets the rewrites in `conv_cpu.py`.
No branch is left in either program.

`lax.platform_dependent` in a `jax.custom_vjp` would need no primitives, but jvp of a custom_vjp
function raises TypeError: there would be no forward mode, alone (jacfwd) or over a gradient.

Layouts: images NHWC, weights HWIO.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array, lax
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from jaxgan.nets.ops import conv_cpu, plain

Padding = tuple[tuple[int, int], tuple[int, int]]
Function = Callable[..., Array]


def conv2d(x: Array, w: Array, *, stride: int = 1, padding: Padding = ((0, 0), (0, 0))) -> Array:
    """Convolves images with a kernel (cross-correlation, as in every deep learning library).

    Args:
      x: images, (N, H, W, C_in).
      w: kernel, (kh, kw, C_in, C_out).
      stride: step of the window, the same in both directions.
      padding: zeros added ((top, bottom), (left, right)).

    Returns:
      (N, H', W', C_out), H' = (H + top + bottom - kh) // stride + 1, likewise W'; equal to
      `lax.conv_general_dilated` with NHWC, HWIO, NHWC.
    """
    x, w = check(x, w, stride)
    padding = _as_padding(padding)
    size = tuple(
        (n + sum(p) - k) // stride + 1
        for n, p, k in zip(x.shape[1:3], padding, w.shape[:2], strict=True)
    )
    if min(size) < 1:
        raise ValueError(f"kernel {w.shape} exceeds images {x.shape} padded by {padding}")
    return bind(conv_p, x, w, stride=stride, padding=padding, size=size)


def conv2d_transpose(
    x: Array, w: Array, *, stride: int = 2, padding: Padding = ((0, 0), (0, 0))
) -> Array:
    """Computes a transposed convolution with the semantics of PyTorch's `ConvTranspose2d`.

    Every input pixel adds the kernel, unflipped and scaled, to the output, `stride` apart,
    and `padding` crops the result:

        out[i * stride + a - top, j * stride + b - left] += x[i, j] @ w[a, b]

    It is the gradient of `conv2d(., w.swapaxes(2, 3))` with respect to its input, with the
    same stride and padding; in terms of lax, `conv_general_dilated` of x with
    `lhs_dilation=stride`, the kernel flipped in both directions and padding
    (kh - 1 - top, kh - 1 - bottom), likewise in width. PyTorch stores this w as
    (C_in, C_out, kh, kw).

    Args:
      x: images, (N, H, W, C_in).
      w: kernel, (kh, kw, C_in, C_out).
      stride: upsampling factor.
      padding: rows and columns cropped ((top, bottom), (left, right)).

    Returns:
      (N, H', W', C_out), H' = (H - 1) * stride - top - bottom + kh, likewise W'.
    """
    x, w = check(x, w, stride)
    padding = _as_padding(padding)
    size = tuple(
        (n - 1) * stride - sum(p) + k
        for n, p, k in zip(x.shape[1:3], padding, w.shape[:2], strict=True)
    )
    if min(size) < 1:
        raise ValueError(f"padding {padding} crops everything: {x.shape}, kernel {w.shape}")
    w = w.swapaxes(2, 3)
    return bind(input_grad_p, x, w, stride=stride, padding=padding, size=size)


def bind(prim: Primitive, a: Array, b: Array, **params: Any) -> Array:
    """Applies a primitive of a family at the precision of `jax.default_matmul_precision` here.

    It is kept among the primitive's parameters: lowering takes place outside of that context.
    """
    precision = jax.config.jax_default_matmul_precision
    return prim.bind(a, b, grouped=False, precision=precision, **params)


def check(x: Array, w: Array, stride: int) -> tuple[Array, Array]:
    """Returns both operands in one dtype and with one set of varying mesh axes.

    Raises:
      ValueError: shapes that do not match, or a stride below 1.
    """
    x, w = jnp.asarray(x), jnp.asarray(w)
    if x.ndim != 4 or w.ndim != 4 or x.shape[3] != w.shape[2]:
        raise ValueError(f"want x (N, H, W, C) and w (kh, kw, C, C_out): {x.shape}, {w.shape}")
    if stride < 1:
        raise ValueError(f"stride must be positive: {stride}")
    return matched(x, w)


def matched(x: Array, w: Array) -> tuple[Array, Array]:
    """Returns both operands in one dtype and with one set of varying mesh axes."""
    dtype = jnp.result_type(x, w)
    x, w = x.astype(dtype), w.astype(dtype)
    # Inside shard_map replicated weights meet varying images. Casting here, and not in the
    # primitives, makes the transpose of the cast, a psum, part of the weights' gradient.
    axes_x, axes_w = _varying_axes(x), _varying_axes(w)
    if axes_x != axes_w:
        x = lax.pcast(x, tuple(axes_w - axes_x), to="varying")
        w = lax.pcast(w, tuple(axes_x - axes_w), to="varying")
    return x, w


def _varying_axes(a: Array) -> frozenset[str]:
    """Returns the mesh axes over which `a` varies in shard_map; the attribute moved in jax 0.10."""
    aval = jax.typeof(a)
    return aval.mat.varying if hasattr(aval, "mat") else getattr(aval, "vma", frozenset())


def _as_padding(padding: Any) -> Padding:
    """Returns hashable tuples of ints from any nested sequences."""
    (top, bottom), (left, right) = padding
    return (int(top), int(bottom)), (int(left), int(right))


# Plain versions: one lax convolution each. `size` is the height and width of the result.


def _lax_conv(a: Array, b: Array, *, spec: tuple[str, str, str], **kwargs: Any) -> Array:
    return lax.conv_general_dilated(a, b, dimension_numbers=spec, **kwargs)


def conv_lax(x: Array, w: Array, *, stride: int, padding: Padding, size: Any) -> Array:
    """Convolves x (N, H, W, C_in) with w (kh, kw, C_in, C_out) to (N, *size, C_out)."""
    del size  # follows from the rest
    spec = ("NHWC", "HWIO", "NHWC")
    return _lax_conv(x, w, window_strides=(stride, stride), padding=padding, spec=spec)


def input_grad_lax(y: Array, w: Array, *, stride: int, padding: Padding, size: Any) -> Array:
    """Maps the cotangent y (N, H', W', C_out) and w (kh, kw, C_in, C_out) to (N, *size, C_in)."""
    lo = [k - 1 - p[0] for k, p in zip(w.shape[:2], padding, strict=True)]
    hi = [
        n - (m - 1) * stride - 1 + k - 1 - a
        for n, m, k, a in zip(size, y.shape[1:3], w.shape[:2], lo, strict=True)
    ]
    return _lax_conv(
        y, lax.rev(w, (0, 1)), window_strides=(1, 1), lhs_dilation=(stride, stride),
        padding=tuple(zip(lo, hi, strict=True)), spec=("NHWC", "HWOI", "NHWC"),
    )  # fmt: skip


def weight_grad_lax(x: Array, y: Array, *, stride: int, padding: Padding, size: Any) -> Array:
    """Maps x (N, H, W, C_in) and the cotangent y (N, H', W', C_out) to (*size, C_in, C_out)."""
    hi = [
        k - 1 + (m - 1) * stride + 1 - n - p[0]
        for k, m, n, p in zip(size, y.shape[1:3], x.shape[1:3], padding, strict=True)
    ]
    pads = tuple((p[0], h) for p, h in zip(padding, hi, strict=True))
    return _lax_conv(
        x, y, window_strides=(1, 1), rhs_dilation=(stride, stride), padding=pads,
        spec=("CHWN", "IHWO", "HWNC"),
    )  # fmt: skip


# The primitives. With `grouped` both operands have a leading axis of independent problems.


def _grouped_cpu(cpu: Function, other: Function) -> Function:
    """Unrolls up to 16 problems, for a vmapped lax convolution becomes a slow grouped one."""

    def run(a: Array, b: Array, **params: Any) -> Array:
        if len(a) > 16:
            return jax.vmap(functools.partial(other, **params))(a, b)
        return jnp.stack([cpu(a[i], b[i], **params) for i in range(len(a))])

    return run


def _primitive(name: str, other: Function, cpu: Function, images: bool) -> Primitive:
    """Builds a primitive that lowers to `cpu` on the CPU and to `other` everywhere else.

    images: whether the result is images, so that a mapped first operand folds into their batch.
    """
    prim = Primitive(name)
    grouped_cpu = _grouped_cpu(cpu, other)

    def plain_rule(
        a: Array, b: Array, *, grouped: bool, precision: str | None, **params: Any
    ) -> Array:
        f = functools.partial(other, **params)
        with jax.default_matmul_precision(precision):
            return jax.vmap(f)(a, b) if grouped else f(a, b)

    def cpu_rule(
        a: Array, b: Array, *, grouped: bool, precision: str | None, **params: Any
    ) -> Array:
        with jax.default_matmul_precision(precision):
            return (grouped_cpu if grouped else cpu)(a, b, **params)

    def abstract_eval(a: Any, b: Any, **params: Any) -> Any:
        # Tracing the plain version also carries over shardings and varying mesh axes.
        return jax.make_jaxpr(functools.partial(plain_rule, **params))(a, b).out_avals[0]

    plain.rules[prim] = plain_rule
    prim.def_abstract_eval(abstract_eval)
    params = ("stride", "padding", "size", "grouped", "precision")
    prim.def_impl(jax.jit(prim.bind, static_argnames=params))
    mlir.register_lowering(prim, mlir.lower_fun(plain_rule, multiple_results=False))
    mlir.register_lowering(prim, mlir.lower_fun(cpu_rule, multiple_results=False), platform="cpu")
    batching.primitive_batchers[prim] = functools.partial(_batch, prim, images)
    return prim


def _batch(
    prim: Primitive, images: bool, args: Any, dims: Any, *, grouped: bool, **params: Any
) -> Any:
    """Batches under vmap: images fold into the batch axis, anything else becomes a group axis."""
    (a, b), (i, j) = args, dims
    if not grouped and j is None and images:
        a = jnp.moveaxis(a, i, 0)
        out = prim.bind(a.reshape(-1, *a.shape[2:]), b, grouped=False, **params)
        return out.reshape(*a.shape[:2], *out.shape[1:]), 0
    n = a.shape[i] if i is not None else b.shape[j]
    a, b = (batching.bdim_at_front(v, d, n) for v, d in ((a, i), (b, j)))
    if not grouped:
        return prim.bind(a, b, grouped=True, **params), 0
    groups = a.shape[1]
    a, b = (v.reshape(-1, *v.shape[2:]) for v in (a, b))
    out = prim.bind(a, b, grouped=True, **params)
    return out.reshape(n, groups, *out.shape[1:]), 0


# The derivatives: each member's are the other two.


def _size(placeholder: Any, image: bool, grouped: bool) -> tuple[int, int]:
    """Returns the height and width of an operand from the placeholder for it."""
    axis = int(image) + int(grouped)
    return tuple(placeholder.aval.shape[axis : axis + 2])


def _rule(prim: Primitive, image: bool, ct_first: bool, undefined: int) -> Callable[..., Array]:
    """Returns the transpose rule for operand `undefined`: `prim` bound to the cotangent.

    Args:
      prim: what computes the result.
      image: whether the result is a batch of images, not a kernel.
      ct_first: whether the cotangent is the first operand of `prim`.
      undefined: position, 0 or 1, of the operand differentiated with respect to.
    """

    def rule(ct: Array, a: Any, b: Any, *, grouped: bool, size: Any, **params: Any) -> Array:
        del size
        target, other = (a, b) if undefined == 0 else (b, a)
        operands = (ct, other) if ct_first else (other, ct)
        size = _size(target, image, grouped)
        return prim.bind(*operands, size=size, grouped=grouped, **params)

    return rule


class Family(NamedTuple):
    """A bilinear map of images x and a kernel w to images y, and its two gradients."""

    conv: Primitive  # x, w -> y
    input_grad: Primitive  # y, w -> x
    weight_grad: Primitive  # x, y -> w


def family(
    name: str, other: tuple[Function, Function, Function], cpu: tuple[Function, Function, Function]
) -> Family:
    """Builds the primitives of three functions, in `Family`'s order, and their derivatives."""
    names = name, f"{name}_input_grad", f"{name}_weight_grad"
    images = (True, True, False)
    primitives = Family(*map(_primitive, names, other, cpu, images))
    conv, input_grad, weight_grad = primitives
    ad.defbilinear(conv, _rule(input_grad, True, True, 0), _rule(weight_grad, False, False, 1))
    ad.defbilinear(input_grad, _rule(conv, True, True, 0), _rule(weight_grad, False, True, 1))
    ad.defbilinear(weight_grad, _rule(input_grad, True, False, 0), _rule(conv, True, False, 1))
    return primitives


PLAIN = (conv_lax, input_grad_lax, weight_grad_lax)
CPU = (conv_cpu.conv, conv_cpu.input_grad, conv_cpu.weight_grad)
conv_p, input_grad_p, weight_grad_p = family("jaxgan_conv", PLAIN, CPU)
