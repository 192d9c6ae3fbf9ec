"""A step of each style-based or growing recipe, all turns, against reference/ in PyTorch.

The config is the experiment's, at small widths. What the reference gives is under expected/.
"""

import functools

import jax
import pytest
import replay

from jaxgan.augment import ada

NARROW = {"game.g.channel_max": 4, "game.d.channel_max": 4, "game.latent": 6}
STYLES = NARROW | {"game.g.w_dim": 5, "game.g.layers": 2}
STYLEGAN2 = STYLES | {"game.d.layers": 2}
# 8x8 pixels fade in from step 2 to step 6, where optimizers are reset.
GROWING = {"growth": {"first": 4, "stable": 2, "fade": 4, "rate": {"8": 1.5}}}
P = {"ada_p": 0.0, "ada_signs": 0.9}  # the strength, which the signs let rise

CASES = {  # recipe: (experiment and its argument, what is smaller or changed)
    "stylegan2": ("stylegan2.py", STYLEGAN2 | {"game.condition": "label"}),
    "stylegan2_ada": ("stylegan2_ada.py:cifar", STYLEGAN2),
    "progan": ("progan.py", NARROW | GROWING),
    "stylegan": ("stylegan.py", STYLES | GROWING),
}
STEPS = {  # recipe: what is expected at each step
    "stylegan2": {0: "stylegan2"},
    "stylegan2_ada": {100: "stylegan2_ada"},
    "progan": {3: "progan", 6: "progan_restart"},
    "stylegan": {3: "stylegan"},
}


@pytest.mark.parametrize("name", CASES)
def test_steps_are_the_references(name, monkeypatch):
    # At strength 0 it returns images as they are (tests/augment), but takes long to compile.
    monkeypatch.setattr(ada, "bgc", lambda key, x, p: x)
    with jax.enable_x64(True):
        game = replay.build(name, *CASES[name])
        memory = P if "stylegan2" in name else {}
        start = functools.partial(replay.start, name, game, equalized=True, memory=memory)
        play = replay.program(name, game, start(step=min(STEPS[name])), monkeypatch)
        for step, expected in STEPS[name].items():
            state = start(step=step)
            replay.check(expected, state, *play(state), rtol=1e-8)
