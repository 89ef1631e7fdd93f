"""RELION's own command lines, flag for flag in RELION's order; see `commands`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import InputError
from engine.jobs.job import Job

HEALPIX_ORDERS = {
    "30 degrees": 1,
    "15 degrees": 2,
    "7.5 degrees": 3,
    "3.7 degrees": 4,
    "1.8 degrees": 5,
    "0.9 degrees": 6,
    "0.5 degrees": 7,
    "0.2 degrees": 8,
    "0.1 degrees": 9,
}

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


def ctffind_commands(
    job: Job, directory: str, continuing: bool, site: Site
) -> list[str]:
    """CTF estimation."""
    line = CommandLine(job, "relion_run_ctffind")
    line.value("--i", "input_star_mics").add("--o", directory)
    for flag, key in (
        ("--Box", "box"),
        ("--ResMin", "resmin"),
        ("--ResMax", "resmax"),
        ("--dFMin", "dfmin"),
        ("--dFMax", "dfmax"),
        ("--FStep", "dfstep"),
        ("--dAst", "dast"),
    ):
        line.value(flag, key)
    line.flag("--use_noDW", "use_noDW")
    if job.flag("do_phaseshift"):
        line.add("--do_phaseshift").value("--phase_min", "phase_min")
        line.value("--phase_max", "phase_max").value("--phase_step", "phase_step")
    if job.flag("use_gctf", False):
        line.add("--use_gctf").value("--gctf_exe", "fn_gctf_exe")
        line.flag("--ignore_ctffind_params", "do_ignore_ctffind_params")
        line.flag("--EPA", "do_EPA").add(f'--gpu "{job.text("gpu_ids")}"')
        other = job.text("other_gctf_args")
        if other:
            line.add(f'--extra_gctf_options " {other} "')
    else:
        line.value("--ctffind_exe", "fn_ctffind_exe").value("--ctfWin", "ctf_win")
        line.add("--is_ctffind4")
        line.flag("--fast_search", not job.flag("slow_search"))
        line.flag("--use_given_ps", "use_given_ps")
    line.flag("--only_do_unfinished", continuing)
    return [line.end(directory)]


def manualpick_commands(
    job: Job, directory: str, continuing: bool, site: Site
) -> list[str]:
    """Manual picking, in RELION's own window."""
    line = CommandLine(job, "relion_manualpick", can_mpi=False)
    line.value("--i", "fn_in").add("--odir", directory, "--pickname", "manualpick")
    line.add("--allow_save", "--fast_save")
    line.add("--selection", directory + "micrographs_selected.star")
    if job.flag("do_fom_threshold", False):
        line.value("--minimum_pick_fom", "minimum_pick_fom")
    display_settings(line, job)
    commands = [line.end(directory)]
    if job.version == "3.1":
        where = directory + "coords_suffix_manualpick.star"
        commands.append(f"echo {job.text('fn_in')} > {where}")
    return commands


def display_settings(line: CommandLine, picker: Job) -> None:
    """Add the display settings of a Manual picking form."""
    text = picker.text
    line.add("--scale", text("micscale"), "--sigma_contrast", text("sigma_contrast"))
    line.add("--black", text("black_val"), "--white", text("white_val"))
    if picker.flag("do_topaz_denoise", False):
        line.add("--topaz_denoise")
        if picker.version == "4.0":
            line.add("--topaz_exe", text("fn_topaz_exec"))
    else:
        for key in ("lowpass", "highpass", "angpix"):
            if picker.number_or_none(key) is not None:
                line.add(f"--{key}", text(key))
    if picker.version == "3.1":
        line.add("--ctf_scale", text("ctfscale"))
    line.add("--particle_diameter", text("diameter"))
    line.flag("--pick_start_end", picker.flag("do_startend"))
    if picker.flag("do_color"):
        line.add("--color_label", text("color_label"))
        line.add("--blue", text("blue_value"), "--red", text("red_value"))
        if text("fn_color"):
            line.add("--color_star", text("fn_color"))


def autopick_commands(
    job: Job, directory: str, continuing: bool, site: Site
) -> list[str]:
    """Auto-picking in all its branches."""
    if continuing and job.flag("continue_manual", False):
        return [_pick_on_by_hand(job, directory, site)]
    line = CommandLine(job, "relion_autopick")
    if job.version == "5.0":
        line.value("--fn_topaz_exe", "fn_topaz_exe")
    line.value("--i", "fn_input_autopick")
    line.add("--odir", directory, "--pickname", "autopick")
    if job.flag("do_log"):
        _log_flags(line)
    elif job.flag("do_topaz", False):
        _topaz_flags(line)
    else:
        _reference_flags(line)
    line.flag("--write_fom_maps", "do_write_fom_maps")
    line.flag("--read_fom_maps", "do_read_fom_maps")
    has_maps = job.flag("do_write_fom_maps") or job.flag("do_read_fom_maps")
    line.flag("--only_do_unfinished", continuing and not has_maps)
    commands = [line.end(directory)]
    if job.version == "3.1":
        micrographs = site.real_path(job.text("fn_input_autopick"))
        where = directory + "coords_suffix_autopick.star"
        commands.append(f"echo {micrographs} > {where}")
    return commands


def _log_flags(line: CommandLine) -> None:
    line.add("--LoG").value("--LoG_diam_min", "log_diam_min")
    line.value("--LoG_diam_max", "log_diam_max").add("--shrink", "0")
    line.value("--lowpass", "log_maxres")
    line.value("--LoG_adjust_threshold", "log_adjust_thr")
    line.on("--LoG_upper_threshold", "log_upper_thr")
    line.flag("--Log_invert", "log_invert")


def _topaz_flags(line: CommandLine) -> None:
    job = line.job
    if job.version == "4.0":
        line.value("--topaz_exe", "fn_topaz_exec")
    line.on("--particle_diameter", "topaz_particle_diameter")
    if job.flag("do_topaz_train"):
        line.add("--topaz_train").on("--topaz_nr_particles", "topaz_nr_particles")
        parts = job.flag("do_topaz_train_parts")
        key = "topaz_train_parts" if parts else "topaz_train_picks"
        line.value(f"--{key}", key)
    else:
        line.add("--topaz_extract").filled("--topaz_model", "topaz_model")
        if job.flag("do_topaz_filaments", False):
            line.add("--helix").value("--topaz_threshold", "topaz_filament_threshold")
            line.on("--helical_tube_length_min", "topaz_hough_length")
    other = job.text("topaz_other_args")
    if other:
        line.add(f'--topaz_args " {other} "')
    line.gpu()


def _reference_flags(line: CommandLine) -> None:
    job = line.job
    if job.flag("do_ref3d"):
        line.value("--ref", "fn_ref3d_autopick").value("--sym", "ref3d_symmetry")
        order = HEALPIX_ORDERS.get(job.text("ref3d_sampling"))
        if order is None:
            message = f"AutoPick: no sampling {job.text('ref3d_sampling')!r}"
            raise InputError(message)
        line.add("--healpix_order", str(order))
    else:
        line.value("--ref", "fn_refs_autopick")
    line.flag("--invert", "do_invert_refs")
    if job.flag("do_ctf_autopick"):
        line.add("--ctf")
        line.flag("--ctf_intact_first_peak", "do_ignore_first_ctfpeak_autopick")
    line.value("--ang", "psi_sampling_autopick").value("--shrink", "shrink")
    line.on("--lowpass", "lowpass").on("--highpass", "highpass")
    line.on("--angpix", "angpix").on("--angpix_ref", "angpix_ref")
    if job.version == "3.1":
        line.on("--particle_diameter", "particle_diameter")
    line.value("--threshold", "threshold_autopick")
    if job.flag("do_pick_helical_segments"):
        distance = job.number("helical_nr_asu") * job.number("helical_rise")
        line.add("--min_distance", f"{distance:g}")
    else:
        line.value("--min_distance", "mindist_autopick")
    line.value("--max_stddev_noise", "maxstddevnoise_autopick")
    line.on("--min_avg_noise", "minavgnoise_autopick")
    if job.flag("do_pick_helical_segments"):
        line.add("--helix").flag("--amyloid", "do_amyloid")
        line.value("--helical_tube_outer_diameter", "helical_tube_outer_diameter")
        line.value("--helical_tube_kappa_max", "helical_tube_kappa_max")
        line.value("--helical_tube_length_min", "helical_tube_length_min")
    line.gpu()


def _pick_on_by_hand(job: Job, directory: str, site: Site) -> str:
    line = CommandLine(job, "relion_manualpick", can_mpi=False)
    line.value("--i", "fn_input_autopick")
    line.add("--odir", directory, "--pickname", "autopick", "--allow_save")
    line.add("--selection", directory + "micrographs_selected.star")
    if site.picker is not None:
        display_settings(line, site.picker)
    else:
        line.add("--scale", "0.25", "--sigma_contrast", "3", "--lowpass", "20")
        line.add("--particle_diameter", "100")
    return line.end(directory)


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
            f"Class2D: Continue from here (fn_cont): {optimiser!r} is no "
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
