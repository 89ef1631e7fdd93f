"""Which class averages look like the same view: turned in the plane, or its mirror.

Averages are compared on rings: at every distance from the middle a row of angles, so
that turning one only shifts it. The largest correlation over all turns says how alike
two are.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any

ANGLES = 36
SMALLEST_PX = 8
_RINGS = (0.12, 0.2, 0.28, 0.36, 0.44, 0.52, 0.6, 0.68)  # of half the box
_ALIKE = 0.9  # correlation from which two are called alike


def near_views(
    tiles: Sequence[dict[str, Any]], alike: float = _ALIKE
) -> dict[int, int]:
    """For each class that looks like a larger one the number of that one."""
    order = sorted(
        tiles, key=lambda t: (-float(t.get("distribution") or 0), int(t["number"]))
    )
    known: list[tuple[int, list[float]]] = []
    found: dict[int, int] = {}
    for tile in order:
        rings = on_rings(tile["pixels"], int(tile["width"]), int(tile["height"]))
        if not rings:
            continue
        number = int(tile["number"])
        turned = [_turned(rings, turn) for turn in range(ANGLES)]
        turned += [_turned(_mirrored(rings), turn) for turn in range(ANGLES)]
        best, like = alike, 0
        for other, reference in known:
            most = max(sum(map(operator.mul, reference, one)) for one in turned)
            if most > best:
                best, like = most, other
        if like:
            found[number] = like
        else:
            known.append((number, rings))
    return found


def on_rings(pixels: bytes, width: int, height: int) -> list[float]:
    """Values at all angles of every ring, without each ring's mean; none if flat.

    None either of an image that is not there, or too small to have rings.

    Any two blobs are alike in how bright they are at which radius: what tells views
    apart is how that changes around. Longer rings count more: they are more pixels.
    """
    if min(width, height) < SMALLEST_PX or len(pixels) < width * height:
        return []
    x0, y0, half = width // 2, height // 2, min(width, height) / 2
    values: list[float] = []
    for ring in _RINGS:
        row = []
        for at in range(ANGLES):
            angle = 2 * math.pi * at / ANGLES
            x, y = (
                x0 + ring * half * math.cos(angle),
                y0 + ring * half * math.sin(angle),
            )
            row.append(_between(pixels, width, x, y))
        mean, weight = sum(row) / ANGLES, math.sqrt(ring)
        values += [(v - mean) * weight for v in row]
    length = math.sqrt(sum(v * v for v in values))
    return [v / length for v in values] if length > 1e-9 else []


def _between(pixels: bytes, width: int, x: float, y: float) -> float:
    left, top = int(x), int(y)
    fx, fy = x - left, y - top
    at = top * width + left
    upper = pixels[at] * (1 - fx) + pixels[at + 1] * fx
    lower = pixels[at + width] * (1 - fx) + pixels[at + width + 1] * fx
    return upper * (1 - fy) + lower * fy


def _turned(rings: list[float], turn: int) -> list[float]:
    found: list[float] = []
    for start in range(0, len(rings), ANGLES):
        ring = rings[start : start + ANGLES]
        found += ring[turn:] + ring[:turn]
    return found


def _mirrored(rings: list[float]) -> list[float]:
    found: list[float] = []
    for start in range(0, len(rings), ANGLES):
        ring = rings[start : start + ANGLES]
        found += ring[:1] + ring[:0:-1]
    return found
