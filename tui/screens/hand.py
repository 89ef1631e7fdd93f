"""What is done by hand: a job's micrographs with check boxes, as RELION opens them.

Enter opens a micrograph to pick on. Ticks and picks are saved as one goes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from remote.views import HandTable, HowFar, JobRow, JobState, LinkState, PickSheet
from tui.charts import Line
from tui.messages import Answered, LinkChanged, Refused
from tui.picking import Display, Picking
from tui.plain import plain
from tui.screens.hand_saving import HandSaving
from tui.ticking import rows_where
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import text_of
from tui.widgets.tick_list import TickList
from tui.words import count, how_far_words, plural

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from remote.cluster import Cluster
    from tui.app import CryodeckApp

_MINE, _THEIRS, _BOTH = "Keep mine", "Take theirs", "Keep both together"


class HandScreen(Screen[None]):
    """The list; it outlives the pictures over it and does their saving."""

    app: CryodeckApp
    HELP_TEXT = (
        "Space ticks a micrograph, which keeps it, or unticks it; r does the same for "
        "all since the last one. v inverts the selection, f ticks the first N, W those "
        "that meet a rule. Enter opens a micrograph for picking. Everything is saved "
        "as you go; S tells you in which files."
    )
    DEFAULT_CSS = """
    HandScreen #tick-head { height: 1; width: 1fr; background: $surface; }
    HandScreen TickList { height: 1fr; }
    HandScreen #hand-status {
        height: 2; width: 1fr; background: $surface; padding: 0 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "invert", "invert"),
        Binding("f", "first", "first N"),
        Binding("W", "where", "by rule"),
        Binding("a", "all(True)", "all", show=False),
        Binding("A", "all(False)", "none", show=False),
        Binding("t", "spectrum", "CTF"),
        Binding("S,ctrl+s", "save", "save"),
        Binding("escape", "leave", "back"),
    ]

    def __init__(
        self, cluster: Cluster, project: str, job: str, micrograph: str = ""
    ) -> None:
        super().__init__()
        self.cluster, self.project, self.job = cluster, project, job
        self.settings = Display()
        self._wanted = micrograph  # to be opened at once
        self._form: Job | None = None
        self._trouble, self._far = "", ""
        self._is_leaving = False
        where = (cluster.name, project)
        self.saving = HandSaving(self, where, self.say, self._ask_about)

    def compose(self) -> ComposeResult:
        """Place, titles, micrographs, what is selected, keys."""
        yield TopBar("cryodeck", self.cluster.name, self.project, self.job, "by hand")
        yield Static(id="tick-head")
        yield TickList()
        yield Static(id="hand-status")
        yield KeyBar()

    @property
    def listed(self) -> TickList:
        """The list."""
        return self.query_one(TickList)

    @property
    def table(self) -> HandTable | None:
        """What the cluster has told."""
        return self.saving.table

    def on_mount(self) -> None:
        """Ask for the micrographs, and how they are to be shown."""
        self.listed.is_fixed = self.app.read_only
        self.listed.focus()
        self._ask_table()
        self.say()

    def _ask_table(self) -> None:
        job = self.job
        ask = self.app.bridge.ask
        ask(self, "display", lambda w: _display(w, job))
        ask(self, "table", lambda w: w.hand_table(job, on_progress=self._tell))

    def _tell(self, far: HowFar) -> None:
        """Say how many micrographs have been looked at."""
        self._far = how_far_words(far)
        if self.is_attached:
            self.say()

    def take(self, message: Message) -> None:
        """Send what waits as soon as the link is back."""
        if isinstance(message, LinkChanged):
            if message.link.state is LinkState.CONNECTED:
                self.saving.send_all()
                if self.table is None:
                    self._trouble = ""
                    self._ask_table()
            self.say()

    # answers

    def on_answered(self, message: Answered) -> None:
        """Show micrographs; see picks and ticks arrive."""
        message.stop()
        what, answer = message.what, message.answer
        if what == "table":
            self._take_table(answer)
        elif what == "display":
            self.settings = answer
        elif what == "tick":
            if not self.saving.take_ticked(*answer):
                self._selection_changed()
        elif what == "table again":
            self.saving.take_table(answer)
            self._show_items()
        elif what.startswith("write "):
            self.saving.take_written(*answer)
        elif what.startswith("theirs "):
            self._ask_about(self.saving.pickings[answer.micrograph], answer)
        elif what.startswith("kept "):
            words = self.saving.restore(*answer)
            if words:
                self.app.notify(plain(words), title="Brought back", timeout=10)
        self.say()

    def on_refused(self, message: Refused) -> None:
        """Say why; what could not be saved is tried again."""
        message.stop()
        if message.what == "tick" or message.what.startswith("write "):
            self.saving.take_refusal(message.what, message.reason)
            if self._is_leaving:
                self._is_leaving = False
                self._ask_to_leave()
        elif message.what != "display":
            self._trouble = message.reason
        self.say()

    def _take_table(self, table: HandTable) -> None:
        kept = self.saving.take_table(table)
        self._show_items()
        if not self.app.read_only:
            for one in kept:

                async def question(w: Any, one: Any = one) -> Any:
                    return one, await w.pick_sheet(one.job, one.micrograph)

                self.app.bridge.ask(self, f"kept {one.micrograph}", question)
        names = [item["name"] for item in table.micrographs]
        if self._wanted in names:
            self.open_micrograph(names.index(self._wanted))
        elif not names:
            self._trouble = f"{table.source} lists no micrographs"

    def _show_items(self) -> None:
        if self.table is not None:
            self.listed.show_items(self.table.micrographs, self.saving.ticks)

    def _selection_changed(self) -> None:
        job = self.job
        self.app.notify(
            "The selection was changed by somebody else; theirs is shown, yours of the "
            "last moments is not kept.",
            severity="warning",
            timeout=12,
        )
        self.app.bridge.ask(self, "table again", lambda w: w.hand_table(job))

    def _ask_about(self, picking: Picking, sheet: PickSheet) -> None:
        """Ask whose picks are to stay."""
        from tui.screens.dialogs import Choose

        theirs = len(Picking(sheet).rows)
        mine = f"{_MINE} ({plural(len(picking.rows), 'pick')})"
        choices = [mine, f"{_THEIRS} ({plural(theirs, 'pick')})", _BOTH]
        name = picking.micrograph.rpartition("/")[2]

        def chosen(words: str | None) -> None:
            if words is None:
                self._ask_about(picking, sheet)  # it must be decided
                return
            choice = "both"
            if words != _BOTH:
                choice = "mine" if words == mine else "theirs"
            self.saving.settle(picking, sheet, choice)
            self._top_say(anew=True)

        title = f"{name} was changed by somebody else since it was read"
        self.app.push_screen(Choose(plain(title), choices), chosen)

    # what is seen

    def picks_changed(self, picking: Picking) -> None:
        """Save a change of one micrograph's picks, and count them."""
        self.saving.edited(picking)
        self._count(picking)

    def _count(self, picking: Picking) -> None:
        if self.table is not None:
            for item in self.table.micrographs:
                if item["name"] == picking.micrograph:
                    item["picks"] = len(picking.rows)

    def say(self) -> None:
        """Tell how many are ticked and picked, and whether it is saved."""
        if not self.is_mounted:
            return
        listed = self.listed
        self.query_one("#tick-head", Static).update(text_of(self, [listed.head()]))
        line: Line = [(self._far or "reading …", "queued")]
        below: Line = []
        if self._trouble:
            line = [(plain(self._trouble), "warn")]
        elif self.table is not None:
            line = self._totals(self.table)
            words, role = self.saving.words()
            below = [(plain(words), role)]
            if listed.sort_words:
                below.append((f"   sorted {listed.sort_words}", "faint"))
        text = text_of(self, [line, below])
        text.no_wrap, text.overflow = True, "ellipsis"
        self.query_one("#hand-status", Static).update(text)
        listed.refresh()
        self._top_say()
        if self._is_leaving and self.saving.is_idle:
            self._is_leaving = False
            self._depart()

    def _totals(self, table: HandTable) -> Line:
        items, ticks = table.micrographs, self.saving.ticks
        picked = sum(bool(item.get("picks")) for item in items)
        total = sum(int(item.get("picks") or 0) for item in items)
        line: Line = [
            (f"{count(sum(ticks))} of {plural(len(items), 'micrograph')}", "title"),
            (" selected", "dim"),
        ]
        if table.picks_job:
            words = (
                f"{plural(total, 'pick')} on {count(picked)}" if picked else "no picks"
            )
            line.append((f"   {words}", "dim"))
        if table.picks_job not in ("", table.job):
            line.append((f"   picks of {plain(table.picks_job)}", "faint"))
        return line

    def _top_say(self, *, anew: bool = False) -> None:
        from tui.screens.pick import PickScreen

        for screen in self.app.screen_stack:
            if isinstance(screen, PickScreen) and screen.hand is self:
                screen.say(anew=anew)

    def on_tick_list_ticked(self) -> None:
        """Save the ticks."""
        self.saving.ticked()

    def on_tick_list_moved(self) -> None:
        """Other titles after sorting."""
        self.say()

    def on_tick_list_chosen(self, message: TickList.Chosen) -> None:
        """Open a micrograph."""
        self.open_micrograph(message.index)

    def open_micrograph(self, index: int, *, spectrum: bool = False) -> None:
        """Show a micrograph to pick on."""
        from tui.screens.pick import PickScreen

        self.app.push_screen(PickScreen(self, index, spectrum=spectrum))

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Look only, if one may only look."""
        changes = {"invert", "first", "where", "all", "save"}
        return not (self.app.read_only and action in changes)

    def _tick(self, ticks: list[bool]) -> None:
        if len(ticks) == len(self.saving.ticks):
            self.saving.ticks[:] = ticks
            self.saving.ticked()

    def action_invert(self) -> None:
        """Turn all ticks over."""
        self._tick([not tick for tick in self.saving.ticks])

    def action_all(self, tick: bool) -> None:
        """Tick all, or none."""
        self._tick([tick] * len(self.saving.ticks))

    def action_first(self) -> None:
        """Tick the first few and no others."""
        from tui.screens.dialogs import AskLine

        def given(text: str | None) -> None:
            if text and text.strip().isdecimal():
                number = int(text)
                self._tick([i < number for i in range(len(self.saving.ticks))])
            elif text is not None:
                self.app.notify("A whole number", severity="error", timeout=4)

        self.app.push_screen(AskLine("Select the first N micrographs", "5"), given)

    def action_where(self) -> None:
        """Tick those that a rule holds for."""
        from tui.screens.dialogs import AskLine

        def given(text: str | None) -> None:
            if not text or self.table is None:
                return
            ticks = rows_where(self.table.micrographs, text)
            if ticks is None:
                words = f"{text}: write for example resolution < 5, or picks >= 10"
                self.app.notify(words, severity="error", markup=False, timeout=8)
                return
            self._tick(ticks)

        hint = "picks, defocus (µm), resolution (Å) or fom; <, <=, >, >= or =."
        title = "Select the micrographs with"
        self.app.push_screen(AskLine(title, "resolution < 5", hint), given)

    def action_spectrum(self) -> None:
        """Show the CTF power spectrum of the micrograph under the cursor."""
        if self.table is not None and self.table.micrographs:
            self.open_micrograph(self.listed.row, spectrum=True)

    def action_save(self) -> None:
        """Save now, and say where."""
        if self.table is None:
            return
        self.saving.ticked()
        self.saving.send_all()
        name = "micrographs_selected.star"
        if self.table.job.startswith("Select/"):
            name = "micrographs.star"
        files = [f"{self.table.job}/{name}"]
        if self.table.picks_job == self.table.job and self.table.layout != "3.1":
            is_manual = self.table.job.startswith("ManualPick/")
            files.append("manualpick.star" if is_manual else "autopick.star")
        words = f"Saving the selection in {' and '.join(files)}"
        self.app.notify(plain(words), markup=False, timeout=6)

    def action_leave(self) -> None:
        """Leave once everything is saved."""
        if self.saving.is_idle or self.app.read_only:
            self._depart()
        elif self.saving.trouble:
            self._ask_to_leave()
        else:
            self._is_leaving = True
            self.saving.send_all()

    def _ask_to_leave(self) -> None:
        from tui.screens.dialogs import Confirm

        def sure(yes: bool | None) -> None:
            if yes:
                self._depart()

        words = (
            f"{plural(len(self.saving.open_names), 'file')} could not be saved: "
            f"{self.saving.trouble}. The changes are kept on this machine and sent "
            "when this job is opened by hand again."
        )
        self.app.push_screen(Confirm("Leave now?", plain(words), "Leave"), sure)

    def _depart(self) -> None:
        self.app.bridge.refresh()
        self.dismiss(None)


def may_open(row: JobRow, form: Job | None) -> bool:
    """Whether a job is one that can be opened by hand."""
    from engine.jobs.select_lines import task

    if row.verdict.state is JobState.DRAFT:
        return False
    if row.type == "select":
        return form is not None and task(form) in {"micrographs", "coordinates"}
    return row.type in {"manualpick", "autopick"}


async def _display(w: Any, job: str) -> Display:
    """A Manual picking job's own settings, else those that were used last."""
    if job.startswith("ManualPick/"):
        return Display.of(await w.load_job(job))
    return Display.of(await w.defaults("manualpick"))
