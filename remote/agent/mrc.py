"""MRC images, reduced by area averaging as they are read: no numpy, little memory."""

import array
import os
import struct
import sys
from typing import Any, BinaryIO, List, NamedTuple, Optional, Sequence, Tuple

from remote.agent.verbs import Request, VerbError

#: mode -> type code of `array`, bytes per value
_MODES = {0: ("b", 1), 1: ("h", 2), 2: ("f", 4), 6: ("H", 2), 12: ("e", 2)}
_HEADER_BYTES = 1024

Header = NamedTuple(
    "Header",
    [
        ("nx", int),
        ("ny", int),
        ("nz", int),
        ("mode", int),
        ("start", int),  # of the data
        ("is_swapped", bool),
        ("is_unsigned", bool),  # mode 0 as old IMOD writes it
        ("pixel_size", float),
    ],
)
#: of a stack: images in it, least and greatest value, mean, deviation
Density = NamedTuple(
    "Density",
    [
        ("images", int),
        ("low", float),
        ("high", float),
        ("mean", float),
        ("rms", float),
    ],
)
Region = Tuple[int, int, int, int]  # x, y, width, height
Reduced = NamedTuple("Reduced", [("width", int), ("height", int), ("rows", List[Any])])


def read_header(handle: BinaryIO, path: str) -> Header:
    """Head of a file; VerbError says what is wrong with it."""
    head = handle.read(_HEADER_BYTES)
    if len(head) < _HEADER_BYTES:
        message = "{}: {} bytes are too few for an MRC file".format(path, len(head))
        raise VerbError(message, "damaged")
    order = _byte_order(head, path)
    nx, ny, nz, mode = struct.unpack(order + "4i", head[:16])
    (mx,) = struct.unpack(order + "i", head[28:32])
    (length_x,) = struct.unpack(order + "f", head[40:44])
    (extended,) = struct.unpack(order + "i", head[92:96])
    if mode not in _MODES:
        message = "{}: MRC mode {} is not known here".format(path, mode)
        raise VerbError(message, "damaged")
    stamp, flags = struct.unpack(order + "2i", head[152:160])
    is_unsigned = mode == 0 and stamp == 1146047817 and not flags & 1
    pixel_size = length_x / mx if mx > 0 and 0 < length_x < 1e9 else 0.0
    start = _HEADER_BYTES + max(0, extended)
    is_swapped = (order == ">") != (sys.byteorder == "big")
    size = os.fstat(handle.fileno()).st_size
    wanted = start + nx * ny * max(1, nz) * _MODES[mode][1]
    if size < wanted:
        text = "{}: {} of {} bytes are there; the file is truncated: write it again"
        raise VerbError(text.format(path, size, wanted), "damaged")
    return Header(nx, ny, nz, mode, start, is_swapped, is_unsigned, pixel_size)


def density(handle: BinaryIO) -> Optional[Density]:
    """What the head of a stack says of its values; None if it says nothing sensible."""
    head = handle.read(_HEADER_BYTES)
    if len(head) < _HEADER_BYTES:
        return None
    order = _byte_order(head, "stack")
    (images,) = struct.unpack(order + "i", head[8:12])
    low, high, mean = struct.unpack(order + "3f", head[76:88])
    (rms,) = struct.unpack(order + "f", head[216:220])
    if images < 1 or not (low < high and low <= mean <= high and 0 < rms < high - low):
        return None  # unset, as the format allows
    return Density(images, low, high, mean, rms)


def _byte_order(head: bytes, path: str) -> str:
    for order in "<>":
        nx, ny, nz, mode = struct.unpack(order + "4i", head[:16])
        if 0 < nx < 1 << 20 and 0 < ny < 1 << 20 and 0 <= nz < 1 << 28 and mode < 200:
            return order
    message = "{}: not an MRC file: its size makes no sense".format(path)
    raise VerbError(message, "damaged")


def binning_for(width: int, height: int, max_width: int, max_height: int) -> int:
    """Whole-number binning that makes an image fit."""
    across = -(-width // max(1, max_width))
    down = -(-height // max(1, max_height))
    return max(1, across, down)


def reduce_image(
    handle: BinaryIO,
    header: Header,
    binning: int,
    region: Region,
    index: int = 0,
    request: Optional[Request] = None,
) -> Reduced:
    """Image with every `binning` x `binning` pixels averaged.

    What is left over at the right and at the bottom is cut off.
    """
    x, y, width, height = region
    across, down = width // binning, height // binning
    bytes_each = _MODES[header.mode][1]
    row_bytes = header.nx * bytes_each
    first = header.start + index * header.ny * row_bytes
    is_whole = x == 0 and width == header.nx
    scale = 1.0 / (binning * binning)
    used = across * binning
    rows: List[Any] = []
    for j in range(down):
        if request is not None and j % 16 == 0:
            request.report(j, down, j * binning, "lines of pixels")
        top = first + (y + j * binning) * row_bytes
        lines = []
        if is_whole:
            handle.seek(top)
            block = handle.read(binning * row_bytes)
        for i in range(binning):
            if is_whole:
                piece = block[i * row_bytes : i * row_bytes + used * bytes_each]
            else:
                handle.seek(top + i * row_bytes + x * bytes_each)
                piece = handle.read(used * bytes_each)
            lines.append(_values(piece, header))
        if binning == 1:
            rows.append(list(lines[0]))
            continue
        # each turn of zip takes a square: so many pixels of each line
        squares = zip(*[it for line in lines for it in [iter(line)] * binning])
        rows.append([total * scale for total in map(sum, squares)])
    return Reduced(across, down, rows)


def _values(data: bytes, header: Header) -> Sequence[float]:
    code, bytes_each = _MODES[header.mode]
    if code == "e":
        order = ">" if header.is_swapped != (sys.byteorder == "big") else "<"
        return struct.unpack("{}{}e".format(order, len(data) // bytes_each), data)
    values = array.array("B" if header.is_unsigned else code)
    values.frombytes(data)
    if header.is_swapped and bytes_each > 1:
        values.byteswap()
    return values
