"""Sends a run's scalars and pictures to Weights & Biases, beside TensorBoard's event files.

By config.log.wandb, which needs the package wandb: 'offline' writes below WORKDIR/wandb, which
`wandb sync` uploads later; 'online' uploads as the run goes. W&B's own variables say to whom and
where: WANDB_API_KEY, WANDB_ENTITY, WANDB_PROJECT ('jaxgan' where it is not set). A run that resumes
keeps its id; W&B passes over rows of steps that it has, which are the same ones.
"""

import importlib.util
import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from jaxgan.runtime import files
from jaxgan.runtime.errors import UserError
from jaxgan.runtime.paths import reason


class Tracker:
    """A run at Weights & Biases."""

    def __init__(self, workdir: Path, mode: str):
        """Starts the run of a workdir, or continues it; `mode` is 'online' or 'offline'.

        Raises:
          UserError: wandb is not installed or does not know its user.
        """
        check(mode)
        import wandb  # slow to import

        own = workdir / "wandb"
        files.folder(own)
        if not (own / "id").exists():
            files.write(own / "id", secrets.token_hex(4))
        self._picture = wandb.Image
        try:
            self._run = wandb.init(
                mode=mode,
                dir=workdir,
                id=(own / "id").read_text(),
                resume="allow",
                project=os.environ.get("WANDB_PROJECT", "jaxgan"),
                name=workdir.resolve().name,
                config=json.loads((workdir / "config.json").read_text())["config"],
                settings=wandb.Settings(console="off", silent=True, save_code=False),
            )
        except wandb.errors.Error as error:
            raise UserError(
                f"config.log.wandb={mode}: {reason(error)}; run `wandb login`, or set it to offline"
            ) from error

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Adds a row."""
        self._run.log(dict(values), step=step)

    def image(self, step: int, name: str, picture: np.ndarray) -> None:
        """Adds a picture, (H, W, C) uint8."""
        self._run.log({name: self._picture(np.squeeze(picture))}, step=step)

    def close(self) -> None:
        """Writes, or uploads, what is left, and ends the run."""
        self._run.finish()


def check(mode: str) -> None:
    """Refuses config.log.wandb where the package is missing.

    Raises:
      UserError: what to install.
    """
    if not mode:
        return
    found = importlib.util.find_spec("wandb")
    if found is None or found.origin is None:  # W&B's own folder ./wandb is no package
        raise UserError(
            f"config.log.wandb={mode}: the package wandb is missing; pip install 'jaxgan[wandb]', "
            "or leave the key out: TensorBoard's files are written anyway"
        )
