"""README's "Extend": each new thing is one new file, added to a copy of the package and run."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
# A game without noise or labels, as translation is: its generator takes images of the data.
RESTORATION = '''
"""Restores images from noisy ones: a generator of images, and a critic."""

from functools import partial

import jax
import jax.numpy as jnp

from jaxgan.core.game import Aux, Game, Player, Turn
from jaxgan.core.inputs import Image


def restoration(spec, optim, *, noise: float = 0.5) -> Game:
    """Builds the game; g is one pixelwise affine map, d another."""
    net = {"scale": jnp.ones(()), "bias": jnp.zeros(())}

    def apply(params, x):
        return params["scale"] * x + params["bias"]

    def loss(player, params, state, batch, key):
        x = batch["image"]
        fake = apply(params["g"], x + noise * jax.random.normal(key, x.shape))
        sign = 1 if player == "d" else -1
        critic = partial(apply, params["d"])
        return sign * (critic(fake) ** 2 - critic(x) ** 2).mean(), Aux()

    return Game(
        init=lambda key: ({"g": net, "d": net}, {"g": {}, "d": {}}, {}),
        players={name: Player((name,), optim(name)) for name in ("d", "g")},
        turns=tuple(Turn(name, name, partial(loss, name)) for name in ("d", "g")),
        inputs={"x": Image(spec.shape)},
        sample=lambda state, inputs, key: jnp.clip(apply(state.params["g"], inputs["x"]), -1, 1),
        critic=lambda state, batch: apply(state.params["d"], batch["image"]).mean((1, 2, 3)),
        ema={},
    )
'''
CONFIG = """
from ml_collections import ConfigDict


def get_config(arg=None):
    adam = {"name": "adam", "lr": 1e-3}
    return ConfigDict({
        "seed": 0, "steps": 2, "batch": 8, "data": {"name": "digits", "res": 16},
        "game": {"name": "restoration"}, "optim": {"d": adam, "g": adam},
        "log": {"every": 1, "pictures": 2, "samples": 4}, "checkpoint": {"every": 2},
    })
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package and an experiment, and a function that runs commands beside it."""
    here = tmp_path_factory.mktemp("copy")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "jaxgan", here / "jaxgan", ignore=ignored)
    shutil.copytree(ROOT / "experiments", here / "experiments", ignore=ignored)

    def run(command: str) -> str:
        words = shlex.split(command)
        assert words[:2] == ["python", "-m"]
        env = {**os.environ, "PYTHONPATH": str(here)}
        done = subprocess.run(
            [sys.executable, *words[1:]], cwd=here, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return here, run


def test_each_file_of_the_readme_runs(copy):
    here, run = copy
    section = (ROOT / "README.md").read_text().partition("\n## Extend\n")[2]
    added = {}
    for block in re.findall(r"```python\n(.*?)```", section, re.DOTALL):
        path, _, text = block.partition("\n")
        added[path.removeprefix("# ")] = text
    assert {Path(path).parent.name for path in added} == {
        *("losses", "nets", "sources", "metrics", "jaxgan")
    }
    for path, text in added.items():
        assert not (here / path).exists(), f"{path}: a new file, not a change of one"
        (here / path).write_text(text)

    commands = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)[0].replace("\\\n", " ")
    outputs = [run(command) for command in commands.strip().splitlines()]
    assert re.match(r"brightness \d+\.\d\d at step 6; data stripes 28x28x1", outputs[1])
    assert sorted(outputs[2].splitlines()) == ["d 785", "g 50960"]
    assert "count " in run("python -m jaxgan"), "a command is listed without a registry"
    assert "brightness" in run("python -m jaxgan.evaluate --help")

    run("python -m jaxgan.main --config=experiments/gan.py:smoke --workdir=runs/separable "
        "--config.game.loss=exponential")  # fmt: skip
    rows = [json.loads(row) for row in (here / "runs/mine/metrics.jsonl").read_text().splitlines()]
    assert rows and all(np.isfinite(value) for row in rows for value in row.values())


def test_a_game_of_images_needs_no_other_change(copy):
    here, run = copy
    (here / "jaxgan/games/restoration.py").write_text(RESTORATION)
    (here / "restoration_config.py").write_text(CONFIG)
    run("python -m jaxgan.main --config=restoration_config.py --workdir=runs/restoration")
    assert len(list((here / "runs/restoration/samples").glob("[0-9]*.png"))) == 2
    images = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 1), dtype=np.uint8)
    np.save(here / "images.npy", images)
    run("python -m jaxgan.sample --workdir=runs/restoration --n=3 --images=images.npy --out=x.npz")
    with np.load(here / "x.npz") as arrays:
        np.testing.assert_allclose(arrays["images"].astype(int), images, atol=3)
        assert arrays["inputs"].shape == (3, 16, 16, 1)
    out = run("python -m jaxgan.evaluate --workdir=runs/restoration --metrics=swd --n=64")
    assert out.startswith("swd ")
