"""From a scene to a micrograph: potential, contrast transfer, electrons.

Weak-phase imaging: I = I₀ (1 - 2 CTF ⊛ φ) with the phase φ = σ ∫V dz of everything
that is not the mean ice, and counting noise of the electrons on top. The numbers are
physical (V, Å, electrons): contrast and noise come out as on a real microscope.
"""

from __future__ import annotations

import math

import numpy as np

from engine.arrays import Array
from engine.ctf import contrast_transfer
from engine.fourier.grids import spatial_frequencies
from engine.fourier.transforms import good_length, irfft2, rfft2
from engine.image.euler import euler_matrix
from engine.simulation.molecule import add_projection, molecule
from engine.simulation.scene import Blob, CarbonEdge, PlacedParticles, Scene

#: Total dose, e/Å²; what a motion-corrected sum of a tutorial-like movie holds.
DOSE_PER_ANGSTROM2 = 40.0
#: Interaction constant at 300 kV, rad/(V Å) (Kirkland 2010, Advanced Computing in
#: Electron Microscopy, eq. 5.6).
_INTERACTION = 6.53e-4
#: Inner potentials over vacuum in V: vitreous ice, amorphous carbon.
_ICE_VOLT, _CARBON_VOLT = 4.5, 9.0
#: Volume of protein per atom other than hydrogen, Å³ (1.21 Å³/Da, Harpaz et al. 1994).
_ATOM_ANGSTROM3 = 17.1
_ATOM_B, _SOLVENT_B = 25.0, 150.0  # Å², blur of an atom and of the water it displaces
#: Images of protein show less contrast than the theory says: inelastic scattering,
#: beam-induced motion, radiation damage (Henderson 1995, Q. Rev. Biophys. 28, 171).
_CONTRAST_LEFT = 0.75
_ENVELOPE_B = 70.0  # Å², motion, coherence and detector together
#: Elastic part that gets lost: mean free path of ice at 300 kV in Å.
_MEAN_FREE_PATH = 3500.0
#: Phase noise of disordered matter in rad² Å² per Å of thickness, n (σ f)², of water
#: molecules (0.031 /Å³) and of carbon atoms (0.1 /Å³, with more disorder than water).
_ICE_GRAIN = 0.031 * (_INTERACTION * 145.5) ** 2
_CARBON_GRAIN = 2 * 0.1 * (_INTERACTION * 120.0) ** 2


def expose(scene: Scene, rng: np.random.Generator) -> Array:
    """The micrograph of a scene.

    Parameters
    ----------
    scene : Scene
    rng : numpy.random.Generator
        For ice, electrons and defective pixels.

    Returns
    -------
    array, shape (y, x), float32, electrons per pixel
        Particles are dark.
    """
    rows, columns = scene.shape
    # Defocus spreads a particle's image: what the FFT wraps around stays in a margin.
    margin = math.ceil(160 / scene.pixel_size)
    canvas = (good_length(rows + 2 * margin), good_length(columns + 2 * margin))
    contrast = _image_contrast(scene, canvas, margin, rng)
    crop = (slice(margin, margin + rows), slice(margin, margin + columns))
    image = np.maximum(1.0 + contrast[crop], 0.02, dtype=np.float32)
    del contrast
    image *= _mean_electrons(scene)
    noise = rng.standard_normal(scene.shape, dtype=np.float32)
    noise *= np.sqrt(image)
    image += _detector_noise(noise)
    _add_hot_pixels(image, rng)
    return image


def _image_contrast(
    scene: Scene, canvas: tuple[int, int], margin: int, rng: np.random.Generator
) -> Array:
    """Relative change of intensity, shape `canvas`."""
    size = scene.pixel_size
    ky, kx = spatial_frequencies(canvas, size)
    square = (ky**2 + kx**2).astype(np.float32)

    atoms = np.zeros(canvas, dtype=np.float32)
    _add_particles(atoms, scene, scene.particles, margin, broken=False)
    _add_particles(atoms, scene, scene.broken, margin, broken=True)
    phase = rfft2(atoms, overwrite=True)
    del atoms
    phase *= _protein_filter(square, ky, kx, size)
    phase *= np.float32(scene.contrast)

    noise = rng.standard_normal(canvas, dtype=np.float32)
    lumps, grain = _matter(scene, canvas, margin, rng)
    noise *= np.sqrt(grain / size**2, dtype=np.float32)
    del grain
    disorder = rfft2(noise, overwrite=True)
    del noise
    disorder *= np.sqrt(structure_factor(square))
    phase += disorder
    del disorder
    if lumps is not None:
        phase += rfft2(lumps, overwrite=True)
        del lumps
    phase *= contrast_transfer(scene.ctf, canvas, size)
    phase *= np.float32(-2) * np.exp(np.float32(-0.25 * _ENVELOPE_B) * square)
    return irfft2(phase, canvas, overwrite=True)


def _add_particles(
    atoms: Array, scene: Scene, particles: PlacedParticles, margin: int, *, broken: bool
) -> None:
    rotations = euler_matrix(*particles.angles_deg.T)
    for i in range(len(particles)):
        mol = molecule(scene.species[int(particles.species[i])])
        if broken:
            # every other one has lost half of itself, the rest are single subunits
            mol = mol.part(max(1, mol.subunits // 2) if i % 2 else 1)
        center = (float(particles.y[i]) + margin, float(particles.x[i]) + margin)
        add_projection(atoms, mol, rotations[i], center, scene.pixel_size)


def _protein_filter(square: Array, ky: Array, kx: Array, pixel_size: float) -> Array:
    """Weights of atoms to phase: atomic blur, displaced water, bilinear gridding.

    The water an atom displaces is proportional to its weight, so that one grid will do.
    """
    mean_weight = 137.3  # V Å³ per atom of beta-galactosidase
    water = np.float32(_ICE_VOLT * _ATOM_ANGSTROM3 / mean_weight)
    form = np.exp(np.float32(-0.25 * _ATOM_B) * square)
    form -= water * np.exp(np.float32(-0.25 * _SOLVENT_B) * square)
    form /= (np.sinc(ky * pixel_size) ** 2).astype(np.float32)
    form /= (np.sinc(kx * pixel_size) ** 2).astype(np.float32)
    form *= np.float32(_CONTRAST_LEFT * _INTERACTION / pixel_size**2)
    return form


def structure_factor(square: Array) -> Array:
    """Power of disordered matter relative to independent scatterers.

    The compressibility limit of liquid water (0.06) at low frequency, the diffuse ring
    of vitreous ice at 3.7 Å, and what dominates in a real film: unevenness and unfolded
    protein, from the lowest frequencies to about 1/30 Å. Strengths are such that the
    spectrum resembles EMPIAR-10204.

    Parameters
    ----------
    square : array, 1/Å²
        Squared spatial frequency.
    """
    frequency = np.sqrt(square)
    film = 2.0 / (1 + (frequency * 350) ** 2) + 0.8 / (1 + (frequency * 28) ** 2) ** 2
    ring = 1.3 * np.exp(-(((frequency - 0.27) / 0.045) ** 2))
    return 0.06 + film + ring


def _matter(
    scene: Scene, canvas: tuple[int, int], margin: int, rng: np.random.Generator
) -> tuple[Array | None, Array]:
    """Phase of carbon and ice crystals, if any, and the grain in rad² Å²."""
    y = np.arange(canvas[0], dtype=np.float32)[:, None] - margin
    x = np.arange(canvas[1], dtype=np.float32)[None, :] - margin
    grain = np.float32(_ICE_GRAIN) * _ice_thickness(scene, y, x)
    if scene.carbon is None and not scene.blobs:
        return None, grain
    lumps = np.zeros(canvas, dtype=np.float32)
    if scene.carbon is not None:
        film = carbon_cover(scene.carbon, y, x, scene.pixel_size)
        film *= np.float32(scene.carbon.thickness_angstrom)
        lumps += np.float32(_INTERACTION * _CARBON_VOLT) * film
        grain += np.float32(_CARBON_GRAIN) * film
    for blob in scene.blobs:
        window = _around(blob, canvas, margin)
        ice = _blob_thickness(blob, y[window[0]], x[:, window[1]], rng)
        lumps[window] += np.float32(_INTERACTION * _ICE_VOLT) * ice
        grain[window] += np.float32(_ICE_GRAIN) * ice
    return lumps, grain


def _ice_thickness(scene: Scene, y: Array, x: Array) -> Array:
    """Thickness of the film in Å; never less than a particle needs."""
    slope_y, slope_x = scene.ice_slope
    tilt = slope_y * (y / scene.shape[0] - 0.5) + slope_x * (x / scene.shape[1] - 0.5)
    thickness = np.float32(scene.ice_angstrom) * (1 + tilt)
    return np.maximum(thickness, np.float32(180))


def carbon_cover(carbon: CarbonEdge, y: Array, x: Array, pixel_size: float) -> Array:
    """1 on the carbon film, 0 in the hole, with an edge of some 30 Å.

    Parameters
    ----------
    carbon : CarbonEdge
    y, x : arrays that broadcast to (y, x), pixels
    pixel_size : float, Å per pixel
    """
    from_hole = np.hypot(y - np.float32(carbon.y), x - np.float32(carbon.x))
    depth = (from_hole - np.float32(carbon.radius_px)) * np.float32(pixel_size / 30)
    return 0.5 + 0.5 * np.tanh(depth)


def _around(blob: Blob, canvas: tuple[int, int], margin: int) -> tuple[slice, slice]:
    """Rows and columns of the canvas that a crystal can reach."""
    centers = (blob.y + margin, blob.x + margin)
    reach = 1.5 * blob.radius_px
    rows, columns = (
        slice(max(0, int(center - reach)), min(length, int(center + reach) + 2))
        for center, length in zip(centers, canvas, strict=True)
    )
    return rows, columns


def _blob_thickness(blob: Blob, y: Array, x: Array, rng: np.random.Generator) -> Array:
    """Thickness of one ice crystal in Å: a faceted dome of irregular outline."""
    dy, dx = y - np.float32(blob.y), x - np.float32(blob.x)
    angle = np.arctan2(dy, dx)
    outline = np.ones_like(angle)
    for order in (2, 3, 6):
        swing = rng.uniform(0.03, 0.16) / math.sqrt(order / 2)
        turn = rng.uniform(0, 2 * math.pi)
        outline += np.float32(swing) * np.cos(np.float32(order) * angle + turn)
    relative = np.hypot(dy, dx) / (outline * np.float32(blob.radius_px))
    dome = np.clip(1 - relative**2, 0, None) ** np.float32(0.7)
    return np.asarray(np.float32(blob.thickness_angstrom) * dome)


def blob_cover(blob: Blob, y: Array, x: Array) -> Array:
    """Whether a pixel lies on an ice crystal or its dark rim, bool.

    Parameters
    ----------
    blob : Blob
    y, x : arrays that broadcast to (y, x), pixels
    """
    distance = np.hypot(y - blob.y, x - blob.x)
    return np.asarray(distance < 1.2 * blob.radius_px)


def _mean_electrons(scene: Scene) -> Array:
    """Electrons per pixel behind the bare film, shape (y, x)."""
    y = np.arange(scene.shape[0], dtype=np.float32)[:, None]
    x = np.arange(scene.shape[1], dtype=np.float32)[None, :]
    arriving = np.float32(DOSE_PER_ANGSTROM2 * scene.pixel_size**2)
    lost = _ice_thickness(scene, y, x) / np.float32(_MEAN_FREE_PATH)
    return arriving * np.exp(-lost)


def _detector_noise(noise: Array) -> Array:
    """Counting noise as a detector and the motion correction leave it.

    Neighboring pixels share a little of each electron: power falls by a fifth towards
    the edge of the transform; the variance per pixel is kept at low frequency.
    """
    share = np.float32(0.05)
    for axis in (0, 1):
        mixed = (1 - share) * noise
        mixed += 0.5 * share * (np.roll(noise, 1, axis) + np.roll(noise, -1, axis))
        noise = mixed
    return noise


def _add_hot_pixels(image: Array, rng: np.random.Generator) -> None:
    """A few pixels that the gain reference did not catch, in place."""
    count = int(rng.poisson(4))
    rows = rng.integers(0, image.shape[0], count)
    columns = rng.integers(0, image.shape[1], count)
    image[rows, columns] *= rng.uniform(1.8, 6, count).astype(np.float32)
