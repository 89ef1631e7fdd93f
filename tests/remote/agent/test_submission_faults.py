"""A submission survives the death of its agent before any of its steps."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from engine.jobs.job import Job
from engine.project import actions
from engine.project.change import read_pipeline
from engine.project.lock import holder
from remote.agent import job_facts, records, submission
from remote.agent.verbs import Request

MORTAL = Path(__file__).resolve().parents[2] / "support" / "mortal_agent.py"
#: notes every job it takes; a slow one answers when its agent is long dead
SBATCH = """\
#!/bin/sh
{delay}
echo "$1" >>"{ledger}"
{end}
"""


class Site:
    """A project with one draft, and a scheduler that keeps a ledger."""

    def __init__(self, folder, project, end="echo banner; echo 4711", delay=""):
        self.project = folder / "a project"
        shutil.copytree(project, self.project)
        self.ledger = folder / "ledger"
        self.sbatch = folder / "sbatch"
        text = SBATCH.format(ledger=self.ledger, end=end, delay=delay)
        self.sbatch.write_text(text)
        self.sbatch.chmod(0o755)

    def plan(self, token, find=()):
        plan = {
            "token": token,
            "scheduler": "slurm",
            "script": "#!/bin/bash\n",
            "script_path": "Import/job001/run_submit.script",
            "commands": ["true"],
            "submit": {
                "argv": [str(self.sbatch), token],
                "id_pattern": r"^(\d+)$",
                "uncertain": "timed out",
                "find": list(find),
            },
        }
        path = self.project.parent / f"{token}.json"
        path.write_text(json.dumps(plan))
        return path

    def submit(self, plan, step=0):
        """Exit status and answer of an agent that dies at a step; 0: it lives."""
        done = subprocess.run(
            [sys.executable, MORTAL, self.project, "Import/job001", plan, str(step)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode in (0, -9), done.stderr
        return done.returncode, json.loads(done.stdout) if done.stdout else None

    @property
    def taken(self):
        return self.ledger.read_text().split() if self.ledger.exists() else []

    @property
    def status(self):
        return read_pipeline(str(self.project)).process("Import/job001/").status

    def is_tidy(self):
        folder = str(self.project / "Import/job001")
        left = {p.name for p in (self.project / "Import/job001/.cryodeck").iterdir()}
        # files that their writer never came to rename or remove do no harm
        strays = (".void", ".tmp", ".out", ".err", ".status", ".pid")
        left = {n for n in left if not n.endswith(strays) and n[:11] != "submitting."}
        return (
            not left
            and records.read_intent(folder) is None
            and holder(str(self.project)) is None
        )


@pytest.fixture(scope="module")
def draft(tmp_path_factory):
    project = str(tmp_path_factory.mktemp("draft") / "project")
    actions.create_project(project)
    star = Job.new("import", "4.0").to_star()
    assert actions.new_job(project, "relion.import", star) == "Import/job001"
    return project


def steps(draft, tmp_path):
    """How many steps a whole submission has."""
    low, high = 1, 400
    while low < high:
        middle = (low + high) // 2
        site = Site(tmp_path / f"steps{middle}", draft)
        code, _ = site.submit(site.plan("probe"), middle)
        low, high = (middle + 1, high) if code == -9 else (low, middle)
    return low


def test_a_submission_is_made_once_wherever_the_agent_dies(draft, tmp_path):
    number = steps(draft, tmp_path)
    assert number > 20
    for step in range(1, number, 4):
        site = Site(tmp_path / str(step), draft, delay="sleep 0.05")
        plan = site.plan("k7f3")
        assert site.submit(plan, step) == (-9, None)
        code, entry = site.submit(plan)
        if entry["state"] == "not submitted":  # for certain, so it is tried anew
            plan = site.plan("again")
            code, entry = site.submit(plan)
        assert (code, entry["state"], entry["id"]) == (0, "submitted", "4711"), step
        assert site.submit(plan)[1] == entry
        assert site.taken == [entry["token"]], step
        assert site.status == "Running"
        assert site.is_tidy(), step


@pytest.mark.slow
def test_a_submission_is_made_once_at_every_single_step(draft, tmp_path):
    for step in range(1, steps(draft, tmp_path)):
        for other in (False, True):
            site = Site(tmp_path / f"{step}{other}", draft, delay="sleep 0.05")
            site.submit(site.plan("k7f3"), step)
            plan = site.plan("another") if other else site.plan("k7f3")
            _, entry = site.submit(plan)
            if entry["state"] == "not submitted":
                _, entry = site.submit(site.plan("again"))
            assert entry["state"] in ("submitted", "conflict")
            assert len(site.taken) == 1, step
            assert site.status == "Running"
            known = records.latest(str(site.project / "Import/job001"))
            assert (known["state"], known["id"]) == ("submitted", "4711")
            assert known["token"] == site.taken[0]
            assert site.is_tidy(), step


def test_another_person_does_not_start_what_a_dead_agent_has_submitted(draft, tmp_path):
    site = Site(tmp_path / "two", draft, delay="sleep 1")
    number = steps(draft, tmp_path)
    step = next(s for s in range(1, number) if _has_started(site, draft, tmp_path, s))
    site.submit(site.plan("first"), step)
    _, entry = site.submit(site.plan("second"))
    assert entry["state"] == "conflict"
    assert "running or queued already" in entry["said"]
    assert site.taken == ["first"]


def _has_started(site, draft, tmp_path, step):
    trial = Site(tmp_path / f"trial{step}", draft)
    trial.submit(trial.plan("first"), step)
    return (trial.project / "Import/job001/.cryodeck/first.pid").exists()


def test_a_refusal_gives_the_draft_back(draft, tmp_path):
    site = Site(tmp_path / "no", draft, end="echo 'sbatch: error: no way' >&2; exit 1")
    _, entry = site.submit(site.plan("k7f3"))
    assert (entry["state"], entry["said"]) == ("rejected", "sbatch: error: no way")
    assert site.status == "Scheduled"
    assert site.is_tidy()


def test_an_uncertain_submission_is_found_by_its_token(draft, tmp_path):
    site = Site(tmp_path / "late", draft, end="echo 'Socket timed out' >&2; exit 1")
    find = {
        "name": "squeue",
        "argv": ["echo", "12|cryodeck:other|a\n99|cryodeck:k7f3|x"],
        "pattern": r"^(\d+)\|[^\n]*k7f3",
    }
    _, entry = site.submit(site.plan("k7f3", [find]))
    assert (entry["state"], entry["id"]) == ("submitted", "99")
    assert site.taken == ["k7f3"]


def test_an_uncertain_submission_is_not_repeated_while_nobody_answers(draft, tmp_path):
    site = Site(tmp_path / "mute", draft, end="echo 'Socket timed out' >&2; exit 1")
    find = {"name": "squeue", "argv": ["false"], "pattern": r"^(\d+)\|[^\n]*k7f3"}
    plan = site.plan("k7f3", [find])
    _, entry = site.submit(plan)
    assert entry["state"] == "uncertain"
    _, entry = site.submit(site.plan("other"))
    assert entry["state"] == "busy"
    assert site.taken == ["k7f3"]
    assert site.status == "Running"


@pytest.mark.parametrize("file", [".cryodeck/submitting", records.RECORD])
def test_what_cannot_be_read_is_not_taken_for_what_is_not_there(draft, tmp_path, file):
    """As where permissions forbid it, or a file server does not answer."""
    site = Site(tmp_path / "closed", draft)
    folder = site.project / "Import/job001"
    (folder / file).mkdir(parents=True)  # reading it fails, and not with "no such file"
    request = Request(1, str(site.project), 60.0)
    plan = json.loads(site.plan("k7f3").read_text())
    with pytest.raises(OSError, match=re.escape(file)):
        submission.submit(request, "Import/job001", plan)
    assert (folder / file).is_dir()
    assert site.taken == []
    assert site.status == "Scheduled"
    facts = job_facts.submitting(str(folder))
    if file.endswith("submitting"):
        assert facts == {"stage": "unreadable", "alive": True}
