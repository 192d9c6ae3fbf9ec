"""Times recipes against their PyTorch counterparts, turn about, on one machine.

    python -m jaxgan.benchmark.compare_torch --peers=/path/to/torch_peers.py
    python -m jaxgan.benchmark.compare_torch --peers=… dcgan64 sngan32 --pairs=7 --torch=--compile

PyTorch goes first in each of its ways, eager, channels_last and compiled, and the fastest enters
the pairs. One pair is a process of each program, one after the other, and the next pair begins
with the other one: a machine that slows down or has neighbours slows both. What is compared is the
time of one update as the counterpart counts it: the critic's steps, then the generator's. PyTorch
is needed only here, and may live in another environment (--torch-python).
"""

import argparse
import json
import shlex
import statistics
import subprocess
import sys
from pathlib import Path

from jaxgan.config.flags import execute

PRESETS = Path("experiments/peers/pytorch.py")
WAYS = ("eager", "--channels-last", "--compile")  # of PyTorch
TABLE = "| recipe | PyTorch | ms | jaxgan, ms | ratio | of peak |\n|---|---|---|---|---|---|"


class Failed(Exception):
    """A program that did not end well, and the last line it said."""


def main() -> int:
    """Parses the flags, runs the pairs, prints a line for each and a table of the medians."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recipes", nargs="*", help="names in --presets (default: all)")
    parser.add_argument("--peers", type=Path, required=True, help="torch_peers.py")
    parser.add_argument(
        "--presets", type=Path, default=PRESETS, help="the config file (default: %(default)s)"
    )
    parser.add_argument("--pairs", type=int, default=5, help="default: 5")
    parser.add_argument("--batch", type=int, default=64, help="default: 64")
    parser.add_argument("--steps", type=int, default=10, help="timed updates (default: 10)")
    parser.add_argument("--torch", help="torch_peers.py's flags, in one string, in place of trials")
    parser.add_argument("--torch-python", default=sys.executable, help="default: this one")
    parser.add_argument("--json", action="store_true", help="one JSON object a pair, on stdout")
    args = parser.parse_args()
    if not args.presets.is_file():
        parser.error(f"--presets={args.presets}: no such file")
    known = execute(args.presets).PEERS
    recipes = args.recipes or list(known)
    if unknown := set(recipes) - set(known):
        parser.error(f"no {', '.join(sorted(unknown))}; known: {', '.join(known)}")
    if not args.peers.is_file():
        parser.error(f"--peers={args.peers}: no such file")
    if min(args.pairs, args.batch, args.steps) < 1:
        parser.error("--pairs, --batch and --steps are at least 1")

    rows = []
    try:
        for recipe in recipes:
            torch = fastest(recipe, args) if args.torch is None else shlex.split(args.torch)
            pairs = []
            for i in range(args.pairs):
                pairs.append(pair(recipe, torch, args, torch_first=i % 2 == 0))
                print(json.dumps(pairs[-1]) if args.json else line(i, pairs[-1]), flush=True)
            rows.append(row(recipe, torch, pairs))
    except Failed as failed:
        print(f"error: {failed}", file=sys.stderr)
        return 1
    if not args.json:
        print("\nmedians over pairs; above 1, jaxgan is the faster\n")
        print("\n".join([TABLE, *rows]))
    return 0


def fastest(recipe: str, args: argparse.Namespace) -> list[str]:
    """Flags of the fastest of WAYS; says each one's time, or why it has none, on stderr."""
    times, reason = {}, ""
    for way in WAYS:
        flags = [] if way == "eager" else [way]
        try:
            times[way] = call(torch_command(recipe, flags, args))["step_ms"]
            print(f"{recipe}: {way} {times[way]:.2f} ms", file=sys.stderr)
        except Failed as failed:
            reason = failed
            print(f"{recipe}: {way} failed: {failed}", file=sys.stderr)
    if not times:
        raise Failed(reason)
    best = min(times, key=times.get)
    return [] if best == "eager" else [best]


def torch_command(recipe: str, flags: list[str], args: argparse.Namespace) -> list[str]:
    """The counterpart's command line."""
    command = [args.torch_python, str(args.peers), recipe, *flags]
    return [*command, f"--batch={args.batch}", f"--steps={args.steps}"]


def pair(recipe: str, flags: list[str], args: argparse.Namespace, torch_first: bool) -> dict:
    """Both programs' times for one update, ms, and torch's over jaxgan's."""
    torch = torch_command(recipe, flags, args)
    ours = [sys.executable, "-m", "jaxgan.bench", f"--config={args.presets}:{recipe}", "--json"]
    ours += [f"--config.batch={args.batch}", f"--repeat={args.steps}"]
    order = (torch, ours) if torch_first else (ours, torch)
    first, second = (call(command) for command in order)
    theirs, own = (first, second) if torch_first else (second, first)
    return {
        "recipe": recipe,
        "torch_ms": theirs["step_ms"],
        "jaxgan_ms": own["cycle_ms"],
        "ratio": theirs["step_ms"] / own["cycle_ms"],
        "torch": theirs,
        "jaxgan": own,
    }


def call(command: list[str]) -> dict:
    """The JSON object on the last line that a command prints.

    Raises:
      Failed: it ended with another exit code than 0.
    """
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise Failed(f"{shlex.join(command)}: {last}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def line(i: int, pair: dict) -> str:
    """One pair as a line of text."""
    sizes = pair["torch"]["params_m"], pair["jaxgan"]["params_m"]
    return (
        f"{pair['recipe']:10} pair {i + 1}: torch {pair['torch_ms']:9.2f} ms, "
        f"jaxgan {pair['jaxgan_ms']:9.2f} ms, ratio {pair['ratio']:5.2f} "
        f"(parameters {sizes[0]:.2f} M, {sizes[1]:.2f} M)"
    )


def row(recipe: str, flags: list[str], pairs: list[dict]) -> str:
    """Medians and the range of the ratio, as a line of the table."""
    torch, ours, ratio = (
        statistics.median(pair[name] for pair in pairs)
        for name in ("torch_ms", "jaxgan_ms", "ratio")
    )
    ratios = [pair["ratio"] for pair in pairs]
    peak = statistics.median(pair["jaxgan"]["of_peak"] for pair in pairs)
    way = " ".join(flags).replace("--", "") or "eager"
    return (
        f"| {recipe} | {way} | {torch:.1f} | {ours:.1f} "
        f"| {ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f}) | {peak:.0%} |"
    )


if __name__ == "__main__":
    sys.exit(main())
