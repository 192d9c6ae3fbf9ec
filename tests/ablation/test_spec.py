"""Sweep files: what they say, and what is refused before anything runs."""

import textwrap
from pathlib import Path

import pytest

from jaxgan.ablation import cells, record, spec
from jaxgan.runtime.errors import UserError

ROOT = Path(__file__).parents[2]
GAN = str(ROOT / "experiments/gan.py")
AXES = (
    "{'loss': {'ns': {}, 'hinge': {'game': {'loss': 'hinge'}}},"
    " 'rate': {'low': {}, 'high': {'optim': {'d': {'lr': 1e-3}}}}}"
)


def write(folder, **keys):
    """Writes a sweep file whose keys are Python expressions."""
    keys = {"base": repr(GAN), "axes": AXES, "metrics": "('swd',)", "seeds": "2", **keys}
    lines = [f"s.{key} = {value}" for key, value in keys.items() if value]
    body = textwrap.indent("\n".join(lines), "    ")
    path = folder / "sweep.py"
    path.write_text(
        "from ml_collections import ConfigDict\n\n\n"
        f"def get_config(arg=None):\n    s = ConfigDict()\n{body}\n    return s\n"
    )
    return path


def test_cells_are_combinations_of_levels_and_the_base_comes_first(tmp_path):
    sweep = spec.load(str(write(tmp_path)))
    names = [cell.name for cell in sweep.cells]
    assert names == [
        "loss=ns,rate=low", "loss=ns,rate=high", "loss=hinge,rate=low", "loss=hinge,rate=high",
    ]  # fmt: skip
    assert sweep.base.flags == () and sweep.seeds == (0, 1)
    assert sweep.cells[3].flags == ("--config.game.loss=hinge", "--config.optim.d.lr=0.001")


def test_runs_interleave_seeds_and_set_them(tmp_path):
    sweep = spec.load(str(write(tmp_path, seeds="(3, 5)", budget="{'steps': 7}", n="10")))
    runs = list(cells.jobs(sweep, tmp_path / "s"))
    assert [run.seeds[0] for run in runs] == [3] * 4 + [5] * 4
    assert len({run.workdir for run in runs}) == 8
    assert runs[5].line() == (
        f"python -m jaxgan.main --config={GAN} --workdir={tmp_path}/s/loss=ns,rate=high/seed-5 "
        "--config.optim.d.lr=0.001 --config.seed=5 --config.steps=7 && "
        f"python -m jaxgan.ablation.measure --workdir={tmp_path}/s/loss=ns,rate=high/seed-5 "
        "--metrics=swd --n=10"
    )


def test_replicas_are_one_run_of_a_cell(tmp_path):
    sweep = spec.load(str(write(tmp_path, replicas="True", seeds="3")))
    runs = list(cells.jobs(sweep, tmp_path))
    assert [run.seeds for run in runs] == [(0, 1, 2)] * 4
    assert {"--config.seed=0", "--config.seeds=3"} <= set(runs[0].train)


def test_a_level_may_name_another_config(tmp_path):
    axes = "{'game': {'plain': {}, 'dcgan': {'base': 'x.py:smoke', 'batch': 8}}}"
    sweep = spec.load(str(write(tmp_path, axes=axes)))
    assert sweep.cells[1].config == "x.py:smoke"
    assert sweep.cells[1].flags == ("--config.batch=8",)


def test_cells_may_be_skipped(tmp_path):
    sweep = spec.load(str(write(tmp_path, skip="('loss=hinge,rate=high',)")))
    assert len(sweep.cells) == 3


def test_flatten_keeps_lists_and_empty_nodes_whole():
    found = spec.flatten({"game": {"g": {"widths": (8, 8)}, "d": {}}, "steps": "10kimg"})
    assert found == {"game.g.widths": "(8, 8)", "game.d": "{}", "steps": "10kimg"}


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        ({"axe": "1"}, "sweep.axe: sweep has no such option; did you mean 'axes'"),
        ({"base": None}, "sweep: sweep needs 'base'"),
        ({"seeds": "0"}, "sweep.seeds=0"),
        ({"seeds": "(1, 1)"}, "each once"),
        ({"seeds": "(1, 3)", "replicas": "True"}, "consecutive"),
        ({"metrics": "('swdd',)"}, "no 'swdd'; did you mean 'swd'"),
        ({"metrics": "()"}, "name at least one"),
        ({"metrics": "('swd', 'kid', 'swd')"}, "sweep.metrics: 'swd' twice"),
        ({"metrics": "('d/fake',)", "replicas": "True"}, "no figures of each seed"),
        ({"n": "0"}, "sweep.n=0: at least 1"),
        ({"budget": "{'steps': 5, 'seconds': 5}"}, "not both"),
        ({"budget": "{'step': 5}"}, "did you mean 'steps'"),
        ({"budget": "{'seconds': 0}"}, "sweep.budget.seconds=0"),
        ({"axes": "{'a': {'x': {'batch': 1}}}"}, "0 levels without overrides"),
        ({"axes": "{'a': {'x': {}, 'y': {}}}"}, "2 levels without overrides"),
        ({"axes": "{'a': {'x y': {}}}"}, "letters, digits"),
        ({"axes": "{'a': 3}"}, "sweep.axes"),
        ({"axes": "{'a': {'x': {}, 'y': {'seed': 1}}}"}, "a.y.seed: set by sweep.seeds"),
        (
            {"axes": "{'a': {'x': {}, 'y': {'steps': 1}}}", "budget": "{'steps': 5}"},
            "a.y.steps: set by sweep.budget",
        ),
        (
            {"axes": "{'a': {'x': {}, 'y': {'game': {'loss': 'hinge'}}},"
                     " 'b': {'x': {}, 'y': {'game': {'loss': {'name': 'mm'}}}}}"},
            "a sets game.loss and b sets game.loss.name",
        ),
        ({"skip": "('loss=x',)"}, "sweep.skip: no cell 'loss=x'"),
        ({"skip": "('loss=ns,rate=low',)"}, "is the base"),
        ({"seeds": "5000"}, "sweep.seeds=5000"),
        ({"axes": "{'a': {1: {}, 2: {'batch': 8}}}"}, "sweep.axes.a: 1: give a text of letters"),
        ({"axes": "{1: {'x': {}}}"}, "sweep.axes.1: 1: give a text"),
        ({"axes": "{'mean': {'x': {}, 'y': {'batch': 8}}}"}, "mean: a column of table.csv"),
        ({"axes": "{'a': {'x' * 199: {}}}"}, "axes: a=xxx.*… is the name of a file; shorten"),
        (
            {"axes": "{'a': {'x': {}, 'y': {'evaluate': {'psy': 1.0}}}}"},
            "a.y.evaluate.psy: .* did you mean 'psi'",
        ),
        ({"axes": "{'a': {'x': {}, 'y': {'evaluate': {'psi': 'x'}}}}"}, "evaluate.psi=.x.:"),
        ({"axes": "{'a': {'x': {}, 'y': {'evaluate': 1}}}"}, "a.y.evaluate=1: options"),
    ],
)  # fmt: skip
def test_bad_files_are_one_line(keys, text, tmp_path):
    with pytest.raises(UserError, match=text) as error:
        spec.load(str(write(tmp_path, **keys)))
    assert "\n" not in str(error.value)


def test_no_such_file_names_no_flag(tmp_path):
    with pytest.raises(UserError, match=f"^{tmp_path}/none.py: no such file"):
        spec.load(f"{tmp_path}/none.py")


def test_another_sweep_is_refused_and_more_of_the_same_is_not(tmp_path):
    first = record.describe(spec.load(str(write(tmp_path))))
    record.write(tmp_path, first)
    more = {"seeds": "9", "metrics": "('swd', 'kid')"}
    record.compare(tmp_path, record.describe(spec.load(str(write(tmp_path, **more)))))
    wider = AXES.replace("'hinge'", "'ls': {'game': {'loss': 'least_squares'}}, 'hinge'", 1)
    record.compare(tmp_path, record.describe(spec.load(str(write(tmp_path, axes=wider)))))
    for keys, text in (
        (
            {"budget": "{'steps': 7}"},
            "another sweep: .*rate=low.steps was 20000, now 7",
        ),
        ({"n": "9"}, "another sweep: n was None, now 9"),
        ({"axes": "{'a': {'x': {}}}"}, "another sweep, of cells loss=ns"),
        ({"replicas": "True"}, "replicas was False, now True"),
    ):
        other = record.describe(spec.load(str(write(tmp_path, **keys))))
        with pytest.raises(UserError, match=text):
            record.compare(tmp_path, other)
    wrong = AXES.replace("1e-3", "'fast'")
    with pytest.raises(UserError, match="^loss=ns,rate=high: --config.optim.d.lr=fast: expected"):
        record.describe(spec.load(str(write(tmp_path, axes=wrong))))
    (tmp_path / "run").mkdir()
    (tmp_path / "run/config.json").touch()
    with pytest.raises(UserError, match="the folder of a run"):
        record.compare(tmp_path / "run", first)
    (tmp_path / record.NAME).write_text("{")
    with pytest.raises(UserError, match="damaged"):
        record.compare(tmp_path, first)


VIEWS = (
    "{'loss': {'ns': {}, 'hinge': {'game': {'loss': 'hinge'}}},"
    " 'psi': {'1': {}, '5e-1': {'evaluate': {'psi': 0.5}}}}"
)


def test_an_axis_of_the_evaluation_trains_nothing_anew(tmp_path):
    sweep = spec.load(str(write(tmp_path, axes=VIEWS, seeds="2")))
    names = ["loss=ns,psi=1", "loss=ns,psi=5e-1", "loss=hinge,psi=1", "loss=hinge,psi=5e-1"]
    assert [cell.name for cell in sweep.cells] == names
    runs = list(cells.jobs(sweep, tmp_path))
    assert [run.name for run in runs] == [
        "loss=ns seed 0", "loss=hinge seed 0", "loss=ns seed 1", "loss=hinge seed 1",
    ]  # fmt: skip
    assert [cell.name for cell in runs[1].cells] == names[2:]
    assert runs[1].workdir == tmp_path / "loss=hinge/seed-0"
    assert not [word for word in runs[1].train if "psi" in word or "evaluate" in word]
    assert runs[1].measure[-2:] == ("--drawn=psi=1:", "--drawn=psi=5e-1:psi=0.5")
    before = record.describe(sweep)
    other = write(tmp_path, axes=VIEWS.replace("0.5}", "0.4}"), seeds="2")
    record.write(tmp_path, before)
    with pytest.raises(UserError, match="psi=5e-1.evaluate.psi was 0.5, now 0.4"):
        record.compare(tmp_path, record.describe(spec.load(str(other))))


def test_a_level_that_trains_and_draws_is_a_run_of_its_own(tmp_path):
    axes = "{'g': {'x': {}, 'y': {'batch': 8, 'evaluate': {'generator': 'last'}}}}"
    runs = list(cells.jobs(spec.load(str(write(tmp_path, axes=axes, seeds="1"))), tmp_path))
    assert [run.workdir.parent.name for run in runs] == ["g=x", "g=y"]
    assert runs[1].measure[-1] == "--drawn=:generator=last"
    assert not [word for word in runs[0].measure if word.startswith("--drawn")]
