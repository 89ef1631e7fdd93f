"""References made ready for matching: rescaled, masked, with their counts of pixels.

Facts: RELION 3.1.3, checked number for number (masks are hard, the ring of background
is the rest of the square box).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Array, array_namespace
from engine.errors import InputError
from engine.fourier.grids import squared_frequencies
from engine.fourier.resize import resize_transform
from engine.fourier.transforms import irfft2, rfft2
from engine.picking.working_size import round_half_away

_SAME = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class References:
    """What is looked for, at the micrographs' sampling.

    Attributes
    ----------
    images : array, shape (n, B, B), float64
        Times the contrast's sign, zero outside the mask.
    mask : array of bool, shape (B, B)
        The circle.
    mask_radius_px : int
    """

    images: Array
    mask: Array
    mask_radius_px: int

    def __len__(self) -> int:
        return int(self.images.shape[0])

    @property
    def box_px(self) -> int:
        """Edge of the boxes."""
        return int(self.images.shape[-1])

    @property
    def mask_count(self) -> int:
        """Pixels of the circle."""
        return int(array_namespace(self.mask).count_nonzero(self.mask))

    @property
    def ring(self) -> Array:
        """The box around the circle, where the background is measured."""
        return ~self.mask


def automatic_diameter(images: Array, pixel_size: float) -> float:
    """Mean diameter of the masks that images came with, in Å.

    Along the middle row, from the first to the last pixel that differs from the corner;
    right for class averages, which are exactly constant outside their mask.

    Parameters
    ----------
    images : array, shape (n, b, b)
    pixel_size : float, Å per pixel of the images
    """
    widths = []
    for image in images:
        differs = np.abs(image[image.shape[0] // 2] - image[0, 0]) > _SAME
        if not differs.any():
            widths.append(0)
            continue
        first = int(differs.argmax())
        rest = ~differs[first + 1 :]
        last = first + int(rest.argmax()) if rest.any() else len(differs) - 1
        widths.append(last - first)
    return float(np.mean(widths)) * pixel_size


def prepare_references(
    images: Array,
    reference_pixel_size: float,
    pixel_size: float,
    *,
    mask_diameter: float | None,
    shrink_mask_px: int = 2,
    is_inverted: bool = False,
) -> tuple[References, float]:
    """References at the micrographs' sampling, and the mask diameter in Å.

    Parameters
    ----------
    images : array, shape (n, b, b)
    reference_pixel_size, pixel_size : float, Å per pixel
        Of the images and of the micrographs.
    mask_diameter : float or None, Å
        None: from the images.
    shrink_mask_px : int, pixels of the micrograph
        Taken off the radius.
    is_inverted : bool
        The images' contrast is opposite to the micrographs'.
    """
    if mask_diameter is None:
        mask_diameter = automatic_diameter(images, reference_pixel_size)
    scaled = rescale_images(images, reference_pixel_size, pixel_size)
    box = scaled.shape[-1]
    if mask_diameter > box * pixel_size:
        message = (
            f"mask diameter {mask_diameter:g} Å is larger than the references' box of "
            f"{box * pixel_size:g} Å"
        )
        raise InputError(message)
    radius = round_half_away(mask_diameter / (2 * pixel_size)) - shrink_mask_px
    if radius < 2:
        message = (
            f"mask diameter {mask_diameter:g} Å leaves no pixels; give a mask diameter "
            "(--particle_diameter)"
        )
        raise InputError(message)
    axis = np.arange(box) - box // 2
    mask = axis[:, None] ** 2 + axis[None, :] ** 2 < radius**2
    sign = -1.0 if is_inverted else 1.0
    masked = np.where(mask, sign * scaled, 0.0)
    return References(images=masked, mask=mask, mask_radius_px=radius), mask_diameter


def rescale_images(
    images: Array, old_pixel_size: float, new_pixel_size: float
) -> Array:
    """Images at another pixel size, float64; the same grey values when they shrink.

    When they grow they are weakened by old / new size, as RELION does: references from
    down-scaled, normalized particles are too strong.
    """
    images = np.asarray(images, dtype=np.float64)
    if abs(old_pixel_size - new_pixel_size) <= 1e-3:
        return images
    old = images.shape[-1]
    new = 2 * round_half_away((old // 2) * old_pixel_size / new_pixel_size)
    if new == old:
        return images
    transform = rfft2(images)
    if new > old:
        is_inside = squared_frequencies((old, old)) <= (old // 2) ** 2
        transform = np.where(is_inside, transform, 0) * (old / new)
    resized = resize_transform(transform, (old, old), (new, new))
    return np.asarray(irfft2(resized, (new, new)))


def gaussian_reference(diameter: float, pixel_size: float, height: float) -> Array:
    """One image of a Gaussian blob, shape (1, b, b): RELION's reference "gauss"."""
    box = int(1.5 * round_half_away(diameter / pixel_size))
    box += box % 2
    axis = np.arange(box) - box // 2
    squared = axis[:, None] ** 2 + axis[None, :] ** 2
    return height * np.exp(-squared / (2 * (box / 6) ** 2))[None]
