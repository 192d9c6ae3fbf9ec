"""A store that is a folder, gs://NAME/x being ROOT/NAME/x, for tests without a network.

python bucket.py jaxgan.main --workdir=gs://bucket/run …    runs a command with it; $BUCKET is ROOT
"""

import os
import runpy
import sys
from pathlib import Path

import fsspec
from fsspec.implementations.local import LocalFileSystem


class Bucket(LocalFileSystem):
    """Has no folders that must be made, and fails where it is asked to.

    trouble: called with the name of each operation and the path; raises what the store is to.
    log: all operations that change something, in order.
    """

    protocol = ("gs", "gcs")
    cachable = False
    root = Path()
    log: list[tuple[str, str]] = []

    @staticmethod
    def trouble(operation: str, path: str) -> None:
        """Raises nothing."""

    def __init__(self, **options):
        super().__init__(auto_mkdir=True, **options)

    @classmethod
    def _strip_protocol(cls, path):
        text = os.fspath(path)
        if text.startswith("gs://"):
            text = str(cls.root / text.removeprefix("gs://"))
        return text.rstrip("/") or "/"

    def _do(self, operation, path):
        name = str(Path(self._strip_protocol(path)).relative_to(self.root))
        type(self).trouble(operation, name)
        if not (self.root / name.split("/")[0]).is_dir():
            raise FileNotFoundError(f"no bucket of {name}")
        if operation in ("put", "remove"):
            type(self).log.append((operation, name))

    def find(self, path, **options):
        self._do("list", path)
        files = [str(each) for each in Path(path).rglob("*") if each.is_file()]
        return {each: super(Bucket, self).info(each) for each in files}

    def info(self, path, **options):
        self._do("info", path)
        return super().info(path, **options)

    def cat_file(self, path, **options):
        self._do("get", path)
        return super().cat_file(path, **options)

    def get_file(self, path, to, **options):
        self._do("get", path)
        Path(to).write_bytes(Path(path).read_bytes())

    def put_file(self, path, to, **options):
        self._do("put", to)
        self._write(to, Path(path).read_bytes())

    def pipe_file(self, path, value, **options):
        self._do("put", path)
        self._write(path, value)

    def rm_file(self, path):
        self._do("remove", path)
        super().rm_file(path)

    def _write(self, path, content):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        part = Path(path).with_name(f".{Path(path).name}.writing")  # several are at once
        part.write_bytes(content)
        part.replace(path)


def use(root: Path) -> type[Bucket]:
    """Makes gs:// this store."""
    Bucket.root, Bucket.log = root, []
    fsspec.register_implementation("gs", Bucket, clobber=True)
    return Bucket


if __name__ == "__main__":
    use(Path(os.environ["BUCKET"]))
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
