"""warnings.jsonl: whole lines, once of each kind, also after a resume."""

import json

from jaxgan import config as configs
from jaxgan.training import loop
from jaxgan.training.records import warnings
from jaxgan.training.records.warnings import Warned, Warnings

COVERAGE = Warned(20, "coverage", 0.4, "at step 20 …")
CRITIC = Warned(40, "critic", 1.0, "at step 40 …")


def test_each_kind_is_added_once(tmp_path):
    file = Warnings(tmp_path, 0)
    assert not (tmp_path / warnings.NAME).exists(), "a run without warnings has no file"
    assert file.add(COVERAGE) and not file.add(COVERAGE._replace(step=30)) and file.add(CRITIC)
    assert warnings.read(tmp_path) == [COVERAGE, CRITIC]
    lines = (tmp_path / warnings.NAME).read_text().splitlines()
    assert json.loads(lines[0]) == COVERAGE._asdict()


def test_a_resume_keeps_what_was_before_it_and_repeats_nothing(tmp_path, capsys):
    file = Warnings(tmp_path, 0)
    file.add(COVERAGE), file.add(CRITIC)
    path = tmp_path / warnings.NAME
    with path.open("ab") as end:
        end.write(b'{"step": 7}\n[]\nnot JSON\n\xff\n')
        end.write(path.read_bytes().splitlines()[0].replace(b"0.4", b"NaN") + b"\n")
        end.write(path.read_bytes()[:20])  # a kill cut the last
    again = Warnings(tmp_path, 30)
    assert "warnings.jsonl: 5 damaged lines are left out" in capsys.readouterr().err
    assert warnings.read(tmp_path) == [COVERAGE] and path.read_bytes().count(b"\n") == 1
    assert not again.add(COVERAGE) and again.add(CRITIC)
    assert warnings.read(tmp_path) == [COVERAGE, CRITIC]


def test_a_run_that_is_resumed_warns_as_one_that_never_stopped(tmp_path, compiled_once, capfd):
    """g stands still, and d learns to tell its noise from digits."""
    config = configs.load("experiments/gan.py:smoke").to_dict()
    config["optim"] = {"g": {"name": "sgd", "lr": 0.0}, "d": {"name": "adam", "lr": 3e-3}}
    config |= {"log": {"every": 2, "pictures": 40, "samples": 4}, "checkpoint": {"every": 4}}
    config |= {"steps": 40, "batch": 16}
    assert loop.train(config, tmp_path / "whole") == 0
    found = warnings.read(tmp_path / "whole")
    assert [warned.kind for warned in found] == ["critic"]
    assert capfd.readouterr().err.count("warning: at step") == 1
    at = found[0].step
    for steps in (at - 2, at + 2, 40):
        assert loop.train(config | {"steps": steps}, tmp_path / "parts") == 0
    assert warnings.read(tmp_path / "parts") == found
    assert capfd.readouterr().err.count("warning: at step") == 1
