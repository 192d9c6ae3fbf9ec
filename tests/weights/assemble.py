"""Assembles files of weights byte by byte, whole ones and such as no program would write."""

import io
import struct
import zipfile
import zlib

import numpy as np

PROTO, STOP, MARK = b"\x80\x02", b".", b"("
MAGIC = 0x1950A86A20F9469CFC6C
A = np.arange(24, dtype=np.float32)


def text(value: str) -> bytes:
    data = value.encode("utf-8", "surrogatepass")
    return b"X" + struct.pack("<I", len(data)) + data


def number(value: int) -> bytes:
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(data)]) + data


def raw(data: bytes) -> bytes:
    return b"B" + struct.pack("<I", len(data)) + data


def name(full: str) -> bytes:
    module, _, leaf = full.rpartition(".")
    return f"c{module}\n{leaf}\n".encode()


def many(*parts: bytes) -> bytes:
    return MARK + b"".join(parts) + b"t"


def numbers(values) -> bytes:
    return many(*map(number, values))


def call(full: str, *args: bytes) -> bytes:
    return name(full) + many(*args) + b"R"


def mapping(**entries: bytes) -> bytes:
    return pairs(entries.items())


def pairs(entries) -> bytes:
    return b"}" + MARK + b"".join(text(k) + v for k, v in entries) + b"u"


def pickled(body: bytes) -> bytes:
    return PROTO + body + STOP


def storage(key: str = "0", count: int = len(A), kind: str = "FloatStorage") -> bytes:
    args = text("storage"), name(f"torch.{kind}"), text(key), text("cpu"), number(count)
    return many(*args) + b"Q"


def tensor(of: bytes, offset: int, size, stride) -> bytes:
    args = of, number(offset), numbers(size), numbers(stride), b"\x89", mapping()
    return call("torch._utils._rebuild_tensor_v2", *args)


def stream(body: bytes, keys=("0",), values: np.ndarray = A, counts=()) -> bytes:
    """torch.save's older form."""
    heads = [pickled(part) for part in (number(MAGIC), number(1001), mapping(), body)]
    listed = pickled(b"]" + MARK + b"".join(map(text, keys)) + b"e")
    counts = counts or [len(values)] * len(keys)
    held = [struct.pack("<q", count) + values.tobytes() for count in counts]
    return b"".join([*heads, listed, *held])


def torch_zip(body: bytes, values: np.ndarray = A, method=zipfile.ZIP_STORED, **more) -> bytes:
    """torch.save's form since 1.6."""
    members = {"m/data.pkl": pickled(body), "m/byteorder": b"little", "m/data/0": values.tobytes()}
    return zipped(members | more, method)


def zipped(members: dict[str, bytes], method=zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for member, data in members.items():
            archive.writestr(zipfile.ZipInfo(member), data, method)
    return file.getvalue()


def raw_zip(members, *, count=None, start=None, sizes=None) -> bytes:
    """A zip of (name, flags, method, crc, packed, size, data) whose directory may lie."""
    body, directory = b"", b""
    for label, flags, method, crc, packed, size, data in members:
        label, at = label.encode(), len(body)
        fields = (flags, method, 0, 0, crc, packed, size, len(label), 0)
        body += struct.pack("<4s5H3L2H", b"PK\3\4", 20, *fields) + label + data
        entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, *fields, 0, 0, 0, 0, at)
        directory += entry + label
    start = len(body) if start is None else start
    count = len(members) if count is None else count
    sizes = len(directory) if sizes is None else sizes
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, sizes, start, 0)
    return body + directory + end


def with_zip64_end(data: bytes) -> bytes:
    """A zip whose end is that of a large one."""
    at = data.rfind(b"PK\5\6")
    _, _, _, _, count, size, start, _ = struct.unpack("<4s4H2LH", data[at:])
    fields = 44, 45, 45, 0, 0, count, count, size, start
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", *fields)
    end += struct.pack("<4sLQL", b"PK\6\7", 0, at, 1)
    sentinels = 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0
    return data[:at] + end + struct.pack("<4s4H2LH", b"PK\5\6", *sentinels)


def streamed(members: dict[str, bytes]) -> bytes:
    """A zip whose local headers know no sizes, as one written to a pipe."""

    class Pipe(io.BytesIO):
        def seekable(self):
            return False

        def tell(self):
            raise OSError

    file = Pipe()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def member(label: str, data: bytes, **lies):
    fields = {"flags": 0, "method": 0, "crc": zlib.crc32(data), "packed": len(data)}
    fields |= {"size": len(data), **lies}
    return (label, *fields.values(), data)


def deflated(data: bytes) -> bytes:
    engine = zlib.compressobj(9, zlib.DEFLATED, -15)
    return engine.compress(data) + engine.flush()


def npy(header: str, data: bytes = b"", version: int = 1) -> bytes:
    text = header.encode()
    form = "<H" if version == 1 else "<I"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack(form, len(text)) + text + data


def header(descr: str = "'<f4'", shape: str = "(24,)", fortran: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {fortran}, 'shape': {shape}, }}"


def array(shape: bytes, kind: bytes | None = None, data: bytes = A.tobytes()) -> bytes:
    """A NumPy array as pickles have it."""
    made = call(
        "numpy.core.multiarray._reconstruct", name("numpy.ndarray"), numbers([0]), raw(b"b")
    )
    kind = dtype() if kind is None else kind
    return made + many(number(1), shape, kind, b"\x89", raw(data)) + b"b"


def dtype(code: str = "f4", order: str = "<") -> bytes:
    state = number(3), text(order), b"N", b"N", b"N", number(-1), number(-1), number(0)
    return call("numpy.dtype", text(code), b"\x89", b"\x88") + many(*state) + b"b"


def network(**groups: bytes) -> bytes:
    state = mapping(
        **{"_parameters": mapping(), "_buffers": mapping(), "_modules": mapping()} | groups
    )
    meta = mapping(type=text("class"), module_src=text("raise SystemExit('run')"), state=state)
    return call("torch_utils.persistence._reconstruct_persistent_obj", meta)


def inline(body: bytes | None = None) -> bytes:
    """A storage as a pickle of a network holds it: a stream within it."""
    return call("torch.storage._load_from_bytes", raw(stream(storage() if body is None else body)))


WHOLE = {  # of each kind that is read, the smallest
    "pickle": pickled(mapping(w=tensor(inline(), 0, (2, 12), (12, 1)))),
    "network": pickled(
        mapping(
            G_ema=network(
                _parameters=mapping(w=tensor(inline(), 0, (24,), (1,))),
                _init_kwargs=mapping(z_dim=number(4), synthesis_kwargs=mapping(conv_clamp=b"N")),
            )
        )
    ),
    "numpy": pickled(mapping(w=array(numbers([2, 12])))),
    "stream": stream(mapping(w=tensor(storage(), 4, (4, 5), (1, 4)))),
    "torch": torch_zip(mapping(w=tensor(storage(), 0, (24,), (1,)))),
    "npz": zipped(
        {"w.npy": npy(header(), A.tobytes()), "n.npy": npy(header("'<U1'", "()"), b"abcd")}
    ),
    "npz_deflated": zipped({"w.npy": npy(header(), A.tobytes())}, zipfile.ZIP_DEFLATED),
}
