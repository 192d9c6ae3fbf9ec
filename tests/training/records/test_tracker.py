"""Weights & Biases beside TensorBoard: offline files of a run, and the package that is missing."""

import importlib.util
import json
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan.runtime.errors import UserError
from jaxgan.training import logger
from jaxgan.training.records import tracker
from jaxgan.training.setup import prepare


@pytest.mark.parametrize("found", [None, SimpleNamespace(origin=None)], ids=["none", "a folder"])
def test_without_the_package_a_run_is_refused_in_one_line(found, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: found)
    config = configs.load("experiments/gan.py:smoke")
    configs.override(config, ["--config.log.wandb=offline"])
    with pytest.raises(UserError, match="wandb is missing; pip install 'jaxgan.wandb.'") as error:
        prepare(**config.to_dict())
    assert "\n" not in str(error.value)
    tracker.check("")  # and nothing is needed where it is not asked for


def test_offline_files_hold_scalars_pictures_and_the_config(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="wandb is not installed: pip install 'jaxgan[wandb]'")
    monkeypatch.delenv("WANDB_MODE", raising=False)
    (tmp_path / "config.json").write_text(json.dumps({"config": {"game": {"loss": "hinge"}}}))
    for step in (0, 20):  # a run, and its resumption
        writer = logger.Writer(tmp_path, step, "offline")
        writer.image(step, "samples", np.full((8, 8, 3), 255, np.uint8))
        writer.scalars(step + 10, {"d/loss": 0.625, "d/real": np.nan})
        writer.close()
    runs = sorted((tmp_path / "wandb").glob("offline-run-*"))
    ids = {path.name.rpartition("-")[2] for path in runs}
    assert len(runs) == 2 and ids == {(tmp_path / "wandb/id").read_text()}
    for path in runs:
        (packed,) = path.glob("*.wandb")
        until = time.monotonic() + 60  # W&B's own process closes the file a moment later
        while not re.search(rb"hinge.*d/loss.{0,20}0\.625", packed.read_bytes(), re.DOTALL):
            assert time.monotonic() < until, packed.read_bytes()
            time.sleep(0.1)
        assert len(list(path.glob("files/media/images/samples_*.png"))) == 1
    assert [row["step"] for row in logger.read(tmp_path)] == [10, 30]
