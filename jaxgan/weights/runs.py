"""Converts published weights to a run of jaxgan, and a run's generators back."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxgan.config.registry import as_mapping
from jaxgan.core import game as core
from jaxgan.core.averages.kept import widened
from jaxgan.core.averages.power import net_of
from jaxgan.core.from_config import make_game
from jaxgan.core.game import State
from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import shown
from jaxgan.training import workdir as workdirs
from jaxgan.training.checkpoint import Checkpoints
from jaxgan.weights import configs, contents, state_dict
from jaxgan.weights.configs import Described
from jaxgan.weights.contents import File
from jaxgan.weights.published import biggan, cyclegan, pairs, r3gan, stylegan2_ada

GAMES = {each.GAME: each for each in (stylegan2_ada, cyclegan)}  # whose nets are of one program
NETS = {each.NETS: each for each in (biggan, r3gan)}  # of the game adversarial, by module


class Run(NamedTuple):
    """What weights become: the record of a run, and its state at step 0."""

    record: workdirs.Record
    state: State


def preset(file: File) -> str:
    """Returns the config that weights are converted with unless another is named."""
    names = list(file.weights.arrays)
    known = (each for each in (cyclegan, biggan, r3gan) if each.matches(names))
    return next(known, stylegan2_ada).PRESET


def read(
    given: Sequence[File],
    workdir: Path,
    base: dict[str, Any],
    name: str,
    said: Mapping[str, Any] | None = None,
) -> None:
    """Writes a run to `workdir`, at step 0, with the nets of files of published weights.

    Args:
      given: a file with the networks of stylegan2-ada-pytorch; or one with a generator of CycleGAN,
        a2b, and maybe another with b2a; or one with networks of BigGAN or R3GAN, and maybe another
        with D.
      workdir: the run's folder; it must have no checkpoint.
      base: a config of one of their games; sets what the weights do not determine.
      name: the config file's name, for messages and for the written config.py.
      said: the keys of `base`, as in {'data.res': 32}, that the user set, not the preset; the
        weights must agree with them.

    Raises:
      UserError: another game, a workdir with a checkpoint, or a file without such networks.
    """
    if not (program := _program(base)):
        nets = " or ".join(f"{module}*" for module in NETS)
        raise UserError(f"--config={name}: its game is not {' or '.join(GAMES)}, nor its g {nets}")
    configs.check(base)
    with files.writing(workdir):
        held = list((workdir / "checkpoints").glob("[0-9]*"))
    if held:
        raise UserError(f"{workdir} holds a run already; pass another --workdir")
    path = given[0].path
    found = program.describe(base, given)
    agree(path, found.fixed, said or {})
    run = _build(found, path)
    source = configs.source(run.record.config, path.name, name)
    with files.writing(workdir):
        files.folder(workdir)
        workdirs.write(workdir, run.record)
        files.write(workdir / "config.py", source)
        checkpoints = Checkpoints(workdir / "checkpoints")
        checkpoints.save(run.state, 0)
        checkpoints.close()
    names = " and ".join(shown(file.path) for file in given)
    print(f"wrote {names} to {workdir}, {found.line}", file=sys.stderr)


def _program(config: Mapping[str, Any]) -> ModuleType | None:
    """Returns the module of the weights that a config's game, or its nets, take; None for none."""
    game = as_mapping(config.get("game"), "config.game")
    if game.get("name") != pairs.GAME:
        return GAMES.get(str(game.get("name")))
    net = str(as_mapping(game.get("g", ""), "config.game.g").get("name"))
    return next((program for module, program in NETS.items() if net.startswith(module)), None)


def _build(found: Described, path: Path) -> Run:
    """Returns the run of a config, with the trees of a file of weights."""
    config = found.config
    steps = config["steps"] if isinstance(config["steps"], int) else 1
    made = make_game(config["game"], config["optim"], spec=found.spec, steps=steps)
    game = widened(made, config.get("ema_widths", ()))

    def init() -> State:
        return core.init(game, jax.random.key(config["seed"]))

    trees = dict(found.trees)
    if "ema" in trees:  # averages of any width begin at the file's
        nets = {name: net_of(name) for name in game.ema}
        trees["ema"] = {
            name: trees["ema"][net] for name, net in nets.items() if net in trees["ema"]
        }
    # Shapes are compared before a net is made: its size is the product of what the file says.
    shapes = jax.eval_shape(init)
    for part, tree in trees.items():
        fitting(getattr(shapes, part), tree, path)
    state = jax.jit(init)()
    merged = {part: fitting(getattr(state, part), tree, path) for part, tree in trees.items()}
    parts = {part: jax.tree.map(jax.numpy.asarray, tree) for part, tree in merged.items()}
    record = workdirs.Record(config, found.spec, steps, missing=found.missing)
    return Run(record, state.replace(**parts))


def write(workdir: Path, out: Path, other: Path | None = None) -> None:
    """Writes a run's generator under its published names, as .npz: averaged where averages are.

    Args:
      workdir: a run of stylegan2, whose w_avg and noise are written too, one that translates, or
        one of BigGAN's or R3GAN's nets.
      out: the file; of a run that translates, a2b's.
      other: where to write b2a, None for nowhere.

    Raises:
      UserError: another run in `workdir`, no checkpoint, a run of several seeds, or a net that the
        published program does not have.
    """
    record = workdirs.read(workdir)
    workdirs.rebuild(workdir, record)  # or what config.json says is no game
    program, outs = _program(record.config), [out, other] if other else [out]
    if not program:
        nets = " or ".join(f"{module}Generator" for module in NETS)
        raise UserError(
            f"{workdir} holds no run of the game {' or '.join(GAMES)}, and its generator is no "
            f"{nets}: it has no published names"
        )
    if other and program is not cyclegan:
        raise UserError(f"--other={shown(other)}: this run's game has one generator")
    if record.config.get("seeds", 1) > 1:
        raise UserError(f"{workdir} holds several seeds; only a run of one can be converted")
    restored = workdirs.restore(workdir)
    state = jax.device_get(restored.state)
    if program is cyclegan:
        if absent := [name for name in cyclegan.DIRECTIONS[: len(outs)] if name in restored.absent]:
            raise UserError(f"{workdir}: {workdirs.without(absent[0])}")
        with state_dict.naming(workdir):
            params = {**state.params, **state.ema}
            made = [
                cyclegan.export(params, record.config, name)
                for name in cyclegan.DIRECTIONS[: len(outs)]
            ]
    else:
        with state_dict.naming(workdir):
            made = [program.export(state, record.config)]
    for path, arrays in zip(outs, made, strict=True):
        files.folder(path.parent)
        contents.write(path, arrays)
        print(f"wrote step {int(state.step)} of {workdir} to {path}", file=sys.stderr)


def agree(path: Path, found: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """Compares what the user set with what the weights determine.

    Raises:
      UserError: a key that differs, with both values.
    """
    at = shown(path)
    for key, value in said.items():
        if key.startswith("game.g.") and key not in found:
            raise UserError(f"{at}: --config says {key}={value!r}; the weights set all of game.g")
        if key in found and found[key] != value:
            raise UserError(
                f"{at}: the weights have {key}={found[key]!r}, --config says {value!r}; "
                "leave it out, or give other weights"
            )


def fitting(tree: Any, new: Any, path: Path) -> Any:
    """Returns `tree` with its branches replaced by those of `new`, which is of the file `path`.

    Raises:
      UserError: their names or shapes differ.
    """
    merged = tree | new
    have, want = (
        {jax.tree_util.keystr(at): np.shape(x) for at, x in jax.tree.leaves_with_path(t)}
        for t in (merged, tree)
    )
    if differ := sorted(set(have.items()) ^ set(want.items())):
        name = differ[0][0]
        raise UserError(
            f"{shown(path)}: {state_dict.brief(name)} is {have.get(name)}, but the nets of its "
            f"options have {want.get(name)}"
        )
    return merged
