"""Leaves the user's cache of real items' features alone."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Keeps the caches of each test within it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
