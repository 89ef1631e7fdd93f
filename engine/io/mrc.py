"""MRC images, stacks and maps, read fast and written whole.

The header is read by hand: real files break the letter of MRC2014 (no version, faulty
labels, no pixel size), and a reader must take them. Modes 0 (int8), 1 (int16),
2 (float32), 6 (uint16), 12 (float16) and 101 (4 bit) in both byte orders. Compressed
files (.gz, .bz2) are left to mrcfile; see docs/decisions/0102.
Source: Cheng et al. 2015, J. Struct. Biol. 192, 146 (MRC2014); RELION's modes.
"""

from __future__ import annotations

import struct
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Array
from engine.errors import InputError
from engine.io.atomic import replacing

HEADER_BYTES = 1024
_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}
_MODES = {"int8": 0, "int16": 1, "float32": 2, "uint16": 6, "float16": 12}
_PACKED_4_BIT = 101
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_COMPRESSED = {".gz", ".bz2"}


@dataclass(frozen=True, slots=True, kw_only=True)
class MrcHeader:
    """What a reader needs of an MRC header."""

    nx: int
    ny: int
    nz: int
    mode: int
    pixel_size: float  # Å along x; 0 if the header has none
    byte_order: str  # "<" or ">"
    data_offset: int  # bytes before the first pixel

    @property
    def image_bytes(self) -> int:
        """Bytes of one image."""
        if self.mode == _PACKED_4_BIT:
            return (self.nx + 1) // 2 * self.ny
        return self.nx * self.ny * np.dtype(_TYPES[self.mode]).itemsize


def read_header(path: str | Path) -> MrcHeader:
    """The header of an MRC file.

    Raises
    ------
    InputError
        If there is no such file, or it is no MRC file of a known mode.
    """
    if Path(path).suffix in _COMPRESSED:
        return _read_compressed(path)[0]
    try:
        with Path(path).open("rb") as file:
            raw = file.read(HEADER_BYTES)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise InputError(message) from error
    return _parse_header(raw, path)


def _parse_header(raw: bytes, path: str | Path) -> MrcHeader:
    if len(raw) < HEADER_BYTES:
        message = f"{path}: {len(raw)} bytes is too short for an MRC file"
        raise InputError(message)
    if raw[:4] in _TIFF:
        message = f"{path}: a TIFF file; micrographs must be MRC: convert it (tif2mrc)"
        raise InputError(message)
    for order in "<>":
        nx, ny, nz, mode = struct.unpack(f"{order}4i", raw[:16])
        if 0 < nx < 1 << 20 and 0 < ny < 1 << 20 and 0 < nz < 1 << 24:
            break
    else:
        message = f"{path}: not an MRC file (the header's dimensions make no sense)"
        raise InputError(message)
    if mode not in _TYPES and mode != _PACKED_4_BIT:
        message = f"{path}: MRC mode {mode} cannot be read; convert it to 0, 1, 2 or 6"
        raise InputError(message)
    mx = struct.unpack(f"{order}i", raw[28:32])[0]
    cell_x = struct.unpack(f"{order}f", raw[40:44])[0]
    pixel_size = cell_x / mx if mx > 0 and np.isfinite(cell_x) and cell_x > 0 else 0.0
    extended = struct.unpack(f"{order}i", raw[92:96])[0]
    return MrcHeader(
        nx=nx,
        ny=ny,
        nz=nz,
        mode=mode,
        pixel_size=float(pixel_size),
        byte_order=order,
        data_offset=HEADER_BYTES + max(0, extended),
    )


def read_image(
    path: str | Path, index: int = 0, *, reuse: Array | None = None
) -> Array:
    """One image of a file, float32.

    Parameters
    ----------
    path : path
    index : int
        Which image of a stack, from 0.
    reuse : array, shape (y, x), float32, optional
        Overwritten and returned if the image fits: a fresh array costs as much as
        reading into it.

    Returns
    -------
    array, shape (y, x), float32
        A new array, or `reuse`; rows in stored order.
    """
    return read_images(path, [index], reuse=None if reuse is None else reuse[None])[0]


def read_images(
    path: str | Path,
    indices: Sequence[int] | None = None,
    *,
    reuse: Array | None = None,
) -> Array:
    """Images of a stack, or the sections of a map, float32.

    Parameters
    ----------
    path : path
    indices : sequence of int, optional
        Which, from 0; all without it. Runs of neighbours are read in one go.
    reuse : array, shape (n, y, x), float32, optional
        Overwritten and returned if it has the right shape.

    Returns
    -------
    array, shape (n, y, x), float32
    """
    packed = _read_compressed(path) if Path(path).suffix in _COMPRESSED else None
    header = packed[0] if packed else read_header(path)
    wanted = list(range(header.nz)) if indices is None else list(indices)
    for index in wanted:
        if not 0 <= index < header.nz:
            message = f"{path}: no image {index + 1}, it has {header.nz} images"
            raise InputError(message)
    shape = (len(wanted), header.ny, header.nx)
    if reuse is not None and reuse.shape == shape and reuse.dtype == np.float32:
        images = reuse
    else:
        images = np.empty(shape, dtype=np.float32)
    if packed:
        images[...] = packed[1][wanted]
        return images
    try:
        with Path(path).open("rb") as file:
            for first, count in _runs(wanted):
                file.seek(header.data_offset + wanted[first] * header.image_bytes)
                _read_run(file, header, images[first : first + count], path)
    except OSError as error:
        message = f"{path}: {error.strerror or error}"
        raise InputError(message) from error
    return images


def _read_compressed(path: str | Path) -> tuple[MrcHeader, Array]:
    """Header and images, shape (n, y, x), of a file compressed by gzip or bzip2."""
    import mrcfile

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # faulty but readable
            opened = mrcfile.open(path, permissive=True)
        with opened as file:
            if file.data is None:
                message = f"{path}: truncated, or no MRC file inside"
                raise InputError(message)
            images = file.data.reshape(-1, *file.data.shape[-2:])
            header = MrcHeader(
                nx=images.shape[2],
                ny=images.shape[1],
                nz=images.shape[0],
                mode=int(file.header.mode),
                pixel_size=float(file.voxel_size.x),
                byte_order=str(file.header.nx.dtype.byteorder).replace("=", "<"),
                data_offset=HEADER_BYTES + int(file.header.nsymbt),
            )
            return header, images
    except (OSError, EOFError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        message = f"{path}: {reason}"
        raise InputError(message) from error


def _runs(indices: Sequence[int]) -> list[tuple[int, int]]:
    """(first position, length) of each run of consecutive numbers."""
    runs: list[tuple[int, int]] = []
    for position, index in enumerate(indices):
        if runs and index == indices[position - 1] + 1:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        else:
            runs.append((position, 1))
    return runs


def _read_run(file: Any, header: MrcHeader, out: Array, path: str | Path) -> None:
    """Fill images with what comes next in the file."""
    if header.mode == 2 and header.byte_order == "<":
        got = file.readinto(memoryview(out).cast("B"))
        _check_length(got, out.nbytes, header, path)
        return
    needed = header.image_bytes * len(out)
    raw = file.read(needed)
    _check_length(len(raw), needed, header, path)
    if header.mode == _PACKED_4_BIT:
        packed = np.frombuffer(raw, dtype=np.uint8).reshape(len(out), header.ny, -1)
        out[..., 0::2] = packed & 15
        out[..., 1::2] = (packed >> 4)[..., : header.nx // 2]
        return
    kind = np.dtype(header.byte_order + _TYPES[header.mode])
    out[...] = np.frombuffer(raw, dtype=kind).reshape(out.shape)


def _check_length(got: int, needed: int, header: MrcHeader, path: str | Path) -> None:
    if got < needed:
        size = Path(path).stat().st_size
        whole = header.data_offset + header.image_bytes * header.nz
        message = (
            f"{path}: truncated, {size} bytes where {header.nx} x {header.ny} x "
            f"{header.nz} pixels of mode {header.mode} need {whole}"
        )
        raise InputError(message)


def write_mrc(
    path: str | Path,
    data: Array,
    pixel_size: float,
    *,
    is_volume: bool = False,
    statistics: tuple[float, float, float, float] | None = None,
) -> None:
    """Write an image, a stack or a map as MRC2014, whole or not at all.

    Parameters
    ----------
    path : path
    data : array, shape (y, x) or (n, y, x)
        float32, float16, int16, uint16 or int8; other kinds become float32.
    pixel_size : float, Å per pixel
    is_volume : bool
        A map (space group 1) rather than a stack of images (0).
    statistics : (min, max, mean, rms), optional
        For the header, if they are known already.
    """
    array = np.asarray(data)
    if array.dtype.name not in _MODES:
        array = array.astype(np.float32)
    stack = np.ascontiguousarray(array[None] if array.ndim == 2 else array)
    header = _make_header(stack, pixel_size, statistics, is_volume=is_volume)
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(header)
        little = stack.astype(stack.dtype.newbyteorder("<"), copy=False)
        file.write(little.data)


def _make_header(
    stack: Array,
    pixel_size: float,
    statistics: tuple[float, float, float, float] | None,
    *,
    is_volume: bool,
) -> bytes:
    nz, ny, nx = stack.shape
    header = bytearray(HEADER_BYTES)
    mz = nz if is_volume else 1
    struct.pack_into("<4i", header, 0, nx, ny, nz, _MODES[stack.dtype.name])
    struct.pack_into("<3i", header, 28, nx, ny, mz)
    cell = (nx * pixel_size, ny * pixel_size, mz * pixel_size, 90.0, 90.0, 90.0)
    struct.pack_into("<6f", header, 40, *cell)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    if statistics is None and stack.size:
        statistics = (
            float(stack.min()),
            float(stack.max()),
            float(stack.mean(dtype=np.float64)),
            float(stack.std(dtype=np.float64)),
        )
    if statistics is not None:
        struct.pack_into("<3f", header, 76, *statistics[:3])
        struct.pack_into("<f", header, 216, statistics[3])
    struct.pack_into("<i", header, 88, 1 if is_volume else 0)
    struct.pack_into("<i", header, 108, 20141)
    header[208:216] = b"MAP \x44\x44\x00\x00"
    struct.pack_into("<i", header, 220, 1)
    header[224:231] = b"cryodeck"[:7]
    return bytes(header)
