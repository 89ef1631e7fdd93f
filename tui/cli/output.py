"""What the command line prints: text for people, one JSON document for programs.

Names, logs and messages come from remote files, so nothing is printed before
`printable` has taken the control characters out of it.
"""

from __future__ import annotations

import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, TextIO

from tui.plain import UNSAFE

if TYPE_CHECKING:
    from tui.charts import Line
    from tui.graphics import PictureMode
    from tui.halfblocks import Canvas

_HISTOGRAM_ROWS = 8
_ROLES = {"dim": "dim", "bar": "cyan", "bar2": "yellow", "mark": "yellow"}
_COLORS = {
    "green": "32",
    "red": "31",
    "yellow": "33",
    "blue": "34",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}


def printable(text: str, *, keep: str = "") -> str:
    r"""Return text with control characters written out, as ``\x1b`` for escape."""

    def shown(found: re.Match[str]) -> str:
        return found[0] if found[0] in keep else _written_out(found[0])

    return UNSAFE.sub(shown, text)


def _written_out(letter: str) -> str:
    return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(
        letter, letter.encode("unicode_escape", "surrogatepass").decode("ascii")
    )


def width_of(text: str) -> int:
    """Count the terminal columns that a text takes."""
    if text.isascii():
        return len(text)
    columns = 0
    for letter in text:
        if unicodedata.combining(letter):
            continue
        columns += 2 if unicodedata.east_asian_width(letter) in {"W", "F"} else 1
    return columns


def clipped(text: str, width: int) -> str:
    """Cut a text to so many columns, with an ellipsis where something is missing."""
    if width_of(text) <= width:
        return text
    while text and width_of(text) > width - 1:
        text = text[:-1]
    return text + "…"


class Output:
    """Where a command's answer goes."""

    def __init__(
        self,
        *,
        as_json: bool = False,
        out: TextIO | None = None,
        err: TextIO | None = None,
    ) -> None:
        self.as_json = as_json
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        for stream in (self._out, self._err):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="backslashreplace")
        self.is_terminal = self._out.isatty()
        self._in_color = self.is_terminal and not os.environ.get("NO_COLOR")
        self._has_status = False

    @property
    def in_color(self) -> bool:
        """Whether colors may be used."""
        return self._in_color

    def line(self, text: str = "", color: str = "") -> None:
        """Print one line for people; nothing with --json."""
        if self.as_json:
            return
        self.clear_status()
        self._out.write(self.painted(printable(text, keep="\t"), color) + "\n")

    def labeled(self, label: str, text: str) -> None:
        """Print one line that begins with a label we have painted ourselves."""
        if not self.as_json:
            self.clear_status()
            self._out.write(label + printable(text, keep="\t") + "\n")

    def block(self, text: str) -> None:
        """Print several lines of remote text for people, its line ends kept."""
        if self.as_json or not text:
            return
        self.clear_status()
        self._out.write(printable(text, keep="\n\t"))
        self._out.flush()

    def drawing(self, lines: Iterable[Line]) -> None:
        """Print the lines of a chart."""
        if self.as_json:
            return
        for line in lines:
            painted = (self.painted(text, _ROLES.get(role, "")) for text, role in line)
            self._out.write("".join(painted).rstrip() + "\n")

    def bars(self, rows: Sequence[tuple[str, float, str]]) -> None:
        """Print a bar for every label and value, with a remark behind it."""
        from tui.charts import BarRow, bar_rows

        shown = [BarRow(printable(a), b, printable(c)) for a, b, c in rows]
        self.drawing(bar_rows(shown, self.width))

    def histogram(self, histogram: dict[str, Any]) -> None:
        """Print the counts of a histogram as columns over an axis."""
        from tui import charts

        lines = charts.histogram(
            histogram["edges"], histogram["counts"], self.width, _HISTOGRAM_ROWS
        )
        self.drawing(lines)

    @property
    def width(self) -> int:
        """Columns of a chart."""
        return max(40, min(100, _columns() - 1))

    def picture_mode(self) -> PictureMode:
        """Ask the terminal which kind of pictures it has, if there is one."""
        from tui.graphics import PictureMode, choose

        if self.as_json or not (self._out.isatty() and sys.stdin.isatty()):
            return PictureMode(kind="blocks" if self.in_color else "ascii")
        return choose()

    def picture(self, canvas: Canvas, mode: PictureMode | None = None) -> None:
        """Print a picture: in pixels, in colors and half-blocks, else in letters."""
        from tui.graphics import Answers, PictureMode, window_cell
        from tui.halfblocks import escape_lines

        if mode is None:
            cell = window_cell() if self._out.isatty() else None
            mode = PictureMode(answers=Answers(cell=cell))
        kind = mode.kind
        if self.as_json or kind == "none":
            return
        if mode.has_pixels:
            self._out.write(printed(canvas, mode))
            self._out.flush()
            return
        canvas = canvas.flattened(mode.tall)
        if self.in_color and kind != "ascii":
            lines = escape_lines(canvas, is_grey=kind == "grey")
        else:
            rows = range(canvas.height // 2)
            lines = [canvas.ascii_row(row).rstrip() for row in rows]
        self._out.write("\n".join(lines) + "\n")

    def result(self, value: Any) -> None:
        """Print the JSON document of a command; nothing without --json."""
        if self.as_json:
            self._out.write(json.dumps(value, indent=2, allow_nan=False) + "\n")
            self._out.flush()

    def record(self, value: Any) -> None:
        """Print one JSON object on a line of its own, for commands that go on."""
        if self.as_json:
            self._out.write(json.dumps(value, allow_nan=False) + "\n")
            self._out.flush()

    def table(self, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print columns; those whose head begins with ``>`` stand to the right."""
        if self.as_json:
            return
        lines = [[head.lstrip(">") for head in heads]]
        lines += [[printable(cell) for cell in row] for row in rows]
        widths = [
            max(width_of(cell) for cell in column)
            for column in zip(*lines, strict=False)
        ]
        for number, cells in enumerate(lines):
            parts = [
                _padded(cell, width, to_right=head.startswith(">"))
                for cell, width, head in zip(cells, widths, heads, strict=False)
            ]
            text = "  ".join(parts).rstrip()
            self._out.write(self.painted(text, "dim" if number == 0 else "") + "\n")

    def warning(self, text: str) -> None:
        """Say on the error stream what the person should know."""
        self.clear_status()
        self._err.write(f"cryodeck: {printable(text)}\n")
        self._err.flush()

    def error(self, text: str, exit_code: int) -> None:
        """Say in one line why a command failed, as JSON too if that was asked for."""
        self.clear_status()
        if self.as_json:
            self._out.write(json.dumps({"error": text, "exit_code": exit_code}) + "\n")
            self._out.flush()
        self._err.write(f"cryodeck: {printable(' '.join(text.split()))}\n")
        self._err.flush()

    def status(self, text: str) -> None:
        """Show what is going on in one line that the next one replaces."""
        if self._err.isatty():
            columns = _columns() - 1
            self._err.write("\r\x1b[K" + clipped(printable(text), columns))
            self._err.flush()
            self._has_status = True

    def clear_status(self) -> None:
        """Take the status line away."""
        if self._has_status:
            self._err.write("\r\x1b[K")
            self._err.flush()
            self._has_status = False

    def painted(self, text: str, color: str) -> str:
        """Return text in a color if colors may be used."""
        if not color or not self._in_color:
            return text
        return f"\x1b[{_COLORS[color]}m{text}\x1b[0m"


def printed(canvas: Canvas, mode: PictureMode) -> str:
    """A picture in a terminal's pixels, the cursor below it."""
    from tui.pixel_image import pixel_image
    from tui.pixel_protocols import kitty_placement, kitty_transmission, through_tmux

    image = pixel_image(
        canvas, mode.kind, cell=mode.cell, most_bytes=10 * mode.view_bytes
    )
    rows = -(-image.height // mode.cell[1])
    room = "\n" * rows + f"\x1b[{rows}A"
    if mode.kind == "sixel":
        return f"{room}\x1b7{image.sixels}\x1b8\x1b[{rows}B"
    number = int.from_bytes(image.key[:3], "big") or 1
    parts = kitty_transmission(image.png, number)
    parts.append(kitty_placement(number, 1, (0, 0, image.width, image.height)))
    if mode.in_tmux:
        parts = [through_tmux(part) for part in parts]
    return f"{room}{''.join(parts)}\x1b[{rows}B"


def _padded(cell: str, width: int, *, to_right: bool) -> str:
    blanks = " " * (width - width_of(cell))
    return blanks + cell if to_right else cell + blanks


def _columns() -> int:
    import shutil

    return shutil.get_terminal_size().columns
