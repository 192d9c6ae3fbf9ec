"""What is evaluated: a run, its samples and its data. What no metric asks for is not opened."""

import dataclasses
import math
import sys
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxgan.core.game import Drawn, Game, Spec, State
from jaxgan.data.source import Source
from jaxgan.evaluation import named_data, translations
from jaxgan.evaluation.compared import Compared
from jaxgan.evaluation.features import extract, network
from jaxgan.generation import chosen, sample
from jaxgan.generation.chosen import Choice
from jaxgan.generation.standing import applies
from jaxgan.generation.translated import BACK, COLUMNS
from jaxgan.generation.truncation import by_psi
from jaxgan.parallel.mesh import over_data
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.remote import copies
from jaxgan.training import workdir
from jaxgan.training.setup import open_source, spec_of
from jaxgan.visual.raster import to_uint8


@dataclasses.dataclass(frozen=True)
class Subject(Compared):
    """A run to evaluate.

    workdir: its folder.
    n: how many samples, and real images; None for N, or all real images where they are fewer.
    seed: at least 0, of every draw.
    step: of a kept checkpoint; None for the newest.
    replica: which of the run's seeds, counted from 0.
    path: where path lengths are measured, 'end' or 'full'.
    generator, ema, threshold: of which parameters, and from which latents, samples are drawn: the
      fields of chosen.Choice.
    psi: by which w of style-based generators are truncated; None for the config's.
    net: the network whose features metrics compare, as `extract.load` takes it.
    direction: of a run that translates, 'a2b' or 'b2a'; '' of others.
    base: the same run without a direction, from which all is taken that is the same in both.
    reference: data to compare with in place of the run's own, see named_data.named; '' for those.
    """

    workdir: Path
    n: int | None = None
    seed: int = 0
    step: int | None = None
    replica: int = 0
    path: str = "end"
    generator: str = ""
    net: str = extract.DEFAULT
    direction: str = ""
    base: "Subject | None" = None
    reference: str = ""
    ema: float | None = None
    threshold: float | None = None
    psi: float | None = None

    @property
    def choice(self) -> Choice:
        """Of which parameters, and from which latents, samples are drawn."""
        return Choice(self.generator, self.ema, self.threshold)

    def views(self) -> "list[Subject]":
        """Returns the run in each direction that it translates in; of other games, itself.

        Raises:
          UserError: there is no such run.
        """
        if not self.spec.other or not self.game.translators:
            return [self]
        absent = self.absent()
        for name in absent:
            print(f"{name} is not evaluated: {workdir.without(name)}", file=sys.stderr)
        names = [name for name in COLUMNS if name not in absent]
        return [dataclasses.replace(self, direction=name, base=self) for name in names]

    def absent(self) -> tuple[str, ...]:
        """The directions whose generator neither weights nor training have made."""
        return tuple(self.restored.absent) if self.record.missing else ()

    @cached_property
    def record(self) -> workdir.Record:
        """What config.json says, from which nothing has been restored yet."""
        return self.base.record if self.base else workdir.read(self.workdir)

    @cached_property
    def restored(self) -> workdir.Restored:
        """The run as its checkpoint holds it, with the generator that is asked for.

        Raises:
          UserError: as workdir.restore, or there is no such generator.
        """
        if self.base:
            return self.base.restored
        found = chosen.restore(self.workdir, self.choice, self.replica, self.step)
        return found._replace(game=by_psi(found.game, self.psi))

    @property
    def spec(self) -> Spec:
        """The shape, classes and condition of the run's data."""
        return self.record.spec

    @property
    def game(self) -> Game:
        """The run's game."""
        return self.restored.game

    @property
    def state(self) -> State:
        """The run's state."""
        return self.restored.state

    @cached_property
    def opened(self) -> Source:
        """The run's data, without the augmentation of training batches; or `reference`.

        Raises:
          UserError: they are not there, or not as in training.
        """
        if self.base:
            return self.base.opened
        if self.reference:
            return self._other()
        source = open_source(self.record.config["data"])
        found = spec_of(source)
        if found != self.spec:
            raise UserError(f"the data changed: the run was trained on {self.spec}, now {found}")
        return source

    def _other(self) -> Source:
        """Opens `reference`, at the run's size."""
        shape = self.spec.shape
        source = named_data.opened(self.reference, "--real", shape[0], shape[-1])
        found = spec_of(source)
        if (found.shape, found.other) != (shape, self.spec.other):
            raise UserError(
                f"--real={self.reference}: items of shape {found.shape}, of the run {shape}; give "
                f"data of that shape{' in two domains' if self.spec.other else ''}"
            )
        return source

    @cached_property
    def features(self) -> network.Features:
        """The network whose features metrics compare."""
        return self.base.features if self.base else extract.load(self.net)

    @property
    def read_features(self) -> bool:
        """Whether a metric has asked for `features`; they are loaded then."""
        return "features" in vars(self)

    def check_run(self, metric: str, why: str) -> None:
        """Does nothing; of images without a run, refuses `metric`, which needs one: `why`."""

    def check_translates(self, metric: str, *, back: bool) -> None:
        """Refuses a run that does not translate, and with `back` one without the way back.

        Raises:
          UserError: says so.
        """
        if not self.direction:
            raise UserError(
                f"--metrics={metric}: this run's game does not translate; cyclegan.py's does"
            )
        if back and BACK[self.direction] in self.absent():
            raise UserError(f"--metrics={metric}: {workdir.without(BACK[self.direction])}")

    @cached_property
    def columns(self) -> dict[str, np.ndarray]:
        """All columns of `size` real items, as `real` draws them."""
        return self.base.columns if self.base else super().columns

    @property
    def target(self) -> str:
        """The column of the data that samples should resemble."""
        return COLUMNS[self.direction][1] if self.direction else self.game.target

    @cached_property
    def fakes(self) -> np.ndarray:
        """The samples.

        They are those of jaxgan.sample, except that inputs which the data have a column for are the
        real images' own: labels, vectors, images to translate. A translation's are those of
        `direction`, beside the real images of the domain that it leads to.
        """
        of = f"translations {self.direction}" if self.direction else "samples"
        self.say(f"drawing {self.size} {of} of step {int(self.state.step)}")
        if self.direction:
            made = translations.translated(self.restored, self.direction, self.columns)
            return to_uint8(made)
        given = sample.of_data(self.game.inputs, self._alike)
        over = devices(self.size)
        state = jax.device_put(self.state, NamedSharding(over, PartitionSpec()))
        game = self.game._replace(sample=split(self.game.sample, over))
        return sample.draw(game, state, self.size, self.seed, given)[0]

    def say(self, line: str) -> None:
        """Prints what takes a while."""
        print(line, file=sys.stderr)

    @property
    def labeled(self) -> bool:
        """Whether the data have the labels that the run was trained with."""
        names = tuple(self.record.data.get("classes", ())) if self.reference else ()
        return bool(self.source.classes) and (not self.reference or names == self.source.classes)

    @property
    def _alike(self) -> dict[str, np.ndarray]:
        """The columns that samples are drawn of, without those of another meaning in `reference`.

        Images are not read for labels, where the data know those without.
        """
        alike = {"label": self.labeled, "condition": not self.reference}
        names = {field.column for field in self.game.inputs.values() if field.column}
        names = {name for name in names if alike.get(name, True)}
        if names <= {"label"} and (self.source.labels or not names):
            rows = np.sort(self._rows(self.size)["image"])
            return {name: self.source.labels()[rows] for name in names}
        return {name: rows for name, rows in self.columns.items() if name in names}

    @property
    def label(self) -> dict[str, Any]:
        """What is evaluated, for its rows: step, replica, and of a translation the direction."""
        direction = {"direction": self.direction} if self.direction else {}
        return {"step": int(self.state.step), "replica": self.replica, **direction}

    @property
    def report(self) -> Path | None:
        """The file that rows are added to; None for none."""
        return copies.here(self.workdir) / "evaluations.jsonl"

    @property
    def data(self) -> str:
        """The name of the data that samples are compared with."""
        return self.reference or self.record.config["data"]["name"]

    @property
    def content(self) -> str:
        """The fingerprint of the data, which need not be opened; '' where none was recorded."""
        return (
            self.opened.fingerprint if self.reference else self.record.data.get("fingerprint", "")
        )

    @property
    def truncation(self) -> str:
        """How samples are truncated: 'psi 0.7', 'z 0.5', or 'none'."""
        styles = self.game.styles
        if self.choice.truncation is not None:
            return f"z {self.choice.truncation:g}"
        return f"psi {styles.psi:g}" if styles and styles.psi != 1 else "none"

    @property
    def moments(self) -> str:
        """Which moments BatchNorm of the generator normalizes by, where not by running ones."""
        if not applies(self.game, self.state):
            return ""
        return f"standing, {self.game.standing.batches} x {sample.BATCH}"

    @property
    def drawn_by(self) -> str:
        """Which parameters drew the samples: 'averaged', 'last' or 'ema 0.05'."""
        return self.choice.drawn_by(self.game)


def devices(n: int) -> Mesh:
    """Returns those of this process's devices over which batches of n samples are split evenly."""
    own = jax.local_devices()
    count = math.gcd(min(n, sample.BATCH), len(own))
    return over_data(count, own[:count])


@lru_cache(maxsize=4)  # the same function again is not compiled again
def split(draw: sample.Sample, over: Mesh) -> sample.Sample:
    """Returns what samples as `draw` does, the rows of what is given to it split over devices."""

    def sampled(state: State, drawn: Drawn, key: jax.Array) -> jax.Array:
        rows = NamedSharding(over, PartitionSpec("data"))
        return draw(state, jax.lax.with_sharding_constraint(drawn, rows), key)

    return sampled
