"""jaxgan.compile from its flags to its exit code; for TPUs, of every recipe, where libtpu is."""

import importlib.util
import json
from pathlib import Path

import pytest

from jaxgan import compile as command
from jaxgan import config as configs
from jaxgan.compilation import figures, programs, survey
from jaxgan.compilation.figures import Figures
from jaxgan.compilation.hlo import Exchange
from jaxgan.compilation.topology import topology
from jaxgan.runtime import capacity, errors

ROOT = Path(__file__).parents[2]
RECIPES = sorted(path.stem for path in (ROOT / "experiments").glob("*.py"))


@pytest.fixture
def call(monkeypatch, capsys):
    """A call of the command, which returns its code, its lines and what it said."""
    monkeypatch.chdir(ROOT)

    def run(*flags):
        monkeypatch.setattr("sys.argv", ["compile", *flags])
        with pytest.raises(SystemExit) as ended:
            errors.run(command.main)
        out, err = capsys.readouterr()
        return ended.value.code, out.splitlines(), err

    return run


def gan(*flags, per_chip=3):
    shape = "--shape=28,28,1"
    return ["--config=experiments/gan.py:smoke", shape, f"--per_chip={per_chip}", *flags]


def test_figures_are_those_of_a_chip_whatever_their_number(call):
    found = []
    for n in (2, 8):
        code, lines, err = call(*gan(f"--topology=cpu:{n}", "--json", "--fast"))
        assert code == 0 and not err
        found += map(json.loads, lines)
    two, eight = found
    assert (two["devices"], eight["devices"]) == (2, 8)
    for row in (two, eight):
        assert row["config"] == "experiments/gan.py:smoke"
        assert (row["stage"], row["turns"], row["per_device"]) == (28, "d g", 3)
        assert row["fits"] and row["largest"] is None and row["roofline"] is None
        assert 0 < row["arguments"] < row["peak"]
        assert set(row["exchanges"]) == {"all-reduce"} and not row["warnings"]
    assert eight["flops"] == pytest.approx(two["flops"], rel=0.02)
    assert eight["arguments"] == two["arguments"]
    sizes = [row["exchanges"]["all-reduce"]["nbytes"] for row in (two, eight)]
    assert sizes[0] == sizes[1] > 4 * 28 * 28 * 128  # at least a layer's gradient


def test_what_does_not_fit_is_a_row_and_exit_code_1(call, monkeypatch):
    monkeypatch.setattr(capacity, "memory", lambda: 2000)
    code, lines, err = call(*gan("--topology=cpu:1", "--fast", per_chip=1))
    heading, rule, row = lines
    assert code == 1 and not err
    assert heading.count("|") == rule.count("|") == row.count("|") == 12
    assert "| 28 | d g | 1 x 1 |" in row and "| none |" in row, "one chip exchanges nothing"
    assert "not even 1 a chip would" in row


@pytest.mark.parametrize(("most", "expected"), [(20, 5), (16, 4), (3, 0)])
def test_what_does_not_fit_is_compiled_with_less(monkeypatch, most, expected):
    def measure(lowered, run, stage, target):
        assert run.mesh.size == 4 and stage.res == 28
        return Figures(stage.batch <= most, 1e9, 5e8, 1.0)

    monkeypatch.setattr(survey, "measure", measure)
    monkeypatch.setattr("jaxgan.compilation.programs.lower", lambda run, t: None)
    config = configs.load(f"{ROOT}/experiments/gan.py:smoke").to_dict()
    (row,) = survey.survey(config, survey.Wish("cpu:4", per_device=7, shape=(28, 28, 1)))
    assert (row.per_device, row.largest) == (7, expected)
    assert f"no, of 0.466: {expected or 'not even 1'} a chip would" in command.line(row)


def test_of_a_growing_run_one_stage(call):
    flags = ["--config=experiments/progan.py:smoke", "--topology=cpu:2", "--per_chip=6"]
    code, lines, err = call(*flags, "--stage=4", "--turns=worst", "--shape=8,8,1", "--json")
    (row,) = map(json.loads, lines)
    assert code == 0 and (row["stage"], row["turns"], row["per_device"]) == (4, "d g", 6)
    assert not err and set(row["exchanges"]) == {"all-reduce"}


def test_rows_that_every_chip_has_are_warned_of_where_they_can_be_told():
    config = configs.load(f"{ROOT}/experiments/gan.py:smoke").to_dict()
    target = topology("cpu:8")
    run = programs.prepared(config, programs.stand_in((28, 28, 1), 0), target, 3)
    stage = run.growth.stages[0]
    text = "%a = f32[24,5]{1,0} b(%c)\n%d = f32[3,5]{1,0} b(%e), devices=[24,1]"
    (warning,) = figures.replicated(text, run, stage)
    assert warning == "1 arrays have all 24 rows of the global batch, as f32[24,5]"
    assert not figures.replicated(text, run, stage._replace(batch=16 * 31))
    (unknown,) = figures.replicated(text, run, stage._replace(batch=784))
    assert "784 rows, the global batch, are replicated is not known" in unknown
    (moved,) = figures.foreign(
        {"all-reduce": Exchange(1, 4, 4), "all-gather": Exchange(2, 5000, 9)}
    )
    assert moved.startswith("2 all-gather, 0.005 MB")
    assert not figures.foreign({"all-gather": Exchange(2, 5000, 9)}, slices=2)


@pytest.mark.parametrize(("text", "sizes"), [
    ("Ran out of memory in memory space hbm. Used 22.40G of 15.75G hbm. Exceeded", (22.4, 15.75)),
    ("required for HLO temporaries (80.83G) exceeds available HBM (15.75G).", (80.83, 15.75)),
    ("Used 1536.00M of 0.50G hbm.", (1.5, 0.5)),
    ("out of memory while trying to allocate 5 bytes", None),
])  # fmt: skip
def test_what_the_compiler_says_of_memory_is_read(text, sizes):
    found = figures.exhausted(f"RESOURCE_EXHAUSTED: {text}")
    assert found == (tuple(size * 2**30 for size in sizes) if sizes else (None, None))


def test_missing_data_may_be_replaced_by_their_shape(call):
    flags = ["--config=experiments/gan.py:smoke", "--topology=cpu:2"]
    code, _, err = call(*flags, "--config.data.name=folder:/nowhere")
    assert code == 2 and "give --shape=H,W,C" in err


tpu = pytest.mark.tpu
needs_libtpu = pytest.mark.skipif(
    importlib.util.find_spec("libtpu") is None, reason="no libtpu here: pip install jaxgan[tpu]"
)


@tpu
@needs_libtpu
@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_on_tpus_needs_only_all_reduces_and_replicates_nothing(call, name):
    flags = ["--topology=v5e:2x2", "--per_chip=12", "--turns=worst", "--fast", "--json"]
    if name == "cyclegan":
        flags.append("--config.game.pool=0")  # a pool keeps fakes of the whole batch on each chip
    code, lines, err = call(f"--config=experiments/{name}.py:smoke", *flags)
    assert code == 0 and not err and lines
    for row in map(json.loads, lines):
        assert set(row["exchanges"]) == {"all-reduce"} and row["roofline"]["total"] > 0


@tpu
@needs_libtpu
def test_two_slices_exchange_over_the_network_between_them(call):
    flags = gan("--topology=v5e:2x2", "--fast", "--json")
    one, two = (json.loads(call(*flags, f"--slices={n}")[1][0]) for n in (1, 2))
    assert (one["devices"], two["devices"]) == (4, 8)
    assert two["roofline"]["network"] > one["roofline"]["network"]
    reduced = [row["exchanges"]["all-reduce"]["nbytes"] for row in (one, two)]
    assert reduced[1] == pytest.approx(reduced[0], rel=0.1) and not two["warnings"]


@tpu
@needs_libtpu
def test_what_a_tpu_has_no_memory_for_is_told_with_what_it_has(call):
    flags = gan("--topology=v5e:1x1", "--fast", "--json", per_chip=2)
    code, lines, _ = call(*flags, "--config.game.g.widths=(65536,65536)")
    row = json.loads(lines[0])
    assert code == 1 and row["limit"] == 15.75 * 2**30 < row["peak"]
    assert row["largest"] == 0, "the weights alone do not fit"


@tpu
@needs_libtpu
@pytest.mark.parametrize("name", ["v5e:3x3", "v5e:64x64", "v5p:2x2"])
def test_a_layout_that_no_slice_has_is_one_line(call, name):
    code, lines, err = call(*gan(f"--topology={name}"))
    assert code == 2 and not lines and len(err.splitlines()) == 1 and "known: v5e" in err
