"""The practice project, from nothing to a score: a newcomer's first command."""

import json
import os
import subprocess
import sys

import pytest


@pytest.fixture
def demo(tmp_path):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("CRYODECK_")}
    environment |= {
        f"CRYODECK_{kind}_HOME": str(tmp_path / kind)
        for kind in ("CONFIG", "STATE", "CACHE")
    }

    def run(*words, code=0):
        done = subprocess.run(
            [sys.executable, "-m", "tui", "demo", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done

    return run


def test_the_demo_picks_simulated_particles_and_scores_itself(demo, tmp_path):
    answer = json.loads(demo("practice", "--headless", "--json").stdout)
    assert answer["job"] == "AutoPick/job002"
    assert answer["statistics"]["micrographs_done"] == 5
    assert answer["score"]["recall"] > 0.6
    assert answer["score"]["precision"] > 0.6
    project = tmp_path / "practice"
    assert (project / "AutoPick/LoG").resolve() == project / "AutoPick/job002"
    assert (project / "AutoPick/job002/RELION_JOB_EXIT_SUCCESS").is_file()


def test_the_demo_prints_counts_a_histogram_a_score_and_a_picture(demo):
    out = demo("--headless").stdout
    for words in ("picks per micrograph", "figure of merit", "recall", "precision"):
        assert words in out
    assert "mic0001.mrc" in out
    assert "█" in out


@pytest.mark.slow
def test_the_demo_walks_the_tutorials_chapter_against_the_truth(demo, tmp_path):
    words = ("practice", "--headless", "--tutorial", "--json")
    steps = json.loads(demo(*words).stdout)["steps"]
    assert [(step["job"].split("/")[0], step["alias"]) for step in steps] == [
        ("Select", "5mics"),
        ("AutoPick", "LoG"),
        ("Extract", "LoG"),
        ("Class2D", "LoG"),
        ("Select", "templates4autopick"),
        ("AutoPick", "optimise_params"),
        ("AutoPick", "optimise_params"),
        ("AutoPick", "optimise_params"),
        ("AutoPick", "template"),
        ("Extract", "template"),
    ]
    assert steps[2]["particles_total"] == steps[1]["score"]["picks"]
    tried = [step["score"] for step in steps[5:8]]
    assert tried[0]["precision"] > 0.9
    assert [s["recall"] for s in tried] == sorted(s["recall"] for s in tried)
    assert steps[8]["score"]["f1"] > 0.7
    # gently cleaned: the maps are gone, the picks are not
    folder = tmp_path / "practice/AutoPick/optimise_params"
    assert not list(folder.rglob("*.spi"))
    assert list(folder.rglob("*_autopick.star"))
    again = json.loads(demo(*words).stdout)["steps"]
    assert again[-1] == steps[-1]


def test_the_demo_reopens_the_project_it_made(demo, tmp_path):
    demo("--headless")
    pipeline = (tmp_path / "practice/default_pipeline.star").read_text()
    picked = tmp_path / "practice/AutoPick/job002/RELION_JOB_EXIT_SUCCESS"
    stamp = picked.stat().st_mtime_ns
    demo("--headless")
    assert (tmp_path / "practice/default_pipeline.star").read_text() == pipeline
    assert picked.stat().st_mtime_ns == stamp


def test_the_demo_leaves_a_folder_alone_that_is_not_its_own(demo, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis/chapter1.tex").write_text("precious")
    said = demo("thesis", "--headless", code=2)
    assert "neither a practice project nor empty" in said.stderr
    assert sorted(path.name for path in (tmp_path / "thesis").iterdir()) == [
        "chapter1.tex"
    ]


def test_a_demo_that_was_cut_short_is_finished_the_next_time(demo, tmp_path):
    (tmp_path / ".practice.part/Micrographs").mkdir(parents=True)
    demo("--headless")
    (tmp_path / "practice/default_pipeline.star").unlink()
    assert json.loads(demo("--headless", "--json").stdout)["score"]["recall"] > 0.6
    assert not (tmp_path / ".practice.part").exists()


def test_the_interface_needs_a_terminal(demo):
    assert "needs a terminal" in demo("practice", code=2).stderr
