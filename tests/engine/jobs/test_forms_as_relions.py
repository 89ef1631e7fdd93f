"""Our forms against RELION's, field by field; tests/data/forms is none of ours."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from engine.jobs.active import is_active
from engine.jobs.job import Job
from engine.jobs.option import VERSIONS, Kind, Option
from engine.jobs.registry import by_key

FORMS = Path(__file__).resolve().parents[2] / "data" / "forms"
TYPES = ("import", "ctffind", "manualpick", "select", "autopick", "extract", "class2d")
RUNNING = ["do_queue", "queuename", "qsub", "qsubscript", "min_dedicated", "other_args"]
SLIDERS = {
    "ctffind": ["nr_mpi"],
    "autopick": ["nr_mpi"],
    "extract": ["nr_mpi"],
    "class2d": ["nr_mpi", "nr_threads"],
}
WORDS = {
    "Yes/No": Kind.YES_NO,
    "choice": Kind.CHOICE,
    "text": Kind.TEXT,
    "number as text": Kind.NUMBER,
}


def _rows(name: str) -> list[dict[str, str]]:
    with (FORMS / f"{name}.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


FIELDS = [
    pytest.param(name, version, row, id=f"{name}-{version}-{row['key']}")
    for name in TYPES
    for row in _rows(name)
    for version in row["versions"].split()
]


def _needs(row: dict[str, str]) -> list[tuple[str, str]]:
    pairs = [one.partition("=") for one in row["active if"].split(", ") if one]
    return [(key, value) for key, _, value in pairs]


def _option(name: str, version: str, key: str) -> Option:
    option = by_key(name).option(key, version)
    assert option is not None, f"{name} of {version} has no {key}"
    return option


def test_all_of_the_sheet_was_read() -> None:
    assert len(FIELDS) > 500
    assert {version for row in _rows("order") for version in [row["version"]]} == set(
        VERSIONS
    )


@pytest.mark.parametrize(("name", "version", "row"), FIELDS)
def test_a_field_is_relions(name: str, version: str, row: dict[str, str]) -> None:
    option = _option(name, version, row["key"])
    assert option.label == json.loads(row["label"])
    assert option.default == (json.loads(row["default"]) or "")
    assert sorted(option.active_if) == sorted(_needs(row))
    assert option.on_continue.value == row["continue"]
    kind, _, rest = row["type"].partition(" ")
    if kind == "slider":
        ends, _, step = rest.partition(", step ")
        low, _, high = ends.partition("…")
        assert option.kind in {Kind.NUMBER, Kind.INTEGER}
        assert (option.low, option.high, option.step) == tuple(
            map(float, (low, high, step))
        )
    elif kind == "file":
        assert (option.kind, option.pattern) == (Kind.FILE, rest)
    elif kind == "node,":
        assert (option.kind, option.pattern) == (
            Kind.NODE,
            rest.removeprefix("pattern "),
        )
    else:
        assert option.kind is WORDS[row["type"]]
        assert (option.low, option.high) == (None, None)


@pytest.mark.parametrize(("name", "version", "row"), FIELDS)
def test_a_field_is_greyed_as_relion_greys_it(
    name: str, version: str, row: dict[str, str]
) -> None:
    option, needs = _option(name, version, row["key"]), _needs(row)
    whole = Job.new(name, version, dict(needs))
    # what a new job leaves greyed is what can be set only when continuing, or never
    assert is_active(whole, option) == (row["continue"] in "DL")
    assert is_active(whole, option, continuing=True) == (row["continue"] in "LR")
    for key, value in needs:
        other = whole.replace(key, {"Yes": "No", "No": "Yes"}[value])
        assert not is_active(other, option)
        assert not is_active(other, option, continuing=True)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", TYPES)
def test_tabs_and_fields_stand_in_relions_order(name: str, version: str) -> None:
    expected = [
        (row["tab"], row["keys"].split())
        for row in _rows("order")
        if (row["type"], row["version"]) == (name, version)
    ]
    tabs = by_key(name).tabs(version)
    found = [(tab.label, [o.key for o in tab.options]) for tab in tabs]
    assert found[: len(expected)] == expected
    running = [key for key in found[len(expected)][1] if not key.startswith("cryodeck")]
    assert found[len(expected)][0] == "Running"
    assert running == [*SLIDERS.get(name, []), *RUNNING]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", TYPES)
def test_there_is_no_field_that_relion_lacks(name: str, version: str) -> None:
    known = {r["key"] for r in _rows(name) if version in r["versions"].split()}
    known |= {*RUNNING, *SLIDERS.get(name, [])}
    ours = {
        key
        for key in by_key(name).all_options(version)
        if not key.startswith("cryodeck_")
    }
    assert ours == known


def test_menus_offer_relions_texts() -> None:
    rows = _rows("choices")
    assert len(rows) >= 3
    for row in rows:
        for version in row["versions"].split():
            option = _option(row["type"], version, row["key"])
            assert list(option.choices) == json.loads(row["choices"])


def test_fields_that_share_a_line_share_its_title() -> None:
    shared = [(n, r) for n in TYPES for r in _rows(n) if r["row"]]
    assert len(shared) >= 8
    for name, row in shared:
        for version in row["versions"].split():
            option = _option(name, version, row["key"])
            assert option.row.strip().rstrip(":") == row["row"].strip().rstrip(":")
