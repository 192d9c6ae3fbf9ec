"""Every verb of explore on every experiment: it writes its study, or refuses with the reason."""

import numpy as np
import PIL.Image
import pytest
import untrained

from jaxgan import explore
from jaxgan.config.registry import files
from jaxgan.generation.run import Run
from jaxgan.runtime.errors import UserError
from jaxgan.visual.sheet import TILE

STYLED = set(files("jaxgan.studies.styles")) - {"directions"}  # they need w
VERBS = sorted(verb for home in explore.HOMES for verb in files(home))
SEEN: set[str] = set()
SHORT = {
    "neighbors": ["--among=9"],
    "noise": ["--noises=2"],
    "project": ["--iterations=2", "--n=1"],
    "rank": ["--n=9"],
}


@pytest.fixture
def open_as(monkeypatch):
    """A function that makes any folder the run of an experiment."""

    def use(name):
        restored, source, shape = untrained.built(name)
        run = untrained.without_nets(restored, shape)
        monkeypatch.setattr("jaxgan.training.workdir.restore", lambda *_: run)
        monkeypatch.setattr("jaxgan.generation.data.opened", lambda record: source)
        monkeypatch.setattr(Run, "steps", [0])
        return run, shape

    return use


@pytest.mark.parametrize("name", untrained.EXPERIMENTS)
def test_every_verb_runs_or_says_why_not(name, open_as, tmp_path):
    run, shape = open_as(name)
    styles = run.game.styles
    kind = str((run.game.inputs, shape, run.record.spec.classes, styles and styles.layers))
    if kind in SEEN:  # without its nets it is the same run as that of another experiment
        return
    SEEN.add(kind)
    ran = set()
    for verb in VERBS:
        flags = [verb, f"--workdir={tmp_path}", *SHORT.get(verb, [])]
        try:
            assert explore.main([*flags, f"--out={tmp_path}/{verb}.npz"]) == 0
        except UserError as error:
            reason = "no w: its generator" if verb in STYLED else "no latents z: its game"
            assert reason in str(error) and "\n" not in str(error), verb
            continue
        ran.add(verb)
        with np.load(tmp_path / f"{verb}.npz") as arrays:
            images = arrays["images"]
            assert images.dtype == np.float32 and images.shape[1:] == shape, verb
            assert np.isfinite(images).all() and len(images) >= 2, verb
            rows = arrays["rows"] if "rows" in arrays else np.empty(0)
            assert not len(rows) or len(images) % len(rows) == 0, verb
    has_z = "z" in run.game.inputs
    known = {verb for verb in VERBS if has_z and (styles or verb not in STYLED)}
    assert ran == known
    if not has_z:
        return
    for suffix in ("png", "webp", "gif"):
        out = tmp_path / f"walk.{suffix}"
        assert explore.main(["walk", f"--workdir={tmp_path}", "--n=2", f"--out={out}"]) == 0
        with PIL.Image.open(out) as picture:
            assert min(picture.size) >= TILE and picture.format == suffix.upper()
            assert getattr(picture, "n_frames", 1) == (16 if suffix == "gif" else 1)
