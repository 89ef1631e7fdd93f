"""Messages that stand for some seconds hide nothing that one types in or reads."""

import pytest
from textual.notifications import Notification
from textual.widgets import Input
from textual.widgets._toast import Toast, ToastRack

from tests.support.interface import interface, seen, until
from tui import toasts
from tui.forms.fields import Field
from tui.widgets.job_table import JobTable

LONG = "the cluster says: " + "no room is left on the device, " * 5


async def shown(pilot, words, **more):
    """Have something said, and wait until it stands on the screen."""
    pilot.app.notify(words, markup=False, timeout=600, **more)
    await until(pilot, lambda: pilot.app.screen.query(Toast))
    await until(pilot, lambda: all(t.region for t in pilot.app.screen.query(Toast)))
    await pilot.pause()
    return [toast.region for toast in pilot.app.screen.query(Toast)]


@pytest.mark.parametrize("words", ["job012 is kept as a draft", LONG])
async def test_in_a_small_form_a_message_covers_no_field(words):
    async with interface(size=(80, 24)) as pilot:
        await pilot.press("n", "4")
        await seen(pilot, "Input micrographs for autopick", "Run!")
        [region] = await shown(pilot, words, severity="error")
        fields = [f for f in pilot.app.screen.query(Field) if f.region]
        assert len(fields) > 4
        assert not [f for f in fields if f.region.overlaps(region)]
        assert region.right == 80
        assert region.bottom <= 4
        assert region.height == (1 if words != LONG else 3)


async def test_where_one_types_at_the_top_it_stands_below():
    async with interface(size=(80, 24)) as pilot:
        top = Input(id="at-the-top")
        await pilot.app.screen.mount(top, before=0)
        [region] = await shown(pilot, "words")
        assert region.y < 2
        top.focus()
        await until(pilot, lambda: pilot.app.focused is top)
        [*_, region] = await shown(pilot, "more words")
        rack = pilot.app.screen.query_one(ToastRack)
        await until(pilot, lambda: rack.has_class("-low"))
        said = list(pilot.app.screen.query(Toast))
        await until(pilot, lambda: all(toast.region.y > 10 for toast in said))


@pytest.mark.parametrize(("seconds", "is_gone"), [(-1e9, True), (1e9, False)])
async def test_the_next_key_takes_away_what_was_read(monkeypatch, seconds, is_gone):
    monkeypatch.setattr(toasts, "AT_LEAST_S", seconds)
    async with interface() as pilot:
        await shown(pilot, "words")
        before = pilot.app.screen.query_one(JobTable).cursor
        await pilot.press("j")
        table = pilot.app.screen.query_one(JobTable)
        await until(pilot, lambda: table.cursor == before + 1)
        if is_gone:
            await until(pilot, lambda: not pilot.app.screen.query(Toast))
        assert bool(pilot.app._notifications) is not is_gone


def test_longer_messages_stand_longer():
    short = Notification("saved", raised_at=100.0)
    long = Notification(LONG, raised_at=100.0)
    assert not toasts.was_read(short, 100.5)
    assert toasts.was_read(short, 102.0)
    assert not toasts.was_read(long, 102.0)
    assert toasts.was_read(long, 115.0)
