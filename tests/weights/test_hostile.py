"""Files of weights from strangers: each is refused in one line, runs nothing, and costs little.

All cases run in one child process, which forks for each and measures it: `python test_hostile.py`.
"""

import json
import os
import re
import resource
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from pathlib import Path

import assemble as a
import pytest

ROOT = Path(__file__).parents[2]
SECONDS, MEGABYTES = 10, 512
MARK = "touch PWNED"
V = a.name("torch._utils._rebuild_tensor_v2")


def reduced(full: str, *args: bytes) -> bytes:
    return a.call(full, *(args or [a.text(MARK)]))


def stacked(module: str, name: str) -> bytes:
    return a.text(module) + a.text(name) + b"\x93"


PAYLOADS = {  # values of a pickle that would run something if they were built
    "system": reduced("posix.system"),
    "os_system": reduced("os.system"),
    "eval": reduced("builtins.eval", a.text("__import__('os').system('touch PWNED')")),
    "old_eval": reduced("__builtin__.eval", a.text("__import__('os').system('touch PWNED')")),
    "getattr": reduced("builtins.getattr", a.name("posix.system"), a.text("__call__")),
    "import": reduced("builtins.__import__", a.text("antigravity")),
    "loads": reduced("pickle.loads", a.raw(a.pickled(reduced("posix.system")))),
    "numpy_load": reduced("numpy.load", a.text("PWNED")),
    "partial": reduced("functools.partial", a.name("posix.system"), a.text(MARK)),
    "decode": reduced("_codecs.decode", a.raw(b"x"), a.text("rot13")),
    "stack_global": stacked("posix", "system") + a.many(a.text(MARK)) + b"R",
    "dotted": stacked("collections", "OrderedDict.__class__.__base__"),
    "dotted_torch": stacked("torch", "_utils._rebuild_tensor_v2.__globals__"),
    "newobj": a.name("subprocess.Popen") + a.many(a.text(MARK)) + b"\x81",
    "newobj_ex": a.name("subprocess.Popen") + a.many(a.text(MARK)) + a.mapping() + b"\x92",
    "inst": a.MARK + a.text(MARK) + b"iposix\nsystem\n",
    "obj": a.MARK + b"cposix\nsystem\n" + a.text(MARK) + b"o",
    "ext1": b"\x82\1",
    "ext2": b"\x83\1\0",
    "ext4": b"\x84\1\0\0\0",
    "persid": b"Pposix.system\n",
    "out_of_band": b"\x97",
    "readonly_buffer": b"N\x98",
    "build_name": a.name("collections.OrderedDict") + a.mapping(__init__=a.text(MARK)) + b"b",
    "build_function": V + a.mapping(__code__=a.text(MARK)) + b"b",
    "call_of_text": a.text(MARK) + a.many() + b"R",
    "call_of_storage_type": a.name("torch.FloatStorage") + a.many(a.number(2**31 - 1)) + b"R",
    "object_scalar": reduced("numpy.core.multiarray.scalar", a.raw(b"x"), a.raw(b"x")),
    "dup": b"N2",
}
WRAPS = {
    "pickle": lambda body: a.pickled(a.mapping(w=body)),
    "torch": lambda body: a.torch_zip(a.mapping(w=body)),
    "stream": lambda body: a.stream(a.mapping(w=body)),
    "network": lambda body: a.pickled(a.mapping(G=a.network(_parameters=a.mapping(w=body)))),
    "inline": lambda body: a.pickled(a.mapping(w=a.inline(body))),
}


def torch(*view) -> bytes:
    return a.torch_zip(a.mapping(w=a.tensor(a.storage(), *view)))


def counted(count: int) -> bytes:
    return a.torch_zip(a.mapping(w=a.tensor(a.storage(count=count), 0, (1,), (1,))))


def shared_dicts(levels: int) -> bytes:
    """Dicts that each hold the one before twice: 2**levels ways to the innermost array."""
    body = a.array(a.numbers([24])) + b"q\0"
    for i in range(levels):
        got = b"h" + bytes([i])
        body += a.pairs([("a", got), ("b", got)]) + b"q" + bytes([i + 1])
    return a.pickled(body)


def nested_streams(levels: int) -> bytes:
    body = a.storage()
    for _ in range(levels):
        body = a.inline(body)
    return a.pickled(a.mapping(w=a.tensor(body, 0, (24,), (1,))))


def copies(count: int, size, stride, elements: int) -> bytes:
    """Views of one storage, each of which must be copied."""
    made = a.storage(count=elements) + b"q\0"
    parts = [(str(i), a.tensor(made if i == 0 else b"h\0", 0, size, stride)) for i in range(count)]
    data = a.np.zeros(elements, a.np.float32)
    return a.torch_zip(a.pairs(parts), data)


def npz(header: str, data: bytes = b"", version: int = 1) -> bytes:
    return a.zipped({"w.npy": a.npy(header, data, version)})


def lying(**lies) -> bytes:
    return a.raw_zip([a.member("w.npy", a.npy(a.header(), a.A.tobytes()), **lies)])


def zip_bomb(**lies) -> bytes:
    whole = a.npy(a.header(shape=f"({2**25},)"), bytes(2**27))
    fields = {"method": 8, "crc": zlib.crc32(whole), "size": len(whole)} | lies
    return a.raw_zip([a.member("w.npy", a.deflated(whole), **fields)])


def written(target: bytes, code: bytes) -> bytes:
    """An entry is set, or values are appended, where nothing may be written."""
    return a.pickled(a.mapping(w=target + a.number(0) + a.number(7) + code))


def zip64(size: int, packed: int) -> bytes:
    """A member whose sizes are in the field of a zip64."""
    whole = bytearray(lying(packed=0xFFFFFFFF, size=0xFFFFFFFF))
    at = whole.rfind(b"PK\1\2")
    extra = struct.pack("<2H2Q", 1, 16, size, packed)
    whole[at + 30 : at + 32] = struct.pack("<H", len(extra))
    end = whole.rfind(b"PK\5\6")
    whole[end + 12 : end + 16] = struct.pack("<L", end - at + len(extra))
    return bytes(whole[:end] + extra + whole[end:])


T = a.tensor(a.inline(), 0, (24,), (1,))
N = a.array(a.numbers([24]))
MEMO = b"".join(b"r" + struct.pack("<I", i * 1000) for i in range(100_000))
COLLIDING = b"".join(a.number(i * (2**61 - 1)) + b"N" for i in range(50_000))
BOMBS = {
    # what a pickle declares
    "long_binput": lambda: b"\x80\x02Nr\xff\xff\xff\x7f.",
    "memo_gaps": lambda: b"\x80\x02N" + MEMO + b".",
    "memo_gap_read": lambda: b"\x80\x02Nr\x10\0\0\0h\3.",
    "bytes_declared": lambda: b"\x80\x04B\xff\xff\xff\xff.",
    "bytes8_declared": lambda: b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "bytearray8_declared": lambda: b"\x80\x05\x96\0\0\0\0\0\1\0\0.",
    "text_declared": lambda: b"\x80\x04X\xff\xff\xff\x7f.",
    "text8_declared": lambda: b"\x80\x04\x8d\xff\xff\xff\xff\xff\xff\xff\xff.",
    "old_text_declared": lambda: b"\x80\x02T\xff\xff\xff\xff.",
    "frame_declared": lambda: b"\x80\x04\x95\xff\xff\xff\xff\xff\xff\xff\x7f.",
    "long4_declared": lambda: b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "long_text": lambda: b"\x80\x02X" + struct.pack("<I", 2**25) + bytes(2**25) + b".",
    "long_integer": lambda: b"\x80\x02\x8b\0\0\2\0" + b"\x7f" * 2**17 + b".",
    "integer_in_text": lambda: b"\x80\x02I" + b"9" * 10**6 + b"\n.",
    "line_without_end": lambda: b"\x80\x02c" + b"a" * 10**6,
    "protocol_200": lambda: b"\x80\xc8}.",
    "no_stop": lambda: b"\x80\x02}",
    "empty_stack": lambda: b"\x80\x02.",
    "pop_below_mark": lambda: b"\x80\x02N(0.",
    "no_mark": lambda: b"\x80\x02Nt.",
    "odd_items": lambda: b"\x80\x02}(Nu.",
    # many of them, and in one another
    "many_dicts": lambda: b"\x80\x02" + b"}" * (3 * 10**6),
    "many_lists": lambda: b"\x80\x02" + b"]" * (3 * 10**6),
    "many_marks": lambda: b"\x80\x02" + b"(" * (3 * 10**6),
    "many_floats": lambda: b"\x80\x02" + b"G12345678" * 10**6,
    "many_sets": lambda: b"\x80\x04" + b"\x8f" * (3 * 10**6),
    "many_arrays": lambda: b"\x80\x02" + a.array(a.numbers([0]), data=b"") * 50_000,
    "many_memos": lambda: b"\x80\x04N" + b"\x94" * (3 * 10**6),
    "nested_tuples": lambda: b"\x80\x02)" + b"\x85" * 10**6 + b".",
    "nested_dicts": lambda: b"\x80\x02" + b"}X\1\0\0\0a" * 10**5 + b"N" + b"s" * 10**5 + b".",
    "nested_lists": lambda: b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b".",
    "shared_dicts": lambda: shared_dicts(60),
    "self_in_dict": lambda: b"\x80\x02}q\0X\1\0\0\0ah\0s.",
    "colliding_keys": lambda: b"\x80\x02}(" + COLLIDING + b"u" + b".",
    "long_names": lambda: a.pickled(a.pairs([("module." * 10**5, N)])),
    "long_joined_names": lambda: a.pickled(
        b"".join(b"}" + a.text("a" * 10**5) for _ in range(60)) + N + b"s" * 60
    ),
    "nested_streams": lambda: nested_streams(3),
    "nested_modules": lambda: a.pickled(
        a.MARK.join([b""]) + a.network(_modules=b"}q\0" + a.text("a") + a.network(
            _modules=b"h\0", _parameters=a.mapping(w=N)) + b"s")
    ),
    "nested_options": lambda: a.pickled(
        a.network(_init_kwargs=b"}q\0" + a.text("a") + b"h\0s", _parameters=a.mapping(w=N))
    ),
    # what may not be written
    "setitem_tensor": lambda: written(T, b"s"),
    "setitem_array": lambda: written(N, b"s"),
    "setitems_array": lambda: a.pickled(a.mapping(w=N + b"(" + a.number(0) + a.number(7) + b"u")),
    "append_tensor": lambda: a.pickled(a.mapping(w=T + a.number(7) + b"a")),
    "appends_array": lambda: a.pickled(a.mapping(w=N + b"(" + a.number(7) + b"e")),
    "build_tensor": lambda: a.pickled(a.mapping(w=T + a.number(7) + b"b")),
    "build_storage": lambda: a.pickled(a.mapping(w=a.inline() + a.number(7) + b"b")),
    "setitem_storage": lambda: written(a.inline(), b"s"),
    # views
    "view_as_storage": lambda: a.pickled(a.mapping(w=a.tensor(T, 0, (24,), (1,)))),
    "stride_0_chain": lambda: torch_chain(),
    "array_as_storage": lambda: a.pickled(a.mapping(w=a.tensor(N, 0, (24,), (1,)))),
    "text_as_storage": lambda: a.pickled(a.mapping(w=a.tensor(a.text("x"), 0, (1,), (1,)))),
    "offset_negative": lambda: torch(-1, (2,), (1,)),
    "stride_negative": lambda: torch(4, (2,), (-1,)),
    "size_negative": lambda: torch(0, (-2,), (1,)),
    "offset_beyond": lambda: torch(24, (1,), (1,)),
    "offset_2_64": lambda: torch(2**64, (1,), (1,)),
    "stride_2_64": lambda: torch(0, (2,), (2**64,)),
    "size_2_40_stride_0": lambda: torch(0, (2**40,), (0,)),
    "size_0_and_2_62": lambda: torch(0, (0, 2**62), (1, 1)),
    "axes_1000": lambda: torch(0, (1,) * 1000, (1,) * 1000),
    "axes_differ": lambda: torch(0, (2, 2), (1,)),
    "size_of_texts": lambda: a.torch_zip(a.mapping(w=a.call(
        "torch._utils._rebuild_tensor_v2", a.storage(), a.number(0), a.text("ab"), a.text("ab")))),
    "transposed_copies": lambda: copies(400, (500, 500), (1, 500), 250_000),
    "stride_0_copies": lambda: copies(250, (1, 250_000), (0, 0), 250_000),
    "count_2_40": lambda: counted(2**40),
    "count_negative": lambda: counted(-1),
    "count_less": lambda: counted(4),
    "key_traverses": lambda: a.torch_zip(
        a.mapping(w=a.tensor(a.storage("../../etc/passwd"), 0, (1,), (1,)))
    ),
    "kind_unknown": lambda: a.torch_zip(a.mapping(w=a.many(a.text("storage"), a.name(
        "collections.OrderedDict"), a.text("0"), a.text("cpu"), a.number(24)) + b"Q")),
    "storage_twice": lambda: a.torch_zip(a.mapping(
        w=a.tensor(a.storage(), 0, (1,), (1,)),
        v=a.tensor(a.storage(kind="DoubleStorage", count=12), 0, (1,), (1,)))),
    "stream_count_2_62": lambda: a.stream(a.mapping(w=a.tensor(a.storage(), 0, (1,), (1,))),
                                          counts=[2**62]),
    "stream_count_declared": lambda: a.stream(
        a.mapping(w=a.tensor(a.storage(count=2**39), 0, (1,), (1,)))),
    "stream_key_missing": lambda: a.stream(
        a.mapping(w=a.tensor(a.storage(), 0, (24,), (1,))), keys=()),
    "stream_key_unknown": lambda: a.stream(a.mapping(), keys=("9",)),
    # arrays of NumPy
    "array_shape_2_40": lambda: a.pickled(a.mapping(w=a.array(a.numbers([2**40])))),
    "array_shape_2_400": lambda: a.pickled(a.mapping(w=a.array(a.numbers([0, 2**400])))),
    "array_shape_negative": lambda: a.pickled(a.mapping(w=a.array(a.numbers([-24])))),
    "array_shape_text": lambda: a.pickled(a.mapping(w=a.array(a.text("24")))),
    "array_objects": lambda: a.pickled(a.mapping(w=a.array(a.numbers([3]), a.dtype("O8", "|")))),
    "array_record": lambda: a.pickled(a.mapping(w=a.array(a.numbers([24]), a.dtype("f4,O")))),
    "array_dtype_f99": lambda: a.pickled(a.mapping(w=a.array(a.numbers([24]), a.dtype("f99")))),
    "array_dtype_none": lambda: a.pickled(a.mapping(w=a.array(a.numbers([24]), b"N"))),
    "npz_objects": lambda: npz(a.header("'|O'", "(1,)"), a.pickled(reduced("posix.system"))),
    "npz_record_objects": lambda: npz(a.header("[('a', '|O')]", "(1,)"), b"x" * 8),
    "npz_shape_2_50": lambda: npz(a.header(shape=f"({2**50},)")),
    "npz_shape_product": lambda: npz(a.header(shape=f"({2**32}, {2**32})")),
    "npz_shape_negative": lambda: npz(a.header(shape="(-24,)"), a.A.tobytes()),
    "npz_header_4gb": lambda: a.zipped({"w.npy": b"\x93NUMPY\2\0\xff\xff\xff\xff" + bytes(64)}),
    "npz_header_long": lambda: npz(" " * 10**6 + a.header(), a.A.tobytes(), 2),
    "npz_header_nested": lambda: npz("(" * 4000, b""),
    "npz_header_minus": lambda: npz("-" * 4000 + "1", b""),
    "npz_header_code": lambda: npz(a.header(shape="__import__('os').system('touch PWNED')")),
    "npz_no_array": lambda: a.zipped({"w.npy": a.pickled(reduced("posix.system"))}),
    "npz_short": lambda: npz(a.header(), bytes(8)),
    # zips
    "zip_bomb": lambda: zip_bomb(),
    "zip_bomb_lies": lambda: zip_bomb(size=1000),
    "zip_size_lies": lambda: lying(size=2**31),
    "zip_packed_lies": lambda: lying(packed=2**31),
    "zip_both_lie": lambda: lying(packed=2**31, size=2**31),
    "zip64_lies": lambda: zip64(2**62, 2**62),
    "zip64_field_lacks": lambda: lying(packed=0xFFFFFFFF, size=0xFFFFFFFF),
    "zip_checksum_lies": lambda: lying(crc=1),
    "zip_encrypted": lambda: lying(flags=1),
    "zip_method_99": lambda: lying(method=99),
    "zip_deflate_garbage": lambda: lying(method=8),
    "zip_twice": lambda: a.raw_zip([a.member("w.npy", a.npy(a.header(), a.A.tobytes()))] * 2),
    "zip_count_lies": lambda: a.raw_zip([a.member("w.npy", b"x")], count=0xFFFF),
    "zip_start_lies": lambda: a.raw_zip([a.member("w.npy", b"x")], start=2**31),
    "zip_directory_lies": lambda: a.raw_zip([a.member("w.npy", b"x")], sizes=2**31),
    "zip_overlap": lambda: overlapping(2000),
    "zip_members": lambda: a.raw_zip([a.member(f"{i}.npy", b"") for i in range(60_000)]),
    "zip_long_name": lambda: a.zipped({"a" * 60_000 + ".npy": a.npy(a.header(), a.A.tobytes())}),
    "zip_two_pickles": lambda: a.zipped({f"{i}/data.pkl": a.pickled(b"}") for i in "ab"}),
    "zip_pickle_deflated": lambda: a.zipped(
        {"m/data.pkl": b"\x80\x02" + bytes(2**27)}, zipfile.ZIP_DEFLATED),
    "zip_big_endian": lambda: a.torch_zip(a.mapping(), **{"m/byteorder": b"big"}),
}  # fmt: skip


def torch_chain() -> bytes:
    """Views of views, which once walked out of their storage."""
    body = a.storage()
    for _ in range(50):
        body = a.tensor(a.tensor(body, 23, (24,), (0,)), 23, (24,), (1,))
    return a.torch_zip(a.mapping(w=body))


def overlapping(count: int) -> bytes:
    """A directory of many members, all of which are the same bytes."""
    data = a.npy(a.header(shape="(250000,)"), bytes(10**6))
    body = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0, 0, 0, 0, 0, 0) + data
    directory = b""
    for i in range(count):
        name = f"{i}.npy".encode()
        fields = 0, 0, 0, 0, zlib.crc32(data), len(data), len(data), len(name), 0
        directory += struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *fields, 0, 0, 0, 0, 0) + name
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(directory), len(body), 0)
    return body + directory + end


CASES = {
    f"{wrap}-{name}": (lambda body=body, build=build: build(body))
    for wrap, build in WRAPS.items()
    for name, body in PAYLOADS.items()
} | BOMBS
# Harmless, so read, or nothing in it is an array.
HARMLESS = {"pop_below_mark", "nested_lists", "colliding_keys", "array_objects", "array_record"}


GROUPS = [[f"{wrap}-{name}" for name in PAYLOADS] for wrap in WRAPS] + [[name] for name in BOMBS]


def memory(field: str) -> float:
    """Returns a field of this process's status, as in 'VmRSS', in megabytes."""
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


def outcome(name: str) -> dict:
    """Reads a file in this process; arrays must not be writable."""
    from jaxgan.runtime.errors import UserError
    from jaxgan.weights import contents

    size = Path("file").write_bytes(CASES[name]())
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    began, held = time.process_time(), memory("VmRSS")
    try:
        found = contents.read(Path("file"))
        said = f"read: {len(found.arrays)}"
        assert not any(array.flags.writeable for array in found.arrays.values())
    except UserError as error:
        said = str(error)
    except BaseException as error:
        said = f"traceback: {type(error).__name__}: {error}"
    row = {"seconds": time.process_time() - began, "megabytes": memory("VmHWM") - held}
    return row | {"name": name, "said": said, "size": size, "files": sorted(os.listdir())}


def measured(names: list[str]) -> None:
    """Runs cases in a fork of this process, which a case may kill, and prints what came of each."""
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_CPU, (3 * SECONDS, 3 * SECONDS))
        limit = int((memory("VmSize") + 4 * MEGABYTES) * 2**20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        for name in names:
            print(json.dumps(outcome(name)), flush=True)
        os._exit(0)
    os.waitpid(pid, 0)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What became of each case, by its name."""
    paths = [str(ROOT), str(Path(__file__).parent)]
    done = subprocess.run(
        [sys.executable, __file__],
        cwd=tmp_path_factory.mktemp("hostile"),
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {row.pop("name"): row for row in map(json.loads, done.stdout.splitlines())}


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_file_is_refused_in_one_line_and_costs_little(found, name):
    assert name in found, "killed"
    row = found[name]
    harmless = name in HARMLESS and ("read:" in row["said"] or "holds no arrays" in row["said"])
    refused = re.search("refused|damaged|neither|big-endian|encrypted|method 99", row["said"])
    assert harmless or (refused and row["said"].startswith("file: ")), row
    assert row["said"].isprintable() and len(row["said"]) < 600, row
    assert row["files"] == ["file"], "something was run"
    assert row["seconds"] < SECONDS and row["megabytes"] < MEGABYTES, row
    assert row["megabytes"] * 2**20 < max(2**26, 4 * row["size"]) * 1.25 + 2**24, row


def main() -> None:
    from jaxgan.weights import contents  # noqa: F401

    for names in GROUPS:
        measured(names)


if __name__ == "__main__":
    main()
