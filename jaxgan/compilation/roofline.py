"""The roofline of a step: the time that it takes at the rates that its chips can reach.

    seconds = max(FLOPs / peak, bytes / memory's rate)
              + 2 (n - 1) / n x bytes all-reduced / ICI's rate
              + 2 (s - 1) / s x bytes all-reduced / (n / s) / DCN's rate

of n chips in s slices. FLOPs and bytes are XLA's cost analysis of the program that one chip runs;
it counts a loop's body once. Nothing is assumed to overlap with an all-reduce, and no link to be
shared: real steps take longer where kernels do not reach the peak, and all-reduces of a few bytes
take a latency that is not in here.
"""

from typing import NamedTuple

from jaxgan.compilation.hlo import Exchange
from jaxgan.compilation.topology import Chip


class Roofline(NamedTuple):
    """Seconds, each part and in all, and the part that is largest."""

    compute: float
    memory: float
    network: float
    total: float
    bound: str


def estimate(
    chip: Chip, chips: int, slices: int, flops: float, nbytes: float, exchanges: dict[str, Exchange]
) -> Roofline:
    """Returns the roofline of a program; see above.

    Exchanges other than all-reduces send each byte once, not twice. Of several slices they are not
    counted: there an all-reduce is itself made of one, of a part, and of an all-gather.
    """
    times = {"all-reduce": 2}
    sent = sum(each.nbytes * times.get(kind, slices == 1) for kind, each in exchanges.items())
    network = sent * (chips - 1) / chips / chip.ici
    network += sent * (slices - 1) / slices / (chips / slices) / chip.dcn
    parts = {"compute": flops / chip.flops, "memory": nbytes / chip.memory_rate, "network": network}
    total = max(parts["compute"], parts["memory"]) + network
    return Roofline(*parts.values(), total, max(parts, key=lambda part: parts[part]))
