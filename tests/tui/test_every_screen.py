"""Every screen at three sizes: all of it inside, first and last line in place."""

from __future__ import annotations

import ast
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.screen import ModalScreen, Screen

from remote.prompts import HostKey, Question
from remote.views import Node
from tests.support.contrast import LEAST, contrast_of
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui.palette import THEMES
from tui.screens.prompts import HostKeyDialog, QuestionsDialog
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.job_table import JobTable
from tui.widgets.lines import LinesView

SIZES = [(80, 24), (120, 40), (200, 50)]
THEME_OF = dict(zip(SIZES, THEMES, strict=True))
Way = Callable[[Pilot[int]], Awaitable[None]]


def press(*keys: str) -> Way:
    async def way(pilot: Pilot[int]) -> None:
        await pilot.press(*keys)

    return way


def job(name: str, tab: str, *keys: str, shows: str = "") -> Way:
    async def way(pilot: Pilot[int]) -> None:
        await open_job(pilot, name, tab)
        if shows:
            await seen(pilot, shows)
        await pilot.press(*keys)

    return way


def in_a_new_form(*keys: str) -> Way:
    async def way(pilot: Pilot[int]) -> None:
        await pilot.press("n", "4")
        await seen(pilot, "Input micrographs for autopick", "key fn_input")
        await pilot.press(*keys)

    return way


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40", "200x50"])
@pytest.mark.parametrize("tab", ["overview", "statistics"])
async def test_long_lines_of_a_job_are_wrapped(tab: str, size: tuple[int, int]) -> None:
    space = FakeWorkspace()
    row = space.jobs[PICKED]
    long = "Select/job004/" + 3 * "a_rather_long_name_of_a_file_" + ".star"
    verdict = replace(row.verdict, reason=3 * "killed by the scheduler, ", advice=long)
    outputs = (Node(name=f"{PICKED}/{long}", kind="x", label="X.star.relion.autopick"),)
    space.jobs[PICKED] = replace(
        row, verdict=verdict, outputs=outputs, inputs=(long,), summary=long
    )
    async with interface(space, size=size) as pilot:
        await open_job(pilot, PICKED, tab)
        await seen(pilot, "Finished" if tab == "overview" else "Figure of merit")
        view = next(v for v in pilot.app.screen.query(LinesView) if v.size.height > 5)
        assert view.virtual_size.width <= view.size.width
        assert not view.show_horizontal_scrollbar


async def two_jobs_compared(pilot: Pilot[int]) -> None:
    table = pilot.app.screen.query_one(JobTable)
    table.selected |= {"AutoPick/job006", "AutoPick/job012"}
    await pilot.press("d")


async def classes_beside(pilot: Pilot[int]) -> None:
    await job(CLASSES, "pictures", "B", shows="25.0%")(pilot)
    await seen(pilot, "job008: beside", "Class2D/job015")
    await pilot.press("enter")
    await seen(pilot, "1 → 2 80%")


async def a_host_asks_for_its_key(pilot: Pilot[int]) -> None:
    key = HostKey(
        host="login-node-with-a-long-name.cluster.institute.example.org",
        port=2222,
        type="ecdsa-sha2-nistp256",
        fingerprint="SHA256:" + 43 * "x",
        known_hosts="/home/somebody/with/a/deep/home/.ssh/known_hosts",
    )
    pilot.app.push_screen(HostKeyDialog(key))


async def a_host_asks_questions(pilot: Pilot[int]) -> None:
    """What a site with a long banner and two factors asks, as high as it comes."""
    banner = "\n".join(
        f"{n} Authorized users only. " + 4 * "All is logged. " for n in range(30)
    )
    questions = [
        Question(text="Password: "),
        Question(text="Verification code or one of your emergency codes: "),
        Question(text="Reason for this session: ", is_secret=False),
    ]
    pilot.app.push_screen(QuestionsDialog("hpc1", "Two factors", banner, questions))


async def a_micrograph_to_pick_on(pilot: Pilot[int]) -> None:
    await job(BY_HAND, "overview", "P", shows="Evidence")(pilot)
    await seen(pilot, "20170629_00021")
    await pilot.press("enter")


async def asked_whether_a_picture_is_seen(pilot: Pilot[int]) -> None:
    await job(PICKED, "pictures", "w", shows="picks")(pilot)
    await until(pilot, lambda: type(pilot.app.screen).__name__ == "WhyPictures")
    await pilot.press("enter")


PICKED, CLASSES, BY_HAND = "AutoPick/job006", "Class2D/job008", "ManualPick/job005"
#: class of the screen -> the way to it from the job list
WAYS: dict[str, Way] = {
    "AboutScreen": press("f11"),
    "CommandLine": press("colon"),
    "Confirm": press("A"),
    "Choose": press("C"),
    "AskLine": press("a"),
    "GraphScreen": press("w"),
    "HandScreen": job(BY_HAND, "overview", "P", shows="Evidence"),
    "HuntScreen": job("AutoPick/job011", "overview", "H", shows="What Continue!"),
    "JobScreen": job(PICKED, "form", shows="Laplacian"),
    "JournalScreen": press("f12"),
    "KeysHelp": press("question_mark"),
    "QueuesScreen": press("Q"),
    "NotebookScreen": job(PICKED, "overview", "M", shows="Evidence"),
    "NewJob": press("n"),
    "StackScreen": job("Extract/job007", "overview", "T", shows="Evidence"),
    "Tour": press("colon", *"tour", "enter"),
    "WhyPictures": job(PICKED, "pictures", "w", shows="picks"),
    "DoYouSee": asked_whether_a_picture_is_seen,
    "DifferenceScreen": two_jobs_compared,
    "JobsScreen": press(),
    "FilePicker": in_a_new_form("ctrl+o"),
    "KeepClasses": job(CLASSES, "pictures", "space", "S", shows="25.0%"),
    "BesideScreen": classes_beside,
    "BrowseProjects": press("colon", *"clusters", "enter", "b"),
    "HostKeyDialog": a_host_asks_for_its_key,
    "QuestionsDialog": a_host_asks_questions,
    "PickScreen": a_micrograph_to_pick_on,
    "ClusterForm": press("colon", *"clusters", "enter", "a"),
    "ClustersScreen": press("colon", *"clusters", "enter"),
}


@pytest.mark.parametrize("size", SIZES, ids=["80x24", "120x40", "200x50"])
@pytest.mark.parametrize("name", WAYS)
async def test_a_screen_fits(name: str, size: tuple[int, int]) -> None:
    async with interface(size=size) as pilot:
        pilot.app.theme = THEME_OF[size]
        await seen(pilot, "AutoPick/job012")
        if name == "Confirm":  # of a job that is under way
            await pilot.press("slash", *"job012", "enter")
        await WAYS[name](pilot)
        await until(pilot, lambda: type(pilot.app.screen).__name__ == name)
        await pilot.pause(0.2)
        fits(pilot.app.screen, screen_text(pilot), size)
        assert not hard_to_read(pilot.app.screen)


def hard_to_read(screen: Screen[object]) -> dict[str, float]:
    """Words whose contrast is below what WCAG 2.1 asks, with that contrast."""
    boxes = [screen.region]
    if isinstance(screen, ModalScreen):  # what lies below is meant to be pale
        boxes = [box.region for box in screen.query(".dialog")]
    found = {}
    for y, strip in enumerate(screen._compositor.render_strips()):
        x = 0
        for text, style, _ in strip:
            is_word = any(letter.isalnum() for letter in text)
            if is_word and style and any(box.contains(x, y) for box in boxes):
                contrast = contrast_of(style)
                if contrast < LEAST:
                    found[text.strip()] = contrast
            x += len(text)
    return found


def fits(screen: Screen[object], shown: str, size: tuple[int, int]) -> None:
    """Whether everything lies inside, and the lines above and below are there."""
    lines = shown.splitlines()
    assert len(lines) == size[1]
    assert all(len(line) <= size[0] for line in lines)
    whole = screen.region
    if isinstance(screen, ModalScreen):
        boxes = [*screen.query(".dialog")]
        boxes = boxes or [child for child in screen.children if child.region.area]
        assert boxes
        for box in boxes:
            assert box.region.area
            assert whole.contains_region(box.region), box
            inside = box.query(".dialog-hint, Button, Input")
            hints = [w for w in inside if w.display]
            for hint in hints:
                assert box.region.contains_region(hint.region), hint
                assert hint.region.height, hint
    else:
        top, keys = screen.query_one(TopBar), screen.query_one(KeyBar)
        assert top.region.y == 0
        assert keys.region.bottom == size[1]
        assert lines[0].startswith(" cryodeck ›")
        assert lines[-1].rstrip().endswith("? help")
        for view in screen.query(LinesView):
            assert view.virtual_size.width <= max(view.size.width, 1), view
        others = [w for w in screen.children if w.display and w not in (top, keys)]
        for one in others:
            if one.region.area:
                assert one.region.y >= 1, one
                assert one.region.bottom <= size[1] - 1, one


def test_no_screen_is_forgotten() -> None:
    folder = Path(__file__).parents[2] / "tui" / "screens"
    bases = {}
    for path in folder.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                names = [ast.unparse(base) for base in node.bases]
                bases[node.name] = [name.partition("[")[0] for name in names]

    def is_screen(name: str) -> bool:
        if name in {"Screen", "ModalScreen"}:
            return True
        return any(is_screen(base) for base in bases.get(name, ()))

    parents = {base for of in bases.values() for base in of}
    screens = {name for name in bases if is_screen(name)}
    assert screens >= WAYS.keys()
    assert screens - parents <= WAYS.keys()
