"""Questions that only the person can answer; the UI and the command line ask them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class HostKey:
    """The key of a host that is not known yet."""

    host: str
    port: int
    type: str  # "ssh-ed25519"
    fingerprint: str  # "SHA256:..."
    known_hosts: str  # file it would be added to


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One line to be filled in."""

    text: str
    is_secret: bool = True


class Prompts(Protocol):
    """Who can answer. None means that the person gave up."""

    async def host_key(self, key: HostKey) -> bool:
        """Whether to trust an unknown host from now on."""
        ...

    async def ask(
        self, host: str, title: str, instructions: str, questions: Sequence[Question]
    ) -> list[str] | None:
        """Answers to a password, passphrase or keyboard-interactive question."""
        ...

    async def say(self, host: str, text: str) -> None:
        """Show what the host says before the login (a banner)."""
        ...


class NoPrompts:
    """Nobody is there: every question is answered with no."""

    async def host_key(self, key: HostKey) -> bool:
        """No."""
        return False

    async def ask(
        self, host: str, title: str, instructions: str, questions: Sequence[Question]
    ) -> list[str] | None:
        """Nobody answers."""
        return None

    async def say(self, host: str, text: str) -> None:
        """Nobody reads it."""
