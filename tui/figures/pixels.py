"""Pictures as pixels, without a library of pictures: PNG read, difference, size, palette, brightness."""

from __future__ import annotations

import struct
import zlib
from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

MOST_PIXELS = 512 * 512
"""Pixels of a picture; a run keeps faces of 112 by 112, and what is larger would hold the app up."""

CHANNELS = {0: 1, 2: 3}
"""Values a pixel, by PNG's colour type: grey, and RGB."""

STEPS = (0, 95, 135, 175, 215, 255)
"""Values of a channel in the 216 colours that every terminal with 256 has alike."""

MIDDLES = [(below + above) / 2 for below, above in pairwise(STEPS)]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Picture:
    """A picture in memory.

    Attributes:
        width: pixels.
        height: pixels.
        rgb: three bytes a pixel, row by row from above.
    """

    width: int
    height: int
    rgb: bytes


def decoded(png: bytes) -> Picture | None:
    """A PNG of eight bits a channel, RGB or grey, as runs keep them; ``None`` for what is anything else or damaged."""
    try:
        chunks = dict(_chunks(png))
        width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        if depth != 8 or kind not in CHANNELS or interlaced or not 0 < width * height <= MOST_PIXELS:
            return None
        channels = CHANNELS[kind]
        stride = width * channels
        data = zlib.decompressobj().decompress(chunks[b"IDAT"], height * (stride + 1))
        if len(data) != height * (stride + 1):
            return None
        values = _unfiltered(data, stride, channels)
    except (ValueError, KeyError, struct.error, zlib.error):
        return None
    return Picture(width, height, values if channels == 3 else bytes(v for v in values for _ in range(3)))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The header, and all pieces of the pixels as one."""
    if not png.startswith(_SIGNATURE):
        raise ValueError("no PNG")
    at, pixels = len(_SIGNATURE), []
    while at + 12 <= len(png):
        length, name = struct.unpack_from(">I4s", png, at)
        if name == b"IHDR":
            yield name, png[at + 8 : at + 8 + length]
        elif name == b"IDAT":
            pixels.append(png[at + 8 : at + 8 + length])
        at += 12 + length
    yield b"IDAT", b"".join(pixels)


def _unfiltered(data: bytes, stride: int, channels: int) -> bytes:
    """Rows without PNG's filters (PNG specification, third edition, section 9).

    Raises:
        ValueError: a filter that does not exist.
    """
    rows, above = [], bytes(stride)
    for at in range(0, len(data), stride + 1):
        row = bytearray(data[at + 1 : at + 1 + stride])
        match data[at]:
            case 0:
                pass
            case 1:
                for channel in range(channels):
                    row[channel::channels] = bytes(v & 255 for v in accumulate(row[channel::channels]))
            case 2:
                row = bytearray((v + up) & 255 for v, up in zip(row, above, strict=True))
            case 3:
                for i, up in enumerate(above):
                    row[i] = (row[i] + ((row[i - channels] if i >= channels else 0) + up) // 2) & 255
            case 4:
                for i, up in enumerate(above):
                    left, corner = (row[i - channels], above[i - channels]) if i >= channels else (0, 0)
                    row[i] = (row[i] + _paeth(left, up, corner)) & 255
            case other:
                raise ValueError(f"filter {other}")
        above = bytes(row)
        rows.append(above)
    return b"".join(rows)


def _paeth(left: int, up: int, corner: int) -> int:
    to_left, to_up, to_corner = abs(up - corner), abs(left - corner), abs(left + up - 2 * corner)
    if to_left <= to_up and to_left <= to_corner:
        return left
    return up if to_up <= to_corner else corner


def difference(one: Picture, other: Picture, times: int) -> Picture:
    """How far two pictures of one size differ in every channel, so many times, at most 255."""
    values = bytes(min(255, times * abs(a - b)) for a, b in zip(one.rgb, other.rgb, strict=True))
    return Picture(one.width, one.height, values)


def resized(picture: Picture, width: int, height: int) -> Picture:
    """The same in another size: every pixel is the mean of what it covers."""
    across = []
    for y in range(picture.height):
        row = picture.rgb[3 * picture.width * y : 3 * picture.width * (y + 1)]
        across.append([_means(row[channel::3], width) for channel in range(3)])
    columns = [_means([row[channel][x] for row in across], height) for x in range(width) for channel in range(3)]
    return Picture(width, height, bytes(round(value) for row in zip(*columns, strict=True) for value in row))


def _means(values: Sequence[float], places: int) -> list[float]:
    """Means of equally long pieces: differences of the running sum, taken between values where a piece ends there."""
    sums = list(accumulate(values, initial=0.0))
    step = len(values) / places
    bounds = [place * step for place in range(places)]
    at = [sums[int(b)] + (b - int(b)) * values[int(b)] for b in bounds] + [sums[-1]]
    return [(end - begin) / step for begin, end in pairwise(at)]


def grey(picture: Picture) -> bytes:
    """Brightness of every pixel (ITU-R 601)."""
    red, green, blue = (picture.rgb[channel::3] for channel in range(3))
    return bytes((299 * r + 587 * g + 114 * b) // 1000 for r, g, b in zip(red, green, blue, strict=True))


def dithered(picture: Picture) -> Picture:
    """In the 216 colours that terminals have alike; what is lost goes to pixels beside (Floyd and Steinberg 1976)."""
    stride = 3 * picture.width
    below, out = [0.0] * (stride + 6), bytearray()  # a pixel more on both sides takes what leaves the picture
    for y in range(picture.height):
        now, below = below, [0.0] * (stride + 6)
        for i, value in enumerate(picture.rgb[stride * y : stride * (y + 1)], 3):
            wanted = value + now[i]
            chosen = STEPS[bisect(MIDDLES, wanted)]
            lost = (wanted - chosen) / 16
            now[i + 3] += 7 * lost
            below[i - 3] += 3 * lost
            below[i] += 5 * lost
            below[i + 3] += lost
            out.append(chosen)
    return Picture(picture.width, picture.height, bytes(out))
