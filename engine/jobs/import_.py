"""Importing movies, micrographs and other files."""

from __future__ import annotations

from collections.abc import Mapping

from engine.jobs.job_type import JobType
from engine.jobs.option import OnContinue, choice, file, number, text, yes_no

OPTIONS = (
    yes_no(
        "do_raw",
        "Import raw movies/micrographs?",
        True,
        on_continue=OnContinue.GREYED,
        help="Import movies or micrographs found by a wildcard. Exactly one of "
        "this and the switch on the Others tab is Yes.",
    ),
    file(
        "fn_in_raw",
        "Raw input files:",
        "Movie or Image (*.{mrc,mrcs,tif,tiff,eer,"
        "mrc.bz2,mrcs.bz2,mrc.zst,mrcs.zst,mrc.xz,mrcs.xz})",
        "Micrographs/*.tif",
        active_if=(("do_raw", "Yes"),),
        changes={"3.1": {"pattern": "Movie or Image (*.{mrc,mrcs,tif,tiff})"}},
        help="Wildcard, relative to the project folder, that finds the files, "
        "such as Movies/*.tiff or Micrographs/*.mrc. Link a data folder "
        "into the project rather than giving an absolute path.",
    ),
    yes_no(
        "is_multiframe",
        "Are these multi-frame movies?",
        True,
        active_if=(("do_raw", "Yes"),),
        help="Yes if every file is a movie (a stack of frames), No if every file "
        "is one image that was already corrected for motion.",
    ),
    text(
        "optics_group_name",
        "Optics group name:",
        "opticsGroup1",
        active_if=(("do_raw", "Yes"),),
        help="Name written into the optics table for all files of this import. "
        "Files recorded with other optics get an import of their own with "
        "another name. Letters, digits and hyphens only.",
    ),
    file(
        "fn_mtf",
        "MTF of the detector:",
        "STAR Files (*.star)",
        active_if=(("do_raw", "Yes"),),
        help="STAR file with the detector's modulation transfer function, "
        "remembered for each optics group. Empty if you have none; picking "
        "and classification do not use it.",
    ),
    number(
        "angpix",
        "Pixel size (Angstrom):",
        "1.4",
        (0.5, 3, 0.1),
        unit="Å",
        active_if=(("do_raw", "Yes"),),
        help="Pixel size of these very files, in Å.",
    ),
    number(
        "kV",
        "Voltage (kV):",
        "300",
        (50, 500, 10),
        unit="kV",
        active_if=(("do_raw", "Yes"),),
        help="Acceleration voltage of the microscope.",
    ),
    number(
        "Cs",
        "Spherical aberration (mm):",
        "2.7",
        (0, 8, 0.1),
        unit="mm",
        active_if=(("do_raw", "Yes"),),
        help="Spherical aberration of the objective lens: typically 2.7 (Titan), "
        "1.4 or 2.0.",
    ),
    number(
        "Q0",
        "Amplitude contrast:",
        "0.1",
        (0, 0.3, 0.01),
        active_if=(("do_raw", "Yes"),),
        help="Fraction of amplitude contrast. 0.1 is usual for cryo-EM, though "
        "theory says less.",
    ),
    number(
        "beamtilt_x",
        "Beamtilt in X (mrad):",
        "0",
        (-1, 1, 0.1),
        unit="mrad",
        active_if=(("do_raw", "Yes"),),
        help="Known beam tilt along x; 0 if unknown.",
    ),
    number(
        "beamtilt_y",
        "Beamtilt in Y (mrad):",
        "0",
        (-1, 1, 0.1),
        unit="mrad",
        active_if=(("do_raw", "Yes"),),
        help="Known beam tilt along y; 0 if unknown.",
    ),
    yes_no(
        "do_other",
        "Import other node types?",
        False,
        on_continue=OnContinue.GREYED,
        help="Import one file that is something other than a list of raw images.",
    ),
    file(
        "fn_in_other",
        "Input file:",
        "Input file (*.*)",
        "ref.mrc",
        active_if=(("do_other", "Yes"),),
        help="The file, relative to the project folder. For coordinates a "
        "wildcard in which * stands right before the suffix that all files "
        "share, such as Movies/*_pick.star.",
    ),
    choice(
        "node_type",
        "Node type:",
        (
            "Particle coordinates (*.box, *_pick.star)",
            "Particles STAR file (.star)",
            "Multiple (2D or 3D) references (.star or .mrcs)",
            "Micrographs STAR file (.star)",
            "3D reference (.mrc)",
            "3D mask (.mrc)",
            "Unfiltered half-map (unfil.mrc)",
        ),
        active_if=(("do_other", "Yes"),),
        changes={
            "3.1": {
                "choices": (
                    "Particle coordinates (*.box, *_pick.star)",
                    "Particles STAR file (.star)",
                    "Movie-particles STAR file (.star)",
                    "2D references (.star or .mrcs)",
                    "Micrographs STAR file (.star)",
                    "3D reference (.mrc)",
                    "3D mask (.mrc)",
                    "Unfiltered half-map (unfil.mrc)",
                )
            }
        },
        help="What the file is. It decides which jobs will offer it.",
    ),
    text(
        "optics_group_particles",
        "Rename optics group for particles:",
        active_if=(("do_other", "Yes"),),
        help="New name for the optics group inside an imported particle file "
        "with one group. Empty leaves it.",
    ),
)

LAYOUT = {
    "3.1": """
        Movies/mics: do_raw fn_in_raw is_multiframe optics_group_name fn_mtf
            angpix kV Cs Q0 beamtilt_x beamtilt_y
        Others: do_other fn_in_other node_type optics_group_particles
    """,
    "4.0": """
        Movies/mics: do_raw fn_in_raw is_multiframe optics_group_name fn_mtf
            angpix kV Cs Q0 beamtilt_x beamtilt_y
        Others: do_other fn_in_other node_type optics_group_particles
    """,
    "5.0": """
        Movies/mics: do_raw fn_in_raw is_multiframe optics_group_name fn_mtf
            angpix kV Cs Q0 beamtilt_x beamtilt_y
        Others: do_other fn_in_other node_type optics_group_particles
    """,
}


def _variant(values: Mapping[str, str], version: str) -> str:
    return ".movies" if values.get("do_raw") == "Yes" else ".other"


TYPE = JobType(
    key="import",
    folder="Import",
    title="Import",
    about="Makes a list of movies, micrographs or other files known to the "
    "project, with their pixel size and optics. Nothing is copied but the "
    "list.",
    number=0,
    label="relion.import",
    is_interactive=True,
    engine_can=True,
    gui_name="import",
    options=OPTIONS,
    layout=LAYOUT,
    variant=_variant,
)
