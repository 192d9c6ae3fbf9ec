"""Sets up the process before JAX is imported: a cache of compiled programs.

It is unusual for a training program. But compilation is most of a short run, so programs are kept
on disk; each kind of host has a folder because JAX's cache key omits the processor and its usable
cores.
"""

import hashlib
import os
import platform
import re
import resource
import stat
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

from jaxgan.runtime.errors import UserError

_SIMULATED = re.compile(r"--xla_force_host_platform_device_count=(\d+)")
FILES = 64  # open at once: libraries, data, logs and a checkpoint in writing


def prepare() -> None:
    """Does what every command needs before jax is imported.

    Raises:
      UserError: fewer open files are allowed than any command needs.
    """
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= limit < FILES:
        raise UserError(f"ulimit -n is {limit}, too few open files; raise it: ulimit -n 4096")
    threads()
    cache()


def threads() -> None:
    """Gives XLA the threads that simulated CPU devices need; says so where they are too few.

    It runs a device in a thread of a pool of as many as there are cores, or $NPROC. With fewer
    threads than devices some wait in a collective for others that no thread is left to run, and a
    busy machine deadlocks. Call it before jax makes its devices.
    """
    asked = _SIMULATED.findall(os.environ.get("XLA_FLAGS", ""))[-1:]
    asked.append(os.environ.get("JAX_NUM_CPU_DEVICES", ""))
    devices = max([0, *(int(n) for n in asked if n.isdecimal())])
    if "NPROC" in os.environ or devices <= cores():
        return
    os.environ["NPROC"] = str(max(16, 2 * devices))
    print(
        f"{devices} simulated CPU devices on {cores()} cores: XLA gets {os.environ['NPROC']} "
        "threads for them, as NPROC says",
        file=sys.stderr,
    )


def cores() -> int:
    """Returns how many cores this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def cache() -> None:
    """Keeps compiled programs for later runs, in a folder below $XDG_CACHE_HOME or ~/.cache.

    Call it before jax is imported. JAX's variables take precedence: JAX_COMPILATION_CACHE_DIR sets
    another folder, JAX_ENABLE_COMPILATION_CACHE=false turns the cache off. A program is tens of
    kilobytes; none is ever removed, and the folder may be deleted at any time.

    A program is code that runs. So the folder is made for its user alone, and the cache is off,
    which a line on stderr says, where anyone else can write it.
    """
    own = folder()
    given = os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(own))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    wish = os.environ.get("JAX_ENABLE_COMPILATION_CACHE", "true").lower()
    if wish not in ("true", "1", "yes", "y", "on", "t") or "://" in given:
        return
    try:
        if given == str(own):
            _make(own)
        fault = unsafe(Path(given))
    except OSError as error:
        fault = f"{error.strerror}; set XDG_CACHE_HOME to a folder that can be written"
    if fault:
        os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "false"
        print(f"warning: compiled programs are not kept: {given}: {fault}", file=sys.stderr)
    _warn_once()


def caches() -> Path:
    """Returns $XDG_CACHE_HOME or ~/.cache; of a user without a home, a folder below $TMPDIR."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))  # to be ignored if relative, XDG says
    home = Path(os.environ.get("HOME", os.path.expanduser("~")))  # of an unknown user, still "~"
    if given.is_absolute():
        return given
    if home.is_absolute():
        return home / ".cache"
    return Path(tempfile.gettempdir()) / f"jaxgan-{os.getuid()}"


def folder() -> Path:
    """Returns jaxgan/programs/<host>, where <host> identifies the CPU and the usable core count.

    XLA compiles CPU programs for both, but JAX's cache key contains neither: a program compiled on
    one core would permanently run on one core, and one of another machine may not run at all.
    """
    facts = (platform.machine(), _processor(), cores(), os.environ.get("NPROC", ""))
    host = hashlib.sha256(repr(facts).encode()).hexdigest()[:16]
    return caches() / "jaxgan" / "programs" / host


def unsafe(place: Path) -> str:
    """Says why someone else could have written a folder's files, with the remedy; '' if nobody can.

    Root is trusted, and so are the owners of the folders above, unless all may write there.
    """
    trusted = (os.geteuid(), 0)
    if not place.exists():
        return ""
    for each in (place.resolve(), *place.resolve().parents):
        info = each.stat()
        own = each.is_relative_to(caches().resolve() / "jaxgan") or each == place.resolve()
        if own and info.st_uid not in trusted:
            return f"{each} belongs to another user; set XDG_CACHE_HOME to a folder of your own"
        if own and info.st_mode & 0o022 or info.st_mode & 0o002 and not info.st_mode & stat.S_ISVTX:
            return f"others can write {each}: rm -r {place}; chmod go-w {each}"
    with os.scandir(place) as entries:
        foreign = [entry.name for entry in entries if entry.stat().st_uid not in trusted]
    return f"{foreign[0]} belongs to another user: rm -r {place}" if foreign else ""


def _make(place: Path) -> None:
    """Makes a folder, and those above it, for this user alone."""
    for each in (*reversed(place.parents), place):
        each.mkdir(mode=0o700, exist_ok=True)


def _warn_once() -> None:
    """Says once that programs in the cache are damaged, where JAX warns of each."""
    before = warnings.showwarning
    if getattr(before, "says_once", False):
        return
    said: list[str] = []

    def show(message: Warning | str, category: type[Warning], *args: Any, **kwargs: Any) -> None:
        text = str(message)
        if "persistent compilation cache" not in text:
            before(message, category, *args, **kwargs)
        elif not said:
            said.append(text)
            place = os.environ["JAX_COMPILATION_CACHE_DIR"]
            print(
                f"warning: programs in {place} are damaged or cannot be written, and are compiled "
                f"again; delete the folder ({text.splitlines()[0][:100]})",
                file=sys.stderr,
            )

    show.says_once = True
    warnings.showwarning = show


def _processor() -> str:
    """Returns the CPU's model and features as Linux lists them; elsewhere, what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "Features", "CPU part")  # x86 and Arm
    return "\n".join(dict.fromkeys(line for line in lines if line.startswith(wanted)))
