"""RELION's lock: held by one, waited for aloud, never stolen."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine.project.actions import create_project, new_job
from engine.project.change import changing, read_pipeline
from engine.project.errors import LockedError
from engine.project.lock import ProjectLock, break_lock, holder

HOLD = """
import sys, time
from engine.project.lock import ProjectLock
with ProjectLock(sys.argv[1]):
    print("held", flush=True)
    time.sleep(float(sys.argv[2]))
"""


def hold_elsewhere(project: Path, seconds: float) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(project), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_lock_is_relions_folder_and_file_with_the_owner_inside(
    tmp_path: Path,
) -> None:
    with ProjectLock(str(tmp_path)):
        file = tmp_path / ".relion_lock" / "lock_default_pipeline.star"
        text = file.read_text()
        assert f"process: {os.getpid()}" in text
        assert (tmp_path / ".relion_lock").stat().st_mode & 0o055 == 0o055
        seen = holder(str(tmp_path))
        assert seen is not None
        assert not seen.is_dead
    assert not (tmp_path / ".relion_lock").exists()


def test_a_lock_in_use_is_waited_for_with_a_message(tmp_path: Path) -> None:
    process = hold_elsewhere(tmp_path, 0.7)
    said: list[str] = []
    with ProjectLock(str(tmp_path), on_wait=lambda h: said.append(h.describe())):
        pass
    assert process.wait() == 0
    assert f"process {process.pid} (cryodeck)" in said[0]
    if process.stdout:
        process.stdout.close()


def test_giving_up_names_who_holds_the_lock_and_how_long(tmp_path: Path) -> None:
    process = hold_elsewhere(tmp_path, 30)
    try:
        with (
            pytest.raises(LockedError, match=rf"process {process.pid} .* try again"),
            ProjectLock(str(tmp_path), wait_s=0.3),
        ):
            pass
        assert (tmp_path / ".relion_lock").is_dir()
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()


def test_a_lock_of_a_killed_process_is_explained_and_not_stolen(tmp_path: Path) -> None:
    process = hold_elsewhere(tmp_path, 30)
    process.kill()
    process.wait()
    if process.stdout:
        process.stdout.close()
    with (
        pytest.raises(LockedError, match="that process is gone"),
        ProjectLock(str(tmp_path), wait_s=0.2),
    ):
        pass
    seen = holder(str(tmp_path))
    assert seen is not None
    break_lock(str(tmp_path), seen)
    with ProjectLock(str(tmp_path), wait_s=0.2):
        pass


def test_an_old_lock_of_relion_is_said_to_be_left_over(tmp_path: Path) -> None:
    folder = tmp_path / ".relion_lock"
    folder.mkdir()
    (folder / "lock_default_pipeline.star").write_text("locked by relion\n")
    with (
        pytest.raises(LockedError, match=r"RELION or another program .* in a moment"),
        ProjectLock(str(tmp_path), wait_s=0.2),
    ):
        pass
    young = holder(str(tmp_path))
    assert young is not None
    with pytest.raises(LockedError, match="too recent"):
        break_lock(str(tmp_path), young)
    old = time.time() - 600
    os.utime(folder, (old, old))
    with (
        pytest.raises(LockedError, match="probably left over"),
        ProjectLock(str(tmp_path), wait_s=0.2),
    ):
        pass
    with pytest.raises(LockedError, match="changed hands"):
        break_lock(str(tmp_path), young)
    seen = holder(str(tmp_path))
    assert seen is not None
    break_lock(str(tmp_path), seen)
    assert holder(str(tmp_path)) is None


def test_two_processes_adding_jobs_lose_none(tmp_path: Path) -> None:
    create_project(str(tmp_path), "4.0")
    code = (
        "import sys\n"
        "from engine.project.actions import new_job\n"
        "for i in range(12):\n"
        "    new_job(sys.argv[1], 'relion.select', 'x')\n"
    )
    both = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in "ab"]
    assert [process.wait() for process in both] == [0, 0]
    pipeline = read_pipeline(str(tmp_path))
    assert sorted(p.number for p in pipeline.processes()) == list(range(1, 25))
    assert pipeline.counter == 25


KILLED = """
import os, sys
step = [int(sys.argv[2])]
def die(real):
    def wrapped(*args, **more):
        step[0] -= 1
        if step[0] == 0:
            os.kill(os.getpid(), 9)
        return real(*args, **more)
    return wrapped
for name in ("mkdir", "makedirs", "replace", "symlink", "rename", "unlink", "rmdir"):
    setattr(os, name, die(getattr(os, name)))
from engine.project import actions
name = actions.new_job(sys.argv[1], "relion.extract", "star", alias="mine",
    inputs=[("Import/job001/m.star", "MicrographsData.star.relion")],
    outputs=[("particles.star", "ParticlesData.star.relion")],
    token="once", gui_name="extract")
actions.launch(sys.argv[1], name, ["echo"], token="once")
"""


def run_killed_at(project: Path, step: int) -> int:
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(project), str(step)], check=False
    ).returncode


@pytest.mark.parametrize("first", [1, 5, 9])
def test_a_kill_at_any_step_leaves_the_pipeline_whole_and_the_token_holds(
    tmp_path: Path, first: int
) -> None:
    for step in range(first, 60, 12):
        project = tmp_path / str(step)
        create_project(str(project), "4.0")
        new_job(str(project), "relion.import", "star")
        code = run_killed_at(project, step)
        for process in read_pipeline(str(project)).processes():
            assert (project / process.name / "job.star").exists()
        if code == 0:
            break
        seen = holder(str(project))
        if seen is not None:
            break_lock(str(project), seen)
        assert run_killed_at(project, 10_000) == 0
        with changing(str(project)) as pipeline:
            extracts = [p for p in pipeline.processes() if p.folder == "Extract"]
            assert [p.status for p in extracts] == ["Running"]
            assert pipeline.outputs_of(extracts[0].name) == [
                extracts[0].name + "particles.star"
            ]


IN_PLACE = """
import os, sys, time
project, text = sys.argv[1], open(sys.argv[1] + "/default_pipeline.star").read()
lock = project + "/.relion_lock"
print("go", flush=True)
for _ in range(8):
    os.mkdir(lock)
    with open(lock + "/lock_default_pipeline.star", "w") as file:
        file.write("locked\\n")
    with open(project + "/default_pipeline.star", "w") as file:
        for line in text.splitlines(True):
            file.write(line)
            file.flush()
            time.sleep(0.0003)
    os.unlink(lock + "/lock_default_pipeline.star")
    os.rmdir(lock)
    time.sleep(0.1)
"""


def test_a_pipeline_that_is_being_written_in_place_is_read_whole(
    tmp_path: Path,
) -> None:
    """RELION truncates, then writes line by line, under its lock."""
    where = str(tmp_path)
    create_project(where, "4.0")
    for _ in range(20):
        new_job(where, "relion.select", "s")
    writer = subprocess.Popen(
        [sys.executable, "-c", IN_PLACE, where], stdout=subprocess.PIPE, text=True
    )
    assert writer.stdout is not None
    assert writer.stdout.readline() == "go\n"
    counts = set()
    while writer.poll() is None:
        counts.add(len(read_pipeline(where).processes()))
    writer.stdout.close()
    assert counts == {20}
