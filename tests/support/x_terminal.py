"""A real terminal window on a screen in memory, driven by keys and mouse.

The screen is Xvfb's, whose pixels lie in a file; nothing is drawn by the tests.
"""

from __future__ import annotations

import contextlib
import os
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

SIZE = (1000, 640)


class XTerminal:
    """A terminal emulator with one program in it, alone on a screen of its own."""

    def __init__(
        self,
        command: list[str],
        *,
        environment: dict[str, str] | None = None,
        size: tuple[int, int] = SIZE,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="screen-")
        read, write = os.pipe()
        width, height = size
        self._server = subprocess.Popen(
            [
                *("Xvfb", "-displayfd", str(write), "-fbdir", self._folder.name),
                *(
                    "-screen",
                    "0",
                    f"{width}x{height}x24",
                    "-nolisten",
                    "tcp",
                    "-fp",
                    "built-ins",
                ),
            ],
            pass_fds=[write],
            stderr=subprocess.DEVNULL,
        )
        os.close(write)
        with os.fdopen(read) as told:
            number = told.readline().strip()
        dropped = {"TMUX", "NO_COLOR", "SSH_CONNECTION", "WAYLAND_DISPLAY", "TERM"}
        kept = {k: v for k, v in os.environ.items() if k not in dropped}
        self._environment = kept | {
            "DISPLAY": f":{number}",
            "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8",
            **(environment or {}),
        }
        self._terminal = subprocess.Popen(
            command, env=self._environment, stderr=subprocess.DEVNULL
        )
        # no window manager gives it the focus, without which it has no cursor
        self._xdotool(
            "search", "--sync", "--onlyvisible", "--class", ".", "windowfocus"
        )

    def keys(self, *names: str) -> None:
        """Press keys by X's names: Return, Right, space, or single characters."""
        self._xdotool("key", "--delay", "60", *names)

    def click(self, x: float, y: float) -> None:
        """Click a place of the screen, and take the pointer away."""
        away = ("mousemove", str(SIZE[0] - 1), str(SIZE[1] - 1))
        self._xdotool("mousemove", str(int(x)), str(int(y)), "click", "1", *away)

    def _xdotool(self, *words: str) -> None:
        subprocess.run(["xdotool", *words], env=self._environment, check=True)

    def pixels(self) -> np.ndarray:
        """The screen as an array (y, x, red green blue)."""
        data = (Path(self._folder.name) / "Xvfb_screen0").read_bytes()
        head = struct.unpack_from(">25I", data)
        size, width, height, line, colors = (head[i] for i in (0, 4, 5, 12, 19))
        rows = np.frombuffer(data, np.uint8, height * line, size + 12 * colors)
        return rows.reshape(height, line)[:, : 4 * width].reshape(height, width, 4)[
            ..., 2::-1
        ]

    def wait_for(
        self, found: Callable[[np.ndarray], bool], limit_s: float = 60.0
    ) -> np.ndarray:
        """The screen once something holds of it; AssertionError if it never does."""
        end = time.monotonic() + limit_s
        while not found(shown := self.pixels()):
            if time.monotonic() > end:
                path = Path(tempfile.gettempdir()) / "cryodeck-screen.png"
                write_picture(path, shown)
                raise AssertionError(f"it was never seen; the last screen: {path}")
            assert self._terminal.poll() is None, "the terminal has ended"
            time.sleep(0.1)
        return shown

    def close(self) -> None:
        """End both."""
        for process in (self._terminal, self._server):
            process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()
        self._folder.cleanup()

    def __enter__(self) -> XTerminal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def write_picture(path: Path, pixels: np.ndarray) -> None:
    """Write a screen as a PNG file, to look at."""
    from PIL import Image

    Image.fromarray(pixels).save(path)
