"""The job list: what it shows, and what survives a refresh."""

from __future__ import annotations

from dataclasses import replace

import pytest

from remote.views import JobState
from tests.support.fake_workspace import FakeWorkspace, many_jobs
from tests.support.interface import interface, screen_text, seen, until
from tui.screens.jobs import JobsScreen
from tui.widgets.job_table import JobTable

SIZES = [(80, 24), (120, 40), (200, 50)]


@pytest.mark.parametrize("size", SIZES)
async def test_every_job_stands_with_its_verdict(size: tuple[int, int]) -> None:
    async with interface(size=size) as pilot:
        await seen(pilot, "AutoPick/job012", "Running", "11/24", "Out of memory")
        assert "templates4autopick" in screen_text(pilot)


async def test_text_of_the_cluster_is_neither_markup_nor_an_escape_sequence() -> None:
    async with interface(size=(120, 40)) as pilot:
        await seen(pilot, "[red]nobody[/] knows it any more·[31m")
        assert "\x1b" not in screen_text(pilot)


async def test_the_cursor_stays_on_its_job_and_its_line_when_jobs_are_added() -> None:
    space = FakeWorkspace(jobs=many_jobs(200))
    async with interface(space) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        table = screen.table
        for _ in range(30):
            await pilot.press("j")
        name = table.current.name if table.current else ""
        place = table.cursor - table.scroll_offset.y
        newest = max(space.jobs.values(), key=lambda row: row.number)
        for number in (901, 902, 903):
            row = replace(newest, number=number, name=f"Import/job{number}")
            space.jobs[row.name] = row
        pilot.app.bridge.refresh()
        await until(pilot, lambda: len(table.rows) == 203)
        await pilot.pause(0.1)
        assert table.current is not None
        assert table.current.name == name
        assert table.cursor - table.scroll_offset.y == place


async def test_the_filter_takes_words_and_words_to_leave_out() -> None:
    async with interface() as pilot:
        await pilot.press("slash", *"relion.autopick", "space", *"!job012", "enter")
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        names = [row.name for row in screen.table.rows]
        assert names == ["AutoPick/job011", "AutoPick/job010", "AutoPick/job006"]
        await pilot.press("escape")
        assert len(screen.table.rows) == 15


async def test_sorting_goes_through_the_orders() -> None:
    async with interface() as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        assert screen.table.rows[0].number == 15
        await pilot.press("s")
        assert screen.table.rows[0].number == 1
        await pilot.press("s", "s")
        assert screen.table.rows[0].verdict.state in {
            JobState.RUNNING,
            JobState.QUEUED,
        }


async def test_a_lost_link_freezes_the_list_and_says_so() -> None:
    space = FakeWorkspace()
    async with interface(space) as pilot:
        space.cut()
        pilot.app.bridge.refresh()
        await seen(pilot, "Link lost", "link lost, next try in", "AutoPick/job012")
        space.mend()
        await until(pilot, lambda: "Link lost" not in screen_text(pilot))


async def test_verbs_are_gone_when_one_may_only_look() -> None:
    async with interface(read_only=True) as pilot:
        await seen(pilot, "read-only")
        assert "new job" not in screen_text(pilot)
        await pilot.press("n")
        assert isinstance(pilot.app.screen, JobsScreen)


async def test_a_job_that_ends_rings() -> None:
    space = FakeWorkspace(step_s=0.01)
    async with interface(space) as pilot:
        space._change("AutoPick/job012", JobState.SUCCEEDED, "finished in 6 min")
        pilot.app.bridge.refresh()
        await seen(pilot, "finished in 6 min")
        assert any("job012" in n.message for n in pilot.app._notifications)


async def test_abort_asks_first() -> None:
    space = FakeWorkspace()
    async with interface(space) as pilot:
        await pilot.press("j", "j", "j", "A")
        await seen(pilot, "Abort AutoPick/job012?")
        await pilot.press("escape")
        assert not space.calls
        await pilot.press("A", "enter")
        await until(pilot, lambda: ("abort", "AutoPick/job012") in space.calls)
        await until(
            pilot,
            lambda: any(
                n.message == "AutoPick/job012: cancelled with the scheduler"
                for n in pilot.app._notifications
            ),
        )


async def test_cleaning_shows_what_would_go_before_it_goes() -> None:
    space = FakeWorkspace()
    async with interface(space) as pilot:
        await pilot.press("C")
        await seen(pilot, "Gentle clean")
        await pilot.press("enter")
        await seen(pilot, "123.5 MB", "2 files")
        assert space.calls == [("clean", "Class2D/job015", False, True)]
        await pilot.press("enter")
        await until(
            pilot, lambda: ("clean", "Class2D/job015", False, False) in space.calls
        )


async def test_an_alias_is_given_by_one_line() -> None:
    space = FakeWorkspace()
    async with interface(space) as pilot:
        await pilot.press("a", *"first_try", "enter")
        await until(
            pilot, lambda: ("set_alias", "Class2D/job015", "first_try") in space.calls
        )
        await seen(pilot, "first_try")


async def test_one_comes_back_from_a_job_to_its_line_also_if_it_is_new() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        await pilot.press("j", "j")
        third = screen.table.current
        await pilot.press("enter", "k")  # a copy of it
        await seen(pilot, "new ")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: "create" in [call[0] for call in space.calls])
        await pilot.press("escape", "escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert third is not None
        await until(pilot, lambda: len(screen.table.rows) == len(space.jobs))
        assert screen.table.current is not None
        assert screen.table.current.name == third.name
        newest = max(space.jobs.values(), key=lambda row: row.number)
        screen.open_job(newest, "overview")
        await seen(pilot, f"{newest.name}")
        await pilot.press("a", *"fresh", "enter")  # from the job's own view
        await until(pilot, lambda: ("set_alias", newest.name, "fresh") in space.calls)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is screen)
        current = screen.table.current
        assert current is not None
        assert current.name == newest.name
        late = replace(newest, name="AutoPick/job900", number=900)
        screen.table.go_to_job(late.name)  # it is not in the list yet
        space.jobs[late.name] = late
        pilot.app.bridge.refresh()
        await until(pilot, lambda: screen.table.current == late)


async def test_help_names_the_keys_of_the_view_and_the_palette_its_actions() -> None:
    async with interface(size=(100, 40)) as pilot:
        await pilot.press("question_mark")
        await seen(pilot, "Keys here", "filter", "mark finished or failed")
        await pilot.press("escape", "ctrl+p")
        await pilot.pause(0.2)
        await pilot.press(*"mark fin")
        await seen(pilot, "Mark finished or failed")


async def test_nothing_is_said_of_the_jobs_before_the_project_was_read() -> None:
    table = JobTable()
    assert table.words_of_an_empty_list() == ""
    table.show_rows([])
    assert table.words_of_an_empty_list() == "No jobs yet. n starts the first: Import."
    table.show_rows(many_jobs(2))
    table.filter_by("nobody has this")
    assert "Esc clears the filter" in table.words_of_an_empty_list()
