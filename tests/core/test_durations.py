import pytest

from jaxgan.core.schedule import steps
from jaxgan.runtime.errors import UserError


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        (500, 500),
        ("500", 500),
        ("6.4kimg", 100),
        ("6.41kimg", 101),
        ("3epochs", 30),
        ("1epoch", 10),
    ],
)
def test_durations(duration, expected):
    assert steps(duration, batch=64, size=640, at="config.steps") == expected


@pytest.mark.parametrize("duration", ["soon", "10miles", -5, "epochs"])
def test_nonsense_is_refused(duration):
    with pytest.raises(UserError, match="config.steps=.* is no duration"):
        steps(duration, batch=64, size=640, at="config.steps")
