"""Every command against a real project on this machine."""

import json
import signal
import time

import mrcfile
import numpy as np
import pytest
from PIL import Image

from engine.io.star import read_star, write_star
from tui.cli.parser import build_parser
from tui.ctf_rings import RESOLUTIONS


def test_the_job_list_names_aliases_and_states(shell):
    out = shell("jobs").out
    assert "Import/job001" in out
    assert "LoG" in out
    assert "succeeded" in out
    assert "\x1b" not in out


def test_the_job_list_as_json_holds_what_a_script_needs(shell):
    answer = shell.json("jobs")
    by_alias = {job["alias"]: job for job in answer["jobs"]}
    assert by_alias["LoG"]["type"] == "autopick"
    assert by_alias["LoG"]["state"] == "succeeded"
    assert by_alias["LoG"]["reason"]
    assert by_alias["LoG"]["inputs"] == [by_alias["micrographs"]["name"]]
    assert by_alias["fewer"]["state"] == "draft"
    assert answer["version"] == "4.0"


def test_the_list_can_be_narrowed(shell):
    jobs = shell.json("jobs", "--state", "succeeded", "--type", "import")["jobs"]
    assert [job["alias"] for job in jobs] == ["micrographs"]


def test_a_folder_becomes_a_project_once(shell, tmp_path):
    folder = tmp_path / "new one"
    shell("--project", str(folder), "init", "--relion", "3.1")
    pipeline = (folder / "default_pipeline.star").read_text()
    assert shell.json("--project", str(folder), "jobs")["version"] == "3.1"
    again = shell.json("--project", str(folder), "init", "--relion", "5.0")
    assert (folder / "default_pipeline.star").read_text() == pipeline
    assert (again["version"], again["is_new"]) == ("3.1", False)
    shell("--project", str(folder), "init", "--relion", "2.0", code=2)


def test_a_project_is_found_from_a_folder_inside_it(shell):
    inside = shell.project / "AutoPick"
    outside, shell.project = shell.project, inside
    try:
        assert shell.json("jobs")["project"] == str(outside)
    finally:
        shell.project = outside


def test_one_job_is_shown_with_its_options(shell):
    answer = shell.json("show", "LoG")
    assert answer["values"]["log_diam_min"] == "150"
    out = shell("show", "LoG").out
    assert "log_diam_max" in out
    assert "succeeded" in out


def test_statistics_are_those_of_the_job_itself(shell):
    answer = shell.json("stats", "LoG")
    job = shell.project / answer["job"]
    summary = json.loads((job / "summary.json").read_text())
    assert answer["picks_total"] == summary["picks_total"] > 100
    assert answer["picks_total"] == sum(m["picks"] for m in answer["micrographs"])
    assert sum(answer["fom_histogram"]["counts"]) == answer["picks_total"]
    out = shell("stats", "LoG").out
    assert str(answer["picks_total"]) in out
    assert "█" in out


def test_picks_are_scored_against_the_truth(shell):
    score = shell.json("stats", "LoG", "--truth", "truth.star")["score"]
    assert score["recall"] > 0.5
    assert score["precision"] > 0.5


def test_a_truth_that_is_not_there_is_bad_input(shell):
    assert "cannot be read" in shell("stats", "LoG", "--truth", "no", code=2).err


def rgb(image):
    data = image.convert("RGB").tobytes()
    return [tuple(data[i : i + 3]) for i in range(0, len(data), 3)]


def test_a_picture_is_written_as_png_with_its_picks_in_color(shell, tmp_path):
    file = tmp_path / "picks.png"
    answer = shell.json("picture", "LoG", "-o", str(file), "--width", "512")
    with Image.open(file) as image:
        assert image.size == (answer["width"], answer["height"])
        assert 400 <= image.width <= 512
        pixels = rgb(image)
    colored = sum(len(set(pixel)) > 1 for pixel in pixels)
    assert 0.001 < colored / len(pixels) < 0.5


def test_a_picture_without_picks_is_grey(shell, tmp_path):
    file = tmp_path / "grey.png"
    shell("picture", "LoG", "-o", str(file), "--no-picks", "--micrograph", "mic0002")
    with Image.open(file) as image:
        assert all(r == g == b for r, g, b in rgb(image))


def test_a_power_spectrum_has_its_rings(apart, tmp_path):
    listed = apart.project / "Import/job001/micrographs_ctf.star"
    tables = read_star(listed)
    names = ["spectrum.mrc:mrc"] * len(tables["micrographs"])
    with_images = tables["micrographs"].with_columns({"rlnCtfImage": names})
    write_star(listed, {**tables, "micrographs": with_images})
    with mrcfile.new(apart.project / "spectrum.mrc") as file:
        file.set_data(np.full((128, 128), 7, np.float32))
        file.voxel_size = 2.0
    file = tmp_path / "rings.png"
    words = ("picture", "LoG", "--spectrum", "-o", str(file))
    assert "edge 4.0 Å" in apart.json(*words)["picture"]
    with Image.open(file) as image:
        marks = np.array(image.convert("RGB")).astype(int)
        binning = 128 / image.width
    rows, columns = np.nonzero((marks == RESOLUTIONS[1][1]).all(axis=2))
    radius = np.hypot(columns + 0.5 - image.width / 2, rows + 0.5 - image.height / 2)
    assert len(radius) > 10
    assert np.abs(radius * binning - 128 * 2.0 / RESOLUTIONS[1][0]).max() < 2.0


def test_a_picture_in_a_pipe_is_letters_alone(shell):
    out = shell("picture", "LoG", "--width", "60").out
    assert "\x1b" not in out
    assert max(len(line) for line in out.splitlines()[1:]) <= 60
    assert "o" in out


def test_a_micrograph_that_is_not_there_is_bad_input(shell):
    assert "1 to 5" in shell("picture", "LoG", "--micrograph", "99", code=2).err


def test_an_unknown_key_is_refused_before_anything_is_made(shell):
    before = shell.states()
    answer = shell.json("new", "autopick", "--set", "log_diam_mni=1", code=2)
    assert answer["exit_code"] == 2
    assert "log_diam_min (Min. diameter" in answer["error"]
    assert shell.states() == before


@pytest.mark.parametrize("value", ["wide", "", "nan"])
def test_a_value_that_is_no_number_is_refused_before_anything_is_made(shell, value):
    before = shell.states()
    shell("new", "autopick", "--set=do_log=Yes", f"--set=log_diam_min={value}", code=2)
    if value:  # also where it has no effect; nothing at all is allowed there
        shell("new", "autopick", f"--set=log_diam_min={value}", code=2)
    assert shell.states() == before


def test_a_job_cannot_run_without_its_input(shell):
    before = shell.states()
    empty = "fn_input_autopick="
    said = shell("new", "autopick", "--set", empty, "--run", code=2).err
    assert "fn_input_autopick" in said
    assert said.count("\n") == 1
    assert shell.states() == before


def test_a_preview_shows_the_commands_and_makes_nothing(shell):
    before = shell.states()
    out = shell("new", "autopick", "--from", "LoG", "--preview").out
    assert "log_diam_min" in out
    assert "engine run" in out
    assert shell.states() == before


def test_a_new_job_has_the_forms_defaults_unless_the_last_values_are_wanted(apart):
    words = ("new", "autopick", "--preview")
    for more, wanted in (((), "200"), (("--last",), "150")):
        said = apart.json(*words, *more)["job.star"]
        row = next(line for line in said.splitlines() if "log_diam_min" in line)
        assert row.split()[1] == wanted


def test_a_copy_with_another_threshold_runs_and_picks_fewer(shell):
    answer = shell.json(
        *("new", "autopick", "--from", "LoG", "--alias", "strict"),
        *("--set", "log_adjust_thr=1", "--run", "--wait"),
    )
    assert [job["state"] for job in answer["jobs"]] == ["succeeded"]
    strict, log = shell.json("stats", "strict"), shell.json("stats", "LoG")
    assert 0 < strict["picks_total"] < log["picks_total"]
    compared = shell.json("compare", "LoG", "strict")
    assert compared["options"] == {"log_adjust_thr": ["0", "1"]}
    assert compared["numbers"]["picks_total"] == [
        log["picks_total"],
        strict["picks_total"],
    ]


def test_a_draft_is_edited_by_words_and_in_an_editor(shell):
    shell("new", "autopick", "--from", "LoG", "--alias", "edited")
    shell("edit", "edited", "--set", "log_maxres=30")
    assert shell.json("show", "edited")["values"]["log_maxres"] == "30"
    editor = {"EDITOR": "sed -i 's/^log_maxres = .*/log_maxres = 25/'"}
    assert "log_maxres = 25" in shell("edit", "edited", environment=editor).out
    assert shell.json("show", "edited")["values"]["log_maxres"] == "25"
    wrong = {"EDITOR": "sed -i 's/^log_maxres = .*/log_maxres = soft/'"}
    assert "log_maxres" in shell("edit", "edited", environment=wrong, code=2).err
    assert shell.json("show", "edited")["values"]["log_maxres"] == "25"
    shell("delete", "edited", "--yes")
    assert shell("show", "edited", code=2).err.startswith("cryodeck: edited: no such")


def test_a_job_that_ran_is_not_edited_but_continued(shell):
    assert "cryodeck continue" in shell("edit", "LoG", "--set", "angpix=1", code=2).err


def test_continuing_keeps_what_is_whole(shell):
    job = shell.project / shell.json("show", "LoG")["name"]
    files = sorted(job.rglob("*_autopick.star"))
    assert files
    removed, kept = files[0], files[1:]
    times = [file.stat().st_mtime_ns for file in kept]
    text = removed.read_text()
    removed.unlink()
    shell("continue", "LoG", "--wait")
    assert removed.read_text() == text
    assert [file.stat().st_mtime_ns for file in kept] == times


def test_a_job_of_which_nothing_worked_fails_with_its_reason(shell):
    (shell.project / "gone.star").write_text(
        (shell.project / "micrographs_ctf.star").read_text().replace("mic0", "gone0")
    )
    shell(
        *("new", "import", "--alias", "gone", "--set", "do_raw=No"),
        *("--set", "do_other=Yes", "--set", "fn_in_other=gone.star"),
        *("--set", "node_type=Micrographs STAR", "--run", "--wait"),
    )
    source = shell.json("show", "Import/gone")["name"] + "/gone.star"
    answer = shell.json(
        *("new", "autopick", "--from", "LoG", "--alias", "nothing", "--run", "--wait"),
        *("--set", f"fn_input_autopick={source}"),
        code=1,
    )
    assert answer["jobs"][0]["state"] == "failed"
    assert "gone" in shell("log", "nothing", "--err").out
    shell("wait", "nothing", code=1)


def test_control_characters_in_a_log_never_reach_the_terminal(shell):
    job = shell.project / shell.json("show", "LoG")["name"]
    with (job / "run.out").open("ab") as file:
        file.write(b"evil \x1b[31m \x9b \x07 done\n")
    out = shell("log", "LoG").out
    assert "evil" in out
    assert not any(ord(c) < 32 and c not in "\n\t" for c in out)
    assert "\x9b" not in out


def test_the_last_lines_of_a_log_can_be_asked_for(shell):
    whole = shell("log", "LoG").out.splitlines()
    assert shell("log", "LoG", "-n", "2").out.splitlines() == whole[-2:]


def test_lines_and_the_first_error_of_a_log_are_looked_for_where_it_lies(shell):
    name = shell.json("show", "LoG")["name"]
    log = shell.project / name / "run.out"
    before = log.read_text(errors="replace")
    log.write_text("needle one\nnothing\nERROR: disk full\nNeedle two\n")
    try:
        found = shell.json("log", "LoG", "--search", "needle")
        lines = [(line["line"], line["text"]) for line in found["lines"]]
        assert (found["count"], lines) == (2, [(1, "needle one"), (4, "Needle two")])
        few = shell("log", "LoG", "--search", "needle", "--limit", "1")
        assert few.out == "1: needle one\n"
        assert "2 such lines" in few.err
        error = shell.json("log", "LoG", "--first-error")
        assert (error["path"], error["error"]) == (
            f"{name}/run.out",
            "ERROR: disk full",
        )
        assert error["around"][0] == "needle one"
        assert shell.json("log", "LoG", "--first-error", "--err")["error"] is None
        shell("log", "LoG", "--search", "", code=2)
    finally:
        log.write_text(before)


def looks(shell):
    journal = (shell.home / "state/journal.jsonl").read_text().splitlines()
    return [line for line in journal if '"overview.' in line]


def test_waiting_can_be_left_and_the_job_goes_on(shell):
    shell("--host", "slow", "new", "autopick", "--from", "LoG", "--alias", "slow")
    shell("--host", "slow", "run", "slow")
    before = len(looks(shell))
    waiting = shell.start("--host", "slow", "wait", "slow")
    end = time.monotonic() + 60
    while len(looks(shell)) < before + 2:  # it waits from its second look on
        assert time.monotonic() < end
        time.sleep(0.02)
    assert waiting.poll() is None
    waiting.send_signal(signal.SIGINT)
    _, err = waiting.communicate(timeout=20)
    assert waiting.returncode == 130
    assert "goes on" in err
    assert "Traceback" not in err
    name = shell.json("show", "slow")["name"]
    assert shell.states()[name] in {"running", "queued", "submitting"}
    following = shell.start("--host", "slow", "log", "slow", "-f")
    shell("--host", "slow", "abort", "slow")
    shell("--host", "slow", "wait", "slow", code=3)
    following.communicate(timeout=60)
    assert following.returncode == 3
    assert shell.states()[name] == "aborted"


def test_waiting_for_a_draft_says_how_to_start_it(shell):
    assert "cryodeck run" in shell("wait", "fewer", code=2).err


@pytest.mark.parametrize(
    "words",
    [
        ("run", "fewer"),
        ("new", "import"),
        ("alias", "LoG", "other"),
        ("abort", "LoG"),
        ("note", "LoG", "--text", "x"),
        ("delete", "fewer", "--yes"),
        ("hosts", "remove", "slow"),
    ],
)
def test_read_only_refuses_whatever_changes_something(shell, words):
    before = shell.states()
    assert "--read-only" in shell(*words, "--read-only", code=2).err
    assert shell.states() == before


def test_an_alias_moves_and_goes(shell):
    shell("alias", "fewer", "stricter")
    assert shell.json("show", "stricter")["alias"] == "stricter"
    shell("alias", "stricter", "fewer")
    shell("show", "stricter", code=2)


@pytest.mark.parametrize("alias", ["$(touch owned)", "a;b", "a'b", "../up", "a\nb"])
def test_a_hostile_alias_is_refused_or_kept_as_it_is(shell, alias):
    process = shell.start("alias", "fewer", "--", alias)
    out, err = process.communicate(timeout=60)
    assert process.returncode in {0, 2}, (out, err)
    assert "Traceback" not in err
    assert not list(shell.project.rglob("owned"))
    assert not list(shell.project.parent.glob("owned"))
    if process.returncode == 0:
        jobs = [job for job in shell.json("jobs")["jobs"] if job["state"] == "draft"]
        shell("alias", str(jobs[0]["number"]), "fewer")


def test_some_micrographs_are_kept_as_a_list_of_their_own(shell):
    shell("select-micrographs", "micrographs", "--rows", "2,4", "--alias", "two")
    list_of_two = (shell.project / "Select/two/micrographs.star").read_text()
    assert [f"mic000{i}" in list_of_two for i in (1, 2, 3, 4, 5)] == [0, 1, 0, 1, 0]
    assert "has no classes" in shell("select-classes", "LoG", "--best", "1", code=2).err
    both = ("--classes", "1", "--different")
    assert "--best N" in shell("select-classes", "LoG", *both, code=2).err


def test_a_note_is_written_and_read(shell):
    shell("note", "LoG", "--text", "good threshold")
    assert "good threshold" in shell("note", "LoG").out


def test_marking_changes_the_status_and_back(shell):
    name = shell.json("show", "strict")["name"] if _has(shell, "strict") else "LoG"
    shell("mark", name, "failed")
    assert shell.json("show", name)["state"] == "failed"
    shell("mark", name, "finished")
    assert shell.json("show", name)["state"] == "succeeded"


def _has(shell, alias):
    return any(job["alias"] == alias for job in shell.json("jobs")["jobs"])


def test_cleaning_can_be_tried_without_doing_it(shell):
    answer = shell.json("clean", "LoG", "--harsh", "--dry-run")
    assert answer["dry_run"] is True
    assert not (shell.project / "Trash" / answer["job"]).exists()


def test_a_job_is_deleted_only_when_that_is_confirmed(shell):
    assert "--yes" in shell("delete", "LoG", code=2).err
    assert shell.json("show", "LoG")["state"] == "succeeded"


def test_no_contact_has_an_exit_code_of_its_own(shell):
    shell(
        *("hosts", "add", "away", "--set=host=127.0.0.1", "--set=port=1"),
        *("--set=session=ssh", "--set=connect_timeout_s=5"),
    )
    answer = shell.json("--host", "away", "--project", "/p", "jobs", code=4)
    assert answer["exit_code"] == 4
    shell("hosts", "remove", "away")


@pytest.mark.parametrize(
    "words",
    [
        ("--host", "nowhere", "jobs"),
        ("--project", "/nonexistent", "jobs"),
        ("show", "77"),
        ("wait",),
        ("jobs", "--no-such-option"),
        ("no-such-command",),
        ("picture", "LoG", "--width", "0"),
        ("forms", "autopik"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(shell, words):
    said = shell(*words, code=2)
    assert said.err.startswith("cryodeck: ")
    assert said.err.count("\n") == 1
    assert json.loads(shell(*words, "--json", code=2).out)["exit_code"] == 2


def test_a_reader_that_goes_away_is_no_error(shell):
    process = shell.start("forms", "autopick")
    process.stdout.close()
    process.wait(timeout=30)
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()


def test_profiles_are_added_shown_edited_and_removed(shell):
    shell("hosts", "add", "lab", "--set=host=login1", "--set=port=2222")
    shell(
        "hosts", "edit", "lab", "--set=setup=module load a", "--set=setup=b 'c' \"d\""
    )
    record = shell.json("hosts", "show", "lab")
    assert record["port"] == 2222
    assert record["setup"] == ["module load a", "b 'c' \"d\""]
    assert "lab" in shell("hosts").out
    assert (
        "did you mean host" in shell("hosts", "edit", "lab", "--set=hots=x", code=2).err
    )
    assert "number" in shell("hosts", "edit", "lab", "--set=port=x", code=2).err
    shell("hosts", "edit", "lab", "--set=scheduler=cron", code=2)
    shell("hosts", "remove", "lab")
    assert "lab" not in shell("hosts").out


def test_doctor_examines_this_machine(shell):
    findings = shell.json("doctor", "local")["findings"]
    assert findings
    assert all(f["level"] in {"ok", "warning", "problem"} for f in findings)


def test_a_tab_completes_commands_jobs_types_and_keys(shell):
    def words(*before):
        return shell("completion", "words", "--", *before).out.split()

    assert "jobs" in words("j")
    assert {"LoG", "AutoPick/job002"} <= set(words("show", ""))
    assert words("new", "auto") == ["autopick"]
    assert "log_diam_min=" in words("new", "autopick", "--set", "log_d")
    assert "slow" in words("--host", "")
    assert words("mark", "LoG", "fin") == ["finished"]


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_completion_scripts_hold_the_program(shell, name):
    assert "cryodeck completion words" in shell("completion", name).out


def test_every_command_stands_in_the_documentation(request):
    _, commands = build_parser()
    text = (request.config.rootpath / "docs" / "cli.md").read_text()
    missing = [name for name in commands.by_name if f"`{name}" not in text]
    assert missing == ["completion"]
    assert "cryodeck completion bash" in text


def test_without_contact_the_last_known_project_answers_and_says_when(apart):
    states = apart.states()
    numbers = apart.json("stats", "LoG")
    (apart.project / "default_pipeline.star").rename(apart.project / "away")
    (apart.project / "default_pipeline.star").touch()
    seen = apart.json("--last-seen", "jobs")["jobs"]
    assert {job["name"]: job["state"] for job in seen} == states
    again = apart.json("--last-seen", "stats", "LoG")
    assert again["picks_total"] == numbers["picks_total"]
    assert "as last seen" in apart("--last-seen", "jobs").err
    assert "not looked at before" in apart("--last-seen", "log", "fewer", code=4).err
    assert "not with --last-seen" in apart("--last-seen", "abort", "LoG", code=2).err
