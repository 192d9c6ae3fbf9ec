"""The layout: imports go downwards, files stay short, flax.linen stays in nets/, ruff and mypy."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "jaxgan"
# Top down: a file imports from its own folder and from floors below, never from its own floor's
# other folders.
FLOORS = [
    {"commands"},
    {"ablation", "reporting", "studies"},
    {"benchmark", "compilation", "divergences", "evaluation"},
    {"generation", "weights"},
    {"games", "training"},
    {"augment", "data", "parallel"},
    {"nets"},
    {"core"},
    {"losses", "visual"},
    {"config"},
    {"runtime"},
]
FILES = sorted(PACKAGE.rglob("*.py"))
BRITISH = re.compile(
    r"\b\w*(colour|grey|behaviour|neighbour|labelled|centre|"
    r"(normal|regular|initial|quant|equal|optim|general|minim|maxim|penal|real|visual)is"
    r"(e|ed|es|er|ers|ing|ation))\b",
    re.IGNORECASE,
)
DIALECT = ("given up", "for ever", "told right", "goes on from", "going on from", "got by")


def folder(path: Path) -> str:
    """The folder below the package that a file is in; "commands" for the package root."""
    parts = path.relative_to(PACKAGE).parts
    return parts[0] if len(parts) > 1 else "commands"


def floor(name: str) -> int:
    return next(i for i, folders in enumerate(FLOORS) if name in folders)


def imported(path: Path) -> list[str]:
    """The modules that a file imports, wherever in the file it does."""
    found = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            found += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
    return found


def test_the_package_root_holds_commands_only():
    for path in PACKAGE.glob("*.py"):
        if path.name not in ("__init__.py", "__main__.py"):
            assert re.search(r"^def main\(argv", path.read_text(), re.MULTILINE), path
    assert {p.name for p in PACKAGE.iterdir() if p.is_dir()} - {"__pycache__"} == set().union(
        *FLOORS[1:]
    )


def test_top_level_holds_what_it_should():
    done = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if done.returncode:  # not a checkout
        pytest.skip("no git here, so what belongs to the project is not known")
    top = {line.partition("/")[0] for line in done.stdout.splitlines()}
    known = {"jaxgan", "experiments", "tests", "launch", "pyproject.toml", "README.md", "LICENSE"}
    assert {name for name in top if not name.startswith(".")} <= known


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name != "__init__.py"], ids=lambda p: str(p.relative_to(PACKAGE))
)
def test_imports_go_downwards(path):
    own = folder(path)
    for name in imported(path):
        if not name.startswith("jaxgan."):
            continue
        parts = name.split(".")
        other = parts[1] if (PACKAGE / parts[1]).is_dir() else "commands"
        if other == own:
            assert own != "commands" or path.name == "__main__.py", (
                f"{name}: no command imports one"
            )
            if own == "games":
                game = parts[2]
                assert game == "common" or game == path.stem, "games never import one another"
            continue
        assert floor(other) > floor(own), f"{path.relative_to(ROOT)} imports {name} from above"


def test_flax_is_imported_by_nets_and_the_seam_only():
    for path in FILES:
        if folder(path) != "nets" and path != PACKAGE / "core/network.py":
            assert not [n for n in imported(path) if n.startswith("flax.linen")], path


def test_experiments_import_configs_only():
    places = (ROOT / "experiments", ROOT / "experiments/ablations")
    for path in (path for place in places for path in place.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom):
                assert node.module in ("ml_collections", "jaxgan.config"), path
            assert not isinstance(node, ast.Import), path


def test_files_and_functions_are_short():
    for path in [*FILES, *ROOT.glob("experiments/**/*.py")]:
        text = path.read_text()
        most = 400 if "nets" in path.relative_to(ROOT).parts else 300
        assert len(text.splitlines()) <= most, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 60, f"{path}: {node.name}"


def test_folders_are_small():
    for place in {path.parent for path in FILES}:
        modules = [p for p in place.glob("*.py") if not p.name.startswith("__")]
        most = 20 if place.name == "metrics" else 14  # a metric is a file
        assert len(modules) <= most, f"{place}: {len(modules)} files"


def test_spelling_is_american_and_words_are_the_fields():
    written = (*ROOT.glob("experiments/**/*"), *ROOT.glob("launch/*"), ROOT / "README.md")
    for path in [*FILES, *written]:
        if path.suffix in (".py", ".md"):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                # `unlabelled` and `labelled` are presets' names, and stay
                text = line.replace("unlabelled", "").replace("labelled", "")
                assert not BRITISH.search(text), f"{path}:{number}: {line.strip()}"
                assert not re.search(rf"\b({'|'.join(DIALECT)})\b", text), (
                    f"{path}:{number}: {line.strip()}"
                )


@pytest.mark.parametrize("command", [["check"], ["format", "--check"]], ids=["lint", "format"])
def test_ruff(command):
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *command, "."], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_types_of_core_losses_and_games(tmp_path):
    command = [sys.executable, "-m", "mypy", f"--cache-dir={tmp_path}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
