"""Pictures in the bytes of the kitty graphics protocol and of sixel.

Standard library only; nothing here knows a widget or asks a terminal.
"""

from __future__ import annotations

import base64
import re
import struct
import zlib

CHUNK = 4096  # base64 letters in one kitty escape sequence
Rgb = tuple[int, int, int]
Rect = tuple[int, int, int, int]  # x, y, width, height
PNG = b"\x89PNG\r\n\x1a\n"
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
_FIRST_COLOR = 16  # that no theme of a terminal changes


def kitty_number(count: int) -> int:
    """A number that a placeholder cell can name, of those that differ most.

    One of the terminal's 256 colors is its last byte, a mark in the cell its first:
    tmux makes other colors one of these if it does not know that there are more.
    """
    times, color = divmod(count, 256 - _FIRST_COLOR)
    return (1 + times % (MOST_CELLS - 1)) << 24 | _FIRST_COLOR + color


def kitty_cell(row: int, column: int, number: int) -> str:
    """Character and marks of one cell of a picture; its color is the last byte."""
    return "\U0010eeee" + _MARKS[row] + _MARKS[column] + _MARKS[number >> 24]


def kitty_spread(number: int, columns: int, rows: int) -> str:
    """Escape sequence that spreads an image over placeholder cells."""
    return f"\x1b_Ga=p,U=1,i={number},c={columns},r={rows},q=2\x1b\\"


def kitty_placement(
    number: int, place: int, source: Rect, cells: tuple[int, ...] | None = None
) -> str:
    """Escape sequence that shows a part of an image from the cursor on.

    With `cells`, columns and rows, the terminal makes it fill them.
    """
    x, y, width, height = source
    size = f"c={cells[0]},r={cells[1]}," if cells else ""
    return (
        f"\x1b_Ga=p,i={number},p={place},x={x},y={y},w={width},h={height},"
        f"{size}C=1,q=2\x1b\\"
    )


def kitty_removal(number: int, place: int) -> str:
    """Escape sequence that takes one placement away; the image is kept."""
    return f"\x1b_Ga=d,d=i,i={number},p={place},q=2\x1b\\"


def kitty_deletion(number: int) -> str:
    """Escape sequence that frees an image."""
    return f"\x1b_Ga=d,d=I,i={number},q=2\x1b\\"


def kitty_transmission(png: bytes, number: int) -> list[str]:
    """Escape sequences that give a terminal an image under a number, silently."""
    text = base64.standard_b64encode(png).decode("ascii")
    pieces = [text[i : i + CHUNK] for i in range(0, len(text), CHUNK)]
    head = f"a=t,f=100,i={number},q=2,"
    last = len(pieces) - 1
    return [
        f"\x1b_G{'' if i else head}m={int(i < last)};{piece}\x1b\\"
        for i, piece in enumerate(pieces)
    ]


def through_tmux(sequence: str) -> str:
    """The envelope in which tmux hands a sequence on to the terminal around it."""
    return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"


def indexed_png(
    indices: bytes, width: int, height: int, palette: tuple[Rgb, ...]
) -> bytes:
    """A PNG file of palette indices, four or eight bits each.

    Noise is packed by how often a value comes alone, best as it is; what is smooth, or
    whose rows repeat, as differences from the row above. Looking for repetitions
    takes ten times as long and finds few.
    """
    bits, rows = 8, indices
    stride = width
    if len(palette) <= 16:
        bits, stride = 4, (width + 1) // 2
        if width % 2:
            rows = b"".join(
                indices[y * width : (y + 1) * width] + b"\0" for y in range(height)
            )
        left, right = (int.from_bytes(rows[i::2], "little") for i in (0, 1))
        rows = (left << 4 | right).to_bytes(len(rows) // 2, "little")
    lines = min(
        _packed_lines(b"\0", rows, stride),
        _packed_lines(b"\2", _below(rows, stride), stride),
        key=len,
    )
    colors = b"".join(bytes(color) for color in palette)
    return b"".join(
        (
            PNG,
            png_chunk(
                b"IHDR", struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
            ),
            png_chunk(b"PLTE", colors),
            png_chunk(b"IDAT", lines),
            png_chunk(b"IEND", b""),
        )
    )


def _packed_lines(kind: bytes, rows: bytes, stride: int) -> bytes:
    """Rows of bytes, each behind the number of its filter."""
    lines = b"".join(
        kind + rows[at : at + stride] for at in range(0, len(rows), stride)
    )
    packer = zlib.compressobj(6, strategy=zlib.Z_RLE)
    return packer.compress(lines) + packer.flush()


def _below(rows: bytes, stride: int) -> bytes:
    """Every byte minus the one above it, two bytes of room for each on the way."""
    size = 2 * len(rows)
    lanes, above = bytearray(size), bytearray(size)
    lanes[::2], above[2 * stride :: 2] = rows, rows[:-stride]
    lanes[1::2] = b"\1" * len(rows)  # to borrow from
    difference = int.from_bytes(lanes, "little") - int.from_bytes(above, "little")
    return difference.to_bytes(size, "little")[::2]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG file with its check sum."""
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)


def sixel(indices: bytes, width: int, height: int, palette: tuple[Rgb, ...]) -> str:
    """A picture of palette indices, one byte a pixel, in bands of six rows.

    Each band is filled with its commonest color before the others are drawn over it.
    The six rows of a color are added as one number, a byte a column: its digits to the
    base 256 are the letters.
    """
    head = [f'\x1bP0;1q"1;1;{width};{height}']
    numbers = sorted(set(indices))
    for number in numbers:
        red, green, blue = (round(part * 100 / 255) for part in palette[number])
        head.append(f"#{number};2;{red};{green};{blue}")
    letters = {number: _letters(indices, width, number) for number in numbers}
    bands = []
    for top in range(0, height, 6):
        band = indices[top * width : (top + 6) * width]
        few = band[::_SAMPLED]
        commonest = max(numbers, key=few.count)
        full = chr(63 + (1 << len(band) // width) - 1)
        lines = [f"#{commonest}{_run(full, width)}"]
        at = top // 6 * width
        for number in numbers:
            row = letters[number][at : at + width].rstrip(b"?")
            if row and number != commonest:
                lines.append(f"#{number}{_RUN.sub(_shortened, row).decode('ascii')}")
        bands.append("$".join(lines))
    return "".join(head) + "-".join(bands) + "\x1b\\"


def _run(letter: str, length: int) -> str:
    return f"!{length}{letter}" if length > 3 else letter * length


def _letters(indices: bytes, width: int, number: int) -> bytes:
    """The letters of a color, of all bands one after the other."""
    places = indices.translate(_ONE_OF[number])
    total = 0
    for bit in range(6):
        rows = range(bit * width, len(places), 6 * width)
        plane = b"".join(places[at : at + width] for at in rows)
        total += int.from_bytes(plane, "little") << bit
    return total.to_bytes(-(-len(places) // (6 * width)) * width, "little").translate(
        _LETTERS
    )


def _shortened(match: re.Match[bytes]) -> bytes:
    return b"!%d%c" % (len(match[0]), match[0][0])


_SAMPLED = 5  # pixels of which one is counted to find the commonest color
_RUN = re.compile(rb"\?{4,}|([@-~])\1{3,}")
_ONE_OF = [bytes(number) + b"\1" + bytes(255 - number) for number in range(256)]
_LETTERS = bytes((63 + value) % 256 for value in range(256))
