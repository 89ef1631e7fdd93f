"""Colors by role, for what draws itself line by line; one set for each theme."""

from __future__ import annotations

from functools import cache

from rich.style import Style

DARK = {
    "background": "#0f1419",
    "surface": "#141b22",
    "panel": "#1b242d",
    "text": "#d5dde5",
    "dim": "#9badbc",
    "faint": "#7b8c9b",
    "line": "#2a3641",
    "accent": "#5cc8c2",
    "accent2": "#e0a458",
    "good": "#7fc77a",
    "run": "#5cb8ff",
    "queued": "#b79cf0",
    "warn": "#e5b567",
    "bad": "#f47f79",
    "cursor": "#22394a",
    "bar": "#5fb3c8",
    "bar_dim": "#416a7b",
    "bar2": "#d39a56",
    "found": "#6b5a1e",
}
LIGHT = {
    "background": "#fbfaf7",
    "surface": "#f3f1ec",
    "panel": "#e7e4dc",
    "text": "#22292f",
    "dim": "#46525b",
    "faint": "#5a656e",
    "line": "#d3cfc5",
    "accent": "#00665f",
    "accent2": "#875000",
    "good": "#246a28",
    "run": "#0a5cab",
    "queued": "#6040b0",
    "warn": "#7a4f00",
    "bad": "#ab231b",
    "cursor": "#cfe3ea",
    "bar": "#1a6378",
    "bar_dim": "#67909c",
    "bar2": "#8a5714",
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
    "bad": "#ff9090",
    "good": "#60ff60",
    "queued": "#cdb8ff",
    "bar": "#66cdea",
    "bar2": "#ffb45c",
    "bar_dim": "#5f8796",
}
THEMES = {
    "cryodeck-dark": DARK,
    "cryodeck-light": LIGHT,
    "cryodeck-contrast": CONTRAST,
}
# what stands for a color where there are sixteen: the nearest is often grey
_SIXTEEN_ON_BLACK = {
    "background": 0,
    "surface": 0,
    "panel": 0,
    "text": 15,
    "dim": 7,
    "faint": 7,
    "line": 8,
    "accent": 14,
    "accent2": 11,
    "good": 10,
    "run": 12,
    "queued": 13,
    "warn": 11,
    "bad": 9,
    "cursor": 4,
    "bar": 6,
    "bar_dim": 8,
    "bar2": 3,
    "found": 5,
}
_SIXTEEN_ON_WHITE = {
    **dict.fromkeys(("background", "surface"), 15),
    **dict.fromkeys(("panel", "line", "bar_dim"), 7),
    **dict.fromkeys(("text", "dim", "faint"), 0),
    **dict.fromkeys(("accent", "run", "bar"), 4),
    **dict.fromkeys(("accent2", "queued", "warn", "bar2"), 5),
    "good": 2,
    "bad": 1,
    "cursor": 14,
    "found": 11,
}
# grounds where there are 256: the nearest to several is one, or too bright for words
_256_DARK = {"background": 233, "surface": 234, "panel": 235, "cursor": 237}
_256_LIGHT = {"background": 231, "surface": 255, "panel": 254, "cursor": 195}
_256_CONTRAST = {"background": 16, "surface": 16, "panel": 233, "cursor": 18}
Rgb = tuple[int, int, int]


def rgb(color: str) -> Rgb:
    """Red, green and blue of "#rrggbb"."""
    return int(color[1:3], 16), int(color[3:5], 16), int(color[5:7], 16)


def _numbers(*of: tuple[dict[str, str], dict[str, int]]) -> dict[Rgb, int]:
    return {
        rgb(colors[role]): number
        for colors, numbers in of
        for role, number in numbers.items()
    }


#: numbers of a terminal's own 16 colors, and of 256, that stand for a theme's
SIXTEEN = _numbers(
    (DARK, _SIXTEEN_ON_BLACK),
    (CONTRAST, _SIXTEEN_ON_BLACK),
    (LIGHT, _SIXTEEN_ON_WHITE),
)
#: of the 16 colors, words that cannot be read on the cursor's line: white is
PALE_ON_CURSOR = {9, 12, 13}
OF_256 = _numbers((DARK, _256_DARK), (LIGHT, _256_LIGHT), (CONTRAST, _256_CONTRAST))
# roles that are more than a color
_BOLD = {"title", "key", "total"}
# what would be too pale on a ground that is not the screen's own
_LIFTED = {"cursor": {"faint": "dim"}, "found": {"faint": "text", "dim": "text"}}
_COLOR_OF = {"title": "text", "key": "accent", "total": "text", "mark": "accent2"}


@cache
def role_style(theme: str, role: str) -> Style:
    """Style of a role in a theme; "good on cursor" and "reverse" work too."""
    colors = THEMES.get(theme, DARK)
    name, _, ground = role.partition(" on ")
    if name == "reverse":
        return Style(color=colors["background"], bgcolor=colors["accent"], bold=True)
    name = _LIFTED.get(ground, {}).get(name, name)
    color = name if name[:1] == "#" else colors.get(_COLOR_OF.get(name, name), "")
    return Style(
        color=color or colors["text"],
        bgcolor=colors[ground] if ground else None,
        bold=True if name in _BOLD else None,
    )
