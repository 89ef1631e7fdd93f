"""CTF estimation with CTFFIND or Gctf."""

from __future__ import annotations

from collections.abc import Mapping

from engine.jobs.job_type import JobType
from engine.jobs.option import OnContinue, file, integer, node, number, text, yes_no

OPTIONS = (
    node(
        "input_star_mics",
        "Input micrographs STAR file:",
        "MicrographsData",
        "STAR files (*.star)",
        on_continue=OnContinue.GREYED,
        help="List of micrographs to estimate the CTF of.",
    ),
    yes_no(
        "use_noDW",
        "Use micrograph without dose-weighting?",
        False,
        on_continue=OnContinue.GREYED,
        help="Yes estimates on sums without dose weighting, if motion correction "
        "saved them; their Thon rings reach further.",
    ),
    yes_no(
        "do_phaseshift",
        "Estimate phase shifts?",
        False,
        on_continue=OnContinue.GREYED,
        help="Also search a phase shift; for data taken with a phase plate.",
    ),
    number(
        "phase_min",
        "Phase shift (deg) - Min:",
        "0",
        unit="°",
        active_if=(("do_phaseshift", "Yes"),),
        on_continue=OnContinue.GREYED,
        row="Phase shift - Min, Max, Step (deg)",
        help="Smallest phase shift searched.",
    ),
    number(
        "phase_max",
        "Phase shift (deg) - Max:",
        "180",
        unit="°",
        active_if=(("do_phaseshift", "Yes"),),
        on_continue=OnContinue.GREYED,
        row="Phase shift - Min, Max, Step (deg)",
        help="Largest phase shift searched.",
    ),
    number(
        "phase_step",
        "Phase shift (deg) - Step:",
        "10",
        unit="°",
        active_if=(("do_phaseshift", "Yes"),),
        on_continue=OnContinue.GREYED,
        row="Phase shift - Min, Max, Step (deg)",
        help="Step of the search.",
    ),
    number(
        "dast",
        "Amount of astigmatism (A):",
        "100",
        (0, 2000, 100),
        unit="Å",
        on_continue=OnContinue.GREYED,
        help="Astigmatism that the search allows for.",
    ),
    file(
        "fn_ctffind_exe",
        "CTFFIND-4.1 executable:",
        "*",
        on_continue=OnContinue.GREYED,
        changes={
            "3.1": {"active_if": (("use_ctffind4", "Yes"),)},
            "4.0": {"active_if": (("use_ctffind4", "Yes"),)},
        },
        help="Path of CTFFIND 4.1 on the cluster.",
    ),
    yes_no(
        "use_given_ps",
        "Use power spectra from MotionCorr job?",
        True,
        on_continue=OnContinue.GREYED,
        changes={
            "3.1": {"default": "No", "active_if": (("use_ctffind4", "Yes"),)},
            "4.0": {"active_if": (("use_ctffind4", "Yes"),)},
        },
        help="Use the power spectra that motion correction saved, which is "
        "faster and often better.",
    ),
    yes_no(
        "slow_search",
        "Use exhaustive search?",
        False,
        on_continue=OnContinue.GREYED,
        changes={
            "3.1": {"active_if": (("use_ctffind4", "Yes"),)},
            "4.0": {"active_if": (("use_ctffind4", "Yes"),)},
        },
        help="Exhaustive search in two dimensions: slower, and only needed when "
        "the fast one fails.",
    ),
    integer(
        "ctf_win",
        "Estimate CTF on window size (pix) ",
        "-1",
        (-16, 4096, 16),
        unit="px",
        off="<=0",
        off_means="whole micrograph",
        on_continue=OnContinue.GREYED,
        changes={
            "3.1": {"active_if": (("use_ctffind4", "Yes"),)},
            "4.0": {"active_if": (("use_ctffind4", "Yes"),)},
        },
        help="Estimate on a square window of this size at the center of the "
        "micrograph; negative takes all of it.",
    ),
    integer(
        "box",
        "FFT box size (pix):",
        "512",
        (64, 1024, 8),
        unit="px",
        on_continue=OnContinue.GREYED,
        help="Size of the power spectrum. 512 is usual; larger for fine pixels "
        "or high defocus, where rings lie close together.",
    ),
    number(
        "resmin",
        "Minimum resolution (A):",
        "30",
        (10, 200, 10),
        unit="Å",
        on_continue=OnContinue.GREYED,
        help="Low-resolution end of the fit.",
    ),
    number(
        "resmax",
        "Maximum resolution (A):",
        "5",
        (1, 20, 1),
        unit="Å",
        on_continue=OnContinue.GREYED,
        help="High-resolution end of the fit.",
    ),
    number(
        "dfmin",
        "Minimum defocus value (A):",
        "5000",
        (0, 25000, 1000),
        unit="Å",
        on_continue=OnContinue.GREYED,
        help="Smallest defocus searched.",
    ),
    number(
        "dfmax",
        "Maximum defocus value (A):",
        "50000",
        (20000, 100000, 1000),
        unit="Å",
        on_continue=OnContinue.GREYED,
        help="Largest defocus searched.",
    ),
    number(
        "dfstep",
        "Defocus step size (A):",
        "500",
        (200, 2000, 100),
        unit="Å",
        on_continue=OnContinue.GREYED,
        help="Step of the defocus search.",
    ),
    yes_no(
        "use_ctffind4",
        "Use CTFFIND-4.1?",
        False,
        on_continue=OnContinue.GREYED,
        versions=("3.1", "4.0"),
        help="Use CTFFIND 4.1. This or Gctf must be Yes.",
    ),
    yes_no(
        "use_gctf",
        "Use Gctf instead?",
        False,
        on_continue=OnContinue.GREYED,
        versions=("3.1", "4.0"),
        help="Use Gctf. If both are Yes, Gctf runs.",
    ),
    file(
        "fn_gctf_exe",
        "Gctf executable:",
        "*",
        active_if=(("use_gctf", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=("3.1", "4.0"),
        help="Path of Gctf on the cluster.",
    ),
    yes_no(
        "do_ignore_ctffind_params",
        "Ignore 'Searches' parameters?",
        True,
        active_if=(("use_gctf", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=("3.1", "4.0"),
        help="Let Gctf choose its own search ranges instead of the values above.",
    ),
    yes_no(
        "do_EPA",
        "Perform equi-phase averaging?",
        False,
        active_if=(("use_gctf", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=("3.1", "4.0"),
        help="Average along equal phases, for clearer rings.",
    ),
    text(
        "other_gctf_args",
        "Other Gctf options:",
        active_if=(("use_gctf", "Yes"),),
        on_continue=OnContinue.GREYED,
        versions=("3.1", "4.0"),
        help="Passed to Gctf as they are; not its phase-shift options, which "
        "have fields of their own.",
    ),
    text(
        "gpu_ids",
        "Which GPUs to use:",
        active_if=(("use_gctf", "Yes"),),
        versions=("3.1", "4.0"),
        help="GPUs for Gctf; ranks are separated by colons, as in 0:1.",
    ),
)

LAYOUT = {
    "3.1": """
        I/O: input_star_mics use_noDW do_phaseshift phase_min phase_max
            phase_step dast
        CTFFIND-4.1: use_ctffind4 fn_ctffind_exe use_given_ps slow_search
            ctf_win box resmin resmax dfmin dfmax dfstep
        Gctf: use_gctf fn_gctf_exe do_ignore_ctffind_params do_EPA
            other_gctf_args gpu_ids
    """,
    "4.0": """
        I/O: input_star_mics use_noDW do_phaseshift phase_min phase_max
            phase_step dast
        CTFFIND-4.1: use_ctffind4 fn_ctffind_exe use_given_ps slow_search
            ctf_win box resmin resmax dfmin dfmax dfstep
        Gctf: use_gctf fn_gctf_exe do_ignore_ctffind_params do_EPA
            other_gctf_args gpu_ids
    """,
    "5.0": """
        I/O: input_star_mics use_noDW do_phaseshift phase_min phase_max
            phase_step dast
        CTFFIND-4.1: fn_ctffind_exe use_given_ps slow_search ctf_win box resmin
            resmax dfmin dfmax dfstep
    """,
}


def _variant(values: Mapping[str, str], version: str) -> str:
    return ".gctf" if values.get("use_gctf") == "Yes" else ".ctffind4"


TYPE = JobType(
    key="ctffind",
    folder="CtfFind",
    title="CTF estimation",
    about="Estimates defocus and astigmatism of every micrograph with CTFFIND, so "
    "that later steps can correct for them.",
    number=2,
    label="relion.ctffind",
    has_mpi=True,
    gui_name="ctffind",
    options=OPTIONS,
    layout=LAYOUT,
    variant=_variant,
)
