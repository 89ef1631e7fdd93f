"""Pictures in the bytes of the kitty graphics protocol and of sixel.

Standard library only; nothing here knows a widget or asks a terminal.
"""

from __future__ import annotations

import base64
import zlib
from itertools import groupby

CHUNK = 4096  # base64 letters in one kitty escape sequence
Rgb = tuple[int, int, int]
#: The mark of row or column i in a placeholder cell: a constant of kitty's protocol
#: (https://sw.kovidgoyal.net/kitty/graphics-protocol, Unicode placeholders), its first
#: entries; a picture is at most so many cells wide and high.
_MARKS = bytes.fromhex(
    """
    0305 030D 030E 0310 0312 033D 033E 033F 0346 034A 034B 034C 0350 0351 0352 0357
    035B 0363 0364 0365 0366 0367 0368 0369 036A 036B 036C 036D 036E 036F 0483 0484
    0485 0486 0487 0592 0593 0594 0595 0597 0598 0599 059C 059D 059E 059F 05A0 05A1
    05A8 05A9 05AB 05AC 05AF 05C4 0610 0611 0612 0613 0614 0615 0616 0617 0657 0658
    0659 065A 065B 065D 065E 06D6 06D7 06D8 06D9 06DA 06DB 06DC 06DF 06E0 06E1 06E2
    06E4 06E7 06E8 06EB 06EC 0730 0732 0733 0735 0736 073A 073D 073F 0740 0741 0743
    0745 0747 0749 074A 07EB 07EC 07ED 07EE 07EF 07F0 07F1 07F3 0816 0817 0818 0819
    081B 081C 081D 081E 081F 0820 0821 0822 0823 0825 0826 0827 0829 082A 082B 082C
    082D
    """
).decode("utf-16-be")
MOST_CELLS = len(_MARKS)


def kitty_cell(row: int, column: int) -> str:
    """Character and marks of one cell of a picture; its color is the number."""
    return "\U0010eeee" + _MARKS[row] + _MARKS[column]


def kitty_placement(number: int, columns: int, rows: int) -> str:
    """Escape sequence that spreads an image over placeholder cells."""
    return f"\x1b_Ga=p,U=1,i={number},c={columns},r={rows},q=2\x1b\\"


def kitty_deletion(number: int) -> str:
    """Escape sequence that frees an image."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


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
