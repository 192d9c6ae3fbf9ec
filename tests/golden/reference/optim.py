"""Optimizers: functions of a gradient, a parameter, the updates made and two moments.

They return the new parameter and moments.
"""

import torch


def adam(lr, b1, b2, eps=1e-8):
    """Kingma & Ba 2015, algorithm 1."""

    def update(grad, param, count, mu, nu):
        mu, nu = b1 * mu + (1 - b1) * grad, b2 * nu + (1 - b2) * grad**2
        root = torch.sqrt(nu / (1 - b2 ** (count + 1))) + eps
        return param - lr(count) * mu / (1 - b1 ** (count + 1)) / root, mu, nu

    return update


def rmsprop(lr, rho=0.99, eps=1e-8, clip=0.0):
    """As PyTorch's, which the authors of WGAN used: epsilon outside the root."""

    def update(grad, param, count, mu, nu):
        nu = rho * nu + (1 - rho) * grad**2
        new = param - lr * grad / (torch.sqrt(nu) + eps)
        return (new.clamp(-clip, clip) if clip else new), mu, nu

    return update


def constant(lr):
    return lambda count: lr


def linear(lr, updates, start=0.0):
    """Falls to 0 from the fraction `start` of all updates on."""
    first = int(start * updates)
    return lambda count: lr * (1 - max(0, count - first) / (updates - first))


def lazy(lr, b1, b2, every):
    """Adam of a player whose regularizer moves it too, every so many steps (StyleGAN2, app. B)."""
    c = every / (every + 1)
    return adam(constant(lr * c), b1**c, b2**c)
