"""Saving of what is done by hand: at once here, soon there, never over another.

Every change is written to this machine before it is sent. A write that fails is tried
again; one that finds another's change asks.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from remote.errors import ConflictError
from remote.unsaved import Unsaved, UnsavedPicks
from tui.picking import Picking, Rows
from tui.words import plural

if TYPE_CHECKING:
    from textual.screen import Screen
    from textual.timer import Timer

    from remote.views import HandTable, PickSheet
    from tui.app import CryodeckApp

PAUSE_S = 0.7  # after a change, for the next one to come along
LONGEST_RETRY_S = 30.0
TICKS = ""  # in place of a micrograph's name


class HandSaving:
    """One job's picks and ticks on their way; `changed` is called at each step."""

    def __init__(
        self,
        screen: Screen[Any],
        where: tuple[str, str],
        changed: Callable[[], None],
        ask: Callable[[Picking, PickSheet], None],
    ) -> None:
        self._screen = screen
        self._changed, self._ask_person = changed, ask
        self.unsaved = UnsavedPicks(*where)
        self.table: HandTable | None = None
        self.pickings: dict[str, Picking] = {}
        self.ticks: list[bool] = []
        self.selection = ""
        self.saved_at: float | None = None
        self.trouble = ""  # why the last write failed
        self.in_conflict: set[str] = set()
        self._ticks_saved: list[bool] = []
        self._flying: set[str] = set()
        self._waiting: dict[str, Timer] = {}
        self._tries = 0

    @property
    def _app(self) -> CryodeckApp:
        app: CryodeckApp = self._screen.app  # type: ignore[assignment]
        return app

    @property
    def open_names(self) -> list[str]:
        """What the cluster does not have yet: micrographs, TICKS for the ticks."""
        names = [name for name, one in self.pickings.items() if one.is_changed]
        if self.ticks != self._ticks_saved:
            names.append(TICKS)
        return names

    @property
    def is_idle(self) -> bool:
        """Whether the cluster has everything."""
        return not self.open_names and not self._flying

    def words(self) -> tuple[str, str]:
        """How saving stands, and the role of its color."""
        if self.in_conflict:
            return "changed by somebody else", "bad"
        if self.trouble and self.open_names:
            return f"NOT SAVED, kept on this machine: {self.trouble}", "bad"
        if not self.is_idle:
            return "saving …", "queued"
        if self.saved_at is None:
            return "", "dim"
        return "saved", "good"

    # beginning

    def take_table(self, table: HandTable) -> list[Unsaved]:
        """Begin with what the cluster has; changes that never reached it."""
        self.table = table
        self.ticks = [bool(one["selected"]) for one in table.micrographs]
        self._ticks_saved = list(self.ticks)
        self.selection = table.selection
        found = self.unsaved.of_job(table.picks_job) if table.picks_job else []
        ticks = self.unsaved.find(table.job, TICKS)
        if ticks is not None:
            self._take_ticks(ticks)
        return [one for one in found if one.micrograph != TICKS]

    def _take_ticks(self, kept: Unsaved) -> None:
        assert self.table is not None
        chosen = set(json.loads(kept.text))
        now = [one["name"] in chosen for one in self.table.micrographs]
        if kept.base != self.selection or now == self.ticks:
            self.unsaved.drop(self.table.job, TICKS)
            return
        self.ticks = now
        self.send(TICKS)

    def restore(self, kept: Unsaved, sheet: PickSheet) -> str:
        """Take up changes that never reached the cluster; what to tell the person."""
        if sheet.version == kept.version:
            self.unsaved.drop(kept.job, kept.micrograph)
            return ""
        picking = self.pickings.get(kept.micrograph) or Picking(sheet)
        self.pickings[kept.micrograph] = picking
        picking.replace("brought back", kept.text, sheet.layout)
        if sheet.version != kept.base:
            self.in_conflict.add(kept.micrograph)
            self._ask_person(picking, sheet)
            return ""
        self.send(kept.micrograph)
        at = time.strftime("%d %b %H:%M", time.localtime(kept.at))
        name = kept.micrograph.rpartition("/")[2]
        return f"{name}: {plural(kept.edits, 'change')} of {at} had not been saved"

    # changes

    def edited(self, picking: Picking) -> None:
        """Keep a change here, and send it soon."""
        assert self.table is not None
        self.unsaved.keep(
            self.table.picks_job,
            picking.micrograph,
            picking.text,
            picking.base,
            picking.edits,
        )
        self._soon(picking.micrograph)

    def ticked(self) -> None:
        """Keep the ticks here, and send them soon."""
        assert self.table is not None
        chosen = [
            one["name"]
            for one, tick in zip(self.table.micrographs, self.ticks, strict=True)
            if tick
        ]
        self.unsaved.keep(
            self.table.job, TICKS, json.dumps(chosen), self.selection, len(chosen)
        )
        self._soon(TICKS)

    def _soon(self, name: str, seconds: float = PAUSE_S) -> None:
        timer = self._waiting.pop(name, None)
        if timer is not None:
            timer.stop()
        self._waiting[name] = self._screen.set_timer(seconds, lambda: self.send(name))
        self._changed()

    def send_all(self) -> None:
        """Send everything now."""
        for name in self.open_names:
            self.send(name)

    def send(self, name: str) -> None:
        """Send a file or the ticks, if they are not on their way already."""
        timer = self._waiting.pop(name, None)
        if timer is not None:
            timer.stop()
        if self.table is None or name in self._flying or name in self.in_conflict:
            return
        if name == TICKS:
            self._send_ticks()
        elif self.pickings[name].is_changed:
            self._send_picks(self.pickings[name])
        else:
            self.unsaved.drop(self.table.picks_job, name)
        self._changed()

    def _send_picks(self, picking: Picking) -> None:
        assert self.table is not None
        job, name = self.table.picks_job, picking.micrograph
        rows, text, base = picking.rows, picking.text, picking.base
        self._flying.add(name)

        async def deed(w: Any) -> tuple[str, Rows, str]:
            try:
                version = await w.write_picks(job, name, text, if_version=base)
            except ConflictError:
                return name, rows, ""
            return name, rows, str(version)

        self._app.bridge.ask(self._screen, f"write {name}", deed)

    def _send_ticks(self) -> None:
        assert self.table is not None
        job, ticks, base = self.table.job, list(self.ticks), self.selection
        chosen = [i for i, tick in enumerate(ticks) if tick]
        self._flying.add(TICKS)

        async def deed(w: Any) -> tuple[list[bool], str]:
            try:
                version = await w.write_ticks(job, chosen, if_version=base)
            except ConflictError:
                return ticks, ""
            return ticks, str(version)

        self._app.bridge.ask(self._screen, "tick", deed)

    # answers

    def take_written(self, name: str, rows: Rows, version: str) -> None:
        """See a file saved, or that somebody else has changed it."""
        assert self.table is not None
        self._flying.discard(name)
        picking = self.pickings[name]
        if not version:
            self.in_conflict.add(name)
            job = self.table.picks_job
            self._app.bridge.ask(
                self._screen, f"theirs {name}", lambda w: w.pick_sheet(job, name)
            )
            self._changed()
            return
        picking.base, picking.saved = version, rows
        self._saved(self.table.picks_job, name, picking.is_changed)
        if picking.is_changed:
            self.edited(picking)

    def take_ticked(self, ticks: list[bool], version: str) -> bool:
        """See the ticks saved; whether they were."""
        assert self.table is not None
        self._flying.discard(TICKS)
        if not version:
            self.unsaved.drop(self.table.job, TICKS)
            self._ticks_saved = list(self.ticks)
            self._changed()
            return False
        self.selection, self._ticks_saved = version, ticks
        is_changed = self.ticks != ticks
        self._saved(self.table.job, TICKS, is_changed)
        if is_changed:
            self.ticked()
        return True

    def _saved(self, job: str, name: str, is_changed: bool) -> None:
        self.trouble, self._tries = "", 0
        self.saved_at = time.time()
        if not is_changed:
            self.unsaved.drop(job, name)
        self._changed()

    def take_refusal(self, what: str, reason: str) -> None:
        """See that a write failed; it is tried again, less and less often."""
        name = TICKS if what == "tick" else what.partition(" ")[2]
        self._flying.discard(name)
        self.trouble = reason
        self._tries += 1
        self._soon(name, min(LONGEST_RETRY_S, 1.0 * 2**self._tries))

    def settle(self, picking: Picking, sheet: PickSheet, choice: str) -> None:
        """End a conflict: "mine", "theirs" or "both"."""
        mine = picking.rows
        theirs = Picking(sheet)
        if choice == "mine":
            picking.saved = tuple(theirs.rows)
        else:
            picking.replace("theirs taken", sheet.text, sheet.layout)
            picking.saved = picking.rows
            if choice == "both":
                picking.join(mine)
        picking.base = sheet.version
        self.in_conflict.discard(picking.micrograph)
        self.saved_at = time.time()
        self.edited(picking)
