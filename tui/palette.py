"""Colors by role, for what draws itself line by line; one set for each theme."""

from __future__ import annotations

from functools import cache

from rich.style import Style

DARK = {
    "background": "#0f1419",
    "surface": "#141b22",
    "panel": "#1b242d",
    "text": "#d5dde5",
    "dim": "#8496a6",
    "faint": "#4f6070",
    "line": "#2a3641",
    "accent": "#5cc8c2",
    "accent2": "#e0a458",
    "good": "#7fc77a",
    "run": "#5cb8ff",
    "queued": "#b79cf0",
    "warn": "#e5b567",
    "bad": "#f0716b",
    "cursor": "#22394a",
    "bar": "#4fa3b8",
    "bar_dim": "#33505e",
    "bar2": "#c98f4a",
    "found": "#6b5a1e",
}
LIGHT = {
    "background": "#fbfaf7",
    "surface": "#f3f1ec",
    "panel": "#e7e4dc",
    "text": "#22292f",
    "dim": "#5e6a74",
    "faint": "#9aa4ab",
    "line": "#d3cfc5",
    "accent": "#00706b",
    "accent2": "#9a5b00",
    "good": "#2f7d32",
    "run": "#0a62b5",
    "queued": "#6a45b8",
    "warn": "#8a5a00",
    "bad": "#b3261e",
    "cursor": "#cfe3ea",
    "bar": "#2b7f95",
    "bar_dim": "#a9c4cc",
    "bar2": "#b97a2a",
    "found": "#ffe08a",
}
CONTRAST = {
    **DARK,
    "background": "#000000",
    "surface": "#000000",
    "panel": "#101010",
    "text": "#ffffff",
    "dim": "#d0d0d0",
    "faint": "#a0a0a0",
    "line": "#808080",
    "cursor": "#00407a",
    "accent": "#00ffff",
    "bad": "#ff6060",
    "good": "#60ff60",
}
THEMES = {
    "cryodeck-dark": DARK,
    "cryodeck-light": LIGHT,
    "cryodeck-contrast": CONTRAST,
}
# roles that are more than a color
_BOLD = {"title", "key", "total"}
_COLOR_OF = {"title": "text", "key": "accent", "total": "text", "mark": "accent2"}


@cache
def role_style(theme: str, role: str) -> Style:
    """Style of a role in a theme; "good on cursor" and "reverse" work too."""
    colors = THEMES.get(theme, DARK)
    name, _, ground = role.partition(" on ")
    if name == "reverse":
        return Style(color=colors["background"], bgcolor=colors["accent"], bold=True)
    color = name if name[:1] == "#" else colors.get(_COLOR_OF.get(name, name), "")
    return Style(
        color=color or colors["text"],
        bgcolor=colors[ground] if ground else None,
        bold=True if name in _BOLD else None,
    )
