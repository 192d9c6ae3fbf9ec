"""Trains the GAN that a config file describes, or resumes it.

  python -m jaxgan.main --config=experiments/dcgan.py
  python -m jaxgan.main --config=experiments/dcgan.py:smoke  a preset; the file lists them

Any key of the config is a flag:

  --config.steps=20000         also '600kimg', '10epochs'
  --config.optim.g.lr=1e-4
  --config.log.evaluate=5000   metrics of jaxgan.evaluate at this interval: --config.log.metrics

What differs from the run that is resumed is refused, but for steps, log, checkpoint, dispatch and
ema_warmup; --override names keys that may differ on purpose, and config.json keeps what was
changed, and when:

  --override=optim,batch,data.name

Under SLURM, Open MPI, on TPU pods and in Kubernetes jobs the same command, started once on every
host, is one run over all devices; --distributed=HOST:PORT,N,I says it where nothing is detected.
The workdir is a folder that all of them share, and process 0 writes it; or the URL of one in a
store, --workdir=gs://bucket/run (also s3://, az://, hf://), to which a folder of this machine is
sent with each checkpoint, see runtime.remote.mirror.

Writes, to the workdir:
  config.json                  the config, the data, changes, package versions, the git revision
  checkpoints/                 training states, from which the same command resumes
  samples/*.png, progress.gif  samples of the same latents during training
  samples/real.png             real images, as the nets see them
  real-and-fake.png            both beside each other, at the end
  metrics.jsonl, tensorboard/  losses and other scalars
  curves.png                   a plot of them
  warnings.jsonl               what it was warned of, such as mode collapse
  evaluations.jsonl            metrics, where config.log.evaluate asks for them
Exit codes:
  0   done
  2   bad input, a full disk or a loss that is not finite: one line on stderr
  75  stopped by SIGTERM, SIGHUP or Ctrl-C after saving, or others of its processes are gone: resume
  130 stopped by Ctrl-C before the first step (by the others: 75), or by a second one
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jaxgan.runtime import clock, environment, processes
from jaxgan.runtime.errors import run
from jaxgan.runtime.parser import Parser, real
from jaxgan.runtime.paths import check_folder
from jaxgan.runtime.remote import store, urls
from jaxgan.runtime.remote.mirror import mirrored

if TYPE_CHECKING:
    from jaxgan.training.loop import Judge


def main(argv: list[str]) -> int:
    """Parses the flags and trains; returns the exit code."""
    parser = Parser("main", __doc__)
    parser.add_argument("--config", required=True, metavar="FILE[:ARG]", help="the config file")
    parser.add_argument(
        "--workdir",
        type=Path,
        metavar="DIR",
        help="the folder of the run (default: runs/<file>[-<arg>])",
    )
    parser.add_argument(
        "--override",
        metavar="KEYS",
        help="keys of the config, comma-separated, that may differ from the run that is resumed",
    )
    parser.add_argument(
        "--max-seconds",
        type=real(0.001, 1e9),
        metavar="SECONDS",
        help="of training, after the first step: then save and end, with exit code 0",
    )
    parser.add_argument(
        "--distributed",
        type=processes.parse,
        default=processes.AUTO,
        metavar="HOST:PORT,N,I",
        help="process I of N, the first of which listens there; off for one process (default: "
        "auto, as JAX detects it)",
    )
    args, flags = parser.parse_known_args(argv)
    from jaxgan import config as configs  # within `run`, so that Ctrl-C is one line

    config = configs.load(args.config)
    configs.override(config, flags)
    override = () if args.override is None else configs.keys(args.override, config.to_dict())
    workdir = args.workdir or default_workdir(args.config)
    if url := urls.of(workdir):
        store.check(url, "--workdir")
    else:
        check_folder(workdir, "--workdir")
    environment.prepare()
    processes.start(args.distributed)
    # jax is slow to import: --help and bad flags do not wait for it
    from jaxgan.training.loop import train

    stopwatch = clock.Clock(clock.age())
    stopwatch.lap("imports")
    if processes.first():
        print(f"{args.config} in {url or workdir}", file=sys.stderr)
    options = {"evaluator": evaluator, "seconds": args.max_seconds}
    keep = getattr(config.get("checkpoint"), "keep", 2)  # `train` checks both
    with mirrored(workdir, keep if type(keep) is int and keep > 1 else 2) as folder:
        return train(config.to_dict(), folder, stopwatch, override, **options)


def evaluator(*run: Any) -> "Judge":
    """Returns what computes metrics in training, see evaluation.during.judge."""
    from jaxgan.evaluation.during import judge  # only runs that ask for it wait for it

    return judge(*run)


def default_workdir(text: str) -> Path:
    """Returns the default workdir: runs/dcgan-smoke of --config=experiments/dcgan.py:smoke."""
    path, _, arg = text.partition(":")
    name = "".join(c if c.isalnum() or c in "._=-" else "-" for c in f"{Path(path).stem}-{arg}")
    return Path("runs") / name.strip("-")


if __name__ == "__main__":
    run(main)
