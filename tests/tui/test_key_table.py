"""One key, one meaning: what acts on a job, and what would hide another key."""

from __future__ import annotations

import pytest
from textual.widgets import OptionList

from remote.views import Link, LinkState
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui import keys
from tui.screens.hand import HandScreen
from tui.screens.hunt import HuntScreen
from tui.screens.jobs import JobsScreen
from tui.screens.keep_classes import KeepClasses
from tui.screens.keys_help import KeysHelp
from tui.screens.stack import StackScreen
from tui.widgets.bars import TopBar

#: what can be done to a job, from the list as from its own screen, by the same key
ON_A_JOB = {
    "alias": "a",
    "abort": "A",
    "go_on": "G",
    "clone": "Y",
    "difference": "d",
    "next_job": "x",
    "by_hand": "P",
    "hunt": "H",
    "stack": "T",
    "notebook": "M",
}
#: views that are on the screen together, from the outside to the focused part
TOGETHER = [
    ("app", "clusters"),
    ("app", "jobs", "list"),
    ("app", "graph", "tree"),
    ("app", "difference"),
    ("app", "job", "form", "field"),
    ("app", "job", "preview"),
    ("app", "job", "log", "lines"),
    ("app", "job", "statistics"),
    ("app", "job", "pictures", "picture"),
    ("app", "job", "gallery", "tiles"),
    ("app", "job", "gallery", "large"),
    ("app", "beside", "tiles"),
    ("app", "beside", "large"),
    ("app", "hand", "ticks"),
    ("app", "pick", "picks"),
    ("app", "stack", "tiles"),
    ("app", "stack", "large"),
    ("app", "hunt", "picture"),
    ("app", "notebook"),
    ("app", "queues"),
    ("app", "journal"),
    ("app", "about"),
    ("app", "beside"),
]
#: keys whose inner meaning hides an outer one, on purpose: (inner view, key)
HIDES = {
    ("lines", "G"): "the end of a log, as in every pager",
    ("lines", "k"): "up, as in every pager; Y copies there too",
    ("log", "escape"): "only while a search goes on",
    ("large", "escape"): "leaves the large picture first",
    ("large", "n"): "the next picture, here of one class",
    ("large", "p"): "the picture before",
    ("tiles", "a"): "all of the marks",
    ("pictures", "d"): "the circles' diameter, as where one picks by hand",
    ("field", "ctrl+z"): "the field's default: what was typed last is undone first",
    ("picture", "ctrl+left"): "the picture moves",
    ("picture", "ctrl+right"): "the picture moves",
    ("picture", "left"): "the hunt has no focus in its picture",
    ("picture", "right"): "the hunt has no focus in its picture",
    ("picture", "up"): "the hunt has no focus in its picture",
    ("picture", "down"): "the hunt has no focus in its picture",
}
#: keys that mean one thing wherever they are bound at all
EVERYWHERE = {
    "question_mark": {"help"},
    "slash": {"filter", "search"},
    "n": {
        "new job",
        "next",
        "next match",
        "next page",
        "next class",
        "next micrograph",
    },
    "plus": {"zoom in", "bigger"},
    "minus": {"zoom out", "smaller"},
    "c": {"new job with this form", "compare with", "more contrast"},
    "C": {"clean up", "less contrast"},
    "r": {"refresh", "ask again", "tick from the last one to here"},
    "S": {"save selected classes", "select marked", "save"},
    "u": {"undo", "unmark all", "back to the job's own values"},
    "v": {"logs of running jobs", "red and blue value", "invert marks", "invert"},
    "D": {"delete", "forget the profile", "remove all picks"},
}


def _bound(view: str) -> dict[str, tuple[str, str]]:
    return {
        key: (binding.action, binding.description)
        for binding in keys.class_of(view).BINDINGS
        for key in binding.key.split(",")
    }


def _action(view: str, name: str) -> set[str]:
    words = {name, f"at_once('{name}')"}
    return {key for key, (action, _) in _bound(view).items() if action in words}


@pytest.mark.parametrize(("name", "key"), ON_A_JOB.items())
def test_what_is_done_to_a_job_has_one_key_in_the_list_and_on_its_screen(
    name: str, key: str
) -> None:
    assert key in _action("jobs", name)
    assert key in _action("job", name)


def test_no_key_hides_another_that_is_not_listed() -> None:
    hidden = set()
    for views in TOGETHER:
        outer: dict[str, tuple[str, str]] = {}
        for view in views:
            for key, meaning in _bound(view).items():
                if outer.get(key, meaning) != meaning:
                    hidden.add((view, key))
                outer[key] = meaning
    assert hidden == set(HIDES)


def test_every_view_is_looked_at() -> None:
    assert {view for views in TOGETHER for view in views} == set(keys.VIEWS)


@pytest.mark.parametrize(("key", "meanings"), EVERYWHERE.items())
def test_a_key_means_the_same_sort_of_thing_everywhere(
    key: str, meanings: set[str]
) -> None:
    found = {
        bound[key][1]
        for bound in map(_bound, keys.VIEWS)
        if key in bound and bound[key][1]
    }
    assert found == meanings


@pytest.mark.parametrize(
    ("job", "key", "kind"),
    [
        ("ManualPick/job005", "P", HandScreen),
        ("AutoPick/job006", "H", HuntScreen),
        ("Extract/job007", "T", StackScreen),
    ],
)
async def test_the_list_opens_what_the_jobs_own_key_opens(
    job: str, key: str, kind: type, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    monkeypatch.setenv("CRYODECK_STATE_HOME", str(tmp_path / "state"))
    async with interface(size=(120, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        screen.table.go_to_job(job)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(pilot.app.screen, kind))


async def test_the_list_takes_up_a_next_job_and_says_why_it_cannot() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        screen.table.go_to_job("AutoPick/job006")
        await pilot.press("x")
        await seen(pilot, "Next", "Extract")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        screen.table.go_to_job("Class2D/job008")
        await pilot.press("H")
        await seen(pilot, "only picking jobs have a threshold")


async def test_continue_can_be_reached_from_the_list() -> None:
    async with interface(size=(120, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        screen.table.go_to_job("AutoPick/job006")
        await pilot.press("G")
        await seen(pilot, "AutoPick/job006", "Continue")
        assert pilot.app.screen is not screen


@pytest.mark.parametrize("views", [one for one in TOGETHER if "job" not in one[:2]])
def test_the_manual_names_every_key_of_a_view(views: tuple[str, ...]) -> None:
    named = dict(keys.keys_by_view())
    for view in views:
        said = {description for _, description in named.get(view, [])}
        own = {b.description for b in keys.class_of(view).BINDINGS}
        assert {one for one in own if one[:1].islower()} == said


async def test_help_names_every_key_that_works_in_a_view() -> None:
    async with interface(size=(100, 50)) as pilot:
        below = pilot.app.screen
        expected = {
            active.binding.description
            for active in below.active_bindings.values()
            if active.enabled and active.binding.description[:1].islower()
        }
        assert len(expected) > 20
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(pilot.app.screen, KeysHelp))
        listed = pilot.app.screen.query_one("#keys", OptionList).options
        text = "\n".join(str(option.prompt) for option in listed)
        assert {one for one in expected if one not in text} == set()
        assert "Keys here" in screen_text(pilot)


async def test_with_the_mouse_alone_one_takes_an_action_and_comes_back() -> None:
    async with interface(size=(100, 50)) as pilot:
        jobs = pilot.app.screen
        await pilot.click("KeyBar", offset=(95, 0))  # ? help
        await until(pilot, lambda: isinstance(pilot.app.screen, KeysHelp))
        keys_help = pilot.app.screen
        listed = keys_help.query_one("#keys", OptionList)
        prompts = [str(option.prompt) for option in listed.options]
        row = next(i for i, text in enumerate(prompts) if "job graph" in text)
        await pilot.click("#keys", offset=(25, row))
        await seen(pilot, "job graph")
        await pilot.click("TopBar", offset=(3, 0))  # cryodeck › hpc1 › ...
        await until(pilot, lambda: pilot.app.screen is jobs)
        await pilot.press("n")
        await seen(pilot, "Choose classes, micrographs or subsets")
        await pilot.click(offset=(1, 1))  # beside the dialog
        await until(pilot, lambda: pilot.app.screen is jobs)


async def test_the_top_line_is_true_when_one_comes_back_to_a_view() -> None:
    async with interface(size=(100, 30)) as pilot:
        jobs = pilot.app.screen
        bar = jobs.query_one(TopBar)
        await pilot.press("enter")
        await seen(pilot, "1 Overview")
        pilot.app.bridge.link = Link(state=LinkState.OFFLINE, reason="for a test")
        bar._tick()  # as every second
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is jobs)
        assert "offline" in screen_text(pilot)  # at once


async def test_a_click_on_the_bottom_line_does_what_a_pane_binds() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, "Class2D/job008", "pictures")
        await seen(pilot, "25.0%", "S save selected classes")
        await pilot.press("space")
        line = screen_text(pilot).splitlines()[-1]
        await pilot.click("KeyBar", offset=(line.index("S save") + 4, 0))
        await until(pilot, lambda: isinstance(pilot.app.screen, KeepClasses))
