"""Every job's form renders, is checked, and keeps its values."""

from __future__ import annotations

import pytest
from textual.widget import AwaitMount, Widget

from engine.jobs.job import Job
from engine.jobs.registry import FORMS
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, screen_text, seen, until
from tui.forms.fields import Line
from tui.forms.form import FormPane
from tui.screens.job import JobScreen


@pytest.mark.parametrize(
    ("key", "version"),
    [(key, "4.0") for key in FORMS]
    + [
        pytest.param(key, version, marks=pytest.mark.slow)
        for key in FORMS
        for version in ("3.1", "5.0")
    ],
)
async def test_every_form_shows_every_field_and_keeps_its_values(
    key: str, version: str
) -> None:
    space = FakeWorkspace(version=version)
    async with interface(space, size=(120, 40)) as pilot:
        app = pilot.app
        cluster = app.bridge.cluster
        assert cluster is not None
        await app.push_screen(JobScreen(cluster, space.project, None, new_type=key))
        await until(pilot, lambda: app.screen.query("FormPane Field"))
        pane = app.screen.query_one(FormPane)
        job = Job.new(key, version)
        for index, tab in enumerate(job.type.tabs(version)):
            assert pane.current == index
            for option in tab.options:
                assert pane._fields[option.key].value == job.values[option.key]
            await pilot.press("pagedown")
            await pilot.pause()
        assert pane.job == job
        assert Job.from_star(pane.job.to_star(), version=version).values == job.values


async def test_a_wrong_value_is_told_beside_its_field_and_on_its_tab() -> None:
    async with interface() as pilot:
        await pilot.press("n", "4")
        await until(pilot, lambda: pilot.app.screen.query(FormPane))
        pane = pilot.app.screen.query_one(FormPane)
        await pane.go_to_field("angpix")
        await pilot.press("end", *["backspace"] * 2, *"many")
        field = pane._fields["angpix"]
        await until(pilot, lambda: field.has_class("wrong"))
        await seen(pilot, "'many' is not a number", "I/O ✗3")


async def test_a_path_longer_than_its_field_can_be_read() -> None:
    space = FakeWorkspace()
    path = "Select/job012/a_long_name_of_a_list_of_micrographs_of_today.star"
    async with interface(space, size=(80, 24)) as pilot:
        app = pilot.app
        assert app.bridge.cluster is not None
        values = {"fn_input_autopick": path}
        screen = JobScreen(
            app.bridge.cluster, space.project, None, new_type="autopick", values=values
        )
        await app.push_screen(screen)

        def line() -> str:
            lines = screen_text(pilot).splitlines()
            return next((one for one in lines if " Input micrographs for" in one), "")

        await until(pilot, lambda: "of_today.star" in line())
        await screen.query_one(FormPane).go_to_field("angpix")
        await until(pilot, lambda: "Select/job012/a_long" in line())


async def test_what_was_typed_last_is_sent_though_its_message_is_on_its_way() -> None:
    async with interface() as pilot:
        await pilot.press("n", "4")
        await until(pilot, lambda: pilot.app.screen.query(FormPane))
        pane = pilot.app.screen.query_one(FormPane)
        await pane.go_to_field("nr_mpi")
        await until(pilot, lambda: pane._fields["nr_mpi"].query(Line))
        pane._fields["nr_mpi"].query_one(Line).value = "7"
        assert pane.job.text("nr_mpi") == "1"
        pane.action_save()
        assert pane.job.text("nr_mpi") == "7"


async def test_greyed_fields_cannot_be_reached_and_say_why() -> None:
    from tui.forms.help_pane import why_greyed

    async with interface() as pilot:
        await pilot.press("n", "4")
        await until(pilot, lambda: pilot.app.screen.query(FormPane))
        pane = pilot.app.screen.query_one(FormPane)
        field = pane._fields["continue_manual"]
        await until(pilot, lambda: field.editor.disabled)
        why = why_greyed(pane.job, field.option, False)
        assert why == "only when a job is continued"


async def test_a_check_may_come_while_a_tab_is_being_made() -> None:
    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        app = pilot.app
        cluster = app.bridge.cluster
        assert cluster is not None
        screen = JobScreen(cluster, space.project, None, new_type="import")
        await app.push_screen(screen)
        await until(pilot, lambda: app.screen.query("FormPane Field"))
        pane = app.screen.query_one(FormPane)
        body = pane.query_one("#form-body")
        mount = body.mount

        def checked_meanwhile(*widgets: Widget) -> AwaitMount:
            awaitable = mount(*widgets)
            pane.set_values({"fn_in_other": "particles.star"})
            return awaitable

        body.mount = checked_meanwhile  # type: ignore[method-assign,assignment]
        await pilot.press("f9")
        await seen(pilot, "particles.star")


async def test_arrows_go_from_field_to_field_whatever_kind_they_are() -> None:
    async with interface(FakeWorkspace(version="3.1"), size=(120, 40)) as pilot:
        await pilot.press("n", "1")
        await seen(pilot, "key do_raw")
        await pilot.press("down")
        await seen(pilot, "key fn_in_raw")
        await pilot.press("down", "down")
        await seen(pilot, "key optics_group_name")
        await pilot.press("up")
        await seen(pilot, "key is_multiframe")


async def test_run_is_a_button_for_the_mouse() -> None:
    async with interface(FakeWorkspace(version="3.1"), size=(120, 40)) as pilot:
        await pilot.press("n", "4")
        await seen(pilot, "Runs from the start in AutoPick/jobNNN")
        await pilot.click("#run-line", offset=(40, 0))  # its words are none
        await pilot.click("#run-line", offset=(3, 0))
        await seen(pilot, "Input micrographs for autopick: ")  # told what is missing
        assert isinstance(pilot.app.screen, JobScreen)
