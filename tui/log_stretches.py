"""Where a search goes: lines that are here, the rest of the file, and round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tui.log_window import LogWindow


@dataclass(slots=True)
class Stretch:
    """Lines that are here (`lines`), else bytes of the file between two offsets."""

    lines: Sequence[int] | None = None
    stream: str = "out"
    start: int = 0
    end: int = -1  # -1: the end of the file
    is_backward: bool = False

    def go_on(self, reached: int) -> None:
        """Leave out what has been looked through."""
        if self.is_backward:
            self.end = reached
        else:
            self.start = reached


class Loaded(Protocol):
    """What is here of a log."""

    window: LogWindow
    has_more: bool

    @property
    def texts(self) -> list[str]:
        """The lines that are here."""


def other_stream(stream: str) -> str:
    """The one of run.out and run.err that is not shown."""
    return "err" if stream == "out" else "out"


def forward(view: Loaded, stream: str, line: int) -> list[Stretch]:
    """From a line that is here to the end, and round to it."""
    window, total = view.window, len(view.texts)
    line = min(line, total)
    plan = [Stretch(range(line, total))]
    if view.has_more:
        plan.append(Stretch(stream=stream, start=window.end))
    if window.start > 0:
        plan.append(Stretch(stream=stream, end=window.start))
    return [*plan, Stretch(range(line))]


def backward(view: Loaded, stream: str, line: int) -> list[Stretch]:
    """From before a line that is here to the beginning, and round to it."""
    window, total = view.window, len(view.texts)
    plan = [Stretch(range(min(line, total) - 1, -1, -1))]
    if window.start > 0:
        plan.append(Stretch(stream=stream, end=window.start, is_backward=True))
    if view.has_more:
        plan.append(Stretch(stream=stream, start=window.end, is_backward=True))
    return [*plan, Stretch(range(total - 1, line - 1, -1))]
