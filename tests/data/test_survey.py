"""What pictures were, in words, and warnings of what preparing them loses."""

import pytest

from jaxgan.data import survey
from jaxgan.data.survey import Facts


def test_sizes_and_kinds_in_words():
    facts = [Facts(640, 480, "RGB"), Facts(12, 10, "gray"), Facts(64, 64, "RGB")]
    assert survey.of(facts).original() == "12x10 to 640x480 RGB (2) and gray (1)"
    assert survey.of(facts[:1] * 3).original() == "640x480 RGB"


def test_what_is_lost_is_measured():
    seen = survey.of([Facts(96, 32, "RGB"), Facts(32, 32, "RGB", clipped=0.02, composited=True)])
    assert seen.cropped == pytest.approx(1 / 3) and seen.most == pytest.approx(2 / 3)
    assert seen.notes("crop") == [
        "crop drops 33% of the area",
        "1.00% of the values were clipped to the range",
        "1 image composited on white",
    ]
    assert survey.of([Facts(8, 8, "RGB", clipped=1e-9)]).notes("crop") == [
        "0.01% of the values were clipped to the range"
    ]
    assert seen.notes("pad") == seen.notes("crop")[1:]
    assert survey.of([Facts(8, 8, "RGB")]).notes("crop") == []


@pytest.mark.parametrize(
    ("width", "fit", "warned"), [(124, "crop", 0), (126, "crop", 1), (300, "pad", 0)]
)
def test_crops_of_more_than_a_fifth_are_warned_of(width, fit, warned, capsys):
    survey.of([Facts(width, 100, "RGB")]).warn(fit, ranged=False)
    assert capsys.readouterr().err.count("config.data.fit=pad or squash") == warned


@pytest.mark.parametrize(
    ("peaks", "ranged", "bits"),
    [([4095, 100], False, 12), ([8191], False, 13), ([8192], False, 0), ([4095], True, 0)],
)
def test_deep_pictures_that_use_an_eighth_or_less_are_warned_of(peaks, ranged, bits, capsys):
    facts = [Facts(8, 8, "16-bit gray", True, peak) for peak in peaks] + [Facts(8, 8, "gray")]
    survey.of(facts).warn("crop", ranged=ranged)
    err = capsys.readouterr().err
    assert err.count("warning") == bool(bits)
    assert not bits or f"set config.data.bits={bits}," in err


def test_summaries_of_parts_merge_to_that_of_the_whole():
    facts = [
        Facts(9 + i % 5, 8, ("RGB", "gray")[i % 3 == 0], i == 4, 7.0 * i, i / 100, i % 2 == 0)
        for i in range(12)
    ]
    whole, parts = survey.of(facts), [survey.of(facts[:5]), survey.of(facts[5:])]
    merged = survey.merged(parts)
    for name, value in whole._asdict().items():
        assert getattr(merged, name) == (pytest.approx(value) if name != "kinds" else value), name
