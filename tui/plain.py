"""Text from elsewhere, made safe to show: no control characters, nothing reversed."""

from __future__ import annotations

import re

# What a terminal obeys, or what shows a name as another one:
# C0, DEL, C1, direction marks and overrides, line separators, lone surrogates
UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]"
)


def plain(text: object, limit: int = 4000) -> str:
    """One line of text; whatever a terminal might obey is shown as a middle dot."""
    shown = str(text)
    if len(shown) > limit:
        shown = shown[: limit - 1] + "…"
    return UNSAFE.sub("·", shown.replace("\t", "    "))


def plain_lines(text: object) -> list[str]:
    """Lines of a longer text, each safe."""
    return [plain(line) for line in str(text).replace("\r\n", "\n").split("\n")]


def shortened(text: str, width: int) -> str:
    """Text of at most `width` characters, its end cut."""
    if len(text) <= width:
        return text
    return text[: max(0, width - 1)] + "…" if width > 0 else ""


def shortened_path(text: str, width: int) -> str:
    """Path of at most `width` characters, its beginning cut: the end tells more."""
    if len(text) <= width:
        return text
    return "…" + text[len(text) - width + 1 :] if width > 1 else "…"[:width]


def at_home_there(path: str, home: str) -> str:
    """A path in somebody's home folder as people write it, with a tilde."""
    is_inside = home and path.startswith(f"{home}/")
    return f"~{path[len(home) :]}" if is_inside else path
