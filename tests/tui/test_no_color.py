"""Without color everything can still be told apart; with 16 colors no more are sent."""

from __future__ import annotations

import re
import sys
from typing import Any

import pytest
from rich.segment import Segment
from rich.style import Style
from support.terminal import Terminal
from textual.color import Color

from engine.project.actions import create_project
from tests.support.interface import interface, open_job, seen
from tui.graphics import has_no_color, wants_no_color
from tui.no_color import Attributes
from tui.palette import THEMES, role_style

COLOR = re.compile(
    r"\x1b\[(?:[\d:]+;)*(?:3[0-8]|4[0-8]|9[0-7]|10[0-7])(?:[;:][\d;:]*)?m"
)
MANY_COLORS = re.compile(r"[34]8[;:][25][;:]")


@pytest.mark.parametrize("theme", THEMES)
def test_cursor_buttons_and_faint_words_are_told_apart_by_attributes(
    theme: str,
) -> None:
    colors = THEMES[theme]
    ground = Color.parse(colors["background"])

    def shown(role: str) -> Style:
        segments = [Segment("x", role_style(theme, role))]
        style = Attributes(keeps_greys=True).apply(segments, ground)[0].style
        assert style is not None
        assert style.color is None
        assert style.bgcolor is None
        return style

    assert shown("text on cursor").reverse
    assert shown("reverse").reverse
    assert not shown("text").reverse
    assert not shown("text on surface").reverse
    assert shown("key").bold
    if theme != "cryodeck-contrast":  # whose faint words are meant to be read
        assert shown("faint").dim
    assert not shown("text").dim


def test_pictures_keep_their_greys_where_there_are_any() -> None:
    pixel = [Segment("▀▀", Style.parse("#ff0000 on #00ff00"))]
    kept = Attributes(keeps_greys=True).apply(pixel, Color.parse("#000"))[0].style
    assert kept is not None
    assert kept.color is not None
    assert len(set(kept.color.get_truecolor())) == 1
    none = Attributes(keeps_greys=False).apply(pixel, Color.parse("#000"))[0].style
    assert none is not None
    assert none.color is None


@pytest.mark.parametrize(
    ("environment", "wanted", "none"),
    [
        ({"NO_COLOR": "1", "TERM": "xterm"}, True, False),
        ({"NO_COLOR": "", "TERM": "xterm-256color"}, False, False),
        ({"TERM": "vt220"}, False, True),
        ({"TERM": "vt100-w"}, False, True),
        ({"TERM": "linux"}, False, False),
    ],
)
def test_who_has_no_color(
    environment: dict[str, str], wanted: bool, none: bool
) -> None:
    assert wants_no_color(environment) is wanted
    assert has_no_color(environment) is none


async def test_no_view_has_a_color_under_no_color(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with interface(size=(120, 40)) as pilot:
        await seen(pilot, "AutoPick/job012")
        _has_only_attributes(pilot, wants_reverse=True)
        await open_job(pilot, "AutoPick/job006", "form")
        await seen(pilot, "Continue!")
        _has_only_attributes(pilot, wants_reverse=True)
        await pilot.press("5")
        await seen(pilot, "Figure of merit")
        _has_only_attributes(pilot, wants_reverse=True)


def _has_only_attributes(pilot: Any, *, wants_reverse: bool) -> None:
    strips = pilot.app.screen._compositor.render_strips()
    styles = [
        s.style for strip in strips for s in strip if s.style and s.text[:1] != "▀"
    ]
    assert all(style.color is None and style.bgcolor is None for style in styles)
    assert any(style.reverse for style in styles) is wants_reverse


@pytest.mark.parametrize(
    ("term", "allowed"), [("linux", "16"), ("vt220", ""), ("xterm-256color", "256")]
)
def test_a_terminal_is_sent_no_more_colors_than_it_has(
    term: str, allowed: str, tmp_path: Any
) -> None:
    create_project(str(tmp_path / "project"))
    homes = {
        f"CRYODECK_{kind}_HOME": str(tmp_path / kind)
        for kind in ("CONFIG", "STATE", "CACHE")
    }
    sent = tmp_path / "sent"
    program = [sys.executable, "-m", "tui", "--project", str(tmp_path / "project")]
    line = f"exec {' '.join(program)} 2> >(tee {sent} >&2)"
    environment = {**homes, "TERM": term, "COLORTERM": ""}
    with Terminal(["bash", "-c", line], environment=environment) as terminal:
        terminal.wait_for("Welcome to cryodeck", 60)
        terminal.keys("Escape")
        terminal.wait_for("No jobs yet", 60)
        terminal.settled()
    found = sent.read_text()
    assert "jobs" in found
    assert "38;2" not in found
    assert bool(COLOR.search(found)) is bool(allowed)
    assert bool(MANY_COLORS.search(found)) is (allowed == "256")


def test_a_terminal_that_cannot_move_its_cursor_is_refused_with_a_word() -> None:
    line = f"{sys.executable} -m tui; sleep 60"  # the end of a pane scrolls it
    with Terminal(["bash", "-c", line], environment={"TERM": "dumb"}) as terminal:
        shown = terminal.wait_for("lists +commands", 60)
    assert "can move its cursor" in " ".join(shown.split())
