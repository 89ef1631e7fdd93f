"""Keys that come in one go reach what the key before them opens."""

from __future__ import annotations

import asyncio

from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input

from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, seen, until
from tui.screens.command_line import CommandLine
from tui.screens.jobs import JobsScreen


def burst(pilot: Pilot[int], *keys: str) -> None:
    """Keys as they come from a terminal in one packet."""
    names = {":": "colon", " ": "space", "\r": "enter"}
    for key in keys:
        char = key if len(key) == 1 and key.isprintable() else None
        pilot.app.post_message(Key(names.get(key, key), char))


async def test_a_command_may_be_pasted_with_the_colon_that_opens_its_line() -> None:
    space = FakeWorkspace()
    async with interface(space) as pilot:
        burst(pilot, *":init 3.1", "enter")
        await until(pilot, lambda: ("begin_project", "3.1") in space.calls)


async def test_the_number_of_a_type_may_follow_at_once() -> None:
    async with interface(size=(120, 40)) as pilot:
        burst(pilot, "n", "4")
        await seen(pilot, "new Auto-picking", "Input micrographs for autopick")


async def test_an_alias_may_be_typed_blindly() -> None:
    space = FakeWorkspace()
    async with interface(space) as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        second = screen.table.rows[1].name
        burst(pilot, "j", "a", *"blind", "enter", "j", "j")
        await until(pilot, lambda: any(call[0] == "set_alias" for call in space.calls))
        assert space.calls == [("set_alias", second, "blind")]
        await until(pilot, lambda: screen.table.cursor == 3)


async def test_keys_stay_in_order_and_none_is_lost() -> None:
    async with interface() as pilot:
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandLine))
        text = "the quick brown fox jumps over the lazy dog" * 3
        burst(pilot, *text)
        field = pilot.app.screen.query_one(Input)
        await until(pilot, lambda: len(field.value) == len(text))
        assert field.value == text


async def test_a_key_whose_effect_takes_long_does_not_hold_the_next_for_ever() -> None:
    async with interface() as pilot:
        screen = pilot.app.screen
        assert isinstance(screen, JobsScreen)
        stuck = asyncio.Event()

        async def slow() -> None:
            await stuck.wait()

        screen.table.call_later(slow)  # what stands behind it in the queue must wait
        burst(pilot, "j", "ctrl+p")  # which is the application's, not the table's
        try:
            for _ in range(200):  # a pilot's own waiting would wait for the stuck one
                if pilot.app.screen is not screen:
                    break
                await asyncio.sleep(0.02)
            assert pilot.app.screen is not screen
        finally:
            stuck.set()
