"""What a workdir in a store is made of: records, checkpoints, and the markers of complete ones."""

import json
import re
from collections.abc import Collection, Mapping

from jaxgan.runtime.remote import store
from jaxgan.runtime.remote.store import Found

MARKERS = ".jaxgan/checkpoints"  # an object for each checkpoint, written once it is complete
FIRST = "config.json"  # without which checkpoints are refused
RECORDS = re.compile(r"[^/]+\.jsonl?$")  # of the top folder
ANY = re.compile("")
STEP = re.compile(r"checkpoints/([0-9]+)/.")
NOT_SENT = re.compile(r"(^|/)\.|\.part$|\.orbax-checkpoint-tmp")


def markers(url: str, remote: Mapping[str, Found]) -> dict[int, dict[str, int]]:
    """Returns the complete checkpoints of a run in a store: the sizes of their files, by step.

    Where nothing was ever sent by a run, but copied there, all are complete.
    """
    found: dict[int, dict[str, int]] = {}
    if not any(name.startswith(".jaxgan/") for name in remote):
        for name, file in remote.items():
            if match := STEP.match(name):
                found.setdefault(int(match[1]), {})[name] = file.size
        return found

    def one(step: str) -> None:
        try:
            sizes = json.loads(store.read(f"{url}/{MARKERS}/{step}") or b"{}")
        except ValueError:  # cut, as by a tool that copied it
            return
        if sizes and all(n in remote and remote[n].size == size for n, size in sizes.items()):
            found[int(step)] = sizes

    names = (name.rpartition("/") for name in remote)
    store.in_parallel(one, [s for place, _, s in names if place == MARKERS and s.isdecimal()])
    return found


def newest(marked: Mapping[int, Mapping[str, int]], keep: int) -> set[str]:
    """Returns the files of the newest checkpoints, as many as `keep`."""
    return {name for step in sorted(marked)[-keep:] for name in marked[step]}


def chosen(
    remote: Mapping[str, Found], saves: Collection[str], records: re.Pattern[str] = ANY
) -> dict[str, Found]:
    """Returns the files `saves`, and those that are of no checkpoint and match `records`."""
    return {
        name: found
        for name, found in remote.items()
        if name in saves
        or (records.match(name) and not STEP.match(name) and not NOT_SENT.search(name))
    }


def is_there(name: str, stamp: list[int], remote: Mapping[str, Found]) -> bool:
    """Returns whether a store has a file of this size."""
    return name in remote and remote[name].size == stamp[0]
