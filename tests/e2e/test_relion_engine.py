"""The same forms done by RELION's executables: local session, no scheduler."""

import dataclasses
import shutil
import sys
from pathlib import Path

import pytest
from support import remote_project as far

from engine.io.star import read_star
from remote.cluster import load
from remote.views import JobState
from remote.workspace import Workspace

pytestmark = pytest.mark.relion

ENGINES = ("cryodeck", "relion")
#: numbers that either engine's job has; ours may have more
SHARED = {
    "import": {"items", "optics", "defocus_histogram"},
    "autopick": {
        "micrographs",
        "micrographs_total",
        "micrographs_done",
        "picks_total",
        "picks_histogram",
        "fom_histogram",
        "fom_min",
        "fom_median",
        "fom_max",
    },
    "extract": {
        "particles_total",
        "box_px",
        "pixel_size",
        "micrographs",
        "micrographs_without_coordinates",
        "greys",
    },
    "class2d": {"iteration", "iterations_total", "classes", "history"},
}
IMPORT = {
    "do_raw": "No",
    "do_other": "Yes",
    "fn_in_other": "micrographs_ctf.star",
    "node_type": "Micrographs STAR file (.star)",
}
LOG = {
    "do_log": "Yes",
    "log_diam_min": "100",
    "log_diam_max": "160",
    "log_adjust_thr": "0.5",
    "nr_mpi": "2",
}
EXTRACT = {
    "extract_size": "80",
    "bg_diameter": "60",
    "do_rescale": "Yes",
    "rescale": "40",
    "nr_mpi": "2",
}
CLASS2D = {
    "nr_classes": "2",
    "nr_iter": "2",
    "particle_diameter": "200",
    "psi_sampling": "24",
    "offset_range": "3",
    "offset_step": "2",
    "nr_mpi": "3",
}


@pytest.fixture(scope="module")
def practice(tmp_path_factory):
    folder = tmp_path_factory.mktemp("relion") / "it's a project"
    far.simulate(folder, "--size", "384x384", "--pixel-size", "4", "--count", "2")
    return folder


@pytest.fixture
async def workspace(practice):
    root = Path(__file__).resolve().parents[2]
    cluster = dataclasses.replace(
        load("local"),
        setup=(f"export PYTHONPATH={root} OPENBLAS_NUM_THREADS=1",),
        engine=f"{sys.executable} -m engine",
        mpirun="mpirun --oversubscribe --allow-run-as-root",
    )
    opened = await Workspace.open(cluster, str(practice))
    await opened.create_project(version="3.1")
    yield opened
    await opened.close()


async def go(workspace, type_key, engine, values):
    """A job of the given engine, done; its row and its numbers."""
    row = await run(workspace, type_key, engine, values)
    err = (await workspace.log(row.name, "err")).text
    assert row.verdict.state is JobState.SUCCEEDED, (row.verdict, err)
    assert row.status == "Succeeded"
    for node in row.outputs:
        assert (Path(workspace.project) / node.name).exists(), node
    return row, (await workspace.statistics(row.name)).values


async def run(workspace, type_key, engine, values):
    job = await workspace.defaults(type_key)
    for key, value in {**values, "cryodeck_engine": engine}.items():
        job = job.replace(key, value)
    assert job.version == (await workspace.overview()).version
    name = await workspace.create(job)
    await workspace.run(name)
    return await workspace.wait(name, timeout=120)


def output(row, kind):
    return next(node.name for node in row.outputs if node.kind == kind)


async def chain(workspace, first, second):
    """Import to classes, engines in turn; the numbers of each by engine and type."""
    imported, of_import = await go(workspace, "import", first, IMPORT)
    micrographs = output(imported, "MicrographsData")
    picked, of_picking = await go(
        workspace, "autopick", second, {**LOG, "fn_input_autopick": micrographs}
    )
    coordinates = output(picked, "MicrographsCoords")
    sources = {"star_mics": micrographs, "coords_suffix": coordinates}
    cut, of_extraction = await go(workspace, "extract", first, {**EXTRACT, **sources})
    particles = output(cut, "ParticlesData")
    classed, of_classes = await go(
        workspace, "class2d", second, {**CLASS2D, "fn_img": particles}
    )
    assert classed.inputs == (cut.name,)
    assert classed.summary.startswith("iteration 2")
    assert (classed.progress.done, classed.progress.total) == (2, 2)
    assert (await workspace.gallery(classed.name, max_tile=32))["tiles"]
    commands = (await workspace.preview(classed.name))["commands"]
    assert ("relion_refine_mpi" in commands) == (second == "relion")
    return {
        (first, "import"): of_import,
        (second, "autopick"): of_picking,
        (first, "extract"): of_extraction,
        (second, "class2d"): of_classes,
    }


async def test_either_engine_goes_on_from_what_the_other_made(workspace):
    numbers = await chain(workspace, *ENGINES) | await chain(workspace, *ENGINES[::-1])
    for kind, shared in SHARED.items():
        ours, theirs = numbers["cryodeck", kind], numbers["relion", kind]
        assert set(theirs) == shared | {"type", "failed", "elapsed_s"}
        assert set(ours) >= set(theirs)
    ours, theirs = numbers["cryodeck", "autopick"], numbers["relion", "autopick"]
    assert theirs["picks_total"] == pytest.approx(ours["picks_total"], rel=0.02)
    assert theirs["fom_median"] == pytest.approx(ours["fom_median"], abs=0.01)
    for engine in ENGINES:
        cut = numbers[engine, "extract"]
        assert (cut["box_px"], cut["pixel_size"]) == (40, 8.0)
        assert cut["greys"]["min"] < cut["greys"]["mean"] < cut["greys"]["max"]
        assert cut["greys"]["deviation"] == pytest.approx(1.0, abs=0.2)
        assert cut["particles_total"] == numbers[engine, "autopick"]["picks_total"]
        shares = [c["distribution"] for c in numbers[engine, "class2d"]["classes"]]
        assert sum(shares) == pytest.approx(1.0, abs=1e-4)


async def test_the_line_of_relions_error_is_the_reason_of_the_verdict(workspace):
    values = {**CLASS2D, "fn_img": "micrographs_ctf.star", "nr_mpi": "1"}
    row = await run(workspace, "class2d", "relion", values)
    assert row.verdict.state is JobState.FAILED
    assert row.status == "Failed"
    err = (await workspace.log(row.name, "err")).text
    assert "box sizes not available" in row.verdict.reason
    assert row.verdict.reason in err.splitlines()


@pytest.mark.parametrize(
    "version", ["4.0", pytest.param("5.0", marks=pytest.mark.slow)]
)
async def test_relion_3_1_picks_for_later_projects_too(
    practice, workspace, tmp_path, version
):
    """Its picks are listed as the later pipeline promises, by the job itself."""
    folder = tmp_path / "later"
    folder.mkdir()
    (folder / "Micrographs").symlink_to(practice / "Micrographs")
    shutil.copy(practice / "micrographs_ctf.star", folder)
    later = await Workspace.open(workspace.profile, str(folder))
    await later.create_project(version=version)
    row, _ = await go(later, "import", "cryodeck", IMPORT)
    values = {**LOG, "fn_input_autopick": output(row, "MicrographsData")}
    picked, numbers = await go(later, "autopick", "relion", values)
    assert numbers["picks_total"] > 20
    job = folder / picked.name
    listed = read_star(job / "autopick.star")["coordinate_files"]
    assert listed.text("rlnMicrographName") == [
        f"Micrographs/mic000{n}.mrc" for n in (1, 2)
    ]
    marker = job / "RELION_JOB_EXIT_SUCCESS"
    assert (job / "autopick.star").stat().st_mtime_ns <= marker.stat().st_mtime_ns
    assert not list((job / ".cryodeck").glob("*RELION*"))
    assert len((await later.job_picks(picked.name)).picks) == 2
    sources = {"star_mics": values["fn_input_autopick"]}
    sources["coords_suffix"] = output(picked, "MicrographsCoords")
    assert sources["coords_suffix"] == f"{picked.name}/autopick.star"
    for engine in ENGINES:
        row, cut = await go(later, "extract", engine, {**EXTRACT, **sources})
        assert cut["particles_total"] == numbers["picks_total"]
    commands = (await later.preview(row.name))["commands"]
    assert f"--coord_list {sources['coords_suffix']} " in commands
    await later.close()
