"""Progressive GAN's and StyleGAN's networks, NCHW, at the resolutions up to `side`.

Written from Karras et al. 2018 and 2019 and the authors' code (tkarras/progressive_growing_of_gans,
NVlabs/stylegan). The last resolution has faded in as far as `alpha`.
"""

import math

import torch
import torch.nn.functional as F
from reference.nets import chw, hwc, up
from reference.stylegan2 import CHANNELS, group_std, oihw

GAIN = math.sqrt(2)


def act(x):
    return F.leaky_relu(x, 0.2)


def pixel_norm(x):
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


def half(x):
    return F.avg_pool2d(x, 2)


def kernel(s, gain, *shape):
    return s.param("kernel", *shape) * (gain / math.sqrt(math.prod(shape[:-1])))


def shift(s, n):
    return s.param("bias", n)[:, None, None]


def conv(s, name, x, n, k=3, gain=GAIN):
    s = s.child("", name)
    h = F.conv2d(x, oihw(kernel(s, gain, k, k, x.shape[1], n)), padding=k // 2)
    return h + shift(s, n)


def dense(s, name, x, n, gain=GAIN):
    s = s.child("", name)
    return x @ kernel(s, gain, x.shape[1], n) + s.param("bias", n)


def fade(old, new, alpha):
    return (1 - alpha) * old + alpha * new


def sides(side):
    """4, 8 and so on, up to a side."""
    return [4 << i for i in range(side.bit_length() - 2)]


def show(s, h, image, res, side, alpha):
    """The image so far: none below half the last resolution, then that, then a blend."""
    if res < side // 2:
        return None
    rgb = conv(s, f"rgb{res}", h, 3, 1, gain=1.0)
    return rgb if image is None else fade(up(image), rgb, alpha)


def progan_g(s, z, *, side, alpha):
    first = s.child("", "dense")
    h = pixel_norm(z) @ kernel(first, GAIN / 4, z.shape[1], 16 * CHANNELS)
    h = pixel_norm(act(chw(h, 4, 4, CHANNELS) + shift(s, CHANNELS)))
    image = None
    for res in sides(side):
        if res > 4:
            h = pixel_norm(act(conv(s, f"conv{res}_0", up(h), CHANNELS)))
        h = pixel_norm(act(conv(s, f"conv{res}_1", h, CHANNELS)))
        image = show(s, h, image, res, side, alpha)
    return image


def blur(x):
    """Filters by [1, 2, 1] along both axes."""
    taps = torch.tensor([1.0, 2.0, 1.0]) / 4
    kernels = torch.outer(taps, taps).expand(x.shape[1], 1, 3, 3)
    return F.conv2d(x, kernels, padding=1, groups=len(kernels))


def discriminator(s, x, *, side, alpha, filtered=False):
    """Scores; StyleGAN's, `filtered`, blurs, and halves before bias and rectifier."""
    h = act(conv(s, f"rgb{side}", x, CHANNELS, 1))
    for res in reversed(sides(side)[1:]):
        h = act(conv(s, f"conv{res}_0", h, CHANNELS))
        if filtered:
            b = s.child("", f"conv{res}_1")
            w = oihw(kernel(b, GAIN, 3, 3, CHANNELS, CHANNELS))
            h = act(half(F.conv2d(blur(h), w, padding=1)) + shift(b, CHANNELS))
        else:
            h = half(act(conv(s, f"conv{res}_1", h, CHANNELS)))
        if res == side:
            h = fade(act(conv(s, f"rgb{res // 2}", half(x), CHANNELS, 1)), h, alpha)
    h = act(conv(s, "conv4", group_std(h, 4), CHANNELS))
    return dense(s, "out", act(dense(s, "dense", hwc(h), CHANNELS)), 1, gain=1.0)[:, 0]


def epilogue(s, name, x, w):
    """Noise, bias, rectifier, instance normalization, style."""
    s = s.child("", name)
    n, c, h, width = x.shape
    s.stat("noise", "const", h, width)  # for samples
    noise = s.tape.draw("normal", n, h, width, 1).permute(0, 3, 1, 2)
    x = act(x + noise * s.param("strength", c)[:, None, None] + shift(s, c))
    x = x - x.mean((2, 3), keepdim=True)
    x = x * torch.rsqrt(x.square().mean((2, 3), keepdim=True) + 1e-8)
    styles = dense(s.child("", "style"), "EqualDense_0", w, 2 * c, gain=1.0)[:, :, None, None]
    return x * (styles[:, :c] + 1) + styles[:, c:]


def plain(s, name, x):
    return F.conv2d(x, oihw(kernel(s.child("", name), GAIN, 3, 3, CHANNELS, CHANNELS)), padding=1)


def synthesis(s, ws, *, side, alpha):
    """Images of ws (N, layers, D)."""
    image = None
    h = s.param("const", 4, 4, CHANNELS).permute(2, 0, 1).expand(len(ws), -1, -1, -1)
    for i, res in enumerate(sides(side)):
        if res > 4:
            h = blur(plain(s, f"conv{res}_0", up(h)))
        h = epilogue(s, f"layer{res}_0", h, ws[:, 2 * i])
        h = epilogue(s, f"layer{res}_1", plain(s, f"conv{res}_1", h), ws[:, 2 * i + 1])
        image = show(s, h, image, res, side, alpha)
    return image
