"""The auto-picking chapter of RELION's tutorial, section by section, on practice data.

The tests follow one another as the sections do: each uses the jobs of those before it.
Lengths in pixels are those of the practice micrographs (3.2 Å per pixel).
"""

import json
import os
import subprocess
import sys
from pathlib import PurePath

import numpy as np
import pytest
from support.homes import homes

from engine.io.mrc import read_images
from engine.io.star import read_star
from engine.selection.centering import centers_of_mass


class Project:
    """A practice project and the command line in it."""

    def __init__(self, home):
        self.folder = home / "practice"
        self.environment = os.environ | homes(home)
        self.command("demo", str(self.folder), "--headless", cwd=home)

    def command(self, *words, cwd=None):
        done = subprocess.run(
            [sys.executable, "-m", "tui", *words, "--json"],
            cwd=cwd or self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def run(self, type_key, alias, **values):
        settings = [f"--set={key}={value}" for key, value in values.items()]
        answer = self.command(
            "new", type_key, "--alias", alias, *settings, "--run", "--wait"
        )
        return answer["jobs"][0]["name"]

    def stats(self, job, *words):
        return self.command("stats", job, *words)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    return Project(tmp_path_factory.mktemp("tutorial"))


def test_a_few_micrographs_are_selected(project):
    project.command(
        "select-micrographs", "Import/micrographs", "--first", "3", "--alias", "5mics"
    )
    assert (project.folder / "Select/5mics/micrographs.star").is_file()


def test_particles_are_picked_by_laplacian_of_gaussian(project):
    project.run(
        "autopick",
        "LoG_5mics",
        fn_input_autopick="Select/5mics/micrographs.star",
        do_log="Yes",
        log_diam_min=150,
        log_diam_max=180,
        log_upper_thr=5,
        shrink=0,
    )
    statistics = project.stats("LoG_5mics", "--truth", "truth.star")
    assert statistics["micrographs_done"] == 3
    assert statistics["score"]["recall"] > 0.8


def test_particles_are_extracted(project):
    project.run(
        "extract",
        "LoG",
        star_mics="Import/micrographs/micrographs_ctf.star",
        coords_suffix="AutoPick/LoG_5mics/autopick.star",
        extract_size=72,
        bg_diameter=56,
        do_rescale="Yes",
        rescale=36,
    )
    statistics = project.stats("Extract/LoG")
    assert statistics["particles_total"] > 300
    assert statistics["box_px"] == 36


def test_particles_are_classified_in_2d(project):
    project.run(
        "class2d",
        "LoG",
        fn_img="Extract/LoG/particles.star",
        nr_classes=12,
        do_em="Yes",
        do_grad="No",
        nr_iter_em=25,
        tau_fudge=2,
        particle_diameter=200,
        do_zero_mask="Yes",
    )
    statistics = project.stats("Class2D/LoG")
    assert statistics["iteration"] == 25
    assert sum(c["distribution"] for c in statistics["classes"]) == pytest.approx(
        1, abs=0.01
    )


def test_class_averages_become_templates(project):
    project.command(
        *("select-classes", "Class2D/LoG", "--best", "4"),
        *("--alias", "templates4autopick"),
    )
    folder = project.folder / "Select/templates4autopick"
    averages = read_images(folder / "class_averages.mrcs")
    assert len(averages) == 4
    assert np.abs(centers_of_mass(averages)).max() < 0.1
    # of what the LoG filter picked, the chosen classes hold the true particles
    everything = true_share(project.folder, "Extract/LoG/particles.star")
    chosen = true_share(project.folder, "Select/templates4autopick/particles.star")
    assert chosen >= max(0.95, everything)


def true_share(folder, particles):
    """Part of a particle list that lies within 40 Å of a true particle."""
    truth = read_star(folder / "truth.star")["particles"]
    table = read_star(folder / particles)["particles"]

    def places(of):
        return np.stack([of.numbers(f"rlnCoordinate{c}") for c in "XY"], 1)

    real = {}
    rows = zip(truth.text("rlnMicrographName"), places(truth), strict=True)
    for name, place in rows:
        real.setdefault(PurePath(name).name, []).append(place)
    rows = zip(table.text("rlnMicrographName"), places(table), strict=True)
    right = [
        np.hypot(*(np.array(real[PurePath(name).name]) - place).T).min() < 40 / 3.2
        for name, place in rows
    ]
    return np.mean(right)


def test_template_picking_parameters_are_tried_on_stored_fom_maps(project):
    project.run(
        "autopick",
        "optimise_params",
        fn_input_autopick="Select/5mics/micrographs.star",
        do_log="No",
        do_refs="Yes",
        fn_refs_autopick="Select/templates4autopick/class_averages.star",
        lowpass=20,
        angpix_ref=6.4,
        psi_sampling_autopick=5,
        do_invert_refs="Yes",
        do_ctf_autopick="Yes",
        threshold_autopick=0.8,
        mindist_autopick=100,
        maxstddevnoise_autopick=-1,
        minavgnoise_autopick=-999,
        do_write_fom_maps="Yes",
        shrink=0,
    )
    found = [project.stats("optimise_params", "--truth", "truth.star")]
    for threshold in (0.4, 0.2):
        project.command(
            *("continue", "optimise_params", "--set=do_write_fom_maps=No"),
            *("--set=do_read_fom_maps=Yes", "--wait"),
            f"--set=threshold_autopick={threshold}",
        )
        found.append(project.stats("optimise_params", "--truth", "truth.star"))
    picks = [statistics["picks_total"] for statistics in found]
    assert picks == sorted(picks)
    assert picks[0] < picks[-1]
    recalls = [statistics["score"]["recall"] for statistics in found]
    assert recalls == sorted(recalls)
    assert recalls[-1] > 0.7


def test_all_micrographs_are_picked_with_templates(project):
    project.command(
        *("new", "autopick", "--from", "optimise_params", "--alias", "template"),
        "--set=fn_input_autopick=Import/micrographs/micrographs_ctf.star",
        *("--set=do_write_fom_maps=No", "--set=do_read_fom_maps=No"),
        *("--set=threshold_autopick=0.2", "--run", "--wait"),
    )
    statistics = project.stats("template", "--truth", "truth.star")
    assert statistics["micrographs_done"] == 5
    assert statistics["score"]["recall"] > 0.7
    assert statistics["score"]["precision"] > 0.7


def test_fom_maps_are_cleaned_away(project):
    cleaned = project.command("clean", "optimise_params")
    assert any(name.endswith(".spi") for name in cleaned["files"])


def test_the_whole_set_is_extracted_again(project):
    project.command(
        *("new", "extract", "--from", "Extract/LoG", "--alias", "template"),
        *("--set=coords_suffix=AutoPick/template/autopick.star", "--run", "--wait"),
    )
    picked = project.stats("AutoPick/template")["picks_total"]
    statistics = project.stats("Extract/template")
    outside = statistics.get("skipped_outside", 0)
    assert statistics["particles_total"] == picked - outside
    assert true_share(project.folder, "Extract/template/particles.star") > 0.7
