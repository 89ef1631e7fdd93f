"""A site whose RELION is there after `module load`: both engines as jobs of Slurm."""

import json
import os
import shutil
import subprocess
import sys

import pytest
from support import remote_project as far
from support.cluster import ROOT

from remote.cluster import save

pytestmark = [pytest.mark.cluster, pytest.mark.relion, pytest.mark.slow]

#: as Debian's and Red Hat's packages do: a function, for login shells only
PROFILE = """\
module() {{
    case "$1 $2" in
    "load relion/3.1.3") PATH={programs}:$PATH ;;
    *) echo "ERROR: Unable to locate a modulefile for '$2'" >&2; return 1 ;;
    esac
}}
"""
PROGRAMS = ("autopick", "autopick_mpi", "preprocess", "preprocess_mpi", "refine")


@pytest.fixture
def site(own_cluster):
    """RELION's programs in a folder of their own, gone from where Debian has them."""
    programs = own_cluster.home / "apps" / "relion-3.1.3"
    programs.mkdir(parents=True)
    hidden = own_cluster.home / "profile.d"
    hidden.mkdir()
    (hidden / "modules.sh").write_text(PROFILE.format(programs=f"'{programs}'"))
    lines = [f"mount --bind '{hidden}' /etc/profile.d"]
    for name in PROGRAMS:
        shutil.copy(f"/usr/bin/relion_{name}", programs)
        lines.append(f"mount --bind /dev/null /usr/bin/relion_{name}")
    for place in ("init", "slurmd-cpu1.pid"):
        number = (own_cluster.folder / "run" / place).read_text().strip()
        where = ("nsenter", "-t", number if place != "init" else "1", "-m")
        own_cluster.enter(*where, "sh", "-ec", "\n".join(lines))
    return own_cluster


def command(project, *words, code=0):
    """What cryodeck says, as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "tui", "--host", "tc", "--project", project, *words],
        cwd=ROOT,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def told(project, *words):
    return json.loads(command(project, *words, "--json").stdout)


async def test_both_engines_are_compared_as_jobs_of_slurm(site, tmp_path):
    source = tmp_path / "set"
    far.simulate(source, "--size", "384x384", "--pixel-size", "4", "--count", "3")
    project = far.place(site, "compare; it's", source)
    await (await far.open_project(site, project)).close()
    profile = {
        "setup": (*site.setup, "module load relion/3.1.3"),
        "mpirun": "mpirun --oversubscribe",
        "submit_args": "--nodelist=cpu1",
    }
    save(site.profile(**{**profile, "setup": site.setup}))
    where = str(project)
    command(
        where, "new", "import", "--set", "do_raw=No", "--set", "do_other=Yes",
        "--set", "fn_in_other=micrographs_ctf.star", "--set",
        "node_type=Micrographs STAR file (.star)", "--run", "--wait",
    )  # fmt: skip
    pick = (
        "new", "autopick", "--set", "do_log=Yes", "--set", "log_adjust_thr=0.5",
        "--set", "log_diam_min=100", "--set", "log_diam_max=160", "--set", "nr_mpi=2",
        "--set", "fn_input_autopick=Import/job001/micrographs_ctf.star",
        "--run", "--wait",
    )  # fmt: skip
    said = command(where, *pick, "--set", "cryodeck_engine=relion", code=1)
    assert (
        "relion_autopick_mpi is not in the PATH of cpu1: put 'module load ...' into "
        "setup of this cluster's profile, or the folder of its programs"
        in " ".join(said.stdout.split())
    )
    save(site.profile(**profile))
    findings = told(where, "doctor", "tc")["findings"]
    (relion,) = [one for one in findings if one["check"] == "RELION"]
    assert "3.1.3" in relion["says"]
    command(where, *pick, "--alias", "LoG", "--set", "cryodeck_engine=cryodeck")

    compared = told(where, "compare", "LoG", "--engines", "--first", "2")
    assert compared["options"]["cryodeck_engine"] == ["cryodeck", "relion"]
    rows = compared["overlap"]["micrographs"]
    assert len(rows) == 2
    ours, theirs = compared["numbers"]["picks_total"]
    assert sum(row["first"] for row in rows) == ours > 20
    assert sum(row["second"] for row in rows) == theirs
    assert sum(row["shared"] for row in rows) > 0.95 * max(ours, theirs)
    for name, engine in zip(compared["jobs"], ("cryodeck", "relion"), strict=True):
        card = told(where, "show", name)
        assert card["scheduler_id"].isdigit()
        assert set(card["commands"]) == {"cryodeck", "relion"}
        assert "mpirun --oversubscribe -n 2" in card["commands"][engine]
        assert "relion_autopick_mpi" in card["commands"]["relion"]
        record = site.home / project / name / "cryodeck_submission.json"
        (entry,) = json.loads(record.read_text())["submissions"]
        assert (entry["scheduler"], entry["id"]) == ("slurm", card["scheduler_id"])
    assert (site.home / project / compared["jobs"][1] / "autopick.star").exists()
