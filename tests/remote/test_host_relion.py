"""The version of a new project: that of the RELION that the host has."""

import pytest

from remote.cluster import Cluster
from remote.host_relion import parsed
from remote.workspace import Workspace

#: as the programs of three releases print it
SAYS = {
    "3.1": "RELION version: 3.1.3 \nPrecision: BASE=double",
    "4.0": "RELION version: 4.0.1-commit-ex5cd3b \nPrecision: BASE=double",
    "5.0": "RELION version: 5.0.1-commit-a1b2c3\nPrecision: BASE=double",
}


@pytest.mark.parametrize(
    ("says", "release", "layout"),
    [
        (SAYS["3.1"], "3.1.3", "3.1"),
        (SAYS["4.0"], "4.0.1-commit-ex5cd3b", "4.0"),
        (SAYS["5.0"], "5.0.1-commit-a1b2c3", "5.0"),
        ("RELION version: 3.0.8", "3.0.8", "3.1"),
        ("WARNING: a module is old\nRELION version: 6.0", "6.0", "5.0"),
        ("RELION says nothing of use", "", "4.0"),
        ("bash: relion_refine: not found", "", "4.0"),
        ("", "", "4.0"),
    ],
)
def test_a_release_has_a_layout(says, release, layout):
    found = parsed(says)
    assert (found.release, found.layout) == (release, layout)


async def begun(tmp_path, relion, *, version="", twice=False):
    """A folder made a project where RELION's programs lie in a folder."""
    cluster = Cluster(name="local", session="local", relion=str(relion))
    workspace = await Workspace.open(cluster, str(tmp_path / "project"))
    try:
        made = await workspace.begin_project(version)
        if twice:
            made = await workspace.begin_project("5.0")
        overview = await workspace.overview(ask_scheduler=False)
    finally:
        await workspace.close()
    assert made.version == overview.version
    assert made.path == str(tmp_path / "project")
    return made


@pytest.fixture
def programs(tmp_path, request):
    """A folder with a program that answers as a release does."""
    folder = tmp_path / "programs"
    folder.mkdir()
    program = folder / "relion_refine"
    program.write_text(f"#!/bin/sh\ncat <<'said'\n{SAYS[request.param]}\nsaid\n")
    program.chmod(0o755)
    return folder


@pytest.mark.parametrize("programs", ["3.1"], indirect=True)
async def test_a_new_project_is_of_the_hosts_relion(tmp_path, programs):
    made = await begun(tmp_path, programs)
    assert made.version == "3.1"
    assert "a RELION 3.1 project now; the host has RELION 3.1.3" in made.words


@pytest.mark.parametrize("programs", ["5.0"], indirect=True)
async def test_another_version_may_be_asked_for(tmp_path, programs):
    made = await begun(tmp_path, programs, version="3.1")
    assert made.words.endswith("a RELION 3.1 project now; as you asked")


@pytest.mark.parametrize("programs", ["4.0"], indirect=True)
async def test_a_project_stays_as_it_is(tmp_path, programs):
    made = await begun(tmp_path, programs, twice=True)
    assert not made.is_new
    assert made.words.endswith("a RELION 4.0 project already, left as it is")


async def test_without_relion_it_is_said_to_be_a_guess(tmp_path):
    made = await begun(tmp_path, tmp_path / "nowhere")
    assert made.version == "4.0"
    assert "no RELION was found on this host" in made.words


@pytest.mark.relion
async def test_the_programs_of_this_machine_are_asked(tmp_path):
    made = await begun(tmp_path, "")
    assert made.version == "3.1"
    assert "the host has RELION 3.1.3" in made.words
