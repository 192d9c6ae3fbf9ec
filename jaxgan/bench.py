"""Benchmarks the training steps of a config: time, images/s, compilation, memory, FLOPs.

  python -m jaxgan.bench --config=experiments/dcgan.py
  python -m jaxgan.bench --config=experiments/dcgan.py --config=experiments/sngan.py
  python -m jaxgan.bench --all --config.batch=64           any key, in every config

Times one full cycle of a config's game: every turn that is due until the pattern repeats. Only its
steps are timed, on one batch that is already on the device.

Writes:
  stdout         the figures of one config; of several, a Markdown table; with --json, an object
                 for each config
  --profile=DIR  a jax.profiler trace of one more repetition
Exit codes:
  0   done
  1   some configs of several failed; their rows say why
  2   bad input: one line on stderr
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from jaxgan import config as configs
from jaxgan.runtime import environment
from jaxgan.runtime.errors import UserError, run
from jaxgan.runtime.parser import Parser, whole
from jaxgan.runtime.paths import check_folder

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
    parser.add_argument("--profile", default="", metavar="DIR", help="where to write a trace")
    parser.add_argument("--json", action="store_true", help="one JSON object a config, on stdout")
    args, overrides = parser.parse_known_args(argv)
    names = args.config + (sorted(map(str, Path("experiments").glob("*.py"))) if args.all else [])
    if not names:
        raise UserError("nothing to measure; pass --config=experiments/x.py, or --all")
    if args.profile:
        check_folder(Path(args.profile), "--profile")
    if len(names) == 1:
        figures = one(names[0], overrides, args.steps, args.repeat, args.profile)
        print(json.dumps(figures) if args.json else describe(figures))
        return 0
    if args.profile:
        raise UserError("--profile takes one --config")
    return table(names, overrides, args.steps, args.repeat, args.json)


def one(
    name: str, overrides: list[str], steps: int, repeat: int, profile: str = ""
) -> dict[str, Any]:
    """Times one config; returns `config` and the fields of `timing.Timing` by name."""
    config = configs.load(name)
    configs.override(config, overrides)
    environment.prepare()
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.benchmark.timing import measure

    timing = measure(config.to_dict(), steps=steps, repeat=repeat, profile=profile)
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
