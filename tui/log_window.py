"""The stretch of a log that is here: whole lines, and which bytes they are."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from tui.plain import plain

MOST_LINES = 50_000
MOST_CHARACTERS = 16_000_000
_BLOCK_LINES = 2000  # what is forgotten at once, if it came in small pieces
_BLOCK_CHARACTERS = 250_000


@dataclass(slots=True)
class _Block:
    """Lines that came together."""

    start: int
    end: int
    lines: int
    characters: int


class LogWindow:
    """Lines without a gap; what is farthest from the newest addition is forgotten."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._blocks: deque[_Block] = deque()
        self._characters = 0

    @property
    def start(self) -> int:
        """Offset of the first line in the file."""
        return self._blocks[0].start if self._blocks else 0

    @property
    def end(self) -> int:
        """Offset behind the last line."""
        return self._blocks[-1].end if self._blocks else 0

    def clear(self) -> None:
        """Hold nothing."""
        self.texts = []
        self._blocks.clear()
        self._characters = 0

    def append(self, text: str, start: int, end: int) -> int:
        """Add lines after the last; how many were forgotten at the beginning."""
        lines = lines_of(text)
        if not lines:
            if self._blocks:
                self._blocks[-1].end = max(end, self.end)
            return 0
        new = self._block(lines, start, end)
        last = self._blocks[-1] if self._blocks else None
        if last is not None and _fit_together(last, new):
            last.end = end
            last.lines += new.lines
            last.characters += new.characters
        else:
            self._blocks.append(new)
        self.texts += lines
        dropped = 0
        while self._is_too_much and len(self._blocks) > 1:
            dropped += self._forget(self._blocks.popleft())
        del self.texts[:dropped]
        return dropped

    def prepend(self, text: str, start: int, end: int) -> int:
        """Add lines before the first; how many they are."""
        lines = lines_of(text)
        if not lines:
            return 0
        self._blocks.appendleft(self._block(lines, start, end))
        self.texts[:0] = lines
        dropped = 0
        while self._is_too_much and len(self._blocks) > 1:
            dropped += self._forget(self._blocks.pop())
        if dropped:
            del self.texts[-dropped:]
        return len(lines)

    def _block(self, lines: list[str], start: int, end: int) -> _Block:
        characters = sum(map(len, lines))
        self._characters += characters
        return _Block(start, end, len(lines), characters)

    @property
    def _is_too_much(self) -> bool:
        lines = sum(block.lines for block in self._blocks)
        return lines > MOST_LINES or self._characters > MOST_CHARACTERS

    def _forget(self, block: _Block) -> int:
        self._characters -= block.characters
        return block.lines


def _fit_together(first: _Block, second: _Block) -> bool:
    return (
        first.lines + second.lines <= _BLOCK_LINES
        and first.characters + second.characters <= _BLOCK_CHARACTERS
    )


def lines_of(text: str) -> list[str]:
    """Lines of a log, each safe to show."""
    lines = [plain(line) for line in text.split("\n")]
    if lines and lines[-1] == "":
        lines.pop()
    return lines
