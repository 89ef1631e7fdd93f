"""Micrographs with check boxes: picks, defocus and how well the CTF was fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click
from textual.message import Message
from textual.strip import Strip

from tui.charts import Line
from tui.plain import plain, shortened_path
from tui.widgets.lines import LinesView, strip_of

Item = dict[str, Any]
#: title, key, width, format, whether the largest comes first
COLUMNS: tuple[tuple[str, str, int, Callable[[float], str], bool], ...] = (
    ("picks", "picks", 7, lambda v: f"{v:.0f}", True),
    ("defocus µm", "defocus", 11, lambda v: f"{v / 1e4:.2f}", False),
    ("CTF Å", "ctf_resolution", 7, lambda v: f"{v:.1f}", False),
    ("CTF FOM", "ctf_fom", 9, lambda v: f"{v:.3f}", True),
)


class TickList(LinesView):
    """Rows in an order of their own; tells `Ticked` and `Chosen` by row of the list."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "next", show=False),
        Binding("up,k", "move(-1)", "previous", show=False),
        Binding("pagedown", "move(15)", "a page down", show=False),
        Binding("pageup", "move(-15)", "a page up", show=False),
        Binding("home", "move(-1000000)", "first", show=False),
        Binding("end,G", "move(1000000)", "last", show=False),
        Binding("space", "tick", "tick"),
        Binding("r", "range", "tick from the last one to here", show=False),
        Binding("enter", "choose", "open"),
        Binding("s", "sort", "sort", show=False),
    ]

    class Ticked(Message):
        """Boxes were ticked or not any more."""

    class Moved(Message):
        """The cursor is on another row."""

    class Chosen(Message):
        """A micrograph is to be shown."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__(id="ticks")
        self.items: Sequence[Item] = ()
        self.ticks: list[bool] = []
        self.order: list[int] = []
        self.at = 0  # place in the order
        self.sort_at = 0  # 0: as in the list
        self.is_fixed = False
        self._last = 0  # row that was ticked last

    def show_items(self, items: Sequence[Item], ticks: list[bool]) -> None:
        """Put micrographs in; `ticks` is changed in place."""
        self.items, self.ticks = items, ticks
        self._arrange()

    @property
    def row(self) -> int:
        """Row of the list under the cursor."""
        return self.order[self.at] if self.order else 0

    @property
    def sort_words(self) -> str:
        """The order in words; "" as in the list."""
        return f"by {COLUMNS[self.sort_at - 1][0]}" if self.sort_at else ""

    def _arrange(self) -> None:
        row = self.row
        self.order = list(range(len(self.items)))
        if self.sort_at:
            _, key, _, _, is_reversed = COLUMNS[self.sort_at - 1]

            def place(i: int) -> tuple[bool, float]:
                value = self.items[i].get(key)
                if value is None:
                    return True, 0.0
                return False, -value if is_reversed else value

            self.order.sort(key=place)
        if row in self.order:
            self.at = self.order.index(row)
        self.show_lines([[] for _ in self.items])
        self._keep_in_sight()

    def _keep_in_sight(self) -> None:
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if self.at < top:
            self.scroll_to(y=self.at, animate=False)
        elif self.at >= top + height:
            self.scroll_to(y=self.at - height + 1, animate=False)
        self.refresh()

    def go_to_row(self, row: int) -> None:
        """Put the cursor on a row of the list."""
        if row in self.order:
            self.at = self.order.index(row)
            self._keep_in_sight()
            self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        """Go to another row."""
        if self.order:
            self.at = max(0, min(self.at + step, len(self.order) - 1))
            self._keep_in_sight()
            self.post_message(self.Moved())

    def action_sort(self) -> None:
        """Take the next order."""
        self.sort_at = (self.sort_at + 1) % (len(COLUMNS) + 1)
        self._arrange()
        self.post_message(self.Moved())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Look only, if one may only look."""
        return not (self.is_fixed and action in {"tick", "range"})

    def action_tick(self) -> None:
        """Tick the micrograph, or not any more; go to the next."""
        if self.order:
            self._last = self.row
            self.ticks[self.row] = not self.ticks[self.row]
            self.post_message(self.Ticked())
            self.action_move(1)

    def action_range(self) -> None:
        """Give all from the one ticked last to here what that one has."""
        if not self.order:
            return
        first = self.order.index(self._last) if self._last in self.order else 0
        low, high = sorted((first, self.at))
        for place in range(low, high + 1):
            self.ticks[self.order[place]] = self.ticks[self._last]
        self.refresh()
        self.post_message(self.Ticked())

    def action_choose(self) -> None:
        """Show the micrograph."""
        if self.order:
            self.post_message(self.Chosen(self.row))

    def on_click(self, event: Click) -> None:
        """Tick the box under the mouse; open with two clicks elsewhere."""
        place = event.y + self.scroll_offset.y
        if not 0 <= place < len(self.order):
            return
        self.at = place
        self.refresh()
        if event.x < 4 and not self.is_fixed:
            self._last = self.row
            self.ticks[self.row] = not self.ticks[self.row]
            self.post_message(self.Ticked())
        elif event.chain == 2:
            self.action_choose()
        self.post_message(self.Moved())

    # drawing

    def columns(self) -> list[tuple[str, str, int, Callable[[float], str], bool]]:
        """Columns that hold something, as many as there is room for."""
        room, found = self.size.width - 36, []
        for column in COLUMNS:
            known = any(item.get(column[1]) is not None for item in self.items)
            if (known or column[1] == "picks") and room >= column[2]:
                found.append(column)
                room -= column[2]
        return found

    def head(self) -> Line:
        """Titles over the columns."""
        columns = self.columns()
        room = self.size.width - 10 - sum(column[2] for column in columns)
        line: Line = [("  ☑     ".ljust(9) + "micrograph".ljust(max(1, room)), "faint")]
        for title, _, width, _, _ in columns:
            is_sorted = self.sort_at and COLUMNS[self.sort_at - 1][0] == title
            line.append((title.rjust(width), "accent" if is_sorted else "faint"))
        return line

    def render_line(self, y: int) -> Strip:
        """One micrograph."""
        place, width = y + self.scroll_offset.y, self.size.width
        if place >= len(self.order):
            return strip_of(self, [], width)
        row = self.order[place]
        item, tick = self.items[row], self.ticks[row]
        columns = self.columns()
        room = max(1, width - 10 - sum(column[2] for column in columns))
        name = plain(item["name"])
        if len(name) > room:
            name = shortened_path(name, room)
        exists = item.get("exists", True)
        line: Line = [
            (" [x]" if tick else " [ ]", "good" if tick else "dim"),
            (f"{row + 1:4d} ", "faint"),
            (name.ljust(room), "text" if tick and exists else "dim"),
        ]
        for _, key, wide, form, _ in columns:
            value = item.get(key)
            words = "-" if value is None else form(value)
            is_picks = key == "picks" and value
            line.append((words.rjust(wide), "title" if is_picks else "dim"))
        return strip_of(self, line, width, "cursor" if place == self.at else "")
