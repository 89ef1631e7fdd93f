import contextlib
import os
import resource
import stat
import tracemalloc

import pytest

from remote.agent import files
from remote.agent.verbs import Request, VerbError
from remote.reading import folder


@pytest.fixture
def request_here(tmp_path):
    return Request(1, str(tmp_path), 10.0)


def follow(request, path, step=4096):
    """Whole text of a file as a reader that comes back sees it."""
    text, offset = "", 0
    while True:
        said = files.read_from(request, path, offset, step)
        text += said["text"]
        if said["offset"] == offset:
            return text, said
        offset = said["offset"]


def test_a_log_read_in_small_steps_is_the_whole_log(tmp_path, request_here):
    lines = [f"line {i} é µ 日本 {'x' * (i % 90)}" for i in range(300)]
    (tmp_path / "run.out").write_text("\n".join(lines) + "\n")
    for step in (200, 333, 4096):
        assert follow(request_here, "run.out", step)[0] == "\n".join(lines) + "\n"


def test_the_unfinished_line_is_shown_but_not_kept(tmp_path, request_here):
    log = tmp_path / "run.out"
    log.write_bytes(b"whole\n  1/24 ~~\r  2/24 ~~~")
    said = files.read_from(request_here, "run.out", 0)
    assert (said["text"], said["partial"]) == ("whole\n", "  2/24 ~~~")
    with log.open("ab") as file:
        file.write(b"\r 24/24 done\nnext\n")
    said = files.read_from(request_here, "run.out", said["offset"])
    assert (said["text"], said["partial"]) == (" 24/24 done\nnext\n", "")


def test_an_endless_progress_line_does_not_stop_the_reader(tmp_path, request_here):
    bars = b"".join(b"%5d/9999 ~~(,_,\r" % i for i in range(10000))
    (tmp_path / "run.out").write_bytes(bars + b"done\n")
    text, _ = follow(request_here, "run.out", 4096)
    assert text.startswith("done")
    assert text.count("\n") == 1


def test_reading_from_the_end_begins_with_a_whole_line(tmp_path, request_here):
    (tmp_path / "run.out").write_text("".join(f"line {i}\n" for i in range(1000)))
    said = files.read_from(request_here, "run.out", -100)
    assert said["text"].splitlines()[0] in {f"line {i}" for i in range(980, 1000)}
    assert said["text"].endswith("line 999\n")
    assert said["offset"] == said["size"]


def test_a_truncated_file_is_read_anew(tmp_path, request_here):
    log = tmp_path / "run.out"
    log.write_text("a long first run\n" * 10)
    offset = files.read_from(request_here, "run.out", 0)["offset"]
    log.write_text("second\n")
    said = files.read_from(request_here, "run.out", offset)
    assert said["was_truncated"]
    assert said["text"] == "second\n"


def test_a_rotated_file_is_noticed_by_its_inode(tmp_path, request_here):
    log = tmp_path / "run.out"
    log.write_text("first\n")
    before = files.read_from(request_here, "run.out", 0)
    log.rename(tmp_path / "run.out.1")
    log.write_text("another, longer than before\n")
    said = files.read_from(
        request_here, "run.out", before["offset"], 4096, before["inode"]
    )
    assert said["was_truncated"]
    assert said["text"] == "another, longer than before\n"


def test_escape_sequences_of_a_log_stay_in_the_log(tmp_path, request_here):
    (tmp_path / "run.out").write_bytes(b"\x1b[2J\x1b]52;c;ZXZpbA==\x07ok\xff\n\x1b[31m")
    said = files.read_from(request_here, "run.out", 0)
    assert said["text"] == "ok\ufffd\n"
    assert said["partial"] == ""


def test_a_gigabyte_log_costs_a_window_of_memory(tmp_path, request_here):
    log = tmp_path / "run.out"
    with log.open("wb") as file:
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe end\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    said = files.read_from(request_here, "run.out", -65536)
    assert said["text"].endswith("the end\n")
    assert said["size"] == (1 << 30) + 9
    files.read_from(request_here, "run.out", 1 << 29, 65536)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 8 << 10  # kB


def test_many_tails_in_one_answer_and_a_missing_one_says_so(tmp_path, request_here):
    for i in range(3):
        (tmp_path / f"{i}.out").write_text(f"{i}\n")
    wanted = [{"path": f"{i}.out"} for i in range(4)]
    said = files.tail_many(request_here, wanted)
    assert [one.get("text") for one in said] == ["0\n", "1\n", "2\n", None]
    assert said[3]["error"]["code"] == "not found"


class Entry:
    """An entry of a folder as the system tells of it, and what it was asked."""

    looked_at = 0

    def __init__(self, name):
        self.name = name

    def is_dir(self):
        return self.name.startswith("dir")

    def is_symlink(self):
        return False

    def stat(self):
        Entry.looked_at += 1
        return os.stat_result((0o100644, 0, 0, 0, 0, 0, 7, 0, 1, 0))


def test_of_a_hundred_thousand_files_the_first_come_and_only_they_are_looked_at(
    monkeypatch, request_here
):
    names = [f"mic{i * 7919 % 100_000:06d}.mrc" for i in range(100_000)] + ["dir"]

    @contextlib.contextmanager
    def scandir(path):
        yield map(Entry, names)

    monkeypatch.setattr(files.os, "scandir", scandir)
    Entry.looked_at = 0
    tracemalloc.start()
    said = files.list_dir(request_here, limit=50)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [e[0] for e in said["entries"]] == ["dir", *sorted(names)[1:50]]
    assert said["total"] == 100_001
    assert Entry.looked_at == 50
    assert peak < 1 << 20
    found = files.list_dir(request_here, needle="C01234")
    assert (len(found["entries"]), found["total"]) == (10, 10)
    only = files.list_dir(request_here, folders_only=True)
    assert ([e[0] for e in only["entries"]], only["total"]) == (["dir"], 1)


def test_a_folder_says_what_its_entries_are(tmp_path, request_here):
    (tmp_path / "b").write_text("1234")
    (tmp_path / "A").mkdir()
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "to").symlink_to("A")
    (tmp_path / "nowhere").symlink_to("missing")
    found = folder(files.list_dir(request_here, hidden=False))
    assert [(e["name"], e["is_dir"], e["is_link"]) for e in found.entries] == [
        ("A", True, False),
        ("to", True, True),
        ("b", False, False),
        ("nowhere", False, True),
    ]
    assert found.entries[2]["size"] == 4
    assert found.total == 4


NAMES = [
    "a b",
    "quote'd",
    'double"d',
    "semi;colon",
    "$(touch hacked)",
    "`id`",
    "new\nline",
    "-rf",
    "*",
    "é日本",
    os.fsdecode(b"\xff\xfe"),
    "\x1b[31m",
]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_is_only_a_name(tmp_path, request_here, name):
    request_here.blob = b"content"
    files.write_atomic(request_here, name)
    (entry,) = folder(files.list_dir(request_here)).entries
    assert entry["name"] == name
    assert (tmp_path / name).read_bytes() == b"content"
    assert files.stat_many(request_here, [name])[0]["size"] == 7
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_a_name_with_a_zero_byte_is_refused(request_here):
    with pytest.raises(VerbError, match="zero byte"):
        files.read_from(request_here, "a\x00b")


def test_a_file_is_written_whole_or_not_at_all(tmp_path, request_here):
    (tmp_path / "job.star").write_text("old")
    (tmp_path / "job.star").chmod(0o640)
    request_here.blob = b"new"
    files.write_atomic(request_here, "job.star", 0o600)
    there = (tmp_path / "job.star").stat()
    assert stat.S_IMODE(there.st_mode) == 0o600
    assert (tmp_path / "job.star").read_text() == "new"
    with pytest.raises(OSError):
        files.write_atomic(request_here, "nowhere/job.star")
    assert [p.name for p in tmp_path.iterdir()] == ["job.star"]


def test_a_file_that_somebody_else_changed_is_not_overwritten(tmp_path, request_here):
    path = tmp_path / "job.star"
    path.write_text("mine")
    seen = path.stat().st_mtime
    path.write_text("theirs")
    os.utime(path, (seen + 5, seen + 5))
    request_here.blob = b"mine again"
    with pytest.raises(VerbError, match="somebody else"):
        files.write_atomic(request_here, "job.star", if_mtime=seen)
    assert path.read_text() == "theirs"


def test_writing_through_a_link_keeps_the_link(tmp_path, request_here):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    request_here.blob = b"new"
    files.write_atomic(request_here, "link")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_pipe_in_place_of_a_log_does_not_hang(tmp_path, request_here):
    os.mkfifo(tmp_path / "run.out")
    with pytest.raises(VerbError, match="not a plain file"):
        files.read_from(request_here, "run.out")


def test_folders_that_are_relion_projects_are_told_apart(tmp_path, request_here):
    (tmp_path / "data").mkdir()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "default_pipeline.star").touch()
    (tmp_path / "link").symlink_to("project")
    found = folder(files.list_dir(request_here, folders_only=True))
    assert [(e["name"], e["is_project"], e["is_dir"]) for e in found.entries] == [
        ("data", False, True),
        ("link", True, True),
        ("project", True, True),
    ]
    assert not found.is_project
    inside = folder(files.list_dir(request_here, "project", folders_only=True))
    assert inside.is_project
