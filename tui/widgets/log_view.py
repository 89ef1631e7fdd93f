"""A growing log: colors by what lines say, progress bars as bars, search, following."""

from __future__ import annotations

import re
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.strip import Strip

from tui.charts import Line, progress_bar
from tui.plain import plain
from tui.widgets.lines import LinesView, strip_of

MAX_LINES = 50_000
_ERROR = re.compile(
    r"\berror\b|traceback|segmentation fault|oom[_-]kill|out of memory|killed by|"
    r"\bfatal\b|mpi_abort|bad termination|exception|cannot |no such file",
    re.IGNORECASE,
)
_NO_ERROR = re.compile(r"\b(0|no) errors?\b|error (rate|estimate)", re.IGNORECASE)
_WARNING = re.compile(r"\bwarn(ing)?\b", re.IGNORECASE)
# RELION's: " 3.50/7.12 min .........~~(,_,">"
_MOUSE = re.compile(r"^\s*([\d.]+)\s*/\s*([\d.?]+)\s*(sec|min|hrs?)\b[ .]*~~\(,_,\"?>?")


def is_error(line: str) -> bool:
    """Whether a line of a log tells of something that went wrong."""
    return bool(_ERROR.search(line)) and not _NO_ERROR.search(line)


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


class LogView(LinesView):
    """Lines kept up to a limit, the oldest forgotten first."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "down", show=False),
        Binding("up,k", "scroll_up", "up", show=False),
        Binding("G,end", "follow", "follow the end"),
        Binding("g,home", "top", "to the top", show=False),
    ]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.texts: list[str] = []
        self.partial = ""
        self.forgotten = 0
        self.needle = ""
        self.is_following = True
        self._widest = 0
        self._will_go = False

    def clear(self) -> None:
        """Begin anew."""
        self.texts, self.partial, self.forgotten = [], "", 0
        self._widest = 0
        self._grown()

    def add(self, text: str, partial: str) -> None:
        """Add whole lines and show the unfinished last one."""
        if text:
            lines = [plain(line) for line in text.split("\n")]
            if lines and lines[-1] == "":
                lines.pop()
            self.texts += lines
            self._widest = max(self._widest, max(map(len, lines), default=0))
            over = len(self.texts) - MAX_LINES
            if over > 0:
                del self.texts[:over]
                self.forgotten += over
        self.partial = plain(partial)
        self._grown()

    def _grown(self) -> None:
        total = len(self.texts) + (1 if self.partial else 0)
        self.virtual_size = Size(self._widest, total)
        if self.is_following and not self._will_go:
            self._will_go = True
            self.call_after_refresh(self._to_end)
        self.refresh()

    def _to_end(self) -> None:
        self._will_go = False
        if self.is_following:
            self.scroll_end(animate=False, immediate=True, x_axis=False)

    def on_resize(self) -> None:
        """Stay at the end if one follows."""
        self._to_end()

    def watch_scroll_y(self, old: float, new: float) -> None:
        """Let go of the end when one scrolls up, take it again at the end."""
        super().watch_scroll_y(old, new)
        if new < old:
            self.is_following = False
        elif new >= self.max_scroll_y:
            self.is_following = True

    def action_follow(self) -> None:
        """Stay at the end from now on."""
        self.is_following = True
        self.scroll_end(animate=False)

    def action_top(self) -> None:
        """Go to the first line that is kept."""
        self.is_following = False
        self.scroll_home(animate=False)

    def find(self, needle: str, *, forward: bool = True) -> bool:
        """Go to the next line that holds a text; whether there is one."""
        self.needle = needle.lower()
        if not self.needle:
            self.refresh()
            return True
        order = range(len(self.texts))
        here = self.scroll_offset.y
        if forward:
            order = [*range(here + 1, len(self.texts)), *range(here + 1)]  # type: ignore[assignment]
        else:
            order = [
                *range(here - 1, -1, -1),
                *range(len(self.texts) - 1, here - 1, -1),
            ]  # type: ignore[assignment]
        for at in order:
            if self.needle in self.texts[at].lower():
                self._show(at)
                return True
        self.refresh()
        return False

    def first_error(self) -> bool:
        """Go to the first line that tells of an error; whether there is one."""
        for at, line in enumerate(self.texts):
            if is_error(line):
                self._show(at)
                return True
        return False

    def _show(self, at: int) -> None:
        self.is_following = False
        self.scroll_to(y=max(0, at), animate=False)
        self.refresh()

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
        bar = relion_bar(text, width)
        if bar is not None:
            return strip_of(self, bar, width)
        line: Line = self._marked(text, role) if self.needle else [(text, role)]
        return strip_of(self, line, left + width).crop(left, left + width)

    def _marked(self, text: str, role: str) -> Line:
        line: Line = []
        lowered, at = text.lower(), 0
        while True:
            found = lowered.find(self.needle, at)
            if found < 0:
                return [*line, (text[at:], role)]
            end = found + len(self.needle)
            line += [(text[at:found], role), (text[found:end], "title on found")]
            at = end
