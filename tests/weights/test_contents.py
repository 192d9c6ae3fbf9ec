"""Reading other programs' files: PyTorch's forms, forged here, and code that must not be run."""

import collections
import io
import os
import pickle
import struct
import subprocess
import sys
import types
import zipfile
from pathlib import Path

import assemble
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.runtime.errors import UserError
from jaxgan.weights import contents

A = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
KINDS = {"f4": "FloatStorage", "f2": "HalfStorage", "i8": "LongStorage", "bf16": "BFloat16Storage"}


@pytest.fixture(autouse=True)
def modules(monkeypatch):
    """The names that such files hold, importable while they are forged; calling one fails."""
    names = {
        "torch": list(KINDS.values()),
        "torch._utils": ["_rebuild_tensor_v2", "_rebuild_parameter"],
        "torch.storage": ["_load_from_bytes"],
        "torch_utils": [],
        "torch_utils.persistence": ["_reconstruct_persistent_obj"],
        "dnnlib": [],
        "dnnlib.util": [],
    }
    for module, functions in names.items():
        made = types.ModuleType(module)
        for name in functions:

            def forged(*args):
                raise AssertionError("called")

            forged.__module__, forged.__qualname__ = module, name
            setattr(made, name, forged)
        monkeypatch.setitem(sys.modules, module, made)
    easy = type("EasyDict", (dict,), {"__module__": "dnnlib.util"})
    sys.modules["dnnlib.util"].EasyDict = easy
    return lambda module, name: getattr(sys.modules[module], name)


class Storage:
    """Flat values that a pickler takes out of line; inline they are a stream of their own."""

    def __init__(self, values):
        self.values = np.ascontiguousarray(values).reshape(-1)
        kind = "bf16" if values.dtype == jnp.bfloat16 else values.dtype.str[1:]
        self.kind = getattr(sys.modules["torch"], KINDS[kind])

    def __reduce__(self):
        return sys.modules["torch.storage"]._load_from_bytes, (stream(self),)


class Tensor:
    def __init__(self, storage, size, stride, offset=0):
        self.args = (storage, offset, size, stride, False, collections.OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.args


def tensor(array, storage=None, offset=0):
    strides = tuple(s // array.itemsize for s in array.strides)
    return Tensor(storage or Storage(array), array.shape, strides, offset)


class Pickler(pickle.Pickler):
    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.storages = {}

    def persistent_id(self, obj):
        if not isinstance(obj, Storage):
            return None
        key = str(len(self.storages))
        self.storages.setdefault(id(obj), (key, obj))
        key, _ = self.storages[id(obj)]
        return ("storage", obj.kind, key, "cpu", len(obj.values))


def stream(obj):
    """torch.save's older form."""
    file = io.BytesIO()
    for head in (contents.MAGIC, 1001, {"little_endian": True}):
        pickle.dump(head, file, 2)
    pickler = Pickler(file, 2)
    pickler.dump(obj)
    pickle.dump([key for key, _ in pickler.storages.values()], file, 2)
    for _, storage in pickler.storages.values():
        file.write(struct.pack("<q", len(storage.values)) + storage.values.tobytes())
    return file.getvalue()


def zipped(obj):
    """torch.save's form since 1.6."""
    file, body = io.BytesIO(), io.BytesIO()
    pickler = Pickler(body, 2)
    pickler.dump(obj)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("model/data.pkl", body.getvalue())
        archive.writestr("model/byteorder", "little")
        for key, storage in pickler.storages.values():
            archive.writestr(f"model/data/{key}", storage.values.tobytes())
    return file.getvalue()


def network(**state):
    """A StyleGAN2-ADA object, whose source must not be run."""

    class Network:
        def __reduce__(self):
            easy = sys.modules["dnnlib.util"].EasyDict
            make = sys.modules["torch_utils.persistence"]._reconstruct_persistent_obj
            meta = easy(type="class", version=6, class_name="G", state=state,
                        module_src="raise SystemExit('run')")  # fmt: skip
            return make, (meta,)

    return Network()


def module(parameters=(), buffers=(), children=(), **more):
    groups = {"_parameters": parameters, "_buffers": buffers, "_modules": children}
    return network(**{k: collections.OrderedDict(v) for k, v in groups.items()}, **more)


def published():
    parameter = type("Parameter", (), {"__reduce__": lambda self: (
        sys.modules["torch._utils"]._rebuild_parameter,
        (tensor(A), True, collections.OrderedDict()),
    )})()  # fmt: skip
    conv = module({"weight": parameter, "bias": None}, {"f": tensor(A[0])})
    options = {"z_dim": np.float64(64), "mapping_kwargs": {"num_layers": 2}}
    b4 = module((), (), {"conv": conv})
    g = module((), (), {"b4": b4}, _non_persistent_buffers_set=set(), _init_kwargs=options)
    return {"G_ema": g, "D": conv, "training_set_kwargs": {"path": "x"}, "augment_pipe": None}


def state_dict():
    shared = Storage(A)
    state = collections.OrderedDict(a=tensor(A), t=tensor(A.T, shared))
    state |= {"part": Tensor(shared, (4,), (1,), 8), "same": Tensor(shared, (), ())}
    state |= {"half": tensor(A.astype(np.float16)), "brain": tensor(A.astype(jnp.bfloat16))}
    state |= {"count": tensor(np.array(7, np.int64))}
    state._metadata = {"": {"version": 1}}
    return state


def saved(tmp_path, data, name="file"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("form", [zipped, stream])
def test_state_dicts(tmp_path, form):
    found, kwargs = contents.read(saved(tmp_path, form(state_dict())))
    want = {"a": A, "t": A.T, "part": A.reshape(-1)[8:12], "same": A[0, 0, 0]}
    want |= {"half": A.astype("f2"), "brain": A.astype(jnp.bfloat16), "count": np.int64(7)}
    assert set(found) == set(want) and not kwargs
    for name, value in want.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype and found[name].flags.c_contiguous


@pytest.mark.parametrize("protocol", [3, 4])
def test_network_pickles_give_published_names_and_run_no_source(tmp_path, protocol):
    found, kwargs = contents.read(saved(tmp_path, pickle.dumps(published(), protocol)))
    assert set(found) == {"G_ema/b4.conv.weight", "G_ema/b4.conv.f", "D/weight", "D/f"}
    np.testing.assert_array_equal(found["G_ema/b4.conv.weight"], A)
    assert kwargs == {"G_ema": {"z_dim": 64.0, "mapping_kwargs": {"num_layers": 2}}, "D": {}}


def test_npz_round_trip(tmp_path):
    path = tmp_path / "w.npz"
    contents.write(path, {"G/b4.const": A, "x": np.float32(3)})
    found, _ = contents.read(path)
    assert set(found) == {"G/b4.const", "x"} and found["x"] == 3
    np.testing.assert_array_equal(found["G/b4.const"], A)
    assert [p.name for p in tmp_path.iterdir()] == ["w.npz"]


@pytest.mark.parametrize("kind", assemble.WHOLE)
def test_the_smallest_file_of_each_kind_is_read(kind):
    ((_, array),) = contents.parse(assemble.WHOLE[kind]).arrays.items()
    want = assemble.A[4:].reshape(5, 4).T if kind == "stream" else assemble.A
    np.testing.assert_array_equal(array.ravel(), want.ravel())
    assert array.dtype == np.float32 and not array.flags.writeable


def test_zips_of_large_files_and_of_pipes_are_read():
    members = {"w.npy": assemble.npy(assemble.header(), assemble.A.tobytes())}
    for data in (assemble.with_zip64_end(assemble.zipped(members)), assemble.streamed(members)):
        np.testing.assert_array_equal(contents.parse(data).arrays["w"], assemble.A)


class Evil:
    def __init__(self, call, *args):
        self.call = call, args

    def __reduce__(self):
        return self.call


@pytest.mark.parametrize("wrap", [
    lambda evil: pickle.dumps({"G": evil}, 4),
    lambda evil: pickle.dumps({"G": evil}, 2),
    lambda evil: zipped({"w": evil}),
    lambda evil: stream({"w": evil}),
    lambda evil: pickle.dumps(Evil(sys.modules["torch.storage"]._load_from_bytes, stream(evil))),
    lambda evil: pickle.dumps(network(state=evil)),
])  # fmt: skip
def test_a_malicious_pickle_is_refused_and_not_run(tmp_path, wrap):
    for call in (os.system, eval, subprocess.getoutput, getattr, np.load, pickle.loads):
        mark = tmp_path / "ran"
        code = f"__import__('os').mkdir({str(mark)!r})" if call is eval else f"mkdir {mark}"
        path = saved(tmp_path, wrap(Evil(call, code)))
        with pytest.raises(UserError, match=f"refused: .*{call.__name__}.*nothing was run") as told:
            contents.read(path)
        assert str(path) in str(told.value) and "\n" not in str(told.value)
        assert not mark.exists()


def test_attributes_of_allowed_names_are_out_of_reach(tmp_path):
    """Protocol 4 may ask for a dotted path."""
    data = b"\x80\x04\x8c\x0bcollections\x8c\x15OrderedDict.__class__\x93."
    with pytest.raises(UserError, match="refused"):
        contents.read(saved(tmp_path, data))


@pytest.mark.parametrize("form", ["zip", "stream", "network", "npz"])
def test_a_truncated_file_gets_one_line(tmp_path, form):
    whole = tmp_path / "whole.npz"
    contents.write(whole, {"a": A})
    data = {
        "zip": lambda: zipped(state_dict()),
        "stream": lambda: stream(state_dict()),
        "network": lambda: pickle.dumps(published(), 4),
        "npz": whole.read_bytes,
    }[form]()
    for share in (0.01, 0.3, 0.6, 0.9, 0.99):
        path = saved(tmp_path, data[: max(3, int(share * len(data)))])
        with pytest.raises(UserError) as told:
            contents.read(path)
        assert str(path) in str(told.value) and "\n" not in str(told.value)


def other_zip():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", "<x/>")
    return file.getvalue()


@pytest.mark.parametrize(("data", "said"), [
    (b"", "neither a pickle nor a zip"),
    (b"\x89PNG\r\n\x1a\n" + bytes(64), "neither a pickle nor a zip"),
    (other_zip(), "neither PyTorch's nor NumPy's"),
    (pickle.dumps({"a": 1}), "holds no arrays"),
    (pickle.dumps([1, 2]), "holds no arrays"),
    (b"\x80\x04junk", "damaged or truncated"),
], ids=["empty", "png", "docx", "number", "list", "junk"])  # fmt: skip
def test_a_file_of_another_kind_gets_one_line(tmp_path, data, said):
    with pytest.raises(UserError, match=said):
        contents.read(saved(tmp_path, data))


def test_objects_in_npz_and_missing_files_are_refused(tmp_path):
    np.savez(tmp_path / "o.npz", a=np.array([Evil(os.system, "true")], object))
    with pytest.raises(UserError, match="damaged"):
        contents.read(tmp_path / "o.npz")
    with pytest.raises(UserError, match="cannot be read .No such file"):
        contents.read(tmp_path / "none.pkl")
    with pytest.raises(UserError, match="cannot be read .Is a directory"):
        contents.read(tmp_path)
    with pytest.raises(UserError, match="cannot be read .File name too long"):
        contents.read(tmp_path / ("y" * 300))
    os.mkfifo(tmp_path / "fifo.pkl")
    for path in (tmp_path / "fifo.pkl", Path("/dev/zero")):
        with pytest.raises(UserError, match="is no regular file"):
            contents.read(path)
    with (tmp_path / "sparse.pkl").open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(UserError, match="refused: it has 1100 GB"):
        contents.read(tmp_path / "sparse.pkl")


@pytest.mark.parametrize(("size", "stride", "offset"), [
    ((25,), (1,), 0), ((4,), (1,), 21), ((2,), (24,), 0), ((10**12,), (0,), 0),
    ((2,), (-1,), 4), ((-2,), (1,), 0), ((2,), (1,), -1),
])  # fmt: skip
@pytest.mark.parametrize("form", [zipped, stream])
def test_tensors_stay_within_their_storage(tmp_path, form, size, stride, offset):
    path = saved(tmp_path, form({"w": Tensor(Storage(A), size, stride, offset)}))
    with pytest.raises(UserError, match="damaged"):
        contents.read(path)
