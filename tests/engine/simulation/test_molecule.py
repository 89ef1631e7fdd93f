"""Molecules and their projections, against symmetry and RELION's projector."""

import subprocess

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.spatial import cKDTree

from engine.errors import InputError
from engine.image.euler import euler_matrix
from engine.io.mrc import read_image, write_mrc
from engine.simulation.molecule import SPECIES, add_projection, molecule

#: Generators of each point group, with the axes as RELION has them.
GENERATORS = {
    "D2": [(180, 0, 0), (0, 180, 0)],
    "D7": [(360 / 7, 0, 0)],
    "O": [(90, 0, 0), (0, 180, 0)],
}


@pytest.mark.parametrize("name", SPECIES)
def test_turning_by_a_symmetry_operator_gives_the_same_molecule(name):
    mol = molecule(name)
    tree = cKDTree(mol.positions)
    for angles in GENERATORS[mol.symmetry]:
        turned = mol.positions @ euler_matrix(*angles).T
        assert tree.query(turned)[0].max() < 0.3


@pytest.mark.parametrize(
    ("name", "kilodaltons"),
    [("betagalactosidase", 465), ("apoferritin", 480), ("proteasome", 700)],
)
def test_the_atoms_make_up_the_mass(name, kilodaltons):
    # 13.8 Da per atom that is no hydrogen, hydrogens included, in an average protein
    assert len(molecule(name).positions) * 0.0138 == pytest.approx(
        kilodaltons, rel=0.12
    )


def test_betagalactosidase_is_150_to_190_angstrom_long():
    assert 150 < molecule("betagalactosidase").diameter_angstrom < 190


def test_a_part_is_centered_and_has_its_share_of_the_atoms():
    mol = molecule("betagalactosidase")
    part = mol.part(2)
    assert len(part.positions) * 2 == len(mol.positions)
    np.testing.assert_allclose(part.positions.mean(axis=0), 0, atol=1e-9)


def test_an_unknown_molecule_is_refused_by_name():
    with pytest.raises(InputError, match="no molecule called 'ribosome'"):
        molecule("ribosome")


def test_a_projection_holds_the_whole_weight_around_the_center():
    mol = molecule("apoferritin")
    canvas = np.zeros((80, 90), dtype=np.float32)
    add_projection(canvas, mol, np.eye(3), (39.25, 45.75), 2.5)
    assert canvas.sum() == pytest.approx(mol.weights.sum(), rel=1e-5)
    y, x = np.indices(canvas.shape)
    assert (canvas * y).sum() / canvas.sum() == pytest.approx(39.25, abs=0.01)
    assert (canvas * x).sum() / canvas.sum() == pytest.approx(45.75, abs=0.01)


def test_a_projection_over_the_edge_is_cut_there():
    mol = molecule("apoferritin")
    whole = np.zeros((100, 100), dtype=np.float32)
    add_projection(whole, mol, np.eye(3), (20.3, 50.0), 2.5)
    cut = np.zeros((80, 100), dtype=np.float32)
    add_projection(cut, mol, np.eye(3), (0.3, 50.0), 2.5)
    np.testing.assert_allclose(cut, whole[20:], rtol=1e-5)
    add_projection(cut, mol, np.eye(3), (500.0, 500.0), 2.5)
    np.testing.assert_allclose(cut, whole[20:], rtol=1e-5)


@pytest.mark.relion
@pytest.mark.parametrize("angles", [(0, 0, 0), (40, 70, 25), (-110, 130, -75)])
def test_euler_angles_give_the_view_that_relion_projects(tmp_path, angles):
    part = molecule("betagalactosidase").part(1)  # no symmetry that hides a mistake
    size, box = 3.0, 64
    indices = np.rint(part.positions / size).astype(int) + box // 2
    volume = np.zeros((box, box, box), dtype=np.float32)
    np.add.at(volume, tuple(indices[:, ::-1].T), part.weights)
    write_mrc(tmp_path / "map.mrc", gaussian_filter(volume, 2.0), size, is_volume=True)
    command = ["relion_project", "--i", "map.mrc", "--o", "view.mrc"]
    for flag, angle in zip(("--rot", "--tilt", "--psi"), angles, strict=True):
        command += [flag, str(angle)]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=60)
    want = read_image(tmp_path / "view.mrc")
    got = np.zeros((box, box), dtype=np.float32)
    center = (box // 2, box // 2)
    add_projection(got, part, euler_matrix(*angles), center, size)
    correlation = np.corrcoef(gaussian_filter(got, 2.0).ravel(), want.ravel())[0, 1]
    assert correlation > 0.99
