"""An iteration on disk: RELION's files, and a state at full precision beside them.

The optimiser file is written last: where it is, the iteration is whole.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Array
from engine.classification.batch import Assignments
from engine.classification.model import ClassModel
from engine.classification.state import Settings, State
from engine.io.atomic import write_text
from engine.io.mrc import write_mrc
from engine.io.star import Column, Table, format_tables, write_star
from engine.programs.class2d_state import write_state
from engine.programs.particle_set import ParticleSet


class IterationFiles:
    """Names and contents of a classification's files.

    Parameters
    ----------
    root : Path
        What all names begin with: "Class2D/job008/run".
    particles : ParticleSet
    settings : Settings
    version : int
        Of the comments above STAR tables.
    has_optics_noise_table : bool
        Noise spectra in RELION 4's tables rather than 3.1's.
    has_micrograph_noise : bool
        The model has a spectrum per micrograph group rather than optics group.
    """

    def __init__(
        self,
        root: Path,
        particles: ParticleSet,
        settings: Settings,
        *,
        version: int,
        has_optics_noise_table: bool,
        has_micrograph_noise: bool = False,
    ) -> None:
        self.root, self.particles, self.settings = root, particles, settings
        self.version = version
        self.has_optics_noise_table = has_optics_noise_table
        self.has_micrograph_noise = has_micrograph_noise

    def name(self, iteration: int, suffix: str) -> str:
        """A file of an iteration, relative to the project."""
        return f"{self.root}_it{iteration:03d}_{suffix}"

    def write(self, state: State, history: list[dict[str, Any]], limit: int) -> None:
        """All files of an iteration, the optimiser last."""
        n, pixel = state.iteration, self.particles.pixel_size
        # of an earlier run under the same names: no longer whole from here on
        Path(self.name(n, "optimiser.star")).unlink(missing_ok=True)
        write_mrc(self.name(n, "classes.mrcs"), state.model.images, pixel)
        self._write(self.name(n, "model.star"), model_tables(state, self))
        self._write(self.name(n, "data.star"), data_tables(state, self.particles))
        self._write(
            self.name(n, "sampling.star"), sampling_table(state, self.settings, pixel)
        )
        write_state(self.name(n, "state.npz"), state, history)
        tables = optimiser_table(state, self, limit)
        head = "# RELION optimiser; written by cryodeck\n"
        write_text(
            self.name(n, "optimiser.star"),
            head + format_tables(tables, version=self.version),
        )

    def _write(self, path: str, tables: dict[str, Table]) -> None:
        write_star(path, tables, version=self.version)


def model_tables(state: State, files: IterationFiles) -> dict[str, Table]:
    """The tables of ``_model.star``."""
    model, particles = state.model, files.particles
    pixel, box = particles.pixel_size, particles.box_px
    k = model.n_classes
    length = box * pixel
    shells = model.resolution_shells()
    with np.errstate(divide="ignore"):
        resolution = np.where(shells > 0, length / shells, np.inf)
    stack = files.name(state.iteration, "classes.mrcs")
    general: dict[str, Any] = {
        "rlnReferenceDimensionality": 2,
        "rlnDataDimensionality": 2,
        "rlnOriginalImageSize": box,
        "rlnCurrentResolution": length / max(model.current_shell, 1),
        "rlnCurrentImageSize": 2 * model.finest_ring if state.iteration else 0,
        "rlnPaddingFactor": 2.0,
        "rlnIsHelix": 0,
        "rlnFourierSpaceInterpolator": 1,
        "rlnMinRadiusNnInterpolation": 10,
        "rlnPixelSize": pixel,
        "rlnNrClasses": k,
        "rlnNrBodies": 1,
        "rlnNrGroups": len(particles.group_names),
        "rlnTau2FudgeFactor": files.settings.tau_fudge,
        "rlnNormCorrectionAverage": model.norm_average,
        "rlnSigmaOffsetsAngst": model.offset_sigma_px * pixel,
        "rlnOrientationalPriorMode": 0,
        "rlnSigmaPriorRotAngle": 0.0,
        "rlnSigmaPriorTiltAngle": 0.0,
        "rlnSigmaPriorPsiAngle": 0.0,
        "rlnLogLikelihood": model.log_likelihood,
        "rlnAveragePmax": model.average_posterior,
    }
    if files.has_optics_noise_table:
        general["rlnNrOpticsGroups"] = int(particles.optics_index.max()) + 1
    classes: dict[str, Column] = {
        "rlnReferenceImage": [f"{i:06d}@{stack}" for i in range(1, k + 1)],
        "rlnClassDistribution": model.class_distribution,
        "rlnAccuracyRotations": model.accuracy_psi_deg,
        "rlnAccuracyTranslationsAngst": model.accuracy_offset_px * pixel,
        "rlnEstimatedResolution": resolution,
        "rlnOverallFourierCompleteness": _completeness(model),
        "rlnClassPriorOffsetX": model.prior_offset_px[:, 1] * pixel,
        "rlnClassPriorOffsetY": model.prior_offset_px[:, 0] * pixel,
    }
    tables = {"model_general": _pairs(general), "model_classes": Table(classes)}
    for i in range(k):
        columns = _shell_columns(box, length)
        columns |= {
            "rlnSsnrMap": model.data_vs_prior[i],
            "rlnGoldStandardFsc": np.zeros(box // 2 + 1),
            "rlnFourierCompleteness": model.coverage[i],
            "rlnReferenceSigma2": model.reference_noise[i],
            "rlnReferenceTau2": model.signal_power[i],
        }
        tables[f"model_class_{i + 1}"] = Table(columns)
    return tables | _group_tables(model, files, box, length)


def _group_tables(
    model: ClassModel, files: IterationFiles, box: int, length: float
) -> dict[str, Table]:
    particles = files.particles
    n_groups = len(particles.group_names)
    counts = np.bincount(particles.group_index, minlength=n_groups)
    groups: dict[str, Column] = {
        "rlnGroupNumber": np.arange(1, n_groups + 1),
        "rlnGroupName": particles.group_names,
        "rlnGroupNrParticles": counts,
        "rlnGroupScaleCorrection": model.group_scale,
    }
    tables = {"model_groups": Table(groups)}

    def spectrum(power: Array) -> Table:
        return Table(_shell_columns(box, length) | {"rlnSigma2Noise": power})

    by_optics = not files.has_micrograph_noise
    if files.has_optics_noise_table:
        for i in range(int(particles.optics_index.max()) + 1):
            power = model.noise_power[i]
            if not by_optics:
                own = particles.group_index[particles.optics_index == i]
                power = model.noise_power[own].mean(axis=0)
            tables[f"model_optics_group_{i + 1}"] = spectrum(power)
        return tables
    # one spectrum per micrograph group, as 3.1 wants it
    for i in range(n_groups):
        if counts[i] == 0:
            continue
        row = int(np.argmax(particles.group_index == i))
        noise = int(particles.optics_index[row]) if by_optics else i
        tables[f"model_group_{i + 1}"] = spectrum(model.noise_power[noise])
    return tables


def _shell_columns(box: int, length: float) -> dict[str, Column]:
    shell = np.arange(box // 2 + 1)
    angstrom = np.where(shell > 0, length / np.maximum(shell, 1), 999.0)
    return {
        "rlnSpectralIndex": shell,
        "rlnResolution": shell / length,
        "rlnAngstromResolution": angstrom,
    }


def _completeness(model: ClassModel) -> Array:
    """Mean coverage of each class up to its resolution.

    RELION's: over a cube (of 2D references too) of half an edge of the resolution.
    """
    out = np.zeros(model.n_classes)
    for i, ratio in enumerate(model.data_vs_prior):
        below = ratio < 1
        last = int(below.argmax() if below.any() else len(ratio)) - 1
        if last > 0:
            weight = _cube_counts(last)
            out[i] = (weight * model.coverage[i, : last + 1]).sum() / weight.sum()
    return out


@functools.cache
def _cube_counts(last: int) -> Array:
    """How many points within `last` - 1 along each axis lie in shells 0 .. last."""
    x = np.arange(last)
    twice = np.where(x > 0, 2, 1)
    square = (x**2)[:, None, None] + (x**2)[:, None] + x**2
    shell = np.floor(np.sqrt(square)).astype(int)
    weight = twice[:, None, None] * twice[:, None] * twice
    return np.bincount(shell.ravel(), weight.ravel(), minlength=last + 1)[: last + 1]


def data_tables(state: State, particles: ParticleSet) -> dict[str, Table]:
    """The tables of ``_data.star``: the input's columns, then what was found."""
    found, pixel = state.particles, particles.pixel_size
    n = len(particles)
    columns: dict[str, Column] = {
        "rlnGroupNumber": particles.group_index + 1,
        "rlnAngleRot": np.zeros(n),
        "rlnAngleTilt": np.zeros(n),
        "rlnAnglePsi": found.psi_deg,
        "rlnOriginXAngst": found.offset_px[:, 1] * pixel,
        "rlnOriginYAngst": found.offset_px[:, 0] * pixel,
        "rlnClassNumber": found.class_index + 1
        if state.iteration
        else np.zeros(n, dtype=np.int64),
        "rlnNormCorrection": found.norm_correction,
    }
    for label in ("rlnAngleRot", "rlnAngleTilt"):
        if label in particles.table:
            del columns[label]
    if state.iteration:
        columns |= {
            "rlnLogLikeliContribution": found.log_likelihood,
            "rlnMaxValueProbDistribution": found.max_posterior,
            "rlnNrOfSignificantSamples": found.n_significant,
        }
    table = particles.table.with_columns(columns)
    if particles.optics is None:
        return {"particles": table}
    return {"optics": particles.optics, "particles": table}


def sampling_table(state: State, settings: Settings, pixel: float) -> dict[str, Table]:
    """The table of ``_sampling.star``: coarse steps, as RELION means them."""
    used, asked = state.sampling, settings.sampling
    values = {
        "rlnIs3DSampling": 0,
        "rlnIs3DTranslationalSampling": 0,
        "rlnHealpixOrder": 2,
        "rlnSymmetryGroup": "c1",
        "rlnTiltAngleLimit": -91.0,
        "rlnPsiStep": 360 / used.n_coarse_psi,
        "rlnOffsetRange": used.offset_range_px * pixel,
        "rlnOffsetStep": 2 * used.offset_step_px * pixel,
        "rlnHelicalOffsetStep": -1.0,
        "rlnSamplingPerturbInstance": state.perturbation,
        "rlnSamplingPerturbFactor": settings.perturbation_factor,
        "rlnHealpixOrderOriginal": 2,
        "rlnPsiStepOriginal": 2 * asked.psi_step_deg,
        "rlnOffsetRangeOriginal": asked.offset_range_px * pixel,
        "rlnOffsetStepOriginal": 2 * asked.offset_step_px * pixel,
    }
    for label in ("rlnHealpixOrder", "rlnSymmetryGroup", "rlnTiltAngleLimit"):
        del values[label]  # of 3D references only
    return {"sampling_general": _pairs(values)}


def optimiser_table(
    state: State, files: IterationFiles, limit: int
) -> dict[str, Table]:
    """The table of ``_optimiser.star``, all that RELION needs to go on from it."""
    settings, n = files.settings, state.iteration
    pixel, box = files.particles.pixel_size, files.particles.box_px
    optics = settings.optics
    classes, psi, offset = state.changes
    accuracy = state.model.accuracy_psi_deg
    highest = optics.finest_search_ring
    values: dict[str, Any] = {
        "rlnOutputRootName": str(files.root),
        "rlnModelStarFile": files.name(n, "model.star"),
        "rlnExperimentalDataStarFile": files.name(n, "data.star"),
        "rlnOrientSamplingStarFile": files.name(n, "sampling.star"),
        "rlnCurrentIteration": n,
        "rlnNumberOfIterations": limit,
        "rlnDoSplitRandomHalves": 0,
        "rlnJoinHalvesUntilThisResolution": -1.0,
        "rlnAdaptiveOversampleOrder": 1 if settings.does_align else 0,
        "rlnAdaptiveOversampleFraction": 0.999,
        "rlnRandomSeed": settings.seed,
        "rlnParticleDiameter": 2 * optics.radius_px * pixel,
        "rlnWidthMaskEdge": 5,
        "rlnDoZeroMask": int(optics.fills_with_zeros),
        "rlnDoSolventFlattening": 1,
        "rlnDoSolventFscCorrection": 0,
        "rlnSolventMaskName": "None",
        "rlnSolventMask2Name": "None",
        "rlnBodyStarFile": "None",
        "rlnTauSpectrumName": "None",
        "rlnMaximumCoarseImageSize": -1,
        "rlnHighresLimitExpectation": -1.0
        if highest is None
        else box * pixel / highest,
        "rlnLowresLimitExpectation": -1.0,
        "rlnIncrementImageSize": 10,
        "rlnDoMapEstimation": 1,
        "rlnDoFastSubsetOptimisation": int(settings.has_fast_subsets),
        "rlnDoExternalReconstruct": 0,
        "rlnDoStochasticGradientDescent": 0,
        "rlnDoStochasticEM": 0,
        "rlnSgdInitialIterations": 50,
        "rlnSgdFinalIterations": 50,
        "rlnSgdInBetweenIterations": 200,
        "rlnSgdInitialResolution": 35.0,
        "rlnSgdFinalResolution": 15.0,
        "rlnSgdInitialSubsetSize": 100,
        "rlnSgdFinalSubsetSize": 500,
        "rlnSgdMuFactor": 0.0,
        "rlnSgdSigma2FudgeInitial": 8.0,
        "rlnSgdSigma2FudgeHalflife": -1,
        "rlnSgdSkipAnneal": 0,
        "rlnSgdSubsetSize": -1,
        "rlnSgdWriteEverySubset": 1,
        "rlnSgdStepsize": 0.5,
        "rlnDoAutoRefine": 0,
        "rlnAutoLocalSearchesHealpixOrder": 4,
        "rlnNumberOfIterWithoutResolutionGain": 0,
        "rlnBestResolutionThusFar": state.model.current_shell / (box * pixel),
        "rlnNumberOfIterWithoutChangingAssignments": 0,
        "rlnDoSkipAlign": int(not settings.does_align),
        "rlnDoSkipRotate": 0,
        "rlnOverallAccuracyRotations": float(accuracy.min()),
        "rlnOverallAccuracyTranslationsAngst": float(
            state.model.accuracy_offset_px.min() * pixel
        ),
        "rlnChangesOptimalOrientations": psi,
        "rlnChangesOptimalOffsets": offset * pixel,
        "rlnChangesOptimalClasses": classes,
        "rlnSmallestChangesOrientations": psi,
        "rlnSmallestChangesOffsets": offset * pixel,
        "rlnSmallestChangesClasses": round(classes),
        "rlnLocalSymmetryFile": "None",
        "rlnDoHelicalRefine": 0,
        "rlnIgnoreHelicalSymmetry": 0,
        "rlnFourierMask": "None",
        "rlnHelicalTwistInitial": 0.0,
        "rlnHelicalRiseInitial": 0.0,
        "rlnHelicalCentralProportion": 0.3,
        "rlnNrHelicalNStart": 1,
        "rlnHelicalMaskTubeInnerDiameter": -1.0,
        "rlnHelicalMaskTubeOuterDiameter": -1.0,
        "rlnHelicalSymmetryLocalRefinement": 0,
        "rlnHelicalSigmaDistance": -1.0,
        "rlnHelicalKeepTiltPriorFixed": 0,
        "rlnHasConverged": 0,
        "rlnHasHighFscAtResolLimit": 0,
        "rlnHasLargeSizeIncreaseIterationsAgo": 0,
        "rlnDoCorrectNorm": 1,
        "rlnDoCorrectScale": 1,
        "rlnDoCorrectCtf": int(optics.do_ctf),
        "rlnDoIgnoreCtfUntilFirstPeak": int(optics.is_intact_until_first_peak),
        "rlnCtfDataArePhaseFlipped": 0,
        "rlnDoOnlyFlipCtfPhases": 0,
        "rlnRefsAreCtfCorrected": 1,
        "rlnFixSigmaNoiseEstimates": 0,
        "rlnFixSigmaOffsetEstimates": 0,
        "rlnMaxNumberOfPooledParticles": settings.batch_size,
    }
    return {"optimiser_general": _pairs(values)}


def _pairs(values: dict[str, Any]) -> Table:
    columns: dict[str, Column] = {
        label: [value] if isinstance(value, str) else np.array([value])
        for label, value in values.items()
    }
    return Table(columns, is_loop=False)


def known_assignments(particles: ParticleSet) -> Assignments:
    """Angles, offsets and classes that a particle list brings along."""
    table, n = particles.table, len(particles)
    out = Assignments.empty(n)
    out.psi_deg[:] = table.numbers("rlnAnglePsi", 0.0)
    for axis, letter in ((0, "Y"), (1, "X")):
        if f"rlnOrigin{letter}Angst" in table:
            values = table.numbers(f"rlnOrigin{letter}Angst") / particles.pixel_size
        else:
            values = table.numbers(f"rlnOrigin{letter}", 0.0)
        out.offset_px[:, axis] = values
    out.norm_correction[:] = table.numbers("rlnNormCorrection", 1.0)
    out.class_index[:] = np.maximum(table.integers("rlnClassNumber", 1) - 1, 0)
    return out
