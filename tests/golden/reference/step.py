"""One step of an adversarial game, d's turn and then g's, on a tape."""

import math

import seeded
import torch
import torch.nn.functional as F
from reference.losses import LOSSES, nchw, softplus
from reference.recipes import DEFAULTS, RECIPES
from reference.tape import Scope, Tape


class Step:
    """A step of a recipe, on a tape."""

    def __init__(self, name):
        self.tape = tape = Tape(name)
        for key, value in {**DEFAULTS, **RECIPES[name]}.items():
            setattr(self, key, value)
        self.shape = (4, self.side, self.side, self.channels)
        level, label = map(torch.as_tensor, seeded.batch(tape.name, self.shape))
        self.level, self.y = level, label if self.label else None
        self.stats = {}

    def play(self):
        """Plays d, its lazy regularizer if it has one, then g."""
        self.d_turn()
        for label, (term, every) in self.lazy.items():
            self.lazy_turn(f"d_{label}", term, every)
        self.g_turn()
        lazy = [[f"d_{label}", every] for label, (_, every) in self.lazy.items()]
        return [["d", 1], *lazy, ["g", self.n_critic]]

    def reals(self):
        x = self.level / 127.5 - 1
        if self.dequantize:
            x = self.level / 128 - 1 + self.tape.draw("uniform", *self.level.shape) / 128
        return nchw(x)

    def fakes(self, times):
        """Fake images, their condition, and G's statistics after the pass."""
        n, y, stats = times * len(self.level), self.y, dict(self.stats)
        z = self.tape.draw("normal", n, self.latent)
        if self.info:
            category = self.tape.draw("randint", n, high=self.info)
            numbers = self.tape.draw("uniform", n, 2) * 2 - 1
            y = torch.cat([F.one_hot(category, self.info).to(z), numbers], 1)
        elif y is not None:
            y = y.repeat(times)
        return self.g(Scope(self.tape, "g", stats), z, y), y, stats

    def judge(self, x, y, stats, iterate=False):
        scope = Scope(self.tape, "d", stats, spectral=iterate)
        out = self.d(scope, x, y if self.project else None)
        return out if isinstance(out, tuple) else (out, None)

    def information(self, heads, code):
        """Minus the bound on I(c; G(z, c)), without the constant entropy (Chen et al., eq. 5)."""
        k = self.info
        category = F.cross_entropy(heads[:, :k], code[:, :k].argmax(1))
        return (
            category
            + (((heads[:, k:] - code[:, k:]) ** 2).sum(1) / 2 + math.log(2 * math.pi)).mean()
        )

    def d_turn(self):
        x, y = self.reals(), self.y
        fake, y_fake, _ = self.fakes(1)
        fake = fake.detach()
        on_real, heads = self.judge(x, y, self.stats, iterate=True)
        on_fake, heads_fake = self.judge(fake, y_fake, self.stats)
        pay_real, pay_fake = LOSSES[self.loss][0](on_real, on_fake)
        if self.noise:  # fakes are labeled 1 in the book, and the noise is added
            lost = [self.noise * self.tape.draw("uniform", len(x)) for _ in range(2)]
            pay_real = F.binary_cross_entropy_with_logits(-on_real, lost[0], reduction="none")
            pay_fake = F.binary_cross_entropy_with_logits(-on_fake, 1 + lost[1], reduction="none")
        value = pay_real.mean() + pay_fake.mean()
        if self.matching:
            other = (y + self.tape.draw("randint", len(y), low=1, high=3)) % 3
            wrong, _ = self.judge(x, other, self.stats)
            value = pay_real.mean() + (pay_fake.mean() + softplus(wrong).mean()) / 2
        if self.acgan:
            value = value + self.acgan[0] * F.cross_entropy(heads, y)
            value = value + self.acgan[1] * F.cross_entropy(heads_fake, y_fake)
        if self.info:
            value = value + self.information(heads_fake, y_fake)
        params = self.tape.params
        kernels = [params[p] for p in sorted(params) if p[:2] == "d/" and p.endswith("kernel")]
        for label, term in self.terms.items():
            score = lambda images: self.judge(images, y, dict(self.stats))[0]  # noqa: E731
            extra = term(self.tape, score, x, fake, kernels)
            self.tape.metrics[f"d/{label}"], value = extra.item(), value + extra
        self.tape.move("d", ("d",), value, self.opt_d)

    def lazy_turn(self, label, term, every):
        self.fakes(1)  # drawn, though a term on reals doesn't use them
        score = lambda images: self.judge(images, self.y, {})[0]  # noqa: E731
        value = every * term(self.tape, score, self.reals(), None, None)
        self.tape.move(label, ("d",), value, self.opt_d)

    def g_turn(self):
        fake, y, stats = self.fakes(self.g_batch)
        on_fake, heads = self.judge(fake, y, dict(self.stats))
        on_real = on_fake  # most losses don't need it
        if self.loss == "pairing":
            on_real, _ = self.judge(self.reals(), y, dict(self.stats))
        value = LOSSES[self.loss][1](on_fake, on_real).mean()
        if self.acgan:
            value = value + self.acgan[2] * F.cross_entropy(heads, y)
        if self.info:
            value = value + self.information(heads, y)
        self.tape.move("g", ("g",), value, self.opt_g)
        self.stats = {**self.stats, **{p: v for p, v in stats.items() if p[:2] == "g/"}}

    def ema(self):
        """The averaged nets, and their decay."""
        return ("g",) if self.decay else (), self.decay
