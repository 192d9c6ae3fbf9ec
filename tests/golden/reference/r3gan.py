"""R3GAN's networks, NCHW (Huang et al. 2024, section 4), and its schedules."""

import math

import torch
import torch.nn.functional as F
from reference.nets import conv, embed


def cosine(first, last, part):
    """A number after a part of its schedule."""
    return first + (last - first) * (1 - math.cos(math.pi * part)) / 2


def block(s, x, groups):
    inner = 2 * x.shape[1]
    h = conv(s, x, inner, 1, use_bias=False, name="expand")
    h = F.leaky_relu(h + s.param("bias1", inner)[:, None, None], 0.2)
    w = s.child("", "grouped").param("kernel", 3, 3, inner // groups, inner)
    h = F.conv2d(h, w.permute(3, 2, 0, 1).contiguous(), padding=1, groups=groups)
    h = F.leaky_relu(h + s.param("bias2", inner)[:, None, None], 0.2)
    return x + conv(s, h, x.shape[1], 1, use_bias=False, name="project")


def lowpass(x):
    """The filter for resampling, a kernel for each channel."""
    f = torch.tensor([1.0, 3.0, 3.0, 1.0])
    return (torch.outer(f, f) / 64).expand(x.shape[1], 1, 4, 4)


def up(x):
    return F.conv_transpose2d(x, 4 * lowpass(x), stride=2, padding=1, groups=x.shape[1])


def down(x):
    return F.conv2d(x, lowpass(x), stride=2, padding=1, groups=x.shape[1])


def generator(s, z, y, *, plan, groups, classes):
    """plan: widths from 4x4 up. groups: of the blocks, one at each resolution."""
    z = torch.cat([z, embed(s, y, classes, z.shape[1])], 1)
    scale = z @ s.child("", "basis_scale").param("kernel", z.shape[1], plan[0])
    h = s.param("basis", 4, 4, plan[0]).permute(2, 0, 1) * scale[:, :, None, None]
    for i, (width, g) in enumerate(zip(plan, groups, strict=True)):
        size = 4 << i
        if i and width != h.shape[1]:
            h = conv(s, h, width, 1, use_bias=False, name=f"transition{size}")
        h = block(s.child("", f"b{size}_0"), up(h) if i else h, g)
    return conv(s, h, 3, 1, use_bias=False, name="to_image")


def discriminator(s, x, y, *, plan, groups, embedding, classes):
    """The same in reverse; the logit is an inner product with the label's embedding."""
    h = conv(s, x, plan[-1], 1, use_bias=False, name="from_image")
    for i in reversed(range(len(plan))):
        size = 4 << i
        h = block(s.child("", f"b{size}_0"), h, groups[i])
        if i:
            h = down(h)
            if plan[i - 1] != h.shape[1]:
                h = conv(s, h, plan[i - 1], 1, use_bias=False, name=f"transition{size}")
    features = (h * s.param("basis", 4, 4, plan[0]).permute(2, 0, 1)).sum((2, 3))
    out = features @ s.child("", "Dense_0").param("kernel", plan[0], embedding)
    return (out * embed(s, y, classes, embedding)).sum(1)
