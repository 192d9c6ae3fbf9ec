"""The scripts of launch/, against stand-ins for gcloud and srun, which run what they are given."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

LAUNCH = Path(__file__).parents[2] / "launch"
SCRIPTS = sorted([*LAUNCH.glob("*.sh"), *LAUNCH.glob("*.sbatch")])
# A program that ends as stopped after a save as often as `left` says, then with `last`.
PROGRAM = """#!/bin/bash
echo "$@" >> ran
left=$(cat left)
if ((left > 0)); then echo $((left - 1)) > left; exit 75; fi
exit "$(cat last)"
"""
# A program that runs until it is told to stop, and then has saved.
STOPPABLE = """#!/bin/bash
echo "$@" >> ran
trap 'exit 75' TERM
while :; do sleep 0.1; done
"""
HOST = """#!/bin/bash
for each in "$@"; do
  [[ $each == --command=* ]] && exec bash -c "${each#--command=}"
done
echo "gcloud $*" >> "$HOME/calls"
"""


def call(script, *flags, path="", **more):
    """Runs a script; `path`: a folder that is searched for commands first."""
    env = {**os.environ, "PATH": f"{path}:{os.environ['PATH']}", **more}
    env.pop("SLURM_JOB_ID", None) if "SLURM_JOB_ID" not in more else None
    return subprocess.run(
        [LAUNCH / script, *flags], capture_output=True, text=True, env=env, timeout=60
    )


def command(folder, name, text):
    """A command that the scripts find in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.fixture
def host(tmp_path):
    """A home folder as `push` leaves it, and a gcloud whose hosts are all this machine."""
    command(tmp_path / "bin", "gcloud", HOST)
    command(tmp_path / "bin", "sudo", '#!/bin/bash\nexec "$@"\n')
    folder = tmp_path / "home/jaxgan"
    command(folder / ".venv/bin", "python", PROGRAM)
    (folder / "left").write_text("2")
    (folder / "last").write_text("0")

    def tpu(*flags):
        more = {"HOME": str(tmp_path / "home"), "LIBTPU_LOCK": str(tmp_path / "lock")}
        return call("tpu_vm.sh", *flags, path=tmp_path / "bin", **more)

    return tpu, folder


def wait_for(path, text):
    """Waits until a file says so."""
    for _ in range(300):
        if path.exists() and text in path.read_text():
            return
        time.sleep(0.1)
    raise AssertionError(f"{path}: {path.read_text() if path.exists() else 'missing'}")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script):
    if not shutil.which("shellcheck"):
        pytest.skip("no shellcheck here: apt-get install shellcheck")
    done = subprocess.run(["shellcheck", script], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_launch_holds_nothing_else():
    known = {"README.md", "slurm.sbatch", "tpu_vm.sh", "queued.sh", "jobset.yaml", "Dockerfile"}
    assert {path.name for path in LAUNCH.iterdir()} - {"local.sh"} == known
    assert all(os.access(path, os.X_OK) for path in SCRIPTS)


@pytest.mark.parametrize(
    ("line", "parts"),
    [
        ("slurm.sbatch --dry-run --config=a b", ["srun ", "-m jaxgan.main --config=a b"]),
        (
            "tpu_vm.sh --dry-run create n z v5p-8 --spot",
            ["tpu-vm create n", "v2-alpha-tpuv5 --spo"],
        ),
        ("tpu_vm.sh --dry-run push n z", ["tpu-vm scp", "n:jaxgan.tar.gz", "--worker=all"]),
        ("tpu_vm.sh --dry-run run n z --config=a", ["--worker=all", "jaxgan.main", "--config=a"]),
        ("tpu_vm.sh --dry-run tail n z 3", ["--worker=3", "tail"]),
        ("tpu_vm.sh --dry-run stop n z", ["--worker=all", "kill -TERM"]),
        ("tpu_vm.sh --dry-run delete n z", ["tpu-vm delete n", "--zone=z"]),
        (
            "queued.sh --dry-run --spot create n z v6e-8 gs://b/code --config=a",
            ["#!/bin/bash", "jaxgan.main --config=a", "cp gs://b/code/n.tar.gz", "--spot", "=z"],
        ),
        ("queued.sh --dry-run describe n z", ["queued-resources describe n"]),
        ("queued.sh --dry-run tail n z", ["ssh n --zone=z --worker=0"]),
        ("queued.sh --dry-run delete n z", ["queued-resources delete n", "--force"]),
    ],
)
def test_a_dry_run_prints_what_would_run(line, parts, tmp_path):
    for name in ("gcloud", "srun"):
        command(tmp_path, name, "#!/bin/bash\nexit 3\n")
    script, *flags = line.split()
    done = call(script, *flags, path=tmp_path)
    assert done.returncode == 0 and not done.stderr, done.stderr
    for part in parts:
        assert part in done.stdout


@pytest.mark.parametrize("line", [
    "slurm.sbatch", "slurm.sbatch --config=a", "tpu_vm.sh", "tpu_vm.sh grow n z",
    "tpu_vm.sh run n z", "tpu_vm.sh create n z v2-8", "queued.sh create n z v6e-8 b --config=a",
    "queued.sh --now describe n z", "queued.sh create n z v6e-8 gs://b",
])  # fmt: skip
def test_what_is_wrong_is_one_line_and_2(line):
    script, *flags = line.split()
    done = call(script, *flags)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("error: ") and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (2, False), (75, True)])
def test_a_slurm_job_goes_back_into_the_queue_after_a_save(tmp_path, code, requeued):
    command(tmp_path, "srun", f'#!/bin/bash\necho "$@"\nexit {code}\n')
    command(tmp_path, "scontrol", '#!/bin/bash\necho "scontrol $*"\n')
    done = call("slurm.sbatch", "--config=a", path=tmp_path, SLURM_JOB_ID="7", PYTHON="py")
    assert done.returncode == code
    assert "py -m jaxgan.main --config=a" in done.stdout
    assert ("scontrol requeue 7" in done.stdout) == requeued


def test_a_host_starts_the_run_again_after_each_save(host):
    tpu, folder = host
    lock = folder.parents[1] / "lock"
    lock.touch()
    flags = ["--config=a b.py:c", "--workdir=gs://x/'y'"]
    assert tpu("run", "n", "z", *flags).returncode == 0
    wait_for(folder / "log", "ended with code 0")
    assert (folder / "ran").read_text() == 3 * f"-m jaxgan.main {' '.join(flags)}\n"
    assert not (folder / "pid").exists()
    assert lock.exists() == (shutil.which("fuser") is None), "nobody holds it"


def test_a_host_does_not_start_again_what_bad_input_ended(host):
    tpu, folder = host
    (folder / "left").write_text("0")
    (folder / "last").write_text("2")
    tpu("run", "n", "z", "--config=a")
    wait_for(folder / "log", "ended with code 2")
    assert len((folder / "ran").read_text().splitlines()) == 1


def test_a_host_that_is_told_to_stop_stops(host):
    tpu, folder = host
    command(folder / ".venv/bin", "python", STOPPABLE)
    tpu("run", "n", "z", "--config=a")
    wait_for(folder / "ran", "--config=a")
    again = tpu("run", "n", "z", "--config=a")
    assert again.returncode == 2 and "in progress" in again.stderr
    assert tpu("stop", "n", "z").returncode == 0
    wait_for(folder / "log", "ended with code 75")
    assert len((folder / "ran").read_text().splitlines()) == 1


def test_a_queued_slice_fetches_the_code_and_runs_it(tmp_path):
    given = ["create", "n", "z", "v6e-8", "gs://b/code", "--config=a b", "--workdir=gs://b/r"]
    printed = call("queued.sh", "--dry-run", *given).stdout
    script = printed[: printed.index("gcloud storage cp /")]
    code = tmp_path / "code"
    command(code / ".venv/bin", "python", PROGRAM)
    (code / "left").write_text("1")
    (code / "last").write_text("0")
    subprocess.run(["tar", "czf", tmp_path / "code.tar.gz", "-C", code, "."], check=True)
    command(tmp_path / "bin", "gcloud", f'#!/bin/bash\ncp {tmp_path}/code.tar.gz "$4"\n')
    env = {**os.environ, "PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    env["JAXGAN_FOLDER"] = str(tmp_path / "host")
    subprocess.run(["bash", "-c", script], check=True, env=env, timeout=60)
    assert (tmp_path / "host/ran").read_text() == 2 * (
        "-m jaxgan.main --config=a b --workdir=gs://b/r\n"
    )
    assert "ended with code 0" in (tmp_path / "host/log").read_text()


def test_job_sets_restart_on_75_and_not_on_bad_input():
    documents = list(yaml.safe_load_all((LAUNCH / "jobset.yaml").read_text()))
    sets = {each["metadata"]["name"]: each for each in documents if each["kind"] == "JobSet"}
    assert set(sets) == {"jaxgan-tpu", "jaxgan-gpu"}
    assert all(each["metadata"]["labels"]["accelerator"] in ("tpu", "gpu") for each in documents)
    for each in sets.values():
        policy = each["spec"]["failurePolicy"]
        assert policy["maxRestarts"] > 0 and policy["rules"][0]["action"] == "FailJobSet"
        (jobs,) = each["spec"]["replicatedJobs"]
        job = jobs["template"]["spec"]
        assert job["parallelism"] == job["completions"] and job["backoffLimit"] == 0
        (rule,) = job["podFailurePolicy"]["rules"]
        assert rule["action"] == "FailJob" and 75 not in rule["onExitCodes"]["values"]
        pod = job["template"]["spec"]
        assert pod["restartPolicy"] == "Never" and pod["terminationGracePeriodSeconds"] >= 120
        assert pod["containers"][0]["name"] == rule["onExitCodes"]["containerName"]
