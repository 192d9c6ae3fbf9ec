"""Names in a config: what they resolve to, what is not offered, and what is said of bad ones."""

import subprocess
import sys
from pathlib import Path

import pytest

from jaxgan.config.registry import files, resolve
from jaxgan.core.network import Module
from jaxgan.core.optim import Optim
from jaxgan.games.common import build
from jaxgan.losses.adversarial import Loss
from jaxgan.runtime.errors import UserError

ROOT = Path(__file__).parents[2]
LOSSES, NETS = ("jaxgan.losses", Loss), ("jaxgan.nets", Module)


def find(node, home, at="config.x"):
    home, kind = home
    return resolve(node, home, kind=kind, at=at, given=("shape",))


def test_names_and_options():
    loss = find({"name": "least_squares", "c": 0.0}, LOSSES)()
    assert float(loss.g(None, 2.0)) == 2.0
    net = find("mlp.Generator", NETS)
    assert net(shape=(28, 28, 1)).widths == (256, 256)


def test_a_name_may_say_its_file():
    named, alone = find("relativistic.relativistic_pairing", LOSSES), find("hinge", LOSSES)
    assert named.func.__module__ == "jaxgan.losses.relativistic"
    assert alone.func.__module__ == "jaxgan.losses.adversarial"
    with pytest.raises(UserError, match="no 'hinge' in jaxgan.losses.relativistic"):
        find("relativistic.hinge", LOSSES)


@pytest.mark.parametrize(
    ("node", "home", "text"),
    [
        ("hing", LOSSES, "config.x: no 'hing' in jaxgan.losses; did you mean 'hinge'"),
        ({"name": "hinge", "smooth": 0.1}, LOSSES, "config.x.smooth: hinge has no such"),
        ("dcgn.Generator", NETS, "no file 'dcgn' in jaxgan.nets; did you mean 'dcgan'"),
        ("dcgan.Generater", NETS, "did you mean 'Generator'"),
        ({"width": 3}, NETS, "no name given; set config.x.name"),
        ({"name": "dcgan.Generator", "width": "wide"}, NETS, "config.x.width='wide': at least 1"),
        ({"name": "least_squares", "c": True}, LOSSES, "config.x.c=True: a finite number"),
        ({"name": "dcgan.Generator", "parent": 1}, NETS, "no such option"),
    ],
)
def test_unknown_names_and_options_are_refused_with_the_nearest(node, home, text):
    with pytest.raises(UserError, match=text):
        find(node, home)


def test_an_ambiguous_name_is_refused_with_every_file_that_has_it():
    with pytest.raises(UserError) as caught:
        find("Generator", NETS)
    assert str(caught.value).startswith("config.x: 'Generator' is ambiguous; write ")
    choices = str(caught.value).partition("write ")[2].split(" or ")
    assert {"mlp.Generator", "dcgan.Generator", "stylegan2.Generator"} <= set(choices)
    assert all(find(choice, NETS) for choice in choices)


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: build.augment("color"), "config.game.augment: no 'color' in jaxgan.augment; "),
        (lambda: build.augment("bgc"), "config.game.augment: no 'bgc' in jaxgan.augment; "),
        (lambda: build.loss("Loss"), "config.game.loss: no 'Loss' in jaxgan.losses; "),
        (lambda: build.loss("r1"), "config.game.loss: no 'r1' in jaxgan.losses; "),
        (lambda: build.loss("softplus"), "config.game.loss: no 'softplus' in jaxgan.losses; "),
        (lambda: build.auxiliary("Auxiliary"), "config.game.auxiliary: no 'Auxiliary' in"),
        (
            lambda: build.regularizers({"gradient_norms": {}}),
            "config.game.regularizers.gradient_norms: no 'gradient_norms' in jaxgan.losses; ",
        ),
        (
            lambda: build.module("mapping.Mapping", "g", (8, 8, 3)),
            "config.game.g: no 'Mapping' in jaxgan.nets.mapping; ",
        ),
        (
            lambda: build.module("dcgan.Conv", "g", (8, 8, 3)),
            "config.game.g: no 'Conv' in jaxgan.nets.dcgan; ",
        ),
        (
            lambda: Optim({"g": {"name": "restarted"}}, 10)("g"),
            "config.optim.g: no 'restarted' in jaxgan.core.optim; ",
        ),
        (
            lambda: Optim({"g": {"name": "clip_weights", "bound": 0.1}}, 10)("g"),
            "config.optim.g: no 'clip_weights' in jaxgan.core.optim; ",
        ),
    ],
)
def test_helpers_are_not_offered(make, text):
    with pytest.raises(UserError) as caught:
        make()
    refused, _, known = str(caught.value).partition("known: ")
    assert refused.startswith(text)
    helpers = {"color", "bgc", "Loss", "softplus", "Auxiliary", "gradient_norms", "Mapping", "Conv"}
    assert not set(known.split(", ")) & (helpers | {"restarted", "clip_weights"})


def test_a_loss_that_takes_functions_is_refused():
    with pytest.raises(UserError, match="^config.game.loss: .*separable"):
        build.loss("separable")


FILES = """
import sys
from jaxgan.config.registry import files
before = set(sys.modules)
found = files("jaxgan.data.sources")
print(*sorted(set(sys.modules) - before))
"""


def test_files_are_listed_with_their_first_lines_and_none_is_imported():
    found = files("jaxgan.losses")
    assert set(found) == {
        "adversarial",
        "auxiliary",
        "penalties",
        "reconstruction",
        "regularizers",
        "relativistic",
    }
    assert found["relativistic"].startswith("Relativistic losses (Jolicoeur-Martineau 2019)")
    assert "layers" not in files("jaxgan.nets"), "folders are no files"
    done = subprocess.run(
        [sys.executable, "-c", FILES], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["jaxgan.data", "jaxgan.data.sources"]


@pytest.mark.parametrize(
    ("game", "text"),
    [
        ({"augment": 3}, "config.game.augment=3: expected a name"),
        ({"loss": {"name": 3}}, "config.game.loss: no name given"),
        ({"regularizers": 3}, "config.game.regularizers=3: expected a node per label"),
        ({"regularizers": {"r1": 3}}, "config.game.regularizers.r1=3: expected a name"),
    ],
)
def test_a_node_that_is_no_name_and_no_mapping_is_refused(game, text):
    kinds = {"augment": build.augment, "loss": build.loss, "regularizers": build.regularizers}
    ((key, node),) = game.items()
    with pytest.raises(UserError, match=text):
        kinds[key](node)
