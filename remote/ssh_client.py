"""asyncssh's questions during a login, passed on to the person."""

from __future__ import annotations

import asyncio
import base64
import resource
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh

from remote.agent.text import clean, one_line
from remote.known_hosts import KnownHosts, KnownKey, name_of
from remote.prompts import NoPrompts, Prompts, Question

_TRIES = 3
_MAX_ROUNDS = 12


class Client(asyncssh.SSHClient):
    """One login: judges the host key, asks for passwords, codes and passphrases."""

    def __init__(
        self,
        host: str,
        prompts: Prompts,
        known: KnownHosts,
        *,
        patience_s: float,
        identity_files: Sequence[Path],
        alias: str = "",
    ) -> None:
        self.host = host
        self.known = known
        self.limit: asyncio.Timeout | None = None
        self.is_connected = False
        self.asked = False  # whether the person had to answer
        self.gave_up = False
        self.has_person = not isinstance(prompts, NoPrompts)
        self.tried: list[str] = []
        self.name = ""  # as it stands in known_hosts
        #: host, port, type and base64 of a key that is not trusted
        self.shown: tuple[str, int, str, str] | None = None
        self.contradicts: list[KnownKey] = []
        self._alias = alias  # HostKeyAlias: known by this name, whatever the port
        self._prompts = prompts
        self._patience_s = patience_s
        self._passwords = 0
        self._rounds = 0
        self.on_security_key = [p for p in identity_files if is_on_security_key(p)]
        self._locked = [p for p in identity_files if is_locked(p)]
        self._connection: asyncssh.SSHClientConnection | None = None

    # the host

    def trusted(self, host: str, address: str, port: int | None) -> Any:
        """Keys, authorities and revoked keys of a host, as asyncssh wants them."""
        self.name = self._alias or name_of(host, port or 22)
        found = self.known.find([self.name])
        sets: dict[str, list[asyncssh.SSHKey]] = {}
        for entry in found:
            try:
                key = asyncssh.import_public_key(f"{entry.type} {entry.key}")
            except (asyncssh.KeyImportError, ValueError):
                continue
            sets.setdefault(entry.marker, []).append(key)
        return (
            sets.get("", []),
            sets.get("cert-authority", []),
            sets.get("revoked", []),
            [],
            [],
            [],
            [],
        )

    def validate_host_public_key(
        self, host: str, addr: str, port: int, key: asyncssh.SSHKey
    ) -> bool:
        """Note what the host shows; nothing is accepted here."""
        key_type, text = key.export_public_key("openssh").decode().split()[:2]
        self.shown = (host, port, key_type, text)
        self.contradicts = [k for k in self.known.find([self.name]) if not k.marker]
        return False

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        """Give the login its own time once the host has answered."""
        self._connection = conn
        self.is_connected = True

    # the person

    def auth_banner_received(self, msg: str, lang: str) -> None:
        """Show what the host says before the login."""
        text = clean(msg).strip()
        if text:
            task = asyncio.ensure_future(self._prompts.say(self.host, text))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def begin_auth(self, username: str) -> None:
        """Begin to count the time of the login."""
        self._extend()

    def _extend(self) -> None:
        if self.limit is not None:
            now = asyncio.get_running_loop().time()
            self.limit.reschedule(now + self._patience_s)

    async def _ask(
        self, title: str, instructions: str, questions: Sequence[Question]
    ) -> list[str] | None:
        self._extend()
        self.asked = True
        answers = await self._prompts.ask(self.host, title, instructions, questions)
        self._extend()
        keep_no_core()
        if answers is None:
            self.gave_up = True
        return answers

    def _note(self, method: str) -> None:
        if method not in self.tried:
            self.tried.append(method)

    async def public_key_auth_requested(self) -> Any:
        """Offer the next key that is locked with a passphrase."""
        self._note("public key")
        while self._locked and not self.gave_up:
            path = self._locked.pop(0)
            for attempt in range(_TRIES):
                more = "That was not it. " if attempt else ""
                asked = [Question(text=f"Passphrase of {path}")]
                answers = await self._ask("Private key", more, asked)
                if answers is None or answers[0] == "":
                    self.gave_up = False  # the next method may still do
                    break
                try:
                    return [asyncssh.read_private_key(path, answers[0])]
                except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError):
                    continue
        return None

    async def password_auth_requested(self) -> str | None:
        """Ask for the password, three times at most."""
        self._note("password")
        if self.gave_up or self._passwords >= _TRIES:
            return None
        more = "That was not it." if self._passwords else ""
        self._passwords += 1
        asked = [Question(text=f"Password for {self._user()}@{self.host}")]
        answers = await self._ask("Password", more, asked)
        return None if answers is None else answers[0]

    async def password_change_requested(self, prompt: str, lang: str) -> Any:
        """Ask for a new password, which the host demands."""
        asked = [
            Question(text="Old password"),
            Question(text="New password"),
            Question(text="New password again"),
        ]
        text = one_line(prompt) or "The password has expired."
        for _ in range(_TRIES):
            answers = await self._ask("New password", text, asked)
            if answers is None:
                return NotImplemented
            if answers[1] == answers[2]:
                return answers[0], answers[1]
            text = "The new passwords differ."
        return NotImplemented

    def kbdint_auth_requested(self) -> str | None:
        """Take part in keyboard-interactive logins."""
        self._note("keyboard-interactive")
        return None if self.gave_up or self._rounds > _MAX_ROUNDS else ""

    async def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Any
    ) -> list[str] | None:
        """Pass on one round of questions; a round without any is answered at once."""
        self._rounds += 1
        if self.gave_up or self._rounds > _MAX_ROUNDS:
            return None
        title, text = one_line(name), clean(instructions).strip()
        if not prompts:
            if title or text:
                await self._prompts.say(
                    self.host, "\n".join(filter(None, (title, text)))
                )
            return []
        asked = [
            Question(text=one_line(question) or "Answer", is_secret=not echo)
            for question, echo in prompts
        ]
        return await self._ask(title, text, asked)

    def _user(self) -> str:
        if self._connection is None:
            return ""
        return str(self._connection.get_extra_info("username") or "")


def keep_no_core() -> None:
    """Have no image of this program's memory written if it crashes: a secret is in it.

    Programs that it starts may ask for theirs again: only the soft limit is changed.
    """
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))


def is_locked(path: Path) -> bool:
    """Whether a private key needs a passphrase."""
    try:
        asyncssh.read_private_key(path)
    except (asyncssh.KeyEncryptionError, asyncssh.KeyImportError) as error:
        text = str(error).lower()
        return "passphrase" in text or "encrypt" in text or "decrypt" in text
    except (OSError, ValueError):
        return False
    return False


def is_on_security_key(path: Path) -> bool:
    """Whether the file of a key is only the handle of one on a FIDO device."""
    try:
        lines = path.read_bytes()[:65536].splitlines()
        text = base64.b64decode(b"".join(lines[1:-1]))
    except (OSError, ValueError):
        return False
    return b"sk-ssh-ed25519@openssh.com" in text or b"sk-ecdsa-sha2-" in text
