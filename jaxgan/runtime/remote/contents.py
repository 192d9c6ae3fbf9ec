"""What a workdir in a store is made of: records, checkpoints, and the markers of complete ones."""

import json
import re
from collections.abc import Mapping

from jaxgan.runtime.remote import store
from jaxgan.runtime.remote.store import Found

MARKERS = ".jaxgan/checkpoints"  # an object for each checkpoint, written once it is complete
FIRST = "config.json"  # without which checkpoints are refused
STEP = re.compile(r"checkpoints/([0-9]+)/.")
NOT_SENT = re.compile(r"(^|/)\.|\.part$|\.orbax-checkpoint-tmp")


def markers(url: str, remote: Mapping[str, Found]) -> dict[int, dict[str, int]]:
    """Returns the complete checkpoints of a run in a store: the sizes of their files, by step."""
    found = {}
    for name in remote:
        folder, _, step = name.rpartition("/")
        if folder == MARKERS and step.isdecimal():
            try:
                sizes = json.loads(store.read(f"{url}/{name}") or b"{}")
            except ValueError:
                continue
            if sizes and all(n in remote and remote[n].size == size for n, size in sizes.items()):
                found[int(step)] = sizes
    return found


def wanted(
    remote: Mapping[str, Found], marked: Mapping[int, Mapping[str, int]], keep: int
) -> dict[str, Found]:
    """Returns what a run needs of what the store has: all records, the newest checkpoints."""
    newest = {name for step in sorted(marked)[-keep:] for name in marked[step]}
    return {
        name: found
        for name, found in remote.items()
        if name in newest or not (STEP.match(name) or NOT_SENT.search(name))
    }


def is_there(name: str, stamp: list[int], remote: Mapping[str, Found]) -> bool:
    """Returns whether a store has a file of this size."""
    return name in remote and remote[name].size == stamp[0]
