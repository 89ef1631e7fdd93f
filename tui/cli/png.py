"""PNG files of small pictures, with the standard library alone."""

from __future__ import annotations

import struct
import zlib


def encode_rgb(pixels: bytes | bytearray, width: int, height: int) -> bytes:
    """Return a PNG file of rows of red, green and blue bytes."""
    stride = 3 * width
    rows = b"".join(
        b"\0" + bytes(pixels[y * stride : (y + 1) * stride]) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(rows, 6)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
