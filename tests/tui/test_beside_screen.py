"""Two classifications side by side: pairs, one large, the other way round."""

from __future__ import annotations

from textual.pilot import Pilot

from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, open_job, screen_text, seen, until
from tui.screens.beside import BesideScreen
from tui.widgets.large_view import LargeView

FIRST, SECOND = "Class2D/job008", "Class2D/job015"


async def opened(pilot: Pilot[int]) -> BesideScreen:
    await open_job(pilot, FIRST, "pictures")
    await seen(pilot, "25.0%")
    await pilot.press("B")
    await seen(pilot, "beside", SECOND)
    await pilot.press("enter")
    await seen(pilot, "1 → 2 80%")
    screen = pilot.app.screen
    assert isinstance(screen, BesideScreen)
    return screen


async def test_every_class_stands_beside_the_one_that_holds_most_of_it() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        screen = await opened(pilot)
        assert ("class_overlap", FIRST, SECOND) in space.calls
        tiles = screen.view.tiles
        assert {tile["caption"] for tile in tiles} >= {"1 → 2 80%", "11 → 12 80%"}
        assert "12 → none" in {tile["caption"] for tile in tiles}
        assert all(tile["width"] == 2 * tile["height"] + 2 for tile in tiles)
        await seen(pilot, f"{FIRST} → {SECOND}", "660 particles in both, by image")


async def test_a_pair_is_told_about_and_shown_large() -> None:
    async with interface(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        here = screen.view.current
        assert here is not None
        await pilot.press("s")  # by overlap
        await seen(pilot, "by overlap")
        await pilot.press("s", "s")  # by number
        await seen(pilot, "class 1: 11 particles; of 10 in both 80 % in class 2")
        await pilot.press("enter")
        await seen(pilot, "80 % of the first's in both", "8 in both", "20 % in class 3")
        large = screen.query_one(LargeView)
        await until(pilot, lambda: len(large.tiles) == 2)
        await pilot.press("right")
        await seen(pilot, "class 3", "16 in both")
        await pilot.press("escape")
        await until(pilot, lambda: screen.view.display)
        assert "80 % of the first" not in screen_text(pilot)


async def test_it_is_turned_round() -> None:
    async with interface(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        await pilot.press("x")
        await seen(pilot, f"{SECOND} → {FIRST}")
        captions = {tile["number"]: tile["caption"] for tile in screen.view.tiles}
        # class 3 holds 16 of 20 of class 2 and 2 of class 1
        assert captions[3] == "3 → 2 89%"
        assert captions[1] == "1 → 11 100%"


async def test_statistics_tell_class_by_class() -> None:
    async with interface(size=(120, 40)) as pilot:
        await open_job(pilot, FIRST, "statistics")
        await seen(pilot, "Class distribution")
        await pilot.press("c")
        await seen(pilot, SECOND)
        await pilot.press("enter")
        await seen(pilot, "Class by class", "adjusted Rand", "of that")
        await pilot.press("c")
        await seen(pilot, "this job alone")
        await pilot.press("end", "enter")
        await until(pilot, lambda: "Class by class" not in screen_text(pilot))


async def test_what_cannot_be_compared_is_said() -> None:
    class Refusing(FakeWorkspace):
        async def class_overlap(self, *names: str, **more: object) -> dict[str, object]:
            from remote.errors import BadRequestError

            raise BadRequestError("Class2D/job015: no iteration has put particles")

    async with interface(Refusing(), size=(80, 24)) as pilot:
        await open_job(pilot, FIRST, "pictures")
        await seen(pilot, "25.0%")
        await pilot.press("B", "enter")
        await seen(pilot, "no iteration has put particles")
