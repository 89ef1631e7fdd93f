"""Charts and pictures as text, against what they must add up to."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.charts import (
    BarRow,
    Line,
    bar,
    bar_rows,
    clipped,
    histogram,
    lines_chart,
    progress_bar,
    rebinned,
    resampled,
    scatter,
    text_of,
    wrapped,
)
from tui.halfblocks import Canvas, fom_color, scaled
from tui.plain import plain

EIGHTHS = {"█": 8, "▉": 7, "▊": 6, "▋": 5, "▌": 4, "▍": 3, "▎": 2, "▏": 1}


@given(st.floats(0, 1e6), st.integers(1, 200))
def test_a_bar_is_as_long_as_its_value_to_an_eighth(value: float, width: int) -> None:
    longest = 1e6
    eighths = sum(EIGHTHS[c] for c in bar(value, longest, width))
    exact = 8 * width * value / longest
    assert abs(eighths - exact) <= 0.5 or (eighths == 1 and value > 0 and exact < 1)


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=60), st.integers(20, 160))
def test_no_line_of_a_chart_is_wider_than_asked(counts: list[int], width: int) -> None:
    edges = [float(i) for i in range(len(counts) + 1)]
    for line in histogram(edges, counts, width, 6, threshold=len(counts) / 2):
        assert len(text_of(line)) <= width
    rows = [BarRow(f"mic{i}", float(c)) for i, c in enumerate(counts)]
    assert len(bar_rows(rows, width)) == len(counts)
    for line in lines_chart([("bar", [float(c) for c in counts])], width, 4):
        assert len(text_of(line)) <= width


@given(st.lists(st.integers(0, 100), min_size=50, max_size=90), st.integers(5, 40))
def test_joined_bins_keep_every_count(counts: list[int], room: int) -> None:
    edges = [float(i) for i in range(len(counts) + 1)]
    assert sum(resampled(edges, counts, room)) == sum(counts)


def test_bins_shared_out_among_others_keep_every_count() -> None:
    wanted = [-1.0, 0.5, 1.5, 4.0]
    found = rebinned([0.0, 1.0, 2.0], [4, 6], wanted)
    assert found == pytest.approx([2, 2 + 3, 3])
    assert rebinned(wanted, found, wanted) == pytest.approx(found)


def test_a_histogram_has_an_ascii_form() -> None:
    lines = histogram([0, 1, 2, 3], [1, 5, 2], 40, 4, ascii_only=True)
    assert all(text_of(line).isascii() for line in lines)


def test_progress_bars_are_full_at_the_end_only() -> None:
    assert text_of(progress_bar(5, 5, 10)) == "━" * 10
    assert text_of(progress_bar(4.9, 5, 10)) != "━" * 10
    assert text_of(progress_bar(0, 0, 10)) == "─" * 10


def test_a_circle_lies_at_its_radius() -> None:
    canvas = Canvas(60, 60)
    canvas.circle(30, 30, 12, (255, 0, 0))
    distances = [
        ((at % 60 + 0.5 - 30) ** 2 + (at // 60 + 0.5 - 30) ** 2) ** 0.5
        for at in canvas.marks
    ]
    assert len(distances) > 50
    assert all(10.8 < d < 13.2 for d in distances)


def test_pixels_stand_where_they_were_pasted() -> None:
    canvas = Canvas(6, 4)
    canvas.paste(bytes([255] * 4), 2, 2, left=5, top=3)
    assert canvas.grey[3 * 6 + 5] == 255
    assert sum(canvas.grey) == 255
    assert sum(n for _, _, n in canvas.row(0)) == 6


def test_low_merit_is_red_and_high_merit_is_blue() -> None:
    assert fom_color(0)[0] > fom_color(0)[2]
    assert fom_color(1)[2] > fom_color(1)[0]


def test_a_smaller_picture_has_averages_and_a_larger_one_what_lies_between() -> None:
    assert scaled(bytes([0, 100, 50, 150]), 2, 2, 1, 1) == bytes([75])
    assert scaled(bytes([0, 30, 60]), 3, 1, 2, 1) == bytes([10, 50])
    assert scaled(bytes([0, 100]), 2, 1, 4, 1) == bytes([0, 25, 75, 100])
    assert scaled(bytes([7] * 64), 8, 8, 13, 5) == bytes([7] * 65)


@given(st.text())
def test_plain_text_holds_nothing_that_a_terminal_obeys(text: str) -> None:
    shown = plain(text)
    assert all(
        c.isprintable() or not (ord(c) < 32 or 127 <= ord(c) < 160) for c in shown
    )
    assert "\u202e" not in shown


def test_the_interface_imports_neither_numpy_nor_asyncssh() -> None:
    code = (
        "import sys, tui.app, tui.screens.jobs, tui.screens.job, tui.forms.form, "
        "tui.screens.pictures, tui.screens.statistics, tui.screens.clusters\n"
        "bad = {'numpy', 'scipy', 'asyncssh', 'mrcfile', 'PIL'} & set(sys.modules)\n"
        "assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_charts_need_no_textual() -> None:
    code = (
        "import sys, tui.charts, tui.halfblocks, tui.plain\n"
        "assert not {'textual', 'rich'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_marks_are_the_lightest_where_pictures_are_grey() -> None:
    red = (255, 80, 60)
    canvas = Canvas(4, 2)
    canvas.paste(bytes([10, 250, 10, 250, 10, 250, 10, 250]), 4, 2)
    canvas.dot(0, 0, red)
    canvas.dot(3, 1, red)
    halves = [h[:2] for h in canvas.row(0, is_grey=True) for _ in range(h[2])]
    assert halves[0][0] == halves[3][1] == (255,) * 3
    assert max(halves[1] + halves[2]) < (180,) * 3
    colored = [upper for upper, _, n in canvas.row(0) for _ in range(n)]
    assert colored[0] == red
    assert max(colored[1:]) > (200,) * 3
    assert canvas.letters(0) == [("o", red), ("% ", None), ("o", red)]
    assert canvas.letters(0, has_picture=False)[1] == ("  ", None)


def test_four_greys_are_mixed_to_others_and_an_even_ground_stays_even() -> None:
    means = []
    for grey in range(0, 256, 5):
        canvas = Canvas(16, 16, ground=grey)
        halves = [
            (upper[0], lower[0])
            for y in range(8)
            for upper, lower, n in canvas.row(y, has_few=True)
            for _ in range(n)
        ]
        assert {level for pair in halves for level in pair} <= {0, 85, 170, 255}
        means.append(sum(map(sum, halves)) / 256)
    assert means == sorted(means)
    assert len(set(means)) > 20
    assert [means[i] for i in (0, 6, 22, 41, 51)] == [0, 0, 85, 170, 255]


LONG: Line = [("  Select/job004/micrographs_split1.star", "text"), ("  a b c d", "dim")]


def test_wrapped_lines_are_no_wider_and_lose_nothing() -> None:
    for width in range(10, 60):
        lines = wrapped(LONG, width, 4)
        texts = [text_of(line) for line in lines]
        assert all(len(text) <= width for text in texts)
        assert "".join("".join(texts).split()) == "".join(text_of(LONG).split())
        roles = {role for line in lines for _, role in line}
        assert roles == {"text", "dim"}


def test_clipped_lines_end_in_an_ellipsis() -> None:
    whole = text_of(LONG)
    assert clipped(LONG, len(whole)) == LONG
    for width in range(2, len(whole)):
        text = text_of(clipped(LONG, width))
        assert len(text) <= width
        assert text.endswith("…")
        assert whole.startswith(text[:-1])


def test_every_point_of_a_scatter_is_a_dot_where_it_belongs() -> None:
    lines = scatter([("bar", [(0.0, 0.0), (1.0, 1.0)])], 12, 2, ends=("0", "1"))
    rows = [text_of(line) for line in lines]
    assert rows[0].startswith("1 ")
    assert ord(rows[0][-1]) - 0x2800 == 0x08  # above, on the right
    assert ord(rows[1][2]) - 0x2800 == 0x40  # below, on the left
    cells = [ord(c) - 0x2800 for row in rows[:2] for c in row if ord(c) >= 0x2800]
    assert sum(cell.bit_count() for cell in cells) == 2
    assert rows[2].split() == ["0", "1"]
    assert text_of(scatter([("bar", [])], 12, 2)[0]) == "nothing to draw"
    alike = scatter([("bar", [(2.0, 5.0)] * 3)], 12, 2)
    assert len(alike) == 2
