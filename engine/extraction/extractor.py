"""From a micrograph and coordinates to particles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Array, array_namespace, write_into
from engine.ctf import Ctf, contrast_transfer
from engine.extraction import boxes as cutting
from engine.extraction.normalize import normalize, remove_dust
from engine.extraction.rescale import prefers_matrices, rescale, shrink
from engine.fourier.shift import shift_phases
from engine.fourier.transforms import irfft2, rfft2
from engine.micrograph import Micrograph

#: Pixels worked on at once: more would not stay in a core's cache.
_BATCH_PIXELS = 1 << 18
#: A moved box is cut with this frame, so that nothing of it comes in at the other side.
_FRAME_PX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractionSettings:
    """What to do with each box, in this order.

    Attributes
    ----------
    box_px : int, pixels
        Edge of the box on the micrograph; even.
    ctf_box_px : int or None, pixels
        Edge of the larger box in which the CTF is applied; None for no CTF.
    phase_flip : bool
        Apply only the CTF's sign.
    ctf_intact_until_first_peak : bool
    scale_px : int or None, pixels
        Edge after Fourier cropping (or padding).
    window_px : int or None, pixels
        Edge after a last central cut (or a frame of zeros).
    background_radius_px : float or None, pixels of the final box
        None leaves the grey values alone.
    ramp : bool
        Subtract the background's plane.
    white_dust, black_dust : float or None, standard deviations
    invert : bool
        Times -1.
    subpixel : bool
        Put the particle's center on the center pixel with its fraction; otherwise
        fractions of coordinates are cut off, as RELION does.
    """

    box_px: int
    ctf_box_px: int | None = None
    phase_flip: bool = False
    ctf_intact_until_first_peak: bool = False
    scale_px: int | None = None
    window_px: int | None = None
    background_radius_px: float | None = None
    ramp: bool = True
    white_dust: float | None = None
    black_dust: float | None = None
    invert: bool = False
    subpixel: bool = False

    @property
    def final_px(self) -> int:
        """Edge of the particles."""
        return self.window_px or self.scale_px or self.box_px


class Extractor:
    """Cuts and treats particles, always in the same way.

    Parameters
    ----------
    settings : ExtractionSettings
    """

    def __init__(self, settings: ExtractionSettings) -> None:
        self.settings = settings

    def is_inside(self, y: Array, x: Array, shape: tuple[int, int]) -> Array:
        """Whether particles have at least one pixel on the micrograph, bool.

        Parameters
        ----------
        y, x : arrays, shape (n,), pixels
            Centers.
        shape : (y, x)
            Of the micrograph.

        Returns
        -------
        array of bool, shape (n,)
        """
        centers = self._centers(y), self._centers(x)
        return cutting.overlaps(*centers, shape, self.settings.box_px)

    def extract(
        self,
        micrograph: Micrograph,
        y: Array,
        x: Array,
        *,
        ctf: Ctf | None = None,
        rng: np.random.Generator | None = None,
        reuse: Array | None = None,
    ) -> Array:
        """The particles at coordinates, in their order.

        Parameters
        ----------
        micrograph : Micrograph
        y, x : array, shape (n,), pixels
            Centers; all of them inside.
        ctf : Ctf, optional
            Of each particle, with values of shape (n,); the micrograph's without it.
        rng : numpy.random.Generator, optional
            For the noise that replaces dust; needed only for that.
        reuse : array, shape (m, final, final), float32, optional
            Its first n images are overwritten and returned if m is enough: a fresh
            array costs as much as filling it.

        Returns
        -------
        array, shape (n, final, final), float32
        """
        xp = array_namespace(micrograph.image)
        size = self.settings.final_px
        if reuse is not None and len(reuse) >= len(y) and reuse.shape[-1] == size:
            out = reuse[: len(y)]
        else:
            out = xp.empty((len(y), size, size), dtype=xp.float32)
        largest = max(self.settings.box_px, self.settings.ctf_box_px or 0)
        step = max(1, _BATCH_PIXELS // largest**2)
        mean = 0.0
        if self.settings.ctf_box_px is not None:
            mean = float(xp.mean(micrograph.image, dtype=xp.float64))
        for first in range(0, len(y), step):
            part = slice(first, min(first + step, len(y)))
            which = None if ctf is None else _ctf_rows(ctf, part)
            into = out[part]
            images = self._cut(micrograph, y[part], x[part], mean, which, into)
            self._treat(images, rng, into)
        return out

    def _centers(self, positions: Array) -> Array:
        if self.settings.subpixel:
            return cutting.nearest(positions)
        return cutting.truncated(positions)

    def _cut(
        self,
        micrograph: Micrograph,
        y: Array,
        x: Array,
        mean: float,
        ctf: Ctf | None,
        into: Array,
    ) -> Array:
        """Boxes of the final size; in `into` where that costs nothing."""
        settings = self.settings
        rows, columns = self._centers(y), self._centers(x)
        frame = _FRAME_PX if settings.subpixel else 0
        edge = settings.box_px + 2 * frame
        ctf = ctf or micrograph.ctf
        if self._shrinks_directly:
            return self._shrunk(micrograph.image, rows, columns, into)
        if settings.ctf_box_px is None or ctf is None:
            is_final = edge == settings.final_px and settings.scale_px is None
            images = cutting.cut(
                micrograph.image, rows, columns, edge, into=into if is_final else None
            )
        else:
            images = self._with_ctf(micrograph, rows, columns, mean, ctf, edge)
        if settings.subpixel:
            images = _moved(images, rows - y, columns - x)
            images = cutting.center_cut(images, settings.box_px)
        if settings.scale_px is not None and settings.scale_px != settings.box_px:
            images = rescale(images, settings.scale_px)
        if settings.window_px is not None:
            images = cutting.center_cut(images, settings.window_px)
        return images

    @property
    def _shrinks_directly(self) -> bool:
        settings = self.settings
        return (
            settings.scale_px is not None
            and settings.window_px is None
            and settings.ctf_box_px is None
            and not settings.subpixel
            and prefers_matrices(settings.box_px, settings.scale_px)
        )

    def _shrunk(self, image: Array, y: Array, x: Array, into: Array) -> Array:
        """Boxes made small without a copy of the large ones."""
        for i in range(len(y)):
            box = cutting.one(image, int(y[i]), int(x[i]), self.settings.box_px)
            into[i] = shrink(box, self.settings.final_px)
        return into

    def _with_ctf(
        self,
        micrograph: Micrograph,
        y: Array,
        x: Array,
        mean: float,
        ctf: Ctf,
        box_px: int,
    ) -> Array:
        """Boxes times the CTF, applied in a larger box so that its tails are there."""
        settings = self.settings
        edge = max(settings.ctf_box_px or 0, box_px)
        images = cutting.cut(micrograph.image, y, x, edge, fill=mean)
        transform = rfft2(images)
        transform *= contrast_transfer(
            ctf,
            (edge, edge),
            micrograph.pixel_size,
            phase_flip=settings.phase_flip,
            intact_until_first_peak=settings.ctf_intact_until_first_peak,
            like=images,
        )
        images = cutting.center_cut(irfft2(transform, (edge, edge)), box_px)
        return cutting.extend_edges(images, y, x, micrograph.image.shape)

    def _treat(
        self, images: Array, rng: np.random.Generator | None, into: Array
    ) -> None:
        settings = self.settings
        radius = settings.background_radius_px
        if radius is None:
            if settings.invert:
                write_into(into, array_namespace(images).negative, images)
            elif images is not into:
                into[...] = images
            return
        white, black = settings.white_dust, settings.black_dust
        if (white is not None or black is not None) and rng is not None:
            images = remove_dust(images, radius, white, black, rng)
        normalize(images, radius, ramp=settings.ramp, invert=settings.invert, into=into)


def _ctf_rows(ctf: Ctf, rows: slice) -> Ctf:
    """The CTFs of some particles."""
    values = {
        name: getattr(ctf, name)[rows]
        if np.ndim(getattr(ctf, name))
        else getattr(ctf, name)
        for name in Ctf.__dataclass_fields__
        if name != "magnification"
    }
    return Ctf(**values, magnification=ctf.magnification)


def _moved(images: Array, y: Array, x: Array) -> Array:
    """Images moved by (y, x) pixels each, to higher indices."""
    shape = (images.shape[-2], images.shape[-1])
    transform = rfft2(images)
    transform *= shift_phases(shape, y, x).astype(transform.dtype)
    return irfft2(transform, shape)
