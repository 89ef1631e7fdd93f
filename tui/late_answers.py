"""Late answers of the terminal, kept from being taken for keys.

Over a slow link they may: Textual would take the letters of an answer that it does not
know for keys that were pressed.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterable
from typing import ClassVar

from textual._xterm_parser import XTermParser
from textual.drivers import linux_driver
from textual.message import Message

from tui.hang_up import end_with_terminal

#: of kitty's protocol, of colors and sizes, of cells, of attributes
_ANSWER = re.compile(
    r"\x1b_G[^\x1b]*\x1b\\|\x1b\[\?[0-9;]*[cS]|\x1b\[6;[0-9]+;[0-9]+t|\x1b\[0n"
)
_READY = "\x1b[0n"  # to a question about the terminal's state: all before it is drawn
#: what may become one when more has come; a lone ESC or "ESC [" is a key's
_BEGINNING = re.compile(r"\x1b(?:_G[^\x1b]*\x1b?|\[\?[0-9;]*|\[6;[0-9;]*|\[0)\Z")
#: what may be the Escape key too: only kept, for a moment, while answers are missing
_FIRST_LETTERS = re.compile(r"\x1b[\[_]?\Z|\x1b\[6\Z")
ASK_READY = "\x1b[5n"
_LONGEST = 200
_MOMENT_S = 0.1


class DeafParser(XTermParser):
    """Textual's parser of keys, without the answers among them."""

    are_missing: ClassVar[bool] = False  # the terminal was asked and did not answer
    #: what waits until the terminal has drawn all that it was sent
    waiting: ClassVar[tuple[asyncio.AbstractEventLoop, asyncio.Event] | None] = None
    _held = ""
    _held_at = 0.0

    def feed(self, data: str) -> Iterable[Message]:
        """Messages of what was typed."""
        if data and not (data := self.without_answers(data)):
            return []  # to feed nothing means the end
        return super().feed(data)

    def without_answers(self, data: str) -> str:
        """What is left for keys; the beginning of an answer is kept until its end."""
        text = self._held + data
        if _READY in text and DeafParser.waiting is not None:
            (loop, is_drawn), DeafParser.waiting = DeafParser.waiting, None
            loop.call_soon_threadsafe(is_drawn.set)
        text = _ANSWER.sub("", text)
        begun = _BEGINNING.search(text[-_LONGEST:])
        if begun is None and (self.are_missing or self.waiting is not None):
            begun = _FIRST_LETTERS.search(text[-3:])
        self._held = begun[0] if begun else ""
        self._held_at = time.monotonic()
        return text[: len(text) - len(self._held)]

    def tick(self) -> Iterable[Message]:
        """Give the Escape key back, which did not begin an answer."""
        if self._held and time.monotonic() - self._held_at > _MOMENT_S:
            text, self._held = self._held, ""
            yield from super().feed(text)
        yield from super().tick()


class DeafDriver(linux_driver.LinuxDriver):
    """Textual's driver with that parser."""

    def run_input_thread(self) -> None:
        """Wait for input and dispatch events."""
        setattr(linux_driver, "XTermParser", DeafParser)  # noqa: B010
        end_with_terminal(self.fileno)
        super().run_input_thread()

    def start_application_mode(self) -> None:
        """Take the terminal, at the start or back from another program."""
        super().start_application_mode()  # type: ignore[no-untyped-call]
        begin_anew = getattr(self._app, "begin_anew", None)
        if begin_anew is not None:
            begin_anew()
