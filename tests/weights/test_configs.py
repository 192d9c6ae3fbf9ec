"""What a file of weights and its name become in a config: literals, or one line that refuses."""

import ast
import json
import os
from pathlib import Path

import numpy as np
import pytest

from jaxgan import config as configs
from jaxgan import convert
from jaxgan.runtime.errors import UserError
from jaxgan.weights import configs as written
from jaxgan.weights import contents, state_dict
from jaxgan.weights.published import stylegan2_ada

ROOT = Path(__file__).parents[2]
PATH = Path(__file__).parents[1] / "fixtures/stylegan2_32.npz"
BASE = f"--config={ROOT}/experiments/stylegan2.py"
CONFIG = {"seed": 0, "game": {"name": "stylegan2", "taps": (1.0, 3.0), "clamp": 0.0}}
NAMES = [
    'a"""+str(open("PWNED","w"))+"""b.npz',
    "a'''; import os; os.mkdir('PWNED')#.npz",
    "a\nopen('PWNED', 'w')\n.npz",
    "{config}{weights!r}{0}.npz",
    "\\N{DIGIT ONE}\\x00\\.npz",
    "a\\",
    "\udcff\udc80.npz",
    "名前\u202e.npz",
    "# -*- coding: utf-7 -*-.npz",
    "%s%n\x1b[31m\x0c.npz",
]


@pytest.fixture(scope="module")
def nets():
    with np.load(PATH) as arrays:
        return {k: v for k, v in arrays.items() if k.startswith(("G/", "D/"))}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("place", ["weights", "base", "value"])
def test_a_name_is_data_in_the_written_config(tmp_path, monkeypatch, name, place):
    monkeypatch.chdir(tmp_path)
    config = CONFIG | ({"note": name} if place == "value" else {})
    given = {"weights": "w.npz", "base": "b.py"} | ({place: name} if place != "value" else {})
    text = written.source(config, **given)
    Path("config.py").write_text(text, encoding="ascii")
    assert configs.load("config.py").to_dict() == config
    values = [ast.literal_eval(n.value) for n in ast.parse(text).body if isinstance(n, ast.Assign)]
    assert values == [*given.values(), config]
    assert os.listdir() == ["config.py"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_stays_on_its_line(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    for make in (lambda: None, lambda: Path(name).write_bytes(b"junk")):
        make()
        with pytest.raises(UserError) as told:
            contents.read(Path(name))
        assert str(told.value).isprintable()


@pytest.mark.parametrize(
    "value", [np.inf, -np.inf, np.nan, np.float32(1), 1j, object(), {1: 2}, b"x", [np.inf], {1}]
)
def test_what_is_no_literal_is_refused(value):
    with pytest.raises(UserError, match=r"config\.game\.clamp"):
        written.source({"game": {"clamp": value}}, "w.npz", "b.py")


@pytest.mark.parametrize(
    ("kwargs", "said"),
    [
        ({"G": 5}, "_init_kwargs"),
        ({"G": [1]}, "_init_kwargs"),
        ({"G": {"synthesis_kwargs": "x"}}, "synthesis_kwargs"),
        ({"G": {"synthesis_kwargs": None}}, "synthesis_kwargs"),
        ({"G": {"conv_clamp": float("inf")}}, "conv_clamp is inf"),
        ({"G": {"conv_clamp": float("nan")}}, "conv_clamp is nan"),
        ({"G": {"conv_clamp": -1}}, "conv_clamp is -1"),
        ({"G": {"conv_clamp": 10**400}}, "conv_clamp is 1"),
        ({"G": {"conv_clamp": "256"}}, "conv_clamp is no number"),
        ({"G": {"conv_clamp": True}}, "conv_clamp is no number"),
        ({"G": {"conv_clamp": {"a": 1}}}, "conv_clamp is no number"),
        ({"G": {}, "D": {"conv_clamp": [1]}}, "conv_clamp is no number"),
    ],
)
def test_constructors_arguments_of_another_type_are_refused(kwargs, said):
    with pytest.raises(UserError, match=said) as told:
        written.clamp(kwargs)
    assert len(str(told.value)) < 120


def test_the_clamp_is_that_of_the_first_network_that_has_one():
    both = {"G": {"synthesis_kwargs": {"conv_clamp": None}}, "D": {"conv_clamp": 256}}
    assert written.clamp(both) == 256.0 and written.clamp({"G": {}}) == 0.0


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("batch=0", "config.batch=0"),
        ("batch=-4", "config.batch=-4"),
        ("seed=-1", "config.seed=-1"),
        ("seed=18446744073709551616", "config.seed=1844"),
        ("steps=-5", "config.steps='?-5"),
        ("steps=" + "9" * 43, "config.steps"),
        ("steps=soon", "config.steps"),
        ("seeds=3", "config.seeds=3"),
        ("growth.first=4", "config.growth"),
        ("bacth=8", "config.bacth"),
        ("log.evry=3", "config.log.evry"),
        ("log=5", "config.log=5"),
        ("checkpoint.every=-1", "config.checkpoint.every"),
        ("data.rse=3", "config.data.rse"),
        ("data.name=nosuch", "config.data"),
        ("data=5", "config.data=5"),
        ("optim.g=5", "config.optim.g=5"),
        ("optim.x.lr=1", "config.optim.x"),
        ("optim.g.rate=1", "config.optim.g.rate"),
        ("game=5", "config.game=5"),
        ("game.d=5", "config.game.d=5"),
        ("game.gama=1", "config.game.gama"),
    ],
)
def test_a_flag_that_no_run_can_have_is_one_line_before_anything_is_written(tmp_path, flag, said):
    with pytest.raises(UserError, match=said) as told:
        convert.main([str(PATH), f"--workdir={tmp_path}/run", BASE, f"--config.{flag}"])
    assert len(str(told.value).splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("place", ["/proc/run", "/dev/null", "file/run", "y" * 300])
def test_a_workdir_that_cannot_be_made_is_one_line(tmp_path, monkeypatch, place):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with np.load(PATH) as arrays:
        np.savez("nets.npz", **{k: v for k, v in arrays.items() if k.startswith("G/")})
    with pytest.raises(UserError, match="cannot be written"):
        convert.main(["nets.npz", f"--workdir={place}", BASE])


def altered(nets, **values):
    """The generator's state with some arrays replaced."""
    state = {k.removeprefix("G/"): v for k, v in nets.items() if k.startswith("G/")}
    return state | {k.replace("__", "."): v for k, v in values.items()}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.full(3, np.nan, np.float32), "x.y has values that are not finite"),
        (np.full(3, np.inf), "x.y has values that are not finite"),
        (np.full(3, 1e300), "x.y has values that are not finite"),
        (np.ones(3, complex), "x.y holds complex128"),
        (np.ones(3, int), "x.y holds int64"),
        (np.ones(3, bool), "x.y holds bool"),
    ],
)
def test_values_that_are_no_finite_floats_are_refused_by_name(value, said):
    with pytest.raises(UserError, match=said):
        state_dict.checked({"a": np.ones(2), "x.y": value})
    halves = state_dict.checked({"x": np.ones(2, np.float16)})
    assert halves["x"].dtype == np.float32


F = "synthesis__b4__resample_filter"
G = "not a StyleGAN2 generator"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({F: np.zeros((4, 4))}, "begins with a tap of 0"),
        ({F: np.zeros(4)}, "begins with a tap of 0"),
        ({F: np.full((4, 4), np.nan)}, "no filter of finite numbers"),
        ({F: np.ones((4, 4, 4))}, "no filter of finite numbers"),
        ({F: np.ones((100, 100))}, "no filter of finite numbers"),
        ({F: np.ones(())}, "resample_filter"),
        ({F: np.ones((0, 4))}, "resample_filter"),
        ({F: np.ones((4, 4))}, "differs from synthesis.b4.resample_filter"),
        ({"synthesis__b4__const": np.ones(())}, G),
        ({"synthesis__b4__const": np.ones((2, 0, 4))}, G),
        ({"mapping__w_avg": np.ones(())}, G),
        ({"mapping__fc0__weight": np.ones(3)}, G),
        ({"mapping__fc77__weight": np.ones((2, 2))}, "its mapping has 3 layers"),
        ({"mapping__embed__weight": np.ones(3)}, G),
        ({"synthesis__b32__torgb__weight": np.ones(3)}, G),
        ({"synthesis__b32__conv1__weight": np.ones((3, 3))}, G),
        ({"synthesis__b128__conv1__weight": np.ones(3)}, "not of 4, 8, … pixels"),
        ({"synthesis__b33__conv1__weight": np.ones(3)}, "not of 4, 8, … pixels"),
        ({"synthesis__b8__conv0__bias": np.ones((2, 2))}, "b8.conv0.bias has the shape"),
        ({"synthesis__b8__conv0__weight": np.ones(2)}, "b8.conv0.weight has the shape"),
    ],
)
def test_misshapen_generators_are_refused_by_name(nets, values, said):
    with pytest.raises(UserError, match=said) as told:
        stylegan2_ada.import_generator(altered(nets, **values))
    assert len(str(told.value)) < 250


@pytest.mark.parametrize("name", ["b4.conv.weight", "b4.out.weight", "b32.fromrgb.weight",
                                  "b4.conv.resample_filter", "b4.fc.weight"])  # fmt: skip
@pytest.mark.parametrize("shape", [(), (3,), (2, 2), (2, 3, 3)])
def test_misshapen_discriminators_are_refused(nets, name, shape):
    state = {k.removeprefix("D/"): v for k, v in nets.items() if k.startswith("D/")}
    if shape == (2, 2) and name == "b4.out.weight":
        return  # two axes are right there, and its length is compared with the net's
    with pytest.raises(UserError):
        stylegan2_ada.import_discriminator(state | {name: np.ones(shape)})


@pytest.mark.parametrize("net", ["G/", "D/"])
def test_whatever_shape_an_array_has_no_error_is_pythons(nets, net):
    """Each array in turn is left out, or has a shape of up to five axes."""
    state = {k.removeprefix(net): v for k, v in nets.items() if k.startswith(net)}
    read = {
        "G/": lambda s: (stylegan2_ada.import_generator(s), stylegan2_ada.generator_options(s)),
        "D/": stylegan2_ada.import_discriminator,
    }[net]
    shapes = [(0,), *((2,) * axes for axes in range(6)), (3, 16), (1, 32, 1, 1)]
    refused = 0
    for name in state:
        others = {k: v for k, v in state.items() if k != name}
        for changed in (others, *(others | {name: np.ones(shape)} for shape in shapes)):
            try:
                read(changed)
            except UserError:
                refused += 1
    assert refused > 2 * len(state)


def test_shapes_that_do_not_fit_are_refused_before_a_net_of_them_is_made(nets, tmp_path):
    """A net of these options has 2**32 values; the file has a few."""
    wide = np.zeros((2**16, 1, 1, 1), np.float32)
    states = altered(nets, synthesis__b4__const=wide[..., 0], synthesis__b4__conv1__weight=wide)
    np.savez(tmp_path / "w.npz", **states)
    with pytest.raises(UserError, match="but the nets of its options have"):
        convert.main([f"{tmp_path}/w.npz", f"--workdir={tmp_path}/run", BASE])
    assert not (tmp_path / "run").exists()


def test_a_file_with_the_name_of_a_program_is_converted_and_runs_nothing(
    nets, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    np.savez(NAMES[0], **{k: v for k, v in nets.items() if k.startswith("G/")})
    assert convert.main([NAMES[0], "--workdir=run", BASE]) == 0
    config = configs.load("run/config.py").to_dict()
    recorded = json.loads(Path("run/config.json").read_text())["config"]
    assert json.loads(json.dumps(config)) == recorded
    assert sorted(os.listdir()) == sorted([NAMES[0], "run"])
