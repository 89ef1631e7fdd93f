"""Two jobs side by side, and one job by both engines."""

import pytest

pytestmark = pytest.mark.relion


def test_both_engines_do_a_subset_and_their_picks_are_counted(apart):
    told = apart.json("compare", "LoG", "--engines", "--first", "2")
    assert told["options"]["cryodeck_engine"] == ["cryodeck", "relion"]
    rows = told["overlap"]["micrographs"]
    assert len(rows) == 2
    ours, theirs = told["numbers"]["picks_total"]
    assert sum(row["first"] for row in rows) == ours > 100
    assert sum(row["second"] for row in rows) == theirs
    shared = sum(row["shared"] for row in rows)
    assert shared > 0.98 * max(ours, theirs)


def test_a_job_shares_all_picks_with_itself(shell):
    told = shell.json("compare", "LoG", "LoG", "--within", "1")
    for row in told["overlap"]["micrographs"]:
        assert row["first"] == row["second"] == row["shared"]
    out = shell("compare", "LoG", "LoG").out
    assert "100.0 %" in out
    assert "together" in out


def test_a_job_card_shows_the_command_lines_of_both_engines(shell):
    out = shell("show", "LoG").out
    assert "by cryodeck" in out
    assert "the same by relion" in out
    assert "relion_autopick" in out
    commands = shell.json("show", "LoG")["commands"]
    assert list(commands) == ["cryodeck", "relion"]


@pytest.mark.parametrize(
    "words", [("LoG",), ("LoG", "--first", "2"), ("LoG", "fewer", "--engines")]
)
def test_what_cannot_be_compared_is_refused_in_one_line(shell, words):
    assert len(shell("compare", *words, code=2).err.splitlines()) == 1
