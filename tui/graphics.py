"""Which kind of pictures a terminal can show: asked once, before the interface opens.

Standard library only. The terminal is asked for kitty's graphics protocol, for the size
of a cell and for its device attributes; every terminal answers the last of these, so
its answer ends the waiting.
"""

from __future__ import annotations

import os
import re
import select
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

#: of the last question every terminal knows the answer
QUESTIONS = b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[16t\x1b[c"
PATIENCE_S = 0.3
_ATTRIBUTES = re.compile(rb"\x1b\[\?([\d;]*)c")
_CELL = re.compile(rb"\x1b\[6;(\d+);(\d+)t")
_USUAL_CELL = (10, 20)
_KINDS = ("kitty", "sixel", "blocks", "ascii")
#: these print what they do not understand, or hand nothing on
_NOT_ASKED = ("dumb", "linux", "screen", "vt100", "vt220")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureMode:
    """How pictures are drawn, the pixels of a cell, and why it is so in words."""

    kind: str = "blocks"  # "kitty", "sixel", "blocks" or "ascii"
    cell: tuple[int, int] = (1, 2)  # picture pixels in a cell, x and y
    in_tmux: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a terminal said of itself."""

    knows_kitty: bool = False
    knows_sixel: bool = False
    cell: tuple[int, int] | None = None
    answered: bool = False

    @classmethod
    def of(cls, said: bytes) -> Answers:
        """Read the terminal's replies, in whatever order and cut where they may."""
        attributes = _ATTRIBUTES.search(said)
        cell = _CELL.search(said)
        size = (int(cell[2]), int(cell[1])) if cell else (0, 0)
        return cls(
            knows_kitty=b"\x1b_Gi=31;OK\x1b\\" in said,
            knows_sixel=bool(attributes and b"4" in attributes[1].split(b";")),
            cell=size if min(size) > 0 else None,
            answered=attributes is not None,
        )


def decided(
    environment: Mapping[str, str], encoding: str, answers: Answers
) -> PictureMode:
    """Choose the best kind that the terminal has, or the one that the person wants."""
    wanted = environment.get("CRYODECK_PICTURES", "")
    in_tmux = "TMUX" in environment
    cell = answers.cell or _USUAL_CELL
    advice = " CRYODECK_PICTURES=kitty, sixel, blocks or ascii asks for another kind."
    if encoding and "utf" not in encoding.lower() and wanted in {"", "ascii", "kitty"}:
        words = f"Letters, because this terminal's encoding is {encoding}."
        return PictureMode(kind="ascii", reason=words + advice)
    if wanted in _KINDS:
        words = f"{wanted.capitalize()}, because CRYODECK_PICTURES says so."
        pixels = cell if wanted in {"kitty", "sixel"} else (1, 2)
        return PictureMode(
            kind=wanted, cell=pixels, in_tmux=in_tmux, reason=words + advice
        )
    if "NO_COLOR" in environment:
        words = "Half-blocks in grey, because NO_COLOR is set."
        return PictureMode(reason=words + advice)
    if answers.knows_kitty and "truecolor" in environment.get("COLORTERM", ""):
        words = "Real pixels: this terminal answered that it has kitty's protocol."
        return PictureMode(kind="kitty", cell=cell, in_tmux=in_tmux, reason=words)
    if answers.knows_sixel:
        words = "Real pixels: this terminal's attributes name sixel."
        return PictureMode(kind="sixel", cell=cell, in_tmux=in_tmux, reason=words)
    colors = environment.get("COLORTERM", "") or environment.get("TERM", "unknown")
    words = f"Half-blocks: two pixels in every cell, colors as {colors} has them. "
    if not answers.answered:
        words += "The terminal was not asked, or did not answer, what it can do."
    else:
        words += "Asked for kitty's protocol and for sixel, the terminal has neither."
    if in_tmux:
        words += " Inside tmux that is tmux's answer."
    return PictureMode(reason=words + advice)


def choose() -> PictureMode:
    """Ask the terminal, unless the person or the environment has decided already."""
    environment = os.environ
    encoding = getattr(sys.stdout, "encoding", "") or ""
    answers = Answers()
    is_settled = environment.get("CRYODECK_PICTURES", "") in {"blocks", "ascii"}
    term = environment.get("TERM", "dumb")
    if not is_settled and "NO_COLOR" not in environment and term not in _NOT_ASKED:
        answers = Answers.of(asked(0, 2))
    return decided(environment, encoding, answers)


def asked(read_fd: int, write_fd: int, patience_s: float = PATIENCE_S) -> bytes:
    """Put the questions to a terminal; what it says until the last answer."""
    import termios
    import tty

    if not (os.isatty(read_fd) and os.isatty(write_fd)):
        return b""
    before = termios.tcgetattr(read_fd)
    said = b""
    try:
        tty.setraw(read_fd, termios.TCSANOW)
        os.write(write_fd, QUESTIONS)
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
    return said + _window_cell(write_fd, said)


def _window_cell(fd: int, said: bytes) -> bytes:
    """The size of a cell from the size of the window, as a terminal would say it."""
    import fcntl
    import struct
    import termios

    if _CELL.search(said):
        return b""
    try:
        packed = fcntl.ioctl(fd, termios.TIOCGWINSZ, bytes(8))
    except OSError:
        return b""
    rows, columns, width, height = struct.unpack("4H", packed)
    if not (rows and columns and width and height):
        return b""
    return b"\x1b[6;%d;%dt" % (height // rows, width // columns)
