"""FOM maps as SPIDER images, RELION's and ours readable by both.

SPIDER's header is little-endian float32 words, counted from 1 (Frank et al. 1996,
J. Struct. Biol. 116, 190). RELION keeps no word about what a map was made with;
cryodeck puts a line into the title (words 217-256), so that another's is refused.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.errors import InputError
from engine.io.atomic import write_bytes

_TITLE = slice(4 * 216, 4 * 256)
_MARK = "cryodeck "


def write_fom_map(
    path: str | Path, image: Array, *, made_with: str, fom_max: float = 0.0
) -> None:
    """Write a map.

    Parameters
    ----------
    path : path
    image : array, shape (y, x)
    made_with : str
        At most 150 letters; compared when the map is read.
    fom_max : float
        Header word 7, where RELION keeps a reference's expected ratio.
    """
    data = np.ascontiguousarray(image, dtype="<f4")
    rows, columns = data.shape
    records = -(-1024 // (4 * columns))
    words = np.zeros(records * columns, dtype="<f4")
    words[[0, 1, 2, 4]] = 1, rows, records + rows, 1
    words[6] = fom_max
    words[[11, 12]] = columns, records
    words[[21, 22, 25]] = records * 4 * columns, 4 * columns, 1
    header = bytearray(words.tobytes())
    title = (_MARK + made_with).encode("ascii", "replace")[:160]
    header[_TITLE] = title.ljust(160, b"\0")
    write_bytes(path, bytes(header) + data.tobytes())


def read_fom_map(
    path: str | Path, shape: tuple[int, int], *, made_with: str
) -> tuple[Array, float]:
    """A map and its header's word 7.

    Parameters
    ----------
    path : path
    shape : (y, x)
        That it must have.
    made_with : str
        That it must say, if cryodeck wrote it.

    Raises
    ------
    InputError
        If there is no map, or it was made with other settings.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        message = f"{path}: {error.strerror or error}; write FOM maps in this job first"
        raise InputError(message) from error
    words = np.frombuffer(raw[: len(raw) // 4 * 4], dtype="<f4")
    if len(words) < 256 or not _is_header(words):
        message = f"{path}: not a SPIDER image of this byte order"
        raise InputError(message)
    rows, columns, start = int(words[1]), int(words[11]), int(words[21])
    if (rows, columns) != tuple(shape):
        message = (
            f"{path}: {columns} x {rows} pixels, but these settings make maps of "
            f"{shape[1]} x {shape[0]}: shrink or low-pass is not what it was made with"
        )
        raise InputError(message)
    title = raw[_TITLE].rstrip(b"\0").decode("ascii", "replace")
    if title.startswith(_MARK) and title != (_MARK + made_with)[:160]:
        message = (
            f"{path}: made with other settings ({title.removeprefix(_MARK)}; now "
            f"{made_with}): write the maps anew"
        )
        raise InputError(message)
    size = rows * columns * 4
    if len(raw) < start + size:
        message = f"{path}: truncated"
        raise InputError(message)
    image = np.frombuffer(raw, dtype="<f4", count=rows * columns, offset=start)
    return image.reshape(rows, columns).astype(np.float32), float(words[6])


def _is_header(words: Array) -> bool:
    plausible = (
        np.isfinite(words[[1, 11, 12, 21, 22]]).all()
        and (words[[1, 11, 12]] >= 1).all()
    )
    return bool(
        plausible and words[21] == words[12] * words[22] == words[12] * 4 * words[11]
    )
