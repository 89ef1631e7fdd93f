"""RELION's own command lines, flag for flag in RELION's order; see `commands`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import InputError
from engine.jobs.job import Job

IMPORT_FLAGS = {
    "Particle coordinates": "--do_coordinates",
    "Particles STAR file": "--do_particles",
    "Unfiltered half-map": "--do_halfmaps",
}


@dataclass(frozen=True)
class Site:
    """What a command depends on beside the job's own form.

    Attributes
    ----------
    real_path : callable
        Path with an alias in it -> the same by job number.
    picker : Job or None
        The saved Manual picking form, whose display settings RELION borrows.
    coords_list : str
        Micrograph list named inside the coords_suffix file.
    """

    real_path: Callable[[str], str] = lambda path: path
    picker: Job | None = None
    coords_list: str = ""


class CommandLine:
    """A command that grows flag by flag from a job's values."""

    def __init__(self, job: Job, program: str = "", *, can_mpi: bool = True) -> None:
        self.job = job
        self.parts: list[str] = []
        if program:
            is_mpi = can_mpi and job.integer("nr_mpi", 1) > 1
            self.parts.append(f"`which {program}{'_mpi' if is_mpi else ''}`")

    def add(self, *parts: str) -> CommandLine:
        """Words as they are."""
        self.parts.extend(parts)
        return self

    def flag(self, flag: str, when: bool | str) -> CommandLine:
        """Add a flag when a condition holds or a Yes/No option is Yes."""
        if self.job.flag(when, False) if isinstance(when, str) else when:
            self.parts.append(flag)
        return self

    def value(self, flag: str, key: str) -> CommandLine:
        """Add a flag with an option's value as typed."""
        return self.add(flag, self.job.text(key))

    def filled(self, flag: str, key: str) -> CommandLine:
        """Add a flag with its value unless the version lacks it or it is empty."""
        text = self.job.text(key, "")
        return self.add(flag, text) if text else self

    def on(self, flag: str, key: str) -> CommandLine:
        """Add a flag with a number unless it means off."""
        if self.job.number_or_none(key) is not None:
            self.value(flag, key)
        return self

    def gpu(self) -> CommandLine:
        """Add the GPU list when GPUs are used."""
        if self.job.flag("use_gpu"):
            self.add(f'--gpu "{self.job.text("gpu_ids")}"')
        return self

    def end(self, directory: str) -> str:
        """Text of the whole command, additional arguments and control folder last."""
        other = self.job.text("other_args", "")
        if other:
            self.add(other)
        return " ".join([*self.parts, "--pipeline_control", directory])


def import_commands(
    job: Job, directory: str, continuing: bool, site: Site
) -> list[str]:
    """Import; other_args is not used by RELION here."""
    line = CommandLine(job).add("relion_import")
    if job.flag("do_raw"):
        is_movie = job.flag("is_multiframe")
        line.add("--do_movies" if is_movie else "--do_micrographs")
        line.add(f'--optics_group_name "{job.text("optics_group_name")}"')
        line.filled("--optics_group_mtf", "fn_mtf").value("--angpix", "angpix")
        line.value("--kV", "kV").value("--Cs", "Cs").value("--Q0", "Q0")
        line.value("--beamtilt_x", "beamtilt_x").value("--beamtilt_y", "beamtilt_y")
        pattern = job.text("fn_in_raw")
    else:
        node_type = job.text("node_type")
        line.add(
            next(
                (f for text, f in IMPORT_FLAGS.items() if node_type.startswith(text)),
                "--do_other",
            )
        )
        group = job.text("optics_group_particles")
        if node_type.startswith("Particles STAR file") and group:
            line.add(f'--particles_optics_group_name "{group}"')
        pattern = job.text("fn_in_other")
    line.add(f'--i "{pattern}"', "--odir", directory, "--ofile", imported_name(job))
    line.flag("--continue", continuing)
    return [" ".join([*line.parts, "--pipeline_control", directory])]


def imported_name(job: Job) -> str:
    """File that an Import job makes."""
    if job.flag("do_raw"):
        return "movies.star" if job.flag("is_multiframe") else "micrographs.star"
    path = job.text("fn_in_other")
    if job.text("node_type").startswith("Particle coordinates"):
        return "coords_suffix" + path.rpartition("*")[2]
    return path.rpartition("/")[2]


def extract_commands(
    job: Job, directory: str, continuing: bool, site: Site
) -> list[str]:
    """Particle extraction."""
    line = CommandLine(job, "relion_preprocess").value("--i", "star_mics")
    is_again = job.flag("do_reextract")
    is_tubes = job.flag("do_extract_helix") and job.flag("do_extract_helical_tubes")
    coords = job.text("coords_suffix")
    if is_again:
        _reextract_flags(line)
    elif job.version == "3.1" or "coords_suffix" in coords:
        folder, _, name = coords.rpartition("/")
        suffix = name.partition("coords_suffix")[2]
        line.add("--coord_dir", folder + "/", "--coord_suffix", suffix)
    else:
        line.add("--coord_list", coords)
    line.add("--part_star", directory + "particles.star")
    if job.version != "3.1" and (is_again or is_tubes):
        line.add("--pick_star", directory + "extractpick.star")
    line.add("--part_dir", directory, "--extract")
    line.value("--extract_size", "extract_size").flag("--float16", "do_float16")
    if job.flag("do_fom_threshold", False):
        line.value("--minimum_pick_fom", "minimum_pick_fom")
    if job.flag("do_rescale"):
        line.value("--scale", "rescale")
    if job.flag("do_norm"):
        line.add("--norm", "--bg_radius", str(background_radius(job)))
        line.value("--white_dust", "white_dust").value("--black_dust", "black_dust")
    line.flag("--invert_contrast", "do_invert")
    if job.flag("do_extract_helix"):
        _extract_helix_flags(line, is_tubes)
    line.flag("--only_do_unfinished", continuing)
    commands = [line.end(directory)]
    if job.version == "3.1" and (is_again or is_tubes):
        where = directory + "coords_suffix_extract.star"
        commands.append(f"echo {job.text('star_mics')} > {where}")
    return commands


def background_radius(job: Job) -> int:
    """Radius of the background circle in pixels of the box that is written."""
    box = job.number("extract_size")
    diameter = job.number("bg_diameter")
    if diameter < 0:
        diameter = 0.75 * box
    written = job.number("rescale") if job.flag("do_rescale") else box
    return int(0.5 * diameter * written / box)


def _reextract_flags(line: CommandLine) -> None:
    job = line.job
    line.value("--reextract_data_star", "fndata_reextract")
    if job.flag("do_reset_offsets"):
        line.add("--reset_offsets")
    elif job.flag("do_recenter"):
        line.add("--recenter")
        for axis in "xyz":
            line.value(f"--recenter_{axis}", f"recenter_{axis}")


def _extract_helix_flags(line: CommandLine, is_tubes: bool) -> None:
    line.add("--helix").value("--helical_outer_diameter", "helical_tube_outer_diameter")
    line.flag("--helical_bimodal_angular_priors", "helical_bimodal_angular_priors")
    if is_tubes:
        line.add("--helical_tubes")
        line.flag("--helical_cut_into_segments", "do_cut_into_segments")
        line.value("--helical_nr_asu", "helical_nr_asu")
        line.value("--helical_rise", "helical_rise")


def iteration_of(optimiser: str) -> int:
    """Iteration that an optimiser file's name states; InputError if none."""
    match = re.search(r"_it(\d+)_optimiser\.star$", optimiser)
    if match is None:
        message = (
            f"Class2D: Continue from here (fn_cont): {optimiser!r} is not a "
            "run_itNNN_optimiser.star"
        )
        raise InputError(message)
    return int(match.group(1))


def iterations(job: Job) -> str:
    """Number of iterations of a 2D classification, as typed."""
    if job.version == "3.1":
        return job.text("nr_iter")
    return job.text("nr_iter_grad" if job.flag("do_grad") else "nr_iter_em")


def output_root(job: Job, continuing: bool) -> str:
    """What the files of a 2D classification begin with: run, or run_ctN in 3.1."""
    if continuing and job.version == "3.1":
        return f"run_ct{iteration_of(job.text('fn_cont'))}"
    return "run"


def class2d_commands(
    job: Job, directory: str, continuing: bool, site: Site
) -> list[str]:
    """2D classification."""
    line = CommandLine(job, "relion_refine")
    if continuing:
        iteration_of(job.text("fn_cont"))
        line.value("--continue", "fn_cont")
    line.add("--o", directory + output_root(job, continuing))
    if job.version != "3.1":
        if job.flag("do_grad"):
            line.add("--grad", "--class_inactivity_threshold", "0.1")
            line.add("--grad_write_iter", "10")
        line.add("--iter", iterations(job))
    if not continuing:
        line.value("--i", "fn_img")
    line.flag("--dont_combine_weights_via_disc", not job.flag("do_combine_thru_disc"))
    line.flag("--no_parallel_disc_io", not job.flag("do_parallel_discio"))
    if job.flag("do_preread_images"):
        line.add("--preread_images")
    else:
        line.filled("--scratch_dir", "scratch_dir")
    line.value("--pool", "nr_pool").add("--pad", "2")
    if not continuing and job.flag("do_ctf_correction"):
        line.add("--ctf").flag("--ctf_intact_first_peak", "ctf_intact_first_peak")
    if job.version == "3.1":
        line.value("--iter", "nr_iter")
    line.value("--tau2_fudge", "tau_fudge")
    line.value("--particle_diameter", "particle_diameter")
    if not continuing:
        line.flag("--fast_subsets", "do_fast_subsets").value("--K", "nr_classes")
        line.add("--flatten_solvent").flag("--zero_mask", "do_zero_mask")
        line.on("--strict_highres_exp", "highres_limit")
    line.flag("--center_classes", "do_center")
    _sampling_flags(line)
    if not continuing:
        _class2d_helix_flags(line)
        line.add("--norm", "--scale")
    line.value("--j", "nr_threads").gpu()
    return [line.end(directory)]


def _sampling_flags(line: CommandLine) -> None:
    job = line.job
    line.add("--oversampling", "1")
    if not job.flag("dont_skip_align"):
        line.add("--skip_align")
        return
    line.add("--psi_step", f"{2 * job.number('psi_sampling'):g}")
    line.value("--offset_range", "offset_range")
    line.add("--offset_step", f"{2 * job.number('offset_step'):g}")
    line.flag("--allow_coarser_sampling", "allow_coarser")


def _class2d_helix_flags(line: CommandLine) -> None:
    job = line.job
    if not job.flag("do_helix"):
        return
    line.value("--helical_outer_diameter", "helical_tube_outer_diameter")
    if job.flag("dont_skip_align"):
        line.flag("--bimodal_psi", "do_bimodal_psi")
        sigma = min(max(job.number("range_psi"), 0.0), 90.0) / 3
        line.add("--sigma_psi", f"{sigma:g}")
        if job.flag("do_restrict_xoff"):
            line.add("--helix").value("--helical_rise_initial", "helical_rise")
