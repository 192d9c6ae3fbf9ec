import pytest

from jaxgan.config.registry import resolve
from jaxgan.runtime.errors import UserError


def test_names_and_options():
    loss = resolve(
        {"name": "least_squares", "c": 0.0}, "jaxgan.losses.adversarial", at="config.game.loss"
    )()
    assert float(loss.g(2.0)) == 2.0
    net = resolve("mlp.Generator", "jaxgan.nets", at="config.game.g", given=("shape",))
    assert net(shape=(28, 28, 1)).widths == (256, 256)


@pytest.mark.parametrize(
    ("node", "home", "text"),
    [
        (
            "hing",
            "jaxgan.losses.adversarial",
            "config.x: no 'hing' in jaxgan.losses.adversarial; did you mean 'hinge'",
        ),
        (
            {"name": "hinge", "smooth": 0.1},
            "jaxgan.losses.adversarial",
            "config.x.smooth: hinge has no such",
        ),
        ("dcgn.Generator", "jaxgan.nets", "no file 'dcgn' in jaxgan.nets; did you mean 'dcgan'"),
        ("dcgan.Generater", "jaxgan.nets", "did you mean 'Generator'"),
        ({"width": 3}, "jaxgan.nets", "says no name"),
        ({"name": "dcgan.Generator", "width": "wide"}, "jaxgan.nets", "width='wide': .* takes int"),
        (
            {"name": "least_squares", "c": True},
            "jaxgan.losses.adversarial",
            "c=True: .* takes float",
        ),
        ({"name": "dcgan.Generator", "parent": 1}, "jaxgan.nets", "no such option"),
    ],
)
def test_what_is_unknown_is_named_with_the_nearest(node, home, text):
    with pytest.raises(UserError, match=text):
        resolve(node, home, at="config.x", given=("shape",))
