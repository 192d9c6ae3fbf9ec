"""The notebook: small, its outputs in, and each of its cells runs, on a run of a few steps."""

import ast
import json
from pathlib import Path

import numpy as np

PATH = Path(__file__).parents[1] / "experiments" / "latent_space.ipynb"
CELLS = [cell for cell in json.loads(PATH.read_text())["cells"] if cell["cell_type"] == "code"]


def test_it_is_small_and_shows_what_it_computed():
    assert PATH.stat().st_size < 300_000
    kinds = [
        kind for cell in CELLS for output in cell["outputs"] for kind in output.get("data", ())
    ]
    assert kinds.count("image/png") == 5
    assert not [o for cell in CELLS for o in cell["outputs"] if o["output_type"] == "error"]


def test_every_cell_runs(capsys):
    """As a kernel would, but in this process, whose compiler is set for tests."""
    names, values = {}, []
    for cell in CELLS:
        source = "".join(cell["source"]).replace("STEPS = 3000", "STEPS = 4")
        body = ast.parse(source)
        last = body.body.pop() if isinstance(body.body[-1], ast.Expr) else None
        exec(compile(body, str(PATH), "exec"), names)
        if last:
            values.append(eval(compile(ast.Expression(last.value), str(PATH), "eval"), names))
    assert names["run"].step == 4, "the number of steps was replaced"
    pictures = [np.asarray(value) for value in values if value is not None]
    assert len(pictures) == 5 and all(picture.std() > 0 for picture in pictures)
    assert "no w: its generator" in capsys.readouterr().out
