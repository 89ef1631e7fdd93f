"""Logs of several jobs below the job list, all of them asked for in one round trip."""

from __future__ import annotations

from typing import TYPE_CHECKING

from remote.views import JobRow
from tui.messages import Answered, Refused
from tui.screens.log import LOCAL_TAIL_S, TAIL_S
from tui.widgets.watch_view import WatchView
from tui.words import is_active

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from tui.app import CryodeckApp


def watched(rows: Sequence[JobRow], selected: Collection[str]) -> list[JobRow]:
    """Selected jobs, else those under way, oldest first."""
    chosen = [row for row in rows if row.name in selected]
    chosen = chosen or [row for row in rows if is_active(row)]
    return sorted(chosen, key=lambda row: row.number)


class WatchPane(WatchView):
    """Follows the logs while it is seen."""

    app: CryodeckApp

    def __init__(self) -> None:
        super().__init__(id="watch")
        self.display = False
        self._waiting = False

    def on_mount(self) -> None:
        """Follow at the pace of the Log tab."""
        cluster = self.app.bridge.cluster
        local = cluster is not None and cluster.session == "local"
        self.set_interval(LOCAL_TAIL_S if local else TAIL_S, self.ask)

    def ask(self) -> None:
        """Ask for what was added, if anybody looks."""
        if self._waiting or not self.display or self.screen is not self.app.screen:
            return
        wanted = self.wanted()
        if not wanted:
            return
        self._waiting = True
        self.app.bridge.ask(self, "tails", lambda w: w.tail_many(wanted, 8192))

    def on_answered(self, message: Answered) -> None:
        """Show what was added."""
        message.stop()
        self._waiting = False
        self.take(message.answer)

    def on_refused(self, message: Refused) -> None:
        """Go on with what is there; the top line says how old it is."""
        message.stop()
        self._waiting = False
