"""A person's first hour at a real terminal: a cluster over SSH, driven by keys alone.

With CRYODECK_SCREENS=FOLDER the screens are drawn as PNG files for the documentation.
"""

import os
from pathlib import Path

import pytest
from support.homes import Seat

from remote import cluster as profiles

pytestmark = pytest.mark.cluster


class Hands(Seat):
    """A person's, who may have the screens drawn."""

    folder = os.environ.get("CRYODECK_SCREENS")

    def picture(self, terminal, name):
        if self.folder:
            terminal.uncovered()
            terminal.settled(1.5)  # the top line is written every second
            terminal.picture(Path(self.folder) / f"{name}.png")


@pytest.fixture
def hands(cluster, own_homes):
    profiles.save(cluster.profile("bigcluster", host="tc"))
    config = Path(own_homes["CRYODECK_CONFIG_HOME"])
    (config / "settings.toml").write_text("tour = false\n")
    return Hands(own_homes, "bigcluster")


@pytest.fixture
def project(hands, cluster):
    """A project of the account's own on the cluster, with imported micrographs."""
    cluster.shell(f"{cluster.setup[0]}; {cluster.engine} simulate ~/betagal")
    folder = str(cluster.home / "betagal")
    hands.command("--project", folder, "init", "--relion", "4.0")
    hands.command(
        *("--project", folder, "new", "import", "--alias", "micrographs"),
        *("--set", "do_raw=No", "--set", "do_other=Yes", "--run", "--wait"),
        *(
            "--set",
            "fn_in_other=micrographs_ctf.star",
            "--set",
            "node_type=Micrographs",
        ),
    )
    return folder


def test_particles_are_picked_on_the_cluster_by_keys_alone(hands, project):
    with hands.terminal(130, 42) as terminal:
        _connect(hands, terminal, project)
        _fill_the_form(hands, terminal)
        _run_and_watch(hands, terminal)
        _see_the_results(hands, terminal)
        _pick_by_hand(hands, terminal)
    found = hands.command("--project", project, "picks", "ManualPick/job003", "1")
    assert len(found["picks"]) == 4
    assert all(0 <= pick[axis] <= 1024 for pick in found["picks"] for axis in "xy")
    ticks = hands.command("--project", project, "micrographs", "3")["micrographs"]
    assert [m["selected"] for m in ticks] == [True, True, True, False, False]
    statistics = hands.command("--project", project, "stats", "2")
    assert statistics["micrographs_done"] == 5
    assert statistics["picks_total"] > 300
    shown = hands.command("--project", project, "show", "2")
    assert shown["state"] == "succeeded"
    assert shown["values"]["log_diam_min"] == "150"
    assert shown["values"]["log_diam_max"] == "180"
    assert shown["values"]["nr_mpi"] == "2"
    assert shown["scheduler_id"].isdecimal()


def _connect(hands, terminal, project):
    terminal.wait_for("bigcluster")
    terminal.settled()
    terminal.keys("Down")
    terminal.settled()
    hands.picture(terminal, "clusters")
    terminal.keys("o")
    terminal.wait_for("Project on bigcluster")
    terminal.type(project)
    terminal.keys("Enter")
    terminal.wait_for("Import/job001 +micrographs")


def _fill_the_form(hands, terminal):
    terminal.keys("n")
    terminal.wait_for("New job")
    terminal.keys("4")
    terminal.wait_for("new Auto-picking")
    terminal.wait_for("is empty; choose a list")
    terminal.keys("C-o")
    terminal.wait_for("Import/job001/micrographs_ctf.star")
    terminal.settled()
    hands.picture(terminal, "browse")
    terminal.keys("Enter")
    terminal.wait_for("Input micrographs for autopick +Import/job001")
    terminal.keys("Tab", "Tab", "Tab")
    terminal.wait_for("key do_log")
    terminal.keys("Space", "F9")
    terminal.wait_for("key log_diam_min")
    _write(terminal, "150")
    terminal.keys("Enter")
    terminal.wait_for("key log_diam_max")
    _write(terminal, "180")
    terminal.keys("Tab", "Tab", "Tab", "Tab")
    terminal.wait_for("key log_upper_thr")
    _write(terminal, "5")
    terminal.wait_for(r"Upper threshold \(stddev\) +5 ")
    hands.picture(terminal, "form")
    for _ in ("Topaz", "References", "autopicking", "Helix", "Running"):
        terminal.keys("F9")
        terminal.settled()
    terminal.wait_for("key nr_mpi")
    _write(terminal, "2")
    terminal.settled()
    hands.picture(terminal, "running")


def _write(terminal, text):
    """Put a text into the field in place of what stands there."""
    terminal.settled()  # what an earlier field was told is off the screen
    terminal.keys("C-u")
    terminal.wait_for("is empty")
    terminal.settled()
    terminal.type(text)


def _run_and_watch(hands, terminal):
    terminal.keys("C-r")
    terminal.wait_for("2 MPI")
    hands.picture(terminal, "run")
    terminal.keys("Enter")
    terminal.wait_for("AutoPick/job002")
    terminal.wait_for("with 2 ranks", 90)
    terminal.wait_for("Total number of particles", 90)
    hands.picture(terminal, "log")
    terminal.keys("1")
    terminal.wait_for("Finished", 90)
    hands.picture(terminal, "finished")


def _see_the_results(hands, terminal):
    terminal.keys("5")
    terminal.wait_for("particles picked +[1-9]")
    terminal.wait_for("mic0005")
    hands.picture(terminal, "statistics")
    terminal.keys("6")
    terminal.wait_for("mic0001.mrc +[0-9]+ picks")
    terminal.settled(1.0)
    terminal.keys("+")
    terminal.settled(1.5)
    hands.picture(terminal, "micrograph")
    terminal.keys("Escape")
    terminal.wait_for("Progress or result")  # the list: a message may tell of the job
    terminal.wait_for("AutoPick/job002 .* particles")
    hands.picture(terminal, "jobs")


def _pick_by_hand(hands, terminal):
    terminal.wait_for("n new job")  # a notice may have named the job already
    terminal.keys("n")
    terminal.wait_for("New job")
    terminal.keys("3")
    terminal.wait_for("new Manual picking")
    terminal.keys("C-o")
    terminal.wait_for("Import/job001/micrographs_ctf.star")
    terminal.settled()
    terminal.keys("Enter")
    terminal.wait_for("nothing is submitted")
    terminal.settled()
    terminal.keys("C-r")
    terminal.wait_for("5 of 5 micrographs selected")
    terminal.keys("f")
    terminal.wait_for("Select the first N")
    terminal.settled()
    terminal.type("3")  # in place of what is selected
    terminal.keys("Enter")
    terminal.wait_for("3 of 5 micrographs selected")
    terminal.wait_for("saved")
    hands.picture(terminal, "ticking")
    terminal.keys("Enter")
    terminal.wait_for("mic0001.mrc +0 picks")
    terminal.keys("d")
    terminal.wait_for("Diameter of the circles")
    terminal.settled()
    terminal.type("160")
    terminal.keys("Enter")
    terminal.wait_for("circles 160")
    _mouse(terminal, 64, 65, 20, up=False)  # the wheel
    terminal.wait_for("2[0-9][.][0-9] Å/px")
    terminal.settled(1.5)
    for column, row in ((74, 9), (107, 10), (77, 26), (100, 35), (30, 33)):
        _mouse(terminal, 0, column, row)
    terminal.wait_for("5 picks +saved")
    _mouse(terminal, 2, 30, 33)  # the right button
    terminal.wait_for("4 picks +saved")
    hands.picture(terminal, "picking")
    terminal.keys("Escape")
    terminal.wait_for("4 picks on 1")
    terminal.keys("Escape")
    terminal.wait_for("ManualPick/job003")


def _mouse(terminal, button, column, row, *, up=True):
    """What a terminal sends for a press of a mouse button, and for letting go."""
    terminal.type(f"\x1b[<{button};{column};{row}M")
    if up:
        terminal.type(f"\x1b[<{button};{column};{row}m")
