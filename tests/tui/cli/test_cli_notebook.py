"""How things were made: told as a notebook, and made again by its commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from tests.tui.cli.conftest import Shell


@pytest.mark.slow
def test_the_commands_of_a_notebook_make_the_same_again(apart, tmp_path):
    apart("new", "manualpick", *_set(fn_in=_micrographs(apart)), "--alias=few", "--run")
    apart("picks", "few", "2", "--add", "100,120", "--add", "220.5,180")
    apart("new", "select", *_set(fn_mic=_micrographs(apart)), "--run")
    chosen = apart.json("jobs")["jobs"][-1]["name"]
    apart("micrographs", chosen, "--rows", "1,3-4")
    apart("delete", "AutoPick/LoG", "--yes")  # a number that nothing has any more
    apart(
        *("new", "autopick", "--alias", "again", "--run", "--wait"),
        *_set(fn_input_autopick=f"{chosen}/micrographs.star", do_log="Yes"),
        *_set(log_diam_min=150, log_diam_max=180, do_write_fom_maps="Yes"),
    )
    apart(
        *("continue", "again", "--wait"),
        *_set(do_write_fom_maps="No", do_read_fom_maps="Yes", log_adjust_thr=0.4),
    )
    script = apart("notebook", "again", "--commands").out

    elsewhere = Shell(apart.home, tmp_path / "elsewhere")
    elsewhere.project.mkdir()
    for folder in ("Micrographs", "micrographs_ctf.star"):
        here, there = apart.project / folder, elsewhere.project / folder
        (shutil.copytree if here.is_dir() else shutil.copy)(here, there)
    _obey(script, elsewhere)
    assert [name for name, state in elsewhere.states().items()] == [
        "Import/job001",
        "Select/job002",
        "AutoPick/job003",
    ]
    was, now = apart.json("stats", "again"), elsewhere.json("stats", "again")
    assert now["picks_total"] == was["picks_total"] > 0
    assert now["micrographs_done"] == 3
    by_hand = apart("notebook", "few", "--commands").out
    assert "picks ManualPick/job002 2 --add 100,120 --add 220.5,180" in by_hand


def test_a_notebook_tells_parameters_results_notes_and_shows_pictures(apart, tmp_path):
    apart("note", "AutoPick/LoG", "--text", "thick ice on *three*")
    file = tmp_path / "story.md"
    said = apart.json("notebook", "-o", str(file))
    text = file.read_text()
    assert said["text"] == text
    assert [one["name"] for one in said["jobs"]] == list(apart.states())
    assert "| OR: use Laplacian-of-Gaussian? | Yes | `do_log` |" in text
    assert "thick ice on *three*" in text
    picked = apart.json("stats", "AutoPick/LoG")["picks_total"]
    assert f"Result: 5 micrographs, {picked} particles." in text
    name = apart.json("show", "AutoPick/LoG")["name"].replace("/", "_")
    picture = tmp_path / "story-pictures" / f"{name}.png"
    assert f"](story-pictures/{picture.name})" in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "not written" in apart("notebook", "-o", "/nowhere/x.md", code=2).err
    assert "LoG" in apart("notebook", "--last-seen", code=0).out


def _set(**values):
    return [
        word for key, value in values.items() for word in ("--set", f"{key}={value}")
    ]


def _micrographs(shell):
    (imported,) = (name for name in shell.states() if name.startswith("Import/"))
    return f"{imported}/micrographs_ctf.star"


def _obey(script, shell):
    """Run a script with the `cryodeck` of these sources."""
    program = shell.home / "bin" / "cryodeck"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tui "$@"\n')
    program.chmod(0o755)
    environment = shell.environment | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join(sys.path),
        "CRYODECK_PROJECT": str(shell.project),
    }
    done = subprocess.run(
        ["sh", "-e"],
        input=script,
        cwd=shell.project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
