"""Benchmarks the training steps of a config: time, images/s, compilation, memory, FLOPs.

  python -m jaxgan.bench --config=experiments/dcgan.py
  python -m jaxgan.bench --config=experiments/dcgan.py --config=experiments/sngan.py
  python -m jaxgan.bench --all --config.batch=64           any key, in every config
  python -m jaxgan.bench --against=HEAD~3 --config=experiments/dcgan.py --pairs=7

Times one full cycle of a config's game: every turn that is due until the pattern repeats. Only its
steps are timed, on one batch that is already on the device.

--against=REV runs the benches of this tree and of a git revision by turns, each in a process of its
own, and compares their times in pairs: below 1, this tree is faster. The revision is taken from git
into a temporary folder. A ratio is the median of pairs, with an interval for it (95 %, from six
pairs on) and the range of all. Leave the machine alone meanwhile.

Writes:
  stdout         the figures of one config; of several, a Markdown table; with --json, an object
                 for each config; with --against, of ratios
  stderr         with --against, each pair
  --profile=DIR  a jax.profiler trace of one more repetition
Exit codes:
  0   done
  1   some configs of several failed; their rows say why
  2   bad input: one line on stderr
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from jaxgan import config as configs
from jaxgan.benchmark import against, machine
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import Parser, whole
from jaxgan.runtime.paths import check_folder

PAIRS = 5
COLUMNS = "| config | batch | cycle, ms (p10 to p90) | steps | images/s | compile, s | memory, MB "
COLUMNS += "| GFLOP | of peak |\n|---|---|---|---|---|---|---|---|---|"


def main(argv: list[str]) -> int:
    """Parses the flags and measures; returns the exit code."""
    parser = Parser("bench", __doc__)
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        metavar="FILE[:ARG]",
        help="as for jaxgan.main; repeat it for a table of several",
    )
    parser.add_argument("--all", action="store_true", help="a table of all files of experiments/")
    parser.add_argument(
        "--repeat", type=whole(1, 10**6), default=10, help="timed repetitions (default: 10)"
    )
    parser.add_argument(
        "--steps",
        type=whole(0, 10**6),
        default=0,
        help="steps per repetition, rounded up to whole cycles (default: one cycle)",
    )
    parser.add_argument("--profile", type=Path, metavar="DIR", help="where to write a trace")
    parser.add_argument("--json", action="store_true", help="one JSON object a config, on stdout")
    parser.add_argument(
        "--against", metavar="REV", help="a git revision whose bench runs by turns with this one"
    )
    parser.add_argument(
        "--pairs",
        type=whole(1, 1000),
        default=PAIRS,
        help=f"of --against, per config (default: {PAIRS})",
    )
    args, overrides = parser.parse_known_args(argv)
    if not (args.config or args.all):
        raise UserError("nothing to measure; pass --config=experiments/x.py, or --all")
    if args.against is not None:
        return ratios(args, overrides)
    if args.pairs != PAIRS:
        raise UserError("--pairs is of --against=REV")
    names = args.config + (sorted(map(str, Path("experiments").glob("*.py"))) if args.all else [])
    if not names:
        raise UserError("--all: no experiments/*.py here; run it in the repository")
    if args.profile:
        check_folder(args.profile, "--profile")
    if len(names) == 1:
        figures = one(names[0], overrides, args.steps, args.repeat, args.profile)
        print(json.dumps(figures) if args.json else describe(figures))
        return 0
    if args.profile:
        raise UserError("--profile takes one --config")
    return table(names, overrides, args.steps, args.repeat, args.json)


def one(
    name: str, overrides: list[str], steps: int, repeat: int, profile: Path | None = None
) -> dict[str, Any]:
    """Times one config; returns `config` and the fields of `timing.Timing` by name."""
    config = configs.load(name)
    configs.override(config, overrides)
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.benchmark.timing import measure

    timing = measure(config.to_dict(), steps=steps, repeat=repeat, profile=str(profile or ""))
    return {"config": name, **timing._asdict()}


def table(names: list[str], overrides: list[str], steps: int, repeat: int, as_json: bool) -> int:
    """Prints a row, or a JSON object, for each config; returns 1 if any failed, else 0.

    Each runs in a separate process, so that none inherits another's memory use or failure.
    """
    failed = 0
    if not as_json:
        print(COLUMNS, flush=True)
    for name in names:
        flags = [f"--config={name}", f"--steps={steps}", f"--repeat={repeat}", "--json", *overrides]
        done = subprocess.run(
            [sys.executable, "-m", "jaxgan.bench", *flags], capture_output=True, text=True
        )
        if done.returncode:
            failed += 1
            last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            figures = {"config": name, "error": last.removeprefix("error: ")}
        else:
            figures = json.loads(done.stdout.splitlines()[-1])
        print(json.dumps(figures) if as_json else row(figures), flush=True)
    if failed:
        print(f"error: {failed} of {len(names)} configs failed", file=sys.stderr)
    return 1 if failed else 0


def ratios(args: argparse.Namespace, overrides: list[str]) -> int:
    """Prints each config's ratios as a row, or a JSON object; returns 1 if any failed, else 0."""
    if args.profile:
        raise UserError("--profile is of one tree; leave out --against")
    configs.override(ConfigDict(), overrides)  # a flag that no config has is refused at once
    flags = [f"--steps={args.steps}", f"--repeat={args.repeat}", *overrides]
    failed = 0
    with against.trees(args.against) as both:
        names = args.config + (against.experiments(both) if args.all else [])
        against.check_configs(both, names)
        before = machine.warn_if_busy()
        if not args.json:
            print(against.head(both, args.pairs), flush=True)
        for name in names:
            found = against.compare(both, name, flags, args.pairs)
            failed += "error" in found
            found["machine"] = machine.machine()
            print(json.dumps(found) if args.json else against.row(found), flush=True)
    if not args.json:
        print(f"\n{machine.machine()}; load {before:.1f} before, {machine.load():.1f} after")
    if failed:
        print(f"error: {failed} of {len(names)} configs failed", file=sys.stderr)
    return 1 if failed else 0


def describe(figures: dict[str, Any]) -> str:
    """Formats the figures of one config, one a line."""
    steps = figures["steps_per_cycle"]
    step = [figures[name] / steps for name in ("cycle_ms", "cycle_ms_p10", "cycle_ms_p90")]
    cached = " (from the cache; JAX_ENABLE_COMPILATION_CACHE=false measures it)"
    lines = {
        "config": figures["config"],
        "size": f"batch {figures['batch']}, {figures['params_m']:.2f} M parameters",
        "device": figures["device"],
        "cycle": f"{steps} step{'s' * (steps > 1)}, {figures['cycle_ms']:.2f} ms; "
        f"{figures['steps_per_dispatch']} per dispatch",
        "step": f"{step[0]:.2f} ms (p10 {step[1]:.2f}, p90 {step[2]:.2f}, n {figures['repeat']})",
        "speed": f"{figures['images_per_s']:.1f} images/s",
        "compile": f"{figures['compile_s']:.1f} s{cached if figures['from_cache'] else ''}",
        "memory": f"{figures['memory_mb']:.0f} MB at peak",
        "FLOPs": f"{figures['gflop']:.2f} G per cycle counted, {figures['gflop_xla']:.2f} G by XLA",
        "rate": f"{figures['gflops']:.1f} GFLOP/s",
        "peak": f"{figures['of_peak']:.0%} of the {figures['peak_gflops']:.1f} GFLOP/s "
        "of matrix products",
    }
    return "\n".join(f"{name:8} {text}" for name, text in lines.items())


def row(figures: dict[str, Any]) -> str:
    """Formats the figures of one config, or its error, as a line of the Markdown table."""
    if "error" in figures:
        return f"| {figures['config']} | failed: {figures['error'].replace('|', '/')} " + "|" * 8
    return (
        "| {config} | {batch} | {cycle_ms:.1f} ({cycle_ms_p10:.1f} to {cycle_ms_p90:.1f}) "
        "| {steps_per_cycle} | {images_per_s:.0f} | {compile_s:.1f} | {memory_mb:.0f} "
        "| {gflop:.2f} | {of_peak:.0%} |"
    ).format(**figures)


if __name__ == "__main__":
    run(main)
