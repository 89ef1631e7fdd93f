"""The stretch of a log that is here: no gap, no growth, the right bytes."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tui import log_window
from tui.log_stretches import backward, forward
from tui.log_window import LogWindow


def _text(first: int, last: int) -> str:
    return "".join(f"{n:06d}\n" for n in range(first, last))


def test_what_is_added_below_is_forgotten_above(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_window, "MOST_LINES", 1000)
    monkeypatch.setattr(log_window, "_BLOCK_LINES", 100)
    window, dropped = LogWindow(), 0
    for n in range(0, 5000, 50):
        dropped += window.append(_text(n, n + 50), 7 * n, 7 * (n + 50))
    assert len(window.texts) <= 1000
    assert dropped + len(window.texts) == 5000
    assert window.texts[0] == f"{dropped:06d}"
    assert (window.start, window.end) == (7 * dropped, 35_000)


def test_what_is_added_above_is_forgotten_below(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_window, "MOST_LINES", 1000)
    window = LogWindow()
    window.append(_text(4900, 5000), 7 * 4900, 35_000)
    for n in range(4800, -100, -100):
        assert window.prepend(_text(n, n + 100), 7 * n, 7 * (n + 100)) == 100
    assert (window.start, window.end) == (0, 7000)
    assert window.texts == [f"{n:06d}" for n in range(1000)]


def test_long_lines_count_by_their_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_window, "MOST_CHARACTERS", 10_000)
    monkeypatch.setattr(log_window, "_BLOCK_CHARACTERS", 500)
    window = LogWindow()
    for n in range(50):
        window.append("x" * 1000 + "\n", 1001 * n, 1001 * (n + 1))
    assert len(window.texts) == 10
    assert window.start == 40 * 1001


def test_a_search_goes_once_round_the_whole_file() -> None:
    window = LogWindow()
    window.append(_text(100, 200), 700, 1400)
    view = SimpleNamespace(window=window, has_more=True, texts=window.texts)
    ahead = [(s.lines, s.start, s.end) for s in forward(view, "out", 30)]
    assert ahead == [
        (range(30, 100), 0, -1),
        (None, 1400, -1),
        (None, 0, 700),
        (range(30), 0, -1),
    ]
    back = backward(view, "out", 30)
    assert list(back[0].lines or ()) == list(range(29, -1, -1))
    assert [(s.start, s.end, s.is_backward) for s in back[1:3]] == [
        (0, 700, True),
        (1400, -1, True),
    ]
    assert list(back[3].lines or ()) == list(range(99, 29, -1))
