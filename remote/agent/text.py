"""Text from files and programs, made safe for a terminal."""

import re
from typing import List, Tuple

#: C0 but tab and newline, DEL, C1, line separators, and the characters that turn the
#: direction of text
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
_NO_LETTER = re.compile("[\ud800-\udfff]")  # bytes of a name that are not UTF-8
#: a whole escape sequence: CSI, OSC and its kin up to their end, else two characters
_ESCAPE = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]?"
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d-\x9f])[^\x07\x1b\x9c\n\r]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)


def clean(text: str) -> str:
    """Text without escape sequences and control characters; tabs and newlines stay."""
    if "\x1b" in text or "\x9b" in text or "\x9d" in text:
        text = _ESCAPE.sub("", text)
    return _NO_LETTER.sub("\ufffd", _CONTROL.sub("", text))


def one_line(text: str) -> str:
    """Text as a single clean line."""
    return " ".join(clean(text).split())


def last_state(line: str) -> str:
    """What a terminal shows of a line after its carriage returns and backspaces.

    A shorter text over a longer one leaves the longer one's end, as on a screen.
    """
    if "\b" in line:
        line = _without_backspaces(line)
    if "\r" not in line:
        return line
    shown = ""
    for piece in line.split("\r"):
        if piece:
            shown = piece + shown[len(piece) :]
    return shown


def _without_backspaces(line: str) -> str:
    shown: List[str] = []
    for char in line:
        if char == "\b":
            if shown and shown[-1] != "\r":
                shown.pop()
        else:
            shown.append(char)
    return "".join(shown)


def settle(text: str) -> str:
    """Lines as they look once they are printed: for whole lines of a log."""
    text = text.replace("\r\n", "\n")
    if "\x1b" in text:
        text = _ESCAPE.sub("", text)
    if "\r" in text or "\b" in text:
        text = "\n".join(last_state(line) for line in text.split("\n"))
    return clean(text)


def decode_piece(data: bytes) -> Tuple[str, int]:
    """Text of bytes, and how many were used: half a character at the end is not."""
    end = len(data)
    for back in range(1, min(4, end) + 1):
        byte = data[end - back]
        if byte < 0x80:
            break
        if byte >= 0xC0:
            need = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            if back < need:
                end -= back
            break
    return data[:end].decode("utf-8", "replace"), end
