"""The tutorial's 5mics in the interface, on real files through a real local agent."""

from __future__ import annotations

from pathlib import Path

from engine.io.coordinates import read_coordinates
from engine.io.star import read_star
from remote.cluster import Cluster
from tests.support import hand_project
from tests.support.interface import seen, until
from tui.app import CryodeckApp
from tui.screens.job import JobScreen
from tui.screens.pick import PickScreen


async def test_five_micrographs_of_a_hand_picked_job_are_selected(
    tmp_path: Path, monkeypatch
) -> None:
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"CRYODECK_{kind}_HOME", str(tmp_path / kind))
    project = hand_project.make(tmp_path / "project", "3.1", count=8)
    cluster = Cluster(name="local", session="local")
    app = CryodeckApp(host="local", project=str(project), clusters=[cluster])
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await until(pilot, lambda: app.bridge.overview is not None, 30)
        app.push_screen(
            JobScreen(
                cluster,
                str(project),
                None,
                new_type="manualpick",
                values={"fn_in": hand_project.LIST},
            )
        )
        await until(pilot, lambda: isinstance(app.screen, JobScreen))
        await seen(pilot, "nothing is submitted")
        await pilot.press("ctrl+r")
        await seen(pilot, "8 of 8 micrographs selected", "0.89", "3.2")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PickScreen), 20)
        pick = app.screen
        assert isinstance(pick, PickScreen)
        await until(pilot, lambda: pick.view.picking and pick.view.picture, 20)
        for x, y in hand_project.PARTICLES:
            pick.view.point(x, y)
            await pilot.press("space")
        await seen(pilot, "3 picks", "saved")
        await pilot.press("escape")
        await seen(pilot, "3 picks on 1")
        await pilot.press("escape")
        await seen(pilot, "ManualPick/job002", "Evidence")
        values = {"fn_coords": "ManualPick/job002/coords_suffix_manualpick.star"}
        app.push_screen(
            JobScreen(cluster, str(project), None, new_type="select", values=values)
        )
        await seen(pilot, "choose from by ticking")
        await pilot.press("ctrl+r")
        await seen(pilot, "8 of 8 micrographs selected", "ManualPick/job002")
        await pilot.press("v", *["space"] * 5, "S")
        await seen(pilot, "5 of 8 micrographs selected", "saved")
        await app.bridge.close()
    selected = project / "Select/job003/micrographs_selected.star"
    names = list(read_star(selected)["micrographs"].text("rlnMicrographName"))
    assert names == hand_project.names(8)[:5]
    picks = read_coordinates(project / "ManualPick/job002/Movies/mic1_manualpick.star")
    assert list(zip(picks.x, picks.y, strict=True)) == list(hand_project.PARTICLES)
