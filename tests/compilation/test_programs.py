"""Which programs a run has, with how many images, and how the most that fit are found."""

import pytest

from jaxgan import config as configs
from jaxgan.compilation import programs, roofline, topology
from jaxgan.compilation.hlo import Exchange
from jaxgan.compilation.remedies import remedies
from jaxgan.compilation.topology import CHIPS
from jaxgan.config.registry import options
from jaxgan.core.game import Turn
from jaxgan.runtime.errors import UserError
from jaxgan.training.setup import prepare

GROWING = {"batch": 64, "growth": {"batch": {"16": 32, "32": 16}, "fade": 3}}
EIGHT = topology.topology("cpu:8")


def prepared(name, *flags, each=None, shape=None):
    config = configs.load(f"experiments/{name}.py:smoke")
    configs.override(config, [f"--config.{flag}" for flag in flags])
    source = programs.stand_in(shape or (8, 8, 1), 10)
    return programs.prepared(config.to_dict(), source, EIGHT, each)


@pytest.mark.parametrize(("n", "fits", "expected"), [
    (8, lambda k: k <= 5, 5), (8, lambda k: False, 0), (2, lambda k: True, 1), (1, None, 0),
    (9, lambda k: (k <= 5) if k % 4 == 0 else None, 4),  # in groups of four
    (100, lambda k: (k <= 97) if k % 3 == 0 else None, 96),
    (50, lambda k: None, 0),
])  # fmt: skip
def test_bisection_finds_the_most_that_fit(n, fits, expected):
    tried = []

    def once(k):
        tried.append(k)
        return fits(k)

    assert programs.bisect(once, n) == expected
    assert len(tried) == len(set(tried)) and all(1 <= k < n for k in tried)


def test_batches_are_scaled_in_proportion():
    scaled = programs.scaled(GROWING, 4, 8, 32)
    assert scaled == {"batch": 128, "growth": {"batch": {"16": 64, "32": 32}, "fade": 3}}
    assert programs.scaled(GROWING, 4, 8, 8)["growth"]["batch"] == {"16": 16, "32": 8}
    assert programs.scaled(GROWING, 4, None, 32) == GROWING
    assert GROWING["batch"] == 64
    with pytest.raises(
        UserError, match=r"config.growth.batch.32=16 does not split over 32 dev.*--p"
    ):
        programs.scaled(GROWING, 32, None, 32)
    with pytest.raises(
        UserError, match=r"config.growth.batch.32=0.5 does not.* another --per_chip"
    ):
        programs.scaled(GROWING, 1, 2, 8)
    for wrong in ({"batch": 0}, {"batch": "x"}, {}, {"batch": 4, "growth": 5}):
        assert programs.scaled(wrong, 4, 1, 8).get("growth") == wrong.get("growth")


def test_every_distinct_set_of_turns_is_found_once():
    lazy = ["game.n_critic=2", "game.regularizers.r1.gamma=1", "game.regularizers.r1.every=6"]
    run = prepared("gan", *lazy, "dispatch=1", shape=(28, 28, 1))
    (stage,) = programs.stages(run, None)
    found = programs.dispatches(run, stage)
    named = [programs.words(run.game, turns, 1) for turns in found]
    assert named == ["d", "d g", "d_r1 d g"] or named == ["d", "d g", "d d_r1 g"]
    assert list(found.values()) == [0, 1, 5]
    assert list(programs.worst(found).values()) == [5]
    spanned = Turn("late", "d", None, span=(20, None))
    later = run._replace(game=run.game._replace(turns=(*run.game.turns, spanned)))
    again = programs.dispatches(later, stage._replace(stop=30))
    assert [t for turns, t in again.items() if "late" in turns] == [20, 21, 23]


def test_stages_of_a_growing_run_each_have_their_programs():
    run = prepared("progan")
    assert [stage.res for stage in programs.stages(run, None)] == [4, 8]
    first, last = programs.stages(run, None)
    assert programs.dispatches(run, first).keys().isdisjoint(programs.dispatches(run, last))
    assert programs.stages(run, 8) == [last]
    assert {programs.words(run.game, turns, 1) for turns in programs.dispatches(run, last)} == {
        "d g"
    }
    with pytest.raises(UserError, match="--stage=16: the run's stages are 4, 8"):
        programs.stages(run, 16)


def test_a_dispatch_of_several_steps_is_one_program():
    every = [f"{key}=30" for key in ("log.every", "log.pictures", "checkpoint.every", "dispatch")]
    run = prepared("gan", "game.n_critic=5", "steps=60", *every, shape=(28, 28, 1))
    (turns,) = programs.dispatches(run, run.growth.stages[0])
    assert programs.words(run.game, turns, 30) == "30 x (d, d, d, d, d g)"


def test_cycles_without_end_are_refused():
    run = prepared("gan", "game.n_critic=99999989", "dispatch=1", shape=(28, 28, 1))
    with pytest.raises(UserError, match="repeat only after 99999989 steps"):
        programs.dispatches(run, run.growth.stages[0])


def test_what_is_not_here_cannot_be_read():
    source = programs.stand_in((2,), 0)
    assert source.abstract(3) == {"image": ((3, 2), "float32")}
    with pytest.raises(NotImplementedError):
        source.gather([0])


def test_the_roofline_by_hand():
    chip = CHIPS["v5e"]
    exchanges = {"all-reduce": Exchange(2, 400e6, 3e8), "all-gather": Exchange(1, 8e6, 8e6)}
    found = roofline.estimate(chip, 4, 1, 197e9, 819e7, exchanges)
    assert found.compute == pytest.approx(1e-3) and found.memory == pytest.approx(1e-2)
    assert found.network == pytest.approx((2 * 400e6 + 8e6) * 3 / 4 / 200e9)
    assert found.total == pytest.approx(found.memory + found.network) and found.bound == "memory"
    two = roofline.estimate(chip, 8, 2, 197e9, 819e7, exchanges)
    assert two.network == pytest.approx(800e6 * (7 / 8 / 200e9 + 1 / 2 / 4 / 3.125e9))
    assert roofline.estimate(chip, 1, 1, 1e15, 1.0, {}).bound == "compute"


def test_remedies_are_options_that_the_nets_have_and_do_not_use():
    config = configs.load("experiments/progan.py:smoke").to_dict()
    assert "--config.game.g.dtype=bfloat16" in remedies(config)
    config["game"]["g"]["dtype"] = "bfloat16"
    left = remedies(config)
    assert "--config.game.d.dtype=bfloat16" in left and "--config.game.g.dtype=bfloat16" not in left
    dense = {"game": {"name": "adversarial", "g": "mlp.Generator", "latent": 3}}
    of_runs = ["--config.accumulate=2"] if "accumulate" in options(prepare) else []
    assert [flag for flag in remedies(dense) if ".g." not in flag] == of_runs
    assert not [flag for flag in remedies({**dense, "accumulate": 4}) if "accumulate" in flag]


@pytest.mark.parametrize(("name", "slices", "text"), [
    ("v9:2x2", 1, "unknown; known: v5e:{1x1, 2x2"), ("v5e", 1, "unknown"), ("v5e:2", 1, "unknown"),
    ("cpu:0", 1, "devices on its CPU"), ("cpu:9", 1, "has 8 devices"), ("cpu:8", 2, "has none"),
    ("host", 2, "--slices=2"), ("", 1, "unknown"),
])  # fmt: skip
def test_unknown_topologies_are_told_what_is_known(name, slices, text):
    with pytest.raises(UserError, match="--") as raised:
        topology.topology(name, slices)
    assert text in str(raised.value)


def test_without_libtpu_the_message_says_how_to_get_it(monkeypatch):
    monkeypatch.delenv("TPU_LIBRARY_PATH", raising=False)
    monkeypatch.setattr(topology.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"needs libtpu.*pip install jaxgan\[tpu\]"):
        topology.topology("v5e:2x2")
