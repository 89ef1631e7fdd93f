"""PNG files of small pictures, with the standard library alone."""

from __future__ import annotations

import struct
import zlib

from tui.pixel_protocols import PNG, png_chunk


def encode_rgb(pixels: bytes | bytearray, width: int, height: int) -> bytes:
    """Return a PNG file of rows of red, green and blue bytes."""
    stride = 3 * width
    rows = b"".join(
        b"\0" + bytes(pixels[y * stride : (y + 1) * stride]) for y in range(height)
    )
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"".join(
        (
            PNG,
            png_chunk(b"IHDR", header),
            png_chunk(b"IDAT", zlib.compress(rows, 6)),
            png_chunk(b"IEND", b""),
        )
    )
