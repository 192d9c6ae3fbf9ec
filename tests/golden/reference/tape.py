"""Parameters, statistics and draws of a reference step, taken from seeded.py at first use."""

import math

import seeded
import torch

torch.set_default_dtype(torch.float64)


class Tape:
    """All arrays of one recipe: params and stats by path, draws by kind and shape, in call order.

    equalized: whether the nets scale their weights at run time.
    """

    def __init__(self, name, equalized=False):
        self.name, self.equalized = name, equalized
        self.before, self.params, self.averaged = {}, {}, {}
        self.first = {}  # statistics and memory before the step
        self.drawn, self.metrics = {}, {}
        self.moved = {}  # optimizers' states

    def draw(self, kind, *shape, low=0, high=2):
        """Draws 'normal', 'uniform' in [0, 1) or 'randint' in [low, high)."""
        i = self.drawn[kind, shape] = self.drawn.get((kind, shape), -1) + 1
        return torch.as_tensor(seeded.draw(self.name, kind, shape, i, low, high))

    def param(self, path, shape):
        """Returns a parameter, and makes it at its first use."""
        shape = tuple(shape)
        if path not in self.before:
            first = seeded.parameter(self.name, path, shape, self.equalized)
            self.before[path] = torch.as_tensor(first)
            self.params[path] = torch.tensor(first, requires_grad=True)
            average = seeded.parameter(f"{self.name} ema", path, shape, self.equalized)
            self.averaged[path] = torch.as_tensor(average)
        assert tuple(self.params[path].shape) == shape, path
        return self.params[path]

    def stat(self, path, shape):
        """Returns a statistic before the step, made at its first use."""
        if path not in self.first:
            self.first[path] = torch.as_tensor(seeded.statistic(self.name, path, shape))
        return self.first[path]

    def move(self, label, nets, value, optimizer):
        """Updates the nets' parameters from an optimizer's state, at first one in mid-run."""
        own = {p: v for p, v in self.params.items() if p.split("/")[0] in nets}
        grads = torch.autograd.grad(value, list(own.values()), materialize_grads=True)
        norm = math.sqrt(sum((g**2).sum().item() for g in grads))
        self.metrics |= {f"{label}/loss": value.item(), f"{label}/grad_norm": norm}
        for (path, param), grad in zip(own.items(), grads, strict=True):
            if path not in self.moved:
                moments = seeded.moments(self.name, path, tuple(param.shape))
                self.moved[path] = seeded.COUNT, *map(torch.as_tensor, moments)
            count, mu, nu = self.moved[path]
            new, mu, nu = optimizer(grad, param.detach(), count, mu, nu)
            self.params[path] = new.requires_grad_()
            self.moved[path] = count + 1, mu, nu


class Scope:
    """A place among a net's parameters; children are numbered as Flax numbers them.

    spectral: whether power iterations are stored. stats: the statistics read and, in place of the
    old ones, written by this pass.
    """

    def __init__(self, tape, net, stats, spectral=True, path=""):
        self.tape, self.net, self.stats, self.spectral = tape, net, stats, spectral
        self.path, self.counts = path, {}

    def child(self, kind, name=None):
        """Returns the scope of the next layer of a kind, or of a named one."""
        if name is None:
            name = f"{kind}_{self.counts.get(kind, 0)}"
            self.counts[kind] = self.counts.get(kind, 0) + 1
        path = f"{self.path}/{name}" if self.path else name
        return Scope(self.tape, self.net, self.stats, self.spectral, path)

    def param(self, name, *shape):
        """Returns a parameter."""
        return self.tape.param(f"{self.net}/{self.path}/{name}".replace("//", "/"), shape)

    def stat(self, collection, name, *shape):
        """Returns (path, value) of a statistic."""
        path = f"{self.net}/{collection}/{self.path}/{name}"
        return path, self.stats.get(path, self.tape.stat(path, shape))
