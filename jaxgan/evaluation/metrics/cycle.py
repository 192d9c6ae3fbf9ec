"""mean |x - back(there(x))| of translations, x in [-1, 1]; less is better; needs two domains

The cycle term of CycleGAN without its weight, on pictures kept out of training where there are
any. A small figure does not show that there(x) keeps x: see `hidden`.
"""

from typing import Any

from jaxgan.evaluation import translations
from jaxgan.evaluation.subject import Subject


def check(subject: Subject) -> None:
    """Refuses a run that does not translate both ways.

    Raises:
      UserError: the reason, in one line.
    """
    subject.check_translates("cycle", back=True)
    _ = subject.source


def compute(subject: Subject) -> dict[str, Any]:
    """Computes the mean over pictures, and its interval."""
    found = translations.measured(
        subject.restored,
        subject.direction,
        subject.columns,
        lambda there, back, x, keys: {"cycle": translations.distance(back(there(x)), x)},
    )["cycle"]
    protocol = {
        "unit": "L1 of [-1, 1]",
        "n": len(found),
        "split": subject.split,
    }
    return {**translations.estimate(found, subject.seed)._asdict(), "protocol": protocol}
