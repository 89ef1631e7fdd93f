"""Colors of every theme: words can be read on every ground, with few colors too."""

from __future__ import annotations

import pytest
from rich.color import Color, ColorSystem, blend_rgb
from rich.color_triplet import ColorTriplet
from rich.style import Style

from tests.support.contrast import LEAST, contrast_of
from tui.palette import OF_256, SIXTEEN, THEMES, rgb, role_style
from tui.sent_cells import SentCells

GROUNDS = ("background", "surface", "panel", "cursor")
GRAPHICS = {"line", "bar_dim"}  # no word has these
WORDS = sorted(set(THEMES["cryodeck-dark"]) - {*GROUNDS, *GRAPHICS, "found"})
LEAST_OF_GRAPHICS = 3.0  # 1.4.11


def test_contrast_is_that_of_the_definition():
    black_on_white = Style.parse("#000000 on #ffffff")
    assert contrast_of(black_on_white, "#000000") == pytest.approx(21)
    assert contrast_of(Style.parse("#777777 on #ffffff"), "") == pytest.approx(
        4.48, abs=0.01
    )


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_words_can_be_read(theme: str, ground: str) -> None:
    for role in WORDS:
        found = contrast_of(role_style(theme, f"{role} on {ground}"), "")
        assert found >= LEAST, (role, found)


@pytest.mark.parametrize("theme", THEMES)
def test_what_a_search_found_and_buttons_can_be_read(theme: str) -> None:
    for role in ("title on found", "dim on found", "faint on found", "reverse"):
        assert contrast_of(role_style(theme, role)) >= LEAST, role
    # a button that is not in front: the accent laid over the ground, by a third
    colors = THEMES[theme]
    blend = blend_rgb(
        ColorTriplet(*rgb(colors["surface"])), ColorTriplet(*rgb(colors["accent"])), 0.3
    )
    words = Style.from_color(Color.parse(colors["text"]), Color.from_triplet(blend))
    assert contrast_of(words) >= LEAST


@pytest.mark.parametrize("theme", THEMES)
def test_bars_can_be_seen(theme: str) -> None:
    colors = THEMES[theme]
    for role in ("bar", "bar2", "bar_dim"):
        for ground in ("background", "surface"):
            found = contrast_of(role_style(theme, role), colors[ground])
            assert found >= LEAST_OF_GRAPHICS - 0.05, (role, ground, found)


@pytest.mark.parametrize("theme", THEMES)
def test_what_is_less_important_is_paler(theme: str) -> None:
    for ground in ("background", "surface", "panel"):
        text, dim, faint = (
            contrast_of(role_style(theme, f"{role} on {ground}"), "")
            for role in ("text", "dim", "faint")
        )
        assert text > 1.3 * dim > 1.3 * faint


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("ground", GROUNDS)
def test_words_can_be_read_with_256_colors(theme: str, ground: str) -> None:
    for role in WORDS:
        style = role_style(theme, f"{role} on {ground}")
        shown = Style.from_color(_shown(style.color), _shown(style.bgcolor))
        assert contrast_of(shown) >= LEAST - 0.5, (role, contrast_of(shown, ""))


def _shown(color: Color | None) -> Color:
    """What a terminal of 256 colors shows for a color."""
    assert color is not None
    code = SentCells(ColorSystem.EIGHT_BIT)._code(color)
    number = Color.from_ansi(int(code.rpartition(";")[2]))
    return Color.from_triplet(number.get_truecolor())


def test_each_color_has_one_number_where_there_are_few() -> None:
    for table in (SIXTEEN, OF_256):
        for colors in THEMES.values():
            there = {role: table.get(rgb(color)) for role, color in colors.items()}
            if table is SIXTEEN:
                assert None not in there.values()
                words = {there[role] for role in WORDS}
                grounds = {there["background"], there["surface"], there["cursor"]}
                assert not words & grounds
                apart = ("good", "bad", "run", "text")  # states told apart
                assert len({there[role] for role in apart}) == len(apart)
            else:
                assert all(there[ground] is not None for ground in GROUNDS)


def test_sixteen_colors_are_sent_as_they_were_chosen() -> None:
    cells = SentCells(ColorSystem.STANDARD)
    good = Color.parse(THEMES["cryodeck-contrast"]["good"])
    assert cells._code(good) == "92"
    assert cells._code(Color.parse(THEMES["cryodeck-dark"]["cursor"]), 10) == "44"
    assert cells._code(Color.parse("#fe0000")) == "31"  # the nearest, of all others


def test_states_can_be_read_on_the_cursors_line_of_sixteen_colors() -> None:
    cells = SentCells(ColorSystem.STANDARD)
    for role in ("bad", "run", "queued"):  # red, blue and magenta on blue
        style = role_style("cryodeck-dark", f"{role} on cursor")
        assert cells._ink(style)[1:] == ("97", "44")
        assert cells._ink(role_style("cryodeck-dark", role))[1] != "97"
    style = role_style("cryodeck-dark", "good on cursor")
    assert cells._ink(style)[1:] == ("92", "44")
