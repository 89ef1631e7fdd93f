"""Extraction pixel by pixel against `relion_preprocess` 3.1.3."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.engine_jobs import make_project

from engine.io.mrc import read_header, read_images
from engine.io.star import Table, read_star, write_star
from engine.jobs.job import Job
from engine.programs.runner import run_job
from engine.programs.simulate import main as simulate

pytestmark = pytest.mark.relion

DATA = Path(__file__).parents[2] / "data" / "extraction"
REAL = Path(__file__).parents[2] / "data" / "picking" / "real"
NAMES = {"rlnMicrographName", "rlnOpticsGroupName", "rlnCtfImage", "rlnImageName"}


@pytest.fixture(scope="module")
def practice(tmp_path_factory):
    """Two practice micrographs with the true centers, and hot pixels."""
    path = tmp_path_factory.mktemp("practice")
    options = ["--size", "500x420", "--pixel-size", "3", "--count", "2", "--seed", "4"]
    assert simulate([str(path), *options]) == 0
    return path


@pytest.fixture
def project(practice, tmp_path, monkeypatch):
    """The practice set and the worked example, as working directory."""
    shutil.copytree(practice, tmp_path, dirs_exist_ok=True)
    shutil.copytree(DATA, tmp_path / "example")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def by_relion(
    *flags, source=("--coord_dir", "Truth/", "--coord_suffix", "_truth.star")
):
    command = [
        *("relion_preprocess", "--i", "micrographs_ctf.star", "--extract", *source),
        *("--part_dir", "Relion/", "--part_star", "Relion/particles.star", *flags),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def by_us(**values):
    form = {
        "star_mics": "micrographs_ctf.star",
        "coords_suffix": "Truth/coords_suffix_truth.star",
    }
    Path("Extract/job002").mkdir(parents=True, exist_ok=True)
    job = Job.new("extract", "3.1", {**form, **values})
    Path("Extract/job002/job.star").write_text(job.to_star(), encoding="utf-8")
    assert run_job("Extract/job002") == 0


def compare(least_correlation=0.9999, **tolerance):
    """All stacks and all tables of both programs."""
    tables = [read_star(f"{d}/particles.star") for d in ("Relion", "Extract/job002")]
    theirs, ours = tables
    assert list(theirs) == list(ours)
    for name, table in theirs.items():
        assert ours[name].labels == table.labels
        for label in table.labels:
            if label in NAMES:
                strip = {"Relion/": "", "Extract/job002/": ""}
                pair = [t[name].text(label) for t in tables]
                for old, new in strip.items():
                    pair = [[v.replace(old, new) for v in column] for column in pair]
                assert pair[0] == pair[1]
            else:
                np.testing.assert_allclose(
                    ours[name].numbers(label), table.numbers(label), atol=1.1e-6
                )
    paths = sorted(Path("Relion").rglob("*.mrcs"))
    assert paths
    for path in paths:
        mine = Path("Extract/job002") / path.relative_to("Relion")
        want, got = read_images(path), read_images(mine)
        assert read_header(mine).pixel_size == pytest.approx(
            read_header(path).pixel_size, rel=1e-5
        )
        assert got.shape == want.shape
        for a, b in zip(want, got, strict=True):
            assert np.corrcoef(a.ravel(), b.ravel())[0, 1] >= least_correlation
        if tolerance:
            np.testing.assert_allclose(got, want, **tolerance)


CASES = {
    "plain": (
        ["--extract_size", "64"],
        {"extract_size": "64", "do_norm": "No", "do_invert": "No"},
    ),
    "normalized": (
        ["--extract_size", "64", "--norm", "--bg_radius", "24", "--invert_contrast"],
        {"extract_size": "64"},
    ),
    "rescaled": (
        [
            *("--extract_size", "96", "--scale", "40", "--norm", "--bg_radius", "15"),
            "--invert_contrast",
        ],
        {"extract_size": "96", "do_rescale": "Yes", "rescale": "40"},
    ),
    "circle of the form": (
        [
            *("--extract_size", "96", "--scale", "64", "--norm", "--bg_radius", "26"),
            "--invert_contrast",
        ],
        {
            "extract_size": "96",
            "do_rescale": "Yes",
            "rescale": "64",
            "bg_diameter": "80",
        },
    ),
    "enlarged": (
        ["--extract_size", "48", "--scale", "64", "--norm", "--bg_radius", "24"],
        {
            "extract_size": "48",
            "do_rescale": "Yes",
            "rescale": "64",
            "do_invert": "No",
        },
    ),
    "without ramp": (
        ["--extract_size", "64", "--norm", "--bg_radius", "20", "--no_ramp"],
        {
            "extract_size": "64",
            "do_invert": "No",
            "bg_diameter": "40",
            "other_args": "--no_ramp",
        },
    ),
    "phases flipped": (
        ["--extract_size", "64", "--norm", "--bg_radius", "24", "--phase_flip"],
        {"extract_size": "64", "do_invert": "No", "other_args": "--phase_flip"},
    ),
    "premultiplied in a larger box": (
        [
            *("--extract_size", "48", "--premultiply_ctf"),
            *("--premultiply_extract_size", "96", "--norm", "--bg_radius", "18"),
        ],
        {
            "extract_size": "48",
            "do_invert": "No",
            "other_args": "--premultiply_ctf --premultiply_extract_size 96",
        },
    ),
    "premultiplied until first peak": (
        [
            *("--extract_size", "64", "--premultiply_ctf", "--ctf_intact_first_peak"),
            *("--norm", "--bg_radius", "24"),
        ],
        {
            "extract_size": "64",
            "do_invert": "No",
            "other_args": "--premultiply_ctf --ctf_intact_first_peak",
        },
    ),
    "windowed": (
        ["--extract_size", "64", "--window", "48", "--norm", "--bg_radius", "18"],
        {
            "extract_size": "64",
            "do_invert": "No",
            "other_args": "--window 48 --bg_radius 18",
        },
    ),
    "biased": (
        ["--extract_size", "64", "--extract_bias_x", "5", "--extract_bias_y", "-3"],
        {
            "extract_size": "64",
            "do_norm": "No",
            "do_invert": "No",
            "other_args": "--extract_bias_x 5 --extract_bias_y -3",
        },
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_pixel_and_column_is_relions(project, case):
    flags, values = CASES[case]
    by_relion(*flags)
    by_us(**values)
    compare()


def test_plain_boxes_are_equal_to_the_last_bit(project):
    flags, values = CASES["plain"]
    by_relion(*flags)
    by_us(**values)
    compare(rtol=0, atol=0)


def test_dust_is_replaced_in_the_same_pixels(project):
    flags, values = CASES["normalized"]
    by_relion(*flags, "--white_dust", "3", "--black_dust", "3")
    by_us(**values, white_dust="3", black_dust="3")
    for path in Path("Relion").rglob("*.mrcs"):
        want = read_images(path)
        got = read_images(Path("Extract/job002") / path.relative_to("Relion"))
        # the noise differs, and with it the mean and deviation a little
        changed = np.abs(want - got) > 0.05
        assert changed.mean() < 0.02
        assert np.corrcoef(want[~changed], got[~changed])[0, 1] > 0.9999


@pytest.mark.parametrize(
    ("flags", "values"),
    [
        ([], {}),
        (["--reset_offsets"], {"do_reset_offsets": "Yes"}),
        (["--recenter"], {"do_recenter": "Yes"}),
        (
            ["--recenter", "--recenter_x", "3", "--recenter_y", "-2"],
            {"do_recenter": "Yes", "recenter_x": "3", "recenter_y": "-2"},
        ),
        (["--keep_ctfs_micrographs"], {"other_args": "--keep_ctfs_micrographs"}),
        (
            ["--premultiply_ctf", "--recenter"],
            {"do_recenter": "Yes", "other_args": "--premultiply_ctf"},
        ),
    ],
)
def test_refined_particles_are_extracted_again_as_relion_does(
    project, monkeypatch, flags, values
):
    monkeypatch.chdir(project / "example")
    source = ("--reextract_data_star", "run_data.star")
    by_relion(
        *("--extract_size", "32", "--norm", "--bg_radius", "12", *flags), source=source
    )
    refined = {"do_reextract": "Yes", "fndata_reextract": "run_data.star"}
    by_us(extract_size="32", do_invert="No", **refined, **values)
    compare()


@pytest.mark.parametrize("case", ["plain", "rescaled", "without ramp"])
def test_particles_of_real_micrographs_are_relions(tmp_path, monkeypatch, case):
    """Of 8 and of 16 bit, with places at the edges; fractions of coordinates too."""
    monkeypatch.chdir(tmp_path)
    make_project(tmp_path, sorted(REAL.glob("*.mrc")), 4.0)
    Path("micrographs.star").rename("micrographs_ctf.star")
    rng = np.random.default_rng(3)
    for path in sorted(REAL.glob("*.mrc")):
        header = read_header(path)
        places = rng.uniform(0, 1, (60, 2)) * (header.nx - 1, header.ny - 1)
        table = Table({"rlnCoordinateX": places[:, 0], "rlnCoordinateY": places[:, 1]})
        write_star(f"Truth/Micrographs/{path.stem}_truth.star", {"": table})
    Path("Truth/coords_suffix_truth.star").write_text("micrographs_ctf.star\n")
    flags, values = CASES[case]
    by_relion(*flags)
    by_us(**values)
    compare()


def test_box_files_are_read_as_relion_reads_them(project):
    for i in (1, 2):
        path = Path(f"Boxes/Micrographs/mic000{i}.box")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("200 150 65 43\n90.7 80.2 31 30\n", encoding="utf-8")
    source = ("--coord_dir", "Boxes/", "--coord_suffix", ".box")
    by_relion("--extract_size", "64", "--norm", "--bg_radius", "24", source=source)
    by_us(coords_suffix="Boxes/coords_suffix.box", extract_size="64", do_invert="No")
    compare()


def test_relion_refine_runs_on_our_particles(project):
    by_us(extract_size="64", do_rescale="Yes", rescale="32")
    Path("Class2D").mkdir()
    command = [
        *(
            "relion_refine",
            "--i",
            "Extract/job002/particles.star",
            "--o",
            "Class2D/run",
        ),
        *("--K", "2", "--iter", "1", "--ctf", "--particle_diameter", "160", "--norm"),
        *("--scale", "--psi_step", "30", "--offset_range", "2", "--offset_step", "2"),
        *("--flatten_solvent", "--zero_mask", "--random_seed", "1", "--pad", "1"),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    classes = read_images("Class2D/run_it001_classes.mrcs")
    assert classes.shape == (2, 32, 32)
    assert classes.std() > 0
