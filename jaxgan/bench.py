"""`python -m jaxgan.bench --config=experiments/x.py`: how fast a recipe trains on this machine."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from jaxgan import config as configs
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run

HELP = """Times one full cycle of a config's game: every turn that is due until the pattern repeats.

  --config=experiments/dcgan.py:smoke     as for jaxgan.main; repeat it for a table of several
  --all                                   a table of all of experiments/
  --config.batch=64                       any key, in every config

A cycle's time is that of its steps alone, on one batch that is on the device already.
"""
COLUMNS = "| config | batch | cycle, ms (p10 to p90) | steps | images/s | compile, s | memory, MB "
COLUMNS += "| GFLOP | of peak |\n|---|---|---|---|---|---|---|---|---|"


def main(argv: list[str]) -> int:
    """Parses the flags and measures; returns the exit code."""
    parser = argparse.ArgumentParser(
        "python -m jaxgan.bench", description=HELP, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--config", action="append", default=[], metavar="FILE[:ARG]")
    parser.add_argument("--all", action="store_true", help="every file of experiments/")
    parser.add_argument("--repeat", type=int, default=10, help="timed repetitions (default: 10)")
    parser.add_argument(
        "--steps", type=int, default=0, help="in each repetition, in whole cycles (default: one)"
    )
    parser.add_argument("--profile", default="", metavar="DIR", help="writes a jax.profiler trace")
    parser.add_argument("--json", action="store_true", help="one JSON object a config, on stdout")
    args, overrides = parser.parse_known_args(argv)
    names = args.config + (sorted(map(str, Path("experiments").glob("*.py"))) if args.all else [])
    if not names:
        raise UserError("nothing to measure; pass --config=experiments/x.py, or --all")
    if args.repeat < 1 or args.steps < 0:
        raise UserError(f"--repeat={args.repeat} --steps={args.steps}: at least 1 and 0")
    if len(names) == 1:
        found = one(names[0], overrides, args.steps, args.repeat, args.profile)
        print(json.dumps(found) if args.json else describe(found))
        return 0
    if args.profile:
        raise UserError("--profile takes one --config")
    return table(names, overrides, args.steps, args.repeat, args.json)


def one(
    name: str, overrides: list[str], steps: int, repeat: int, profile: str = ""
) -> dict[str, Any]:
    """`config`, and the fields of `timing.Timing` by name."""
    config = configs.load(name)
    configs.override(config, overrides)
    environment.prepare()
    # jax is slow to import: --help and bad flags need not wait
    from jaxgan.benchmark.timing import measure

    found = measure(config.to_dict(), steps=steps, repeat=repeat, profile=profile)
    return {"config": name, **found._asdict()}


def table(names: list[str], overrides: list[str], steps: int, repeat: int, as_json: bool) -> int:
    """Prints a row, or a JSON object, for each config; returns 1 if any failed, else 0.

    Each is a process of its own, so that none inherits another's memory or failure.
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
            found = {"config": name, "error": last.removeprefix("error: ")}
        else:
            found = json.loads(done.stdout.splitlines()[-1])
        print(json.dumps(found) if as_json else row(found), flush=True)
    if failed:
        print(f"error: {failed} of {len(names)} configs failed", file=sys.stderr)
    return 1 if failed else 0


def describe(found: dict[str, Any]) -> str:
    """The figures of one config, one a line."""
    steps = found["steps_per_cycle"]
    step = [found[name] / steps for name in ("cycle_ms", "cycle_ms_p10", "cycle_ms_p90")]
    cached = " (from the cache; JAX_ENABLE_COMPILATION_CACHE=false measures it)"
    lines = {
        "config": found["config"],
        "size": f"batch {found['batch']}, {found['params_m']:.2f} M parameters",
        "device": found["device"],
        "cycle": f"{steps} step{'s' * (steps > 1)}, {found['cycle_ms']:.2f} ms; "
        f"{found['steps_per_dispatch']} a dispatch",
        "step": f"{step[0]:.2f} ms (p10 {step[1]:.2f}, p90 {step[2]:.2f}, n {found['repeat']})",
        "speed": f"{found['images_per_s']:.1f} images/s",
        "compile": f"{found['compile_s']:.1f} s{cached if found['from_cache'] else ''}",
        "memory": f"{found['memory_mb']:.0f} MB at the peak",
        "FLOPs": f"{found['gflop']:.2f} G a cycle counted, {found['gflop_xla']:.2f} G by XLA",
        "rate": f"{found['gflops']:.1f} GFLOP/s",
        "peak": f"{found['of_peak']:.0%} of matrix products' {found['peak_gflops']:.1f} GFLOP/s",
    }
    return "\n".join(f"{name:8} {text}" for name, text in lines.items())


def row(found: dict[str, Any]) -> str:
    """One line of the Markdown table."""
    if "error" in found:
        return f"| {found['config']} | failed: {found['error'].replace('|', '/')} " + "|" * 8
    return (
        "| {config} | {batch} | {cycle_ms:.1f} ({cycle_ms_p10:.1f} to {cycle_ms_p90:.1f}) "
        "| {steps_per_cycle} | {images_per_s:.0f} | {compile_s:.1f} | {memory_mb:.0f} "
        "| {gflop:.2f} | {of_peak:.0%} |"
    ).format(**found)


if __name__ == "__main__":
    run(main)
