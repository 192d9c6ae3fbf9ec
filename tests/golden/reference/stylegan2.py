"""StyleGAN2's networks, NCHW, written from Karras et al. 2020a and NVlabs/stylegan2-ada-pytorch.

Resampling convolutions are that code's general ones: zeros inserted, filtered, then convolved.
"""

import math

import torch
import torch.nn.functional as F
from reference.nets import hwc

CHANNELS = 4


def lrelu(x, gain=1.0):
    return F.leaky_relu(x, 0.2) * math.sqrt(2) * gain


def unit(x):
    """Normalizes rows to a mean square of 1."""
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


def dense(s, name, x, n, lr=1.0):
    s = s.child("", name)
    kernel = s.param("kernel", x.shape[1], n) * lr / math.sqrt(x.shape[1])
    return x @ kernel + s.param("bias", n) * lr


def affine(s, w, n):
    """A layer's styles; its bias, which would start at 1, is near 0 on the tape."""
    return dense(s, "affine", w, n)


def mapping(s, z, y, *, width, layers):
    parts = [] if z is None else [unit(z)]
    if y is not None:
        parts.append(unit(dense(s, "embed", F.one_hot(y, 3).to(torch.float64), width)))
    h = torch.cat(parts, 1)
    for i in range(layers):
        h = lrelu(dense(s, f"fc{i}", h, width, 0.01))
    return h


def fir(x, up=1, down=1, pads=(0, 0), gain=1.0):
    """Inserts zeros, pads, filters by [1, 3, 3, 1] along both axes and drops pixels."""
    n, c, h, w = x.shape
    if up == 2:
        x = torch.stack([x, torch.zeros_like(x)], 4).reshape(n, c, h, 2 * w)
        x = torch.stack([x, torch.zeros_like(x)], 3).reshape(n, c, 2 * h, 2 * w)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = (gain * torch.outer(taps, taps)).expand(c, 1, 4, 4)
    return F.conv2d(F.pad(x, [*pads, *pads]), kernel, groups=c)[:, :, ::down, ::down]


def double(x):
    return fir(x, up=2, pads=(2, 1), gain=4.0)


def oihw(kernel):
    return kernel.permute(3, 2, 0, 1)


def modulated(x, kernel, styles, demodulate, up):
    """Convolves each sample with its own scaled kernel (section 2.2, eq. 1 and 3)."""
    out = []
    for image, style in zip(x, styles, strict=True):
        w = oihw(kernel) * style[None, :, None, None]
        if demodulate:
            w = w * torch.rsqrt(w.square().sum((1, 2, 3), keepdim=True) + 1e-8)
        image = image[None]
        if up:  # a true convolution, so the kernel is flipped
            out.append(F.conv2d(fir(image, up=2, pads=(3, 2), gain=4.0), w.flip(2, 3)))
        else:
            out.append(F.conv2d(image, w, padding=w.shape[2] // 2))
    return torch.cat(out)


def style_layer(s, name, x, w, n, up=False):
    s = s.child("", name)
    styles = affine(s, w, x.shape[1])
    h = modulated(x, s.param("kernel", 3, 3, x.shape[1], n), styles, True, up)
    s.stat("noise", "const", *h.shape[2:])  # for samples
    noise = s.tape.draw("normal", len(h), h.shape[2], h.shape[3], 1).permute(0, 3, 1, 2)
    h = h + noise * s.param("noise_strength")
    return lrelu(h + s.param("bias", n)[:, None, None])


def to_rgb(s, x, w):
    s = s.child("", "torgb")
    styles = affine(s, w, x.shape[1]) / math.sqrt(x.shape[1])
    rgb = modulated(x, s.param("kernel", 1, 1, x.shape[1], 3), styles, False, False)
    return rgb + s.param("bias", 3)[:, None, None]


def synthesis(s, ws, *, side):
    """Images of ws (N, layers, D), with skip connections."""
    b = s.child("", "b4")
    const = b.param("const", 4, 4, CHANNELS).permute(2, 0, 1)
    h = style_layer(b, "conv1", const.expand(len(ws), -1, -1, -1), ws[:, 0], CHANNELS)
    image = to_rgb(b, h, ws[:, 1])
    res, i = 8, 1
    while res <= side:
        b = s.child("", f"b{res}")
        h = style_layer(b, "conv0", h, ws[:, i], CHANNELS, up=True)
        h = style_layer(b, "conv1", h, ws[:, i + 1], CHANNELS)
        image = double(image) + to_rgb(b, h, ws[:, i + 2])
        res, i = 2 * res, i + 2
    return image


def conv(s, name, x, n, k, down=False, bias=True):
    s = s.child("", name)
    w = oihw(s.param("kernel", k, k, x.shape[1], n)) / math.sqrt(x.shape[1] * k * k)
    if down and k == 1:
        h = F.conv2d(fir(x, down=2, pads=(1, 1)), w)
    elif down:
        h = F.conv2d(fir(x, pads=(2, 2)), w, stride=2)
    else:
        h = F.conv2d(x, w, padding=k // 2)
    return h + s.param("bias", n)[:, None, None] if bias else h


def group_std(x, group):
    """Appends the features' mean standard deviation over groups of images, strided."""
    g = min(group, len(x))
    y = x.reshape(g, -1, *x.shape[1:])
    std = (y.var(0, unbiased=False) + 1e-8).sqrt().mean((1, 2, 3))
    return torch.cat([x, std.repeat(g)[:, None, None, None].expand(-1, 1, 4, 4)], 1)


def discriminator(s, x, y, *, residual=True, group=4, layers=2):
    res, h, gain = x.shape[2], None, math.sqrt(0.5) if residual else 1.0
    while res > 4:
        b = s.child("", f"b{res}")
        h = lrelu(conv(b, "fromrgb", x, CHANNELS, 1)) if h is None else h
        main = lrelu(conv(b, "conv0", h, CHANNELS, 3))
        main = lrelu(conv(b, "conv1", main, CHANNELS, 3, down=True), gain)
        if residual:
            main = main + gain * conv(b, "skip", h, CHANNELS, 1, down=True, bias=False)
        res, h = res // 2, main
    b = s.child("", "b4")
    h = lrelu(conv(b, "conv", group_std(h, group), CHANNELS, 3))
    h = lrelu(dense(b, "fc", hwc(h), CHANNELS))
    if y is None:
        return dense(b, "out", h, 1)[:, 0]
    mapped = mapping(s.child("", "mapping"), None, y, width=CHANNELS, layers=layers)
    return (dense(b, "out", h, CHANNELS) * mapped).sum(1) / math.sqrt(CHANNELS)
