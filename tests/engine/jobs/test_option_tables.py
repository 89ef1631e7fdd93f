"""The option tables are RELION's: keys, defaults, tabs, and who is who."""

import subprocess
import sys
from pathlib import Path

import pytest

from engine.errors import InputError
from engine.jobs.active import is_active, is_used
from engine.jobs.job import Job
from engine.jobs.option import Kind, OnContinue
from engine.jobs.registry import FORMS, all_types, by_key, find, form_types
from engine.jobs.running import OWN_PREFIX, defaults_from_environment, extra_options
from engine.project import actions, layout
from engine.project.star import parse

DATA = Path(__file__).parents[2] / "data" / "project"
VERSIONS = ("3.1", "4.0", "5.0")
# set by the site where the examples were made, or blanked here
SITE_KEYS = {"qsub", "qsubscript", "queuename", "min_dedicated", "scratch_dir"}
SITE_KEYS |= {"fn_ctffind_exe", "fn_gctf_exe", "fn_topaz_exec", "python_exe"}


def stored_options(path: Path) -> dict[str, str]:
    table = parse(path.read_text()).require("joboptions_values")
    return {row[0]: row[1] for row in table.rows}


def own_keys(key: str, version: str) -> set[str]:
    options = by_key(key).all_options(version)
    return {k for k in options if not k.startswith(OWN_PREFIX)}


@pytest.mark.parametrize(
    "path",
    [
        path
        for version in ("rel40", "rel50")
        for path in sorted((DATA / version).glob("*_job.star"))
        if not path.name.startswith("MotionCorr")  # has no form
    ],
    ids=lambda p: f"{p.parent.name}-{p.stem}",
)
def test_the_tables_have_every_key_of_4_0_and_5_0_and_no_other(path: Path) -> None:
    version = {"rel40": "4.0", "rel50": "5.0"}[path.parent.name]
    job = Job.from_star(path.read_text(), version=version)
    assert job.type.has_form
    stored = set(stored_options(path))
    extras = {key for key in stored if key.startswith("qsub_extra")}
    assert stored - extras == own_keys(job.type.key, version)


@pytest.mark.relion
@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("import", ""),
        ("ctffind", "input_star_mics == m.star;use_ctffind4 == Yes"),
        ("manualpick", "fn_in == m.star"),
        ("autopick", "fn_input_autopick == m.star;do_log == Yes"),
        ("extract", "star_mics == m.star;coords_suffix == A/coords_suffix_x.star"),
        ("class2d", "fn_img == p.star"),
        ("select", "fn_data == p.star;do_split == Yes"),
    ],
)
def test_keys_and_defaults_of_3_1_are_those_relion_writes(
    key: str, options: str, tmp_path: Path
) -> None:
    actions.create_project(str(tmp_path), "3.1")
    arguments = ["relion_pipeliner", "--addJob", by_key(key).folder]
    if options:
        arguments += ["--addJobOptions", options]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    stored = stored_options(tmp_path / by_key(key).folder / "job001" / "job.star")
    given = {part.split(" == ")[0] for part in options.split(";")}
    assert set(stored) == own_keys(key, "3.1")
    defaults = by_key(key).defaults("3.1")
    different = {
        k: (stored[k], defaults[k]) for k in stored if stored[k] != defaults[k]
    }
    assert set(different) - given <= SITE_KEYS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("key", FORMS)
def test_every_option_has_a_tab_a_label_help_and_a_sound_default(
    key: str, version: str
) -> None:
    job_type = by_key(key)
    seen = set()
    for tab in job_type.tabs(version):
        for option in tab.options:
            assert option.key not in seen
            seen.add(option.key)
            assert option.tab == tab.label
            assert option.title
            assert not option.title.endswith((" ", ":"))
            assert option.help.endswith((".", "?")), option.key
            if option.kind is Kind.YES_NO:
                assert option.default in {"Yes", "No"}
            if option.kind in {Kind.NUMBER, Kind.INTEGER}:
                float(option.default)
            if option.kind is Kind.CHOICE:
                assert option.default in option.choices
            if option.kind is Kind.NODE:
                known = {neutral for _, neutral, _ in layout.NODE_TYPES}
                assert any(neutral.startswith(option.node) for neutral in known)
            for switch, value in option.active_if:
                assert switch in job_type.all_options(version)
                assert value in {"Yes", "No"}
    assert seen == set(job_type.all_options(version))
    assert job_type.tabs(version)[-2].label == "Running"


def test_fields_that_changed_between_versions_are_as_each_version_has_them() -> None:
    select = by_key("select")
    assert select.tabs("3.1")[0].options[0].label == "Select classes from model.star:"
    assert select.tabs("5.0")[0].options[0].label == "Select classes from job:"
    recenter = [select.option("do_recenter", v) for v in VERSIONS]
    assert [o.default for o in recenter if o] == ["Yes", "Yes", "No"]
    assert by_key("class2d").option("nr_iter", "4.0") is None
    assert by_key("class2d").option("do_grad", "3.1") is None
    choices = by_key("import").option("node_type", "3.1")
    assert choices is not None
    assert "Movie-particles STAR file (.star)" in choices.choices


def test_every_node_field_names_one_kind_of_node() -> None:
    kinds = {neutral.partition(".")[0] for _, neutral, _ in layout.NODE_TYPES}
    for version in VERSIONS:
        for job_type in form_types():
            for option in job_type.all_options(version).values():
                assert option.kind is not Kind.NODE or option.node in kinds


def test_the_tutorials_labels_are_there() -> None:
    labels = {
        o.title for t in form_types() for tab in t.tabs("3.1") for o in tab.options
    }
    for label in (
        "Min. diameter for LoG filter (A)",
        "Adjust default threshold (stddev)",
        "Minimum inter-particle distance (A)",
        "Write FOM maps?",
        "Diameter background circle (pix)",
        "Regularisation parameter T",
        "Number of MPI procs",
    ):
        assert label in labels


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("autopick", "autopick"),
        ("AutoPick", "autopick"),
        ("relion.autopick.topaz.train", "autopick"),
        ("relion.import.movies", "import"),
        ("4", "autopick"),
        (8, "class2d"),
        ("Class3D", "class3d"),
        ("relion.importtomo", "importtomo"),
        ("modelangelo", "modelangelo"),
        ("relion.mine.v2", "v2"),
        ("123", "123"),
    ],
)
def test_a_type_is_found_by_any_of_its_names(name: str | int, key: str) -> None:
    assert find(name).key == key


def test_an_unknown_type_asked_for_by_key_names_the_known_ones() -> None:
    with pytest.raises(InputError, match="choose one of import, ctffind"):
        by_key("refine")


def test_numbers_labels_and_folders_agree_with_the_project_tables() -> None:
    by_number = {t.number: t for t in all_types()}
    for number, folder, label in layout.PROCESS_TYPES:
        assert (by_number[number].folder, by_number[number].label) == (folder, label)
    keys = [t.key for t in all_types()]
    assert len(set(keys)) == len(keys)


def test_greyed_fields_follow_the_values_not_the_history() -> None:
    job = Job.new("autopick", "5.0", {"do_ref3d": "Yes", "do_refs": "Yes"})
    symmetry = job.option("ref3d_symmetry")
    assert is_active(job, symmetry)
    assert not is_active(job.replace("do_ref3d", False), symmetry)
    assert not is_active(job, symmetry, continuing=True)
    threshold = job.option("threshold_autopick")
    assert is_active(job, threshold, continuing=True)
    by_hand = job.option("continue_manual")
    assert not is_active(job, by_hand)
    assert is_active(job, by_hand, continuing=True)
    queue = Job.new("select", "5.0").option("do_queue")
    assert not is_active(Job.new("select", "5.0"), queue)


def test_what_is_editable_on_continue_is_what_the_fact_sheet_says() -> None:
    job_type = by_key("autopick")
    live = {
        o.key
        for o in job_type.options
        if "5.0" in o.versions and o.on_continue is OnContinue.LIVE
    }
    assert {"log_adjust_thr", "log_upper_thr", "threshold_autopick", "gpu_ids"} <= live
    assert not {"log_diam_min", "fn_refs_autopick", "shrink", "lowpass"} & live


def test_only_the_fields_of_the_chosen_branch_count() -> None:
    log = Job.new("autopick", "5.0", {"do_log": "Yes"})
    used = {k for k, o in log.type.all_options("5.0").items() if is_used(log, o)}
    assert {"log_diam_min", "do_write_fom_maps", "nr_mpi"} <= used
    assert not {"threshold_autopick", "fn_refs_autopick", "topaz_model"} & used
    refs = log.replace("do_log", False).replace("do_refs", True)
    used = {k for k, o in refs.type.all_options("5.0").items() if is_used(refs, o)}
    assert {"threshold_autopick", "fn_refs_autopick", "shrink"} <= used
    assert "log_diam_min" not in used


def test_a_sites_environment_sets_defaults_and_adds_fields() -> None:
    environment = {
        "RELION_QUEUE_USE": "yes",
        "RELION_QUEUE_NAME": "gpu",
        "RELION_QSUB_EXTRA_COUNT": "3",
        "RELION_QSUB_EXTRA1": "Hours",
        "RELION_QSUB_EXTRA1_DEFAULT": "24",
        "RELION_QSUB_EXTRA3": "Memory",
    }
    assert defaults_from_environment(environment) == {
        "do_queue": "Yes",
        "queuename": "gpu",
    }
    found = extra_options(environment)
    assert [(o.key, o.label, o.default) for o in found] == [
        ("qsub_extra1", "Hours", "24"),
        ("qsub_extra3", "Memory", ""),
    ]


def test_importing_the_registry_and_all_forms_is_quick() -> None:
    """Less than 15 ms beyond a bare Python, on an idle core; ten times that here."""
    code = (
        "import time; t = time.process_time()\n"
        "import engine.jobs.job, engine.jobs.registry as r\n"
        "r.form_types()\n"
        "print(time.process_time() - t)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 0.15
