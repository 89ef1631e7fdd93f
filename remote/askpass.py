"""The questions of the person's own ssh, brought to `Prompts`.

ssh runs a small program (SSH_ASKPASS) for each question. Ours passes the text through a
socket in a private folder and prints the answer; nothing is written to a file.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from pathlib import Path

from remote.agent.text import clean, one_line
from remote.prompts import HostKey, Prompts, Question

# runs in a bare python; exit status 1 tells ssh that the person gave up
_PROGRAM = """#!/bin/sh
exec {python} -I -S -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect({socket})
s.sendall(sys.argv[1].encode("utf-8", "replace"))
s.shutdown(socket.SHUT_WR)
said = b""
while True:
    piece = s.recv(65536)
    if not piece:
        break
    said += piece
if said[:1] != b"+":
    sys.exit(1)
sys.stdout.buffer.write(said[1:])
' "$1"
"""
_UNKNOWN_HOST = re.compile(
    r"authenticity of host '(?P<host>[^']*)'.*?(?P<type>[A-Z0-9-]+) key fingerprint is "
    r"(?P<print>SHA256:[A-Za-z0-9+/=]+)",
    re.DOTALL,
)
_MAX_QUESTION = 65536


class Askpass:
    """Answers ssh's questions while one connection is being opened."""

    def __init__(self, host: str, prompts: Prompts) -> None:
        self.asked = False
        self.gave_up = False
        self._host = host
        self._prompts = prompts
        self._folder = ""
        self._server: asyncio.Server | None = None
        self._turn = asyncio.Lock()

    async def start(self) -> dict[str, str]:
        """Begin to listen; what must be in ssh's environment."""
        self._folder = tempfile.mkdtemp(prefix="cryodeck-")
        socket = str(Path(self._folder) / "ask")
        program = Path(self._folder) / "askpass"
        place = json.dumps(socket)
        text = _PROGRAM.format(python=shlex.quote(sys.executable), socket=place)
        program.write_text(text, encoding="utf-8")
        program.chmod(0o700)
        self._server = await asyncio.start_unix_server(self._answer, socket)
        environment = {"SSH_ASKPASS": str(program), "SSH_ASKPASS_REQUIRE": "force"}
        if "DISPLAY" not in os.environ:
            environment["DISPLAY"] = "none:0"  # before OpenSSH 8.4 it had to be there
        return environment

    async def stop(self) -> None:
        """Listen no more; remove the folder."""
        if self._server is not None:
            self._server.close()
            self._server = None
        if self._folder:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError):
            question = await reader.read(_MAX_QUESTION)
            async with self._turn:
                answer = await self._ask(question.decode("utf-8", "replace"))
            if answer is not None:
                writer.write(b"+" + answer.encode() + b"\n")
                await writer.drain()
        writer.close()

    async def _ask(self, question: str) -> str | None:
        if self.gave_up:
            return None
        unknown = _UNKNOWN_HOST.search(question)
        if unknown is not None:
            key = HostKey(
                host=one_line(unknown["host"]),
                port=_port_of(unknown["host"]),
                type=unknown["type"].lower(),
                fingerprint=unknown["print"],
                known_hosts="the file of your ssh config",
            )
            agreed = await self._prompts.host_key(key)
            self.gave_up = not agreed
            return "yes" if agreed else "no"
        if "yes/no" in question:
            return "no"  # a question about a key that was not understood
        self.asked = True
        title, _, last = clean(question).strip().rpartition("\n")
        asked = [Question(text=last.strip() or "Answer")]
        answers = await self._prompts.ask(self._host, "ssh", title.strip(), asked)
        self.gave_up = answers is None
        return answers[0] if answers else None


def _port_of(host: str) -> int:
    match = re.search(r"\]:([0-9]+)", host)
    return int(match[1]) if match else 22
