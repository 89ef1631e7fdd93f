"""Pictures in the bytes of the kitty graphics protocol and of sixel.

Standard library only; nothing here knows a widget or asks a terminal.
"""

from __future__ import annotations

import base64
import zlib
from itertools import groupby

CHUNK = 4096  # base64 letters in one kitty escape sequence
Rgb = tuple[int, int, int]


def kitty_transmission(rgb: bytes, width: int, height: int, number: int) -> list[str]:
    """Escape sequences that give a terminal an image under a number, silently."""
    text = base64.standard_b64encode(zlib.compress(rgb, 1)).decode("ascii")
    pieces = [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)]
    head = f"a=t,f=24,o=z,s={width},v={height},i={number},q=2,"
    last = len(pieces) - 1
    return [
        f"\x1b_G{'' if i else head}m={int(i < last)};{piece}\x1b\\"
        for i, piece in enumerate(pieces)
    ]


def through_tmux(sequence: str) -> str:
    """The envelope in which tmux hands a sequence on to the terminal around it."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def sixel(indices: bytes, width: int, height: int, palette: list[Rgb]) -> str:
    """A picture of palette indices, one byte a pixel, in bands of six rows."""
    parts = [f'\x1bP0;1q"1;1;{width};{height}']
    for number, color in enumerate(palette):
        red, green, blue = (round(part * 100 / 255) for part in color)
        parts.append(f"#{number};2;{red};{green};{blue}")
    for top in range(0, height, 6):
        rows = [
            indices[y * width : (y + 1) * width]
            for y in range(top, min(top + 6, height))
        ]
        lines = [
            f"#{number}{_runs(rows, number)}" for number in sorted(set(b"".join(rows)))
        ]
        parts.append("$".join(lines) + "-")
    return "".join(parts) + "\x1b\\"


def _runs(rows: list[bytes], number: int) -> str:
    bits = [0] * len(rows[0])
    for bit, row in enumerate(rows):
        x = row.find(number)
        while x >= 0:
            bits[x] |= 1 << bit
            x = row.find(number, x + 1)
    out = []
    for value, run in groupby(bits):
        length, letter = len(list(run)), chr(63 + value)
        out.append(f"!{length}{letter}" if length > 3 else letter * length)
    return "".join(out)
