"""A step of each style-based or growing recipe, all turns, against reference/ in PyTorch.

The config is the experiment's, at small widths. What the reference gives is under expected/.
"""

import jax
import pytest
import replay

NARROW = {"game.g.channel_max": 4, "game.d.channel_max": 4, "game.latent": 6}
STYLES = NARROW | {"game.g.w_dim": 5, "game.g.layers": 2}
STYLEGAN2 = STYLES | {"game.d.layers": 2}
# 8x8 pixels fade in from step 2 to step 6, where optimizers are reset.
GROWING = {"growth": {"first": 4, "stable": 2, "fade": 4, "rate": {"8": 1.5}}}
NOT_AUGMENTED = {"ada_p": 0.0, "ada_signs": 0.9}

CASES = {  # recipe: (experiment and its argument, what is smaller or changed), step, memory
    "stylegan2": (("stylegan2.py", STYLEGAN2 | {"game.condition": "label"}), 0, NOT_AUGMENTED),
    "stylegan2_ada": (("stylegan2_ada.py:cifar", STYLEGAN2), 100, NOT_AUGMENTED),
    "progan": (("progan.py", NARROW | GROWING), 3, {}),
    "progan_restart": (("progan.py", NARROW | GROWING), 6, {}),
    "stylegan": (("stylegan.py", STYLES | GROWING), 3, {}),
}


@pytest.mark.parametrize("name", CASES)
def test_a_step_is_the_references(name, monkeypatch):
    config, step, memory = CASES[name]
    with jax.enable_x64(True):
        game = replay.build(name, *config)
        state = replay.start(name, game, equalized=True, step=step, memory=memory)
        replay.check_step(name, game, state, monkeypatch, rtol=1e-8)
