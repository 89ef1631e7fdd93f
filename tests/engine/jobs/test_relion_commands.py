"""RELION's command lines, against those that RELION wrote into its notes."""

import re
import subprocess
import time
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.jobs.commands import (
    Site,
    commands,
    engine_command,
    relion_commands,
)
from engine.jobs.job import Job
from engine.jobs.nodes import input_nodes, output_nodes
from engine.jobs.registry import FORMS
from engine.project import actions, change

DATA = Path(__file__).parents[2] / "data" / "project"


def plain(line: str) -> str:
    return " ".join(line.split())


def note_commands(note: Path) -> list[str]:
    blocks = re.findall(
        r"command\(s\): \n(.*?)\n \+\+\+\+", note.read_text(), re.DOTALL
    )
    return [plain(line) for line in blocks[-1].strip().split("\n")]


def real_jobs() -> list[tuple[Path, str]]:
    found = []
    for root in ("relion31", "relion5"):
        for path in sorted((DATA / root).glob("*/job*/job.star")):
            job = Job.from_star(path.read_text())
            if job.type.key in FORMS and (path.parent / "note.txt").exists():
                found.append((path, "/".join(path.parts[-3:-1])))
    return found


@pytest.mark.parametrize(
    ("path", "name"),
    real_jobs(),
    ids=lambda v: v if isinstance(v, str) else v.parts[-4],
)
def test_commands_of_real_projects_are_reproduced(path: Path, name: str) -> None:
    picker = DATA / "relion31" / "ManualPick" / "job004" / "job.star"
    site = Site(
        picker=Job.from_star(picker.read_text()),
        coords_list="CtfFind/job003/micrographs_ctf.star",
    )
    job = Job.from_star(path.read_text())
    lines = [plain(line) for line in relion_commands(job, name, site=site)]
    assert lines == note_commands(path.parent / "note.txt")


@pytest.mark.parametrize(
    ("job_file", "note", "name"),
    [
        ("AutoPick_job002_job.star", "AutoPick_job002_note.txt", "AutoPick/job002"),
        (
            "Class2D_job004_continue_job.star",
            "Class2D_job004_continue_note.txt",
            "Class2D/job004",
        ),
    ],
)
def test_commands_of_continued_jobs_are_reproduced(
    job_file: str, note: str, name: str
) -> None:
    folder = DATA / "rel31"
    pipeline = change.Pipeline.parse((folder / "default_pipeline.star").read_text())
    job = Job.from_star((folder / job_file).read_text())
    assert job.is_continue
    lines = relion_commands(job, name, site=Site(real_path=pipeline.real_path))
    assert [plain(line) for line in lines] == note_commands(folder / note)


VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    "import movies": ("import", {"fn_mtf": "mtf.star", "Q0": "0.07"}),
    "import coordinates": (
        "import",
        {"do_raw": False, "do_other": True, "fn_in_other": "m/*_pick.star"},
    ),
    "import particles": (
        "import",
        {
            "do_raw": False,
            "do_other": True,
            "fn_in_other": "a/p.star",
            "node_type": "Particles STAR file (.star)",
            "optics_group_particles": "new",
        },
    ),
    "ctffind": (
        "ctffind",
        {
            "input_star_mics": "m.star",
            "use_ctffind4": True,
            "fn_ctffind_exe": "ctffind",
            "do_phaseshift": True,
            "use_noDW": True,
            "slow_search": True,
        },
    ),
    "gctf": (
        "ctffind",
        {
            "input_star_mics": "m.star",
            "use_gctf": True,
            "fn_gctf_exe": "gctf",
            "do_EPA": True,
            "other_gctf_args": "--a 1",
            "other_args": "--b 2",
        },
    ),
    "log": (
        "autopick",
        {
            "fn_input_autopick": "m.star",
            "do_log": True,
            "log_invert": True,
            "log_upper_thr": "5",
            "do_write_fom_maps": True,
            "angpix": "1.2",
        },
    ),
    "templates": (
        "autopick",
        {
            "fn_input_autopick": "m.star",
            "fn_refs_autopick": "refs.star",
            "highpass": "300",
            "angpix": "1.2",
            "angpix_ref": "3.54",
            "particle_diameter": "180",
            "do_ignore_first_ctfpeak_autopick": True,
            "minavgnoise_autopick": "-0.5",
            "shrink": "0.5",
            "use_gpu": True,
            "gpu_ids": "0:1",
            "do_read_fom_maps": True,
        },
    ),
    "map": (
        "autopick",
        {
            "fn_input_autopick": "m.star",
            "do_ref3d": True,
            "fn_ref3d_autopick": "ref.mrc",
            "ref3d_symmetry": "D2",
            "ref3d_sampling": "7.5 degrees",
            "do_ctf_autopick": False,
            "do_invert_refs": False,
            "lowpass": "-1",
        },
    ),
    "filaments": (
        "autopick",
        {
            "fn_input_autopick": "m.star",
            "fn_refs_autopick": "refs.star",
            "do_pick_helical_segments": True,
            "do_amyloid": True,
            "helical_nr_asu": "3",
            "helical_rise": "4.75",
        },
    ),
    "extract": (
        "extract",
        {
            "star_mics": "m.star",
            "coords_suffix": "AutoPick/job009/coords_suffix_autopick.star",
            "do_rescale": True,
            "extract_size": "256",
            "rescale": "64",
            "bg_diameter": "200",
        },
    ),
    "re-extract": (
        "extract",
        {
            "star_mics": "m.star",
            "do_reextract": True,
            "fndata_reextract": "p.star",
            "do_reset_offsets": True,
            "do_norm": False,
            "do_invert": False,
        },
    ),
    "tubes": (
        "extract",
        {
            "star_mics": "m.star",
            "coords_suffix": "AutoPick/job009/coords_suffix_autopick.star",
            "do_extract_helix": True,
            "helical_nr_asu": "2",
            "helical_rise": "4.8",
        },
    ),
    "class2d": (
        "class2d",
        {
            "fn_img": "p.star",
            "highres_limit": "12",
            "ctf_intact_first_peak": True,
            "do_zero_mask": False,
            "do_combine_thru_disc": True,
            "do_parallel_discio": False,
            "scratch_dir": "/scratch",
            "do_fast_subsets": True,
            "allow_coarser": True,
            "use_gpu": True,
            "nr_threads": "4",
        },
    ),
    "class2d no alignment": (
        "class2d",
        {"fn_img": "p.star", "dont_skip_align": False, "do_preread_images": True},
    ),
    "class2d helix": (
        "class2d",
        {
            "fn_img": "p.star",
            "do_helix": True,
            "range_psi": "10",
            "psi_sampling": "2.5",
            "offset_step": "0.75",
            "do_ctf_correction": False,
        },
    ),
    "select classes": (
        "select",
        {"fn_model": "Class2D/job009/run_it025_model.star", "do_regroup": True},
    ),
    "select values": (
        "select",
        {"fn_mic": "m.star", "do_select_values": True, "select_maxval": "6."},
    ),
    "select statistics": ("select", {"fn_data": "p.star", "do_discard": True}),
    "select split": (
        "select",
        {"fn_data": "p.star", "do_split": True, "do_random": True, "nr_split": "3"},
    ),
    "select duplicates": (
        "select",
        {"fn_data": "p.star", "do_remove_duplicates": True, "image_angpix": "0.9"},
    ),
    "manual picking": (
        "manualpick",
        {"fn_in": "m.star", "do_color": True, "highpass": "400", "do_startend": True},
    ),
}

INPUTS = ("m.star", "p.star", "refs.star", "ref.mrc", "mtf.star", "a/p.star")
OTHER_JOBS = (
    "AutoPick/job009/coords_suffix_autopick.star",
    "Class2D/job009/run_it025_model.star",
)


@pytest.mark.relion
def test_relion_itself_builds_the_same_commands_and_nodes(tmp_path: Path) -> None:
    """Let the 3.1.3 pipeliner launch every variant, and read its notes.

    The programs themselves stop at once, as their inputs are empty.
    """
    runs: dict[str, tuple[Job, Path, subprocess.Popen[bytes]]] = {}
    for label, (key, values) in VARIANTS.items():
        project = tmp_path / label.replace(" ", "_")
        actions.create_project(str(project), "3.1")
        for path in (*INPUTS, *OTHER_JOBS):
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).touch()
        job = Job.new(key, "3.1", {"cryodeck_engine": "relion"})
        for name, value in values.items():
            job = job.replace(name, value)  # type: ignore[arg-type]
        (project / "job.star").write_text(job.to_star())
        subprocess.run(
            ["relion_pipeliner", "--addJobFromStar", "job.star"],
            cwd=project,
            check=True,
            capture_output=True,
        )
        where = project / job.type.folder / "job001"
        process = subprocess.Popen(
            [
                "relion_pipeliner",
                "--RunJobs",
                f"{job.type.folder}/job001/",
                "--schedule",
                "x",
            ],
            cwd=project,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        runs[label] = (job, where, process)
    for label, (job, where, process) in runs.items():
        deadline = time.monotonic() + 30
        while not (where / "default_pipeline.star").exists():
            assert time.monotonic() < deadline, label
            time.sleep(0.02)
        time.sleep(0.05)
        process.kill()
        process.wait()
        name = f"{job.type.folder}/job001"
        ours = relion_commands(job, name)
        assert [plain(line) for line in ours] == note_commands(where / "note.txt"), (
            label
        )
        pipeline = change.read_pipeline(str(where.parents[1]))
        made = [f"{name}/{path}" for path, _ in output_nodes(job)]
        assert sorted(pipeline.outputs_of(name)) == sorted(made), label
        used = [path for path, _ in input_nodes(job)]
        assert sorted(pipeline.inputs_of(name)) == sorted(used), label


def test_4_0_and_5_0_differ_where_the_fact_sheet_says() -> None:
    values: dict[str, str] = {
        "fn_img": "p.star",
        "cryodeck_engine": "relion",
        "nr_iter_grad": "100",
    }
    line = relion_commands(Job.new("class2d", "5.0", values), "Class2D/job001")[0]
    assert line.startswith(
        "`which relion_refine` --o Class2D/job001/run --grad "
        "--class_inactivity_threshold 0.1 --grad_write_iter 10 --iter 100 --i p.star"
    )
    assert "--center_classes --oversampling 1" in line
    extract = {"star_mics": "m.star", "coords_suffix": "A/job001/autopick.star"}
    line = relion_commands(Job.new("extract", "4.0", extract), "Extract/job002")[0]
    assert "--coord_list A/job001/autopick.star --part_star" in line
    assert "--float16" in line
    old = {"star_mics": "m.star", "coords_suffix": "A/job001/coords_suffix_x.star"}
    line = relion_commands(Job.new("extract", "5.0", old), "Extract/job002")[0]
    assert "--coord_dir A/job001/ --coord_suffix _x.star" in line


def test_continuing_with_fom_maps_does_all_micrographs_again() -> None:
    job = Job.new("autopick", "3.1", {"do_log": "Yes", "fn_input_autopick": "m.star"})
    line = relion_commands(job, "AutoPick/job001", continuing=True)[0]
    assert "--only_do_unfinished" in line
    job = job.replace("do_read_fom_maps", True)
    line = relion_commands(job, "AutoPick/job001", continuing=True)[0]
    assert "--only_do_unfinished" not in line


def test_a_continued_classification_needs_an_optimiser() -> None:
    job = Job.new("class2d", "4.0", {"fn_cont": "Class2D/job001/run_data.star"})
    with pytest.raises(InputError, match=r"not a run_itNNN_optimiser\.star"):
        relion_commands(job, "Class2D/job001", continuing=True)


def test_cryodecks_engine_is_one_command_for_all_types() -> None:
    job = Job.new("autopick", "3.1")
    assert commands(job, "AutoPick/job006/") == ["python -m engine run AutoPick/job006"]
    assert engine_command("a b", "/opt/py") == "/opt/py -m engine run 'a b'"


def test_types_without_a_form_have_no_commands() -> None:
    job = Job.new("class3d", "4.0")
    with pytest.raises(InputError, match="Class3D jobs are not known here"):
        relion_commands(job, "Class3D/job001")
