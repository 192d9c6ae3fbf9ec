"""The data that a run was trained on, beside its samples."""

import numpy as np

from jaxgan.data.source import Source, items
from jaxgan.runtime.errors import UserError
from jaxgan.training.setup import open_source, spec_of
from jaxgan.training.workdir import Record


def opened(record: Record) -> Source:
    """Opens a run's data.

    Raises:
      UserError: they are not there, or not as in training.
    """
    source = open_source(record.config["data"])
    found = spec_of(source)
    if found != record.spec:
        raise UserError(f"the data changed: the run was trained on {record.spec}, now {found}")
    return source


def drawn(source: Source, n: int, seed: int) -> dict[str, np.ndarray]:
    """Draws n items without replacement: their columns, as stored.

    Fewer where the data are fewer; images are uint8 (N, H, W, C), or float32, points float32.
    """
    rows = np.random.default_rng(seed).choice(source.size, min(n, source.size), replace=False)
    return {name: np.asarray(x) for name, x in items(source, np.sort(rows)).items()}
