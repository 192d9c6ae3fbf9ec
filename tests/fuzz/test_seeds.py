"""The fuzz targets without the fuzzer: seeds are taken, and seeds that were hit are no crash."""

import random

import fuzz_weights
import pytest


@pytest.mark.parametrize("target", fuzz_weights.TARGETS)
def test_seeds_are_taken_and_what_became_of_them_is_refused_or_read(target):
    run, rng, refused = fuzz_weights.TARGETS[target], random.Random(0), 0
    for seed in fuzz_weights.seeds(target):
        taken = run(seed)
        assert taken or target == "dataset"
        for _ in range(60):
            data = bytearray(seed)
            for _ in range(rng.choice([1, 1, 2, 8])):
                at = rng.randrange(len(data))
                data[at : at + rng.choice([0, 1, 1, 4])] = rng.randbytes(rng.choice([0, 1, 4]))
            refused += not run(bytes(data))
    assert refused
