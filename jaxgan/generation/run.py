"""A trained run from Python: arrays in and out. Commands are written on it.

Images are float32 (N, H, W, C) in [-1, 1], or uint8 where asked for and wherever they are given;
points are float32 (N, D).
"""

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import numpy as np

from jaxgan.core.game import Spec, State
from jaxgan.core.inputs import size
from jaxgan.data.source import Source
from jaxgan.generation import chosen, data, drawn, judged, sample, translated, truncation
from jaxgan.generation.chosen import OWN, Choice
from jaxgan.generation.labels import Labels, numbers
from jaxgan.generation.lacks import LATENT, kinds, lacking
from jaxgan.generation.sample import Sample
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.remote import copies
from jaxgan.training import workdir
from jaxgan.visual.raster import to_floats, to_uint8

Rows = Mapping[str, np.ndarray]  # by input of the game: "z", "y"


def open_run(
    folder: str | Path,
    step: int | None = None,
    replica: int = 0,
    generator: str = "",
    ema: float | None = None,
    truncation: float | None = None,
) -> "Run":
    """Opens a run at one of its checkpoints.

    Args:
      folder: the run's workdir, or its URL in a store.
      step: of a checkpoint that is kept; None for the newest.
      replica: which of config.seeds, from 0. generator, ema, truncation: see chosen.Choice.

    Raises:
      UserError: there is none of those, in one line.
    """
    at, choice = Path(folder), Choice(generator, ema, truncation)
    return Run(at, chosen.restore(at, choice, replica, step), choice, replica)


class Run:
    """A run as one of its checkpoints holds it.

    folder: its workdir. record: what config.json says. game, state: as restored and chosen. absent:
    nets that neither weights nor training have made. lacks: by what a run may not have ("latents",
    "labels", "styles", "translators"), the reason why this one has none.
    """

    def __init__(
        self, folder: Path, restored: workdir.Restored, choice: Choice = OWN, replica: int = 0
    ):
        """Wraps a run as chosen.restore returns it."""
        self.folder, self.replica, self.choice = folder, replica, choice
        self.record, self.game, self.state = restored
        self.absent = tuple(restored.absent) if restored.record else ()
        self.generator = choice.drawn_by(restored.game)
        self.lacks, self._truncated = lacking(self.game), dict[float, Sample]()
        self._programs: dict[str, Callable[..., jax.Array]] = {}

    @property
    def config(self) -> Mapping[str, Any]:
        """The config that it was trained by."""
        return self.record.config

    @property
    def spec(self) -> Spec:
        """The shape, classes and condition of its data."""
        return self.record.spec

    @property
    def step(self) -> int:
        """Steps that the checkpoint had taken."""
        return int(self.state.step)

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that samples may be asked for; () where there are none."""
        known = self.record.data if self.record else {}
        return drawn.names_of(self.game.inputs, known.get("classes") or ())

    @property
    def kinds(self) -> int:
        """How many classes, or categories of a code, samples may be asked for; 0 for none."""
        return kinds(self.game.inputs)

    @cached_property
    def steps(self) -> list[int]:
        """The steps of all checkpoints that the run keeps."""
        return copies.steps(self.folder)

    def at(self, step: int) -> "Run":
        """Opens another checkpoint of the same replica and generator; see `open_run`."""
        return open_run(self.folder, step, self.replica, *self.choice)

    def having(self, state: State) -> "Run":
        """Returns the run in another state of the same game; compiled programs are shared."""
        other = copy.copy(self)
        other.state = state
        return other

    def need(self, *names: str) -> None:
        """Refuses what the run does not have, of the keys of `lacks`.

        Raises:
          UserError: the reason.
        """
        for name in names:
            if name in self.lacks:
                raise UserError(self.lacks[name])

    def latents(self, n: int, seed: int = 0) -> np.ndarray:
        """Draws z (n, D), those of `sample(n, seed=seed)`; raises UserError of a run without."""
        self.need("latents")
        return self.inputs(n, seed=seed)[LATENT]

    def inputs(
        self,
        n: int,
        labels: Labels | None = None,
        seed: int | Sequence[int] = 0,
        *,
        given: Rows | None = None,
        sweep: int | None = None,
    ) -> dict[str, np.ndarray]:
        """Draws all that samples are made from: by input of the game, rows (n, ...).

        Args:
          n: how many; of a list of seeds, one of each.
          labels: classes by number or name, in rotation; None for all in turn.
          seed: of the draw.
          given: other columns, in rotation: 'condition' (M, D), 'image' (M, H, W, C).
          sweep: see sample.draw.

        Raises:
          UserError: labels or columns that the game does not take.
        """
        columns = {} if given is None else dict(given)
        if labels is not None:
            columns["label"] = numbers(labels, self.classes)
        if "image" in columns:
            columns["image"] = to_floats(columns["image"])
        if isinstance(seed, int | np.integer):
            return sample.drawn_inputs(self.game, n, int(seed), columns, sweep)
        if len(seed) != n:
            raise UserError(f"{len(seed)} seeds of {n} samples: give one, or one of each")
        each = [sample.drawn_inputs(self.game, 1, one, columns) for one in seed]
        return {name: np.concatenate([rows[name] for rows in each]) for name in each[0]}

    def sample(
        self,
        of: int | np.ndarray | Rows,
        labels: Labels | None = None,
        psi: float | None = None,
        seed: int | Sequence[int] = 0,
        *,
        uint8: bool = False,
    ) -> np.ndarray:
        """Draws samples: float32 images (N, H, W, C) in [-1, 1], or points (N, D).

        Args:
          of: how many; or latents z (N, D); or all inputs, as `inputs` returns them.
          labels: classes by number or name, in rotation; None for all in turn.
          psi: truncation of a style-based generator; None for the config's.
          seed: of what is drawn, and of the generator's own noise; one, or one of each sample.
          uint8: whether images come as bytes, 0 to 255.

        Raises:
          UserError: what the run's model does not take, in one line.
        """
        rows = of if isinstance(of, Mapping) else self._rows(of, labels, seed)
        if isinstance(of, Mapping) and labels is not None:
            raise UserError("labels: all inputs were given, labels among them; pass one")
        by = None if psi is None else self.truncated(psi)
        seeds = [seed] if isinstance(seed, int | np.integer) else list(seed)
        if len(seeds) not in (1, size(rows)):
            raise UserError(f"{len(seeds)} seeds of {size(rows)} samples: give one, or one of each")
        return sample.render_each(self.game, self.state, rows, seeds, by, uint8=uint8)

    def truncated(self, psi: float) -> Sample:
        """Returns what samples with a truncation of psi, in place of the config's."""
        # The first of a psi is kept: one function is compiled once.
        return self._truncated.setdefault(psi, truncation.truncated(self.game, psi))

    def styles(
        self, of: int | np.ndarray | Rows, labels: Labels | None = None, seed: int = 0
    ) -> np.ndarray:
        """Maps latents to w, float32 (N, w_dim), of a style-based generator, not truncated.

        Arguments are those of `sample`. Raises UserError of a run that has no w.
        """
        self.need("styles")
        rows = of if isinstance(of, Mapping) else self._rows(of, labels, seed)
        return self.batched("map", self.game.styles.map, rows)

    @property
    def mean_style(self) -> np.ndarray:
        """The mean w (w_dim,), towards which samples are truncated."""
        self.need("styles")
        return np.asarray(self.game.styles.mean(self.state))

    def synthesize(self, w: np.ndarray, psi: float = 1.0, *, uint8: bool = False) -> np.ndarray:
        """Makes images of w (N, w_dim), or of a w for each layer (N, layers, w_dim).

        `psi` truncates them towards `mean_style`; images are as those of `sample`.

        Raises:
          UserError: the run has no w, or w of another shape.
        """
        self.need("styles")
        styles = self.game.styles
        ws = truncation.layered(styles, self.mean_style, w, psi)
        make = lambda state, rows: styles.synthesize(state, rows["ws"])  # noqa: E731
        images = np.clip(self.batched("synthesize", make, {"ws": ws}), -1, 1)
        return to_uint8(images) if uint8 else images

    def critic(
        self,
        images: np.ndarray,
        labels: Labels | None = None,
        conditions: np.ndarray | None = None,
    ) -> np.ndarray:
        """Scores images, or points, by the run's critic: logits (N,), higher for more real.

        Args:
          images: as `sample` returns them.
          labels, conditions: their classes, or vectors (N, D), of a critic that takes any.

        Raises:
          UserError: images of another shape, or labels that are missing or do not fit.
        """
        shape = self.spec.other if self.game.target == "other" else self.spec.shape
        found = None if labels is None else numbers(labels, self.classes)
        rows = judged.rows(self.game.inputs, shape, images, found, conditions)
        try:
            return self.batched("critic", self.game.critic, rows)
        except KeyError as error:
            raise judged.lacking(error) from None

    def translate(self, images: np.ndarray, direction: str = "a2b") -> np.ndarray:
        """Translates images (N, H, W, C) of a run of two domains, 'a2b' or 'b2a'.

        Raises:
          UserError: the run does not translate, or has no generator in that direction.
        """
        self.need("translators")
        if direction not in self.game.translators:
            raise UserError(f"direction={direction!r}: {' or '.join(self.game.translators)}")
        if direction in self.absent:
            raise UserError(workdir.without(direction))
        way, key = self.game.translators[direction], jax.random.key(0)
        return self.batched(
            direction,
            lambda state, rows: translated.padded(way, state, rows["image"], key),
            {"image": to_floats(images)},
        )

    @cached_property
    def source(self) -> Source:
        """The data that it was trained on; raises UserError where they are not as then."""
        return data.opened(self.record)

    def reals(self, n: int, seed: int = 0) -> dict[str, np.ndarray]:
        """Draws n items of its training data, see data.drawn; raises UserError as `source`."""
        return data.drawn(self.source, n, seed)

    def batched(self, name: str, function: Callable[..., jax.Array], rows: Rows) -> np.ndarray:
        """Returns function(state, rows) for rows of any number, a batch at a time."""
        return sample.batched(self._programs.setdefault(name, jax.jit(function)), self.state, rows)

    def _rows(
        self, of: int | np.ndarray, labels: Labels | None, seed: int | Sequence[int]
    ) -> dict[str, np.ndarray]:
        """Returns all inputs of a number of samples, or of latents."""
        if isinstance(of, int | np.integer):
            if of < 1:
                raise UserError(f"{of} samples: at least 1")
            return self.inputs(int(of), labels, seed)
        self.need("latents")
        z, dim = np.asarray(of, np.float32), self.game.inputs[LATENT].dim
        if z.ndim != 2 or z.shape[1] != dim or not len(z):
            raise UserError(f"latents of shape {np.shape(of)}: this run takes (N, {dim})")
        return self.inputs(len(z), labels, seed) | {LATENT: z}
