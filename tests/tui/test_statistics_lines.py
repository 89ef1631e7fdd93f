"""Statistics drawn as lines: what each type shows."""

from __future__ import annotations

import pytest

from tui.charts import text_of
from tui.widgets.statistics_lines import statistics_lines


def shown(type_key: str, values: dict, width: int = 100, **more: object) -> str:
    lines = statistics_lines(type_key, values, width, **more)  # type: ignore[arg-type]
    return "\n".join(text_of(line) for line in lines)


def class2d(iterations: int, last_change: float) -> dict:
    history = [
        {
            "iteration": i,
            "distribution": [0.5 + 0.01 * i, 0.5 - 0.01 * i],
            "resolution": 30.0 - i,
            "changes_classes": last_change if i == iterations else 0.5,
            "log_likelihood": 100.0 + i,
            "seconds": 8.0,
        }
        for i in range(1, iterations + 1)
    ]
    classes = [
        {
            "number": n,
            "distribution": share,
            "resolution": 14.25,
            "accuracy_rotations": 3.5,
            "accuracy_translations": 4.75,
        }
        for n, share in ((1, 0.6), (2, 0.4))
    ]
    return {
        "iteration": iterations,
        "iterations_total": 25,
        "classes": classes,
        "history": history,
    }


@pytest.mark.parametrize("width", [80, 120, 200])
def test_classes_show_shares_resolution_accuracies_and_their_history(
    width: int,
) -> None:
    text = shown("class2d", class2d(10, 0.004), width)
    assert "14.2 Å" in text
    assert "3.5°" in text
    assert "4.8 Å" in text
    assert "Shares (%) of the largest classes by iteration  ━ 1  ━ 2" in text
    assert "the rest about 2 min" in text  # 15 iterations of 8 s
    assert "0.4 %   has settled" in text
    for words in ("Resolution (Å)", "changed class", "Log-likelihood"):
        assert words in text
    assert max(map(len, text.splitlines())) <= width


def test_classes_that_still_move_are_said_to() -> None:
    assert "50.0 %   still moving" in shown("class2d", class2d(10, 0.5))
    assert "the rest" not in shown("class2d", class2d(25, 0.0))


def test_picks_are_set_against_defocus() -> None:
    micrographs = [
        {"name": f"m{i}.mrc", "picks": 100 + 10 * i, "defocus": 10000.0 + 1000 * i}
        for i in range(8)
    ]
    text = shown("autopick", {"micrographs": micrographs, "picks_total": 1080})
    assert "Picks by defocus" in text
    # four steps of two micrographs: 1.00 to 1.18 µm holds 100 and 110 picks
    first = next(line for line in text.splitlines() if "1.00 to 1.18 µm" in line)
    assert "105" in first
    assert "of 2" in first


def test_without_defocus_there_is_no_such_chart() -> None:
    micrographs = [{"name": "m.mrc", "picks": 3, "defocus": None}]
    text = shown("autopick", {"micrographs": micrographs, "picks_total": 3})
    assert "defocus" not in text
