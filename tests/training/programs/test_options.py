"""The compiler's options: by platform and use, and without those that this XLA does not know."""

import pytest

from jaxgan.training.programs import options
from jaxgan.training.programs.options import LEVEL, OVERWRITE


@pytest.fixture
def no_flags(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "")
    monkeypatch.setattr(options, "OVERWRITE", {})
    monkeypatch.setattr(options, "SELDOM", {LEVEL: 1, "xla_cpu_that_was_removed": True})


def test_what_xla_does_not_know_is_left_out(no_flags):
    assert options.options("cpu", seldom=True) == {LEVEL: 1}
    assert options.options("cpu") == {}


def test_another_error_is_raised(no_flags, monkeypatch):
    monkeypatch.setattr(options, "SELDOM", {LEVEL: "high"})
    with pytest.raises(Exception, match="(?i)high"):
        options.options("cpu", seldom=True)


def test_they_are_of_a_cpu_and_a_level_that_is_given_stays(monkeypatch):
    assert options.options("gpu", seldom=True) is options.options("tpu") is None
    monkeypatch.setenv("XLA_FLAGS", f"--{LEVEL}=2")
    assert options.options("cpu", seldom=True) == options.options("cpu")
    assert set(options.options("cpu")) <= set(OVERWRITE)
