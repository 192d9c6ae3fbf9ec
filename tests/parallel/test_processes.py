"""Several processes on this machine are one run: the same numbers, one writer, one end for all."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import xla
from PIL import Image

from jaxgan.parallel import mesh
from jaxgan.runtime import processes
from jaxgan.training import logger, replicas, workdir
from jaxgan.training.checkpoint import Checkpoints

ROOT = Path(__file__).parents[2]
FAULTS = Path(__file__).with_name("faults.py")
SOON = 120  # seconds in which all must end once one has; 30 on a machine that is not busy
STEPS, EVERY = 96, 2
RUN = [
    *["--config.dispatch=1", "--config.batch=8", "--config.log.samples=8"],
    *["--config.log.pictures=8", "--config.checkpoint.every=4", f"--config.steps={STEPS}"],
    *["--config.data.res=4", "--config.game.latent=4", f"--config.log.every={EVERY}"],
    *["--config.game.g.widths=(8,)", "--config.game.d.widths=(8,)"],
]
# What happens to which process, in the order of one run that is resumed each time.
CHAIN = [("save:1:TERM", 1), ("step:6:KILL", 1), ("picture:1:KILL", 0), ("save:2:FULL", 0)]
OTHER = [
    *[("step:3:TERM", 1), ("step:6:KILL", 0), ("save:2:KILL", 0), ("save:2:KILL", 1)],
    *[("picture:1:KILL", 1), ("picture:1:TERM", 0), ("picture:1:TERM", 1), ("save:1:TERM", 0)],
    *[("feed:8:FULL", 1)],
]
# Recipe, processes, devices of each, steps that agree to 1e-5 (dcgan's BatchNorm and Adam on few
# images soon amplify any difference), by what runs of one process and one device give.
AGREE = [
    ("progan.py:smoke", 2, 2, 6),
    *(
        pytest.param(f"{name}.py:smoke", n, k, 3 if name == "dcgan" else 6, marks=pytest.mark.slow)
        for name in ("dcgan", "progan", "stylegan2", "wgan_gp", "sngan", "cgan")
        for n, k in ((1, 8), (2, 1), (2, 2))
        if (name, n, k) != ("progan", 2, 2)
    ),
]


STARTED: list[subprocess.Popen] = []


@pytest.fixture(scope="module")
def env(tmp_path_factory):
    """The environment of the processes: programs are compiled once, and quickly."""
    return xla.one_device() | {
        "JAX_ENABLE_COMPILATION_CACHE": "true",
        "JAX_COMPILATION_CACHE_DIR": str(tmp_path_factory.mktemp("programs")),
        "NPROC": "16",
        "PYTHONPATH": str(ROOT),
    }


def local(env, n, k, folder, *flags):
    """Trains by launch/local.sh; returns the code and what all print."""
    command = [ROOT / "launch/local.sh", str(n), str(k), sys.executable, "-m", "jaxgan.main"]
    done = subprocess.run(
        [*command, f"--workdir={folder}", *flags],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=600,
    )
    return done.returncode, done.stdout + done.stderr


def start(env, flags, places=(ROOT, ROOT), config="gan.py", own=((), ()), met=("-", "-"), envs=()):
    """Starts a process of one run in each of some folders.

    `own` are its own flags, `met` the fault that it meets, see faults.py, `envs` its variables.
    """
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    flags = [f"--config={ROOT}/experiments/{config}", *flags]
    here = [f"--distributed=127.0.0.1:{port},{len(places)},{i}" for i in range(len(places))]
    found = [
        subprocess.Popen(
            [sys.executable, FAULTS, met[i], here[i], *flags, *own[i]],
            cwd=place,
            env=env | (envs[i] if envs else {}),
            **pipes,
        )
        for i, place in enumerate(places)
    ]
    STARTED.extend(found)
    return found


@pytest.fixture(autouse=True)
def none_left():
    """Kills what a test that failed has left running."""
    yield
    for process in STARTED:
        process.kill()
    STARTED.clear()


def ends(each, seconds=600):
    """Waits for all; returns their codes and what they printed."""
    until = time.monotonic() + seconds
    try:
        said = [p.communicate(timeout=max(until - time.monotonic(), 0.1))[0] for p in each]
    finally:
        for process in each:
            process.kill()
    return [process.returncode for process in each], said


def errors(said):
    """The lines by which processes say why they end."""
    return [re.findall("error: process .*", each) for each in said]


def newest(folder):
    record = workdir.read(folder)
    checkpoints = Checkpoints(folder / "checkpoints", write=False)
    device = jax.sharding.SingleDeviceSharding(jax.devices()[0])
    return checkpoints.load(replicas.like(record.game(), 1), device)


def assert_equal(folder, whole):
    """Two runs are the same to the bit, but for the times that they took."""
    for (path, a), b in zip(
        jax.tree.leaves_with_path(newest(folder)), jax.tree.leaves(newest(whole)), strict=True
    ):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes(), jax.tree_util.keystr(path)
    rows = [[row | {"images_per_s": 0} for row in logger.read(each)] for each in (folder, whole)]
    assert rows[0] == rows[1]
    names = [sorted(p.name for p in (each / "samples").iterdir()) for each in (folder, whole)]
    assert names[0] == names[1]
    for name in names[0]:
        assert (folder / "samples" / name).read_bytes() == (whole / "samples" / name).read_bytes()


@pytest.fixture(scope="module")
def whole(env, tmp_path_factory):
    """A run of two processes that nothing disturbed, and what they printed."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    codes, said = ends(start(env, [*RUN, f"--workdir={folder}"]))
    assert codes == [0, 0], said
    return folder, said


def test_process_0_alone_writes_and_both_say_who_they_are(whole):
    folder, (zero, one) = whole
    for i, text in enumerate((zero, one)):
        assert re.search(rf"process {i} of 2: waiting for the others at \S+, for at most 300", text)
        assert f"process {i} of 2, 1 of 2 devices" in text
    assert f"done at step {STEPS}" in zero and "data: " in zero
    assert len(one.splitlines()) <= 4, one
    assert "compiled programs" not in zero
    assert [row["step"] for row in logger.read(folder)] == list(range(EVERY, STEPS + 1, EVERY))
    assert len(list((folder / "tensorboard").iterdir())) == 1
    top = {path.name for path in folder.iterdir()} - {".lock"}
    assert top == {
        *("config.json", "checkpoints", "samples", "progress.gif", "curves.png", "tensorboard"),
        *("metrics.jsonl", "real-and-fake.png"),
    }


@pytest.mark.parametrize("chain", [CHAIN, pytest.param(OTHER, marks=pytest.mark.slow)])
def test_a_run_that_meets_faults_ends_on_all_and_resumes_to_the_same_bits(
    chain, whole, env, tmp_path
):
    folder = tmp_path / "run"
    flags = [*RUN, f"--workdir={folder}"]
    for fault, victim in chain:
        met = ["-", "-"]
        met[victim] = fault
        both = start(env, flags, met=met)
        codes, said = ends_soon(both)
        check(fault, victim, codes, said, folder)
    codes, said = ends(start(env, flags))
    assert codes == [0, 0], said
    assert_equal(folder, whole[0])


def check(fault, victim, codes, said, folder):
    """Holds that both processes ended as they should by a fault of one of them."""
    told, other = errors(said), 1 - victim
    if fault.endswith("KILL"):
        assert codes[victim] == -signal.SIGKILL and codes[other] == 75, (fault, said)
        line = f"error: process {other}: another process of the run has ended"
        assert told[other][0].startswith(line), (fault, said)
    elif fault.endswith("FULL"):
        assert codes == [2, 2] and told[0] == told[1] and len(told[0]) == 1, (fault, said)
        assert told[0][0].startswith(f"error: process {victim}: the disk is full"), (fault, said)
    else:
        assert codes == [75, 75], (fault, said)
        stopped = int(re.search(r"stopped at step (\d+)", said[0])[1])
        assert (folder / "checkpoints" / str(stopped)).is_dir(), (fault, said)


def ends_soon(each):
    """Waits until one has ended, and then for all, who must do so soon; see `ends`."""
    until = time.monotonic() + 600
    while all(process.poll() is None for process in each) and time.monotonic() < until:
        time.sleep(0.1)  # what they print fits a pipe
    return ends(each, SOON)


def test_a_workdir_in_a_store_needs_no_folder_that_processes_share(whole, env, tmp_path):
    (tmp_path / "bucket" / "b").mkdir(parents=True)
    flags = [*RUN, "--workdir=gs://b/run"]
    machines = iter(range(9))

    def envs():
        return [{"XDG_CACHE_HOME": str(tmp_path / f"home{next(machines)}")} for _ in range(2)]

    here = env | {"BUCKET": str(tmp_path / "bucket")}
    codes, said = ends_soon(start(here, flags, met=("save:9:KILL", "-"), envs=envs()))
    check("KILL", 0, codes, said, None)
    assert list((tmp_path / "bucket/b/run/.jaxgan/checkpoints").iterdir()), said
    others = envs()
    programs = tmp_path / "programs"
    shutil.copytree(env["JAX_COMPILATION_CACHE_DIR"], programs)
    programs.chmod(0o700)
    others[1]["JAX_COMPILATION_CACHE_DIR"] = str(programs)
    codes, said = ends(start(here, flags, envs=others))
    assert codes == [0, 0], said
    assert "resuming from step" in said[0] and "waiting 2 s for a sign" in said[0], said
    assert "the others compile at each start; set JAX_COMPILATION_CACHE_DIR" in said[0], said
    assert_equal(tmp_path / "bucket/b/run", whole[0])


def test_what_one_process_lacks_is_one_line_on_all(env, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    np.save(
        here / "pictures.npy", np.random.default_rng(0).integers(0, 256, (16, 8, 8, 1), np.uint8)
    )
    pictures = [f"--workdir={here}/run", "--config.batch=8"]
    cases = [
        ("dcgan.py:res=32,data=array:pictures.npy", pictures, ((), ()), ".*pictures.npy"),
        ("gan.py", [*RUN, "--workdir=run"], ((), ()), "--workdir=run is not the folder of that na"),
        ("gan.py", [*RUN, f"--workdir={here}/run"], ((), ["--config.seed=1"]),
         "it differs from process 0 in config.seed;"),
    ]  # fmt: skip
    for config, flags, own, line in cases:
        codes, said = ends(start(env, flags, (here, there), config, own), SOON)
        found = errors(said)
        assert codes == [2, 2] and found[0] == found[1] and len(found[0]) == 1, said
        assert re.match(f"error: process 1: {line}", found[0][0]), said


@pytest.fixture(scope="module")
def alone(env, tmp_path_factory):
    """Runs of recipes by one process with one device, trained when they are first asked for."""
    found = {}

    def get(config, steps):
        if config not in found:
            folder = tmp_path_factory.mktemp("alone") / "run"
            code, said = local(env, 1, 1, folder, *agreeing(config, steps))
            assert code == 0, said
            found[config] = folder
        return found[config]

    return get


def agreeing(config, steps):
    every = ["--config.log.every=1", "--config.log.pictures=3", f"--config.steps={steps}"]
    turns = ["--config.game.pl_every=2", "--config.game.r1_every=3"] * config.startswith(
        "stylegan2"
    )
    return [f"--config=experiments/{config}", "--config.checkpoint.every=3", *every, *turns]


@pytest.mark.parametrize(("config", "n", "k", "steps"), AGREE)
def test_the_run_is_the_same_for_any_number_of_processes(config, n, k, steps, alone, env, tmp_path):
    one, folder = alone(config, steps), tmp_path / "run"
    code, said = local(env, n, k, folder, *agreeing(config, steps))
    assert code == 0, said
    if config.startswith("stylegan2"):
        last = logger.read(one)[-1]
        assert {"g/loss", "g_pl/loss", "d/loss", "d_r1/loss"} <= last.keys(), "all turns"
    for a, b in zip(logger.read(folder), logger.read(one), strict=True):
        assert a.keys() == b.keys()
        for name in a.keys() - {"images_per_s"}:
            assert a[name] == pytest.approx(b[name], rel=1e-5, abs=1e-5), (a["step"], name)
    for path in (one / "samples").iterdir():
        a, b = (
            np.asarray(Image.open(each), int) for each in (path, folder / "samples" / path.name)
        )
        # A sum in another order may move a value over the border between two levels of gray.
        exact = config.startswith(("progan", "dcgan", "stylegan2"))
        assert abs(a - b).max() <= (0 if exact else 1) and (a != b).mean() < 0.002, path.name


def test_what_two_processes_saved_others_restore_and_back(whole, env, tmp_path):
    record = workdir.read(whole[0])
    four = mesh.of_states(mesh.over_data(8, jax.devices()[:4]))
    saves = Checkpoints(whole[0] / "checkpoints", write=False)
    state = saves.load(replicas.like(record.game(), 1), four)
    for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(newest(whole[0])), strict=True):
        assert (
            len(a.sharding.device_set) == 4 and np.asarray(a).tobytes() == np.asarray(b).tobytes()
        )
    folder = tmp_path / "run"
    shutil.copytree(whole[0], folder, ignore=shutil.ignore_patterns("checkpoints"))
    back = Checkpoints(folder / "checkpoints")
    back.save(state, STEPS)
    back.close()
    # Each compares the checksums of what it reads, and would say what is damaged.
    codes, said = ends(start(env, [*RUN, f"--workdir={folder}"]))
    assert codes == [0, 0], said
    assert f"resuming from step {STEPS}" in said[0] and "damaged" not in "".join(said)


def test_the_script_prints_its_commands_and_is_clean(env):
    script = ROOT / "launch/local.sh"
    command = [script, "--dry-run", "2", "4", "python", "-m", "jaxgan.main", "--config=a b.py"]
    done = subprocess.run(command, env=env | {"PORT": "4321"}, capture_output=True, text=True)
    assert done.returncode == 0 and not done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2 and all(line.startswith(f"[{i}] env ") for i, line in enumerate(lines))
    assert "device_count=4" in lines[0] and "a\\ b.py" in lines[0] and "4321\\,2\\,1" in lines[1]
    for bad in (["0", "1", "true"], ["2", "x", "true"], ["2", "1"]):
        done = subprocess.run([script, *bad], capture_output=True, text=True)
        assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_a_process_that_fails_takes_the_others_with_it(env):
    script = "import sys, time; time.sleep(0 if sys.argv[-1].endswith('1') else 600); sys.exit(7)"
    begun = time.monotonic()
    done = subprocess.run(
        [ROOT / "launch/local.sh", "2", "0", sys.executable, "-c", script],
        env=env | {"GRACE": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 7 and time.monotonic() - begun < 30
    assert "are killed" in done.stderr


def test_the_script_passes_shellcheck():
    try:
        done = subprocess.run(
            ["shellcheck", ROOT / "launch/local.sh"], capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("no shellcheck here: apt-get install shellcheck")
    assert done.returncode == 0, done.stdout


def test_a_program_that_uses_jax_already_is_one_process(capfd):
    assert jax.device_count() == 8
    processes.start(processes.AUTO)
    assert processes.count() == 1 and processes.first() and not capfd.readouterr().err
    assert processes.word("x", 3) == 3 and processes.words("x", 3) == [3]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nowhere", "give auto, off, or HOST:PORT,N,I"),
        ("host:0,2,0", "ports are 1 to 65535"),
        ("host:1234,2,2", "of 2 processes the last is 1"),
    ],
)
def test_addresses_are_checked_before_anything_waits(text, message, tmp_path):
    command = [sys.executable, "-m", "jaxgan.main", "--config=experiments/gan.py"]
    done = subprocess.run(
        [*command, f"--distributed={text}"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
