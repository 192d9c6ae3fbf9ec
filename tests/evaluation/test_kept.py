"""What is remembered of real items, and evaluations by several devices."""

import json
from functools import partial

import jax
import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import evaluate
from jaxgan.core.game import Spec
from jaxgan.data import content
from jaxgan.data.source import Source
from jaxgan.evaluation import kept, subject
from jaxgan.evaluation.features.network import Features
from jaxgan.training import replicas, workdir
from jaxgan.training.checkpoint import Checkpoints

STAMP = {"content": "aa", "rows": "bb"}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Computes a coarse swd, and stubs features: mean colors."""
    monkeypatch.setattr("jaxgan.evaluation.metrics.swd.PATCHES", 16)
    monkeypatch.setattr("jaxgan.evaluation.metrics.swd.REPEATS", 1)
    net = Features("colors", "0" * 64, "none", 1, {}, lambda params, x: x.mean((1, 2)) / 255)
    monkeypatch.setattr("jaxgan.evaluation.features.extract.load", lambda choice: net)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Two sets of images."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name in ("real", "fake"):
        pixels = rng.integers(0, 256, (80, 16, 16, 1), np.uint8)
        np.savez(folder / f"{name}.npz", images=pixels)
    return folder


def entries():
    return sorted(content.cache("evaluation").glob("*"))


def counted(calls):
    """Arrays, and how often they were computed."""
    calls.append(1)
    return {"x": np.arange(6.0, dtype=np.float32).reshape(2, 3), "y": np.array([0.1])}


def test_arrays_are_computed_once_for_each_stamp():
    calls = []
    for _ in range(3):
        found = kept.arrays(STAMP, lambda: counted(calls))
        np.testing.assert_array_equal(found["x"], [[0, 1, 2], [3, 4, 5]])
        assert found["x"].dtype == np.float32 and found["y"] == 0.1
    assert len(calls) == 1 and len(entries()) == 1
    kept.arrays(STAMP | {"rows": "cc"}, lambda: counted(calls))
    assert len(calls) == 2 and len(entries()) == 2
    for _ in range(2):
        kept.arrays(STAMP | {"content": ""}, lambda: counted(calls))
    assert len(calls) == 4 and len(entries()) == 2, "data without a fingerprint are not known again"


@pytest.mark.parametrize("damage", ["cut", "flipped", "pickle", "other arrays", "empty"])
def test_a_damaged_entry_is_computed_again_and_replaced(damage, capsys):
    calls = []
    kept.arrays(STAMP, lambda: counted(calls))
    (path,) = entries()
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "flipped":
        at = whole.index(np.float32(4.0).tobytes())
        path.write_bytes(whole[:at] + b"\1" + whole[at + 1 :])
    elif damage == "pickle":
        with path.open("wb") as file:
            np.savez(file, x=np.array([{}], object))
    elif damage == "other arrays":
        with path.open("wb") as file:
            np.savez(file, x=np.zeros(3, np.float32))
    else:
        path.write_bytes(b"")
    found = kept.arrays(STAMP, lambda: counted(calls))
    assert found["y"] == 0.1 and len(calls) == 2
    assert "it is computed again" in capsys.readouterr().err
    kept.arrays(STAMP, lambda: counted(calls))
    assert len(calls) == 2 and len(entries()) == 1


def test_a_cache_that_cannot_be_written_costs_time_and_no_more(tmp_path, capsys):
    (tmp_path / "cache").write_text("a file in its place")
    calls = []
    for _ in range(2):
        assert kept.arrays(STAMP, lambda: counted(calls))["y"] == 0.1
    assert len(calls) == 2 and "warning: cannot write" in capsys.readouterr().err


def figures(images, capsys, *flags):
    """The rows of an evaluation, and how many real images it gathered."""
    flags = [f"--images={images}/fake.npz", f"--real={images}/real.npz", *flags]
    capsys.readouterr()
    assert evaluate.main([*flags, "--metrics=kid,swd", "--json"]) == 0
    return capsys.readouterr().out


def test_a_second_evaluation_reads_real_images_for_what_needs_their_pixels_only(
    images, capsys, monkeypatch
):
    read, post = [], Source.__init__

    def init(self, *args, **kwargs):
        post(self, *args, **kwargs)
        gather = self.gather
        object.__setattr__(self, "gather", lambda rows: read.append(len(rows)) or gather(rows))

    monkeypatch.setattr(Source, "__init__", init)
    flags = [f"--images={images}/fake.npz", f"--real={images}/real.npz", "--n=30", "--json"]
    printed, counts = [], []
    for _ in range(2):
        read.clear()
        assert evaluate.main([*flags, "--metrics=kid"]) == 0
        printed.append(capsys.readouterr().out)
        counts.append(sum(read))
    assert printed[0] == printed[1], "the same bytes"
    assert counts == [30 + 30 + 2 * 30, 30], "then the others' images alone are read"
    assert len(entries()) == 2


def test_what_figures_follow_from_is_in_the_stamp(images, capsys):
    first = figures(images, capsys, "--n=30")
    known = len(entries())
    assert figures(images, capsys, "--n=30") == first and len(entries()) == known
    for flags in (["--n=31"], ["--n=30", "--seed=1"]):
        before = len(entries())
        assert figures(images, capsys, *flags) != first and len(entries()) == before + 3
    pixels = np.load(images / "real.npz")["images"]
    moved = images / "moved.npz"
    np.savez(moved, images=pixels)
    before = len(entries())
    flags = [f"--images={images}/fake.npz", f"--real={moved}", "--metrics=kid,swd", "--n=30"]
    assert evaluate.main(flags) == 0
    assert len(entries()) == before, "content is known wherever it lies"
    np.savez(moved, images=255 - pixels)
    assert evaluate.main(flags) == 0
    assert len(entries()) == before + 3


@pytest.fixture
def generator(tmp_path):
    """An untrained run with BatchNorm in its generator."""
    config = configs.load("experiments/dcgan.py").to_dict()
    config["data"] = {"name": "digits", "res": 16}
    for net, name in (("g", "Generator"), ("d", "Discriminator")):
        config["game"][net] = {"name": f"dcgan.{name}", "width": 4}
    record = workdir.Record(config, Spec((16, 16, 1), 10), 1)
    (tmp_path / "run").mkdir()
    workdir.write(tmp_path / "run", record)
    saves = Checkpoints(tmp_path / "run/checkpoints")
    saves.save(jax.jit(partial(replicas.first, record.game()))(jax.random.key(0)), 1)
    saves.close()
    return tmp_path / "run"


def test_devices_share_an_evaluation_and_give_the_same_figures(generator, capsys, monkeypatch):
    every, rows = jax.local_devices(), []
    for n in (1, 4):
        monkeypatch.setattr(jax, "local_devices", lambda: every[:n])  # noqa: B023
        monkeypatch.setenv("XDG_CACHE_HOME", str(generator / f"cache{n}"))
        assert subject.devices(130).size == n
        flags = [f"--workdir={generator}", "--metrics=kid,swd", "--n=130", "--json"]
        assert evaluate.main(flags) == 0
        rows.append([json.loads(line) for line in capsys.readouterr().out.splitlines()])
    for one, four in zip(*rows, strict=True):
        for key in ("value", "low", "high", "floor"):
            assert four[key] == pytest.approx(one[key], rel=1e-4, abs=1e-4), key
