"""What is written of a run at its intervals: rows of metrics, pictures, figures, warnings."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import jax
from tqdm import tqdm

from jaxgan.core.game import State
from jaxgan.core.keys import named
from jaxgan.runtime import processes
from jaxgan.training import logger
from jaxgan.training.diagnostics import Watch, settled
from jaxgan.training.records.warnings import Warnings
from jaxgan.training.setup import Run, shown
from jaxgan.training.snapshots import Lower, Snapshots
from jaxgan.training.step import to_float

# (the states of all seeds, step) -> scalars to log
Judge = Callable[[Sequence[State], int], dict[str, float]]
JUDGING = 6 * 3600  # seconds that process 0 may evaluate, while the others wait


class Journal:
    """Writes a run's rows, pictures and warnings; of several processes the first does.

    All call it at the same steps, since what it draws and measures they compute together.
    """

    def __init__(self, run: Run, folder: Path, since: int, judge: Judge | None = None):
        """Opens the files in the workdir, and drops what is of after step `since`."""
        self._run, self._judge = run, judge
        self._folder = folder if processes.first() else None
        self.ready: Callable[[], None] = lambda: None  # waits for the programs of `lowered`
        self._snapshots = look_at(run, self._folder and self._folder / "samples")
        if self._folder:
            self._writer = logger.Writer(folder, since, run.log.wandb)
            self._warn = watching(run, folder, since, self._snapshots.compared)

    def begin(self, states: Sequence[State]) -> None:
        """Draws real items, and samples before the first step."""
        real, samples = self._snapshots.draw_real(), self._snapshots.draw(states, 0)
        if self._folder:
            self._writer.image(0, "real", real)
            self._writer.image(0, "samples", samples)

    def lowered(self, states: Sequence[State]) -> Iterator[Lower]:
        """Yields what lowers the programs that later rows need, for states like these."""
        return self._snapshots.lowered(states[0]) if self._run.log.pictures else iter(())

    def write(
        self, states: Sequence[State], done: int, means: Mapping[str, float]
    ) -> dict[str, float]:
        """Writes and returns the row of a step, with what else is due at it.

        Args:
          states: of all seeds, after `done` steps.
          means: of the metrics since the last row.
        """
        run, row = self._run, {**self._run.growth.readings(done), **means}
        if now(run.log.pictures, run, done):
            row |= self._portray(states, done)
        if self._judge and now(run.log.evaluate, run, done):
            row |= self._judge(states, done)
            processes.meet("evaluation in training", JUDGING)
        if self._folder:
            self._writer.scalars(done, row)
            self._warn(done, row)
        return row

    def _portray(self, states: Sequence[State], done: int) -> dict[str, float]:
        """Draws samples, at the end also next to real items, and returns their diagnosis."""
        self.ready()
        picture = self._snapshots.draw(states, done)
        if self._folder:
            self._writer.image(done, "samples", picture)
        if done == self._run.steps:
            beside = self._folder and self._folder / "real-and-fake.png"
            self._snapshots.draw_beside(states, beside)
        return self._snapshots.diagnose(states)

    def close(self) -> None:
        """Closes the files."""
        if self._folder:
            self._writer.close()


def now(interval: int, run: Run, done: int) -> bool:
    """Returns whether what happens at an interval, or never by 0, does after `done` steps."""
    return interval > 0 and (done == run.steps or done % interval == 0)


def due(run: Run, done: int) -> bool:
    """Returns whether a row is due after `done` steps: whenever anything is drawn or saved."""
    every = run.log.pictures, run.checkpoint.every, run.log.evaluate
    return done % run.log.every == 0 or any(now(interval, run, done) for interval in every)


def watching(
    run: Run, folder: Path, first: int, items: int
) -> Callable[[int, Mapping[str, float]], None]:
    """Returns what is called with each row of metrics, and says and keeps what it warns of.

    It knows the rows of before step `first`, and what was said then. `items`: see `Watch`.
    """
    warnings = Warnings(folder, first)
    watch = Watch(settled(run.game, run.growth, run.steps), run.steps, items)
    for row in logger.read(folder):
        watch(int(row["step"]), row)

    def warn(step: int, row: Mapping[str, float]) -> None:
        for warned in watch(step, row):
            if warnings.add(warned):
                say(f"warning: {warned.text}")

    return warn


def look_at(run: Run, folder: Path | None) -> Snapshots:
    """Builds what draws the run's pictures, into `folder`, or into none."""
    return Snapshots(
        run.game,
        jax.tree.map(to_float, shown(run)),
        samples=run.log.samples,
        key=named(jax.random.key(run.seed), "pictures"),
        folder=folder,
        classes=run.data["classes"],
    )


def summary(row: Mapping[str, float]) -> str:
    """Formats a row of metrics for the progress bar."""
    shown = {"d/real": "D(x)", "d/fake": "D(G(z))"}
    parts = [f"{row['kimg']:.1f} kimg", f"{row['images_per_s']:.0f} images/s"]
    for name, value in row.items():
        turn, _, metric = name.partition("/")
        if metric == "loss" or name in shown:
            half = row.get(f"{name}_ci95")
            spread = "" if half is None else f" ± {half:.3f}"
            after = f" / {row['g/fake']:.3f}" if name == "d/fake" and "g/fake" in row else ""
            parts.append(f"{shown.get(name, turn)} {value:.3f}{spread}{after}")
    return ", ".join(parts)


def say(line: str) -> None:
    """Prints a line above the progress bar; of several processes the first does."""
    if processes.first():
        tqdm.write(line, file=sys.stderr)
