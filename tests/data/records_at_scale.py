"""What a million pictures take to prepare and to read: a benchmark, not a test.

    python tests/data/records_at_scale.py --n=1000000 --place=/tmp/scale --memory=2

Makes a zip of N JPEG crops of scikit-learn's photographs, 64x64 (20,000 different ones), prepares
it by `jaxgan.prepare` and reads 10,000 batches of 64 from it, each in a process of its own that may
allocate --memory GB (RLIMIT_DATA). Prints what each took, and removes PLACE at the end.
"""

import argparse
import io
import os
import resource
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

READ = """
import sys, time, resource
at = time.monotonic()
from jaxgan.data.load import load
from jaxgan.data.pipeline import Batches
source = load("records:" + sys.argv[1])
batches = Batches(source, batch=64, seed=0, flip=True)
batches(0)
print(f"first batch after {time.monotonic() - at:.1f} s, imports included")
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
steps = int(sys.argv[2])
at, cpu, early = time.monotonic(), time.process_time(), 0
for t in range(1, steps + 1):
    batches(t)
    early = peak() if t == steps // 10 else early
took, used = time.monotonic() - at, time.process_time() - cpu
print(f"{steps} batches of 64: {steps / took:.0f} a second, {64 * steps / took:.0f} images/s on "
      f"{used / took:.2f} cores; peak {early} MB after a tenth, {peak()} MB after all")
"""


def pictures(path: Path, n: int) -> None:
    """Writes a zip of n JPEGs in 10 folders."""
    from sklearn.datasets import load_sample_images

    rng = np.random.default_rng(0)
    photos = [Image.fromarray(photo) for photo in load_sample_images().images]
    found = []
    for _ in range(min(n, 20_000)):
        photo, side = photos[rng.integers(2)], int(rng.integers(96, 400))
        left, top = (int(rng.integers(0, each - side + 1)) for each in photo.size)
        crop = photo.resize(
            (64, 64), Image.Resampling.BICUBIC, (left, top, left + side, top + side)
        )
        data = io.BytesIO()
        crop.save(data, "JPEG", quality=95)
        found.append(data.getvalue())
    with zipfile.ZipFile(path, "w") as archive:
        for i in range(n):
            archive.writestr(f"{i % 10}/{i:07d}.jpg", found[i % len(found)])


def measured(name: str, command: list[str], memory: float) -> None:
    """Runs a command and prints what it took; its processes may have `memory` GB, 0 for all."""

    def limit() -> None:
        if memory:
            resource.setrlimit(resource.RLIMIT_DATA, (int(memory * 1e9), int(memory * 1e9)))

    at = time.monotonic()
    child = subprocess.Popen(command, preexec_fn=limit)
    _, status, used = os.wait4(child.pid, 0)
    cpu = used.ru_utime + used.ru_stime
    print(
        f"{name}: exit code {os.waitstatus_to_exitcode(status)}, {time.monotonic() - at:.1f} s, "
        f"{cpu:.1f} s of CPU, peak {used.ru_maxrss // 1024} MB",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=1_000_000)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--place", type=Path, required=True)
    parser.add_argument("--memory", type=float, default=0)
    args = parser.parse_args()
    args.place.mkdir(parents=True)
    try:
        source, out = args.place / "pictures.zip", args.place / "records"
        pictures(source, args.n)
        print(f"{args.n} JPEGs, {source.stat().st_size / 1e9:.2f} GB", flush=True)
        prepare = [sys.executable, "-m", "jaxgan.prepare", f"folder:{source}", f"--out={out}"]
        measured("prepare", [*prepare, "--res=64"], args.memory)
        size = sum(each.stat().st_size for each in out.iterdir())
        print(f"records: {size / 1e9:.2f} GB in {len(list(out.iterdir()))} files", flush=True)
        measured("read", [sys.executable, "-c", READ, str(out), str(args.steps)], args.memory)
    finally:
        shutil.rmtree(args.place)


if __name__ == "__main__":
    main()
