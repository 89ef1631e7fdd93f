"""One round of queries per interval for all agents of an account on a login node."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from remote.agent import asking, shared
from remote.agent.verbs import Request

ROOT = Path(__file__).resolve().parents[3]
SQUEUE = """\
#!/bin/sh
echo "$$ $(date +%s.%N)" >>"{ledger}"
[ ! -e "{slow}" ] || sleep 60
for key in 7 8 9; do echo "$key|RUNNING|{more}"; done
"""
#: an agent's window: it looks again and again, says how often, and leaves
WINDOW = """\
import json, sys, time
sys.path.insert(0, {root!r})
from remote.agent import asking, shared
from remote.agent.verbs import Request
request = Request(1, {project!r}, 60.0)
asked, ids, seconds = json.loads(sys.argv[1]), set(sys.argv[2:-1]), float(sys.argv[-1])
end, looks = time.monotonic() + seconds, 0
while time.monotonic() < end:
    said = asking.answers(request, asked, ids, 1.0)
    assert said["asked_at"] and all(key in said["answers"][0]["out"] for key in ids)
    looks += 1
    time.sleep(0.02)
shared.leave()
print(looks)
"""


class Login:
    """A login node with a scheduler that keeps a ledger of who asks."""

    def __init__(self, folder):
        self.folder, self.ledger = folder, folder / "ledger"
        self.slow = folder / "slow"
        self.squeue = folder / "squeue"
        text = SQUEUE.format(ledger=self.ledger, slow=self.slow, more="0:01|cpu1")
        self.squeue.write_text(text)
        self.squeue.chmod(0o755)
        self.asked = [
            {
                "name": "squeue",
                "argv": [str(self.squeue)],
                "pattern": r"^(\d+)\|RUNNING",
                "answers": [0],
            }
        ]

    def window(self, *ids, seconds=2.2):
        script = WINDOW.format(root=str(ROOT), project=str(self.folder))
        words = [json.dumps(self.asked), *ids, str(seconds)]
        return subprocess.Popen(
            [sys.executable, "-c", script, *words], stdout=subprocess.PIPE, text=True
        )

    def ask(self, *ids, interval=1.0):
        request = Request(1, str(self.folder), 60.0)
        return asking.answers(request, self.asked, set(ids), interval)

    @property
    def times_asked(self):
        return len(self.ledger.read_text().splitlines()) if self.ledger.exists() else 0


@pytest.fixture
def login(tmp_path, monkeypatch):
    monkeypatch.setattr(asking, "_kept", {})
    yield Login(tmp_path)
    shared.leave()


@pytest.fixture
def own_folder():
    return Path(os.environ["XDG_RUNTIME_DIR"]) / "cryodeck"


def test_many_windows_ask_once_an_interval(login, own_folder):
    windows = [login.window(key) for key in ("7", "8", "9", "7")]
    looks = [int(window.communicate(timeout=60)[0]) for window in windows]
    assert [window.returncode for window in windows] == [0] * 4
    first, last = (
        float(line.split()[1])
        for line in (login.ledger.read_text().splitlines()[i] for i in (0, -1))
    )
    # once an interval, and once for each window that comes with a job not asked about
    assert login.times_asked <= (last - first) / 1.0 + 1 + 3
    assert sum(looks) > 5 * login.times_asked
    assert not own_folder.exists()  # the last one out has removed it


def test_what_is_kept_is_private(login, own_folder):
    login.ask("7")
    assert own_folder.stat().st_mode & 0o777 == 0o700
    files = list(own_folder.iterdir())
    assert len(files) == 3
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_a_new_agent_takes_what_another_was_told(login, monkeypatch):
    first = login.ask("7")
    monkeypatch.setattr(asking, "_kept", {})
    assert login.ask("7") == first
    assert login.times_asked == 1


def test_an_agent_that_is_killed_leaves_no_lock(login, own_folder):
    window = login.window("7", seconds=60)
    while not login.times_asked:
        time.sleep(0.01)
    window.send_signal(signal.SIGKILL)
    window.communicate()
    assert own_folder.exists()
    assert login.ask("7", interval=0.0)["asked_at"]
    assert login.times_asked >= 2
    shared.leave()
    assert not own_folder.exists()


def test_while_another_waits_for_the_scheduler_what_is_known_stands(login, monkeypatch):
    known = login.ask("7")
    monkeypatch.setattr(asking, "PATIENCE_S", 0.2)
    login.slow.touch()
    window = login.window("8", seconds=60)
    while login.times_asked < 2:
        time.sleep(0.01)
    assert login.ask("7", interval=0.0)["asked_at"] == known["asked_at"]
    assert login.times_asked == 2
    window.kill()
    window.communicate()
    for line in login.ledger.read_text().splitlines():
        try:
            os.kill(int(line.split()[0]), signal.SIGKILL)
        except ProcessLookupError:
            continue


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"tried_at": "x"}', '{"tried_at": 9}']
)
def test_a_spoilt_file_is_replaced(login, own_folder, monkeypatch, text):
    login.ask("7")
    kept = next(own_folder.glob("*.json"))
    kept.write_text(text)
    monkeypatch.setattr(asking, "_kept", {})
    assert login.ask("7")["asked_at"]
    assert login.times_asked == 2
    assert json.loads(kept.read_text())["covered"] == ["7"]


def test_a_clock_that_was_set_back_does_not_stop_the_questions(login, monkeypatch):
    login.ask("7")
    ahead = next(iter(asking._kept.values()))
    ahead.tried_at = time.time() + 3600
    assert not ahead.is_fresh({"7"}, 10.0)


@pytest.mark.parametrize("trap", ["link", "open", "file"])
def test_a_folder_that_is_not_ours_alone_is_not_used(login, own_folder, trap):
    elsewhere = login.folder / "elsewhere"
    elsewhere.mkdir()
    if trap == "link":
        own_folder.symlink_to(elsewhere)
    elif trap == "open":
        own_folder.mkdir()
        own_folder.chmod(0o777)
    else:
        own_folder.write_text("")
    assert login.ask("7")["asked_at"]  # alone, as before
    assert login.times_asked == 1
    assert not list(elsewhere.iterdir())


def test_without_a_folder_of_the_session_there_is_one_under_tmp(monkeypatch, tmp_path):
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert shared.folder() == str(tmp_path / f"cryodeck-{os.getuid()}")
    shared.leave()
    assert not (tmp_path / f"cryodeck-{os.getuid()}").exists()


def test_an_old_answer_of_accounting_does_not_outlive_its_question(login):
    history = login.folder / "sacct"
    history.write_text("#!/bin/sh\necho '7|NODE_FAIL'\n")
    history.chmod(0o755)
    row = {"name": "sacct", "argv": [str(history)], "pattern": "", "answers": [0]}
    asked = [dict(login.asked[0], pattern="never"), row]
    request = Request(1, str(login.folder), 60.0)
    names = [a["query"] for a in asking.answers(request, asked, {"7"}, 0.0)["answers"]]
    assert names == ["squeue", "sacct"]
    asked[0]["pattern"] = r"^(\d+)\|RUNNING"  # it runs again
    names = [a["query"] for a in asking.answers(request, asked, {"7"}, 0.0)["answers"]]
    assert names == ["squeue"]


def test_a_scheduler_that_is_slow_to_answer_is_asked_more_rarely(login):
    login.ask("7", interval=0.5)
    known = next(iter(asking._kept.values()))
    known.tried_at = time.time() - 20.0
    known.took_s = 0.1
    assert not known.is_fresh({"7"}, 10.0)
    known.took_s = 8.0
    assert known.is_fresh({"7"}, 10.0)
    known.tried_at = time.time() - 61.0  # never more rarely than once a minute
    assert not known.is_fresh({"7"}, 10.0)
