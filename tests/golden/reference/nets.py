"""The recipes' networks in PyTorch, NCHW, written from the papers and the authors' code."""

import torch
import torch.nn.functional as F


def spectral(s, w):
    """w / sigma after one power iteration (Miyato et al. 2018, algorithm 1)."""
    mat = w.reshape(-1, w.shape[-1]).T  # (C_out, rest)
    fixed = mat.detach()
    path, u = s.stat("spectral", "u", 1, mat.shape[0])
    v = F.normalize(u @ fixed, dim=1)
    if s.spectral:
        u = s.stats[path] = F.normalize(v @ fixed.T, dim=1)
    u = F.normalize(u, dim=1)
    return w / (u @ mat @ v.T).squeeze()


def weight(s, shape, sn):
    w = s.param("kernel", *shape)
    return spectral(s, w) if sn else w


def bias(s, n, use):
    return s.param("bias", n) if use else torch.zeros(n)


def dense(s, x, n, use_bias=True, sn=False, kind="Dense"):
    s = s.child(kind)
    return x @ weight(s, (x.shape[1], n), sn) + bias(s, n, use_bias)


def conv(s, x, n, k, stride=1, pad=0, use_bias=True, sn=False, name=None):
    s = s.child("Conv", name)
    w = weight(s, (k, k, x.shape[1], n), sn)
    return F.conv2d(x, w.permute(3, 2, 0, 1).contiguous(), bias(s, n, use_bias), stride, pad)


def deconv(s, x, n, k=4, stride=2, pad=1, use_bias=True, sn=False):
    s = s.child("ConvTranspose")
    w = weight(s, (k, k, x.shape[1], n), sn)
    return F.conv_transpose2d(
        x, w.permute(2, 3, 0, 1).contiguous(), bias(s, n, use_bias), stride, pad
    )


def up(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


def hwc(x):
    """Flattens to rows in the order H, W, C."""
    return x.permute(0, 2, 3, 1).reshape(len(x), -1)


def chw(x, h, w, c):
    """Reads rows in the order H, W, C as images."""
    return x.reshape(-1, h, w, c).permute(0, 3, 1, 2)


def batch_norm(s, x, affine=True):
    """Batch normalization in training, eps 1e-5; running moments move by 0.1."""
    s = s.child("BatchNorm").child("BatchNorm")
    axes = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    mean, var = x.mean(axes), x.var(axes, unbiased=False)
    for name, value in (("mean", mean), ("var", var)):
        path, old = s.stat("batch_stats", name, x.shape[1])
        s.stats[path] = 0.9 * old + 0.1 * value.detach()
    h = (x - mean.view(shape)) / torch.sqrt(var.view(shape) + 1e-5)
    if not affine:
        return h
    scale, shift = s.param("scale", x.shape[1]), s.param("bias", x.shape[1])
    return h * scale.view(shape) + shift.view(shape)


def embed(s, y, classes, n, sn=False):
    """A row per label."""
    s = s.child("Condition").child("Embed")
    table = s.param("kernel", classes, n)
    return (spectral(s, table) if sn else table)[y]


def cond_batch_norm(s, x, y, classes):
    s = s.child("ConditionalBatchNorm")
    h = batch_norm(s, x, affine=False)
    scale, shift = embed(s, y, classes, 2 * x.shape[1]).chunk(2, 1)
    return h * (1 + scale[..., None, None]) + shift[..., None, None]


def attention(s, x):
    """SAGAN's block (self-attention-gan, non_local.py)."""
    s = s.child("SelfAttention")
    n, c, h, w = x.shape
    query = conv(s, x, max(1, c // 8), 1, use_bias=False, sn=True).flatten(2)
    key = F.max_pool2d(conv(s, x, max(1, c // 8), 1, use_bias=False, sn=True), 2).flatten(2)
    value = F.max_pool2d(conv(s, x, c // 2, 1, use_bias=False, sn=True), 2).flatten(2)
    weights = torch.softmax(torch.einsum("ncq,nck->nqk", query, key), dim=2)
    out = torch.einsum("nqk,nck->ncq", weights, value).reshape(n, c // 2, h, w)
    gamma = s.param("gamma")
    return x + gamma * conv(s, out, c, 1, use_bias=False, sn=True)


def resnet_g(s, z, y, *, plan, size, classes=0, sn=False, attend=0):
    """SNGAN's and SAGAN's generator; the last normalization is unconditional."""

    def norm(s, h):
        return batch_norm(s, h) if y is None else cond_batch_norm(s, h, y, classes)

    h = chw(dense(s, z, size * size * plan[0], sn=sn), size, size, plan[0])
    for i, n in enumerate(plan[1:]):
        b, x = s.child("", f"block{i}"), h
        h = conv(b, up(F.relu(norm(b, x))), n, 3, pad=1, sn=sn)
        h = conv(b, F.relu(norm(b, h)), n, 3, pad=1, sn=sn)
        h = h + conv(b, up(x), n, 1, sn=sn)
        h = attention(s, h) if h.shape[2] == attend else h
    return torch.tanh(conv(s, F.relu(batch_norm(s, h)), 3, 3, pad=1, sn=sn))


def resnet_d(s, x, y, *, plan, halvings, classes=0, sn=True, attend=0, heads=0, pool="sum",
             widen_first=False):  # fmt: skip
    h = x
    for i, n in enumerate(plan):
        b, x, down = s.child("", f"block{i}"), h, i < halvings
        inner = n if i == 0 or widen_first else x.shape[1]
        h = conv(b, x if i == 0 else F.relu(x), inner, 3, pad=1, sn=sn)
        h = conv(b, F.relu(h), n, 3, pad=1, sn=sn)
        if i == 0:
            x = conv(b, F.avg_pool2d(x, 2), n, 1, sn=sn)
        elif down or x.shape[1] != n:
            x = conv(b, x, n, 1, sn=sn)
            x = F.avg_pool2d(x, 2) if down else x
        h = x + (F.avg_pool2d(h, 2) if down else h)
        h = attention(s, h) if down and h.shape[2] == attend else h
    h = F.relu(h).sum((2, 3)) if pool == "sum" else F.relu(h).mean((2, 3))
    logits = dense(s, h, 1, sn=sn)[:, 0]
    if y is not None:
        logits = logits + (embed(s, y, classes, h.shape[1], sn=sn) * h).sum(1)
    return (logits, dense(s, h, heads, sn=sn)) if heads else logits


def dcgan_g(s, z, y, *, plan, size, channels, classes=0, embedding=0):
    if y is not None:
        z = torch.cat([z, embed(s, y, classes, embedding)], 1)
    h = chw(dense(s, z, size * size * plan[0], use_bias=False), size, size, plan[0])
    h = F.relu(batch_norm(s, h))
    for n in plan[1:]:
        h = F.relu(batch_norm(s, deconv(s, h, n, use_bias=False)))
    return torch.tanh(deconv(s, h, channels))


def dcgan_d(s, x, y, *, plan, norm=True, heads=0, classes=0, sn=False):
    if y is not None:
        plane = embed(s, y, classes, x.shape[2] * x.shape[3])
        x = torch.cat([x, plane.reshape(len(x), 1, *x.shape[2:])], 1)
    h = F.leaky_relu(conv(s, x, plan[0], 4, 2, 1, sn=sn), 0.2)
    for n in plan[1:]:
        h = conv(s, h, n, 4, 2, 1, use_bias=not norm, sn=sn)
        h = F.leaky_relu(batch_norm(s, h) if norm else h, 0.2)
    logits = conv(s, h, 1, h.shape[2], sn=sn)[:, 0, 0, 0]
    return (logits, dense(s, hwc(h), heads, sn=sn)) if heads else logits


def two_stage_d(s, x, y, *, plan, classes, embedding):
    h = F.leaky_relu(conv(s, x, plan[0], 4, 2, 1), 0.2)
    for n in plan[1:]:
        h = F.leaky_relu(batch_norm(s, conv(s, h, n, 4, 2, 1, use_bias=False)), 0.2)
    real = conv(s, h, 1, h.shape[2], name="realism")[:, 0, 0, 0]
    e = embed(s, y, classes, embedding)[..., None, None].expand(-1, -1, *h.shape[2:])
    h = torch.cat([h, e], 1)
    s.counts["Conv"] = len(plan)
    h = F.leaky_relu(conv(s, h, h.shape[1], 1), 0.2)
    return real + conv(s, h, 1, h.shape[2], name="matching")[:, 0, 0, 0]


def mlp_g(s, z, y, *, widths, side):
    for n in widths:
        z = F.relu(dense(s, z, n))
    return chw(torch.tanh(dense(s, z, side * side)), side, side, 1)


def mlp_d(s, x, y, *, widths):
    h = hwc(x)
    for n in widths:
        h = F.leaky_relu(dense(s, h, n), 0.2)
    return dense(s, h, 1)[:, 0]


def cgan_g(s, z, y, *, widths, side, classes):
    h = torch.cat([z, embed(s, y, classes, 10)], 1)
    for i, n in enumerate(widths):
        h = dense(s, h, n)
        h = F.leaky_relu(batch_norm(s, h) if i else h, 0.2)
    return chw(torch.tanh(dense(s, h, side * side)), side, side, 1)


def cgan_d(s, x, y, *, widths, classes):
    h = torch.cat([hwc(x), embed(s, y, classes, 10)], 1)
    for n in widths:
        h = F.leaky_relu(dense(s, h, n), 0.2)
    return dense(s, h, 1)[:, 0]


def acgan_g(s, z, y, *, width, size, classes):
    """GAN Step By Step's ACGAN generator."""
    z = z * embed(s, y, classes, z.shape[1])
    h = batch_norm(s, chw(dense(s, z, size * size * width), size, size, width))
    for n in (width, width // 2):
        h = F.leaky_relu(batch_norm(s, conv(s, up(h), n, 3, pad=1)), 0.2)
    return torch.tanh(conv(s, h, 1, 3, pad=1))


def acgan_d(s, x, y, *, width, heads):
    h = x
    for i in range(4):
        h = F.leaky_relu(conv(s, h, width << i, 3, 2, 1), 0.2)
        h = batch_norm(s, h) if i else h
    return dense(s, hwc(h), 1)[:, 0], dense(s, hwc(h), heads)


def infogan_g(s, z, y, *, width, side):
    h = F.relu(batch_norm(s, dense(s, torch.cat([z, y], 1), 16 * width, use_bias=False)))
    q = side // 4
    h = F.relu(batch_norm(s, dense(s, h, q * q * 2 * width, use_bias=False)))
    h = F.relu(batch_norm(s, deconv(s, chw(h, q, q, 2 * width), width, use_bias=False)))
    return torch.tanh(deconv(s, h, 1))


def infogan_d(s, x, y, *, width, heads=0):
    h = F.leaky_relu(conv(s, x, width, 4, 2, 1), 0.1)
    h = F.leaky_relu(batch_norm(s, conv(s, h, 2 * width, 4, 2, 1, use_bias=False)), 0.1)
    h = F.leaky_relu(batch_norm(s, dense(s, hwc(h), 16 * width, use_bias=False)), 0.1)
    logits = dense(s, h, 1)[:, 0]
    if not heads:
        return logits
    h = F.leaky_relu(batch_norm(s, dense(s, h, 2 * width, use_bias=False)), 0.1)
    return logits, dense(s, h, heads)


def anime_g(s, z, y, *, width):
    h = chw(dense(s, z, 64 * width), 8, 8, width)
    for factor in (1, 2, 4):
        h = F.leaky_relu(deconv(s, h, factor * width), 0.2)
    return torch.tanh(conv(s, h, 3, 5, pad=2))


def anime_d(s, x, y, *, width):
    h = x
    for factor in (1, 2, 2):
        h = F.leaky_relu(conv(s, h, factor * width, 4, 2, 1), 0.2)
    return dense(s, hwc(h), 1)[:, 0]
