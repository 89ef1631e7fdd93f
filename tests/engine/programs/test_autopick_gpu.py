"""Template picking on GPUs: which one, what is said without one, the same picks."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from support import pretend_cupy
from support.engine_jobs import run_engine, small_project, write_job
from support.rank_threads import run_threads

from engine.errors import InputError
from engine.io.coordinates import read_coordinates
from engine.io.mrc import read_image, write_mrc
from engine.programs.devices import device_of_rank, ranks_on_device

JOB = "AutoPick/job001"
VALUES = {
    "fn_input_autopick": "micrographs_ctf.star",
    "fn_refs_autopick": "refs.mrcs",
    "angpix_ref": "4",
    "psi_sampling_autopick": "15",
    "lowpass": "20",
    "threshold_autopick": "0.3",
    "mindist_autopick": "60",
    "maxstddevnoise_autopick": "-1",
}
SETTINGS = [
    {},
    {"psi_sampling_autopick": "24", "highpass": "300"},
    {"shrink": "1", "lowpass": "-1", "threshold_autopick": "0.05"},
    {"do_ctf_autopick": "No", "threshold_autopick": "-1"},
    {"cryodeck_compat": "Yes", "threshold_autopick": "0.1"},
    {"do_ignore_first_ctfpeak_autopick": "Yes", "threshold_autopick": "-1"},
]


def pretend(project: Path) -> None:
    """Let the engine's `import cupy` find the stand-in in the project's folder."""
    shutil.copy(pretend_cupy.__file__, project / "cupy.py")


def pick(project: Path, name: str = JOB, **values: str):
    """A job that has to succeed: its coordinates and its log."""
    write_job(project, name, "autopick", **VALUES | values)
    done = run_engine(project, name)
    assert done.returncode == 0, done.stderr
    found = read_coordinates(project / name / "Micrographs/mic1_autopick.star")
    return found, done.stdout


def check_same_picks(project: Path, values: dict[str, str], gpu_ids: str) -> str:
    """Pick with and without a GPU; the log of that with one."""
    plain, _ = pick(project, "AutoPick/job001", **values)
    gpu = {"use_gpu": "Yes", "gpu_ids": gpu_ids}
    found, log = pick(project, "AutoPick/job002", **values | gpu)
    assert len(plain) >= 3
    assert len(found) == len(plain)
    np.testing.assert_allclose(found.x, plain.x, atol=0.01)
    np.testing.assert_allclose(found.y, plain.y, atol=0.01)
    np.testing.assert_allclose(found.fom, plain.fom, atol=1e-4)
    np.testing.assert_array_equal(found.class_number, plain.class_number)
    np.testing.assert_array_equal(found.psi, plain.psi)
    return log


@pytest.mark.gpu
@pytest.mark.parametrize("values", SETTINGS)
def test_a_gpu_picks_what_the_processor_picks(tmp_path, values):
    small_project(tmp_path)
    assert "works on GPU 0 (" in check_same_picks(tmp_path, values, "0")


@pytest.mark.gpu
def test_ranks_share_the_gpus_that_are_there(tmp_path):
    small_project(tmp_path)
    check_same_picks(tmp_path, {}, "")


@pytest.mark.gpu
def test_a_gpu_is_timed_beside_the_processor(tmp_path, record_property):
    """Four copies of a large micrograph; the report and the output name the device."""
    small_project(tmp_path)
    image = np.tile(read_image(tmp_path / "Micrographs/mic1.mrc"), (20, 16))
    text = (tmp_path / "micrographs_ctf.star").read_text()
    row = next(line for line in text.splitlines() if "mic1.mrc" in line)
    names = [f"Micrographs/large{number}.mrc" for number in range(4)]
    for name in names:
        write_mrc(tmp_path / name, image, 4.0)
    rows = [row.replace("Micrographs/mic1.mrc", name) for name in names]
    (tmp_path / "micrographs_ctf.star").write_text(text.replace(row, "\n".join(rows)))
    seconds = {}
    for kind, values in (
        ("processor", {}),
        ("GPU", {"use_gpu": "Yes", "gpu_ids": "0"}),
    ):
        job = f"AutoPick/{kind}"
        write_job(
            tmp_path,
            job,
            "autopick",
            **VALUES | {"psi_sampling_autopick": "5"} | values,
        )
        done = run_engine(tmp_path, job)
        assert done.returncode == 0, done.stderr
        # the first micrograph pays for what is made once
        last = re.findall(r"large3.mrc: \d+ particles in ([\d.]+) s", done.stdout)
        seconds[kind] = float(last[0])
    device = re.findall(r"works on GPU 0 \((.*)\)", done.stdout)[0]
    record_property("device", device)
    record_property("seconds_per_micrograph", seconds)
    ratio = seconds["processor"] / max(seconds["GPU"], 0.01)
    print(
        f"{device}: {seconds} a micrograph of {image.shape}, {ratio:.1f} times faster"
    )
    both = [
        read_coordinates(tmp_path / f"AutoPick/{kind}/Micrographs/large0_autopick.star")
        for kind in seconds
    ]
    assert len(both[0]) == len(both[1]) > 100
    np.testing.assert_allclose(both[1].x, both[0].x, atol=0.01)
    np.testing.assert_allclose(both[1].fom, both[0].fom, atol=1e-4)


@pytest.mark.parametrize("values", SETTINGS)
def test_data_cross_to_the_device_and_back_and_nowhere_else(tmp_path, values):
    small_project(tmp_path)
    pretend(tmp_path)
    log = check_same_picks(tmp_path, values, "1")
    assert "works on GPU 1 (Pretended GPU 1)" in log


@pytest.mark.mpi
def test_each_rank_takes_its_gpu_of_the_list_and_sizes_are_said_once(tmp_path):
    small_project(tmp_path)
    pretend(tmp_path)
    text = (tmp_path / "micrographs_ctf.star").read_text()
    row = next(line for line in text.splitlines() if "mic1.mrc" in line)
    shutil.copy(tmp_path / "Micrographs/mic1.mrc", tmp_path / "Micrographs/mic2.mrc")
    more = row.replace("mic1.mrc", "mic2.mrc")
    text = text.replace(row, f"{row}\n{more}")
    (tmp_path / "micrographs_ctf.star").write_text(text)
    gpu = {"use_gpu": "Yes", "gpu_ids": "1:0", "nr_mpi": "2"}
    write_job(tmp_path, JOB, "autopick", **VALUES | gpu)
    done = run_engine(tmp_path, JOB, ranks=2)
    assert done.returncode == 0, done.stderr
    assert "[rank 0] works on GPU 1" in done.stdout
    assert "[rank 1] works on GPU 0" in done.stdout
    assert done.stdout.count("Will use micrographs scaled to") == 1
    assert done.stdout.count("mask diameter of the references") == 1


@pytest.mark.parametrize(
    ("groups", "count", "devices"),
    [
        ([[0], [1], [2], [3]], 4, [0, 1, 2, 3, 0, 1]),
        ([[0, 1], [2, 3]], 4, [0, 2, 1, 3, 0, 2]),
        ([[2]], 3, [2, 2, 2, 2, 2, 2]),
        ([], 2, [0, 1, 0, 1, 0, 1]),
    ],
)
def test_ranks_go_round_the_list(groups, count, devices):
    assert [device_of_rank(groups, rank, count) for rank in range(6)] == devices


def test_ranks_that_share_a_gpu_know_how_many_they_are():
    found = run_threads(4, lambda comm: ranks_on_device(int(comm.rank == 3), comm))
    assert found == [3, 3, 3, 1]


def test_a_gpu_that_does_not_exist_is_named_with_those_that_do():
    with pytest.raises(InputError, match=r"GPU 2, 3 does not exist; .* are 0 to 1 \("):
        device_of_rank([[0], [2], [3]], 0, 2)


@pytest.mark.parametrize(
    ("gpus", "ids", "code", "words"),
    [
        (None, "0", 1, "cupy is not installed; install cryodeck[gpu]"),
        (None, "0;1", 2, "'0;1' is not a list of GPUs"),
        ("0", "", 1, "this node has none that can be used"),
        ("-1", "0", 1, "driver version is insufficient"),
        ("1", "0:1", 2, "GPU 1 does not exist; on this node there is 0 only"),
    ],
)
def test_a_gpu_that_cannot_be_had_is_one_line(
    tmp_path, monkeypatch, gpus, ids, code, words
):
    small_project(tmp_path)
    if gpus is None:
        (tmp_path / "cupy.py").write_text("raise ImportError\n")
    else:
        pretend(tmp_path)
        monkeypatch.setenv("PRETEND_GPUS", gpus)
    write_job(tmp_path, JOB, "autopick", **VALUES, use_gpu="Yes", gpu_ids=ids)
    done = run_engine(tmp_path, JOB)
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    assert "ERROR: " in line
    assert words in line


def test_gpus_that_no_process_works_on_are_said(tmp_path):
    small_project(tmp_path)
    pretend(tmp_path)
    write_job(tmp_path, JOB, "autopick", **VALUES, use_gpu="Yes", gpu_ids="0,1")
    done = run_engine(tmp_path, JOB)
    assert done.returncode == 0, done.stderr
    assert "1 of the GPUs in 0,1 stay idle" in done.stderr


def test_reading_maps_needs_no_gpu(tmp_path):
    small_project(tmp_path)
    before, _ = pick(tmp_path, do_write_fom_maps="Yes")
    (tmp_path / "cupy.py").write_text("raise ImportError\n")
    after, _ = pick(tmp_path, do_read_fom_maps="Yes", use_gpu="Yes", gpu_ids="0")
    np.testing.assert_array_equal(after.fom, before.fom)
