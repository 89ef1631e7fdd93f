"""Closed forms against the numerics that they are the closed forms of."""

from __future__ import annotations

import math

import numpy as np
import pytest

from engine.ctf import Ctf, aberration_phase
from engine.optics import ctf_zeros, defocus_towards, wavelength_angstrom

LENS = {
    "voltage_kv": 200.0,
    "spherical_aberration_mm": 1.4,
    "amplitude_contrast": 0.1,
}


def test_the_wavelength_is_that_of_the_textbooks():
    # Kirkland 2010, Advanced Computing in Electron Microscopy, table 2.2
    assert wavelength_angstrom(100.0) == pytest.approx(0.0370, abs=5e-5)
    assert wavelength_angstrom(200.0) == pytest.approx(0.0251, abs=5e-5)
    assert wavelength_angstrom(300.0) == pytest.approx(0.0197, abs=5e-5)


@pytest.mark.parametrize("direction", [0.0, 40.0, 78.0, 168.0])
@pytest.mark.parametrize("phase_shift_deg", [0.0, 60.0])
def test_the_ctf_of_the_engine_is_zero_where_it_is_said(direction, phase_shift_deg):
    u, v, angle = 10863.86, 10575.8, 77.99
    ctf = Ctf(
        defocus_u_angstrom=u,
        defocus_v_angstrom=v,
        defocus_angle_deg=angle,
        phase_shift_deg=phase_shift_deg,
        **LENS,
    )
    found = ctf_zeros(
        defocus_angstrom=defocus_towards(u, v, angle, direction),
        phase_shift_deg=phase_shift_deg,
        highest=0.33,
        **LENS,
    )
    assert len(found) > 15
    along = np.array([found])
    x, y = (f(math.radians(direction)) for f in (math.cos, math.sin))
    phase = aberration_phase(ctf, along * y, along * x)
    assert np.abs(np.sin(phase)).max() < 1e-6
    # and between two of them it is not: none is left out
    middle = (along[:, 1:] + along[:, :-1]) / 2
    between = aberration_phase(ctf, middle * y, middle * x)
    assert np.abs(np.sin(between)).min() > 0.5


def test_overfocus_has_no_such_zeros():
    assert ctf_zeros(defocus_angstrom=-5000.0, highest=0.3, **LENS) == []
