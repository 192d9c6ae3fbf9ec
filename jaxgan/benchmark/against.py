"""Compares the step times of this tree with those of another git revision, in alternating pairs.

The other revision lies in a temporary folder, of what git has of it; the user's tree and its index
are not touched. A config inside of this tree is each tree's own; any other is the same file.
"""

import contextlib
import io
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NamedTuple, NoReturn

from jaxgan.benchmark import pairs
from jaxgan.benchmark.pairs import Failed
from jaxgan.config.registry import nearest
from jaxgan.runtime import signals
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import shown

ROOT = Path(__file__).resolve().parents[2]  # of the tree that runs
FLAGS = ("--config", "--steps", "--repeat", "--json")  # that a revision's bench must take
SAME = ("batch", "steps_per_cycle")  # without which two times are of different work
COLUMNS = "| config | {}, ms | {}, ms | ratio | {} pairs |\n|---|---|---|---|---|"


class Tree(NamedTuple):
    """A checkout: its name in tables, where it lies, and what of it."""

    name: str
    root: Path
    revision: str

    def path(self, config: str) -> Path:
        """Returns where the file of a config lies in this tree; outside of trees, the file."""
        place = Path(config.partition(":")[0]).resolve()
        return self.root / place.relative_to(ROOT) if place.is_relative_to(ROOT) else place

    def env(self) -> dict[str, str]:
        """Returns the environment in which `python -P` imports this tree's jaxgan."""
        found = [str(self.root), os.environ.get("PYTHONPATH", "")]
        return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, found))}

    def bench(self, config: str, flags: Sequence[str]) -> dict[str, Any]:
        """Runs this tree's bench of a config in a process of its own; returns its figures.

        Raises:
          Failed: the reason, after the tree's name.
        """
        has_arg, arg = config.partition(":")[1:]
        at = f"--config={self.path(config)}{has_arg}{arg}"
        command = [sys.executable, "-P", "-m", "jaxgan.bench", at, "--json", *flags]
        try:
            return pairs.call(command, self.env())
        except Failed as failed:
            reason = str(failed).rpartition("error: ")[2].replace(f"{self.root}/", "")
            raise Failed(f"{self.name}: {reason}") from None


@contextlib.contextmanager
def trees(revision: str) -> Iterator[tuple[Tree, Tree]]:
    """Gives this tree and another revision's, which is removed at the end, also after a signal.

    Raises:
      UserError: no git, no repository, no such revision, or one whose bench cannot be called.
    """
    at = f"--against={shown(revision)}"
    _git(at, "rev-parse", "--git-dir")
    try:
        commit = _commit(at, revision)
    except UserError:
        raise UserError(f"{at}: no such revision; `git log --oneline` lists them") from None
    changed = bool(_git(at, "status", "--porcelain", "--untracked-files=no").strip())
    here = _commit(at, "HEAD")[:10] + " with uncommitted changes" * changed
    with _ended_by_signals(), tempfile.TemporaryDirectory(prefix="jaxgan-against-") as folder:
        archive = zipfile.ZipFile(io.BytesIO(_git(at, "archive", "--format=zip", commit)))
        archive.extractall(folder)
        other = Tree(shown(revision), Path(folder), commit[:10])
        _check_bench(at, other)
        yield Tree("this tree", ROOT, here), other


def experiments(both: Sequence[Tree]) -> list[str]:
    """Returns the files of experiments/ in either tree, as paths in this one."""
    found = {path.name for tree in both for path in (tree.root / "experiments").glob("*.py")}
    return [os.path.relpath(ROOT / "experiments" / name) for name in sorted(found)]


def check_configs(both: Sequence[Tree], configs: Sequence[str]) -> None:
    """Refuses a config whose file neither tree has.

    Raises:
      UserError: its path.
    """
    for config in configs:
        if not any(tree.path(config).is_file() for tree in both):
            path = config.partition(":")[0]
            hint = nearest(path, experiments(both))
            raise UserError(f"--config={shown(path)}: no such file{hint}")


def compare(both: tuple[Tree, Tree], config: str, flags: Sequence[str], n: int) -> dict[str, Any]:
    """Runs n pairs of one config.

    Args:
      flags: of both benches.

    Returns:
      `config`, `revisions`, `ms` (medians of a cycle, of each tree), `device`, the fields of
      `pairs.Ratio`, of this tree's times over the other's, and `pairs`, the figures of each; or
      `config` and `error`.
    """
    here, there = both
    try:
        for tree in both:
            if not tree.path(config).is_file():
                raise Failed(f"{tree.name} has no such file")
        runs = []
        for pair in pairs.alternate(
            lambda: here.bench(config, flags), lambda: there.bench(config, flags), n
        ):
            _check_same(both, pair)
            runs.append(pair)
            a, b = (figures["cycle_ms"] for figures in pair)
            text = f"{config} pair {len(runs)}: {a:.2f} ms, {b:.2f} ms, ratio {a / b:.3f}"
            print(text, file=sys.stderr, flush=True)
    except Failed as failed:
        return {"config": config, "error": str(failed)}
    times = [[figures["cycle_ms"] for figures in pair] for pair in runs]
    return {
        "config": config,
        "revisions": [tree.revision for tree in both],
        "device": runs[0][0]["device"],
        "ms": [statistics.median(each) for each in zip(*times, strict=True)],
        **pairs.ratio([a / b for a, b in times])._asdict(),
        "pairs": runs,
    }


def head(both: tuple[Tree, Tree], n: int) -> str:
    """Returns the first two lines of the table."""
    return COLUMNS.format(*(f"{tree.name} ({tree.revision})" for tree in both), n)


def row(found: dict[str, Any]) -> str:
    """Formats what `compare` returns as a line of the table."""
    if "error" in found:
        return f"| {found['config']} | failed: {found['error'].replace('|', '/')} " + "|" * 4
    a, b = found["ms"]
    return (
        f"| {found['config']} | {a:.2f} | {b:.2f} | {found['median']:.3f} "
        f"({found['low']:.3f} to {found['high']:.3f}, {found['coverage']:.0%}) "
        f"| {found['least']:.3f} to {found['most']:.3f} |"
    )


def _check_same(both: tuple[Tree, Tree], pair: tuple[dict[str, Any], dict[str, Any]]) -> None:
    """Raises Failed where two benches did different work, or give no time."""
    for tree, figures in zip(both, pair, strict=True):
        if lacks := [key for key in ("cycle_ms", "device", *SAME) if key not in figures]:
            raise Failed(f"{tree.name}: its bench gives no {', '.join(lacks)}")
    for key in SAME:
        a, b = (figures[key] for figures in pair)
        if a != b:
            raise Failed(f"{key} is {a} in {both[0].name} and {b} in {both[1].name}: other work")


def _check_bench(at: str, tree: Tree) -> None:
    """Raises a UserError where a tree has no bench, or one without the flags used here."""
    if not (tree.root / "jaxgan/bench.py").is_file():  # else an installed one would be imported
        raise UserError(f"{at}: it has no jaxgan/bench.py; name a newer revision")
    command = [sys.executable, "-P", "-m", "jaxgan.bench", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, env=tree.env())
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise UserError(f"{at}: its jaxgan.bench does not start here: {shown(last)}")
    if lacks := [flag for flag in FLAGS if flag not in done.stdout]:
        raise UserError(f"{at}: its jaxgan.bench has no {', '.join(lacks)}; name a newer revision")


def _commit(at: str, revision: str) -> str:
    name = f"{revision}^{{commit}}"
    return _git(at, "rev-parse", "--verify", "--end-of-options", name).decode().strip()


def _git(at: str, *arguments: str) -> bytes:
    """Returns what git prints on this tree.

    Raises:
      UserError: no git, or its own last line.
    """
    if not shutil.which("git"):
        raise UserError(f"{at}: git is not installed")
    try:
        done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True)
    except ValueError as error:  # a NUL
        raise UserError(f"{at}: no revision: {error}") from None
    if done.returncode:
        last = (done.stderr.decode(errors="replace").strip().splitlines() or ["git failed"])[-1]
        raise UserError(f"{at}: git, of {ROOT}: {shown(last.removeprefix('fatal: '))}")
    return done.stdout


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """Ends the process on a signal by an exception, so that folders are removed, children killed.

    Here nothing runs but waits for children: no library's callback could lose it.
    """

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        for each in signals.NUMBERS:
            signal.signal(each, signal.SIG_IGN)
        raise SystemExit(signals.INTERRUPTED if number == signal.SIGINT else signals.STOPPED)

    before = {number: signal.getsignal(number) for number in signals.NUMBERS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
