"""Studies of divergences: closed forms hold, and a wrong loss or critic is found out."""

import numpy as np
import pytest
from scipy import integrate, stats

from jaxgan.divergences import disjoint, fits, optimal, saturation
from jaxgan.losses import adversarial


def failing(result):
    return [(c.quantity, c.deviation) for c in result.comparisons if not c.holds]


def test_losses_and_their_gradients_are_the_closed_forms(monkeypatch):
    assert not failing(saturation.study())
    monkeypatch.setattr(adversarial, "minimax", adversarial.non_saturating)
    assert len(failing(saturation.study())) == 2


def test_jensen_shannon_is_the_integral():
    real, fake = stats.norm(0, 1).pdf, stats.norm(1, 1).pdf

    def half(p, q):
        return integrate.quad(lambda x: p(x) * np.log(2 * p(x) / (p(x) + q(x))), -8, 9)[0] / 2

    assert optimal.jensen_shannon() == pytest.approx(half(real, fake) + half(fake, real), abs=1e-9)


def test_critics_become_the_optimal_one(monkeypatch):
    monkeypatch.setattr(optimal, "STEPS", 600)
    monkeypatch.setattr(optimal, "MARKS", 6)
    monkeypatch.setattr(optimal, "D_TOLERANCE", 0.04)  # fewer updates
    result = optimal.study()
    assert not failing(result)
    values = result.panels[1].curves[0].y
    bound = 2 * optimal.jensen_shannon() - 2 * np.log(2)
    assert (values <= bound + 1e-6).all(), "no critic's value is above the optimal one's"
    assert values[0] < values[-1], "and it is approached"


def test_disjoint_supports(monkeypatch):
    ts = np.array([-1, 0, 0.5])
    monkeypatch.setattr(disjoint, "T", ts)
    monkeypatch.setattr(disjoint, "APART", ts != 0)
    monkeypatch.setattr(disjoint, "STEPS", 500)
    monkeypatch.setattr(disjoint, "SHOWN", (0.5,))
    monkeypatch.setattr(disjoint, "TOLERANCE", 0.04)  # fewer updates
    result = disjoint.study()
    assert not failing(result)
    growing = result.panels[2].curves[0].y
    assert (np.diff(growing) > 0).all() and growing[-1] > 4, "KL has no bound"


def test_forward_kl_covers_and_reverse_kl_keeps_to_a_mode():
    result = fits.study()
    assert not failing(result)
    means = next(c.found for c in result.comparisons if c.quantity == "mean by reverse KL")
    assert set(np.sign(means[:, 0])) == {-1, 1}, "which mode depends on the start"
