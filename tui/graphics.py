"""Which kind of pictures a terminal can show: asked once, before the interface opens.

Standard library only. The terminal is asked for kitty's graphics protocol, for the size
of a cell and for its device attributes; every terminal answers the last of these, so
its answer ends the waiting. What the person wants goes first: the variable
CRYODECK_PICTURES, `pictures` in settings.toml, an answer remembered for this terminal.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from tui.settings import remembered_pictures, setting

#: of the last question every terminal knows the answer
QUESTIONS = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c"
#: how many colors a sixel picture may have; only asked where there is sixel
COLOR_QUESTION = b"\x1b[?1;1;0S\x1b[c"
PATIENCE_S = 0.3
_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]*)c")
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_COLORS = re.compile(rb"\x1b\[\?1;0;(\d+)S")
_USUAL_CELL = (10, 20)
KINDS = ("kitty", "sixel", "blocks", "grey", "ascii", "none")
_NO_PIXELS = KINDS[2:]
#: these print what they do not understand, or hand nothing on
_NOT_ASKED = ("dumb", "linux", "screen", "vt100", "vt220")
_NEAR_BYTES, FAR_BYTES = 250_000, 100_000  # a screen of pictures, here and over SSH
_LEAST_CHANGE = 0.05  # of a cell's size, that another font makes
_LEAST_TALL, _MOST_TALL = 0.03, 2.5  # of a cell's shape: seen, believed
_AT_HAND_S = 0.03  # a terminal that answers so soon is as near as one without SSH
ADVICE = (
    f"CRYODECK_PICTURES={', '.join(KINDS[:-1])} or {KINDS[-1]} asks for another kind, "
    'as does pictures = "..." in settings.toml; w in a view of pictures tries them.'
)
_COLORLESS = re.compile(r"vt[1-4]\d\d(-[a-z]+)?\Z|(dumb|unknown|ansi-m|xterm-mono)\Z")
_NAMES = {
    "kitty": "kitty pixels",
    "sixel": "sixel pixels",
    "blocks": "half-blocks",
    "grey": "grey half-blocks",
    "ascii": "letters",
    "none": "no pictures",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a terminal said of itself."""

    knows_kitty: bool = False
    knows_sixel: bool = False
    cell: tuple[int, int] | None = None
    answered: bool = False
    window_cell: tuple[int, int] | None = None  # by the window's size in pixels
    colors: int = 0  # of a sixel picture; 0 if not said
    took_s: float | None = None

    @classmethod
    def of(cls, said: bytes, took_s: float | None = None) -> Answers:
        """Read the terminal's replies, in whatever order and cut where they may."""
        attributes = _ATTRIBUTES.search(said)
        cell = _CELL.search(said)
        colors = _COLORS.search(said)
        size = (int(cell[2]), int(cell[1])) if cell else (0, 0)
        return cls(
            knows_kitty=b"\x1b_Gi=31;OK\x1b\\" in said,
            knows_sixel=bool(attributes and b"4" in attributes[1].split(b";")),
            cell=size if min(size) > 0 else None,
            answered=attributes is not None,
            colors=int(colors[1]) if colors else 0,
            took_s=took_s,
        )

    def words(self) -> str:
        """The replies in a line."""
        if not self.answered:
            return "nothing, or was not asked"
        parts = [
            f"kitty {'yes' if self.knows_kitty else 'no'}",
            f"sixel {'yes' if self.knows_sixel else 'no'}",
        ]
        if self.colors:
            parts.append(f"{self.colors} colors")
        if self.cell:
            parts.append(f"cells of {self.cell[0]} x {self.cell[1]} pixels")
        if self.took_s is not None:
            parts.append(f"after {1000 * self.took_s:.0f} ms")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMode:
    """How pictures are drawn, the pixels of a cell, and why it is so in words."""

    kind: str = "blocks"  # one of KINDS
    cell: tuple[int, int] = (1, 2)  # picture pixels in a cell, x and y
    in_tmux: bool = False
    reason: str = ""
    view_bytes: int = _NEAR_BYTES  # that a screen of pictures may take on its way
    answers: Answers = field(default_factory=Answers)

    @property
    def has_pixels(self) -> bool:
        """Whether it is more than characters."""
        return self.kind in {"kitty", "sixel"}

    @property
    def tall(self) -> float:
        """How many times as high as it is wide a pixel of a picture is.

        Half a cell is a square where a cell is twice as high as wide; hardly any
        difference is none, so that pixels are not mixed for it.
        """
        if self.has_pixels or self.answers.cell is None:
            return 1.0
        times = self.answers.cell[1] / 2 / self.answers.cell[0]
        is_sensible = 1 / _MOST_TALL < times < _MOST_TALL
        return times if is_sensible and abs(times - 1) > _LEAST_TALL else 1.0

    @property
    def is_far(self) -> bool:
        """Whether few bytes should go to the terminal."""
        return self.view_bytes <= FAR_BYTES

    @property
    def enlarges(self) -> bool:
        """Whether the terminal makes small pictures larger, as squares: few bytes."""
        return self.kind == "kitty" and self.is_far

    @property
    def most_greys(self) -> int:
        """Greys that leave a few of the terminal's colors for marks."""
        return max(8, (self.answers.colors or 256) - 8)

    @property
    def name(self) -> str:
        """What it is called in a status line."""
        return _NAMES[self.kind]

    @property
    def words(self) -> str:
        """That, and the key that tells why, as every view of pictures has it."""
        return f" · {self.name}, w: why"

    def instead(self, kind: str, reason: str) -> PictureMode:
        """Another kind on the same terminal."""
        cell = self.answers.cell or _USUAL_CELL
        is_pixels = kind in {"kitty", "sixel"}
        return replace(
            self, kind=kind, cell=cell if is_pixels else (1, 2), reason=reason
        )

    def is_other(self, window_cell: tuple[int, int]) -> bool:
        """Whether cells of a window are of another size now, as by another font.

        Some windows count their margins, too: these are not believed, and a little more
        or less is none.
        """
        cell = self.answers.cell
        if cell is None or cell != self.answers.window_cell:
            return False
        return any(
            abs(new / old - 1) > _LEAST_CHANGE
            for new, old in zip(window_cell, cell, strict=True)
        )

    def with_cell(self, cell: tuple[int, int]) -> PictureMode:
        """The same with cells of another size."""
        answers = replace(self.answers, cell=cell, window_cell=cell)
        return replace(self, answers=answers).instead(self.kind, self.reason)


def wants_no_color(environment: Mapping[str, str]) -> bool:
    """Whether the person wants none: NO_COLOR, to anything but an empty text."""
    return bool(environment.get("NO_COLOR"))


def has_no_color(environment: Mapping[str, str]) -> bool:
    """Whether the terminal has none."""
    return bool(_COLORLESS.match(environment.get("TERM", "")))


def decided(
    environment: Mapping[str, str], encoding: str, answers: Answers, wish: str = ""
) -> PictureMode:
    """Choose the best kind that the terminal has, or the one that the person wants.

    `wish` is a kind and, after a blank, whose wish it is.
    """
    is_far = "SSH_CONNECTION" in environment and (
        answers.took_s is None or answers.took_s > _AT_HAND_S
    )
    mode = PictureMode(
        in_tmux="TMUX" in environment,
        view_bytes=FAR_BYTES if is_far else _NEAR_BYTES,
        answers=answers,
    )
    wanted, source = environment.get("CRYODECK_PICTURES", ""), "CRYODECK_PICTURES"
    if wanted not in KINDS:
        wanted, _, source = wish.partition(" ")
    if encoding and "utf" not in encoding.lower() and wanted in {"", "ascii", "kitty"}:
        words = f"Letters, because this terminal's encoding is {encoding}."
        return mode.instead("ascii", words)
    if wanted in KINDS:
        words = f"{_NAMES[wanted].capitalize()}, because {source} says so."
        return mode.instead(wanted, words)
    if has_no_color(environment):
        return mode.instead("ascii", "Letters, because this terminal has no colors.")
    if wants_no_color(environment):
        words = "Half-blocks in grey, because NO_COLOR is set."
        return mode.instead("grey", words)
    if mode.in_tmux:
        words = (
            "Half-blocks, because inside tmux pixels are unreliable: kitty's need "
            "tmux's allow-passthrough and kitty 0.28, sixel a tmux built with it."
        )
        return mode.instead("blocks", words)
    if answers.knows_kitty:
        words = "Real pixels: this terminal answered that it has kitty's protocol."
        return mode.instead("kitty", words)
    if answers.knows_sixel:
        words = "Real pixels: this terminal's attributes name sixel."
        return mode.instead("sixel", words)
    colors = environment.get("COLORTERM", "") or environment.get("TERM", "unknown")
    words = f"Half-blocks: two pixels in every cell, colors as {colors} has them. "
    if not answers.answered:
        words += "The terminal was not asked, or did not answer, what it can do."
    else:
        words += "Asked for kitty's protocol and for sixel, the terminal has neither."
    return mode.instead("blocks", words)


def choose() -> PictureMode:
    """Ask the terminal, unless the person or the environment has decided already."""
    environment = os.environ
    encoding = getattr(sys.stdout, "encoding", "") or ""
    wish = wished(environment)
    wanted = environment.get("CRYODECK_PICTURES", "") or wish.partition(" ")[0]
    answers, window = Answers(), window_cell()
    term = environment.get("TERM", "dumb")
    is_settled = wanted in _NO_PIXELS or wants_no_color(environment)
    if not is_settled and term not in _NOT_ASKED:
        started = time.monotonic()
        said = asked(0, 2)
        took_s = time.monotonic() - started
        if Answers.of(said).knows_sixel:
            said += asked(0, 2, question=COLOR_QUESTION)
        answers = Answers.of(said, took_s)
    answers = replace(answers, cell=answers.cell or window, window_cell=window)
    return decided(environment, encoding, answers, wish)


def wished(environment: Mapping[str, str]) -> str:
    """A kind and whose wish it is: of settings.toml, or remembered; else ""."""
    for kind, source in (
        (setting("pictures"), "settings.toml"),
        (remembered_pictures(terminal_name(environment)), "your answer"),
    ):
        if kind in KINDS:
            return f"{kind} {source}"
    return ""


def terminal_name(environment: Mapping[str, str]) -> str:
    """The terminal as its variables name it, and what is between it and us."""
    parts = [environment.get("TERM", "unknown")]
    for key in ("TERM_PROGRAM", "TERM_PROGRAM_VERSION", "LC_TERMINAL"):
        if environment.get(key):
            parts.append(environment[key])
    if "XTERM_VERSION" in environment:
        parts.append(environment["XTERM_VERSION"])
    if "TMUX" in environment and "tmux" not in " ".join(parts).lower():
        parts.append("in tmux")
    return " ".join(parts)


def asked(
    read_fd: int,
    write_fd: int,
    patience_s: float = PATIENCE_S,
    question: bytes = QUESTIONS,
) -> bytes:
    """Put the questions to a terminal; what it says until the last answer."""
    import termios
    import tty

    if not (os.isatty(read_fd) and os.isatty(write_fd)):
        return b""
    before = termios.tcgetattr(read_fd)
    said = b""
    try:
        tty.setraw(read_fd, termios.TCSANOW)
        os.write(write_fd, question)
        end = time.monotonic() + patience_s
        while not _ATTRIBUTES.search(said):
            left = end - time.monotonic()
            if left <= 0 or not select.select([read_fd], [], [], left)[0]:
                break
            said += os.read(read_fd, 1024)
    except OSError:
        return b""
    finally:
        termios.tcsetattr(read_fd, termios.TCSANOW, before)
    return said


def window_cell(fd: int = 2) -> tuple[int, int] | None:
    """The size of a cell by the size of a terminal's window in cells and pixels."""
    import fcntl
    import struct
    import termios

    try:
        packed = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return None
    rows, columns, width, height = struct.unpack("4H", packed)
    if not (rows and columns):
        return None
    cell = (width // columns, height // rows)
    return cell if min(cell) > 0 else None
