"""Pictures without a library of pictures: what is read is what Pillow reads, and nothing of a stranger's does harm."""

from __future__ import annotations

import io
import random
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from facetui.tui.figures import pixels
from facetui.tui.figures.photos import halves
from facetui.tui.figures.pixels import MOST_PIXELS, STEPS, Picture

from ...support.sample_run import a_picture


def png(width: int, height: int, rows: bytes, *, depth: int = 8, kind: int = 2, interlaced: int = 0) -> bytes:
    """A PNG of these rows, each with its filter before it."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, interlaced)
    packed = zlib.compress(rows)
    parts = [chunk(b"IDAT", packed[:7]), chunk(b"IDAT", packed[7:])]
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + b"".join(parts) + chunk(b"IEND", b"")


def noise(width: int, height: int, seed: int = 0) -> Picture:
    return Picture(width, height, random.Random(seed).randbytes(3 * width * height))


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([0, 2]), st.randoms(use_true_random=False))
def test_whatever_filters_a_png_has_pillow_reads_the_same(width, height, kind, chance):
    stride = width * pixels.CHANNELS[kind]
    rows = b"".join(bytes([chance.randrange(5)]) + chance.randbytes(stride) for _ in range(height))
    content = png(width, height, rows, kind=kind)
    with Image.open(io.BytesIO(content)) as read:
        assert pixels.decoded(content) == Picture(width, height, read.convert("RGB").tobytes())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        png(2, 2, bytes(14), depth=16),
        png(2, 2, bytes(14), kind=3),
        png(2, 2, bytes(14), interlaced=1),
        png(2, 2, b"\x05" + bytes(13)),
        png(2, 2, bytes(13)),
        png(0, 2, bytes(14)),
        png(MOST_PIXELS, 2, bytes(14)),
        png(1 << 31, 1 << 31, bytes(14)),
    ],
)
def test_what_a_run_does_not_keep_is_no_picture(content):
    assert pixels.decoded(content) is None


@given(st.integers(0, 400), st.binary(max_size=8))
def test_a_damaged_png_is_no_picture_or_one_of_its_size(at, instead):
    content = a_picture(90)
    read = pixels.decoded(content[:at] + instead + content[at + len(instead) :])
    assert read is None or len(read.rgb) == 3 * read.width * read.height <= 3 * MOST_PIXELS


def test_another_size_keeps_the_light():
    picture = noise(112, 112)
    assert pixels.resized(picture, 112, 112) == picture
    half = Image.frombytes("RGB", (112, 112), picture.rgb).reduce(2).tobytes()
    assert max(abs(a - b) for a, b in zip(pixels.resized(picture, 56, 56).rgb, half, strict=True)) <= 1
    for width, height in ((30, 30), (41, 20), (1, 1), (200, 150)):
        small = pixels.resized(picture, width, height)
        assert len(small.rgb) == 3 * width * height
        assert abs(sum(small.rgb) / len(small.rgb) - sum(picture.rgb) / len(picture.rgb)) < 0.5, (width, height)


def test_brightness_and_difference_are_those_of_pillow():
    one, other = noise(20, 10), noise(20, 10, seed=1)
    grey = Image.frombytes("RGB", (20, 10), one.rgb).convert("L").tobytes()
    assert max(abs(a - b) for a, b in zip(pixels.grey(one), grey, strict=True)) <= 1
    assert set(pixels.difference(one, one, 10).rgb) == {0}
    assert pixels.difference(one, other, 1).rgb == bytes(abs(a - b) for a, b in zip(one.rgb, other.rgb, strict=True))
    assert max(pixels.difference(one, other, 10).rgb) == 255


@pytest.mark.parametrize("value", [0, 40, 115, 128, 200, 255])
def test_few_colours_keep_the_light_of_a_plane(value):
    plane = pixels.dithered(Picture(24, 24, bytes([value]) * 3 * 24 * 24))
    assert set(plane.rgb) <= set(STEPS) and abs(sum(plane.rgb) / len(plane.rgb) - value) < 4


def test_a_picture_is_as_large_as_its_place_in_every_look():
    picture = pixels.decoded(a_picture(90))
    for colours in ("true", "256", "none"):
        lines = halves(picture, 24, colours)
        assert len(lines) == 12 and {sum(len(text) for text, _ in line) for line in lines} == {24}
    assert halves(picture, 24)[0][0] == ("▀", "rgb:5a3c6e5a3c6e"), "a plane stays one"
