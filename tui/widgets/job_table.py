"""The list of jobs: any number of them, only those on screen are drawn.

The cursor stays on its job, at its place on the screen, when the list is refreshed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, MouseMove, Resize
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from remote.views import JobRow
from tui.charts import Line, progress_bar
from tui.plain import plain, shortened
from tui.widgets.lines import strip_of
from tui.words import age, displayed_name, eta, is_active, reason_of, state_words

SORTS: dict[str, tuple[str, Callable[[JobRow], Any], bool]] = {
    "number": ("newest first", lambda row: row.number, True),
    "oldest": ("oldest first", lambda row: row.number, False),
    "type": ("by type", lambda row: (row.type, row.number), False),
    "state": (
        "by status",
        lambda row: (not is_active(row), state_words(row.verdict.state)[1]),
        False,
    ),
    "alias": ("by alias", lambda row: displayed_name(row).lower(), False),
}
_HEADER_ROLE = "dim on panel"


def matches(row: JobRow, words: Sequence[str]) -> bool:
    """Whether a row holds every word of a filter; "!" before a word turns it around."""
    text = " ".join(
        (
            row.name,
            row.alias,
            row.type_label,
            state_words(row.verdict.state)[1],
            row.status,
            row.verdict.reason,
            row.summary,
        )
    ).lower()
    return all(
        (word[1:] not in text) if word.startswith("!") and word[1:] else word in text
        for word in words
    )


class JobTable(ScrollView, can_focus=True):
    """Jobs by rows: state, name, alias, and how far they are or what came out."""

    DEFAULT_CSS = "JobTable { height: 1fr; scrollbar-size-vertical: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "next", show=False),
        Binding("up,k", "move(-1)", "previous", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "page up", show=False),
        Binding("home,g", "edge(0)", "first", show=False),
        Binding("end", "edge(1)", "last", show=False),
        Binding("enter", "open", "open"),
        Binding("space", "select", "select"),
        Binding("asterisk", "select_all", "select all shown", show=False),
    ]

    class Highlighted(Message):
        """The cursor is on another job."""

        def __init__(self, row: JobRow | None) -> None:
            super().__init__()
            self.row = row

    class Opened(Message):
        """The person wants to see a job."""

        def __init__(self, row: JobRow) -> None:
            super().__init__()
            self.row = row

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.all_rows: tuple[JobRow, ...] = ()
        self.rows: list[JobRow] = []
        self._was_told = False  # nothing is said of a project nobody has read yet
        self.sort_key = "number"
        self.filter_text = ""
        self.cursor = 0
        self._changed: dict[str, float] = {}
        self._awaited = ""  # the job to go to when it comes
        self._hover = -1
        self.selected: set[str] = set()
        self._widths: tuple[int, ...] = ()  # for which width, and of each column

    # what is shown

    def show_rows(self, rows: Sequence[JobRow]) -> None:
        """Put newer rows in; what changed is brighter for a moment."""
        before = {row.name: row for row in self.all_rows}
        now = time.monotonic()
        for row in rows:
            old = before.get(row.name)
            if before and (old is None or old.verdict.state != row.verdict.state):
                self._changed[row.name] = now
        self._was_told = True
        self.all_rows = tuple(rows)
        self.selected &= {row.name for row in rows}
        self._arrange()
        if self._awaited:
            self.go_to_job(self._awaited)

    def sort_by(self, key: str) -> None:
        """Put the rows in another order."""
        self.sort_key = key
        self._arrange()

    def filter_by(self, text: str) -> None:
        """Show only rows with these words."""
        self.filter_text = text
        self._arrange()

    @property
    def current(self) -> JobRow | None:
        """The job under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    def _arrange(self) -> None:
        current = self.current
        place = self.cursor - self.scroll_offset.y
        words = self.filter_text.lower().split()
        _, key, is_reversed = SORTS[self.sort_key]
        shown = [row for row in self.all_rows if not words or matches(row, words)]
        self.rows = sorted(shown, key=key, reverse=is_reversed)
        if current is not None:
            at = next(
                (i for i, row in enumerate(self.rows) if row.name == current.name),
                None,
            )
            if at is not None:
                top = at - place
                self.cursor = at
                if top != self.scroll_offset.y:
                    self.call_after_refresh(
                        self.scroll_to, y=max(0, top), animate=False
                    )
        self._widths = ()
        self.cursor = max(0, min(self.cursor, len(self.rows) - 1))
        self.virtual_size = Size(self.size.width, len(self.rows) + 1)
        self.refresh()
        self.post_message(self.Highlighted(self.current))

    # selecting

    def targets(self) -> list[JobRow]:
        """Selected jobs, shown or not, oldest first; else the one under the cursor."""
        if self.selected:
            rows = [row for row in self.all_rows if row.name in self.selected]
            return sorted(rows, key=lambda row: row.number)
        return [self.current] if self.current is not None else []

    def action_select(self) -> None:
        """Select the job or let it go, and go on to the next."""
        if self.current is None:
            return
        self.selected ^= {self.current.name}
        if self.cursor < len(self.rows) - 1:
            self._go_to(self.cursor + 1)
        else:
            self._say_selected()

    def action_select_all(self) -> None:
        """Select all that are shown; if they are already, none."""
        shown = {row.name for row in self.rows}
        if shown <= self.selected:
            self.selected -= shown
        else:
            self.selected |= shown
        self._say_selected()

    def select_none(self) -> None:
        """Let all go."""
        self.selected.clear()
        self._say_selected()

    def _say_selected(self) -> None:
        self.refresh()
        self.post_message(self.Highlighted(self.current))

    # moving

    def action_move(self, step: int) -> None:
        """Go a few rows down or up."""
        self._go_to(self.cursor + step)

    def action_page(self, step: int) -> None:
        """Go a page down or up."""
        self._go_to(self.cursor + step * max(1, self.size.height - 2))

    def action_edge(self, last: int) -> None:
        """Go to the first or the last row."""
        self._go_to(len(self.rows) - 1 if last else 0)

    def action_open(self) -> None:
        """Open the job under the cursor."""
        if self.current is not None:
            self.post_message(self.Opened(self.current))

    def go_to_job(self, name: str) -> None:
        """Put the cursor on a job, if need be as soon as it is in the list."""
        for at, row in enumerate(self.rows):
            if row.name == name:
                self._go_to(at)
                return
        self._awaited = name

    def _go_to(self, at: int) -> None:
        self._awaited = ""
        at = max(0, min(at, len(self.rows) - 1))
        if at == self.cursor:
            return
        self.cursor = at
        # the header covers the first line of the window
        height = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if at < top:
            self.scroll_to(y=at, animate=False)
        elif at >= top + height:
            self.scroll_to(y=at - height + 1, animate=False)
        self.refresh()
        self.post_message(self.Highlighted(self.current))

    def on_click(self, event: Click) -> None:
        """Choose with one click, open with two."""
        at = event.y - 1 + self.scroll_offset.y
        if event.y < 1 or at >= len(self.rows):
            return
        self._go_to(at)
        if event.chain >= 2:
            self.action_open()

    def on_mouse_move(self, event: MouseMove) -> None:
        """Show which row a click would take."""
        at = event.y - 1 + self.scroll_offset.y if event.y >= 1 else -1
        if at != self._hover:
            self._hover = at
            self.refresh()

    def on_leave(self) -> None:
        """No row under the mouse."""
        self._hover = -1
        self.refresh()

    def on_resize(self, event: Resize) -> None:
        """Keep the cursor on the screen."""
        self.virtual_size = Size(event.size.width, len(self.rows) + 1)
        height = max(1, event.size.height - 1)
        if self.cursor >= self.scroll_offset.y + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False)

    # drawing

    def render_line(self, y: int) -> Strip:
        """Header first, then the rows that are on screen."""
        width = self.size.width
        if y == 0:
            return strip_of(self, self._header(width), width, "panel")
        at = y - 1 + self.scroll_offset.y
        if at >= len(self.rows):
            words = self.words_of_an_empty_list() if y == 2 else ""
            return strip_of(self, [("  " + words, "dim")], width)
        row = self.rows[at]
        ground = ""
        if at == self.cursor:
            ground = "cursor" if self.has_focus else "panel"
        elif at == self._hover:
            ground = "surface"
        return strip_of(self, self._row(row, width), width, ground)

    def words_of_an_empty_list(self) -> str:
        """Why no job is shown; nothing before the project was read."""
        if self.rows or not self._was_told:
            return ""
        if self.all_rows:
            return "No job has these words. Esc clears the filter."
        return "No jobs yet. n starts the first: Import."

    def _columns(self, width: int) -> tuple[int, int, int, int, int]:
        if self._widths[:1] != (width,):
            self._widths = (width, *self._fitted(width))
        return self._widths[1:]  # type: ignore[return-value]

    def _fitted(self, width: int) -> tuple[int, int, int, int, int]:
        name = max((len(row.name) for row in self.rows[:400]), default=12)
        name = max(12, min(name, 24))
        alias = max(
            (len(displayed_name(row)) for row in self.rows[:400] if row.alias),
            default=0,
        )
        alias = min(alias, 18 if width < 100 else 28)
        when = 0 if width < 96 else 11
        words = (state_words(row.verdict.state)[1] for row in self.rows[:400])
        state = max((len(word) for word in words), default=0) + 2
        state = max(10, min(state, 15))
        rest = width - state - 3 - name - 2 - (alias + 2 if alias else 0) - when - 1
        return state, name, alias, max(8, rest), when

    def _header(self, width: int) -> Line:
        state, name, alias, rest, when = self._columns(width)
        line: Line = [
            ("   Status".ljust(state + 3), _HEADER_ROLE),
            ("Job".ljust(name + 2), _HEADER_ROLE),
        ]
        if alias:
            line.append(("Alias".ljust(alias + 2), _HEADER_ROLE))
        line.append(("Progress or result".ljust(rest), _HEADER_ROLE))
        if when:
            line.append(("started".rjust(when), _HEADER_ROLE))
        return line

    def _row(self, row: JobRow, width: int) -> Line:
        state, name, alias, rest, when = self._columns(width)
        sign, word, role = state_words(row.verdict.state)
        folder, _, number = plain(row.name).partition("/")
        recent = time.monotonic() - self._changed.get(row.name, -60.0) < 6.0
        line: Line = [
            ("◆", "accent2")
            if row.name in self.selected
            else ("▎" if recent else " ", "accent"),
            (f"{sign} {word}".ljust(state) + "  ", role),
            (shortened(f"{folder}/", name), "dim"),
            (number.ljust(name + 2 - len(folder) - 1), "text"),
        ]
        if alias:
            shown = displayed_name(row) if row.alias else ""
            line.append((shortened(plain(shown), alias).ljust(alias + 2), "accent2"))
        line += self._rest(row, rest)
        if when:
            line.append((age(row.started_at, time.time()).rjust(when), "faint"))
        return line

    def _rest(self, row: JobRow, room: int) -> Line:
        if row.progress is not None and is_active(row) and row.progress.total > 0:
            progress = row.progress
            bar = progress_bar(progress.done, progress.total, min(20, room // 3))
            left = eta(progress, time.time())
            left = f", {left}" if left else ""
            tail = f" {progress.done:g}/{progress.total:g}"
            wide = f"{tail} {plain(progress.unit)}{left}"
            spare = room - sum(len(text) for text, _ in bar)
            # the time left rather than the unit, which the bar's job tells anyway
            tail = wide if len(wide) < spare else tail + left
            return [*bar, (shortened(tail, spare).ljust(spare), "text")]
        calm = row.verdict.state.is_over and row.summary
        bad = state_words(row.verdict.state)[2] in {"bad", "warn"}
        says = reason_of(row) if bad or not calm else row.summary
        if len(says) >= room:  # the tutorial's own word for them, as in "5mics"
            says = says.replace(" micrographs", " mics")
        role = "text" if bad else "dim"
        return [(shortened(plain(says), room - 1).ljust(room), role)]
