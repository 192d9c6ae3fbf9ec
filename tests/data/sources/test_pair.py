"""Two folders of pictures: layouts, scaling, random crops of any share, pairs, what is refused."""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import decoded as decoding
from jaxgan.data.load import load
from jaxgan.data.pipeline import Batches
from jaxgan.data.source import items
from jaxgan.data.sources.pair import pair
from jaxgan.runtime.errors import UserError
from jaxgan.training.setup import open_source

RES, SCALED = 25, 28


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "jaxgan" / "images"


@pytest.fixture
def root(tmp_path) -> Path:
    """Three pictures of A and five of B of odd sizes; two and one of tests."""
    for name, n in (("trainA", 3), ("trainB", 5), ("testA", 2), ("testB", 1)):
        for k in range(n):
            paint(tmp_path / "data" / name / f"{k}.png", (40 + 9 * k, 61), seed=k)
    return tmp_path / "data"


def paint(path: Path, size: tuple[int, int], mode: str = "RGB", seed: int = 0, **saved) -> Path:
    """Writes a picture of smooth random colors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(0, 256, (7, 9, 4), np.uint8)
    smooth = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
    smooth.convert("RGB" if mode == "P" else mode).convert(mode).save(path, **saved)
    return path


def ruler(path: Path, width: int, height: int) -> Path:
    """Writes a picture whose red is the column and whose green is the row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(width), np.arange(height)[:, None]
    Image.fromarray(pixels).save(path)
    return path


def scaled(img: Image.Image, side: int = SCALED) -> np.ndarray:
    short, size = min(img.size), img.size
    width, height = (int(side * each / short) for each in size)
    return np.asarray(img.resize((width, height), Image.Resampling.BICUBIC))


def refusal(path: Path, **options) -> str:
    with pytest.raises(UserError) as caught:
        pair(str(path), res=RES, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("names", [("trainA", "trainB"), ("testA", "testB"), ("trainA", "testA")])
def test_a_folder_that_is_a_link_to_another_is_refused(root, names):
    shutil.rmtree(root / names[1])
    (root / names[1]).symlink_to(names[0])
    assert f"{root / names[0]} and {root / names[1]} are one folder" in refusal(root)
    shutil.copytree(root / names[0], root / "copies")
    (root / names[1]).unlink()
    (root / "copies").rename(root / names[1])
    assert pair(str(root), res=RES).size, "copies are no link"


def test_of_photos_ab_nothing_is_warned(capsys):
    open_source({"name": "photos_ab", "res": RES})
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("trainA", "trainB"), "A and B hold the same"),
        (("trainB", "testB"), "test images of B are"),
    ],
)
def test_copies_in_place_of_other_pictures_are_warned_of(root, capsys, names, text):
    data = {"name": f"pair:{root}", "res": RES}
    open_source(data)
    assert capsys.readouterr().err == ""
    shutil.rmtree(root / names[1])
    shutil.copytree(root / names[0], root / names[1])
    open_source(data)
    err = capsys.readouterr().err
    assert text in err and err.count("\n") == 1


def test_both_layouts_hold_the_same(root, capsys):
    flat = load(f"pair:{root}", res=RES)
    other = root.with_name("other")
    for name in ("trainA", "trainB", "testA", "testB"):
        shutil.copytree(root / name, other / name[:-1] / name[-1])
    nested = load(f"pair:{other}", res=RES)
    assert flat.fingerprint == nested.fingerprint and flat.found == nested.found
    assert (flat.size, flat.second.size, flat.shape) == (5, 5, (RES, RES, 3))
    assert flat.found == (
        "A: 3 images, 40x61 to 58x61 RGB -> 25x25x3; B: 5 images, 40x61 to 76x61 RGB -> 25x25x3; "
        "test: 2 of A and 1 of B"
    )
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("size", [(60, 41), (41, 60), (300, 29), (20, 11), (28, 28)])
def test_every_crop_is_of_pillows_own_reduction(root, size):
    want = scaled(Image.open(paint(root / "trainA" / "0.png", size, seed=8)))
    source = pair(str(root), res=RES)
    room = np.array(want.shape[:2]) - RES
    places = np.indices(room + 1).reshape(2, -1).T  # every top and left edge
    crops = source.crop(np.zeros(len(places), int), (places + 0.5) / (room + 1))["image"]
    for (top, left), crop in zip(places, crops, strict=True):
        np.testing.assert_array_equal(crop, want[top : top + RES, left : left + RES])


def test_edges_are_uniform_with_both_ends_and_independent_of_the_other_domain(root):
    for name in ("trainA", "trainB"):
        shutil.rmtree(root / name)
        for k in range(100):  # of fewer, an epoch's order takes longer to draw
            ruler(root / name / f"{k}.png", 40, SCALED)
    batches = Batches(pair(str(root), res=RES), batch=40, seed=0)
    drawn = [batches(t) for t in range(40)]
    edges = [np.concatenate([b[name][:, 0, 0, :2] for b in drawn]) for name in ("image", "other")]
    for edge in edges:
        for axis, room in ((0, 40 - RES), (1, SCALED - RES)):
            counts = np.bincount(edge[:, axis], minlength=room + 1)
            assert len(counts) == room + 1
            expected = len(edge) / (room + 1)
            # a seed of a fixed chance: 5 standard deviations of the statistic above its mean
            assert ((counts - expected) ** 2 / expected).sum() < room + 5 * (2 * room) ** 0.5
        assert abs(np.corrcoef(edge.T)[0, 1]) < 0.1
    assert abs(np.corrcoef(edges[0][:, 0], edges[1][:, 0])[0, 1]) < 0.1


def test_batches_are_functions_of_seed_and_step_for_any_number_of_processes(root):
    source = pair(str(root), res=RES, channels=(1, 3))
    given = {"batch": 8, "seed": 1, "flip": True}
    whole, again = (Batches(source, **given) for _ in range(2))
    again(0)
    for n in (2, 4):
        parts = [lambda size, p=p, n=n: np.arange(p, size, n) for p in range(n)]
        shares = [Batches(source, **given, rows=rows) for rows in parts]
        for t in (0, 1000):
            for name, images in whole(t).items():
                np.testing.assert_array_equal(images, again(t)[name])
                for p, share in enumerate(shares):
                    np.testing.assert_array_equal(images[p::n], share(t)[name])
    other = Batches(source, **{**given, "seed": 2})
    assert all((whole(3)[name] != other(3)[name]).any() for name in ("image", "other"))
    assert whole.abstract(0) == {
        "image": ((8, RES, RES, 1), "uint8"),
        "other": ((8, RES, RES, 3), "uint8"),
    }


def test_pairs_are_cropped_and_mirrored_alike(root):
    shutil.rmtree(root / "trainB")
    shutil.copytree(root / "trainA", root / "trainB")
    for k, suffix in ((0, "bmp"), (2, "tiff")):  # another suffix, the same name
        path = root / "trainB" / f"{k}.png"
        Image.open(path).save(path.with_suffix(f".{suffix}"))
        path.unlink()
    paint(root / "testB" / "1.png", (49, 61))
    source = pair(str(root), res=RES, aligned=True)
    batches = Batches(source, batch=6, seed=0, flip=True)
    seen = set()
    for t in range(20):
        batch = batches(t)
        np.testing.assert_array_equal(batch["image"], batch["other"])
        seen |= {image.tobytes() for image in batch["image"]}
    assert len(seen) > 60, "of 3 pictures"
    apart = pair(str(root), res=RES)
    loose = Batches(apart, batch=6, seed=0, flip=True)(0)
    assert all((a != b).any() for a, b in zip(loose["image"], loose["other"], strict=True))
    assert apart.fingerprint != source.fingerprint


def test_tests_are_centers(root):
    want = scaled(Image.open(root / "testA" / "1.png"))
    top, left = ((side - RES + 1) // 2 for side in want.shape[:2])
    found = items(pair(str(root), res=RES).test, np.arange(2))
    np.testing.assert_array_equal(found["image"][1], want[top : top + RES, left : left + RES])
    np.testing.assert_array_equal(*found["other"])


@pytest.mark.parametrize("kind", ["gray", "RGBA", "palette", "deep", "turned"])
def test_pictures_of_any_kind_are_taken_as_a_folder_takes_them(root, kind):
    path = root / "trainA" / "0.png"
    if kind == "deep":
        levels = np.add.outer(np.arange(40) * 900, np.arange(60) * 400).astype(np.uint16)
        Image.fromarray(levels).save(path)
        eight = Image.fromarray(np.rint(levels / 257).astype(np.uint8))
    elif kind == "turned":
        exif = Image.Exif()
        exif[0x112] = 6
        eight = Image.open(paint(path, (60, 40), exif=exif)).transpose(Image.Transpose.ROTATE_270)
    else:
        img = Image.open(paint(path, (60, 40), {"gray": "L", "palette": "P"}.get(kind, kind)))
        white = Image.new("RGBA", img.size, "white")
        eight = Image.alpha_composite(white, img.convert("RGBA")) if kind == "RGBA" else img
    for channels, mode in ((1, "L"), (3, "RGB")):
        want = scaled(eight.convert("RGB").convert(mode))
        source = pair(str(root), res=RES, channels=[channels, 3])
        crop = source.crop(np.zeros(1, int), np.zeros((1, 2)))["image"][0]
        np.testing.assert_array_equal(crop, want.reshape(*want.shape[:2], -1)[:RES, :RES])
        assert source.shape == (RES, RES, channels) and source.second.shape == (RES, RES, 3)


def test_pictures_are_decoded_once_and_damage_is_mended(root, cache, monkeypatch):
    decode, count = decoding._decode, []
    monkeypatch.setattr(decoding, "_decode", lambda *a: count.append(0) or decode(*a))

    def crops(path=root) -> tuple[int, np.ndarray]:
        count.clear()
        batch = Batches(pair(str(path), res=RES), batch=8, seed=0)(0)
        return len(count), np.concatenate(list(batch.values()))

    n, want = crops()
    assert n == 11 and crops()[0] == 0
    moved = root.rename(root.with_name("moved"))
    assert crops(moved)[0] == 0
    largest = max(cache.glob("*.pixels"), key=lambda path: path.stat().st_size)
    os.truncate(largest, 100)
    n, found = crops(moved)
    assert n == 5
    np.testing.assert_array_equal(found, want)


def test_a_bad_file_is_skipped_and_so_is_its_counterpart(root, capsys):
    (root / "trainA" / "1.png").write_text("no image")
    source = pair(str(root), res=RES)
    assert "A: 2 images" in source.found and "1 file skipped" in source.found
    assert "skipped 1 of 3 files below" in (line := capsys.readouterr().err)
    assert "trainA: 1.png (no known image format)" in line
    assert "trainA are not readable: 1.png (no known" in refusal(root, on_bad="stop")
    for path in (root / "trainB" / "3.png", root / "trainB" / "4.png", root / "testA" / "1.png"):
        path.unlink()
    source = pair(str(root), res=RES, aligned=True)
    assert source.size == 2
    assert "B: 2 images, 40x61 to 58x61" in source.found
    assert "1 image without a readable counterpart left out" in source.found
    every = source.gather(np.arange(2))["image"]
    np.testing.assert_array_equal(every, source.second.gather(np.arange(2))["image"])
    for k in (0, 2):
        (root / "trainA" / f"{k}.png").write_text("no image")
    assert "3 of 3 files" in (text := refusal(root)) and f"{root}/trainA" in text


def test_a_single_picture_trains_and_is_warned_of(root, capsys):
    for k in (1, 2):
        (root / "trainA" / f"{k}.png").unlink()
    batch = Batches(pair(str(root), res=RES), batch=4, seed=0, flip=True)(0)
    assert len({image.tobytes() for image in batch["image"]}) > 1, "its crops differ"
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: config.data:") and f"{root}/trainA has one image" in line


def test_without_tests_training_is_shown(root):
    for name in ("testA", "testB"):
        shutil.rmtree(root / name)
    (root / "valA").mkdir()
    (root / ".cache").mkdir()
    source = pair(str(root), res=RES)
    assert source.test is None
    assert source.found.endswith("; no test images, so those of training are shown; not read: valA")


def test_bits_spread_deep_pictures_of_either_domain(root, capsys):
    assert "bits=12: no image has more than 8 bits" in refusal(root, bits=12)
    Image.fromarray(np.full((40, 60), 4095, np.uint16)).save(root / "trainB" / "0.png")
    assert pair(str(root), res=RES).second.gather(np.zeros(1, int))["image"].max() == 16
    assert "set config.data.bits=12" in capsys.readouterr().err
    for options in ({"bits": 12}, {"range": [0, 4095]}):
        bright = pair(str(root), res=RES, **options)
        assert bright.second.gather(np.zeros(1, int))["image"].min() == 255


def test_folders_of_no_layout_are_refused(root, tmp_path):
    assert "No such file" in (text := refusal(tmp_path / "none"))
    assert f"{tmp_path}/none" in text and "holds trainA and trainB" in text
    (tmp_path / "file.zip").write_text("")
    assert "file.zip cannot be read as a folder" in (text := refusal(tmp_path / "file.zip"))
    assert "a zip unpacked" in text
    empty = tmp_path / "empty"
    empty.mkdir()
    text = refusal(empty)
    assert f"{empty} has neither trainA and trainB nor train/A and train/B" in text
    assert "found there: nothing" in text
    shutil.copytree(root, empty / "unpacked")
    assert refusal(empty).endswith(f"found there: unpacked; give {empty}/unpacked")
    shutil.rmtree(empty / "unpacked")
    paint(empty / "train" / "horse" / "0.png", (30, 30))
    paint(empty / "zebra" / "0.png", (30, 30))
    assert "found there: train, zebra, train/horse" in refusal(empty)
    paint(empty / "train" / "A" / "0.png", (30, 30))
    assert "has no train/B; found there: " in (text := refusal(empty)) and "train/A" in text
    paint(root / "train" / "A" / "0.png", (30, 30))
    text = refusal(root)
    assert "has two layouts, trainA, trainB, testA, testB and train/A; remove one" in text


@pytest.mark.parametrize("name", ["trainB", "testB"])
def test_folders_that_are_empty_files_or_missing_are_refused(root, name):
    shutil.rmtree(root / name)
    text = refusal(root)
    if name == "trainB":
        assert f"{root} has no trainB; found there: testA, testB, trainA" in text
    else:
        assert "has testA and no testB; add it, or remove testA to train without" in text
    (root / name).symlink_to("/no/such")
    assert f"{root}/{name} is no folder" in refusal(root)
    (root / name).unlink()
    paint(root / "x.png", (30, 30)).rename(root / name)
    assert f"{root}/{name} is no folder" in refusal(root)
    (root / name).unlink()
    (root / name / ".hidden").mkdir(parents=True)
    text = refusal(root)
    assert f"no images below {root}/{name}" in text and "put the pictures of B there" in text


def test_pairs_that_are_none_are_refused(root):
    text = refusal(root, aligned=True)
    assert f"3 images below {root}/trainA and 5 below {root}/trainB are no pairs" in text
    assert "without a counterpart: trainB/3.png, trainB/4.png;" in text
    paint(root / "trainB" / "4.bmp", (30, 30))
    shutil.copy(root / "trainB" / "4.png", root / "trainA")
    shutil.copy(root / "trainB" / "3.png", root / "trainA")
    assert "without a counterpart: trainB/4.bmp, trainB/4.png;" in refusal(root, aligned=True)
    for name in ("trainA/3.png", "trainA/4.png", "trainB/4.bmp", "trainB/0.png", "trainB/1.png"):
        (root / name).unlink()
    text = refusal(root, aligned=True)  # as many, but 1 of A would be paired with 3 of B
    assert "trainA/0.png, trainA/1.png, trainB/3.png and 1 more" in text
    for k in range(3):
        (root / "trainA" / f"{k}.png").rename(root / "trainA" / f"{k}_A.png")
    paint(root / "trainA" / "3_A.png", (40, 61))
    assert "without a counterpart: trainA/3_A.png;" in refusal(root, aligned=True)
    (root / "trainA" / "3_A.png").unlink()
    text = refusal(root, aligned=True)
    assert f"2 images below {root}/testA and 1 below {root}/testB are no pairs" in text
    (root / "testA" / "1.png").unlink()
    text = refusal(root, aligned=True)
    assert "trainA/0_A.png and " in text and "trainB/2.png have different aspect ratios" in text


@pytest.mark.parametrize("options", [{"channels": 2}, {"channels": (1, 2)}, {"aligned": "no"}])
def test_options_that_do_not_fit_are_refused(root, options):
    (key,) = options
    with pytest.raises(UserError, match=rf"config\.data\.{key}="):
        load(f"pair:{root}", res=RES, **options)


def test_a_sliver_of_a_picture_is_a_bad_file(root, capsys):
    """Scaled, a row of pixels would be thousands of pictures wide."""
    paint(root / "trainA" / "1.png", (5000, 2))
    assert "A: 2 images" in pair(str(root), res=RES).found
    assert "5000x2 pixels, a side 100 times the other" in capsys.readouterr().err
