"""The tutorial's whole chapter by keys alone: a terminal, SSH, Slurm.

Quick micrographs and few classes; with CRYODECK_SCREENS=FOLDER the tutorial's own
numbers on micrographs of its size, and the pictures of docs/tutorial.md are drawn
there.
"""

import os
from pathlib import Path

import pytest
from support.chapter_by_keys import ALIASES, QUICK, TUTORIAL, Walk
from support.homes import Seat

from remote import cluster as profiles

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(3600)]
SCREENS = os.environ.get("CRYODECK_SCREENS")
SCALE = TUTORIAL if SCREENS else QUICK


@pytest.fixture
def newcomer(cluster, own_homes):
    """A machine with one profile and nothing else."""
    profile = cluster.profile("bigcluster", host="tc", memory="3500M", time_limit="30")
    profiles.save(profile)
    return Seat(own_homes, "bigcluster")


@pytest.fixture
def project(cluster):
    """Micrographs with their CTF in the account's home, and no project yet."""
    cluster.shell(
        f"{cluster.setup[0]}; {cluster.engine} simulate ~/betagal {SCALE.simulate}"
    )
    return cluster.home / "betagal"


def test_the_whole_chapter_is_walked_by_keys(project, newcomer):
    with newcomer.terminal(120, 40) as terminal:
        walk = Walk(terminal, SCALE, Path(SCREENS) if SCREENS else None)
        walk.open_project("bigcluster", "~/betagal")
        walk.import_micrographs()
        walk.pick_a_few_by_hand()
        walk.select_five_micrographs()
        walk.pick_by_log()
        walk.extract_by_log()
        walk.classify()
        walk.choose_classes()
        walk.pick_by_templates()
        maps = set(project.glob("AutoPick/job008/**/*.spi"))
        walk.hunt()
        walk.pick_everything()
        walk.extract_everything()
        walk.clean_gently()
        walk.look_back()
    # two of each template and two of the noise, for each of five micrographs
    assert len(maps) == (2 * 4 + 2) * 5
    assert not list(project.glob("AutoPick/job008/**/*.spi"))
    _files_are_the_tutorials(project)
    shown = [newcomer.command("--project", str(project), "show", j) for j in ALIASES]
    _values_are_the_tutorials({one["name"]: one["values"] for one in shown})
    for one in shown:
        assert one["state"] == "succeeded"
        if one["name"].startswith(("AutoPick", "Extract", "Class2D")):
            assert one["scheduler_id"].isdecimal(), one["name"]  # by Slurm


def _files_are_the_tutorials(project):
    for job, alias in ALIASES.items():
        link = project / job.split("/")[0] / alias
        assert link.resolve() == (project / job).resolve()
        assert (project / job / "RELION_JOB_EXIT_SUCCESS").is_file()
    picked = {
        job: len(list((project / job).glob("Micrographs/*_autopick.star")))
        for job in ("AutoPick/job004", "AutoPick/job008", "AutoPick/job009")
    }
    assert list(picked.values()) == [5, 5, SCALE.micrographs]
    assert (project / "Select/templates4autopick/class_averages.star").is_file()
    last = f"run_it{int(SCALE.iterations):03d}_model.star"
    assert (project / "Class2D/LoG" / last).is_file()
    few = (project / "Extract/LoG/particles.star").read_text().count(".mrcs")
    many = (project / "Extract/template/particles.star").read_text().count(".mrcs")
    assert few > 200
    assert many > 200


def _values_are_the_tutorials(values):
    wanted = {
        "AutoPick/job004": {
            "do_log": "Yes",
            "log_diam_min": "150",
            "log_diam_max": "180",
            "log_invert": "No",
            "log_upper_thr": "5",
            "shrink": "0",
            "fn_input_autopick": "Select/job003/micrographs_selected.star",
        },
        "Extract/job005": {"do_rescale": "Yes", "rescale": SCALE.rescaled},
        "Class2D/job006": {
            "nr_classes": SCALE.classes,
            "nr_iter": SCALE.iterations,
            "tau_fudge": "2",
            "particle_diameter": "200",
        },
        "Select/job007": {"do_recenter": "Yes"},
        "AutoPick/job008": {
            "threshold_autopick": "0",
            "mindist_autopick": "100",
            "do_write_fom_maps": "No",
            "do_read_fom_maps": "Yes",
            "angpix_ref": SCALE.reference_pixel,
            "psi_sampling_autopick": "5",
        },
        "AutoPick/job009": {
            "fn_input_autopick": "Import/job001/micrographs_ctf.star",
            "threshold_autopick": "0.0",
            "mindist_autopick": "100",
            "do_write_fom_maps": "No",
            "do_read_fom_maps": "No",
            "nr_mpi": "4",
        },
        "Extract/job010": {
            "coords_suffix": "AutoPick/job009/coords_suffix_autopick.star",
            "extract_size": SCALE.box,
        },
    }
    for job, some in wanted.items():
        assert {key: values[job].get(key) for key in some} == some, job
