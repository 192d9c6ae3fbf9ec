"""Runs that translate by given functions, as metrics see them."""

import jax
import numpy as np

from jaxgan.core import game as core
from jaxgan.core.game import Game, Spec
from jaxgan.core.inputs import Image
from jaxgan.data.source import from_arrays, of_two
from jaxgan.evaluation.subject import Subject
from jaxgan.training.workdir import Record, Restored

RNG = np.random.default_rng(0)
A = RNG.integers(0, 256, (30, 8, 8, 3), np.uint8)
B = RNG.integers(0, 256, (30, 8, 8, 3), np.uint8)


def subject(tmp_path, a2b, b2a, *, direction="a2b", a=A, b=B, aligned=True, **options):
    """A run, as if restored, of functions of images in [-1, 1]."""
    source = of_two(from_arrays(a), from_arrays(b), aligned=aligned)
    translators = {
        "a2b": lambda state, x, key: a2b(x),
        "b2a": lambda state, x, key: b2a(x),
    }
    game = Game(
        init=lambda key: ({}, {}, {}),
        players={},
        turns=(),
        inputs={"a": Image(a.shape[1:])},
        sample=lambda state, drawn, key: a2b(drawn["a"]),
        critic=lambda state, batch: batch["image"][:, 0, 0, 0],
        ema={},
        target="other",
        translators=translators,
    )
    record = Record({}, Spec(a.shape[1:], other=b.shape[1:]), 1)
    run = Subject(tmp_path, direction=direction, **options)
    state = core.init(game, jax.random.key(0))
    vars(run).update(record=record, restored=Restored(record, game, state), opened=source)
    return run
