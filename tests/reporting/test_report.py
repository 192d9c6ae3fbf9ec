"""Reports: what they show of runs and sweeps by hand, in a browser; and what is refused."""

import json
import math
import re

import numpy as np
import pytest
from browser import CHROMIUM, Browser

from jaxgan import report
from jaxgan.reporting import charts, images, page, runs
from jaxgan.runtime.errors import UserError
from jaxgan.visual import raster

CSV = """cell,rate,metric,n,mean,low,high,difference,difference_low,difference_high,p_holm,reason
rate=low,low,swd,5,41.3,39.8,42.8,,,,,
rate=high,high,swd,4,36.2,34.4,38,-5.1,-5.6,-4.6,0.001,seed 3: <diverged>
"""


def make_run(folder, lr, steps=40, every=10, checkpoint=True, batch=64):
    """A run's folder, as training leaves it."""
    (folder / "samples").mkdir(parents=True)
    if checkpoint:
        (folder / f"checkpoints/{steps}").mkdir(parents=True)
    config = {"batch": batch, "optim": {"d": {"lr": lr}}, "data": {"name": "<script>alert(1)"}}
    saved = {"config": config, "steps": steps, "data": {"found": "5 <b>images</b>"}}
    saved |= {"versions": {"jax": "0.10"}, "revision": "0123456789abcdef"}
    (folder / "config.json").write_text(json.dumps(saved))
    rows = []
    for step in range(every, steps + 1, every):
        kimg = step * batch / 1000
        rows.append({"step": step, "kimg": kimg, "d/loss": lr * step, "d/loss_ci95": 0.01,
                     "g/loss": None if step == 20 else 1.0, "images_per_s": 100.0})  # fmt: skip
    lines = "".join(f"{json.dumps(row)}\n" for row in rows)
    (folder / "metrics.jsonl").write_text(lines + '{"step": 50, "kim')
    evaluation = {"metric": "swd", "step": steps, "value": 41.25, "low": 40.0, "high": 42.5,
                  "floor": None, "replica": 3, "protocol": {"n": 2000},
                  "levels": {"28": 12345.6}}  # fmt: skip
    evaluation["bounds"] = {"28": {"low": 1.5, "high": 9.5}}
    (folder / "evaluations.jsonl").write_text(f"{json.dumps(evaluation)}\n")
    warned = {"step": 20, "kind": "won", "value": 1, "text": "the critic <has> won"}
    (folder / "warnings.jsonl").write_text(f"{json.dumps(warned)}\n")
    for step in (0, 20, steps):
        raster.save_png(folder / f"samples/{step:08d}.png", np.full((32, 32, 1), step, np.uint8))
    raster.save_png(folder / "samples/real.png", np.zeros((32, 32, 1), np.uint8))
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    sweep = place / "sweep"
    sweep.mkdir()
    (sweep / "sweep.json").write_text("{}")
    (sweep / "table.csv").write_text(CSV)
    (sweep / "table.md").write_text("| a |\n\n`the command`\n\nOver five seeds.\n")
    raster.save_png(sweep / "samples.png", np.zeros((40, 280, 3), np.uint8))
    one, two = make_run(place / "one", 0.1), make_run(place / "two", 0.5, steps=80, batch=32)
    return one, two, sweep


@pytest.fixture(scope="module")
def written(folders, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "report.html"
    assert report.main([*map(str, folders), f"--out={out}"]) == 0
    return out


def test_the_page_says_what_differs_and_how_it_went(written):
    text = written.read_text()
    for said in (
        '<th scope="row">optim.d.lr</th><td class="number">0.1</td><td class="number">0.5</td>',
        "the critic &lt;has&gt; won", "5 &lt;b&gt;images", "40 to 42.5", "n 2000", "jax 0.10",
        "swd 28", "12346", "1.5 to 9.5",
        "0.4 minutes", "seed 3: &lt;diverged&gt;", "the command", "rate=high", "0123456789ab<",
    ):  # fmt: skip
        assert said in text, said
    assert "<script>alert" not in text and "<diverged>" not in text
    assert not re.search(r"https?://", text), "nothing is loaded"
    assert len(text) < 5_000_000


def test_runs_are_read_as_they_are(folders):
    (one, two), (sweep,) = runs.read(folders)
    assert one.name == "one" and one.steps == 40, "a line that was cut is left out"
    assert one.seconds == pytest.approx(40 * 64 / 100) and one.speed == 100
    assert [one.kimg(step) for step in (0, 5, 40, 99)] == pytest.approx([0, 0.32, 2.56, 2.56])
    assert math.isnan(one.rows[1]["g/loss"]) and list(one.pictures) == [0, 20, 40]
    assert runs.differences([one, two]) == {
        "batch": ["64", "32"], "optim.d.lr": ["0.1", "0.5"],
    }  # fmt: skip
    assert runs.differences([one, one]) == {} and len(sweep.rows) == 2


def test_lines_are_broken_where_values_are_not_finite_and_have_bands():
    line = charts.Line("a", 0, [1, 2, 3], [0.0, math.nan, 2.0], [0.5, 0.5, 0.5])
    text = charts.curves("d/loss", [line], "kimg")
    path = re.search('class="line c0" d="([^"]*)"', text)[1]
    assert path.count("M") == 2 and path.count("L") == 0
    assert 'class="band c0"' in text and "at the end a 2" in text
    assert charts.curves("x", [line._replace(y=[math.nan] * 3)], "kimg") == ""
    assert 'class="line' in charts.curves("x", [line._replace(y=[1.0] * 3)], "kimg"), "constant"


def test_long_lines_are_thinned_and_keep_their_end():
    n = 10 * charts.POINTS + 3
    line = charts.thinned(charts.Line("a", 0, range(n), [float(x) for x in range(n)], [0.0] * n))
    assert len(line.x) <= charts.POINTS + 1 and line.y[-1] == n - 1


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.003, 0.0021), (1e5, 3e5), (7, 7.01)])
def test_ticks_are_few_and_round(low, high):
    found = charts.ticks(low, high)
    assert 2 <= len(found) <= 6 and all(low <= x <= high + 1e-9 for x in found)


def test_frames_are_spread_within_the_budget():
    steps = list(range(0, 1000, 10))
    assert images.frames(steps, [100] * 100, 10**6)[::23] == [0, 990]
    few = images.frames(steps, [100] * 100, 500)
    assert len(few) == 5 and few[0] == 0 and few[-1] == 990
    assert images.frames(steps, [100] * 100, 1) == [990] and images.frames([], [], 1) == []


def test_pictures_beyond_the_budget_make_the_page_no_larger(folders, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "BYTES", 9_000)
    folder = make_run(tmp_path / "noisy", 0.1)
    rng = np.random.default_rng(0)
    for step in range(0, 40, 2):
        noise = rng.integers(256, size=(64, 64, 1), dtype=np.uint8)
        raster.save_png(folder / f"samples/{step:08d}.png", noise)
    text = page.page(*runs.read([folder]))
    assert 1 <= text.count("data-kimg") < 5 and len(text) < 50_000


def test_sixty_runs_stay_below_five_megabytes(tmp_path, monkeypatch):
    one = make_run(tmp_path / "run", 0.1)
    rng = np.random.default_rng(0)
    noise = rng.integers(256, size=(640, 640, 3), dtype=np.uint8)  # compressed by nothing
    raster.save_png(one / "samples/00000040.png", noise)
    names = [f"{part}/{i}" for part in ("d", "g", "diagnosis") for i in range(8)]
    rows = []
    for step in range(1, 501):
        values = {name: float(rng.standard_normal()) for name in names}
        bands = {f"{name}_ci95": 0.1 for name in names}
        rows.append({"step": step, "kimg": step / 10, **values, **bands})
    (one / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    (run,), _ = runs.read([one])
    shown = {40: run.pictures[40]}
    many = [run._replace(name=f"run {i}", pictures=shown) for i in range(60)]
    real, found = images.encoded, {}

    def once(path, budget):  # the same picture each time
        if budget not in found:
            found[budget] = real(path, budget)
        return found[budget]

    monkeypatch.setattr(images, "encoded", once)
    text = page.page(many, [])
    assert text.count("data-kimg") == 60 and len(text) < 5_000_000


def test_bad_input_is_one_line(folders, tmp_path):
    young = make_run(tmp_path / "young", 0.1, checkpoint=False)
    empty = tmp_path / "empty"
    empty.mkdir()
    for given, text in (
        ([young], "young has no checkpoint yet"),
        ([empty], "holds no run and no sweep"),
        ([tmp_path / "none"], "none: cannot be read"),
        ([folders[0], folders[0]], "name each folder once"),
    ):
        with pytest.raises(UserError, match=text):
            report.main([*map(str, given), f"--out={tmp_path}/r.html"])
    with pytest.raises(UserError, match="write a .html"):
        report.main([str(folders[0]), f"--out={tmp_path}/r.txt"])
    assert not (tmp_path / "r.html").exists()


RUN = {"config": {"batch": 1}, "steps": 1}


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("config.json", b"\xff\xfe", "cannot be read"),
        ("config.json", b"[" * 100_000, "damaged"),
        ("config.json", b"5", "damaged"),
        ("config.json", json.dumps(RUN | {"config": 3}).encode(), "damaged"),
        ("config.json", json.dumps(RUN | {"steps": "many"}).encode(), "damaged"),
        ("config.json", json.dumps(RUN | {"versions": [1]}).encode(), "damaged"),
        ("config.json", json.dumps(RUN | {"data": "x"}).encode(), "damaged"),
        ("samples/00000020.png", b"", "no picture"),
        ("samples/00000020.png", b"GIF89a", "no picture"),
        ("samples/00000020.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "no picture"),
        ("table.csv", b"\xff\xfe", "cannot be read"),
        ("table.csv", b"cell,metric\na,swd\n", "damaged"),
        ("table.csv", CSV.replace("41.3", "x").encode(), "damaged"),
        ("table.csv", CSV[:150].encode(), "damaged"),
    ],
)
def test_damaged_files_are_one_line(tmp_path, name, content, text):
    folder = tmp_path / "x"
    if name == "table.csv":
        folder.mkdir()
        (folder / "sweep.json").write_text("{}")
    else:
        make_run(folder, 0.1)
    (folder / name).write_bytes(content)
    with pytest.raises(UserError, match=text) as told:
        report.main([f"{folder}", f"--out={tmp_path}/a.html"])
    assert "\n" not in str(told.value) and not (tmp_path / "a.html").exists()


def test_lines_of_another_form_are_left_out(tmp_path):
    folder = make_run(tmp_path / "x", 0.1)
    bad = [{"step": 5, "kimg": "a"}, {"step": 5, "d/loss": [1]}, {"step": "5"}, [1], 5]
    with (folder / "metrics.jsonl").open("w") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in [*bad, {"step": 7, "kimg": 1.0}])
    bad = [{"protocol": 5}, {"levels": [1]}, {"bounds": {"28": 3}}, [1]]
    with (folder / "evaluations.jsonl").open("a") as file:
        file.writelines(f"{json.dumps(row)}\n" for row in bad)
    assert report.main([f"{folder}", f"--out={tmp_path}/a.html"]) == 0
    (found,), _ = runs.read([folder])
    assert [row["step"] for row in found.rows] == [7]
    assert [row["value"] for row in found.evaluations] == [41.25]


@pytest.mark.parametrize("value", [1e308, -1e308, 10**400, 5e-324, math.inf, math.nan, True])
def test_numbers_of_any_size_are_shown(tmp_path, value):
    folder, place = make_run(tmp_path / "x", 0.1), tmp_path / "s"
    rows = [{"step": 1, "kimg": 1.0, "a/b": value}, {"step": 2, "kimg": 2.0, "a/b": -value}]
    rows += [{"step": 3, "kimg": value, "a/b": 1.0}, {"step": value, "kimg": 1.0}]
    (folder / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with (folder / "evaluations.jsonl").open("a") as file:
        file.write(json.dumps({"metric": "swd", "value": value, "low": value, "high": 1}) + "\n")
    place.mkdir()
    (place / "sweep.json").write_text("{}")
    (place / "table.csv").write_text(CSV.replace("41.3", str(value).replace("True", "1")))
    assert report.main([f"{folder}", f"{place}", f"--out={tmp_path}/a.html"]) == 0


def test_follow_writes_anew_with_each_picture_until_the_run_is_done(tmp_path, monkeypatch):
    folder = make_run(tmp_path / "run", 0.1)
    rows = (folder / "metrics.jsonl").read_text().splitlines()[:3]  # of 4: a step is left
    (folder / "metrics.jsonl").write_text("\n".join(rows) + "\n")
    (folder / "samples/00000040.png").unlink()
    pages = []

    def train(_):
        pages.append((tmp_path / "r.html").read_text())
        if len(pages) == 2:  # the picture comes before the row
            raster.save_png(folder / "samples/00000040.png", np.zeros((32, 32, 1), np.uint8))
        if len(pages) == 3:
            last = rows[-1].replace('"step": 30', '"step": 40')
            (folder / "metrics.jsonl").write_text("\n".join([*rows, last]) + "\n")

    monkeypatch.setattr(report.time, "sleep", train)
    assert report.main([str(folder), "--follow", f"--out={tmp_path}/r.html"]) == 0
    assert len(pages) == 3 and pages[0] == pages[1] != pages[2] and "30 of 40" in pages[2]
    assert "40 of 40" in (tmp_path / "r.html").read_text()


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not CHROMIUM:
        pytest.skip("no Chromium here: apt-get install chromium")
    opened = Browser(tmp_path_factory.mktemp("profile"))
    yield opened
    opened.close()


SHOWN = (
    "[...document.querySelectorAll('.frames img:not([hidden])')]"
    ".filter(i => i.alt.startsWith('samples of')).map(i => i.dataset.kimg).join()"
)


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("dark", [False, True])
def test_it_opens_in_a_browser_without_errors_requests_or_overflow(written, browser, width, dark):
    browser.said.clear()
    browser.requests.clear()
    browser.open(written, width, dark)
    assert browser.value("document.documentElement.scrollWidth") <= width
    background = browser.value("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(13, 17, 23)") == dark
    unnamed = "document.querySelectorAll('img:not([alt]), svg:not([aria-label])').length"
    assert browser.value(unnamed) == 0 and browser.value("document.images.length") == 7
    broken = "[...document.images].filter(i => !i.naturalWidth && !i.hidden).length"
    assert browser.value(broken) == 0
    assert not browser.said, browser.said
    assert all(url.startswith(("file:", "data:")) for url in browser.requests), browser.requests


def test_the_slider_moves_by_mouse_and_keyboard_at_equal_images(written, browser):
    browser.open(written, 1280)
    assert browser.value(SHOWN) == "2.56,2.56", "the last pictures"
    browser.value("document.getElementById('slider').focus()")
    browser.press("ArrowLeft")
    assert browser.value(SHOWN) == "1.28,0.64", "the last that are not after 1.28 thousand"
    assert browser.value("document.getElementById('said').textContent") == "1.28 thousand images"
    browser.press("Home")
    assert browser.value(SHOWN) == "0,0"
    browser.value("document.getElementById('slider').scrollIntoView()")
    box = "(s => { const b = s.getBoundingClientRect(); return [b.right - 8, b.y + b.height / 2] })"
    x, y = browser.value(f"{box}(document.getElementById('slider'))")
    browser.click(x, y)
    assert browser.value(SHOWN) == "2.56,2.56"
    said = browser.value("document.getElementById('slider').ariaValueText")
    assert said == "2.56 thousand images"
