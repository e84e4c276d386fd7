"""PNG files, with nothing but zlib."""

from __future__ import annotations

import struct
import zlib

import numpy as np
from jaxtyping import Int16, UInt8


def png_bytes(picture: UInt8[np.ndarray, "H W 3"]) -> bytes:
    """A picture as a PNG file; the same bytes for the same picture.

    Each line takes the filter that leaves the smallest differences, as the PNG specification
    recommends.
    """
    height, width = picture.shape[:2]
    here = picture.reshape(height, width * 3).astype(np.int16)
    left = np.pad(here, ((0, 0), (3, 0)))[:, :-3]
    above = np.pad(here, ((1, 0), (0, 0)))[:-1]
    corner = np.pad(left, ((1, 0), (0, 0)))[:-1]
    guesses = np.stack([np.zeros_like(here), left, above, _paeth(left, above, corner)])
    residues = (here - guesses).astype(np.uint8)
    cost = np.abs(residues.view(np.int8).astype(np.int16)).sum(-1, dtype=np.int64)
    best = cost.argmin(0)
    lines = residues[best, np.arange(height)]
    kinds = np.array([0, 1, 2, 4], np.uint8)[best]
    data = np.concatenate([kinds[:, None], lines], axis=1).tobytes()
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(data, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _paeth(
    left: Int16[np.ndarray, "H W3"],
    above: Int16[np.ndarray, "H W3"],
    corner: Int16[np.ndarray, "H W3"],
) -> Int16[np.ndarray, "H W3"]:
    """Whichever of the three is nearest to left + above - corner."""
    guess = left + above - corner
    by_left, by_above, by_corner = (np.abs(guess - near) for near in (left, above, corner))
    other = np.where(by_above <= by_corner, above, corner)
    return np.where((by_left <= by_above) & (by_left <= by_corner), left, other)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
