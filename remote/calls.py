"""A request to an agent that is under way, and how far it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from remote.views import HowFar

OnProgress = Callable[[HowFar], None]


@dataclass(slots=True)
class Call:
    """One request under way."""

    message: dict[str, Any]
    blob: bytes
    reads_only: bool
    answer: asyncio.Future[tuple[Any, bytes]] = field(repr=False)
    hear: Callable[[dict[str, Any]], None] | None = None  # how far it is


def hearer(
    limit: asyncio.Timeout, seconds: float, on_progress: OnProgress
) -> Callable[[dict[str, Any]], None]:
    """A callback for progress; each call of it restarts the request's time limit."""

    def hear(said: dict[str, Any]) -> None:
        limit.reschedule(asyncio.get_running_loop().time() + seconds)
        on_progress(HowFar(**said))

    return hear
