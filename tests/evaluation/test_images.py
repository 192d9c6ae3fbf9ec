"""`python -m jaxgan.evaluate` of images without a run, and of a run against other data."""

import json

import numpy as np
import pytest
from PIL import Image

from jaxgan import evaluate
from jaxgan.evaluation.features.network import Features
from jaxgan.evaluation.images import Images
from jaxgan.evaluation.metrics.swd import swd
from jaxgan.evaluation.run import measured, ready
from jaxgan.runtime.errors import UserError

RNG = np.random.default_rng(0)
REAL = RNG.integers(0, 256, (60, 16, 16, 3), np.uint8)
FAKE = (REAL[::-1] // 2).astype(np.uint8)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Real images as an .npz, others as a folder of PNG and as an .npy, and ones of other sizes."""
    root = tmp_path_factory.mktemp("sets")
    np.savez(root / "real.npz", images=REAL)
    np.save(root / "fake.npy", FAKE)
    for name, images in (("fake", FAKE), ("mixed", FAKE[:8]), ("wide", FAKE[:8])):
        (root / name).mkdir()
        for i, image in enumerate(images):
            Image.fromarray(image).save(root / name / f"{i:03d}.png")
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(root / "mixed/last.png")
    for i in range(8):
        Image.fromarray(FAKE[i, :12]).save(root / f"wide/{i:03d}.png")
    np.savez(root / "gray.npz", images=REAL[..., :1])
    np.savez(root / "small.npz", images=REAL[:, ::2, ::2])
    return root


@pytest.fixture(autouse=True)
def fewer_projections(monkeypatch):
    """Computes a coarser swd, in a thirtieth of the time."""
    monkeypatch.setattr("jaxgan.evaluation.metrics.swd.PATCHES", 16)
    monkeypatch.setattr("jaxgan.evaluation.metrics.swd.REPEATS", 1)


def figures(capsys, *flags):
    assert evaluate.main([*flags, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_any_two_sets_are_compared_as_a_runs_samples_are(sets, capsys):
    real = f"--real={sets}/real.npz"
    (row,) = figures(capsys, f"--images={sets}/fake", real)
    subject = Images(n=60, images=f"{sets}/fake", reference=f"{sets}/real.npz")
    np.testing.assert_array_equal(subject.fakes, FAKE)
    np.testing.assert_array_equal(subject.reals, REAL)
    assert row["value"] == pytest.approx(swd(REAL, FAKE, 0)["mean"]) and row["floor"] > 0
    assert row["low"] < row["value"] < row["high"] and row["images"] == f"{sets}/fake"
    assert "step" not in row and row["protocol"]["n"] == 60
    assert row["protocol"]["data"] == f"{sets}/real.npz 16x16x3"
    assert len(row["protocol"]["content"]) == 16
    (again,) = figures(capsys, f"--images={sets}/fake.npy", real)
    assert again["value"] == row["value"], "the same images as an .npy and as files"
    (own,) = figures(capsys, f"--images={sets}/real.npz", real)
    assert own["value"] == 0


def test_a_line_names_the_images(sets, capsys):
    flags = [f"--images={sets}/fake.npy", f"--real={sets}/real.npz", "--n=40", "--seed=2"]
    assert evaluate.main(flags) == 0
    line = capsys.readouterr().out
    assert f"of {sets}/fake.npy; data {sets}/real.npz 16x16x3, generator none, images" in line
    assert not (sets / "evaluations.jsonl").exists()


def test_features_of_any_images_are_compared(sets, capsys, monkeypatch):
    """Features are stubbed: mean colors."""
    net = Features("colors", "0" * 64, "none", 3, {}, lambda params, x: x.mean((1, 2)) / 255)
    monkeypatch.setattr("jaxgan.evaluation.features.extract.load", lambda choice: net)
    flags = [f"--images={sets}/fake", f"--real={sets}/real.npz", "--metrics=kid"]
    (row,) = figures(capsys, *flags)
    assert row["value"] > row["high"] - row["low"] > 0 and abs(row["floor"]) < row["value"] / 10
    assert row["protocol"]["features"] == "colors 00000000"


@pytest.mark.parametrize(
    ("images", "flags", "text"),
    [
        ("fake", ["--metrics=ppl"], "--metrics=ppl: walks in w; --images are of no run; pass --w"),
        ("fake", ["--metrics=agreement"], "--metrics=agreement: asks a generator for classes"),
        ("fake", ["--metrics=swd,cycle"], "--metrics=cycle: is of translations"),
        ("fake", ["--metrics=psnr"], "--metrics=psnr: is of translations"),
        ("fake", ["--metrics=hidden"], "--metrics=hidden: is of translations"),
        ("fake", ["--step=3"], "--step: is of a run"),
        ("fake", ["--replica=0"], "--replica: is of a run"),
        ("fake", ["--generator=last"], "--generator: is of a run"),
        ("fake", ["--n=61"], "--n=61: --images has 60"),
        ("small.npz", [], "images of 8x8x3, and of 16x16x3 in --real=.*; pass --res=16, say"),
        ("small.npz", ["--res=8"], "images of 8x8 pixels"),
        ("gray.npz", [], "pass --channels=1, say"),
        ("mixed", [], "pictures of 9x9 to 16x16 pixels; pass --res=64"),
        ("wide", [], "pictures of 16x12 pixels; pass --res=64"),
        ("nothing", [], "no folder, .zip, .npz or .npy, and no data of that name; known: array"),
        ("none.npz", [], "--images=.*none.npz: no file"),
        ("real.npz", ["--workdir=."], "not allowed with"),
    ],
)
def test_what_does_not_fit_is_refused(sets, images, flags, text, monkeypatch):
    monkeypatch.setattr("jaxgan.evaluation.features.extract.load", lambda choice: {})
    with pytest.raises(UserError, match=text):
        evaluate.main([f"--images={sets}/{images}", f"--real={sets}/real.npz", *flags])


def test_what_real_names_is_refused_likewise(sets):
    for flags, text in (
        ([], "--images=.*: no run, and images need --real=SET"),
        (["--real=photos_ab"], "--real=photos_ab: two domains"),
        (["--real=ring"], "--real=ring: 100000 points"),
        (["--real=mnits"], "did you mean 'mnist'"),
    ):
        with pytest.raises(UserError, match=text):
            evaluate.main([f"--images={sets}/fake", *flags])


def test_sizes_are_brought_together(sets, capsys):
    real = f"--real={sets}/real.npz"
    (row,) = figures(capsys, f"--images={sets}/small.npz", real, "--res=16", "--n=40")
    assert row["protocol"]["data"].endswith("16x16x3")
    (row,) = figures(capsys, f"--images={sets}/fake", "--real=photos", "--res=16", "--n=40")
    assert row["protocol"]["data"] == "photos 16x16x3"
    (row,) = figures(
        capsys, f"--images={sets}/gray.npz", "--real=mnist", "--res=16", "--n=40", "--channels=1"
    )
    assert row["protocol"]["data"] == "mnist 16x16x1"


BRIGHT = {"check": lambda view: None, "compute": lambda view: {"value": view.game, "protocol": {}}}


def test_a_metric_that_needs_a_run_without_saying_so_is_refused_too(sets, monkeypatch):
    subject = Images(n=10, images=f"{sets}/fake", reference=f"{sets}/real.npz")
    _, (view,) = ready(subject, ["swd"])
    metric = type("metric", (), {k: staticmethod(v) for k, v in BRIGHT.items()})
    with pytest.raises(UserError, match="need a run, and --images is none"):
        measured(view, "bright", metric)
