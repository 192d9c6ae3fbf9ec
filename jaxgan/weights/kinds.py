"""Says what a file is that holds no weights this program reads, by its content, and what to do."""

import re
from collections.abc import Iterable
from pathlib import Path

from jaxgan.runtime.paths import shown

_ADA = (
    "give a network of stylegan2-ada-pytorch, a generator of CycleGAN, or BigGAN's or R3GAN's "
    "networks (.pkl, .pt, .pth or .npz)"
)
_DOWNLOAD = "download the file itself"
_UNPACK = "unpack it and give the file of weights inside"
_STARTS = (
    (b"version https://git-lfs", f"a git-lfs pointer; run git lfs pull, or {_DOWNLOAD}"),
    (b"\x1f\x8b", f"a gzip archive; {_UNPACK}"),
    (b"BZh", f"a bzip2 archive; {_UNPACK}"),
    (b"\xfd7zXZ\x00", f"an xz archive; {_UNPACK}"),
    (b"\x28\xb5\x2f\xfd", f"a zstandard archive; {_UNPACK}"),
    (b"7z\xbc\xaf\x27\x1c", f"a 7z archive; {_UNPACK}"),
    (b"Rar!", f"a rar archive; {_UNPACK}"),
    (b"\x89HDF\r\n\x1a\n", f"HDF5 (Keras or h5py); {_ADA}"),
    (b"\x93NUMPY", f"a single NumPy array (.npy); {_ADA}"),
    (b"\x89PNG", f"a PNG image; {_ADA}"),
    (b"\xff\xd8\xff", f"a JPEG image; {_ADA}"),
    (b"GIF8", f"a GIF image; {_ADA}"),
    (b"RIFF", f"a WebP image or a RIFF file; {_ADA}"),
    (b"II*\x00", f"a TIFF image; {_ADA}"),
    (b"MM\x00*", f"a TIFF image; {_ADA}"),
    (b"BM", f"a BMP image; {_ADA}"),
    (b"%PDF", f"a PDF document; {_ADA}"),
)  # fmt: skip
_MODULES = (
    ("dnnlib.tflib.", "a TensorFlow StyleGAN, StyleGAN2 or ProGAN network: convert StyleGAN2 with "
     "stylegan2-ada-pytorch's legacy.py and give what it writes; others cannot be read"),
    ("tfutil.", f"a TensorFlow ProGAN network, which cannot be read; {_ADA}"),
    ("sklearn.", f"a scikit-learn model; {_ADA}"),
    ("joblib.", f"a joblib pickle; {_ADA}"),
    ("pandas.", f"a pandas table; {_ADA}"),
    ("tensorflow.", f"TensorFlow or Keras objects; {_ADA}"),
    ("keras.", f"TensorFlow or Keras objects; {_ADA}"),
)  # fmt: skip
_NAMES = (
    (r"synthesis\.(L\d+_|input\.)", "a StyleGAN3 or StyleGAN-XL generator, whose alias-free "
     "layers (a sinc filter of its own in each, Fourier features) no net here has"),
    (r"style\.\d+\.weight|to_rgb1\.|to_rgbs\.\d", "rosinality's stylegan2-pytorch, which names "
     "the layers of StyleGAN2 otherwise"),
    (r"g_mapping\.|g_synthesis\.", "a StyleGAN1 generator"),
    (r"(Model\.)?MainLayers\.", "an R3GAN network, which a --config of nets of r3gan takes"),
    (r"(model\.)?(model\.)?\d+\.conv_block\.|model\.\d+\.(weight|bias|model\.)|model\.model\.",
     "a CycleGAN or pix2pix network, which a --config of the game translation takes"),
    (r"blocks\.\d+\.\d+\.(conv|bn|activation)",
     "a BigGAN network, which a --config of the game adversarial takes"),
    (r"layers\.\d+\.bn_\d", "a BigGAN network of pytorch-pretrained-BigGAN, whose BatchNorms are "
     "tables of truncations"),
    (r"prog_blocks\.|scaleLayers\.|initial_block\.", "a ProGAN network"),
    (r"Mixed_\d\w\.|mixed_?\d", "Inception weights, which metrics use, not a generator"),
    (r"main\.\d+\.(weight|bias)", "a DCGAN network of PyTorch's tutorial"),
    (r"b4\.(out|conv)\.weight", "a StyleGAN2 discriminator alone, without its generator"),
)  # fmt: skip
_SLOTS = r"(.*/)?(exp_avg|exp_avg_sq|step|momentum_buffer|max_exp_avg_sq|square_avg)"


def of_bytes(data: bytes) -> str | None:
    """Returns what bytes that are neither a zip nor a binary pickle are, and what to do."""
    if not data:
        return "an empty file; download it again"
    for start, said in _STARTS:
        if data.startswith(start):
            return said
    if data[257:262] == b"ustar":
        return f"a tar archive; {_UNPACK}"
    if data[8:10] == b'{"' and int.from_bytes(data[:8], "little") < len(data):
        return f"safetensors, which is not read here; {_ADA}"
    if data.endswith(b"\x57\xfb\x80\x8b\x24\x75\x47\xdb"):
        return f"the index of a TensorFlow checkpoint; {_ADA}"
    if data[:1] == b"\x08" and re.search(rb"onnx|pytorch|ai\.onnx", data[:4096]):
        return f"an ONNX model; {_ADA}"
    if data[:1] in (b"\x08", b"\x0a") and re.search(rb"serve|Placeholder|Const", data[:65536]):
        return f"a TensorFlow graph or SavedModel (.pb); {_ADA}"
    if 0x81 <= data[0] <= 0x8F or data[0] in (0xDE, 0xDF):
        return f"msgpack, as flax writes it; {_ADA}"
    return _of_text(data)


def of_zip(names: Iterable[str]) -> str | None:
    """Returns what a zip with these members is if no weights are read from it, and what to do."""
    names = list(names)
    if any("/code/" in f"/{name}" or name.endswith("constants.pkl") for name in names):
        return "a TorchScript archive, which is a program; save the module's state_dict() instead"
    if any(name.endswith("model.weights.h5") for name in names):
        return f"a Keras model; {_ADA}"
    return None


def of_global(full: str) -> str | None:
    """Returns what a pickle is that names this global, and what to do."""
    return next((said for start, said in _MODULES if full.startswith(start)), None)


def of_names(names: Iterable[str]) -> str:
    """Returns what a file with arrays of these names is, and what to do."""
    names = list(names)
    if all(re.fullmatch(_SLOTS, name) for name in names):
        return f"the state of an optimizer only; {_ADA}"
    for pattern, said in _NAMES:
        if any(re.match(pattern, name.rpartition("/")[2]) for name in names):
            return f"{said}; {_ADA}"
    listed = ", ".join(shown(name[:80]) for name in names[:3])
    more = ", …" if names[3:] else ""
    return f"no generator of StyleGAN2 among its arrays ({listed}{more}); {_ADA}"


def of_folder(folder: Path) -> str:
    """Returns what a folder is that was given in place of a file, and what to do."""
    if (folder / "config.json").exists() and (folder / "checkpoints").is_dir():
        return "the folder of a jaxgan run; write its generator with --workdir=DIR --out=FILE.npz"
    if (folder / "saved_model.pb").exists():
        return f"a TensorFlow SavedModel; {_ADA}"
    if (folder / "_CHECKPOINT_METADATA").exists() or (folder / "_METADATA").exists():
        return "an orbax checkpoint; give --workdir=DIR of its run with --out=FILE.npz"
    return f"a folder; {_ADA}"


def _of_text(data: bytes) -> str | None:
    head = data[:512].lstrip().lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<head")):
        return f"a web page saved in place of the download; {_DOWNLOAD}"
    if re.match(rb"\(|c[\w.]+\n\w+\n|\]|\}", data) and data.rstrip().endswith(b"."):
        return "a pickle of protocol 0 or 1; save it again with protocol 2 or newer"
    try:
        text = data[:4096].decode()
    except UnicodeDecodeError:
        return None
    if text.isprintable() or not re.search(r"[\x00-\x08\x0e-\x1f]", text):
        return f"{'JSON' if head[:1] in (b'{', b'[') else 'text'}, not weights; {_ADA}"
    return None
