"""The truth of a practice set, against its micrographs."""

import numpy as np

from engine.ctf import contrast_transfer
from engine.extraction.extractor import ExtractionSettings, Extractor
from engine.image.euler import euler_matrix
from engine.micrograph import Micrograph
from engine.simulation.exposure import expose
from engine.simulation.molecule import add_projection, molecule
from engine.simulation.scene import plan_scene

BOX, PIXEL_SIZE = 80, 3.2


def view(angles, ctf) -> np.ndarray:
    """White protein as the microscope shows it, without noise, from its angles."""
    image = np.zeros((BOX, BOX), dtype=np.float32)
    mol = molecule("betagalactosidase")
    add_projection(image, mol, euler_matrix(*angles), (BOX // 2, BOX // 2), PIXEL_SIZE)
    transform = np.fft.rfft2(image) * contrast_transfer(ctf, (BOX, BOX), PIXEL_SIZE)
    ky, kx = np.fft.fftfreq(BOX)[:, None], np.fft.rfftfreq(BOX)[None, :]
    transform[np.hypot(ky, kx) > PIXEL_SIZE / 20] = 0
    return np.fft.irfft2(transform, (BOX, BOX))


def test_each_particle_is_seen_as_its_angles_center_and_ctf_say():
    of = plan_scene(0, 3, (700, 700), PIXEL_SIZE, species={"betagalactosidase": 1})
    image = expose(of, np.random.default_rng(1))
    inside = of.inside()
    y, x = of.particles.y[inside], of.particles.x[inside]
    angles = of.particles.angles_deg[inside]
    settings = ExtractionSettings(
        box_px=BOX, background_radius_px=32, invert=True, subpixel=True
    )
    taken = Extractor(settings).extract(
        Micrograph(image=image, pixel_size=PIXEL_SIZE), y, x
    )
    right, wrong = [], []
    for i, particle in enumerate(taken):
        other = angles[(i + 1) % len(angles)]
        for scores, shown in ((right, angles[i]), (wrong, other)):
            like = np.corrcoef(particle.ravel(), view(shown, of.ctf).ravel())[0, 1]
            scores.append(like)
    assert len(right) > 40
    assert np.mean(right) > 0.18
    assert np.mean(right) > 1.3 * np.mean(wrong)
    assert np.mean(np.array(right) > np.array(wrong)) > 0.9
