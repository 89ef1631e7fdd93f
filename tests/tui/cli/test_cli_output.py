"""What the command line prints, and what it never prints."""

import io
import json

import pytest

from tui.cli.output import Output, clipped, printable, width_of


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb", "a\\nb"),
        ("bell\x07", "bell\\x07"),
        ("\x9b31m", "\\x9b31m"),
        ("turned\u202egpj.exe", "turned\\u202egpj.exe"),
        ("marked\u061c", "marked\\u061c"),
        ("lone \udc80 surrogate", "lone \\udc80 surrogate"),
        ("Å, µ and 電子", "Å, µ and 電子"),
    ],
)
def test_control_characters_are_written_out_and_letters_kept(hostile, shown):
    assert printable(hostile) == shown


def test_only_the_named_control_characters_are_kept():
    assert printable("a\tb\nc\r", keep="\n\t") == "a\tb\nc\\r"


def test_wide_letters_take_two_columns_and_accents_none():
    assert width_of("電子") == 4
    assert width_of("e\u0301") == 1


def test_a_text_is_cut_to_the_columns_it_may_take():
    assert clipped("電子顕微鏡", 5) == "電子…"
    assert clipped("fits", 4) == "fits"


def test_columns_line_up_whatever_is_in_them():
    out = io.StringIO()
    Output(out=out, err=io.StringIO()).table(
        ("Name", ">Picks"), [("電子", "7"), ("a\x1b[2J", "1234")]
    )
    lines = out.getvalue().splitlines()
    assert lines[0] == "Name      Picks"
    assert lines[1] == "電子          7"
    assert lines[2] == "a\\x1b[2J   1234"


def test_json_answers_hold_one_document_and_nothing_else():
    out = io.StringIO()
    output = Output(as_json=True, out=out, err=io.StringIO())
    output.line("for people")
    output.table(("A",), [("b",)])
    output.result({"n": 1})
    assert json.loads(out.getvalue()) == {"n": 1}


def test_an_error_is_one_line_for_people_and_an_object_for_programs():
    out, err = io.StringIO(), io.StringIO()
    Output(as_json=True, out=out, err=err).error("no\nsuch \x1b job", 2)
    assert json.loads(out.getvalue()) == {"error": "no\nsuch \x1b job", "exit_code": 2}
    assert err.getvalue() == "cryodeck: no such \\x1b job\n"


def test_nothing_is_colored_where_nobody_looks():
    out = io.StringIO()
    Output(out=out, err=io.StringIO()).line("text", "red")
    assert out.getvalue() == "text\n"


def test_a_micrograph_that_was_not_picked_yet_is_a_bar_of_nothing():
    from remote.views import Statistics
    from tui.cli.reports import print_statistics

    out = io.StringIO()
    values = {
        "micrographs": [
            {"name": "m/one.mrc", "picks": 12, "defocus": 15000.0},
            {"name": "m/two.mrc", "picks": None, "defocus": None},
        ],
        "micrographs_total": 2,
        "micrographs_done": 1,
        "picks_total": 12,
    }
    print_statistics(
        Output(out=out),
        Statistics(job="AutoPick/job006", type="autopick", values=values, taken_at=0.0),
    )
    lines = out.getvalue().splitlines()
    assert "12 particles on 1 of 2 micrographs, 12 on average" in lines
    assert [line.split()[-3:] for line in lines if "two.mrc" in line] == [
        ["not", "picked", "yet"]
    ]
