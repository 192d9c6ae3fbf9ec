"""Compares the minimax and the non-saturating generator's loss, and their gradients in the logit.

With D's logit l and x = sigma(l): G pays log(1 - x) in the first and -log x in the second, whose
gradients in l are -x and -(1 - x). Where D rejects a sample, x near 0, the first vanishes and the
second is largest (Goodfellow et al. 2014, section 3, https://arxiv.org/abs/1406.2661).
"""

import jax
import numpy as np

from jaxgan.divergences.result import Comparison, Result
from jaxgan.losses import adversarial
from jaxgan.visual.figures import Curve, Panel

TOLERANCE = 2e-6  # of float32, where values reach 6


def study(seed: int = 0) -> Result:
    """Evaluates both losses, and differentiates them; draws nothing at random."""
    del seed
    logits = np.linspace(-6, 6, 241).astype(np.float32)
    x = 1 / (1 + np.exp(-logits.astype(float)))
    losses = {
        "minimax": (adversarial.minimax(), np.log1p(-x), x),
        "non-saturating": (adversarial.non_saturating(), -np.log(x), 1 - x),
    }
    forms = {
        "minimax": ("log(1 - x)", "σ(l)"),
        "non-saturating": ("-log x", "1 - σ(l)"),
    }
    values, slopes, comparisons = [], [], []
    for name, (loss, value, slope) in losses.items():
        found = np.asarray(loss.g(logits, logits))
        pull = -np.asarray(jax.grad(lambda l, loss=loss: loss.g(l, l).sum())(logits))
        of_value, of_slope = forms[name]
        values += [Curve(name, x, found), Curve(of_value, x, value, "k:")]
        slopes += [Curve(name, logits, pull), Curve(of_slope, logits, slope, "k:")]
        comparisons += [
            Comparison(f"{name} loss of G", of_value, found, value, TOLERANCE),
            Comparison(f"its descent in l, {name}", of_slope, pull, slope, TOLERANCE),
        ]
    panels = [
        Panel("What G pays", "x = σ(l) = D(G(z))", "loss of G", values),
        Panel("How strongly it pulls", "D's logit l of a fake sample", "-d loss / dl", slopes),
    ]
    return Result(panels, comparisons)
