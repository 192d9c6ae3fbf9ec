"""Whatever a user types ends in work, or in one line and exit code 2: the flags of all commands.

Commands run in this process, through `errors.run`, up to where they would compile. JAXGAN_FUZZ=2000
tries as many lines, in place of the few that each start of the suite tries.
"""

import contextlib
import importlib
import io
import os
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxgan import config as configs
from jaxgan.config.registry import files
from jaxgan.runtime import errors
from jaxgan.training.loop import train

ROOT = Path(__file__).parents[1]
WEIGHTS = ROOT / "tests/fixtures/stylegan2_32.npz"
EXAMPLES = int(os.environ.get("JAXGAN_FUZZ", "60"))
SMOKE = ("gan", "dcgan", "toy", "wgan_gp", "acgan", "infogan", "progan", "stylegan2", "sngan")


def words(text: str) -> list[str]:
    return re.findall(r"\S+", text)


KEYS = words("""
steps batch seed seeds replicas dispatch init log log.every log.pictures log.samples checkpoint
checkpoint.every checkpoint.keep checkpoint.keep_every data data.name data.res data.flip data.size
data.channels data.fit data.bits data.range data.on_bad data.crops growth growth.first
growth.stable growth.fade growth.batch growth.rate growth.batch.8 growth.rate.16 optim optim.g
optim.d optim.x optim.g.name optim.g.lr optim.d.lr optim.g.b1 optim.g.b2 optim.d.eps optim.d.decay
optim.g.clip optim.g.decay_from optim.d.momentum optim.g.rho game game.name game.g game.d
game.g.name game.d.name game.g.width game.d.width game.g.widths game.d.widths game.g.norm
game.d.norm game.g.activation game.d.spectral game.d.dropout game.g.gain game.g.embedding
game.d.projection game.g.max_width game.d.attention game.d.pool game.g.channel_base
game.d.channel_max game.g.w_dim game.g.layers game.g.lr_mult game.d.group game.g.dtype
game.g.clamp game.g.bfloat16 game.g.taps game.d.cmap game.g.architecture game.loss game.loss.name
game.loss.smooth game.loss.noise game.loss.a game.regularizers game.regularizers.r1
game.regularizers.r1.gamma game.regularizers.r1.every game.regularizers.x
game.regularizers.gradient_penalty.weight game.augment game.augment.policy game.condition
game.matching_aware game.auxiliary game.auxiliary.categories game.auxiliary.weight game.latent
game.n_critic game.g_batch game.joint game.dequantize game.ema game.ema_rampup game.mixing
game.gamma game.r1_every game.pl_weight game.pl_every game.pl_shrink game.pl_decay game.ada_target
game.ada_kimg game.psi game.psi_layers x game.x.y accumulate parallel precision ema_widths
ema_warmup log.evaluate log.metrics log.n log.wandb checkpoint.on_damage data.holdout
data.holdout_seed data.dim data.aligned game.g.remat game.d.remat game.g.dtype game.d.dtype
game.pool optim.g.lr.cosine optim.g.lr.images optim.d.lr.linear
""")
VALUES = [
    *words(r"""
0 1 -1 2 3 7 16 32 64 1000000 9999999999999999999999 -9999999999999999999999 0.5 -0.5 1.5 1e9
1e999 -1e999 1e-300 inf -inf nan None True False true none [] () {} (0,) (-1,) (1,2) (3,3) [1,"a"]
{"a":1} {"name":"adam"} {1:2} {"a.b":1} "a" 'a b' a * / . .. ~ 10kimg 0kimg -1kimg 1e3kimg 5epochs
0epochs 999999999999999999999kimg auto vmap adam sgd rmsprop linear hinge wasserstein r1 spectral
mnist digits photos ring grid folder: folder:/nowhere folder:/proc/x array:/dev/zero
array:/dev/null tfds: BatchNorm LayerNorm Identity mlp.Generator mlp.Discriminator dcgan.Generator
dcgan.Discriminator progan.Generator progan.Discriminator stylegan2.Generator
stylegan2.Discriminator stylegan.Generator resnet.Generator resnet.Discriminator
acgan.Discriminator infogan.Generator progressive stylegan stylegan2 adversarial acgan infogan
diff_augment label condition b'x' 1j {1,2} 0x10 1_000 ... ² per_device high highest bfloat16
float16 offline swd kid,swd ppl stop (0.05,) (0.05,0.05) digits_captioned photos_ab pair:/nowhere
{'cosine':(1e-4,1e-5),'images':100} {'cosine':(1e-4,),'images':9} {'cosine':(1,2),'images':0}
{'linear':((0,1e-4),(9,1e-5))} {'linear':((9,1e-4),(0,1e-5))} {'linear':()} {'cosine':3,'linear':3}
{'cosine':('0kimg','9kimg'),'images':99} {'linear':((0,'1kimg'),(9,2))} {'linear':((0,-1),(9,1e99))}
"""),
    *("", " ", "a\nb", "-" * 5000, "(" * 3000, "9" * 5000, "0x" + "f" * 5000, "é" * 300),
]

PATHS = st.sampled_from(
    ["/dev/null", "/proc/x", "/proc/self/mem", "README.md", "y" * 300, "a/" * 3000, "", ".", "~",
     "\x00", "new/folder", "x.png", "x.npz", "x.md", "x.jpg", "/dev/null/x.png", "/dev/full", "né"]
)  # fmt: skip
TEXTS = st.one_of(st.sampled_from(VALUES), st.text(max_size=12), st.integers().map(str))
FILES = st.sampled_from(
    ["README.md", "pyproject.toml", "experiments", "bin.py", "raises.py", "none.py", "noarg.py",
     "exits.py", "syntax.py", "empty.py", "", "experiments/gan.py:", "experiments/gan.py:x",
     "experiments/dcgan.py:res=0", "experiments/dcgan.py:res=-1", "experiments/progan.py:res=0",
     "experiments/gan.py:smoke=1", "experiments/dcgan.py:data=", "/dev/null", "/proc/self/mem"]
)  # fmt: skip


VERBS = sorted(
    name
    for folder in ("latents", "samples", "styles")
    for name in files(f"jaxgan.studies.{folder}")
)


class Stopped(Exception):
    """A command has come to where it would compile."""


def stop(*_args, **_named):
    raise Stopped


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a finished run of points, one of pictures, and bad config files."""
    folder = tmp_path_factory.mktemp("fuzz")
    for name in ("gan", "toy"):
        config = configs.load(f"{ROOT}/experiments/{name}.py:smoke")
        configs.override(config, ["--config.steps=1", "--config.log.samples=2"])
        assert train(config.to_dict(), folder / name) == 0
    (folder / "experiments").symlink_to(ROOT / "experiments")
    (folder / "tests").symlink_to(ROOT / "tests")
    for name in ("README.md", "pyproject.toml"):
        (folder / name).write_text("no config, and no Python · either\n")
    for name, text in {
        "bin": "\0\1", "raises": "1 / 0", "none": "def get_config(arg): pass",
        "noarg": "def get_config(): pass", "exits": "raise SystemExit(0)", "syntax": "def",
        "empty": "",
    }.items():  # fmt: skip
        (folder / f"{name}.py").write_text(text)
    np.save(folder / "text.npy", np.array(["a"]))
    (folder / "weights.npz").write_bytes(WEIGHTS.read_bytes())
    bad_latents(folder)
    return folder


def bad_latents(folder):
    """Archives in the place of latents, or of w: of text, packed or locked oddly, and a bomb."""
    np.save(folder / "lone.npy", np.zeros((2, 64), np.float32))
    np.savez(folder / "good.npz", styles=np.zeros((2, 64), np.float32))
    whole = (folder / "good.npz").read_bytes()
    for name, at, value in (("packed", (8, 10), 99), ("locked", (6, 8), 1)):
        changed = bytearray(whole)
        for mark, place in ((b"PK\3\4", at[0]), (b"PK\1\2", at[1])):
            start = whole.index(mark) + place
            changed[start : start + 2] = value.to_bytes(2, "little")
        (folder / f"{name}.npz").write_bytes(changed)
    with zipfile.ZipFile(folder / "text.npz", "w") as archive:
        archive.writestr("styles", "text")
    with zipfile.ZipFile(folder / "dense.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("styles.npy", bytes(300 * 2**20))


def call(name: str, flags: list[str]) -> tuple[int | None, str]:
    """The exit code of a command, None where it would go on to compile; and its stderr."""
    err = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stderr(err):
        patch.setattr(sys, "argv", [name, *flags])
        patch.setattr("jaxgan.training.loop.loop", stop)
        for function in ("save_program", "save_onnx", "save_weights"):
            patch.setattr(f"jaxgan.generation.exported.{function}", stop)
        for function in ("draw", "drawn_inputs", "render_each", "batched"):
            patch.setattr(f"jaxgan.generation.sample.{function}", stop)
        patch.setattr("jaxgan.evaluation.subject.Subject.pair", property(stop))
        patch.setattr("jaxgan.training.dispatch.compiled", stop)
        patch.setattr("jaxgan.benchmark.timing.cost", stop)
        patch.setattr("jaxgan.divergences.saturation.study", stop)
        patch.setattr("jaxgan.data.shards.writer.write", stop)
        for function in ("read", "write"):
            patch.setattr(f"jaxgan.weights.runs.{function}", stop)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                errors.run(importlib.import_module(f"jaxgan.{name}").main)
        except Stopped:
            return None, err.getvalue()
        except SystemExit as ended:
            return ended.code, err.getvalue()


def check(name: str, flags: list[str]) -> str:
    """Asserts that a command goes on, ends, or says in one line why not; returns that line."""
    code, err = call(name, flags)
    assert code in (None, 0, 2, 75), (name, flags, code)
    if code == 2:
        last = err.rstrip("\n").split("\n")[-1]
        assert last.startswith("error: ") and len(last) < 2000, (name, flags, err)
    return err


def overrides(most: int = 3):
    one = st.tuples(st.sampled_from(KEYS), TEXTS).map(lambda kv: f"--config.{kv[0]}={kv[1]}")
    return st.lists(one, max_size=most)


def flags(**kinds):
    """A few flags by name, each at most once, with texts of its kind."""
    each = [kind.map(lambda text, name=name: f"--{name}={text}") for name, kind in kinds.items()]
    return st.lists(st.one_of(*each), max_size=3)


CONFIGS = st.one_of(st.sampled_from(SMOKE).map(lambda name: f"experiments/{name}.py:smoke"), FILES)
TOPOLOGIES = st.one_of(
    st.sampled_from(words("cpu:1 cpu:4 cpu:0 cpu:999 cpu: host host:2 v5e:2x2 v5e:3x3 v5e v9:2x2")),
    TEXTS,
)
SHAPES = st.one_of(st.sampled_from(words("28,28,1 64,64,3 2 0,0,0 1,1,1 8192,8192,3 , 1,2")), TEXTS)
INPUTS = st.one_of(
    PATHS, st.sampled_from([f"{name}.npz" for name in ("text", "packed", "locked", "dense")])
)
CHOICE = {"generator": TEXTS, "ema": TEXTS, "truncation": TEXTS}  # of parameters and latents
STEPS = st.sampled_from(words("@ @1 @-1 @99999999999 @x @²") + [""])
FEATURES = st.sampled_from(words("efficientnet inception: inception:/dev/zero dinov2:README.md x"))
# What joins no other processes: those would be waited for.
ALONE = st.sampled_from(words("off x:1,1,0 x:0,2,0 x:1,2,2 x:1,0,0 :1,2,0 x,2,0 x:99999,2,0 Off"))
RUNS = st.one_of(st.sampled_from(["gan", "toy"]), PATHS)
COMMANDS = st.one_of(
    st.tuples(st.just("main"), st.sampled_from(SMOKE).map(
        lambda name: [f"--config=experiments/{name}.py:smoke"]), overrides()),
    st.tuples(st.just("main"), CONFIGS.map(lambda text: [f"--config={text}"]),
              flags(workdir=PATHS, override=TEXTS, distributed=ALONE, **{"max-seconds": TEXTS})),
    st.tuples(st.just("sample"), st.tuples(RUNS, PATHS).map(
        lambda two: [f"--workdir={two[0]}", f"--out={two[1]}"]),
        flags(n=TEXTS, seed=TEXTS, seeds=TEXTS, labels=TEXTS, conditions=PATHS, latents=INPUTS,
              images=PATHS, psi=TEXTS, sweep=TEXTS, step=TEXTS, replica=TEXTS, columns=TEXTS,
              **CHOICE)),
    st.tuples(st.just("evaluate"), RUNS.map(lambda run: [f"--workdir={run}"]),
              flags(n=TEXTS, seed=TEXTS, step=TEXTS, replica=TEXTS, metrics=TEXTS, path=TEXTS,
                    real=st.one_of(PATHS, TEXTS), features=FEATURES, **CHOICE)),
    st.tuples(st.just("evaluate"), st.lists(st.one_of(
        st.tuples(st.sampled_from(["images", "real"]), st.one_of(PATHS, TEXTS)).map(
            lambda two: f"--{two[0]}={two[1]}"),
        st.tuples(RUNS, STEPS, RUNS).map(lambda of: f"--compare={of[0]}{of[1]},{of[2]}")),
        max_size=2), flags(res=TEXTS, channels=TEXTS, metrics=TEXTS, n=TEXTS, features=FEATURES,
                           step=TEXTS, **CHOICE)),
    st.tuples(st.just("export"), st.tuples(RUNS, PATHS, st.sampled_from(["", ".jax", ".onnx"])).map(
        lambda three: [f"--workdir={three[0]}", f"--out={three[1]}{three[2]}"]),
        flags(platforms=TEXTS, psi=TEXTS, direction=TEXTS, step=TEXTS, replica=TEXTS, **CHOICE)),
    st.tuples(st.just("translate"), st.tuples(RUNS, PATHS, PATHS).map(
        lambda three: [f"--workdir={three[0]}", f"--out={three[1]}", three[2] or "."]),
        flags(direction=TEXTS, res=TEXTS, step=TEXTS, replica=TEXTS, generator=TEXTS)),
    st.tuples(st.just("explore"), st.tuples(st.one_of(st.sampled_from(VERBS), TEXTS), RUNS,
                                            PATHS).map(
        lambda three: [three[0], f"--workdir={three[1]}", f"--out={three[2]}"]),
        flags(n=TEXTS, seed=TEXTS, labels=TEXTS, latents=INPUTS, psi=TEXTS, step=TEXTS, space=TEXTS,
              dims=TEXTS, steps=TEXTS, by=TEXTS, op=TEXTS, image=PATHS, conditions=PATHS,
              frames=TEXTS, mode=TEXTS, values=TEXTS, **{"save-latents": PATHS}, **CHOICE)),
    st.tuples(st.just("report"), st.lists(RUNS, max_size=2), flags(out=PATHS)),
    st.tuples(st.just("sweep"), st.one_of(FILES, st.just("experiments/ablations/modes.py")).map(
        lambda text: [text, "--list"]), flags(workdir=PATHS, jobs=TEXTS)),
    st.tuples(st.just("modes"), st.just(["--data=ring", "--recipes=ns"]), st.one_of(
        flags(seeds=TEXTS, steps=TEXTS, out=PATHS, pictures=PATHS, data=TEXTS, recipes=TEXTS,
              config=FILES), overrides())),
    st.tuples(st.just("theory"), PATHS.map(lambda out: [f"--out={out}"]), flags(seed=TEXTS)),
    st.tuples(st.just("bench"), CONFIGS.map(lambda text: [f"--config={text}"]), st.one_of(
        flags(repeat=TEXTS, steps=TEXTS, profile=PATHS), overrides())),
    st.tuples(st.just("compile"), st.tuples(CONFIGS, TOPOLOGIES).map(
        lambda two: [f"--config={two[0]}", f"--topology={two[1]}"]), st.one_of(
        flags(per_chip=TEXTS, stage=TEXTS, slices=TEXTS, shape=SHAPES, classes=TEXTS, turns=TEXTS),
        overrides())),
    st.tuples(st.just("prepare"), st.tuples(st.one_of(PATHS.map(lambda path: f"folder:{path}"),
                                                      PATHS.map(lambda path: f"records:{path}"),
                                                      st.just("digits"), TEXTS), PATHS).map(
        lambda two: [two[0], f"--out={two[1]}"]),
        flags(res=TEXTS, channels=TEXTS, bits=TEXTS, range=TEXTS, shards=TEXTS, workers=TEXTS)),
    st.tuples(st.just("convert"), st.tuples(st.one_of(st.just(str(WEIGHTS)), PATHS), PATHS).map(
        lambda two: [two[0], f"--workdir={two[1]}"]), st.one_of(overrides(), flags(
            other=PATHS, config=CONFIGS))),
    st.tuples(st.just("convert"), st.tuples(RUNS, PATHS).map(
        lambda two: [f"--workdir={two[0]}", f"--out={two[1]}"]), st.just([])),
)  # fmt: skip


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=EXAMPLES == 60,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(COMMANDS)
def test_every_line_ends_in_work_or_in_one_line(place, line):
    name, first, more = line
    with contextlib.chdir(place):
        check(name, [*first, *more])


FOUND = """
main --config.steps=9999999999999999999999999999999999999999999
main --config.steps=99999999999999999999
main --config.steps=99999999999kimg
main --config.seed=18446744073709551616
main --config.seed=2147483647 --config.seeds=2
main --config.seeds=100000
main --config.log.samples=0
main --config.log.samples=-1
main --config.log.every=0
main --config.log=5
main --config.log=
main --config.checkpoint=None
main --config.optim.g=5
main --config.optim=adam
main --config.optim.g.lr=inf
main --config.optim.g.lr=1e999
main --config.optim.g.b1=1
main --config.game=5
main --config.game.latent=0
main --config.game.latent=10000000000
main --config.game.n_critic=0
main --config.game.g.widths=(0,)
main --config.game.g.widths=(-1,)
main --config.game.g.widths=("a",)
main --config.game.g.widths=(65536,65536)
main --config.game.d=mlp.Generator
main --config.game.g=mlp.Discriminator
main --config.game.regularizers.foo=1
main --config.game.regularizers.r1=5
main --config.data=5
main --config.data.name={"a":1}
main --config.data.res=1000000
main --config.data.res=8192
main --config.data.flip=3
main --config.growth=5
main --config.init=/nowhere
main --config.log.metrics=x --config.log.evaluate=2
main --config.log.metrics=ppl --config.log.evaluate=2
main --config.ema_widths=(0.05,0.05)
main --config.ema_widths=(0.05,0.0500000001)
main --config.ema_widths=(0.00001,)
main --config.optim.g.lr={'cosine':(1e-4,),'images':100}
main --config.optim.g.lr={'cosine':(1e-4,-1),'images':100}
main --config.optim.g.lr={'linear':((0,1e-4),(0,1e-5))}
main --config.optim.g.lr={'linear':((0,1e-4),(10,'5kimg'))}
main --config.batch={'linear':((0,8),(10,16))}
main --config=experiments/dcgan.py:smoke --config.game.d.width=-1
main --config=README.md
main --config=pyproject.toml
main --config=experiments
main --config=syntax.py
main --config=none.py
main --config=noarg.py
main --config=raises.py
main --config=exits.py
main --config=empty.py
main --config=bin.py
main --workdir=/dev/null
main --workdir=syntax.py
main --workdir=/proc/x
sample --workdir=gan --n=10000000000 --out=x.png
sample --workdir=gan --n=0 --out=x.png
sample --workdir=gan --labels=99999999999 --out=x.png
sample --workdir=gan --conditions=text.npy --out=x.png
sample --workdir=gan --psi=nan --out=x.png
sample --workdir=gan --psi=inf --out=x.png
sample --workdir=gan --seed=9999999999 --out=x.png
sample --workdir=gan --seeds=1-99999999999 --out=x.png
sample --workdir=gan --latents=text.npy --out=x.png
sample --workdir=gan --out=/proc/x.png
sample --workdir=gan --out=syntax.py
sample --workdir=gan --out=syntax.py/
sample --workdir=gan --out=.
sample --workdir=toy --out=points/
evaluate --workdir=gan --seed=999999999999999999999
evaluate --workdir=gan --n=-1
evaluate --workdir=gan --metrics=
evaluate --workdir=/dev/null
bench --config=experiments/gan.py:smoke --repeat=1 --config.seed=18446744073709551616
bench --config=experiments/gan.py:smoke --repeat=0
bench --config=experiments/gan.py:smoke --steps=-1
bench --config=experiments/gan.py:smoke --profile=/dev/null
bench --config=experiments/gan.py:smoke --config.game.n_critic=99991
prepare digits --out=/dev/null
prepare digits --out=syntax.py
prepare digits --out=/proc/x
prepare digits --out=.
prepare digits --out=new --res=1000000
prepare digits --out=new --range=1
prepare digits --out=new --shards=9999999999999999999999
prepare folder: --out=new --res=8
prepare folder:syntax.py --out=new --res=8
prepare folder:/proc --out=new --res=8
prepare records:gan --out=new
prepare records:/dev/null --out=new
compile --config=experiments/gan.py:smoke
compile --config=experiments/gan.py:smoke --topology=v9:2x2
compile --config=experiments/gan.py:smoke --topology=v5e
compile --config=experiments/gan.py:smoke --topology=v5e:9999x9999
compile --config=experiments/gan.py:smoke --topology=v5e:0x2
compile --config=experiments/gan.py:smoke --topology=cpu:0
compile --config=experiments/gan.py:smoke --topology=cpu:999
compile --config=experiments/gan.py:smoke --topology=cpu:2 --slices=2
compile --config=experiments/gan.py:smoke --topology=cpu:2 --stage=7
compile --config=experiments/gan.py:smoke --topology=cpu:2 --per_chip=0
compile --config=experiments/gan.py:smoke --topology=cpu:2 --shape=1,2
compile --config=experiments/gan.py:smoke --topology=cpu:2 --config.batch=3
compile --config=experiments/gan.py:smoke --topology=cpu:2 --config.data.name=folder:/nowhere
compile --config=experiments/progan.py:smoke --topology=cpu:2 --config.growth=5
modes --data=ring --recipes=ns --out=/proc/x.md
modes --data=ring --recipes=ns --out=.
modes --data=ring --recipes=ns --pictures=/dev/null
modes --data=ring --recipes=ns --config.batch=0
modes --data=ring --recipes=ns --steps=-1
modes --data=ring --recipes=ns --steps=0
modes --data=ring --recipes=wgan --steps=1
modes --data=ring --recipes=ns --seeds=100000
modes --data=ring --recipes=ns --config.data.name=moons
modes --data= --recipes=ns
theory --out=/proc/x
theory --out=README.md
theory --out=new --seed=-1
theory
theory --out=
main --workdir=
sample --workdir= --out=x.png
sample --workdir=gan --latents=lone.npy --out=x.png
sample --workdir=gan --latents=text.npz --out=x.png
sample --workdir=gan --latents=packed.npz --out=x.png
sample --workdir=gan --latents=locked.npz --out=x.png
sample --workdir=gan --latents=dense.npz --out=x.png
explore grid --workdir=gan --latents=text.npz --out=x.png
explore grid --workdir=gan --latents=packed.npz --out=x.png
explore grid --workdir=gan --latents=locked.npz --out=x.png
explore grid --workdir=gan --latents=dense.npz --out=x.png
sample --workdir=toy --columns=3 --out=x.png
compile --config=experiments/gan.py:smoke --topology=cpu:1 --classes=10
compile --config=experiments/gan.py:smoke --topology=cpu:1 --shape=28,28,2
compile --config=experiments/gan.py:smoke --topology=cpu:1 --shape=28,28,1 --config.data.x=1
compile --config=experiments/gan.py:smoke --topology=cpu:1 --shape=28,28,1 --config.data=5
compile --config=experiments/dcgan.py:res=64 --topology=cpu:1 --shape=28,28,1
evaluate --compare=gan@99999999999,gan
evaluate --compare=gan@1,gan@1 --step=9
evaluate --workdir=gan --real=
evaluate --workdir=gan --path=full
evaluate --workdir=gan --path=x
evaluate --workdir=gan --features=x
modes --data=ring --recipes=ns --out=new --pictures=new
bench --config=experiments/gan.py:smoke --profile=
report gan --out=
sweep experiments/ablations/losses.py:smoke --workdir=new --list --retry
sweep experiments/ablations/losses.py:smoke --workdir=new --slurm --jobs=3
convert --workdir=gan --out=x.npz --config=experiments/stylegan2.py
convert --workdir=gan --out=x.npz --other=./x.npz
convert weights.npz --other=weights.npz --workdir=new
convert weights.npz --workdir=/proc/x
convert weights.npz --workdir=new --config.batch=0
convert weights.npz --workdir=new --config.seed=-1
convert weights.npz --workdir=new --config.steps=-5
convert weights.npz --workdir=new --config.log=5
convert . --workdir=new
convert --workdir=gan --out=x
convert --workdir=gan --out=x.npz --other=/proc/x.npz
convert weights.npz --other=none.npz --workdir=new
"""


@pytest.mark.parametrize("line", FOUND.strip().splitlines())
def test_what_was_found_by_hand_is_one_line_and_2(place, line):
    name, *flags = line.split()
    if name == "main" and "--config=" not in line:
        flags.insert(0, "--config=experiments/gan.py:smoke")
    with contextlib.chdir(place):
        before = sorted(place.rglob("*"))
        code, err = call(name, flags)
        assert sorted(place.rglob("*")) == before, "something is left"
    last = err.rstrip("\n").split("\n")[-1]
    assert code == 2 and last.startswith("error: ") and len(last) < 1000, err
