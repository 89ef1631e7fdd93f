"""RELION's command lines of CTF estimation and picking; see `commands`."""

from __future__ import annotations

from engine.errors import InputError
from engine.jobs.command_lines import CommandLine, Site
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
