"""The contrast transfer function against closed forms."""

import math

import numpy as np
import pytest

from engine.ctf import Ctf, aberration_phase, contrast_transfer
from engine.fourier.grids import spatial_frequencies

MICROGRAPH = Ctf(
    voltage_kv=300,
    spherical_aberration_mm=2.7,
    amplitude_contrast=0.1,
    defocus_u_angstrom=12000,
    defocus_v_angstrom=11000,
    defocus_angle_deg=30,
)


def plain_ctf(ctf: Ctf, y: float, x: float) -> float:
    """One value by the textbook formula with the direction-dependent defocus."""
    volts = 1000 * ctf.voltage_kv
    wavelength = 12.2643247 / math.sqrt(volts * (1 + 0.978466e-6 * volts))
    direction = math.atan2(y, x) - math.radians(ctf.defocus_angle_deg)
    u, v = ctf.defocus_u_angstrom, ctf.defocus_v_angstrom
    defocus = 0.5 * (u + v) + 0.5 * (u - v) * math.cos(2 * direction)
    k = math.hypot(x, y)
    phase = (
        -math.pi * wavelength * defocus * k**2
        + 0.5 * math.pi * ctf.spherical_aberration_mm * 1e7 * wavelength**3 * k**4
        - math.radians(ctf.phase_shift_deg)
        - math.asin(ctf.amplitude_contrast)
    )
    return -math.sin(phase) * math.exp(-0.25 * ctf.b_factor * k**2) * ctf.scale


@pytest.mark.parametrize("shape", [(16, 16), (15, 20), (20, 15)])
def test_ctf_is_the_textbook_formula_at_every_frequency(shape):
    ctf = Ctf(
        voltage_kv=200,
        spherical_aberration_mm=1.4,
        amplitude_contrast=0.07,
        defocus_u_angstrom=9000,
        defocus_v_angstrom=13000,
        defocus_angle_deg=70,
        phase_shift_deg=20,
        b_factor=90,
        scale=0.8,
    )
    got = contrast_transfer(ctf, shape, 1.7)
    rows, columns = shape
    assert got.shape == (rows, columns // 2 + 1)
    assert got.dtype == np.float32
    for i in range(rows):
        y = (i if i <= rows // 2 else i - rows) / (rows * 1.7)
        for j in range(columns // 2 + 1):
            want = plain_ctf(ctf, y, j / (columns * 1.7))
            assert got[i, j] == pytest.approx(want, abs=1e-6)


def test_underfocus_starts_at_the_amplitude_contrast_with_a_positive_lobe():
    ctf = contrast_transfer(MICROGRAPH, (512, 512), 4.0)
    assert ctf[0, 0] == pytest.approx(0.1, abs=1e-6)
    assert (ctf[0, :20] > 0).all()


def test_defocus_u_lies_along_the_astigmatism_angle_from_x_towards_y():
    ctf = Ctf(
        voltage_kv=300,
        defocus_u_angstrom=15000,
        defocus_v_angstrom=10000,
        defocus_angle_deg=90,
    )
    along_y = aberration_phase(ctf, np.array([[0.05]]), np.array([[0.0]]))
    along_x = aberration_phase(ctf, np.array([[0.0]]), np.array([[0.05]]))
    assert along_y.item() == pytest.approx(1.5 * along_x.item())


def test_intact_until_first_peak_is_one_inside_and_unchanged_outside():
    y, x = spatial_frequencies((64, 64), 4.0)
    inside = np.abs(aberration_phase(MICROGRAPH, y, x)) < math.pi / 2
    plain = contrast_transfer(MICROGRAPH, (64, 64), 4.0)
    got = contrast_transfer(MICROGRAPH, (64, 64), 4.0, intact_until_first_peak=True)
    assert inside.any()
    assert (got[inside] == 1).all()
    assert (got[~inside] == plain[~inside]).all()


def test_intact_after_first_peak_is_one_outside_and_unchanged_inside():
    y, x = spatial_frequencies((64, 64), 4.0)
    outside = np.abs(aberration_phase(MICROGRAPH, y, x)) > math.pi / 2
    plain = contrast_transfer(MICROGRAPH, (64, 64), 4.0)
    got = contrast_transfer(MICROGRAPH, (64, 64), 4.0, intact_after_first_peak=True)
    assert (got[outside] == 1).all()
    assert (got[~outside] == plain[~outside]).all()


def test_phase_flip_keeps_only_the_sign():
    plain = contrast_transfer(MICROGRAPH, (64, 64), 2.0)
    flipped = contrast_transfer(MICROGRAPH, (64, 64), 2.0, phase_flip=True)
    assert set(np.unique(flipped)) == {-1.0, 1.0}
    assert (flipped * plain > 0).all()


def test_no_value_is_closer_to_zero_than_relion_allows():
    nothing = Ctf(voltage_kv=300, spherical_aberration_mm=2.7)
    ctf = contrast_transfer(nothing, (8, 8), 2.0)
    assert ctf[0, 0] == np.float32(1e-8)


def test_damping_can_be_left_out():
    ctf = Ctf(voltage_kv=300, defocus_u_angstrom=1e4, b_factor=200)
    bare = Ctf(voltage_kv=300, defocus_u_angstrom=1e4)
    got = contrast_transfer(ctf, (16, 16), 2.0, damping=False)
    np.testing.assert_array_equal(got, contrast_transfer(bare, (16, 16), 2.0))


def test_a_batch_of_defoci_gives_one_function_each():
    defoci = np.array([8000.0, 12000.0, 20000.0])
    batch = Ctf(
        voltage_kv=300,
        spherical_aberration_mm=2.7,
        defocus_u_angstrom=defoci,
        defocus_v_angstrom=defoci - 300,
        defocus_angle_deg=np.array([0.0, 20.0, 170.0]),
    )
    got = contrast_transfer(batch, (24, 24), 3.0)
    assert got.shape == (3, 24, 13)
    for i, angle in enumerate((0.0, 20.0, 170.0)):
        one = Ctf(
            voltage_kv=300,
            spherical_aberration_mm=2.7,
            defocus_u_angstrom=defoci[i],
            defocus_v_angstrom=defoci[i] - 300,
            defocus_angle_deg=angle,
        )
        np.testing.assert_allclose(
            got[i], contrast_transfer(one, (24, 24), 3.0), atol=1e-6
        )


def test_a_cropped_transform_takes_the_pixel_size_times_the_ratio():
    whole = contrast_transfer(MICROGRAPH, (64, 64), 2.0)
    small = contrast_transfer(MICROGRAPH, (32, 32), 4.0)
    np.testing.assert_allclose(small[:17], whole[:17, :17], atol=1e-6)


def test_magnification_moves_the_frequencies():
    stretched = Ctf(
        voltage_kv=300, defocus_u_angstrom=1e4, magnification=((1.25, 0), (0, 1.0))
    )
    plain = Ctf(voltage_kv=300, defocus_u_angstrom=1e4)
    y, x = np.array([[0.01]]), np.array([[0.02]])
    got = aberration_phase(stretched, y, x)
    assert got.item() == pytest.approx(aberration_phase(plain, y, 1.25 * x).item())
