"""The orders that class averages can stand in; light, as `--help` names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Tile = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """A number of the classes to sort them by, and how it is said in short."""

    key: str
    words: str
    unit: str
    digits: int
    is_descending: bool = False

    def said(self, tile: Tile) -> str:
        """The number of one class; "" if it is not known."""
        value = tile.get(self.key)
        if not isinstance(value, int | float):
            return ""
        factor = 100 if self.unit == "%" else 1
        return f"{factor * value:.{self.digits}f}{self.unit}"


ORDERS = (
    Order("distribution", "class distribution", "%", 1, is_descending=True),
    Order("accuracy_rotations", "accuracy of rotations", "°", 1),
    Order("resolution", "resolution", "Å", 1),
    Order("number", "number", "", 0),
    Order("score", "automatic score", "", 2, is_descending=True),
)
