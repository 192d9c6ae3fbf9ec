"""Kills training at random moments, resumes it, and compares its end with a run left alone.

  python tests/kill_resume.py --kills=8 --recipes=gan,seeds2 --seed=0
  python tests/kill_resume.py --together=8        as many processes on one workdir

A third of the kills (SIGKILL) come inside the writing of a checkpoint, some twice in a row, the
rest at any moment. State, metrics.jsonl (but for images_per_s), pictures, GIF and TensorBoard
events (but for their times) must equal those of the run left alone to the byte, and nothing half
written may be left. Prints a line for each recipe; exits with 1 where something differs.

This process imports jax but never starts it, so that runs are forks of it and start at once.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
import xla  # noqa: E402

os.environ |= xla.one_device() | {"JAX_PLATFORMS": "cpu"}
for name in ("NPROC", "JAX_ENABLE_COMPILATION_CACHE"):
    os.environ.pop(name, None)  # the tests' own

DENSE = [
    "--config.steps=120", "--config.log.every=10", "--config.log.pictures=40",
    "--config.log.samples=4", "--config.checkpoint.every=20", "--config.batch=8",
]  # fmt: skip
TINY = [
    *DENSE, "--config.data.res=4", "--config.game.latent=4",
    "--config.game.g.widths=(8,)", "--config.game.d.widths=(8,)",
]  # fmt: skip
CONV = [
    "--config.steps=24", "--config.log.every=2", "--config.log.pictures=4",
    "--config.log.samples=4", "--config.checkpoint.every=4", "--config.batch=4",
]  # fmt: skip
RECIPES = {
    "gan": ("gan.py", [*TINY, "--config.dispatch=1"]),
    "dispatch": ("gan.py", [*TINY, "--config.dispatch=10"]),
    "seeds2": ("gan.py", [*TINY, "--config.dispatch=1", "--config.seeds=2"]),
    "sequential": ("gan.py", [*TINY, "--config.seeds=2", "--config.replicas=sequential"]),
    "toy": ("toy.py:smoke", [*DENSE, "--config.dispatch=1"]),
    "dcgan": ("dcgan.py:smoke", CONV),
    "infogan": ("infogan.py:smoke", CONV),
    "progan": ("progan.py:smoke", CONV),
    "stylegan2": ("stylegan2.py:smoke", CONV),
    "stylegan2_ada": ("stylegan2_ada.py:smoke", CONV),
    "cyclegan": ("cyclegan.py:smoke", CONV),  # its pools are full at step 13 of 24
}


def config(recipe: str) -> dict:
    """Returns a recipe's config."""
    from jaxgan import config as configs

    name, flags = RECIPES[recipe]
    built = configs.load(f"{ROOT}/experiments/{name}")
    configs.override(built, flags)
    return built.to_dict()


def fork(work: Callable[[], int], log: Path) -> int:
    """Starts a child that exits with what `work` returns, its output in `log`; returns its pid."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(file, 1)
        os.dup2(file, 2)
        code = work()
    except SystemExit as end:
        code = int(end.code or 0)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def train(recipe: str, folder: Path, die: tuple[int, float] | None = None) -> int:
    """Trains as jaxgan.main does; by `die`, is killed so many seconds after the n-th save began."""
    from jaxgan.runtime import errors
    from jaxgan.training import loop
    from jaxgan.training.checkpoint import Checkpoints

    if die:
        save, left = Checkpoints.save, [die[0]]

        def save_and_die(self: Checkpoints, state: object, step: int, pending: object) -> None:
            save(self, state, step, pending)
            left[0] -= 1
            if left[0] == 0:
                time.sleep(die[1])
                os.kill(os.getpid(), signal.SIGKILL)

        Checkpoints.save = save_and_die
    errors.run(lambda _: loop.train(config(recipe), folder))
    raise AssertionError("errors.run exits")


def wait(pid: int) -> int:
    """Returns a child's exit code, minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def killed(recipe: str, folder: Path, log: Path, kinds: list[str], typical: float) -> int:
    """Trains and kills by each of `kinds`, then to the end; returns how many kills hit."""
    hits = 0
    for kind in kinds:
        die = (random.randint(1, 3), random.expovariate(30)) if kind == "save" else None
        pid = fork(lambda die=die: train(recipe, folder, die), log)
        if kind != "save":
            time.sleep(random.uniform(0, 0.5 if kind == "early" else typical))
            os.kill(pid, signal.SIGKILL)
        code = wait(pid)
        if code == 0:
            break  # it was done before
        if code != -signal.SIGKILL:
            raise SystemExit(f"{recipe}: exit code {code}; {log}")
        hits += 1
    if code := wait(fork(lambda: train(recipe, folder), log)):
        raise SystemExit(f"{recipe}: exit code {code} at the end; {log}")
    return hits


def events(folder: Path) -> list[tuple[int, bytes]]:
    """Returns the steps and summaries of a run's TensorBoard events, in order."""
    from tensorboardX.proto.event_pb2 import Event

    from jaxgan.training.records.events import records

    found = []
    for path in sorted((folder / "tensorboard").iterdir()):
        with path.open("rb") as file:
            for record in records(file):
                event = Event.FromString(record.data)
                tags = {value.tag for value in event.summary.value}
                if tags and tags != {"images_per_s"}:
                    found.append((event.step, event.summary.SerializeToString()))
    return found


def differences(folder: Path, whole: Path) -> list[str]:
    """Lists what of a run is not as in the run left alone."""
    import jax
    import numpy as np

    from jaxgan.training import logger, replicas, workdir
    from jaxgan.training.checkpoint import Checkpoints

    def state(each: Path) -> object:
        record = workdir.read(each)
        like = replicas.like(record.game(), record.config.get("seeds", 1))
        saves = Checkpoints(each / "checkpoints", write=False)
        return saves.load(like, jax.sharding.SingleDeviceSharding(jax.devices()[0]))

    def rows(each: Path) -> list[dict]:
        return [{**row, "images_per_s": 0} for row in logger.read(each)]

    def names(each: Path) -> list[str]:
        top = sorted(p.name for p in each.iterdir())
        below = (sorted(p.name for p in (each / n).iterdir()) for n in ("checkpoints", "samples"))
        return [*top, *sum(below, [])]

    found = []
    for (path, a), b in zip(
        jax.tree.leaves_with_path(state(folder)), jax.tree.leaves(state(whole)), strict=True
    ):
        if np.asarray(a).tobytes() != np.asarray(b).tobytes():
            found.append(f"state{jax.tree_util.keystr(path)}")
    for part in (rows, names, events):
        if part(folder) != part(whole):
            found.append(part.__name__)
    for path in [*whole.glob("samples/*.png"), whole / "progress.gif"]:
        other = folder / path.relative_to(whole)
        if not other.exists() or other.read_bytes() != path.read_bytes():
            found.append(path.name)
    return found


def study(recipe: str, kills: int, place: Path) -> bool:
    """Trains a recipe with so many kills, in as many runs as they take; prints what came of it."""
    log, whole = place / f"{recipe}.log", place / f"{recipe}-whole"
    typical = 0.0
    for again in (False, True):  # the second time programs are compiled
        shutil.rmtree(whole, ignore_errors=True)
        start = time.monotonic()
        if code := wait(fork(lambda: train(recipe, whole), log)):
            raise SystemExit(f"{recipe}: exit code {code} without a kill; {log}")
        typical = time.monotonic() - start if again else 0.0
    done, runs, bad = 0, 0, []
    while done < kills:
        folder = place / f"{recipe}-{runs}"
        kinds: list[str] = []
        while len(kinds) < min(kills - done, 12):
            kind = random.choice(["save", "any", "any"])
            kinds += [kind, "early"] if random.random() < 0.25 else [kind]
        hits = killed(recipe, folder, log, kinds[: kills - done], typical)
        report = place / f"{recipe}-{runs}.differs"
        found = lambda f=folder, r=report: r.write_text(" ".join(differences(f, whole))) and 0  # noqa: E731
        if wait(fork(found, log)) not in (0,):
            raise SystemExit(f"{recipe}: the comparison failed; {log}")
        text = report.read_text()
        bad += [f"run {runs}: {text}"] if text else []
        done, runs = done + hits, runs + (hits > 0)
        if not text:
            shutil.rmtree(folder)
    print(f"{recipe}: {done} kills in {runs} runs, {runs - len(bad)} equal to the byte "
          f"({typical:.1f} s each alone)", *bad, sep="; ", flush=True)  # fmt: skip
    return not bad


def together(n: int, apart: float, place: Path) -> bool:
    """Starts n processes on one workdir, so many seconds apart: one trains, others are refused."""
    logs = [place / f"together-{apart}-{i}.log" for i in range(n)]
    pids = []
    for log in logs:
        pids.append(fork(lambda: train("gan", place / f"together-{apart}"), log))
        time.sleep(apart)
    codes = [wait(pid) for pid in pids]
    said = [log.read_text() for log in logs]
    refused = [c == 2 and "is in use: process" in t for c, t in zip(codes, said, strict=True)]
    fine = all(r or c == 0 for r, c in zip(refused, codes, strict=True)) and 0 in codes
    fine = fine and not any("Traceback" in text for text in said)
    print(
        f"{n} processes {apart} s apart: {codes.count(0)} done, {sum(refused)} refused", flush=True
    )
    return fine


def main() -> int:
    """Parses the flags; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=8, help="for each recipe")
    parser.add_argument("--recipes", default="gan,seeds2", help=",".join(RECIPES))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--together", type=int, default=0)
    args = parser.parse_args()
    random.seed(args.seed)
    place = Path(tempfile.mkdtemp(prefix="kill_resume-"))
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(place / "programs")
    from jaxgan.runtime import environment

    environment.prepare()
    import jaxgan.training.loop

    assert Path(jaxgan.training.loop.__file__).is_relative_to(ROOT)
    if args.together:
        fine = [together(args.together, apart, place) for apart in (0.0, 0.3)]
    else:
        fine = [study(recipe, args.kills, place) for recipe in args.recipes.split(",")]
    if all(fine):
        shutil.rmtree(place)
    else:
        print(f"what differs is kept in {place}")
    return 0 if all(fine) else 1


if __name__ == "__main__":
    sys.exit(main())
