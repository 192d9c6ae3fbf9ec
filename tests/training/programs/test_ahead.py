"""Programs compiled before they are due: which, when, how many, and their errors."""

import signal
import threading

import jax
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan.config.registry import bind
from jaxgan.core import game as core
from jaxgan.core.growth import Stage
from jaxgan.runtime.signals import STOPPED
from jaxgan.training import workdir
from jaxgan.training.loop import build, train
from jaxgan.training.programs import ahead as ahead_of_time
from jaxgan.training.programs.ahead import Ahead
from jaxgan.training.programs.due import spans
from jaxgan.training.setup import GIVEN, prepare


def turns(*names):
    """A game of turns alone, each 'name', 'name/every' or 'name:start-stop'."""
    made = []
    for text in names:
        name, _, every = text.partition("/")
        name, _, span = name.partition(":")
        start, _, stop = span.partition("-")
        made.append(
            core.Turn(
                name, None, None, int(every or 1), (int(start or 0), stop and int(stop) or None)
            )
        )
    return core.Game(None, {}, tuple(made), {}, None, None, {})


def stage(start, stop):
    return Stage(res=8, start=start, stop=stop, fade=0, batch=4, seen=0)


def test_each_set_of_turns_of_each_span_is_found_at_its_first_step():
    game = turns("d", "r1/4", "g:6-20")
    found = list(spans(game, [stage(0, 10), stage(10, None)], 1, range(2, 24), 4))
    assert [(span.start, span.stop) for span in found] == [(2, 6), (6, 10), (10, 20), (20, 24)]
    assert [span.programs for span in found] == [
        {("d",): 2, ("d", "r1"): 3},
        {("d", "g"): 6, ("d", "r1", "g"): 7},
        {("d", "g"): 10, ("d", "r1", "g"): 11},
        {("d",): 20, ("d", "r1"): 23},
    ]
    assert next(spans(game, [stage(0, None)], 1, range(5, 5), 4)).programs == {}


@pytest.fixture(scope="module")
def run():
    config = configs.load("experiments/gan.py:smoke").to_dict()
    config["game"] |= {"n_critic": 3}
    config |= {"dispatch": 1, "steps": 9}
    return bind(prepare, config, at="config", given=GIVEN)()


@pytest.fixture
def compiled():
    """The names of the functions that are compiled, each with the thread that compiles it."""
    seen = []

    def listen(event, _seconds, fun_name="", **_):
        if event.endswith("backend_compile_duration"):
            seen.append((fun_name, threading.current_thread().name))

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield seen
    jax.monitoring.unregister_event_duration_listener(listen)


def of(name, compiled):
    """The threads that compiled a function."""
    return [thread for each, thread in compiled if each == f"jit({name})"]


def test_each_program_is_compiled_once_in_the_thread_before_it_is_called(run, compiled):
    with jax.set_mesh(run.mesh):
        program = build(run, 0)
        ahead = Ahead(run, program, 0)
        states = program.init()
        for t in range(6):
            ahead.reach(t)
            states, _ = program.step(states, program.feed(t), t)
            if t == 0:
                ahead._thread.wait((0, program.turns(2)))  # compiled, and due two steps later
        ahead.close()
    assert of("train_step", compiled) == ["background"] * 2
    ahead._thread.join()


def test_a_run_compiles_its_steps_and_diagnosis_once_and_leaves_no_thread(compiled, tmp_path):
    config = configs.load("experiments/gan.py:smoke").to_dict()
    config |= {"dispatch": 1, "steps": 4}
    config["game"]["n_critic"] = 2
    assert train(config, tmp_path / "run") == 0
    assert of("train_step", compiled) == ["background"] * 2
    assert of("measure", compiled) == ["background"]
    for thread in threading.enumerate():
        if thread.name == "background":  # it was told to end
            thread.join(timeout=60)
            assert not thread.is_alive()


def test_a_stop_does_not_wait_for_the_compiler(monkeypatch, tmp_path):
    """The step before is saved, and the run resumes from it to the end of one never stopped."""
    config = configs.load("experiments/gan.py:smoke").to_dict()
    config |= {"dispatch": 1, "steps": 4}
    config["game"]["n_critic"] = 2  # the second step is of another program
    compiled, reach, go, later = ahead_of_time._compile, Ahead.reach, threading.Event(), []

    def slow(lower, *args):
        if args == (1,):
            go.wait()
        compiled(lower, *args)

    def told(self, t, **options):
        if t == 1:
            signal.raise_signal(signal.SIGTERM)
        return reach(self, t, **options)

    monkeypatch.setattr(ahead_of_time, "_compile", slow)
    monkeypatch.setattr(Ahead, "reach", told)
    assert train(config, tmp_path / "stopped") == STOPPED
    go.set()
    monkeypatch.undo()
    assert workdir.restore(tmp_path / "stopped").state.step == 1
    for folder in ("stopped", "whole"):
        assert train(config, tmp_path / folder) == 0
        later.append(workdir.restore(tmp_path / folder).state)
    jax.tree.map(np.testing.assert_array_equal, *later)


def test_an_error_of_the_compiler_is_that_of_the_step(run, monkeypatch):
    program = build(run, 0)

    def fail(columns, t):
        raise MemoryError("no memory for the program")

    monkeypatch.setattr(program, "lower", fail)
    ahead = Ahead(run, program, 0)
    with pytest.raises(MemoryError, match="for the program"):
        ahead.reach(0)
    ahead.close()


def test_programs_are_compiled_no_more_than_one_span_ahead(run, monkeypatch):
    stages = (stage(0, 3), stage(3, 6), stage(6, None))
    run = run._replace(growth=run.growth._replace(stages=stages), steps=9)
    program, seen = build(run, 0), []
    monkeypatch.setattr(program, "lower", lambda columns, t: seen.append(t) or Nothing())
    ahead = Ahead(run, program, 0)
    ahead._thread.wait((3, program.turns(5)))
    assert seen == [0, 2, 3, 5]
    ahead.reach(3)
    ahead._thread.wait((6, program.turns(8)))
    assert seen == [0, 2, 3, 5, 6, 8]
    ahead.close()


class Nothing:
    def compile(self):
        pass
