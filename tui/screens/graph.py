"""The graph of jobs: who feeds whom, as a tree with keys to jump along it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.screen import Screen
from textual.strip import Strip

from remote.views import JobRow
from tui.charts import Line
from tui.job_graph import Branch, branches, downstream, upstream
from tui.messages import OverviewArrived
from tui.plain import plain, shortened
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import LinesView, strip_of
from tui.words import displayed_name, state_words

if TYPE_CHECKING:
    from remote.cluster import Cluster
    from tui.app import CryodeckApp


class GraphView(LinesView):
    """The tree; what feeds the chosen job and what it feeds stand out."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "next", show=False),
        Binding("up,k", "move(-1)", "previous", show=False),
        Binding("pagedown", "page(1)", "page down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("home,g", "move(-1000000)", "first", show=False),
        Binding("end,G", "move(1000000)", "last", show=False),
        Binding("left,h", "jump(-1)", "to what feeds it"),
        Binding("right,l", "jump(1)", "to what it feeds"),
        Binding("enter", "open", "open"),
    ]

    class Opened(Message):
        """The person wants to see a job."""

        def __init__(self, row: JobRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self) -> None:
        super().__init__(id="graph")
        self.branches: list[Branch] = []
        self.cursor = 0
        self._rows: tuple[JobRow, ...] = ()
        self._above: set[str] = set()
        self._below: set[str] = set()

    @property
    def current(self) -> JobRow | None:
        """The chosen job."""
        if 0 <= self.cursor < len(self.branches):
            return self.branches[self.cursor].row
        return None

    def show_rows(self, rows: tuple[JobRow, ...], name: str = "") -> None:
        """Put newer rows in; the cursor stays on its job, at its place."""
        wanted = name or (self.current.name if self.current is not None else "")
        place = self.cursor - self.scroll_offset.y
        self._rows, self.branches = rows, branches(rows)
        self.show_lines([[] for _ in self.branches])
        at = self._place_of(wanted)
        if at is None:
            at = min(self.cursor, max(0, len(self.branches) - 1))
        elif at - self.scroll_offset.y != place and not name:
            self.call_after_refresh(self.scroll_to, y=max(0, at - place), animate=False)
        self._go_to(at)

    def _place_of(self, name: str) -> int | None:
        return next(
            (i for i, b in enumerate(self.branches) if b.row.name == name), None
        )

    def _go_to(self, at: int) -> None:
        self.cursor = max(0, min(at, len(self.branches) - 1))
        name = self.current.name if self.current is not None else ""
        self._above = upstream(name, self._rows)
        self._below = downstream(name, self._rows)
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)
        self.refresh()

    # moving

    def action_move(self, step: int) -> None:
        """Go some lines down or up."""
        self._go_to(self.cursor + step)

    def action_page(self, step: int) -> None:
        """Go a page down or up."""
        self._go_to(self.cursor + step * max(1, self.size.height - 1))

    def action_jump(self, direction: int) -> None:
        """Go along an edge; where there are several, ask which."""
        row = self.current
        if row is None:
            return
        if direction < 0:
            names = [name for name in row.inputs if self._place_of(name) is not None]
        else:
            names = [one.name for one in self._rows if row.name in one.inputs]
        if len(names) == 1:
            self.go_to_job(names[0])
        elif names:
            from tui.screens.dialogs import Choose

            title = "Input from" if direction < 0 else "Output to"
            self.app.push_screen(Choose(title, names), self.go_to_job)
        else:
            words = "No job is its input" if direction < 0 else "No job uses it yet"
            self.app.notify(words, timeout=2)

    def go_to_job(self, name: str | None) -> None:
        """Put the cursor on a job."""
        at = self._place_of(name) if name else None
        if at is not None:
            self._go_to(at)

    def action_open(self) -> None:
        """Open the chosen job."""
        if self.current is not None:
            self.post_message(self.Opened(self.current))

    def on_click(self, event: Click) -> None:
        """Choose with one click, open with two."""
        at = event.y + self.scroll_offset.y
        if at < len(self.branches):
            self._go_to(at)
            if event.chain >= 2:
                self.action_open()

    # drawing

    def render_line(self, y: int) -> Strip:
        """One job."""
        at, width = y + self.scroll_offset.y, self.size.width
        if at >= len(self.branches):
            return strip_of(self, [], width)
        is_here = at == self.cursor
        ground = "cursor" if is_here else ""
        return strip_of(self, self._line(self.branches[at], is_here), width, ground)

    def _line(self, branch: Branch, is_here: bool) -> Line:
        row = branch.row
        sign, _, role = state_words(row.verdict.state)
        if is_here:
            mark, name_role = "●", "title"
        elif row.name in self._above:
            mark, name_role = "▲", "accent"
        elif row.name in self._below:
            mark, name_role = "▼", "accent2"
        else:
            mark, name_role = " ", "dim"
        line: Line = [
            (f"{mark} ", name_role),
            (branch.stem, "faint"),
            (f"{sign} ", role),
            (plain(row.name), name_role),
        ]
        if row.alias:
            line.append((f"  {plain(displayed_name(row))}", "accent2"))
        if row.summary:
            line.append((f"  {shortened(plain(row.summary), 48)}", "faint"))
        if branch.others:
            line.append((f"  + {', '.join(map(plain, branch.others))}", "dim"))
        return line


class GraphScreen(Screen[str]):
    """Dismissed with the name of the job the cursor was on."""

    app: CryodeckApp
    HELP_TEXT = (
        "Every job appears once, below the most recent job whose output it uses; its "
        "other inputs follow the plus sign. ▲ marks what went into the job under the "
        "cursor, ▼ what was made from it."
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,w", "leave", "back to the list"),
    ]

    def __init__(
        self,
        cluster: Cluster,
        project: str,
        rows: tuple[JobRow, ...],
        name: str,
    ) -> None:
        super().__init__()
        self.cluster, self.project = cluster, project
        self._first, self._name = rows, name

    def compose(self) -> ComposeResult:
        """Place, tree, keys."""
        yield TopBar("cryodeck", self.cluster.name, self.project, "job graph")
        yield GraphView()
        yield KeyBar()

    @property
    def view(self) -> GraphView:
        """The tree."""
        return self.query_one(GraphView)

    def on_mount(self) -> None:
        """Begin at the job one comes from."""
        self.view.focus()
        self.call_after_refresh(self.view.show_rows, self._first, self._name)

    def take(self, message: Message) -> None:
        """Take a newer overview."""
        if isinstance(message, OverviewArrived):
            self.view.show_rows(message.overview.jobs)

    def on_graph_view_opened(self, message: GraphView.Opened) -> None:
        """Go to the job."""
        from tui.screens.job import JobScreen

        self.app.push_screen(JobScreen(self.cluster, self.project, message.row))

    def action_leave(self) -> None:
        """Back to the list, the cursor on the same job."""
        row = self.view.current
        self.dismiss(row.name if row is not None else "")
