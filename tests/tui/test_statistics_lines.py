"""Statistics drawn as lines: what each type shows."""

from __future__ import annotations

import pytest

from tui.charts import BarRow, bar_rows, text_of
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
            "changes_psi": 5.0,
            "changes_offset": 1.0 + i,
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
    for words in (
        "Resolution (Å)",
        "changed class",
        "angles changed by (°)",
        "Offsets changed by (Å)",
        "Log-likelihood",
    ):
        assert words in text
    assert text.count("iteration 1 ") == 6  # below every curve
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


def test_numbers_of_bars_stand_below_one_another_with_the_same_decimals() -> None:
    lines = [text_of(one) for one in bar_rows([BarRow("a", 16.5), BarRow("b", 3)], 40)]
    assert lines[0].endswith(" 16.5")
    assert lines[1].endswith("  3.0")
    whole = [text_of(one) for one in bar_rows([BarRow("a", 1200), BarRow("b", 3)], 40)]
    assert whole[0].endswith(" 1 200")
    assert whole[1].endswith("     3")


def test_an_extraction_tells_of_its_boxes() -> None:
    values = {
        "particles_total": 830,
        "box_px": 64,
        "pixel_size": 3.54,
        "skipped_outside": 4,
        "micrographs": [{"name": f"m{i}.mrc", "particles": 166} for i in range(5)],
        "greys": {"min": -6.1, "max": 5.9, "mean": -0.01, "deviation": 1.02},
    }
    text = shown("extract", values)
    words = [line.split() for line in text.splitlines()]
    assert ["box", "(Å)", "227"] in words
    assert ["particles", "per", "micrograph", "166"] in words
    assert "-0.01 ± 1.02   from -6.1 to 5.9" in text


def test_many_micrographs_are_counted_by_their_picks() -> None:
    items = [{"name": f"m{i}.mrc", "picks": i} for i in range(40)]
    found = {"edges": [0.0, 20.0, 40.0], "counts": [20, 20]}
    values = {"micrographs": items, "picks_histogram": found, "picks_left_out": 7}
    text = shown("autopick", values)
    assert "Micrographs  by their number of picks" in text
    words = [line.split() for line in text.splitlines()]
    assert ["left", "out", "on", "carbon", "and", "ice", "7"] in words
    values["micrographs"] = items[:10]
    assert "by their number" not in shown("autopick", values)


def test_a_selection_tells_its_rule_and_of_how_many() -> None:
    values = {"selected_classes": [5, 8], "rule": "best 2 by score"}
    values |= {"particles_total": 422, "input_total": 834}
    text = shown("select", values)
    assert "best 2 by score" in text
    assert "834" in text


def test_two_runs_with_other_bins_stand_in_one_histogram() -> None:
    mine = {"fom_histogram": {"edges": [0.0, 1.0, 2.0], "counts": [10, 20]}}
    theirs = {"fom_histogram": {"edges": [1.0, 3.0, 5.0], "counts": [8, 4]}}
    text = shown("autopick", mine, other=theirs, names=("a", "b"))
    assert "•" in text
    axis = next(line for line in text.splitlines() if line.rstrip().endswith(" 5"))
    assert axis.split() == ["0", "2.5", "5"]


def test_a_selection_shows_what_it_kept_of_each_class_and_micrograph() -> None:
    values = {
        "selected_classes": [2, 5],
        "input_total": 800,
        "particles_total": 200,
        "classes": [
            {"number": 2, "particles": 57},
            {"number": 5, "particles": 143},
        ],
        "micrographs": [
            {"name": "Movies/a.mrc", "particles": 120},
            {"name": "Movies/b.mrc", "particles": 80},
        ],
    }
    text = shown("select", values)
    assert "25.0 %" in text
    assert "class 5" in text
    assert "143" in text
    assert "particles per micrograph" in text
    assert "100" in text


def test_many_micrographs_are_dots_over_their_defocus() -> None:
    items = [
        {"name": f"m{i}.mrc", "picks": 100 + i, "defocus": 1e4 + 1000 * i}
        for i in range(9)
    ]
    text = shown("autopick", {"micrographs": items, "picks_total": 936})
    assert "Picks against defocus" in text
    assert "1.80 µm" in text
    few = shown("autopick", {"micrographs": items[:5], "picks_total": 510})
    assert "Picks by defocus" in few
    assert "Picks against defocus" not in few


def test_particles_per_micrograph_stand_beside_another_extractions() -> None:
    mine = {"micrographs": [{"name": "a/m1.mrc", "particles": 40}]}
    theirs = {"micrographs": [{"name": "a/m1.mrc", "particles": 31}]}
    lines = statistics_lines("extract", mine, 80, other=theirs, names=("x", "y"))
    assert any(role == "bar2" and "31" in text for line in lines for text, role in line)


@pytest.mark.parametrize("width", [77, 90])
def test_many_classes_fit_the_width_with_their_curves_names(width: int) -> None:
    values = class2d(10, 0.004)
    values["classes"] = [values["classes"][0] | {"number": n} for n in range(41, 47)]
    for one in values["history"]:
        one["distribution"] = [1 / 46] * 46
    text = shown("class2d", values, width)
    assert "━ 46" in text
    assert max(map(len, text.splitlines())) <= width
