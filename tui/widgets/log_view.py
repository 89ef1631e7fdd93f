"""A growing log: colors by what lines say, progress bars as bars, search, following."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from remote.agent.log_search import Pattern, is_error
from tui.charts import Line, progress_bar
from tui.log_window import LogWindow
from tui.plain import plain
from tui.widgets.lines import LinesView, strip_of

_WARNING = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)
# RELION's: " 3.50/7.12 min .........~~(,_,">"
_MOUSE = re.compile(r"^\s*([\d.]+)\s*/\s*([\d.?]+)\s*(sec|min|hrs?)\b[ .]*~~\(,_,\"?>?")


def role_of(line: str) -> str:
    """Role in the palette of a log's line."""
    if is_error(line):
        return "bad"
    return "warn" if _WARNING.search(line) else "text"


def relion_bar(line: str, width: int) -> Line | None:
    """RELION's running mouse as a bar; None if the line is something else."""
    match = _MOUSE.match(line)
    if match is None:
        return None
    done, total, unit = match.groups()
    try:
        fraction = float(done) / float(total)
    except (ValueError, ZeroDivisionError):
        fraction = 0.0
    bar = progress_bar(fraction, 1.0, max(8, min(40, width - 28)))
    return [("  ", "text"), *bar, (f"  {done} of {total} {unit}", "dim")]


NEAR_LINES = 200  # from an edge of what is here: more is fetched


class Edge(Enum):
    """What of the file is wanted besides the lines that are here."""

    BEFORE = "before"
    AFTER = "after"
    FIRST = "first"
    LAST = "last"


class LogView(LinesView):
    """A window on a log; it says when one comes near an edge that more lies beyond."""

    class Wanted(Message):
        """Other lines than those here are wanted."""

        def __init__(self, edge: Edge) -> None:
            super().__init__()
            self.edge = edge

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "down", show=False),
        Binding("up,k", "scroll_up", "up", show=False),
        Binding("G,end", "follow", "follow the end"),
        Binding("g,home", "top", "to the beginning", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.window = LogWindow()
        self.partial = ""
        self.pattern: Pattern | None = None
        self.mark: int | None = None  # the line that was found last
        self.is_following = True
        self.has_more = False  # of the file, behind the last line
        self._widest = 0
        self._will_go = False
        self._is_led = False

    @property
    def texts(self) -> list[str]:
        """The lines that are here."""
        return self.window.texts

    @property
    def is_near_end(self) -> bool:
        """Whether what is added would soon be seen."""
        bottom = self.scroll_offset.y + self.size.height
        return self.is_following or bottom > len(self.texts) - NEAR_LINES

    @property
    def is_near_start(self) -> bool:
        """Whether what is before would soon be seen."""
        return self.scroll_offset.y < NEAR_LINES

    def clear(self) -> None:
        """Begin anew."""
        self._jump(0)
        self.window.clear()
        self.partial, self.has_more, self.mark = "", False, None
        self._widest = 0
        self._grown()

    def add(self, text: str, partial: str, start: int, end: int) -> None:
        """Add whole lines and show the unfinished last one."""
        dropped = self.window.append(text, start, end)
        self.partial = plain(partial)
        self._grown()
        if dropped:
            self._move(-dropped)

    def add_before(self, text: str, start: int, end: int) -> None:
        """Add lines above; what is on the screen stays there."""
        before = self.window.end
        added = self.window.prepend(text, start, end)
        if self.window.end < before:
            self.partial, self.has_more = "", True
        self._grown()
        self._move(added)

    def show_page(self, text: str, start: int, end: int, line: int) -> None:
        """Show other lines, at one of them."""
        self.window.clear()
        self.partial, self._widest = "", 0
        self.is_following = False
        self.window.append(text, start, end)
        self._grown()
        self.go_to(line)

    def _grown(self) -> None:
        total = len(self.texts) + (1 if self.partial else 0)
        self._widest = max(self._widest, max(map(len, self.texts[-5000:]), default=0))
        self.virtual_size = Size(self._widest, total)
        if self.is_following and not self._will_go:
            self._will_go = True
            self.call_after_refresh(self._to_end)
        self.refresh()

    def _move(self, lines: int) -> None:
        """Lines came or went above: what one reads stays where it is."""
        if self.mark is not None:
            self.mark = self.mark + lines if self.mark + lines >= 0 else None
        if not self.is_following:
            self._jump(max(0, self.scroll_offset.y + lines))

    def _jump(self, y: int) -> None:
        """Go to a line by the program's will, not the person's."""
        self._is_led = True
        self.scroll_to(y=y, animate=False, immediate=True)
        self._is_led = False

    def _to_end(self) -> None:
        if self.is_following:
            self._jump(self.max_scroll_y)
        self._will_go = False

    def on_resize(self) -> None:
        """Stay at the end if one follows."""
        self._to_end()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Let go of the end when one scrolls up, take it again at the end."""
        super().watch_scroll_y(old, new)
        if self._will_go or self._is_led:
            return
        if new < old:
            self.is_following = False
            if self.is_near_start and self.window.start > 0:
                self.post_message(self.Wanted(Edge.BEFORE))
        elif self.has_more:
            if self.is_near_end:
                self.post_message(self.Wanted(Edge.AFTER))
        elif new >= self.max_scroll_y:
            self.is_following = True

    def action_follow(self) -> None:
        """Stay at the end from now on."""
        if self.has_more:
            self.post_message(self.Wanted(Edge.LAST))
            return
        self.is_following = True
        self.scroll_end(animate=False)

    def action_top(self) -> None:
        """Go to the first line of the log."""
        self.is_following = False
        if self.window.start > 0:
            self.post_message(self.Wanted(Edge.FIRST))
            return
        self.scroll_home(animate=False)

    # looking for lines

    @property
    def current(self) -> int:
        """The line from which one looks on: the one found last, if it is on screen."""
        top = self.scroll_offset.y
        if self.mark is not None and top <= self.mark < top + self.size.height:
            return self.mark
        return top

    def look_for(self, text: str | None) -> None:
        """Show where a text stands (errors if it is empty); None: nothing."""
        self.pattern = None if text is None else Pattern(text)
        self.mark = None
        self.refresh()

    def find(self, lines: Iterable[int]) -> bool:
        """Go to the first of these lines that is looked for; whether one is."""
        pattern, texts = self.pattern, self.texts
        if pattern is None:
            return False
        for at in lines:
            if pattern.is_in(texts[at]):
                self.go_to(at)
                return True
        return False

    def go_to(self, at: int) -> None:
        """Show a line, with some of what stands before it."""
        self.is_following = False
        self.mark = at
        self._jump(max(0, at - self.size.height // 3))
        self.refresh()

    # drawing

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        at = y + self.scroll_offset.y
        left, width = self.scroll_offset.x, self.size.width
        if at < len(self.texts):
            text, role = self.texts[at], role_of(self.texts[at])
        elif at == len(self.texts) and self.partial:
            text, role = self.partial, "dim"
        else:
            return strip_of(self, [], width)
        is_mark = at == self.mark and self.pattern is not None
        bar = None if is_mark else relion_bar(text, width)
        if bar is not None:
            return strip_of(self, bar, width)
        if is_mark:
            return strip_of(self, [(text, role)], left + width, ground="found").crop(
                left, left + width
            )
        line: Line = [(text, role)]
        if self.pattern is not None and self.pattern.text:
            line = _marked(text, role, self.pattern.text)
        return strip_of(self, line, left + width).crop(left, left + width)


def _marked(text: str, role: str, needle: str) -> Line:
    line: Line = []
    lowered, at = text.lower(), 0
    while True:
        found = lowered.find(needle, at)
        if found < 0:
            return [*line, (text[at:], role)]
        end = found + len(needle)
        line += [(text[at:found], role), (text[found:end], "title on found")]
        at = end
