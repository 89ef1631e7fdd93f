"""Keys that come faster than screens open wait for what the key before them opens.

Without this, of `n4` typed in one go the 4 would still go to the view that n leaves:
a fast typist, a pasted line or a slow machine would lose letters.
"""

from __future__ import annotations

from collections import deque
from typing import Any

from textual.app import App, ReturnType
from textual.events import Event, Key
from textual.message_pump import MessagePump

ROUNDS = 3  # a key may be a message that answers a question that opens a screen
PATIENCE_S = 0.5  # then the rest is let go, whatever the one before is doing


class TypeAhead(App[ReturnType]):
    """An application that takes one key after the other."""

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        self._kept: deque[Key] = deque()
        self._is_busy = False
        self._turn = 0

    async def on_event(self, event: Event) -> None:
        """Take a key, or keep it until the one before has had its effect."""
        if not isinstance(event, Key) or event.is_forwarded:
            await super().on_event(event)
        elif self._is_busy:
            self._kept.append(event)
            if len(self._kept) == 1:
                self._be_patient()
        else:
            await self._take(event)

    async def _take(self, key: Key) -> None:
        self._is_busy = True
        self._turn += 1
        await super().on_event(key)
        self._follow(self._turn, ROUNDS)

    def _follow(self, turn: int, rounds: int) -> None:
        """Go the way that a key goes, behind it: from the focus up to here."""
        if rounds and self.is_running:
            self._climb(self.focused or self.screen, turn, rounds)
        else:
            self.call_later(self._next, turn)

    def _climb(self, node: MessagePump | None, turn: int, rounds: int) -> None:
        if node is None or node is self:
            self.call_later(self._follow, turn, rounds - 1)
        elif not node.call_later(self._climb, node._parent, turn, rounds):
            self.call_later(self._climb, node._parent, turn, rounds)  # it is closing

    def _be_patient(self) -> None:
        turn = self._turn
        self.set_timer(PATIENCE_S, lambda: self.call_later(self._next, turn))

    async def _next(self, turn: int) -> None:
        if turn != self._turn or not self._is_busy:
            return
        self._is_busy = False
        if self._kept:
            key = self._kept.popleft()
            await self._take(key)
            if self._kept:
                self._be_patient()
