"""Particles on their way into an E-step, and what comes out for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Array
from engine.ctf import Ctf


@dataclass(frozen=True, slots=True, kw_only=True)
class Optics:
    """What the search needs to know of images and instrument.

    Attributes
    ----------
    pixel_size : float, Å per pixel
    radius_px : float, pixels
        Of the particle's mask.
    do_ctf : bool
    is_intact_until_first_peak : bool
        No CTF up to its first peak.
    is_premultiplied : bool
        The images have been multiplied by their CTF already.
    fills_with_zeros : bool
        Outside the mask: the background's mean rather than noise.
    finest_search_ring : int or None
        Limit of the rings that are compared ("Limit resolution E-step").
    """

    pixel_size: float
    radius_px: float
    do_ctf: bool = True
    is_intact_until_first_peak: bool = False
    is_premultiplied: bool = False
    fills_with_zeros: bool = True
    finest_search_ring: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some particles, already moved by their whole-pixel offsets.

    Attributes
    ----------
    index : int, shape (n,)
        Of the particles in the whole set.
    images : float32, shape (n, y, x)
        Moved by `origin_px` and multiplied by the norm correction.
    ctf : Ctf or None
        Values of shape (n,).
    origin_px : int, shape (n, 2), pixels
        Whole-pixel offset (y, x) that was applied.
    rest_px, psi_deg : float, shapes (n, 2), (n,)
        What is left of the offset, and the angle; used without alignment.
    norm : float, shape (n,)
        Norm correction that was applied (factor on the images).
    scale : float, shape (n,)
    noise_group, scale_group : int, shape (n,)
    """

    index: Array
    images: Array
    ctf: Ctf | None
    origin_px: Array
    rest_px: Array
    psi_deg: Array
    norm: Array
    scale: Array
    noise_group: Array
    scale_group: Array


@dataclass(eq=False, slots=True, kw_only=True)
class Assignments:
    """The winning class, angle and offset of particles.

    Attributes
    ----------
    class_index : int64, shape (n,)
    psi_deg : float64, shape (n,), degrees
    offset_px : float64, shape (n, 2), pixels, y and x
    max_posterior, log_likelihood, norm_correction : float64, shape (n,)
    n_significant : int64, shape (n,)
    """

    class_index: Array
    psi_deg: Array
    offset_px: Array
    max_posterior: Array
    log_likelihood: Array
    norm_correction: Array
    n_significant: Array

    @classmethod
    def empty(cls, n: int) -> Assignments:
        """Room for n particles."""
        return cls(
            class_index=np.zeros(n, dtype=np.int64),
            psi_deg=np.zeros(n),
            offset_px=np.zeros((n, 2)),
            max_posterior=np.zeros(n),
            log_likelihood=np.zeros(n),
            norm_correction=np.ones(n),
            n_significant=np.zeros(n, dtype=np.int64),
        )
