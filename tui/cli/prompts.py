"""Questions asked on the terminal: host keys, passwords, codes.

Nothing is accepted silently. Without a terminal every question is answered with no, and
the person is told which command to run in one.
"""

from __future__ import annotations

import asyncio
import contextlib
import getpass
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from remote.prompts import HostKey, Question
    from tui.cli.output import Output


class TerminalPrompts:
    """Asks the person at the terminal; see `remote.prompts.Prompts`."""

    def __init__(self, output: Output, cluster: str) -> None:
        self._output = output
        self._cluster = cluster

    async def host_key(self, key: HostKey) -> bool:
        """Show an unknown host's key; only the word yes accepts it."""
        from tui.cli.output import printable

        self._output.warning(
            f"{key.host} port {key.port} is not known yet; it shows the {key.type} key "
            f"{key.fingerprint}"
        )
        if not self._is_answerable("look at the key and accept it"):
            return False
        self._output.warning("compare it with what the cluster's documentation says")
        question = f"Trust it and add it to {printable(key.known_hosts)}? [yes/no] "
        return (await _asked(lambda: _line(question))).strip().lower() == "yes"

    async def ask(
        self, host: str, title: str, instructions: str, questions: Sequence[Question]
    ) -> list[str] | None:
        """Ask for passwords and codes; None if nobody can answer or gives up."""
        from tui.cli.output import printable

        if not questions:
            return []
        if not self._is_answerable("log in"):
            return None
        for text in (title, instructions):
            if text.strip():
                self._output.warning(f"{host}: {' '.join(text.split())}")
        answers = []
        for question in questions:
            text = printable(question.text.rstrip("\n") or "Password: ")
            text = text if text.endswith(" ") else text + " "
            read = getpass.getpass if question.is_secret else _line
            try:
                answers.append(await _asked(lambda r=read, t=text: r(t)))  # type: ignore[misc]
            except EOFError:
                return None
        return answers

    async def say(self, host: str, text: str) -> None:
        """Show a host's banner on the error stream, line by line."""
        for line in text.strip().splitlines():
            self._output.warning(f"{host}: {line}")

    def _is_answerable(self, purpose: str) -> bool:
        if sys.stdin.isatty() and sys.stderr.isatty():
            return True
        command = f"cryodeck connect {self._cluster}"
        self._output.warning(f"no terminal to ask on: run `{command}` to {purpose}")
        return False


def _line(question: str) -> str:
    sys.stderr.write(question)
    sys.stderr.flush()
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line.rstrip("\n")


async def _asked(read: Callable[[], str]) -> str:
    """Read in a thread of its own, so that the link lives on and Ctrl-C works."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[str] = loop.create_future()

    def deliver(text: str, error: BaseException | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(text)
        else:
            answer.set_exception(error)

    def work() -> None:
        text, error = "", None
        try:
            text = read()
        except Exception as problem:
            error = problem
        with contextlib.suppress(RuntimeError):  # the loop has gone meanwhile
            loop.call_soon_threadsafe(deliver, text, error)

    with _terminal_restored():
        threading.Thread(target=work, daemon=True).start()
        return await answer


@contextlib.contextmanager
def _terminal_restored() -> Iterator[None]:
    """Put the terminal's echo back even if the person leaves at a password."""
    import termios

    try:
        settings = termios.tcgetattr(sys.stdin)
    except (termios.error, OSError, ValueError):
        yield
        return
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, settings)
