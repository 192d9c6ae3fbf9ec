"""Writes a data set as shards of records, which runs read at random without holding them.

  python -m jaxgan.prepare folder:/path/of/images --out=records/faces --res=64
  python -m jaxgan.prepare folder:/path.zip --out=records/faces --res=64 --fit=pad --on_bad=stop
  python -m jaxgan.prepare tfds:cifar10 --out=records/cifar --res=32
  python -m jaxgan.prepare records:records/faces --out=records/small --res=32
  python -m jaxgan.main --config=experiments/dcgan.py:res=64,data=records:records/faces

SOURCE is what --config.data.name takes, of images of one domain. Items keep their order, labels,
names of classes and conditions, so batches are those of SOURCE itself. No more pictures are held
than threads work on; a line says beforehand how much disk they take. What was killed is continued
by the same command, and ends in the same bytes.

Writes:
  --out=DIR/images-00000-of-00016.array_record  the shards, in order
  --out=DIR/labels.npy                          all labels, int32 (N,), where there are any
  --out=DIR/records.json                        written last: shape, counts, classes, fingerprint
Exit codes:
  0   done, or all of it is there already
  2   bad input: one line on stderr
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from jaxgan.runtime import environment, errors, paths
from jaxgan.runtime.parser import Parser, whole

_OPTIONS = ("res", "channels", "fit", "bits", "range", "on_bad", "split", "data_dir")


def main(argv: list[str]) -> int:
    """Parses the flags and writes the records; returns the exit code."""
    args = _parser().parse_args(argv)
    paths.check_folder(args.out, "--out")
    environment.prepare()
    from jaxgan.data.shards import inputs, plan, writer
    from jaxgan.data.sources.records import records

    settings = {key: getattr(args, key) for key in _OPTIONS if getattr(args, key) is not None}
    given = inputs.opened(args.source, settings, args.workers)
    prepared: dict[str, Any] = {"source": args.source, **settings}
    planned = plan.planned(given, prepared, args.shards, args.shard_size)
    if plan.finished(args.out, planned):
        print(f"{args.out} is prepared already", file=sys.stderr)
    else:
        writer.write(given, args.out, planned)
    print(f"{args.out}: {records(str(args.out)).describe()}", file=sys.stderr)
    return 0


def _interval(text: str) -> tuple[float, float]:
    """Parses two numbers, as in 0,4095."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text}: give two numbers, as in 0,4095") from None
    return low, high


def _parser() -> Parser:
    """Builds the parser of the flags."""
    parser = Parser("prepare", __doc__)
    parser.add_argument("source", metavar="SOURCE", help="as config.data.name: folder:/path")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="a new folder")
    group = parser.add_argument_group("what images become, as under config.data")
    group.add_argument("--res", type=whole(1, 2**16), help="pixels a side")
    group.add_argument("--channels", type=int, choices=(1, 3, 4), help="gray, RGB or RGBA")
    group.add_argument("--fit", choices=("crop", "pad", "squash"), help="how they become square")
    group.add_argument("--bits", type=whole(1, 32), help="that images of more than 8 bits use")
    group.add_argument("--range", type=_interval, metavar="LOW,HIGH", help="black and white")
    group.add_argument("--on_bad", choices=("skip", "stop"), help="what to do about bad files")
    group.add_argument("--split", help="of tfds:")
    group.add_argument("--data_dir", metavar="DIR", help="of tfds:")
    group = parser.add_argument_group("shards")
    either = group.add_mutually_exclusive_group()
    either.add_argument(
        "--shards", type=whole(1, 512), default=0, help="how many (default: one for each 128 MB)"
    )
    either.add_argument(
        "--shard-size", type=whole(1, 2**40), default=0, help="images of each (default: see above)"
    )
    group.add_argument(
        "--workers",
        type=whole(1, 256),
        default=environment.cores(),
        help="threads that decode files (default: a thread for each core)",
    )
    return parser


if __name__ == "__main__":
    errors.run(main)
