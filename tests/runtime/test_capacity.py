"""What cannot fit into memory is refused with the numbers, before it is allocated."""

import resource

import pytest

from jaxgan.runtime import capacity
from jaxgan.runtime.errors import UserError


def test_what_does_not_fit_is_refused_with_its_numbers():
    needs = {"parameters": 3 * 10**9, "images": 2 * 10**9, "trifles": 5}
    capacity.check(needs, "config.batch", limit=6 * 10**9)
    with pytest.raises(UserError) as told:
        capacity.check(needs, "config.batch", limit=4 * 10**9)
    assert str(told.value) == (
        "3.0 GB of parameters, 2.0 GB of images do not fit into 4.0 GB of memory; lower "
        "config.batch"
    )


def test_memory_is_the_least_of_the_machines_and_the_limits(monkeypatch, tmp_path):
    monkeypatch.setattr(capacity, "_CGROUPS", ())
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    whole = capacity.memory()
    assert whole > 10**8
    (tmp_path / "memory.max").write_text("1000000\n")
    monkeypatch.setattr(capacity, "_CGROUPS", (str(tmp_path / "memory.max"), "/nowhere"))
    assert capacity.memory() == 1_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert capacity.memory() == whole
    monkeypatch.setattr(resource, "getrlimit", lambda _: (2_000_000, 2_000_000))
    assert capacity.memory() == 2_000_000
