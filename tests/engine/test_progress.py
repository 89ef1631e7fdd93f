from __future__ import annotations

from engine.progress import ProgressWriter, read_progress


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "progress.jsonl"
    writer = ProgressWriter(path)
    writer.started(3, "micrographs")
    writer.warning("a line\nbreak, an Å")
    writer.step(3, 3, "micrographs")
    writer.finished(elapsed_s=1.5)
    records = read_progress(path.read_text())
    kinds = [record["kind"] for record in records]
    assert kinds == ["started", "warning", "step", "finished"]
    assert records[1]["message"] == "a line\nbreak, an Å"
    assert records[2]["done"] == 3
    assert all(record["t"] > 1.6e9 for record in records)


def test_steps_come_twice_a_second_at_most_but_the_last_always(tmp_path):
    path = tmp_path / "progress.jsonl"
    writer = ProgressWriter(path)
    for done in range(1, 1001):
        writer.step(done, 1000, "micrographs")
    records = read_progress(path.read_text())
    assert len(records) <= 4
    assert records[-1]["done"] == 1000


def test_half_a_line_and_foreign_text_do_no_harm():
    text = '{"t": 1, "kind": "step"}\nmpirun noticed that\n[1, 2]\n\n{"t": 2, "ki'
    assert read_progress(text) == [{"t": 1, "kind": "step"}]


def test_without_a_path_nothing_is_written(tmp_path):
    ProgressWriter(None).started(1, "micrographs")
    assert list(tmp_path.iterdir()) == []


def test_the_last_step_is_said_once(tmp_path):
    path = tmp_path / "progress.jsonl"
    writer = ProgressWriter(path)
    writer.started(2, "micrographs")
    for done in (2, 2):
        writer.step(done, 2, "micrographs")
    writer.started(2, "micrographs")
    writer.step(2, 2, "micrographs")
    kinds = [record["kind"] for record in read_progress(path.read_text())]
    assert kinds == ["started", "step", "started", "step"]


def test_nothing_follows_a_failure_but_a_new_start(tmp_path):
    path = tmp_path / "progress.jsonl"
    leader, other = ProgressWriter(path), ProgressWriter(path)
    leader.started(5, "micrographs")
    other.failed("mic5: no room")
    leader.step(5, 5, "micrographs")
    leader.failed("the other rank failed")
    leader.finished()
    kinds = [record["kind"] for record in read_progress(path.read_text())]
    assert kinds == ["started", "failed"]
    leader.started(5, "micrographs")
    leader.step(5, 5, "micrographs")
    kinds = [record["kind"] for record in read_progress(path.read_text())]
    assert kinds == ["started", "failed", "started", "step"]


def test_a_run_that_goes_on_says_in_every_step_what_was_kept(tmp_path):
    path = tmp_path / "progress.jsonl"
    writer = ProgressWriter(path)
    writer.started(2, "micrographs", kept=3, of=5)
    writer.step(2, 2, "micrographs")
    writer.started(5, "micrographs", kept=0, of=5)
    writer.step(5, 5, "micrographs")
    said = [(r.get("kept"), r.get("of")) for r in read_progress(path.read_text())]
    assert said == [(3, 5), (3, 5), (None, None), (None, None)]
