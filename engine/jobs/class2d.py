"""2D classification."""

from __future__ import annotations

from collections.abc import Mapping

from engine.jobs.job_type import JobType
from engine.jobs.option import (
    SINCE_4,
    OnContinue,
    file,
    integer,
    node,
    number,
    text,
    yes_no,
)

OPTIONS = (
    node(
        "fn_img",
        "Input images STAR file:",
        "ParticlesData",
        "STAR files (*.star)   "
        "Image stacks (not recommended, read help!) (*.{spi,mrcs})",
        on_continue=OnContinue.GREYED,
        help="Particle list from an Extract job.",
    ),
    file(
        "fn_cont",
        "Continue from here: ",
        "STAR Files (*_optimiser.star)",
        on_continue=OnContinue.ONLY,
        help="Iteration to go on from: run_itNNN_optimiser.star of this job. The "
        "file is written last, so any that exists is whole.",
    ),
    yes_no(
        "do_ctf_correction",
        "Do CTF-correction?",
        True,
        on_continue=OnContinue.GREYED,
        help="Correct amplitudes and phases by each particle's CTF. Needs CTF "
        "values in the particle list.",
    ),
    yes_no(
        "ctf_intact_first_peak",
        "Ignore CTFs until first peak?",
        False,
        active_if=(("do_ctf_correction", "Yes"),),
        on_continue=OnContinue.GREYED,
        help="Leave the CTF at 1 up to its first peak. Try it when all particles "
        "gather in a few blurred classes.",
    ),
    integer(
        "nr_classes",
        "Number of classes:",
        "1",
        (1, 50, 1),
        on_continue=OnContinue.GREYED,
        help="How many classes. About 100 particles in each on average is "
        "enough; 50 classes serve well.",
    ),
    number(
        "tau_fudge",
        "Regularisation parameter T:",
        "2",
        (0.1, 10, 0.1),
        help="Weight of the data against the prior: 2 to 3 for cryo-EM. Lower if "
        "averages are noisy, higher if they stay blurred.",
    ),
    yes_no(
        "do_em",
        "Use EM algorithm?",
        False,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Expectation-maximization over all particles in every iteration. "
        "Can use MPI. Exactly one of this and VDAM.",
    ),
    integer(
        "nr_iter_em",
        "Number of EM iterations:",
        "25",
        (1, 50, 1),
        active_if=(("do_em", "Yes"),),
        versions=SINCE_4,
        help="Iterations of expectation-maximization; 25 is usual. When "
        "continuing, the number to end at, not to add.",
    ),
    yes_no(
        "do_grad",
        "Use VDAM algorithm?",
        True,
        on_continue=OnContinue.GREYED,
        versions=SINCE_4,
        help="Mini-batches: few particles in each iteration, fast for large sets. "
        "RELION's method is VDAM and needs one process; cryodeck's engine has its "
        "own, in any number of processes.",
    ),
    integer(
        "nr_iter_grad",
        "Number of VDAM mini-batches:",
        "200",
        (50, 500, 10),
        active_if=(("do_grad", "Yes"),),
        versions=SINCE_4,
        help="Mini-batches; 200 are usual. In cryodeck's engine the last three "
        "use all particles.",
    ),
    number(
        "particle_diameter",
        "Mask diameter (A):",
        "200",
        (0, 1000, 10),
        unit="Å",
        help="Everything outside a circle of this diameter is masked. Larger "
        "than the particle's longest dimension, but tight enough to keep "
        "neighbors out.",
    ),
    yes_no(
        "do_zero_mask",
        "Mask individual particles with zeros?",
        True,
        on_continue=OnContinue.GREYED,
        help="Yes puts zeros outside the mask, No puts noise.",
    ),
    number(
        "highres_limit",
        "Limit resolution E-step to (A): ",
        "-1",
        (-1, 20, 1),
        unit="Å",
        off="<=0",
        off_means="off",
        on_continue=OnContinue.GREYED,
        help="Alignment uses no detail finer than this. 10 to 15 can help "
        "against overfitting with noisy data; -1 is off.",
    ),
    yes_no(
        "do_center",
        "Center class averages?",
        True,
        versions=SINCE_4,
        help="Move each average to the middle of the box in every iteration.",
    ),
    yes_no(
        "dont_skip_align",
        "Perform image alignment?",
        True,
        help="Yes searches angles and offsets; No keeps those in the particle "
        "list and only sorts into classes.",
    ),
    number(
        "psi_sampling",
        "In-plane angular sampling:",
        "6",
        (0.5, 20, 0.5),
        unit="°",
        active_if=(("dont_skip_align", "Yes"),),
        help="Step of the in-plane angle in the finer, second pass; the first pass "
        "takes twice as much. 6 serves nearly all.",
    ),
    number(
        "offset_range",
        "Offset search range (pix):",
        "5",
        (0, 30, 1),
        unit="px",
        active_if=(("dont_skip_align", "Yes"),),
        help="Offsets are searched up to this many pixels from the last ones.",
    ),
    number(
        "offset_step",
        "Offset search step (pix):",
        "1",
        (0.1, 5, 0.1),
        unit="px",
        active_if=(("dont_skip_align", "Yes"),),
        help="Step of the offsets in the finer, second pass; the first pass takes "
        "twice as much.",
    ),
    yes_no(
        "allow_coarser",
        "Allow coarser sampling?",
        False,
        active_if=(("dont_skip_align", "Yes"),),
        help="Sample more coarsely in early iterations, where the resolution is "
        "low: faster.",
    ),
    yes_no(
        "do_helix",
        "Classify 2D helical segments?",
        False,
        on_continue=OnContinue.GREYED,
        help="Classify segments of filaments.",
    ),
    number(
        "helical_tube_outer_diameter",
        "Tube diameter (A): ",
        "200",
        (100, 1000, 10),
        unit="Å",
        active_if=(("do_helix", "Yes"),),
        help="Outer diameter of the tube.",
    ),
    yes_no(
        "do_bimodal_psi",
        "Do bimodal angular searches?",
        True,
        active_if=(("do_helix", "Yes"),),
        help="Search both directions along the filament.",
    ),
    number(
        "range_psi",
        "Angular search range - psi (deg):",
        "6",
        (3, 30, 1),
        unit="°",
        active_if=(("do_helix", "Yes"),),
        help="In-plane angles are searched this far from the filament's direction.",
    ),
    yes_no(
        "do_restrict_xoff",
        "Restrict helical offsets to rise:",
        True,
        active_if=(("do_helix", "Yes"),),
        help="Limit offsets along the filament to one rise.",
    ),
    number(
        "helical_rise",
        "Helical rise (A):",
        "4.75",
        (-1, 100, 1),
        unit="Å",
        active_if=(("do_helix", "Yes"), ("do_restrict_xoff", "Yes")),
        help="The rise.",
    ),
    yes_no(
        "do_parallel_discio",
        "Use parallel disc I/O?",
        True,
        help="Every process reads its own particles. No lets the first one read "
        "for all: for file systems that bear no parallel reading.",
    ),
    integer(
        "nr_pool",
        "Number of pooled particles:",
        "3",
        (1, 16, 1),
        help="Particles read together for each thread: 3 on CPUs, about 30 with "
        "GPUs or slow disks. cryodeck takes 16 at least, and as many as fit on a GPU.",
    ),
    yes_no(
        "do_preread_images",
        "Pre-read all particles into RAM?",
        False,
        help="Read all particles into memory at the start: fast if they fit. They "
        "take particles × box × box × 4 bytes: all processes together by cryodeck, "
        "each process by RELION.",
    ),
    text(
        "scratch_dir",
        "Copy particles to scratch directory:",
        active_if=(("do_preread_images", "No"),),
        help="Local disk of the compute node to copy particles to first, such as "
        "/scratch. Not with pre-reading.",
    ),
    yes_no(
        "do_combine_thru_disc",
        "Combine iterations through disc?",
        False,
        help="Exchange sums between processes through files instead of the "
        "network. No is nearly always faster.",
    ),
    yes_no(
        "use_gpu",
        "Use GPU acceleration?",
        False,
        help="Use GPUs.",
    ),
    text(
        "gpu_ids",
        "Which GPUs to use:",
        active_if=(("use_gpu", "Yes"),),
        help="GPUs by number: ranks separated by colons, GPUs of one rank by "
        "commas, as in 0:1:2:3. Empty takes all that the scheduler gives, "
        "which is safest.",
    ),
    integer(
        "nr_iter",
        "Number of iterations:",
        "25",
        (1, 50, 1),
        versions=("3.1",),
        help="Iterations; 25 is usual. When continuing, the number to end at, "
        "not to add.",
    ),
    yes_no(
        "do_fast_subsets",
        "Use fast subsets (for large data sets)?",
        False,
        on_continue=OnContinue.GREYED,
        versions=("3.1",),
        help="Use part of the particles in early iterations: much faster for "
        "hundreds of thousands of particles.",
    ),
)

LAYOUT = {
    "3.1": """
        I/O: fn_img fn_cont
        CTF: do_ctf_correction ctf_intact_first_peak
        Optimisation: nr_classes tau_fudge nr_iter do_fast_subsets
            particle_diameter do_zero_mask highres_limit
        Sampling: dont_skip_align psi_sampling offset_range offset_step
            allow_coarser
        Helix: do_helix helical_tube_outer_diameter do_bimodal_psi range_psi
            do_restrict_xoff helical_rise
        Compute: do_parallel_discio nr_pool do_preread_images scratch_dir
            do_combine_thru_disc use_gpu gpu_ids
    """,
    "4.0": """
        I/O: fn_img fn_cont
        CTF: do_ctf_correction ctf_intact_first_peak
        Optimisation: nr_classes tau_fudge do_em nr_iter_em do_grad nr_iter_grad
            particle_diameter do_zero_mask highres_limit do_center
        Sampling: dont_skip_align psi_sampling offset_range offset_step
            allow_coarser
        Helix: do_helix helical_tube_outer_diameter do_bimodal_psi range_psi
            do_restrict_xoff helical_rise
        Compute: do_parallel_discio nr_pool do_preread_images scratch_dir
            do_combine_thru_disc use_gpu gpu_ids
    """,
    "5.0": """
        I/O: fn_img fn_cont
        CTF: do_ctf_correction ctf_intact_first_peak
        Optimisation: nr_classes tau_fudge do_em nr_iter_em do_grad nr_iter_grad
            particle_diameter do_zero_mask highres_limit do_center
        Sampling: dont_skip_align psi_sampling offset_range offset_step
            allow_coarser
        Helix: do_helix helical_tube_outer_diameter do_bimodal_psi range_psi
            do_restrict_xoff helical_rise
        Compute: do_parallel_discio nr_pool do_preread_images scratch_dir
            do_combine_thru_disc use_gpu gpu_ids
    """,
}


def _variant(values: Mapping[str, str], version: str) -> str:
    return ".helical" if values.get("do_helix") == "Yes" else ""


TYPE = JobType(
    key="class2d",
    folder="Class2D",
    title="2D classification",
    about="Sorts particles into classes of equal views and averages each: to "
    "throw out false picks, to judge the data, and to make templates for "
    "picking.",
    number=8,
    label="relion.class2d",
    has_mpi=True,
    has_threads=True,
    engine_can=True,
    gui_name="class2d",
    options=OPTIONS,
    layout=LAYOUT,
    variant=_variant,
    engine_defaults={"do_em": "Yes", "do_grad": "No"},
)
