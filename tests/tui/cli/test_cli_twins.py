"""Commands that do what views of the interface do: hunt, next, graph, journal ..."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from tui.cli.completion import _candidates
from tui.cli.manual import all_pages, as_text
from tui.cli.parser import build_parser


def test_the_hunt_predicts_what_a_new_job_picks(apart):
    found = apart.json("hunt", "LoG", "--threshold", "0", "--threshold", "0.6")
    own, higher = found["trials"]
    assert found["unit"] == "sigma"
    assert own["picks"] == found["stored"]
    assert 0 < higher["picks"] < own["picks"]
    assert higher["certainty"] == "exact"
    assert sum(higher["by_micrograph"].values()) == higher["picks"]
    settings = found["command"].split(" --set ")[1:]
    assert "log_adjust_thr=0.6" in settings
    made = apart.json(
        *("new", "autopick", "--from", "AutoPick/LoG", "--run", "--wait"),
        *("--set", "log_adjust_thr=0.6"),
    )
    name = made["jobs"][0]["name"]
    assert apart.json("stats", name)["picks_total"] == higher["picks"]
    assert "is not a picking job" in apart("hunt", "1", "--threshold", "1", code=2).err


def test_what_comes_next_is_listed_and_made(apart):
    found = apart.json("next", "AutoPick/LoG")
    titles = [one["type"] for one in found["next"]]
    assert "extract" in titles
    number = titles.index("extract") + 1
    made = apart.json("next", "AutoPick/LoG", "--take", str(number), "--alias", "mine")
    options = apart.json("show", made["job"], "--all")
    assert apart.states()[made["job"]] == "draft"
    assert "AutoPick/" in json.dumps(options)
    assert "has" in apart("next", "AutoPick/LoG", "--take", "99", code=2).err
    refused = apart("--read-only", "next", "AutoPick/LoG", "--take", "1", code=2)
    assert "--read-only" in refused.err
    assert "makes nothing" in apart("next", made["job"]).out


def test_the_graph_tells_who_feeds_whom(shell):
    whole = shell.json("graph")["jobs"]
    by_name = {one["name"]: one for one in whole}
    picking = shell.json("show", "AutoPick/LoG")["name"]
    assert by_name[picking]["inputs"]
    around = {one["name"] for one in shell.json("graph", picking)["jobs"]}
    assert picking in around
    assert set(by_name[picking]["inputs"]) <= around
    text = shell("graph").out
    assert all(name in text for name in by_name)


def test_the_journal_and_the_queues_are_told(shell):
    found = shell.json("journal", "-n", "5")
    assert len(found["requests"]) == 5
    assert {"t", "cluster", "verb", "ms"} <= set(found["requests"][0])
    assert shell.json("queues") == {"queues": []}
    assert "no queues" in shell("queues").out


def test_statistics_are_written_to_a_file(shell, tmp_path):
    shell("stats", "AutoPick/LoG", "-o", str(tmp_path / "a.csv"))
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert lines[0] == "table,row,column,value"
    shell("stats", "AutoPick/LoG", "-o", str(tmp_path / "a.json"))
    written = json.loads((tmp_path / "a.json").read_text())
    assert written["picks_total"] == shell.json("stats", "AutoPick/LoG")["picks_total"]
    assert "neither" in shell("stats", "AutoPick/LoG", "-o", "a.txt", code=2).err


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--region", "1,2,3", "write X,Y,W,H"),
        ("--region", "1,2,0,3", "no area"),
        ("--colors", "red", "write RED,BLUE"),
        ("--color-file", "nowhere.star", "no table of particles"),
    ],
)
def test_wrong_options_of_a_picture_are_told(shell, tmp_path, option, value, says):
    words = ("picture", "AutoPick/LoG", "-o", str(tmp_path / "p.png"))
    assert says in shell(*words, option, value, code=2).err


def test_a_picture_may_be_a_part_with_some_of_the_picks(shell, tmp_path):
    file = tmp_path / "p.png"
    words = ("picture", "AutoPick/LoG", "-o", str(file), "--width", "200")
    found = shell.json(*words, "--region", "10,20,100,80", "--colors", "0,1")
    assert (found["width"], found["height"]) == (100, 80)
    some = shell.json(*words, "--threshold", "1e9")["picture"]
    assert ", 0 of " in some
    assert file.read_bytes().startswith(b"\x89PNG")


async def test_every_option_of_every_command_is_completed_and_in_the_manual():
    _, commands = build_parser()
    far = SimpleNamespace(cluster=lambda: SimpleNamespace(session="ssh"))
    manual = {page.name: as_text(page) for page in all_pages()}
    assert len(commands.by_name) > 35
    for name, command in commands.by_name.items():
        options = [o for o in command._option_string_actions if o.startswith("--")]
        offered = await _candidates(far, [name])
        assert set(options) <= set(offered), name
        page = manual[f"cryodeck-{name}"]
        assert [option for option in options if option not in page] == [], name
    assert await _candidates(far, ["picture", "x", "--sort"]) == [
        *("distribution", "accuracy", "resolution", "number", "score")
    ]


def test_what_starting_would_do_is_said_without_doing_it(apart):
    form = apart.project / "AutoPick/LoG/job.star"
    before, states = form.read_text(), apart.states()
    words = ("continue", "LoG", "--set", "log_adjust_thr=1")
    told = apart.json(*words, "--dry-run")["would"]
    assert told.startswith("Nothing is left to do: all 5 micrographs are picked")
    assert "What was changed (Adjust default threshold" in told
    assert "without any effect" in told
    assert form.read_text() == before
    told = apart.json("run", "fewer", "--dry-run")["would"]
    assert told.startswith("Runs from the start in AutoPick/job003")
    assert apart.states() == states
