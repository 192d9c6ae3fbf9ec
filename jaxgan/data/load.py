"""Opens a data source by its name in a config."""

import functools
import importlib
import sys
from collections.abc import Iterator

from jaxgan.config.registry import files, offered, options, resolve
from jaxgan.data.source import Source
from jaxgan.runtime.errors import UserError

HOME = "jaxgan.data.sources"


def sources() -> dict[str, set[str]]:
    """Returns the names that `load` knows and the options of each, among them 'path'."""
    modules = [importlib.import_module(f"{HOME}.{name}") for name in files(HOME)]
    return {name: options(fn) for each in modules for name, fn in offered(each, Source).items()}


def load(name: str, **settings: object) -> Source:
    """Opens the data set `name`: 'mnist', or a source and its path as in 'folder:/path'.

    A source is a public function under jaxgan/data/sources that is annotated to return a
    `Source`; it has a parameter `path` if it needs one. A path may be the URL of a file or folder
    in a store, as in 'folder:gs://bucket/faces.zip', of which a copy is made, see copies.data.

    Args:
      name: a source, followed by ':' and its path if it takes one.
      **settings: keyword arguments of that source.

    Raises:
      UserError: an unknown source or option, a missing or unexpected path or option, or data
        that the source rejects.
    """
    source = bound(name, **settings)()
    warn(source)
    return source


def warn(source: Source) -> None:
    """Warns on stderr of two domains, or tests, that hold what they should differ from."""
    for line in _repeated(source):
        print(f"warning: config.data: {line}", file=sys.stderr)


def _repeated(source: Source) -> Iterator[str]:
    if source.first is None or source.second is None:
        return
    domains = {"A": source.first, "B": source.second}
    marks = {name: each.fingerprint for name, each in domains.items()}
    if marks["A"] and marks["A"] == marks["B"]:
        yield "A and B hold the same images, so there is nothing to translate; give two domains"
    if (test := source.test) is None:
        return
    for name, each in zip(domains, (test.first, test.second), strict=True):
        if each and each.fingerprint and each.fingerprint == marks[name]:
            yield f"the test images of {name} are those of training; give others, or none"


def bound(name: str, **settings: object) -> functools.partial[Source]:
    """Returns what opens a data set, without opening it; arguments are those of `load`.

    Raises:
      UserError: an unknown source or option, a missing or unexpected path or option.
    """
    kind, _, path = name.partition(":")
    at = "config.data"
    node = {"name": kind, **settings}
    opened = resolve(node, HOME, kind=Source, at=at, given=("path",))
    takes_path = "path" in options(opened.func)
    if takes_path != bool(path):
        raise UserError(
            f"config.data.name={name}: {kind} takes "
            + (f"a path; write {kind}:…" if takes_path else f"no path; write {kind}")
        )
    return functools.partial(opened, path) if takes_path else opened
