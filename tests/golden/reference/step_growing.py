"""A step of Progressive GAN and of StyleGAN while 8x8 pixels fade in, on the way to 16.

Written from Karras et al. 2018, appendix A, and 2019, and from the authors' training loops.
"""

import seeded
import torch
from reference import growing as nets
from reference.losses import gradient_penalty, r1, softplus
from reference.nets import up
from reference.optim import adam, constant
from reference.stylegan2 import mapping
from reference.tape import Scope, Tape

SIDE, FULL, LATENT = 8, 16, 6
RATE = 1.5  # of this stage
# tape: whose numbers it takes. alpha: how far 8x8 has faded in. fresh: whether the optimizers have
# just been reset. decay: of the averages.
RECIPES = {
    "progan": {"tape": "progan", "alpha": 0.25, "fresh": False, "lr": 2e-3, "decay": 0.995},
    "progan_restart": {"tape": "progan", "alpha": 1.0, "fresh": True, "lr": 2e-3, "decay": 0.995},
    "stylegan": {"tape": "stylegan", "alpha": 0.25, "fresh": False, "lr": 1e-3, "decay": 0.99},
}


class Step:
    """A step of both players."""

    def __init__(self, name):
        for key, value in RECIPES[name].items():
            setattr(self, key, value)
        self.tape, self.styled = Tape(self.tape, equalized=True), self.tape == "stylegan"
        self.g = ("mapping", "synthesis") if self.styled else ("g",)
        self.shape = (4, FULL, FULL, 3)
        x = torch.as_tensor(seeded.batch(self.tape.name, self.shape)[0] / 127.5 - 1).permute(
            0, 3, 1, 2
        )
        before = {"w_avg": self.tape.stat("w_avg", (5,))} if self.styled else {}
        self.memory = dict(before)
        self.fakes(FULL), self.judge(x, FULL)  # all parameters are there from the start
        self.tape.drawn.clear()
        self.memory = before
        self.stats = {p: v for p, v in self.tape.first.items() if "/" in p}
        if self.fresh:
            zero = torch.zeros(())
            self.tape.moved = dict.fromkeys(self.tape.params, (0, zero, zero))
        x = nets.half(x)
        self.x = nets.fade(up(nets.half(x)), x, self.alpha)

    def play(self):
        """Plays d, then g; StyleGAN the other way round."""
        order = [("g", self.g_turn), ("d", self.d_turn)]
        order = order if self.styled else order[::-1]
        for _, turn in order:
            turn()
        return [[f"{player}_{res}", 1] for res in (4, 8, 16) for player, _ in order]

    def styles(self, n, layers):
        """Mixed ws; the first latents' w move w_avg."""
        z = [self.tape.draw("normal", n, LATENT) for _ in range(2)]
        scope = Scope(self.tape, "mapping", {})
        ws = [mapping(scope, each, None, width=5, layers=2) for each in z]
        first, second = (w[:, None].repeat(1, layers, 1) for w in ws)
        cut = self.tape.draw("randint", low=1, high=layers)
        cut = cut if self.tape.draw("uniform") < 0.9 else layers
        average = first[:, 0].detach().mean(0)
        self.memory["w_avg"] = average.lerp(self.memory["w_avg"], 0.995)
        return torch.cat([first[:, :cut], second[:, cut:]], 1)

    def fakes(self, side=SIDE):
        at = {"side": side, "alpha": self.alpha}
        if not self.styled:
            z = self.tape.draw("normal", 4, LATENT)
            return nets.progan_g(Scope(self.tape, "g", {}), z, **at)
        ws = self.styles(4, 2 * side.bit_length() - 4)
        return nets.synthesis(Scope(self.tape, "synthesis", {}), ws, **at)

    def judge(self, x, side=SIDE):
        scope = Scope(self.tape, "d", {})
        return nets.discriminator(scope, x, side=side, alpha=self.alpha, filtered=self.styled)

    def d_turn(self):
        fake = self.fakes().detach()
        on_real, on_fake = self.judge(self.x), self.judge(fake)
        if self.styled:
            terms = {"r1": r1(self.tape, self.judge, self.x, fake, None) / 10}
            value = softplus(on_fake).mean() + softplus(-on_real).mean()
        else:
            terms = {
                "gradient_penalty": gradient_penalty(self.tape, self.judge, self.x, fake, None),
                "drift": 0.001 * on_real.square().mean(),
            }
            value = on_fake.mean() - on_real.mean()
        self.tape.metrics |= {f"d/{name}": term.item() for name, term in terms.items()}
        self.tape.move("d", ("d",), value + sum(terms.values()), self.optimizer())

    def g_turn(self):
        on_fake = self.judge(self.fakes())
        value = softplus(-on_fake).mean() if self.styled else -on_fake.mean()
        self.tape.move("g", self.g, value, self.optimizer())

    def optimizer(self):
        return adam(constant(self.lr * RATE), 0.0, 0.99)

    def ema(self):
        """The averaged nets, and their decay."""
        return self.g, self.decay
