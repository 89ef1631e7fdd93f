"""What stands against running a job: RELION's refusals and our own."""

import pytest

from engine.errors import InputError
from engine.jobs.check import WARNING, Facts, check
from engine.jobs.explain import explain_run
from engine.jobs.job import Job
from engine.jobs.registry import FORMS
from engine.jobs.requests import clock, parse_memory, parse_time_limit
from engine.jobs.resources import GIB, fom_map_bytes, parse_gpu_ids

SOUND = {
    "import": {},
    "ctffind": {"input_star_mics": "m.star", "fn_ctffind_exe": "/opt/ctffind"},
    "manualpick": {"fn_in": "m.star"},
    "autopick": {"fn_input_autopick": "m.star", "do_log": "Yes"},
    "extract": {"star_mics": "m.star", "coords_suffix": "A/job001/autopick.star"},
    "class2d": {"fn_img": "p.star", "nr_classes": "50"},
    "select": {"fn_mic": "m.star", "cryodeck_first": "3"},
}


def sound(key: str, version: str = "5.0", **values: str) -> Job:
    given = dict(SOUND[key])
    if key == "ctffind" and version != "5.0":
        given["use_ctffind4"] = "Yes"
    return Job.new(key, version, {**given, **values})


def errors(job: Job, **more: object) -> dict[str, str]:
    found = check(job, **more)  # type: ignore[arg-type]
    return {p.key: p.message for p in found if p.is_error}


def warnings(job: Job, **more: object) -> dict[str, str]:
    found = check(job, **more)  # type: ignore[arg-type]
    return {p.key: p.message for p in found if p.level == WARNING}


@pytest.mark.parametrize("version", ["3.1", "4.0", "5.0"])
@pytest.mark.parametrize("key", FORMS)
def test_a_sound_form_has_no_problems(key: str, version: str) -> None:
    assert check(sound(key, version)) == []


REFUSED = [
    ("import", {"do_other": "Yes"}, "do_raw", "exactly one"),
    ("import", {"do_raw": "No"}, "do_raw", "neither is"),
    ("import", {"fn_in_raw": "/data/*.mrc"}, "fn_in_raw", "inside the project"),
    ("import", {"fn_in_raw": "../*.mrc"}, "fn_in_raw", "inside the project"),
    ("import", {"optics_group_name": "a b"}, "optics_group_name", "letters"),
    ("import", {"optics_group_name": ""}, "optics_group_name", "at least one"),
    ("import", {"Q0": "7"}, "Q0", "between 0 and 1"),
    ("ctffind", {"input_star_mics": ""}, "input_star_mics", "is empty"),
    ("ctffind", {"resmin": "4"}, "resmin", "larger number of Å"),
    ("manualpick", {"fn_in": ""}, "fn_in", "is empty"),
    ("autopick", {"fn_input_autopick": ""}, "fn_input_autopick", "is empty"),
    ("autopick", {"do_refs": "Yes"}, "do_log", "exactly one"),
    ("autopick", {"do_log": "No"}, "do_refs", "none is"),
    ("autopick", {"log_diam_min": "300"}, "log_diam_min", "swap"),
    ("autopick", {"log_diam_min": ""}, "log_diam_min", "is empty"),
    ("autopick", {"log_diam_min": "20 A"}, "log_diam_min", "not a number"),
    ("extract", {"star_mics": ""}, "star_mics", "is empty"),
    ("extract", {"coords_suffix": ""}, "coords_suffix", "is empty"),
    ("extract", {"extract_size": "255"}, "extract_size", "odd"),
    ("extract", {"do_rescale": "Yes", "rescale": "63"}, "rescale", "odd"),
    (
        "extract",
        {"cryodeck_set_angpix": "Yes", "cryodeck_angpix": "0"},
        "cryodeck_angpix",
        "more than 0",
    ),
    (
        "extract",
        {"cryodeck_set_angpix": "Yes", "cryodeck_engine": "relion"},
        "cryodeck_set_angpix",
        "from the list",
    ),
    ("extract", {"bg_diameter": "128"}, "bg_diameter", "inside the box"),
    ("class2d", {"fn_img": ""}, "fn_img", "is empty"),
    ("class2d", {"do_em": "No"}, "do_grad", "neither is"),
    ("class2d", {"do_grad": "Yes"}, "do_grad", "both are"),
    ("class2d", {"nr_classes": "0"}, "nr_classes", "more than 0"),
    ("class2d", {"nr_classes": "2.5"}, "nr_classes", "whole number"),
    ("select", {"fn_mic": ""}, "fn_model", "nothing to select"),
    ("select", {"do_split": "Yes", "do_discard": "Yes"}, "do_split", "only one way"),
    ("select", {"do_regroup": "Yes"}, "do_regroup", "chosen classes"),
    ("select", {"do_remove_duplicates": "Yes"}, "fn_mic", "particle list only"),
    ("select", {"do_split": "Yes", "split_size": "0"}, "split_size", "size"),
]


@pytest.mark.parametrize(("key", "values", "field", "says"), REFUSED)
def test_what_relion_refuses_or_should_is_refused_at_its_field(
    key: str, values: dict[str, str], field: str, says: str
) -> None:
    assert says in errors(sound(key, **values))[field]


def test_references_need_a_file_and_a_lowpass_below_the_highpass() -> None:
    job = sound("autopick", do_log="No", do_refs="Yes", highpass="10")
    found = errors(job)
    assert "class averages" in found["fn_refs_autopick"]
    assert "larger number" in found["highpass"]


def test_relion_alone_does_topaz_and_filaments() -> None:
    found = errors(sound("autopick", do_log="No", do_topaz="Yes"))
    assert "cryodeck's engine does not do Topaz" in found["do_topaz"]
    own = sound("class2d", do_helix="Yes")
    assert "helical" in errors(own)["do_helix"]
    assert errors(own.replace("cryodeck_engine", "relion")) == {}


def test_mini_batches_need_one_process_in_relion_in_any_number_in_ours() -> None:
    job = sound("class2d", do_em="No", do_grad="Yes", cryodeck_engine="relion")
    assert "one process" in errors(job.replace("nr_mpi", "3"))["nr_mpi"]
    own = sound("class2d", do_em="No", do_grad="Yes", nr_mpi="3")
    assert errors(own) == {}


def test_the_ranker_wants_an_optimiser_and_no_recentering() -> None:
    job = sound("select", "4.0", do_class_ranker="Yes", cryodeck_engine="relion")
    found = errors(job)
    assert "optimiser" in found["fn_model"]
    assert "does not go" in found["do_recenter"]


def test_slider_ends_are_no_limits() -> None:
    job = sound("autopick", log_diam_max="2500", log_upper_thr="999")
    assert check(job) == []


def test_unused_fields_are_not_checked() -> None:
    assert check(sound("autopick", threshold_autopick="rubbish")) == []


def test_a_field_that_is_no_number_does_not_hide_other_problems() -> None:
    found = errors(sound("autopick", log_diam_min="x", fn_input_autopick=""))
    assert set(found) == {"log_diam_min", "fn_input_autopick"}


def test_paths_are_checked_for_existence_shell_and_unfinished_jobs() -> None:
    job = sound("class2d", fn_img="Extract/job003/particles.star")
    assert (
        "does not exist" in errors(job, facts=Facts(exists=lambda p: False))["fn_img"]
    )
    running = Facts(producer_status=lambda p: "Running")
    assert "still running" in warnings(job, facts=running)["fn_img"]
    assert "blank" in errors(job.replace("fn_img", "a b.star"))["fn_img"]
    assert "blank" in errors(job.replace("fn_img", "$(x).star"))["fn_img"]
    assert "relative" in warnings(job.replace("fn_img", "/a/p.star"))["fn_img"]


def test_continuing_a_classification_wants_a_later_end() -> None:
    job = sound("class2d", nr_iter_em="25")
    assert "is empty" in errors(job, continuing=True)["fn_cont"]
    job = job.replace("fn_cont", "Class2D/job004/run_it025_optimiser.star")
    assert "above 25" in errors(job, continuing=True)["nr_iter_em"]
    assert errors(job.replace("nr_iter_em", "30"), continuing=True) == {}


@pytest.mark.parametrize(
    ("text", "groups"),
    [
        ("", []),
        ("0", [[0]]),
        ("0:1:2:3", [[0], [1], [2], [3]]),
        ("0,1:2,3", [[0, 1], [2, 3]]),
        ("0,1", [[0, 1]]),
    ],
)
def test_gpu_lists_are_colons_for_ranks_and_commas_within(
    text: str, groups: list[list[int]]
) -> None:
    assert parse_gpu_ids(text) == groups


@pytest.mark.parametrize("text", ["0 1", "0; 1", "a", "0:", ":1", "0,,1", "-1"])
def test_other_gpu_lists_are_refused(text: str) -> None:
    with pytest.raises(InputError):
        parse_gpu_ids(text)


def test_ranks_and_gpus_are_held_against_each_other() -> None:
    job = sound("class2d", use_gpu="Yes", gpu_ids="0:1:2:3", nr_mpi="4")
    assert set(warnings(job)) == {"use_gpu"}
    job = job.replace("cryodeck_engine", "relion")
    assert "procs to 5" in warnings(job)["gpu_ids"]
    assert warnings(job.replace("nr_mpi", "5")) == {}
    assert (
        "GPU 3 does not exist" in errors(job, facts=Facts(gpus_per_node=2))["gpu_ids"]
    )
    assert "no GPU" in errors(job, facts=Facts(gpus_per_node=0))["use_gpu"]


def test_programs_that_only_relion_has_are_left_to_it() -> None:
    job = sound("ctffind", cryodeck_engine="cryodeck")
    assert "has no CTF estimation" in errors(job)["cryodeck_engine"]
    own = sound("select", fn_mic="", fn_model="Class2D/job004/run_it025_optimiser.star")
    assert "no class chosen yet" in warnings(own)["cryodeck_classes"]
    assert warnings(own.replace("cryodeck_best", "5")) == {}
    assert warnings(own.replace("cryodeck_engine", "relion")) == {}
    ticked = sound("select", cryodeck_first="-1")
    assert warnings(ticked) == {}  # Run! opens the list
    rows = ticked.replace("fn_data", "Extract/job003/particles.star")
    rows = rows.replace("fn_mic", "")
    assert "no row chosen yet" in warnings(rows)["cryodeck_rows"]
    assert warnings(rows.replace("cryodeck_rows", "1-5")) == {}


def test_relion_has_no_gpu_for_log_and_a_leader_for_two() -> None:
    job = sound("autopick", use_gpu="Yes", cryodeck_engine="relion")
    # use_gpu is not sent for LoG, so the list is not looked at, but refused
    assert "needs no GPU" in errors(job)["use_gpu"]
    two = sound("class2d", nr_mpi="2", cryodeck_engine="relion")
    assert "only leads" in warnings(two)["nr_mpi"]


def test_processes_beyond_the_micrographs_are_useless() -> None:
    job = sound("autopick", nr_mpi="4")
    assert "1 would be idle" in warnings(job, facts=Facts(micrographs=3))["nr_mpi"]
    assert warnings(job, facts=Facts(micrographs=4)) == {}


def test_fom_maps_want_one_process_few_micrographs_and_disk() -> None:
    job = sound(
        "autopick",
        do_log="No",
        do_refs="Yes",
        fn_refs_autopick="r.star",
        do_write_fom_maps="Yes",
        nr_mpi="2",
        cryodeck_engine="relion",
    )
    assert "one process" in warnings(job)["nr_mpi"]
    many = Facts(micrographs=31)
    assert "more than 30" in errors(job, facts=many)["do_write_fom_maps"]
    allowed = job.replace("other_args", "--no_fom_limit")
    assert errors(allowed, facts=many) == {}
    facts = Facts(
        micrographs=10, micrograph_px=(4096, 3000), references=5, pixel_size=1.0
    )
    # two maps for each of 5 templates and two of the noise, on 10 micrographs; at a
    # low-pass of 20 Å 4096 pixels of 1 Å need 2 × 205
    assert fom_map_bytes(job, facts) == (2 * 5 + 2) * 10 * 410**2 * 4
    whole = job.replace("shrink", "1")
    assert fom_map_bytes(whole, facts) == (2 * 5 + 2) * 10 * 4096**2 * 4
    full = Facts(
        micrographs=10, micrograph_px=(4096, 4096), references=5, free_disk=1.0 * GIB
    )
    assert "GiB are free" in errors(whole, facts=full)["do_write_fom_maps"]


def test_preread_particles_must_fit_into_every_process() -> None:
    facts = Facts(particles=100_000, box_px=256, memory_per_node=64 * GIB)
    job = sound("class2d", "3.1", do_preread_images="Yes", cryodeck_engine="relion")
    assert errors(job.replace("nr_mpi", "3"), facts=facts) == {}
    found = errors(job.replace("nr_mpi", "5"), facts=facts)
    assert "97.7 GiB" in found["do_preread_images"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("", None),
        ("90", 5400.0),
        ("5:30", 330.0),
        ("4:00:00", 14400.0),
        ("2-00", 172800.0),
        ("1-12:30:05", 131405.0),
    ],
)
def test_time_limits_are_minutes_or_clocks(text: str, seconds: float | None) -> None:
    assert parse_time_limit(text) == seconds
    if seconds:
        assert parse_time_limit(clock(seconds)) == seconds


@pytest.mark.parametrize("text", ["4h", "1:2:3:4", "-5", "1-2:3", "a-1", "::"])
def test_other_time_limits_are_refused_at_their_field(text: str) -> None:
    found = errors(sound("extract", cryodeck_time_limit=text))
    assert "not a time limit" in found["cryodeck_time_limit"]


def test_requests_beyond_the_queue_are_refused() -> None:
    job = sound("extract", cryodeck_time_limit="3-00", cryodeck_memory="512G")
    facts = Facts(max_time_s=86400.0, memory_per_node=256 * GIB)
    found = errors(job, facts=facts)
    assert (
        "3-0:00:00 is longer than this queue allows, 1-0:00:00"
        in (found["cryodeck_time_limit"])
    )
    assert "a node has 256 GiB" in found["cryodeck_memory"]
    assert parse_memory("4000") == 4000 * 1024.0**2
    assert parse_memory("1.5 GiB") == 1.5 * GIB
    assert "16G" in errors(sound("extract", cryodeck_memory="lots"))["cryodeck_memory"]


def test_few_particles_a_class_and_a_mask_beyond_the_box_are_doubted() -> None:
    job = sound("class2d", particle_diameter="300", cryodeck_engine="relion")
    job = job.replace("do_em", True).replace("do_grad", False)
    facts = Facts(particles=500, box_px=64, pixel_size=3.54)
    found = warnings(job, facts=facts)
    assert "10 particles a class" in found["nr_classes"]
    assert "227 Å wide" in found["particle_diameter"]


def test_resolutions_beyond_nyquist_are_pointed_out() -> None:
    job = sound("autopick", log_maxres="5")
    found = warnings(job, facts=Facts(pixel_size=3.0))
    assert "can hold (6 Å)" in found["log_maxres"]


EXPLAINED = [
    ("autopick", {}, True, "Only unfinished micrographs are picked: 3 of 5"),
    ("autopick", {"do_read_fom_maps": "Yes"}, True, "from the kept FOM maps"),
    ("autopick", {"do_write_fom_maps": "Yes"}, True, "searched again from the start"),
    ("autopick", {}, False, "Runs from the start in AutoPick/jobNNN"),
    ("extract", {}, True, "even if their picks have changed"),
    ("import", {}, True, "are added"),
    ("select", {"cryodeck_first": "3"}, True, "Selects again from the start"),
    ("select", {"cryodeck_first": "-1"}, True, "Opens the selection of last time"),
    ("select", {"do_split": "Yes"}, True, "Selects again from the start"),
    ("manualpick", {}, True, "picks and the selection of last time"),
]


@pytest.mark.parametrize(("key", "values", "continuing", "says"), EXPLAINED)
def test_run_and_continue_are_explained_before_the_key(
    key: str, values: dict[str, str], continuing: bool, says: str
) -> None:
    facts = Facts(micrographs=5, done=3)
    assert says in explain_run(sound(key, **values), continuing, facts)


def test_a_continued_classification_says_what_is_kept_and_overwritten() -> None:
    optimiser = "Class2D/job004/run_it012_optimiser.star"
    new = sound("class2d", nr_iter_em="30", fn_cont=optimiser)
    says = explain_run(new, True)
    assert "after iteration 12 up to 30 (18 more)" in says
    assert "overwritten" in says
    old = sound("class2d", "3.1", nr_iter="30", fn_cont=optimiser)
    assert "run_ct12, the old ones are kept" in explain_run(old, True)
    assert "choose an _optimiser.star" in explain_run(sound("class2d"), True)


def test_nothing_left_to_do_is_said() -> None:
    done = Facts(micrographs=5, done=5)
    for key in ("autopick", "extract"):
        told = explain_run(sound(key), True, done)
        assert told.startswith("Nothing is left to do: all 5 micrographs are")
    optimiser = "Class2D/job004/run_it025_optimiser.star"
    over = sound("class2d", nr_iter_em="25", fn_cont=optimiser)
    says = explain_run(over, True)
    assert "Nothing is left to do" in says
    assert "more than 25" in says
    assert "overwritten" not in says


@pytest.mark.parametrize(
    ("key", "was", "values", "done", "says"),
    [
        ("autopick", {}, {"log_adjust_thr": "1"}, 3, "is for those left only."),
        ("autopick", {}, {"log_adjust_thr": "1"}, 5, "is without any effect."),
        ("autopick", {}, {"nr_mpi": "4", "min_dedicated": "2"}, 3, ""),
        ("autopick", {}, {}, 3, ""),
        (
            "autopick",
            {"do_read_fom_maps": "Yes", "do_refs": "Yes", "do_log": "No"},
            {"threshold_autopick": "0.4"},
            5,
            "",
        ),
        ("extract", {}, {"extract_size": "300"}, 3, "would not be alike"),
        ("extract", {}, {"extract_size": "300"}, 5, "is without any effect."),
    ],
)
def test_changes_that_reach_only_a_part_are_named(
    key: str, was: dict[str, str], values: dict[str, str], done: int, says: str
) -> None:
    before = sound(key, **was)
    after = before
    for name, value in values.items():
        after = after.replace(name, value)
    told = explain_run(after, True, Facts(micrographs=5, done=done), "", before)
    assert (says in told) if says else ("What was changed" not in told)


def test_templates_and_filters_cannot_change_what_kept_maps_hold() -> None:
    values = {"do_refs": "Yes", "do_log": "No", "do_read_fom_maps": "Yes"}
    before = sound("autopick", **values)
    tried = before.replace("threshold_autopick", "0.4")
    assert "What was changed" not in explain_run(tried, True, before=before)
    other = tried.replace("lowpass", "25")
    told = explain_run(other, True, before=before)
    assert "Lowpass filter" in told
    assert "without effect on the kept maps" in told
