"""In which options two jobs of a type differ."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget

from tui.charts import Line
from tui.messages import Answered, Refused
from tui.plain import plain, shortened
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import LinesView

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from remote.cluster import Cluster
    from remote.views import JobRow
    from tui.app import CryodeckApp


class DifferenceScreen(Screen[None]):
    """Options of two jobs beside each other, only those that differ."""

    app: CryodeckApp
    HELP_TEXT = (
        "Only options that differ are shown; those without effect in either job are "
        "dimmed."
    )
    DEFAULT_CSS = "DifferenceScreen LinesView { height: 1fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("x", "turn", "swap the jobs"),
        Binding("escape", "dismiss", "back"),
    ]

    def __init__(self, cluster: Cluster, project: str, names: tuple[str, str]) -> None:
        super().__init__()
        self.cluster, self.project, self.names = cluster, project, names
        self._jobs: tuple[Job, Job] | None = None
        self._trouble = ""

    def compose(self) -> ComposeResult:
        """Place, table, keys."""
        yield TopBar("cryodeck", self.cluster.name, self.project, "difference")
        yield LinesView(id="differences")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask for both forms."""
        self.query_one(LinesView).focus()
        first, second = self.names

        async def question(w: Any) -> tuple[Job, Job]:
            return await w.load_job(first), await w.load_job(second)

        self.app.bridge.ask(self, "forms", question)
        self._write()

    def on_answered(self, message: Answered) -> None:
        """Compare."""
        self._jobs = message.answer
        self._write()

    def on_refused(self, message: Refused) -> None:
        """Say why it cannot be told."""
        self._trouble = message.reason
        self._write()

    def on_resize(self) -> None:
        """Fit the columns."""
        self._write()

    def action_turn(self) -> None:
        """Show the second job first."""
        self.names = self.names[::-1]
        if self._jobs is not None:
            self._jobs = self._jobs[::-1]
        self._write()

    def _write(self) -> None:
        view = self.query_one(LinesView)
        if self._jobs is None:
            words, role = self._trouble or "reading …", "dim"
            view.show_lines([[], [(plain(words), "warn" if self._trouble else role)]])
            return
        view.show_lines(difference_lines(self.names, self._jobs, self.size.width - 2))


def difference_lines(
    names: tuple[str, str], jobs: tuple[Job, Job], width: int
) -> list[Line]:
    """A line per option that differs."""
    from engine.jobs.difference import differences

    found = differences(*jobs)
    title = min(44, max(20, width // 3))
    room = max(10, (width - title - 2) // 2 - 2)

    def cells(first: str, second: str, third: str, roles: tuple[str, ...]) -> Line:
        return [
            (shortened(plain(first), title).ljust(title + 2), roles[0]),
            (_end(plain(second), room).ljust(room + 2), roles[1]),
            (_end(plain(third), room), roles[2]),
        ]

    lines: list[Line] = [[], cells("", *names, ("dim", "title", "title"))]
    if not found:
        return [[], [("Every option is the same.", "good")]]
    for one in found:
        roles = ("text", "bar", "bar2") if one.matters else ("faint",) * 3
        lines.append(
            cells(one.title, one.before or "empty", one.after or "empty", roles)
        )
    return lines


def _end(text: str, room: int) -> str:
    """The end of a long value: of paths it is what differs."""
    return text if len(text) <= room else "…" + text[len(text) - room + 1 :]


def show_difference(
    asker: Widget, cluster: Cluster, project: str, row: JobRow, other: str = ""
) -> None:
    """Show in what two jobs differ; without the other's name, ask for it."""
    from tui.screens.dialogs import ask_other_job

    app: CryodeckApp = asker.app  # type: ignore[assignment]

    def show(name: str) -> None:
        app.push_screen(DifferenceScreen(cluster, project, (name, row.name)))

    if other:
        show(other)
    else:
        ask_other_job(asker, row, f"{row.name}: difference from", show)
