"""Deep pictures: 16-bit gray and color, 32-bit and float ones, and where they are refused."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from jaxgan.data import depth

RNG = np.random.default_rng(0)


def png16(pixels: np.ndarray, tags: bytes = b"") -> bytes:
    """Encodes uint16 (H, W, C), which Pillow cannot: gray, gray with alpha, RGB or RGBA."""
    height, width, channels = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    parts = [chunk(b"IHDR", header), tags, chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def tiff(pixels: np.ndarray) -> Image.Image:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "TIFF")
    return Image.open(file)


def eight(img: Image.Image, bits: int = 0, interval=None) -> np.ndarray:
    return np.asarray(depth.to_8_bits(img, bits, interval).img)


def test_levels_are_linear_rounded_and_clipped():
    values = np.array([-9, 0, 1, 2, 1000, 4095, 9999], np.int32)
    assert depth.levels(values, (0, 4095)).tolist() == [0, 0, 0, 0, 62, 255, 255]
    assert depth.levels(np.float32([-1, 0, 1]), (-1, 1)).tolist() == [0, 128, 255]
    large = np.array([10**9, 10**9 + 51], np.int64)  # float32 would not tell them apart
    assert depth.levels(large, (10**9, 10**9 + 255)).tolist() == [0, 51]
    assert depth.outside(values, (0, 4095)) == 2 / 7


@pytest.mark.parametrize(("channels", "bits"), [(1, 12), (3, 12), (3, 10), (4, 16), (1, 16)])
def test_every_bit_of_deep_png_counts(channels, bits):
    pixels = RNG.integers(0, 2**bits, (6, 5, channels), dtype=np.uint16)
    found = depth.to_8_bits(opened(png16(pixels)), bits, None)
    assert found.deep and found.peak == pixels[..., :3].max() and found.clipped == 0
    want = np.rint(pixels[..., :3] * (255 / (2**bits - 1)))
    got = np.asarray(found.img).reshape(pixels.shape)
    np.testing.assert_array_equal(got[..., :3], want)
    if channels == 4:
        np.testing.assert_array_equal(got[..., 3], pixels[..., 3] >> 8)


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_without_options_all_16_bits_count(channels):
    pixels = RNG.integers(0, 65536, (6, 5, channels), dtype=np.uint16)
    found = depth.to_8_bits(opened(png16(pixels)), 0, None)
    got = np.asarray(found.img).reshape(pixels.shape).astype(int)
    assert found.deep and abs(got - pixels / 257).max() <= 1
    assert abs(found.peak - pixels[..., :3].max()) < 256


def test_gray_with_alpha_is_refused_where_bits_would_be_lost():
    data = png16(np.zeros((4, 4, 2), np.uint16))
    assert depth.to_8_bits(opened(data), 0, None).deep
    with pytest.raises(ValueError, match="LA;16B, of which only the upper 8 bits"):
        depth.to_8_bits(opened(data), 12, None)


def test_a_transparent_value_of_16_bits_stays_transparent():
    key = struct.pack(">I", 2) + b"tRNS" + struct.pack(">H", 7)
    key += struct.pack(">I", zlib.crc32(key[4:]))
    pixels = np.uint16([[[7], [8]]])
    got = eight(opened(png16(pixels, key)))
    assert got[..., -1].tolist() == [[0, 255]]


def test_integers_and_floats_need_their_range():
    values = np.arange(20).reshape(4, 5)
    with pytest.raises(ValueError, match=r"int32 pixels from 0 to 19: set config.data.bits or"):
        eight(tiff(values.astype(np.int32)))
    with pytest.raises(ValueError, match=r"float32 pixels from 0 to 19: set config.data.range"):
        eight(tiff(values.astype(np.float32)), bits=12)
    want = depth.levels(values, (0, 31))
    np.testing.assert_array_equal(eight(tiff(values.astype(np.int32)), bits=5), want)
    np.testing.assert_array_equal(eight(tiff(values.astype(np.float32)), 0, (0, 31)), want)
    with pytest.raises(ValueError, match="not finite"):
        eight(tiff(np.float32([[0, np.nan]])), 0, (0, 1))


def test_a_pgm_declares_its_own_range():
    data = b"P5 2 2 4095\n" + np.array([0, 2048, 4095, 1], ">u2").tobytes()
    for bits in (0, 12):
        np.testing.assert_array_equal(eight(opened(data), bits), [[0, 128], [255, 0]])


def test_12_bits_that_a_tiff_declares_are_spread():
    # One row of two values, 4095 and 2048, of 12 bits each.
    fields = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (279, 3)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in fields)
    head = struct.pack("<2sHI", b"II", 42, 12) + b"\xff\xf8\x00\0"
    data = head + struct.pack("<H", len(fields)) + entries + bytes(4)
    found = depth.to_8_bits(opened(data), 0, None)
    assert np.asarray(found.img).tolist() == [[255, 128]] and found.peak == 65535


def test_more_bits_than_there_are_are_refused():
    for channels in (1, 3):
        with pytest.raises(ValueError, match=r"16 bits, fewer than config.data.bits=24"):
            depth.to_8_bits(opened(png16(np.zeros((4, 4, channels), np.uint16))), 24, None)


def test_a_range_spreads_8_bits_too():
    pixels = RNG.integers(0, 256, (6, 5, 4), dtype=np.uint8)
    found = depth.to_8_bits(Image.fromarray(pixels), 0, (50, 150))
    got = np.asarray(found.img)
    np.testing.assert_array_equal(got[..., :3], depth.levels(pixels[..., :3], (50, 150)))
    np.testing.assert_array_equal(got[..., 3], pixels[..., 3])
    assert found.clipped == depth.outside(pixels[..., :3], (50, 150)) and not found.deep


@pytest.mark.parametrize("channels", [1, 3])
def test_orientation_survives_the_conversion(channels):
    exif = Image.Exif()
    exif[0x0112] = 6
    chunk = exif.tobytes().removeprefix(b"Exif\0\0")
    tag = struct.pack(">I", len(chunk)) + b"eXIf" + chunk
    tag += struct.pack(">I", zlib.crc32(tag[4:]))
    img = opened(png16(np.zeros((4, 4, channels), np.uint16), tag))
    assert depth.to_8_bits(img, 12, None).img.getexif()[0x0112] == 6
