"""What a study of a divergence finds: a figure, and comparisons with closed forms."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxgan.visual.figures import Panel


class Comparison(NamedTuple):
    """Values that were found, beside a closed form.

    quantity: what is compared. exact_form: the closed form, in words. found, exact: values of equal
    shapes. tolerance: how far they may differ, in the quantity's own unit.
    """

    quantity: str
    exact_form: str
    found: np.ndarray
    exact: np.ndarray
    tolerance: float

    @property
    def deviation(self) -> float:
        """The largest absolute difference; NaN where a value is not finite."""
        return float(np.max(np.abs(np.subtract(self.found, self.exact))))

    @property
    def holds(self) -> bool:
        """Whether the largest difference is within the tolerance."""
        return self.deviation <= self.tolerance


class Result(NamedTuple):
    """The panels of a figure, and what in them has a closed form."""

    panels: Sequence[Panel]
    comparisons: Sequence[Comparison]
