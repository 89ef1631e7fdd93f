"""Stacks of particles: a page of them by any column, and their average as they lie."""

import threading
from typing import Any, Dict, List, Optional, Sequence, Tuple

from remote.agent import grey, lists
from remote.agent.particles import particle_loop
from remote.agent.pictures import Moments, moments_of, tiles_of
from remote.agent.verbs import Answer, Request, VerbError, verb

_MOST_ON_PAGE = 400
_MOST_AVERAGED = 1000
_IMAGE = "rlnImageName"
_kept: Dict[str, Tuple[Any, List[int]]] = {}  # path -> what was asked of it, the order
_lock = threading.Lock()


@verb(heavy=True)
def page(
    request: Request,
    path: str,
    first: int = 0,
    count: int = 100,
    sort: str = "",
    is_descending: bool = False,
    max_tile: int = 64,
    greys: int = 256,
) -> Answer:
    """Particles of a list from a place in an order on, with all that is known of each.

    {"total", "columns" of numbers, "tiles": [{"number" of the row from 1, "values"}]};
    the bytes are the tiles, each stretched by itself.
    """
    order, columns = _order(request, path, sort, is_descending)
    first = max(0, min(first, max(0, len(order) - 1)))
    wanted = order[first : first + max(1, min(count, _MOST_ON_PAGE))]
    found = _rows(request, path, set(wanted))
    captions = []
    for row in wanted:
        values = found[row]
        caption: Dict[str, Any] = {"image": values[_IMAGE], "number": row + 1}
        caption["values"] = values
        captions.append(caption)
    tiles, size, pixels = tiles_of(request, captions, max(8, min(max_tile, 256)))
    said = {
        "total": len(order),
        "first": first,
        "columns": columns,
        "width": size[0],
        "height": size[1],
        "tiles": tiles,
    }
    return Answer(said, grey.coarser(pixels, greys))


@verb(heavy=True)
def average(
    request: Request,
    path: str,
    numbers: Optional[Sequence[int]] = None,
    max_tile: int = 128,
) -> Answer:
    """Average and standard deviation of particles as they lie, of their real values.

    Of the rows with these numbers, else of all; of more than a thousand an even sample
    is taken. The bytes are the two pictures.
    """
    order, _ = _order(request, path, "", False)
    chosen = order
    if numbers is not None:
        chosen = sorted(n - 1 for n in set(numbers) if 1 <= n <= len(order))
    if not chosen:
        message = "{}: none of these particles is there".format(path)
        raise VerbError(message, "not found")
    total = len(chosen)
    if total > _MOST_AVERAGED:
        chosen = [chosen[i * total // _MOST_AVERAGED] for i in range(_MOST_AVERAGED)]
    rows = _rows(request, path, set(chosen))
    images = [rows[row][_IMAGE] for row in chosen]
    moments: Moments = moments_of(request, path, images, max_tile)
    said = {
        "count": len(chosen),
        "total": total,
        "width": moments.width,
        "height": moments.height,
        "lowest": min(moments.means),
        "highest": max(moments.means),
        "deviation": sum(moments.spreads) / len(moments.spreads),
    }
    return Answer(said, moments.pictures())


def _order(
    request: Request, path: str, sort: str, is_descending: bool
) -> Tuple[List[int], List[str]]:
    """Rows in order of a column, and the columns that hold numbers."""
    full = request.path(path)
    asked = (lists.stamp(full), sort, is_descending)
    with particle_loop(full) as stream:
        if _IMAGE not in stream.labels:
            message = "{}: no column _{}; is this a list of particles?"
            raise VerbError(message.format(path, _IMAGE), "bad request")
        if sort and sort not in stream.labels:
            message = "{}: no column _{} to sort by".format(path, sort)
            raise VerbError(message, "bad request")
        labels = list(stream.labels)
        first = next(iter(stream.rows()), None)
    columns = [
        label
        for label, text in zip(labels, first or ())
        if lists.number(text) == lists.number(text)
    ]
    with _lock:
        known = _kept.get(full)
    if known is not None and known[0] == asked:
        return known[1], columns
    keys: List[float] = []
    with particle_loop(full) as stream:
        for (text,) in stream.rows([sort or _IMAGE]):
            keys.append(lists.number(text) if sort else 0.0)
            if len(keys) % 5000 == 0:
                request.check()
    order = list(range(len(keys)))
    if sort:
        sign = -1.0 if is_descending else 1.0
        order.sort(key=lambda i: (keys[i] != keys[i], sign * keys[i], i))
    with _lock:
        if len(_kept) > 3:
            _kept.clear()
        _kept[full] = (asked, order)
    return order, columns


def _rows(request: Request, path: str, wanted: Any) -> Dict[int, Dict[str, str]]:
    """Values of some rows by column."""
    found: Dict[int, Dict[str, str]] = {}
    last = max(wanted, default=-1)
    with particle_loop(request.path(path)) as stream:
        labels = list(stream.labels)
        for i, row in enumerate(stream.rows()):
            if i % 5000 == 0:
                request.check()
            if i in wanted:
                found[i] = dict(zip(labels, row))
            if i >= last:
                break
    return found
