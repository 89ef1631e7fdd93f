"""Questions on a real terminal: a pseudo-terminal with a person's keys."""

import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import pytest

PROGRAM = """
import asyncio, sys
from remote.prompts import HostKey, Question
from tui.cli.output import Output
from tui.cli.prompts import TerminalPrompts

async def main():
    prompts = TerminalPrompts(Output(), "lab")
    if sys.argv[1] == "key":
        key = HostKey(host="login1", port=22, type="ssh-ed25519",
                      fingerprint="SHA256:abc", known_hosts="/k")
        print("ANSWER", await prompts.host_key(key))
    else:
        asked = [Question(text="Password:"), Question(text="Code:", is_secret=False)]
        print("ANSWER", await prompts.ask("login1", "", "two \\x1b steps", asked))

asyncio.run(main())
"""


class Terminal:
    def __init__(self, *arguments):
        self.master, slave = pty.openpty()
        self.slave = os.dup(slave)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def until(self, text, limit_s=20.0):
        end = time.monotonic() + limit_s
        while text not in self.seen:
            assert time.monotonic() < end, self.seen
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 4096).decode()
        return self.seen

    def type(self, text):
        os.write(self.master, text.encode())

    @property
    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def close(self):
        self.process.kill()
        self.process.wait()
        os.close(self.master)
        os.close(self.slave)


@pytest.fixture
def open_terminal():
    terminals = []

    def opened(*arguments):
        terminals.append(Terminal(*arguments))
        return terminals[-1]

    yield opened
    for terminal in terminals:
        terminal.close()


@pytest.mark.parametrize(
    ("answer", "trusts"), [("yes", True), ("y", False), ("", False)]
)
def test_only_the_word_yes_accepts_a_new_host(open_terminal, answer, trusts):
    terminal = open_terminal("key")
    terminal.until("[yes/no]")
    assert "SHA256:abc" in terminal.seen
    terminal.type(answer + "\n")
    terminal.until(f"ANSWER {trusts}")


def test_passwords_are_not_echoed_and_codes_are(open_terminal):
    terminal = open_terminal("login")
    terminal.until("Password:")
    end = time.monotonic() + 5
    while terminal.echoes and time.monotonic() < end:
        time.sleep(0.01)
    terminal.type("sesame\n")
    terminal.until("Code:")
    assert "sesame" not in terminal.seen
    assert "two \\x1b steps" in terminal.seen
    terminal.type("123456\n")
    terminal.until("ANSWER ['sesame', '123456']")


def test_leaving_at_a_password_gives_the_terminal_its_echo_back(open_terminal):
    terminal = open_terminal("login")
    terminal.until("Password:")
    end = time.monotonic() + 5
    while terminal.echoes and time.monotonic() < end:
        time.sleep(0.01)
    assert not terminal.echoes
    terminal.process.send_signal(signal.SIGINT)
    terminal.process.wait(timeout=10)
    assert terminal.echoes


def test_without_a_terminal_every_question_is_answered_with_no():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "key"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "ANSWER False" in done.stdout
    assert "`cryodeck connect lab`" in done.stderr
