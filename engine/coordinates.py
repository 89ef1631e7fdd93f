"""Where particles are on a micrograph."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.arrays import Array


@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinates:
    """Particle centers in pixels of the micrograph file.

    Pixel 0 is the center of the first pixel; fractions are allowed.

    Attributes
    ----------
    x, y : array, shape (n,), float64, pixels
        Columns and rows.
    fom : array, shape (n,) or (0,)
        Figure of merit; empty if there is none.
    class_number : array of int, shape (n,) or (0,)
        Number of the template that fits best, from 1; 0 for none.
    psi : array, shape (n,) or (0,), degrees
        In-plane angle of the template.
    more : mapping of str to array or list
        Further columns, by RELION's label.
    """

    x: Array
    y: Array
    fom: Array = field(default_factory=lambda: np.empty(0))
    class_number: Array = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    psi: Array = field(default_factory=lambda: np.empty(0))
    more: Mapping[str, object] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.x)

    @classmethod
    def empty(cls) -> Coordinates:
        """No particles."""
        return cls(x=np.empty(0), y=np.empty(0))
