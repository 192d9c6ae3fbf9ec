"""`--compare=A,B`: paired differences, their intervals, and protocols that do not fit."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import evaluate
from jaxgan.core.game import Spec
from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.comparison import compare, difference
from jaxgan.evaluation.images import Images
from jaxgan.evaluation.metrics import kid
from jaxgan.runtime.errors import UserError
from jaxgan.training import replicas, workdir
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.training.workdir import Record

RNG = np.random.default_rng(0)
REAL = RNG.integers(0, 256, (200, 16, 16, 1), np.uint8)
ADAM = {"name": "adam", "lr": 2e-4}
NETS = {n: {"name": f"mlp.{n}", "widths": (8,)} for n in ("Generator", "Discriminator")}


@pytest.fixture(autouse=True)
def fewer_projections(monkeypatch):
    """Computes a coarser swd, in a thirtieth of the time."""
    monkeypatch.setattr("jaxgan.evaluation.metrics.swd.PATCHES", 16)
    monkeypatch.setattr("jaxgan.evaluation.metrics.swd.REPEATS", 1)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    """Real images; noisy copies, noisier ones, and as noisy ones by another noise."""
    root = tmp_path_factory.mktemp("sets")

    def noisy(scale, seed):
        noise = np.random.default_rng(seed).normal(0, scale, REAL.shape)
        return np.clip(REAL // 2 + 64 + noise, 0, 255).astype(np.uint8)

    given = {"real": REAL, "a": noisy(20, 1), "b": noisy(60, 2), "same": noisy(20, 3)}
    given |= {"few": REAL[:150], "large": REAL.repeat(2, 1).repeat(2, 2)}
    for name, images in given.items():
        np.savez(root / f"{name}.npz", images=images)
    return root


def run(folder, *steps, classes=0, name="digits", **changes):
    """An untrained run of 16 pixels with a checkpoint a step."""
    game = {"name": "adversarial", "latent": 4, "ema": 0.9, "g": NETS["Generator"]}
    game |= {"d": NETS["Discriminator"]} | changes
    config = {"data": {"name": name, "res": 16}, "game": game, "optim": {"g": ADAM, "d": ADAM}}
    record = Record(config, Spec((16, 16, 1), 10), 9)
    folder.mkdir()
    workdir.write(folder, record)
    saves = Checkpoints(folder / "checkpoints")
    for step in steps:
        state = jax.jit(partial(replicas.first, record.game()))(jax.random.key(step))
        saves.save(state.replace(step=jnp.int32(step)), step)
    saves.close()
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs, and one without an average, one of other data."""
    root = tmp_path_factory.mktemp("runs")
    run(root / "a", 3, 6)
    run(root / "b", 4)
    run(root / "last", 3, ema=0.0)
    run(root / "other", 3, name="mnist")
    return root


def lines(capsys, *flags):
    assert evaluate.main([*flags, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_sets_of_images_differ_or_do_not(sets, capsys):
    flags = [f"--real={sets}/real.npz", "--metrics=swd"]
    (row,) = lines(capsys, f"--compare={sets}/a.npz,{sets}/b.npz", *flags)
    assert row["difference"] == pytest.approx(row["b"]["value"] - row["a"]["value"])
    assert row["same"] is False and 0 < row["low"] < row["difference"] < row["high"]
    assert row["a"]["images"].endswith("a.npz") and row["a"]["protocol"]["n"] == 200
    (back,) = lines(capsys, f"--compare={sets}/b.npz,{sets}/a.npz", *flags)
    assert back["difference"] == -row["difference"] and back["high"] == -row["low"]
    (same,) = lines(capsys, f"--compare={sets}/a.npz,{sets}/same.npz", *flags)
    assert same["same"] is True and same["low"] <= 0 <= same["high"]
    (own,) = lines(capsys, f"--compare={sets}/a.npz,{sets}/a.npz", *flags)
    assert own["difference"] == own["low"] == own["high"] == 0
    alone = [row[side]["high"] - row[side]["low"] for side in "ab"]
    assert row["high"] - row["low"] < sum(alone), "the real images that both share cancel"


def test_a_line_says_which_is_lower_or_that_none_is(sets, capsys):
    real = f"--real={sets}/real.npz"
    assert evaluate.main([f"--compare={sets}/b.npz,{sets}/a.npz", real]) == 0
    line = capsys.readouterr().out
    assert line.startswith("swd A ") and ": B is lower; data " in line and "B - A -" in line
    assert evaluate.main([f"--compare={sets}/a.npz,{sets}/same.npz", real]) == 0
    assert ": no difference, the interval holds 0; data" in capsys.readouterr().out


def test_runs_and_checkpoints_are_compared_on_their_own_data(runs, capsys):
    (row,) = lines(capsys, f"--compare={runs}/a@3,{runs}/a", "--n=40")
    assert [row[side]["step"] for side in "ab"] == [3, 6]
    (one,) = lines(capsys, f"--workdir={runs}/a", "--n=40", "--step=3")
    assert row["a"] == one, "as evaluated by itself"
    (row,) = lines(capsys, f"--compare={runs}/a@3,{runs}/b", "--n=40", "--metrics=swd")
    assert [row[side]["step"] for side in "ab"] == [3, 4] and row["low"] < row["high"]
    (row,) = lines(
        capsys, f"--compare={runs}/a,{runs}/last", "--n=40", "--generator=last", "--real=mnist"
    )
    assert row["a"]["protocol"]["data"] == "mnist 16x16x1"


@pytest.mark.parametrize(
    ("pair", "flags", "text"),
    [
        ("a,last", [], "generator averaged and last; pass --generator=last"),
        ("a,other", ["--n=40"], "data digits 16x16x1 and mnist 16x16x1; pass --real=SET, the same"),
        ("a", [], "give two, as --compare=runs/a,runs/b"),
        ("a,b,last", [], "give two"),
        ("a,none", [], "is a run and .*none is none"),
        ("a,b", ["--metrics=agreement"], "samples take no label"),
        ("a,b", ["--res=8"], "a run has its own size"),
        ("a@5,b", [], "--step=5: .* keeps 3, 6"),
    ],
)
def test_runs_that_do_not_fit_are_refused_before_anything_is_drawn(
    runs, pair, flags, text, monkeypatch
):
    monkeypatch.setattr("jaxgan.generation.sample.draw", None)
    with pytest.raises(UserError, match=text):
        places = ",".join(f"{runs}/{name}" for name in pair.split(","))
        evaluate.main([f"--compare={places}", *flags])


def test_sets_that_do_not_fit_are_refused(sets):
    real = f"--real={sets}/real.npz"
    for pair, flags, text in (
        ("a,few", [real], "protocols differ: n 200 and 150; pass --n=150"),
        ("a,large", [real], "images of 32x32x1, and of 16x16x1"),
        ("a,b", [], "a.npz: no run, and images need --real=SET"),
        ("a,b", [real, "--metrics=swd,ppl"], "--metrics=ppl: walks in w"),
        ("a,b", [real, "--seed=-1"], "at least 0"),
    ):
        places = ",".join(f"{sets}/{name}.npz" for name in pair.split(","))
        with pytest.raises(UserError, match=text):
            evaluate.main([f"--compare={places}", *flags])


def test_protocols_of_metrics_must_agree_too(sets, monkeypatch):
    subjects = [Images(images=f"{sets}/{n}.npz", reference=f"{sets}/real.npz") for n in "ab"]
    nets = iter(["one net", "another"])

    class Metric:
        check = staticmethod(lambda view: None)
        compute = staticmethod(lambda view: {"value": 1.0, "protocol": {"features": next(nets)}})

    monkeypatch.setattr("jaxgan.evaluation.run.load", lambda name: Metric)
    with pytest.raises(UserError, match="protocols differ: features one net and another; evaluate"):
        list(compare(*subjects, ["figure"]))


def test_without_draws_the_difference_is_of_independent_figures():
    rows = [{"value": value, "std": std} for value, std in ((1.0, 0.3), (2.0, 0.4))]
    found = difference(*rows, np.zeros(0), np.zeros(0))
    assert found == pytest.approx((1.0, 0.5, 1 - 1.96 * 0.5, 1 + 1.96 * 0.5), abs=1e-4)
    unknown = difference(*({"value": 1.0, "std": None},) * 2, np.zeros(0), np.zeros(0))
    assert unknown.value == 0 and np.isnan(unknown.low)


def test_a_paired_difference_covers_what_repeated_draws_give():
    """KID of two fakes against shared real points, of which chance alone is in both figures."""

    def draw(seed):
        rng = np.random.default_rng(seed)
        real, *fakes = (rng.normal(m, 1, (60, 3)) for m in (0.0, 0.8, 0.9))
        found = [kid.kid(real, fake, seed) for fake in fakes]
        rows = [each._asdict() for each in found]
        return difference(*rows, *(row.pop("draws") for row in rows)), found

    made = [draw(seed) for seed in range(150)]
    values = np.array([each.value for each, _ in made])
    covered = np.mean([each.low <= values.mean() <= each.high for each, _ in made])
    assert 0.9 < covered < 0.99
    apart = [np.hypot(*(one.std for one in found)) for _, found in made]
    mean = np.mean([each.std for each, _ in made])
    assert mean == pytest.approx(values.std(), rel=0.2) and mean < np.mean(apart)


def test_draws_are_kept_in_another_unit_and_left_out_of_rows():
    found = uncertainty.of_items(np.arange(30.0), np.mean, 0)
    scaled = found.scaled(100)
    np.testing.assert_allclose(scaled.draws, 100 * found.draws)
    assert scaled.value == 100 * found.value and set(found._asdict()) == {
        *("value", "std", "low", "high", "draws")
    }
