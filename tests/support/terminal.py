"""A real terminal to drive by keys, in tmux, and pictures of what it shows.

Used by tests and by `docs/screens/record.py`. A picture is drawn from the cells that
tmux holds, character by character, so that it is what a person would see.
"""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import subprocess
import tempfile
import time
from pathlib import Path

_CSI = re.compile(r"\x1b\[([0-9;:]*)m")
_AGE = re.compile(r"\d+ (ms|s|min)( ago)?|\bnow\b|\s+")
_FONT_FOLDER = Path("/usr/share/fonts/truetype/dejavu")
_BACKGROUND, _FOREGROUND = (15, 20, 25), (213, 221, 229)
_BASE = (
    (0, 0, 0),
    (205, 49, 49),
    (13, 188, 121),
    (229, 229, 16),
    (36, 114, 200),
    (188, 63, 188),
    (17, 168, 205),
    (229, 229, 229),
    (102, 102, 102),
    (241, 76, 76),
    (35, 209, 139),
    (245, 245, 67),
    (59, 142, 234),
    (214, 112, 214),
    (41, 184, 219),
    (255, 255, 255),
)


class Terminal:
    """A tmux session of its own server, with one program in it."""

    def __init__(
        self,
        command: list[str],
        *,
        width: int = 120,
        height: int = 36,
        cwd: Path | str | None = None,
        environment: dict[str, str] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tmux-")
        self._socket = str(Path(self._folder.name) / "s")
        environment = {
            "COLORTERM": "truecolor",
            "TERM": "tmux-256color",
            **(environment or {}),
        }
        exports = [f"{key}={value}" for key, value in environment.items()]
        kept = {k: v for k, v in os.environ.items() if k not in {"TMUX", "NO_COLOR"}}
        line = shlex.join(["env", *exports, *command])
        config = Path(self._folder.name) / "conf"
        config.write_text(
            "set -g default-terminal tmux-256color\n"
            "set -as terminal-overrides ',*:Tc'\n"
            "set -g status off\nset -g remain-on-exit on\nset -sg escape-time 0\n"
        )
        self._tmux = ["tmux", "-f", str(config), "-S", self._socket]
        subprocess.run(
            [
                *self._tmux,
                *("new-session", "-d", "-x", str(width), "-y", str(height)),
                *(("-c", str(cwd)) if cwd else ()),
                line,
            ],
            check=True,
            env=kept | {"LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"},
        )

    @property
    def pid(self) -> int:
        """The process of the program."""
        asked = ["display-message", "-p", "#{pane_pid}"]
        done = subprocess.run(
            [*self._tmux, *asked], check=True, capture_output=True, text=True
        )
        return int(done.stdout)

    def children(self) -> list[int]:
        """The processes that the program has started."""
        pid = self.pid
        listed = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(word) for word in listed.split()]

    def keys(self, *keys: str) -> None:
        """Press keys by tmux's names: Enter, Tab, C-p, F1, or single characters."""
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def type(self, text: str) -> None:
        """Type a text as it is."""
        subprocess.run([*self._tmux, "send-keys", "-l", "--", text], check=True)

    def text(self) -> str:
        """What stands on the screen."""
        return self._capture()

    def cells(self) -> str:
        """What stands on the screen, with its colors as escape sequences."""
        return self._capture("-e")

    def _capture(self, *options: str) -> str:
        done = subprocess.run(
            [*self._tmux, "capture-pane", "-p", *options],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    def wait_for(self, wanted: str, limit_s: float = 60.0) -> str:
        """The screen once a pattern stands on it; AssertionError if it never does."""
        end = time.monotonic() + limit_s
        while True:
            shown = self.text()
            if re.search(wanted, shown):
                return shown
            if time.monotonic() > end:
                message = f"{wanted!r} did not appear within {limit_s} s:\n{shown}"
                raise AssertionError(message)
            time.sleep(0.1)

    def settled(self, quiet_s: float = 0.6, limit_s: float = 15.0) -> str:
        """The screen once nothing has changed for a while but the ages on it."""
        end = time.monotonic() + limit_s
        before, since = _AGE.sub("", self.cells()), time.monotonic()
        while time.monotonic() - since < quiet_s and time.monotonic() < end:
            time.sleep(0.1)
            now = _AGE.sub("", self.cells())
            if now != before:
                before, since = now, time.monotonic()
        return self.text()

    def uncovered(self) -> None:
        """Wait until what was told, which lies over the top, is gone again."""
        for _ in range(100):
            top = "\n".join(self.text().splitlines()[:8])
            if not re.search(r" ▌ \S", top):
                return
            time.sleep(0.2)

    def picture(self, path: Path) -> None:
        """Write what stands on the screen as a PNG file."""
        draw_screen(self.cells(), path)

    def close(self) -> None:
        """End the program and tmux."""
        with contextlib.suppress(subprocess.CalledProcessError):
            subprocess.run([*self._tmux, "kill-server"], check=True)
        self._folder.cleanup()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def draw_screen(cells: str, path: Path, size: int = 15) -> None:
    """Draw text with escape sequences as a PNG file, cell by cell."""
    from PIL import Image, ImageDraw, ImageFont

    fonts = {
        bold: ImageFont.truetype(_FONT_FOLDER / f"DejaVuSansMono{name}.ttf", size)
        for bold, name in ((False, ""), (True, "-Bold"))
    }
    across, down = round(fonts[False].getlength("M")), round(size * 1.24)
    lines = [_parsed(line) for line in cells.rstrip("\n").split("\n")]
    columns = max(sum(_columns(c) for c, *_ in line) for line in lines)
    image = Image.new("RGB", (columns * across, len(lines) * down), _BACKGROUND)
    draw = ImageDraw.Draw(image)
    for row, line in enumerate(lines):
        column = 0
        for char, front, back, bold in line:
            x, y = column * across, row * down
            width = across * _columns(char)
            draw.rectangle((x, y, x + width - 1, y + down - 1), fill=back)
            if not _drawn_block(draw, char, x, y, across, down, front):
                draw.text((x, y + 1), char, fill=front, font=fonts[bold])
            column += _columns(char)
    image.quantize(256).save(path, optimize=True)


def _columns(char: str) -> int:
    import unicodedata

    return 2 if unicodedata.east_asian_width(char) in {"W", "F"} else 1


def _drawn_block(draw, char, x, y, across, down, color) -> bool:
    """Draw block characters as rectangles: fonts leave gaps between them."""
    code = ord(char)
    right, bottom = x + across - 1, y + down - 1
    if char == "▀":
        draw.rectangle((x, y, right, y + down // 2 - 1), fill=color)
    elif 0x2581 <= code <= 0x2588:
        top = bottom + 1 - round(down * (code - 0x2580) / 8)
        draw.rectangle((x, top, right, bottom), fill=color)
    elif 0x2589 <= code <= 0x258F:
        end = x + round(across * (0x2590 - code) / 8) - 1
        draw.rectangle((x, y, end, bottom), fill=color)
    else:
        return False
    return True


class _Pen:
    """The colors that escape sequences have set."""

    def __init__(self):
        self.reset()

    def reset(self):
        self.front, self.back = _FOREGROUND, _BACKGROUND
        self.bold = self.reverse = False

    def cell(self, char):
        pair = (self.back, self.front) if self.reverse else (self.front, self.back)
        return (char, *pair, self.bold)

    def obey(self, codes):
        while codes:
            code = codes.pop(0)
            if code == 0:
                self.reset()
            elif code in (1, 22):
                self.bold = code == 1
            elif code in (7, 27):
                self.reverse = code == 7
            elif code in (38, 39) or 30 <= code <= 37 or 90 <= code <= 97:
                self.front = _color(code, codes, _FOREGROUND)
            elif code in (48, 49) or 40 <= code <= 47 or 100 <= code <= 107:
                self.back = _color(code - 10, codes, _BACKGROUND)


def _color(code, codes, default):
    if code == 38:
        return _extended(codes)
    if code == 39:
        return default
    return _BASE[code - 30 if code < 90 else code - 82]


def _parsed(line):
    """(character, foreground, background, bold) of every cell of a line."""
    found, pen, at = [], _Pen(), 0
    for match in [*_CSI.finditer(line), None]:
        text = line[at : match.start() if match else len(line)]
        found += [pen.cell(char) for char in text if char.isprintable()]
        if match is not None:
            at = match.end()
            pen.obey([int(c or 0) for c in match[1].replace(":", ";").split(";")])
    return found


def _extended(codes: list[int]) -> tuple[int, int, int]:
    kind = codes.pop(0)
    if kind == 2:
        red, green, blue = codes[:3]
        del codes[:3]
        return red, green, blue
    number = codes.pop(0)
    if number < 16:
        return _BASE[number]
    if number >= 232:
        return (8 + 10 * (number - 232),) * 3
    number -= 16
    steps = (0, 95, 135, 175, 215, 255)
    return steps[number // 36], steps[number // 6 % 6], steps[number % 6]
