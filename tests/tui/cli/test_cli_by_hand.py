"""Picking and ticking by commands, in a project that the demo made."""

import pytest


@pytest.fixture
def picking(apart):
    """The commands, and a Manual picking job that they opened."""
    listed = apart.json("show", "Import/micrographs")["outputs"]
    source = next(o for o in listed if "micrographs" in o["name"])["name"]
    words = ("new", "manualpick", "--alias", "byhand", "--set", f"fn_in={source}")
    apart(*words, "--run", "--wait")
    assert apart.json("show", "byhand")["state"] == "succeeded"
    return apart


def test_picks_are_added_listed_and_removed(picking):
    done = picking.json(
        *("picks", "byhand", "1", "--add", "100.5,200", "--add", "300,400")
    )
    assert done["changed"]
    assert [(p["x"], p["y"]) for p in done["picks"]] == [(100.5, 200), (300, 400)]
    file = picking.project / done["file"]
    assert file.name.endswith("_manualpick.star")
    assert "100.500000" in file.read_text()
    done = picking.json("picks", "byhand", "1", "--remove", "305,402")
    assert [p["x"] for p in done["picks"]] == [100.5]
    counts = picking.json("picks", "byhand")["micrographs"]
    assert [m["picks"] for m in counts] == [1, None, None, None, None]
    shown = picking("picks", "byhand", "1").out
    assert "100.5" in shown
    assert "1 picks on" in shown


def test_wrong_picks_are_refused_and_nothing_is_written(picking):
    for words in (
        ("--remove", "5,5"),
        ("--add", "5"),
        ("--add", "a,b"),
        ("--add", "-5,3"),
    ):
        said = picking.json("picks", "byhand", "2", *words, code=2)
        assert words[1] in said["error"] or words[0] in said["error"]
    assert picking.json("picks", "byhand", "--add", "1,1", code=2)["error"]
    assert picking.json("picks", "byhand")["micrographs"][1]["picks"] is None
    said = picking.json("--read-only", "picks", "byhand", "1", "--add", "1,1", code=2)
    assert "read-only" in said["error"]


def test_micrographs_are_ticked_by_number_rule_and_inversion(picking):
    def ticked(*words):
        found = picking.json("micrographs", "byhand", *words)
        ticks = [m["selected"] for m in found["micrographs"]]
        assert sum(ticks) == found["selected"]
        return ticks

    assert ticked() == [True] * 5
    assert ticked("--first", "2") == [True, True, False, False, False]
    assert ticked("--invert") == [False, False, True, True, True]
    assert ticked("--rows", "1,4-5") == [True, False, False, True, True]
    defoci = [
        m["defocus"] for m in picking.json("micrographs", "byhand")["micrographs"]
    ]
    limit = sorted(defoci)[2] / 1e4
    wanted = [d / 1e4 <= limit for d in defoci]
    assert ticked("--where", f"defocus <= {limit:.6f}") == wanted
    assert ticked("--all") == [True] * 5
    for words in (("--first", "9"), ("--rows", "7"), ("--where", "size < 1")):
        assert (
            words[1] in picking.json("micrographs", "byhand", *words, code=2)["error"]
        )
    assert "[x]" in picking("micrographs", "byhand").out


def test_the_programs_own_picks_are_taken_again(apart):
    before = apart.json("picks", "LoG", "1")["picks"]
    place = f"{before[0]['x']},{before[0]['y']}"
    changed = apart.json("picks", "LoG", "1", "--remove", place, "--add", "33,44")
    assert changed["changed"]
    assert changed["picks"] != before
    back = apart.json("picks", "LoG", "1", "--original")
    assert back["changed"]
    assert back["picks"] == before
    assert not apart.json("picks", "LoG", "1", "--original")["changed"]
    error = apart.json("picks", "LoG", "2", "--original", code=2)["error"]
    assert "as the program has picked it" in error
