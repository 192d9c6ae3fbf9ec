"""A step of StyleGAN2, written from stylegan2-ada-pytorch (training/loss.py, training_loop.py)."""

import seeded
import torch
import torch.nn.functional as F
from reference import stylegan2 as nets
from reference.optim import lazy
from reference.tape import Scope, Tape

G = ("mapping", "synthesis")
# n: images. pl, gamma: the weights of path lengths and R1. mixing: its probability. d: options.
# ada: the strength's target, and the thousand images in which it may rise to 1. past: steps before.
# decay: of the averages, after this many images.
RECIPES = {
    "stylegan2": {
        "n": 8, "pl": 2.0, "gamma": 0.8, "mixing": 0.9, "d": {}, "lr": 2.5e-3, "ada": None,
        "past": 0, "decay": lambda images: 0.998,
    },
    "stylegan2_ada": {
        "n": 4, "pl": 0.0, "gamma": 0.01, "mixing": 0.0, "d": {"residual": False, "group": 32},
        "lr": 2.5e-3, "ada": (0.6, 500), "past": 100,
        "decay": lambda images: 0.5 ** (4 / min(500_000, 0.05 * images)),
    },
}  # fmt: skip
SIDE, LAYERS = 8, 4  # two layers per resolution, 4 and 8
BEFORE = {"ada_p": 0.0, "ada_signs": 0.9}  # so that nothing is augmented, and p rises


class Step:
    """A step in which all turns are due."""

    def __init__(self, name):
        for key, value in RECIPES[name].items():
            setattr(self, key, value)
        self.tape = Tape(name, equalized=True)
        self.shape = (self.n, SIDE, SIDE, 3)
        level, label = seeded.batch(name, self.shape)
        self.x = torch.as_tensor(level / 127.5 - 1).permute(0, 3, 1, 2)
        self.y = torch.as_tensor(label)
        self.memory = {"w_avg": self.tape.stat("w_avg", (5,)), **BEFORE}
        self.memory["pl_mean"] = self.tape.stat("pl_mean", ())

    def play(self):
        """Plays g, path lengths, d, R1, and the strength's move."""
        self.g_turn()
        if self.pl:
            self.path_turn()
        self.d_turn()
        self.r1_turn()
        if self.ada:
            self.ada_turn()
        self.stats = {p: v for p, v in self.tape.first.items() if "/" in p}
        turns = [["g", 1], ["g_pl", 4], ["d", 1], ["d_r1", 16], ["ada", 4]]
        skipped = ["g_pl"] * (not self.pl) + ["ada"] * (not self.ada)
        return [turn for turn in turns if turn[0] not in skipped]

    def scope(self, net):
        return Scope(self.tape, net, {})

    def styles(self, n):
        """Mixed ws (n, layers, 5); the first latents' w move w_avg."""
        z = [self.tape.draw("normal", n, 6) for _ in range(2)]
        own = self.scope("mapping"), self.y[:n]
        first, second = (
            nets.mapping(own[0], each, own[1], width=5, layers=2)[:, None].repeat(1, LAYERS, 1)
            for each in z
        )
        cut = self.tape.draw("randint", low=1, high=LAYERS)
        cut = cut if self.tape.draw("uniform") < self.mixing else LAYERS
        average = first[:, 0].detach().mean(0)
        self.memory["w_avg"] = average.lerp(self.memory["w_avg"], 0.995)
        return torch.cat([first[:, :cut], second[:, cut:]], 1)

    def fakes(self, ws):
        return nets.synthesis(self.scope("synthesis"), ws, side=SIDE)

    def judge(self, x):
        return nets.discriminator(self.scope("d"), x, self.y, **self.d)

    def g_turn(self):
        value = F.softplus(-self.judge(self.fakes(self.styles(self.n)))).mean()
        self.tape.move("g", G, value, self.optimizer(4))

    def path_turn(self):
        ws = self.styles(self.n // 2)
        noise = self.tape.draw("normal", len(ws), SIDE, SIDE, 3).permute(0, 3, 1, 2) / SIDE
        (pull,) = torch.autograd.grad((self.fakes(ws) * noise).sum(), ws, create_graph=True)
        lengths = pull.square().sum(2).mean(1).sqrt()
        mean = self.memory["pl_mean"].lerp(lengths.mean(), 0.01)
        self.memory["pl_mean"] = mean.detach()
        self.tape.metrics["g_pl/length"] = lengths.mean().item()
        value = 4 * self.pl * (lengths - mean).square().mean()
        self.tape.move("g_pl", G, value, self.optimizer(4))

    def d_turn(self):
        fake = self.judge(self.fakes(self.styles(self.n)).detach())
        real = self.judge(self.x)
        sign = real.sign().mean().item()
        self.memory["ada_signs"] += sign / 4
        self.tape.metrics["d/signs"] = sign
        value = F.softplus(fake).mean() + F.softplus(-real).mean()
        self.tape.move("d", ("d",), value, self.optimizer(16))

    def r1_turn(self):
        x = self.x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(self.judge(x).sum(), x, create_graph=True)
        value = 16 * self.gamma / 2 * slope.square().sum((1, 2, 3)).mean()
        self.tape.move("d_r1", ("d",), value, self.optimizer(16))

    def ada_turn(self):
        target, kimg = self.ada
        step = 4 * self.n / (1000 * kimg)
        signs = self.memory["ada_signs"]
        p = self.memory["ada_p"] + (step if signs > target else -step)
        self.tape.metrics |= {"ada/loss": signs, "ada/p": p}
        self.memory |= {"ada_p": p, "ada_signs": 0.0}

    def optimizer(self, every):
        return lazy(self.lr, 0.0, 0.99, every)

    def ema(self):
        """The averaged nets, and their decay at this step."""
        return G, self.decay(self.past * self.n)
