"""A store for the tests of this folder."""

import importlib
import importlib.util
from pathlib import Path

import pytest

from jaxgan.runtime.remote import lease, mirror, store


@pytest.fixture
def gs(tmp_path, monkeypatch):
    """The store gs://, with one bucket, and caches of its own; nothing waits."""
    spec = importlib.util.spec_from_file_location("bucket", Path(__file__).with_name("bucket.py"))
    bucket = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bucket)
    registered = importlib.import_module("fsspec.registry")._registry
    monkeypatch.setitem(registered, "gs", None)  # so that it is taken back
    (tmp_path / "store" / "bucket").mkdir(parents=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    monkeypatch.setattr(store, "WAIT", 0.0)
    monkeypatch.setattr(lease, "SILENT", 0.3)
    monkeypatch.setattr(lease, "BEAT", 0.05)
    monkeypatch.setattr(mirror, "POLL", 0.02)
    return bucket.use(tmp_path / "store")
