"""ICC profiles made of nothing but numbers, and sixteen-bit files, which Pillow does not write."""

from __future__ import annotations

import struct
import zlib

import numpy as np

PRIMARIES = {
    # CIE xy of red, green and blue.
    "srgb": ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    "adobe": ((0.640, 0.330), (0.210, 0.710), (0.150, 0.060)),
    "p3": ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
D65, D50 = (0.3127, 0.3290), (0.34567, 0.35850)


def _xyz(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def matrix(name: str) -> np.ndarray:
    """From linear RGB to XYZ as D50 sees it (Bradford), ``(3, 3)``."""
    columns = np.stack([_xyz(*xy) for xy in PRIMARIES[name]], 1)
    to_xyz = columns * np.linalg.solve(columns, _xyz(*D65))
    cone = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
    scale = np.diag((cone @ _xyz(*D50)) / (cone @ _xyz(*D65)))
    return np.linalg.inv(cone) @ scale @ cone @ to_xyz


def _fixed(*values: float) -> bytes:
    return b"".join(struct.pack(">i", round(value * 65536)) for value in values)


def profile(name: str, gamma: float) -> bytes:
    """A matrix profile of version 2 with one power law for all channels; ``grey`` is one without colours."""
    text = f"{name} {gamma}".encode()
    desc = b"desc" + bytes(4) + struct.pack(">I", len(text) + 1) + text + b"\0" + bytes(78)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"
    tags = {b"desc": desc, b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": b"XYZ " + bytes(4) + _fixed(*_xyz(*D50))}
    if name == "grey":
        tags[b"kTRC"] = curve
    else:
        for key, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), matrix(name).T, strict=True):
            tags[key] = b"XYZ " + bytes(4) + _fixed(*column)
        tags |= {key: curve for key in (b"rTRC", b"gTRC", b"bTRC")}
    start, table, body = 132 + 12 * len(tags), b"", b""
    for key, data in tags.items():
        table += key + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    space = b"GRAY" if name == "grey" else b"RGB "
    head = b"\0" * 4 + b"\x02\x10\0\0" + b"mntr" + space + b"XYZ "
    head += bytes(12) + b"acsp" + bytes(28) + _fixed(*_xyz(*D50))
    head += bytes(128 - 4 - len(head))
    whole = head + struct.pack(">I", len(tags)) + table + body
    return struct.pack(">I", len(whole) + 4) + whole


def shown(pixels: np.ndarray, name: str, gamma: float) -> np.ndarray:
    """Pixels ``(..., 3)`` of such a profile as sRGB has them, by the definitions, uint8."""
    linear = np.linalg.inv(matrix("srgb")) @ matrix(name) @ ((pixels / 255.0) ** gamma).reshape(-1, 3).T
    linear = linear.clip(0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return (curved.T.reshape(pixels.shape) * 255).round().astype(np.uint8)


def deep_png(pixels: np.ndarray) -> bytes:
    """A PNG of sixteen bits a channel: ``(H, W)``, ``(H, W, 3)`` or ``(H, W, 4)`` uint16."""
    height, width = pixels.shape[:2]
    kind = {2: 0, 3: 2}.get(pixels.ndim, 0) if pixels.ndim == 2 or pixels.shape[2] == 3 else 6
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    png = b"\x89PNG\r\n\x1a\n"
    for name, data in (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ):
        png += struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    return png
