"""Times the presets of experiments/peers/pytorch.py against their PyTorch counterparts.

  python -m jaxgan.benchmark.compare_torch --peers=/path/to/torch_peers.py
  python -m jaxgan.benchmark.compare_torch --peers=… dcgan64 sngan32 --pairs=7 --torch=--compile

First each mode of PyTorch is tried, eager, channels_last and compiled, and the fastest is used for
the pairs. A pair is a process of each program, one after the other; the next pair starts with the
other program, so that a machine that slows down or is shared slows both. The time compared is that
of one update as the counterpart counts it: the critic's steps, then the generator's. PyTorch is
needed only here and may be installed in another environment (--torch-python).

Writes:
  stdout  a line for each pair and a Markdown table of medians; with --json, an object for each pair
  stderr  the times of PyTorch's modes
Exit codes:
  0   done
  1   a program failed: one line on stderr
  2   bad flags
"""

import argparse
import json
import shlex
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

from jaxgan.benchmark.pairs import Failed, alternate, call
from jaxgan.config.flags import execute

PRESETS = Path("experiments/peers/pytorch.py")
MODES = ("eager", "--channels-last", "--compile")  # of PyTorch
TABLE = "| preset | PyTorch | ms | jaxgan, ms | ratio | of peak |\n|---|---|---|---|---|---|"


def main() -> int:
    """Parses the flags and runs the pairs; prints each, then a table of the medians.

    Returns the exit code.
    """
    args, rows = parse(), []
    try:
        for preset in args.names:
            torch = fastest(preset, args) if args.torch is None else shlex.split(args.torch)
            pairs = []
            for pair in pairs_of(preset, torch, args):
                pairs.append(pair)
                print(json.dumps(pair) if args.json else line(len(pairs), pair), flush=True)
            rows.append(row(preset, torch, pairs))
    except Failed as failed:
        print(f"error: {failed}", file=sys.stderr)
        return 1
    if not args.json:
        print("\nmedians over pairs; jaxgan is faster where the ratio is above 1\n")
        print("\n".join([TABLE, *rows]))
    return 0


def parse() -> argparse.Namespace:
    """Parses the flags; `names` are the presets to time."""
    parser = argparse.ArgumentParser(
        "python -m jaxgan.benchmark.compare_torch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "names", nargs="*", metavar="PRESET", help="presets of --presets to time (default: all)"
    )
    parser.add_argument(
        "--peers", type=Path, required=True, metavar="FILE", help="the PyTorch program"
    )
    parser.add_argument(
        "--presets",
        type=Path,
        default=PRESETS,
        metavar="FILE",
        help="the config file with the presets (default: %(default)s)",
    )
    parser.add_argument("--pairs", type=int, default=5, help="per preset (default: 5)")
    parser.add_argument("--batch", type=int, help="of both programs (default: the preset's own)")
    parser.add_argument("--steps", type=int, default=10, help="timed updates (default: 10)")
    parser.add_argument(
        "--torch",
        metavar="FLAGS",
        help="flags of the PyTorch program, in one string, instead of trying its modes",
    )
    parser.add_argument(
        "--torch-python",
        default=sys.executable,
        metavar="FILE",
        help="the Python that runs the PyTorch program (default: this one)",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a pair, on stdout")
    args = parser.parse_args()
    if not args.presets.is_file():
        parser.error(f"--presets={args.presets}: no such file")
    presets = execute(args.presets)
    if unknown := set(args.names) - set(presets.PEERS):
        parser.error(f"no preset {', '.join(sorted(unknown))}; known: {', '.join(presets.PEERS)}")
    if not args.peers.is_file():
        parser.error(f"--peers={args.peers}: no such file")
    if min(args.pairs, args.steps, 1 if args.batch is None else args.batch) < 1:
        parser.error("--pairs, --batch and --steps must be at least 1")
    args.names = args.names or list(presets.PEERS)
    args.batch = {name: args.batch or presets.get_config(name).batch for name in args.names}
    return args


def fastest(preset: str, args: argparse.Namespace) -> list[str]:
    """Returns the flags of the fastest of MODES; prints the time or the error of each on stderr.

    Raises:
      Failed: every mode failed.
    """
    times, reason = {}, ""
    for mode in MODES:
        flags = [] if mode == "eager" else [mode]
        try:
            times[mode] = call(torch_command(preset, flags, args))["step_ms"]
            print(f"{preset}: {mode} {times[mode]:.2f} ms", file=sys.stderr)
        except Failed as failed:
            reason = failed
            print(f"{preset}: {mode} failed: {failed}", file=sys.stderr)
    if not times:
        raise Failed(reason)
    best = min(times, key=times.get)
    return [] if best == "eager" else [best]


def torch_command(preset: str, flags: list[str], args: argparse.Namespace) -> list[str]:
    """Returns the command line of a preset's counterpart."""
    command = [args.torch_python, str(args.peers), preset, *flags]
    return [*command, f"--batch={args.batch[preset]}", f"--steps={args.steps}"]


def pairs_of(preset: str, flags: list[str], args: argparse.Namespace) -> Iterator[dict]:
    """Runs both programs args.pairs times; yields the times of one update, ms, and torch's over
    jaxgan's, of each pair.
    """
    ours = [sys.executable, "-m", "jaxgan.bench", f"--config={args.presets}:{preset}", "--json"]
    ours += [f"--config.batch={args.batch[preset]}", f"--repeat={args.steps}"]
    theirs = torch_command(preset, flags, args)
    for torch, jaxgan in alternate(lambda: call(theirs), lambda: call(ours), args.pairs):
        yield {
            "preset": preset,
            "torch_ms": torch["step_ms"],
            "jaxgan_ms": jaxgan["cycle_ms"],
            "ratio": torch["step_ms"] / jaxgan["cycle_ms"],
            "torch": torch,
            "jaxgan": jaxgan,
        }


def line(i: int, pair: dict) -> str:
    """Formats one pair as a line of text."""
    sizes = pair["torch"]["params_m"], pair["jaxgan"]["params_m"]
    return (
        f"{pair['preset']:10} pair {i}: torch {pair['torch_ms']:9.2f} ms, "
        f"jaxgan {pair['jaxgan_ms']:9.2f} ms, ratio {pair['ratio']:5.2f} "
        f"(parameters {sizes[0]:.2f} M, {sizes[1]:.2f} M)"
    )


def row(preset: str, flags: list[str], pairs: list[dict]) -> str:
    """Formats the medians and the range of the ratio as a line of the table."""
    torch, ours, ratio = (
        statistics.median(pair[name] for pair in pairs)
        for name in ("torch_ms", "jaxgan_ms", "ratio")
    )
    ratios = [pair["ratio"] for pair in pairs]
    peak = statistics.median(pair["jaxgan"]["of_peak"] for pair in pairs)
    mode = " ".join(flags).replace("--", "") or "eager"
    return (
        f"| {preset} | {mode} | {torch:.1f} | {ours:.1f} "
        f"| {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {peak:.0%} |"
    )


if __name__ == "__main__":
    sys.exit(main())
