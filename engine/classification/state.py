"""A classification's settings, its particles, and what it knows after an iteration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.arrays import Array
from engine.classification.batch import Assignments, Optics
from engine.classification.model import ClassModel
from engine.classification.sampling import Sampling
from engine.classification.statistics import SufficientStatistics
from engine.ctf import Ctf


class ParticleSource(Protocol):
    """Images of particles, and their optics, by index."""

    @property
    def box_px(self) -> int:
        """Edge of the images."""
        ...

    def images(self, indices: Array) -> Array:
        """float32, shape (n, y, x)."""
        ...

    def ctf(self, indices: Array) -> Ctf | None:
        """Values of shape (n,)."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a classification is done.

    Attributes
    ----------
    n_classes, n_iterations : int
    tau_fudge : float
        T.
    sampling : Sampling
    optics : Optics
    has_fast_subsets, does_align, allows_coarser : bool
    perturbation_factor : float
    seed : int
    batch_size : int
        Particles in a batch.
    n_threads : int
    offset_sigma_px : float, pixels
        Width of the offsets' prior at the start.
    has_class_prior : bool
        Weigh classes by their shares in the E-step.
    balances_classes : bool
        Hold back full classes in the first 15 iterations.
    centers_classes : bool
        Move averages to the middle of the box in every iteration.
    reseeds_classes : bool
        Make nearly empty classes copies of the fullest ones.
    has_mini_batches : bool
        All but the last iterations use few particles each.
    mini_batches_per_iteration : int
    reference_resolution_angstrom : float or None, Å
        Low-pass of given references before the first iteration.
    references_are_ctf_corrected : bool
        Else the plain form first compares without CTF, as RELION does.
    """

    n_classes: int
    n_iterations: int
    tau_fudge: float
    sampling: Sampling
    optics: Optics
    has_fast_subsets: bool = False
    does_align: bool = True
    allows_coarser: bool = False
    perturbation_factor: float = 0.5
    seed: int = 0
    batch_size: int = 32
    n_threads: int = 1
    offset_sigma_px: float = 3.0
    has_class_prior: bool = False
    balances_classes: bool = True
    centers_classes: bool = False
    reseeds_classes: bool = False
    has_mini_batches: bool = False
    mini_batches_per_iteration: int = 1
    reference_resolution_angstrom: float | None = None
    references_are_ctf_corrected: bool = True


@dataclass(eq=False, slots=True, kw_only=True)
class State:
    """All of a classification after an iteration.

    Attributes
    ----------
    iteration : int
    model : ClassModel
    particles : Assignments
        Of all particles.
    perturbation : float
    sampling : Sampling
        That was used.
    changes : tuple of float
        Of classes (fraction), angles (degrees), offsets (pixels).
    n_used : int
        Particles of this iteration.
    running : SufficientStatistics or None
        Blended sums of mini-batches.
    """

    iteration: int
    model: ClassModel
    particles: Assignments
    perturbation: float
    sampling: Sampling
    changes: tuple[float, float, float] = (1.0, 999.0, 999.0)
    n_used: int = 0
    running: SufficientStatistics | None = None


@dataclass(eq=False, slots=True, kw_only=True)
class Groups:
    """Which particles share noise and intensity.

    Attributes
    ----------
    noise, scale : int64, shape (n,)
    astigmatism_angstrom : float, Å
        Largest |U - V|.
    is_usable : bool, shape (n,), or None
        Particles that take part; None for all. Others keep their places and get the
        class of the lowest share.
    """

    noise: Array
    scale: Array
    astigmatism_angstrom: float = 0.0
    is_usable: Array | None = None
