"""How often intervals of one draw hold the mean of repeated draws: a benchmark, not a test.

  python tests/evaluation/interval_coverage.py --draws=200 --n=100

Each draw has new real items and new samples of fixed distributions, as toy images (swd, 16 pixels)
and as toy features (kid, 64 numbers), at three distances: none, some, and large. `difference` is
that of two sets of samples against shared real items, as --compare computes it. It prints a line
for each with the share of intervals that hold the mean, which should be 90 to 99 %, and the mean
standard error that was estimated over the standard deviation of the draws. On 200 draws of 100 they
were 91 to 98 %; of fewer features (--features=8) at no distance 100 %, with a standard error that
is 17 % too large: near 0 kid's interval is on the safe side.
"""

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np

from jaxgan.evaluation import uncertainty
from jaxgan.evaluation.comparison import difference
from jaxgan.evaluation.metrics import kid, swd
from jaxgan.evaluation.uncertainty import Estimate

DISTANCES = {"none": 0.0, "some": 0.3, "large": 1.0}
SIDE = 16  # pixels


def images(rng: np.random.Generator, n: int, distance: float) -> np.ndarray:
    """Toy images: smooth patterns of random phase, noisier the farther they are."""
    phase = rng.uniform(0, 2 * np.pi, (n, 1, 1, 1))
    wave = np.sin(np.arange(SIDE)[:, None, None] / 3 + phase) * 60
    noise = rng.normal(0, 10 * (1 + distance), (n, SIDE, SIDE, 1))
    return np.clip(128 + wave + noise, 0, 255).astype(np.uint8)


def features(rng: np.random.Generator, n: int, distance: float, dims: int) -> np.ndarray:
    """Toy features, whose mean is `distance` off in each direction."""
    return rng.normal(distance, 1, (n, dims)).astype(np.float32)


def of_swd(real: np.ndarray, fake: np.ndarray, seed: int) -> Estimate:
    """swd, and its interval by parts."""
    return uncertainty.of_parts(lambda a, b: swd.swd(a, b, 0), real, fake, seed)["mean"]


def of_kid(real: np.ndarray, fake: np.ndarray, seed: int) -> Estimate:
    """kid of an unlimited set of real items."""
    return kid.kid(real, fake, seed)


def single(draw: Callable, figure: Callable, n: int, distance: float, seed: int) -> Estimate:
    """The figure of one draw."""
    rng = np.random.default_rng(seed)
    return figure(draw(rng, n, 0.0), draw(rng, n, distance), seed)


def paired(draw: Callable, figure: Callable, n: int, distance: float, seed: int) -> Estimate:
    """The difference of the figures of two sets of samples against one of real items."""
    rng = np.random.default_rng(seed)
    real, *fakes = (draw(rng, n, each) for each in (0.0, 0.5, 0.5 + distance))
    rows = [figure(real, fake, seed)._asdict() for fake in fakes]
    return difference(*rows, *(row.pop("draws") for row in rows))


def main() -> None:
    """Prints a line for each figure and distance."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=200)
    parser.add_argument("--n", type=int, default=100)
    parser.add_argument("--features", type=int, default=64)
    parser.add_argument("--metrics", default="swd,kid")
    args = parser.parse_args()
    swd.PATCHES, swd.REPEATS = 16, 1  # the protocol's own take minutes and behave alike
    toys = {"swd": (images, of_swd), "kid": (partial(features, dims=args.features), of_kid)}
    for name in args.metrics.split(","):
        draw, figure = toys[name]
        for kind, one in (("", single), (" difference", paired)):
            for label, distance in DISTANCES.items():
                found = [one(draw, figure, args.n, distance, seed) for seed in range(args.draws)]
                values = np.array([each.value for each in found])
                held = np.mean([each.low <= values.mean() <= each.high for each in found])
                ratio = np.mean([each.std for each in found]) / values.std(ddof=1)
                print(
                    f"{name}{kind}, distance {label}: {held:.1%} of {args.draws} intervals hold "
                    f"the mean; standard error {ratio:.2f} of the draws'",
                    flush=True,
                )


if __name__ == "__main__":
    main()
