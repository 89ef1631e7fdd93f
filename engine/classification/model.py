"""What is believed about the classes, the noise and the particles' places."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from engine.arrays import Array


@dataclass(eq=False, slots=True, kw_only=True)
class ClassModel:
    """The model of one iteration.

    Attributes
    ----------
    images : float32, shape (class, y, x)
        Class averages, masked: the references of the next iteration.
    class_distribution : float64, shape (class,)
        Shares of the classes; 0 for dead ones.
    noise_power : float64, shape (noise group, shell)
        Variance of a real or imaginary part of a transform's coefficient (σ²).
    signal_power : float64, shape (class, shell)
        The same of the reference that the last E-step used (τ², without T).
    data_vs_prior : float64, shape (class, shell)
        Spectral signal-to-noise ratio of the class averages times T.
    coverage : float64, shape (class, shell)
        Part of each shell where that ratio is at least 1.
    reference_noise : float64, shape (class, shell)
        Noise variance that is left in the averages.
    offset_sigma_px : float, pixels
    prior_offset_px : float64, shape (class, 2), pixels
        Mean offset (y, x) of a class's particles; for the files only.
    group_scale : float64, shape (scale group,)
    norm_average : float
    current_shell : int
        Finest shell with a ratio above 1 in any class.
    finest_ring : int
        Rings up to this one were summed in the last iteration.
    log_likelihood, average_posterior : float
    accuracy_psi_deg, accuracy_offset_px : float64, shape (class,)
        Errors that the references allow to notice.
    ctf_power : float64, shape (shell,)
        Mean of CTF² / σ² over the particles.
    """

    images: Array
    class_distribution: Array
    noise_power: Array
    signal_power: Array
    data_vs_prior: Array
    coverage: Array
    reference_noise: Array
    offset_sigma_px: float
    prior_offset_px: Array
    group_scale: Array
    norm_average: float
    current_shell: int
    finest_ring: int
    log_likelihood: float = 0.0
    average_posterior: float = 0.0
    accuracy_psi_deg: Array
    accuracy_offset_px: Array
    ctf_power: Array

    @property
    def n_classes(self) -> int:
        """Number of classes, dead ones too."""
        return len(self.images)

    @property
    def box_px(self) -> int:
        """Edge of the images."""
        return int(self.images.shape[-1])

    def resolution_shells(self) -> Array:
        """Last shell of each class before the ratio falls below 1."""
        below = self.data_vs_prior[:, 1:] < 1
        first = np.where(below.any(axis=1), below.argmax(axis=1), below.shape[1])
        return np.asarray(first)
