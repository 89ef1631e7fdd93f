"""Molecules of the practice data: atoms, their symmetry and their scattering.

The coordinates in ``molecules.npz`` are those of the PDB entries 5A1A (beta-
galactosidase, Bartesaghi et al. 2015), 1FHA (apoferritin, Lawson et al. 1991) and 3J9I
(20S proteasome, Li et al. 2013): one asymmetric unit each and the operators that make
the whole, centered, with the symmetry axes where RELION expects them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from engine.arrays import Array
from engine.errors import InputError

SPECIES = ("betagalactosidase", "apoferritin", "proteasome")
_SYMMETRY = {"betagalactosidase": "D2", "apoferritin": "O", "proteasome": "D7"}

#: Electron scattering factors at zero angle in Å (Peng et al. 1996, table 1), each
#: with the hydrogens (0.53 Å) that an average protein atom of the kind carries.
_SCATTERING_ANGSTROM = {6: 2.51 + 1.2 * 0.53, 7: 2.21 + 0.53, 8: 1.98, 16: 5.16}
#: h² / (2π m e): Å of scattering factor to V Å³ of potential.
_VOLT_ANGSTROM2 = 47.878
_ATOM_STEP_ANGSTROM = 0.01


@dataclass(frozen=True, slots=True, kw_only=True)
class Molecule:
    """A rigid molecule around the origin.

    Attributes
    ----------
    name : str
    symmetry : str
        Point group in RELION's notation.
    positions : array, shape (atoms, 3), Å
        x, y, z of every atom but hydrogen.
    weights : array, shape (atoms,), V Å³
        Integral of each atom's potential.
    subunits : int
        Equal consecutive parts of the atoms.
    """

    name: str
    symmetry: str
    positions: Array
    weights: Array
    subunits: int

    @property
    def diameter_angstrom(self) -> float:
        """Twice the distance of the farthest atom from the center."""
        return 2 * float(np.sqrt((self.positions**2).sum(axis=1)).max())

    def part(self, subunits: int) -> Molecule:
        """The first subunits, centered on themselves: what is left of a broken one."""
        atoms = len(self.positions) // self.subunits * subunits
        positions = self.positions[:atoms]
        return Molecule(
            name=f"{self.name}, {subunits} of {self.subunits} subunits",
            symmetry="C1",
            positions=positions - positions.mean(axis=0),
            weights=self.weights[:atoms],
            subunits=subunits,
        )


@cache
def molecule(name: str) -> Molecule:
    """A molecule of the practice data by name.

    Raises
    ------
    InputError
        If there is none of that name.
    """
    if name not in SPECIES:
        message = f"no molecule called {name!r}; there are {', '.join(SPECIES)}"
        raise InputError(message)
    with np.load(Path(__file__).with_name("molecules.npz")) as stored:
        unit = stored[f"{name}_xyz"] * np.float64(_ATOM_STEP_ANGSTROM)
        elements = stored[f"{name}_z"]
        operators = stored[f"{name}_operators"]
    weights = np.array([_SCATTERING_ANGSTROM[z] for z in elements.tolist()])
    return Molecule(
        name=name,
        symmetry=_SYMMETRY[name],
        positions=np.concatenate([unit @ operator.T for operator in operators]),
        weights=np.tile(weights * _VOLT_ANGSTROM2, len(operators)),
        subunits=len(operators),
    )


def add_projection(
    canvas: Array,
    mol: Molecule,
    rotation: Array,
    center_px: tuple[float, float],
    pixel_size: float,
) -> None:
    """Add the projected atoms of a rotated molecule to an image, in place.

    Each atom's weight goes to the four pixels around it, bilinearly.

    Parameters
    ----------
    canvas : array, shape (y, x), float32, V Å³ per pixel
    mol : Molecule
    rotation : array, shape (3, 3)
        Takes points of the molecule to the image's frame (`euler_matrix`).
    center_px : (y, x), pixels
        May be fractional; atoms outside the image are left out.
    pixel_size : float, Å per pixel
    """
    x, y = (mol.positions @ rotation[:2].T).T / pixel_size
    x = x + center_px[1]
    y = y + center_px[0]
    left, top = int(np.floor(x.min())), int(np.floor(y.min()))
    width = int(np.floor(x.max())) + 2 - left
    height = int(np.floor(y.max())) + 2 - top
    ix, iy = np.floor(x).astype(np.int64), np.floor(y).astype(np.int64)
    fx, fy = x - ix, y - iy
    corner = (iy - top) * width + (ix - left)
    patch = np.zeros(height * width)
    for step_y, share_y in ((0, 1 - fy), (1, fy)):
        for step_x, share_x in ((0, 1 - fx), (1, fx)):
            patch += np.bincount(
                corner + step_y * width + step_x,
                weights=mol.weights * share_y * share_x,
                minlength=height * width,
            )
    _add_patch(canvas, patch.reshape(height, width), top, left)


def _add_patch(canvas: Array, patch: Array, top: int, left: int) -> None:
    rows = slice(max(top, 0), min(top + patch.shape[0], canvas.shape[0]))
    columns = slice(max(left, 0), min(left + patch.shape[1], canvas.shape[1]))
    if rows.start < rows.stop and columns.start < columns.stop:
        canvas[rows, columns] += patch[
            rows.start - top : rows.stop - top,
            columns.start - left : columns.stop - left,
        ]
