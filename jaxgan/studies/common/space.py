"""Where studies start: points of a run's z or w, drawn by seed or read from a file."""

import argparse
import math
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jaxgan.runtime import capacity, files, paths
from jaxgan.runtime.errors import UserError

if TYPE_CHECKING:
    from jaxgan.generation.run import Run

SPACES = ("z", "w")
NONE: Mapping[str, np.ndarray] = {}


class Space(NamedTuple):
    """Points of z or w, and all else that their samples are made from.

    name: 'z' or 'w'. points: (N, D). rows: inputs of the game, N rows each; in w, {} where they
    are not known. psi: truncation; None for the config's. seed: of the generator's own noise.
    """

    run: "Run"
    name: str
    points: np.ndarray
    rows: dict[str, np.ndarray]
    psi: float | None
    seed: int

    def images(self, points: np.ndarray, of: np.ndarray | None = None) -> np.ndarray:
        """Makes samples of other points (M, D), as `Run.sample` returns them; see `check`.

        of: for each the row (M,) whose labels and other inputs it has; None for its own number.
        """
        self.check(len(points))
        if self.name == "w":
            psi = self.run.game.styles.psi if self.psi is None else self.psi
            return self.run.synthesize(points, psi)
        return self.run.sample(self.inputs(points, of), psi=self.psi, seed=self.seed)

    def check(self, count: int) -> None:
        """Refuses more samples than the memory holds.

        Raises:
          UserError: says so.
        """
        each = 4 * math.prod(self.run.spec.other or self.run.spec.shape)
        capacity.check({f"{count} samples": count * each}, "--n")

    def inputs(self, points: np.ndarray, of: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Returns all inputs of other points z; `of` as in `images`."""
        of = np.arange(len(points)) if of is None else of
        return {name: rows[of] for name, rows in self.rows.items()} | {"z": np.float32(points)}

    def arrays(self, points: np.ndarray, of: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Returns what makes the samples of `points` again, by its names in an .npz."""
        from jaxgan.generation.drawn import public

        if self.name == "w":
            return {"styles": np.float32(points)}
        named = {public(name, x): x for name, x in self.inputs(points, of).items()}
        return named | {"seeds": np.array([self.seed])}

    def names(self) -> list[str]:
        """Returns a name of each point: its class where it has one, and its number."""
        from jaxgan.generation.drawn import names_of_rows

        rows = self.rows
        classes = names_of_rows(self.run.game.inputs, rows, self.run.classes) if rows else []
        return [f"{i} {classes[i]}" if classes else str(i) for i in range(len(self.points))]


def start(
    run: "Run",
    args: argparse.Namespace,
    n: int,
    columns: Mapping[str, np.ndarray] = NONE,
    check: Callable[[int], None] = lambda count: None,
) -> Space:
    """Returns the n points that a study starts from: of --latents, else drawn by --seed.

    Args:
      run: whose latents.
      args: the flags of `flags.add_start`; `space`, 'z' unless it is there, may be 'any' of a study
        that only shows what a file holds.
      n: how many, where --n does not say; points of a file are as many as it holds.
      columns: 'label' and 'condition', in place of --labels and --conditions that are not given.
      check: refuses numbers of points, before anything is compiled.

    Raises:
      UserError: a run without z or w, or a file that does not fit it.
    """
    run.need("latents")
    space = getattr(args, "space", "z")
    if space == "w":
        run.need("styles")
    if args.latents is not None:
        from jaxgan.generation.chosen import check_used

        check_used(run.game, run.choice, "--latents says all inputs")
        found = read(run, args.latents, space, args)
    else:
        n = n if args.n is None else args.n
        labels = getattr(args, "labels", None)
        rows = run.inputs(n, labels, args.seed, given={**columns, **given(args)})
        found = Space(run, "z", rows["z"], rows, args.psi, args.seed)
    check(len(found.points))
    if space == "w" and found.name == "z":
        found = found._replace(name="w", points=run.styles(found.rows))
    return found


def read(run: "Run", path: Path, space: str, args: argparse.Namespace) -> Space:
    """Reads latents: an .npz of sample or explore, or of w as `project` writes it, or a .npy of z.

    Raises:
      UserError: no such file, or of another run.
    """
    from jaxgan.generation.drawn import load_inputs

    if path.suffix == ".npy":
        z = _vectors(path)
        rows = run.inputs(len(z), getattr(args, "labels", None), args.seed, given=given(args))
        if z.shape != rows["z"].shape or not np.isfinite(z).all():
            want = f"(N, {rows['z'].shape[1]})"
            raise UserError(f"--latents={path}: {z.shape}, this run takes finite {want}")
        rows["z"] = np.float32(z)
        return Space(run, "z", rows["z"], rows, args.psi, args.seed)
    styles = _styles(path)
    if styles is None:
        rows, seeds = load_inputs(path, run.game.inputs)
        return Space(run, "z", rows["z"], rows, args.psi, seeds[0])
    run.need("styles")
    if space == "z":
        raise UserError(f"--latents={path} holds w, and this study moves z; see --space=w")
    want = len(run.mean_style)
    if styles.ndim != 2 or styles.shape[1] != want or not np.isfinite(styles).all():
        raise UserError(f"--latents={path}: w of {styles.shape}, this run takes (N, {want})")
    return Space(run, "w", np.float32(styles), {}, args.psi, args.seed)


def given(args: argparse.Namespace) -> dict[str, np.ndarray]:
    """Returns the columns that --conditions provides.

    Raises:
      UserError: as `drawn.conditions`.
    """
    from jaxgan.generation.drawn import conditions

    path = getattr(args, "conditions", None)
    return {} if path is None else {"condition": conditions(path)}


def taken(run: "Run", items: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns the classes and conditions of items of data, where the run's samples have such."""
    from jaxgan.core.inputs import Label, Vector

    fields = [each for each in run.game.inputs.values() if isinstance(each, Label | Vector)]
    columns = {field.column for field in fields}
    return {name: items[name] for name in ("label", "condition") if name in columns & {*items}}


def save_latents(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes what --latents reads: those of a study's arrays that samples are made from.

    Raises:
      UserError: it cannot be written, or the study has none.
    """
    named = ("latents", "labels", "conditions", "inputs", "seeds", "styles")
    kept = {name: arrays[name] for name in named if name in arrays}
    if not {"latents", "styles"} & set(kept):
        raise UserError(f"--save-latents={path}: this study has no latents to save")
    with files.replacing(path) as file:
        np.savez_compressed(file, **kept)


def _styles(path: Path) -> np.ndarray | None:
    """Returns the w of a file that holds some and no z; what is no .npz is left to `load_inputs`.

    Raises:
      UserError: it cannot be read.
    """
    from jaxgan.generation.drawn import archive

    paths.check_input(path, "--latents")
    if not zipfile.is_zipfile(path):
        return None
    found = archive("--latents", path, ("styles", "latents"))
    return None if "latents" in found else found.get("styles")


def _vectors(path: Path) -> np.ndarray:
    from jaxgan.generation.drawn import array

    rows = array("--latents", path)
    if rows.ndim != 2 or not len(rows) or rows.dtype.kind not in "fiu":
        raise UserError(f"--latents={path}: needs numbers (N, D), N at least 1")
    return rows
