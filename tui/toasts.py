"""Words that stand for some seconds: at the top, never over what has the focus.

Forms, lists and logs end at the bottom, where one types and reads; the first rows only
say where one is. Once there was time to read it, the next key takes a message away.
"""

from __future__ import annotations

import time
from typing import Any

from textual.app import App, ReturnType
from textual.css.query import NoMatches
from textual.events import Event, Key
from textual.geometry import Region
from textual.notifications import Notification
from textual.widget import Widget
from textual.widgets._toast import Toast, ToastRack

LETTERS_PER_S = 25.0  # as fast as people read
AT_LEAST_S = 1.0
COLUMNS = 70  # at least, of a line of a message


class Toasts(App[ReturnType]):
    """An application whose messages are out of the way."""

    async def on_event(self, event: Event) -> None:
        """Take away what was read, before the key has its effect."""
        is_key = isinstance(event, Key) and not event.is_forwarded
        if is_key and self._notifications:
            self._take_away_read()
        await super().on_event(event)
        if is_key and self._notifications:  # the focus may be elsewhere now
            self.call_after_refresh(self._place)

    def _refresh_notifications(self) -> None:
        super()._refresh_notifications()
        if self._notifications:
            self.call_after_refresh(self._place)

    def _take_away_read(self) -> None:
        for toast in self.screen.query(Toast):
            if was_read(toast._notification, time.time()):
                toast._expire()

    def _place(self) -> None:
        """To the top, or above the keys where the focus is at the top."""
        try:
            rack = self.screen.get_child_by_type(ToastRack)
        except NoMatches:
            return
        wanted = sum(map(rows_of, self._notifications))
        rows = min(wanted, self.screen.size.height // 5)  # as app.tcss lets it grow
        rack.set_class(_has_focus_in(self.screen, rows), "-low")


def rows_of(notification: Notification) -> int:
    """How many lines a message takes at most."""
    lines = -(-len(notification.message) // COLUMNS)
    return max(1, lines) + bool(notification.title)


def was_read(notification: Notification, now: float) -> bool:
    """Whether a message has stood for as long as it takes to read it."""
    letters = len(notification.message) + len(notification.title)
    return now - notification.raised_at > AT_LEAST_S + letters / LETTERS_PER_S


def _has_focus_in(screen: Any, rows: int) -> bool:
    """Whether a line that is typed in stands in the first rows."""
    focused: Widget | None = screen.focused
    if focused is None or focused.size.height > 1:  # a list, a log, a picture
        return False
    top = Region(0, 0, screen.size.width, rows)
    return bool(focused.region.overlaps(top))
