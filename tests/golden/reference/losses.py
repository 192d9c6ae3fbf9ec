"""Losses and regularizers, as their papers and authors' code compute them; images are NCHW."""

import torch
import torch.nn.functional as F

softplus = F.softplus
LOSSES = {  # name: (d of real and fake logits, g of fake and real logits)
    "non_saturating": (lambda r, f: (softplus(-r), softplus(f)), lambda f, r: softplus(-f)),
    "minimax": (lambda r, f: (softplus(-r), softplus(f)), lambda f, r: -softplus(f)),
    "least_squares": (lambda r, f: ((r - 1) ** 2 / 2, f**2 / 2), lambda f, r: (f - 1) ** 2 / 2),
    "hinge": (lambda r, f: (F.relu(1 - r), F.relu(1 + f)), lambda f, r: -f),
    "wasserstein": (lambda r, f: (-r, f), lambda f, r: -f),
    "pairing": (
        lambda r, f: (softplus(f - r) / 2, softplus(f - r) / 2),
        lambda f, r: softplus(r - f),
    ),
}


def slopes(d, x):
    """Each sample's squared gradient norm, over all pixels."""
    x = x.detach().requires_grad_()
    (grad,) = torch.autograd.grad(d(x).sum(), x, create_graph=True)
    return (grad**2).sum((1, 2, 3))


def gradient_penalty(tape, d, real, fake, kernels):
    alpha = tape.draw("uniform", len(real), 1, 1, 1)
    return 10 * ((slopes(d, (1 - alpha) * real + alpha * fake).sqrt() - 1) ** 2).mean()


def dragan(tape, d, real, fake, kernels):
    noise = nchw(tape.draw("uniform", *real.permute(0, 2, 3, 1).shape))
    near = real + 0.5 * real.std(unbiased=False) * noise
    return 10 * ((slopes(d, near).sqrt() - 1) ** 2).mean()


def spectral(tape, d, real, fake, kernels):
    total = 0.0
    for w in kernels:
        w = w.reshape(-1, w.shape[-1])
        u, fixed = tape.draw("normal", w.shape[-1]), w.detach()
        for _ in range(10):
            v = F.normalize(fixed @ u, dim=0)
            u = F.normalize(v @ fixed, dim=0)
        total = total + 0.1 / 2 * (v @ w @ u) ** 2
    return total


def r1(tape, d, real, fake, kernels, gamma=10):
    return gamma / 2 * slopes(d, real).mean()


def r2(tape, d, real, fake, kernels, gamma=10):
    return gamma / 2 * slopes(d, fake).mean()


def nchw(x):
    return x.permute(0, 3, 1, 2)
