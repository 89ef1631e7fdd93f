"""Search in a log where it lies, against a plain reading of the whole file."""

from __future__ import annotations

import itertools
import random
import tracemalloc
from pathlib import Path

import pytest

from remote.agent import log_search
from remote.agent.log_search import Pattern, Search, is_error
from remote.agent.text import settle
from remote.agent.verbs import Request

_PARTS = [
    b"plain line\n",
    b" + Micrograph 12: 104 particles\n",
    b"WARNING: norm correction is low\n",
    b"0 errors so far\n",
    b"error rate is fine\n",
    "\u00c5ngstr\u00f6m line\n".encode(),
    b" 1/60 sec ~~(,_,\r 2/60 sec NOISE ~~(,_,\r 60/60 sec done ~~(,_,\n",
    b"\x1b[31mcolored\x1b[0m NoIsE\n",
    b"\n",
    b"windows\r\n",
    b"Segmentation Fault (core dumped)\n",
    b"ERROR: no such file\n",
    b"slurmstepd: error: Detected 1 oom_kill event\n",
    b"noise, and noise again\n",
    b"\xff\xfe broken bytes\n",
    b"x" * 700 + b" long noise\n",
]


@pytest.fixture
def job(tmp_path: Path) -> Path:
    folder = tmp_path / "AutoPick" / "job006"
    folder.mkdir(parents=True)
    return folder


def _log(seed: int, lines: int) -> bytes:
    rng = random.Random(seed)
    data = b"".join(rng.choice(_PARTS) for _ in range(lines))
    return data + (b"" if seed % 2 else b"the last line, unfinished: noise")


def _plain(data: bytes, text: str) -> list[tuple[int, int, str]]:
    """Offset, number and text of the lines, by reading everything."""
    found, at = [], 0
    for number, raw in enumerate(data.split(b"\n")):
        line = settle(raw.decode("utf-8", "replace"))
        if text.lower() in line.lower() if text else is_error(line):
            found.append((at, number, line))
        at += len(raw) + 1
    return found


@pytest.mark.parametrize("block", [1000, 3000, 1 << 20])
@pytest.mark.parametrize("text", ["noise", "", "sec", "\u00c5ngstr", "not there"])
def test_all_lines_are_found_as_by_reading_everything(
    job: Path, monkeypatch: pytest.MonkeyPatch, text: str, block: int
) -> None:
    monkeypatch.setattr(log_search, "BLOCK", block)
    data = _log(3, 400)
    (job / "run.out").write_bytes(data)
    request = Request(1, str(job.parents[1]))
    said = log_search.lines(request, "AutoPick/job006", "out", text)
    assert said["is_over"]
    assert [tuple(hit) for hit in said["hits"]] == _plain(data, text)
    assert said["count"] == len(said["hits"])
    assert said["lines"] == data.count(b"\n")


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("is_backward", [False, True])
def test_one_goes_from_line_to_line_either_way(
    job: Path, monkeypatch: pytest.MonkeyPatch, is_backward: bool, seed: int
) -> None:
    monkeypatch.setattr(log_search, "BLOCK", 1500)
    monkeypatch.setattr(log_search, "PAGE_BYTES", 900)
    data = _log(seed, 200)
    (job / "run.err").write_bytes(data)
    request = Request(1, str(job.parents[1]))
    offsets, start, end = [], 0, -1
    while True:
        said = log_search.find(
            request, "AutoPick/job006", "err", "noise", start, end, is_backward
        )
        page = said["hit"]
        assert said["is_over"]
        if page is None:
            break
        offsets.append(page["offset"])
        shown = page["text"].split("\n")
        assert "noise" in shown[page["line"]].lower()
        whole = data[page["start"] : page["end"]]
        assert page["text"].rstrip("\n") == settle(
            whole.decode("utf-8", "replace")
        ).rstrip("\n")
        if is_backward:
            end = page["offset"]
        else:
            newline = data.find(b"\n", page["offset"])
            start = newline + 1 if newline >= 0 else len(data)
    expected = [at for at, _, _ in _plain(data, "noise")]
    assert offsets == (expected[::-1] if is_backward else expected)
    assert len(offsets) > 20


@pytest.mark.parametrize("is_backward", [False, True])
def test_a_search_whose_time_is_over_goes_on_where_it_was(
    job: Path, monkeypatch: pytest.MonkeyPatch, is_backward: bool
) -> None:
    monkeypatch.setattr(log_search, "BLOCK", 1000)
    data = b"nothing here\n" * 1000
    needle = b"the needle\n"
    data = needle + data if is_backward else data + needle
    (job / "run.out").write_bytes(data)
    request = Request(1, str(job.parents[1]))
    start, end, reached = 0, -1, []
    for _ in itertools.count():
        said = log_search.find(
            request, "AutoPick/job006", "out", "needle", start, end, is_backward, 0.0
        )
        if said["is_over"]:
            break
        reached.append(said["reached"])
        start, end = (0, reached[-1]) if is_backward else (reached[-1], -1)
    assert len(reached) >= 10
    assert reached == sorted(reached, reverse=is_backward)
    assert said["hit"]["offset"] == (0 if is_backward else len(data) - len(needle))


def test_lines_beyond_the_limit_are_counted_and_numbers_go_on(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_search, "BLOCK", 1000)
    data = _log(5, 500)
    (job / "run.out").write_bytes(data)
    request = Request(1, str(job.parents[1]))
    start = passed = 0
    numbers = []
    while True:
        said = log_search.lines(
            request, "AutoPick/job006", "out", "noise", start, 7, 0.0
        )
        numbers += [passed + number for _, number, _ in said["hits"]]
        assert len(said["hits"]) <= 7
        start, passed = said["reached"], passed + said["lines"]
        if said["is_over"]:
            break
    few = log_search.lines(request, "AutoPick/job006", "out", "noise", 0, 5)
    expected = [number for _, number, _ in _plain(data, "noise")]
    assert numbers == expected
    assert [n for _, n, _ in few["hits"]] == expected[:5]
    assert few["count"] == len(expected)


def test_the_end_of_a_line_without_end_is_still_found(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_search, "BLOCK", 1000)
    (job / "run.out").write_bytes(b"0123456789" * 1000 + b" needle")
    request = Request(1, str(job.parents[1]))
    for is_backward in (False, True):
        said = log_search.find(
            request, "AutoPick/job006", "out", "needle", is_backward=is_backward
        )
        assert "needle" in said["hit"]["text"].split("\n")[said["hit"]["line"]]


def test_a_log_that_is_not_there_holds_nothing(job: Path) -> None:
    request = Request(1, str(job.parents[1]))
    said = log_search.find(request, "AutoPick/job006", "err")
    assert (said["hit"], said["is_over"], said["size"]) == (None, True, 0)


def test_pages_before_join_without_a_gap(job: Path) -> None:
    data = _log(7, 3000)
    (job / "run.out").write_bytes(data)
    request = Request(1, str(job.parents[1]))
    at, texts = len(data), []
    while at:
        said = log_search.before(request, "AutoPick/job006", "out", at, 4096)
        assert said["start"] < at
        texts.append(said["text"])
        at = said["start"]
    whole = settle(data.decode("utf-8", "replace"))
    assert "".join(reversed(texts)).rstrip("\n") == whole.rstrip("\n")


def test_every_error_word_passes_the_quick_look() -> None:
    lines = [
        "ERROR: x",
        "Traceback (most recent call last):",
        "Segmentation fault",
        "oom-kill",
        "Out Of Memory",
        "killed by signal 9",
        "FATAL",
        "MPI_ABORT was invoked",
        "BAD TERMINATION",
        "std::exception",
        "cannot open",
        "No such file or directory",
    ]
    for line in lines:
        assert is_error(line), line
        found = list(Pattern("").lines(b"a\n" + line.encode() + b"\nb\n"))
        assert found == [(2, line)]


def test_memory_stays_at_a_few_blocks(job: Path) -> None:
    path = job / "run.out"
    with path.open("wb") as file:
        for _ in range(64):
            file.write(b"a line of a log that is long enough\n" * 29000)
    with path.open("rb") as handle:
        search = Search(handle, Pattern("needle"), 0, path.stat().st_size)
        tracemalloc.start()
        assert list(search.hits(Request(1, limit_s=100.0), 100.0)) == []
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert search.is_over
    assert peak < 6 * log_search.BLOCK
