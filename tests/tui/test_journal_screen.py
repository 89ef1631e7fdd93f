"""The journal on the screen: whole lines from its first frame on."""

from __future__ import annotations

import pytest

from remote.journal import Journal
from tests.support.interface import interface, screen_text, seen
from tui.screens import journal as journal_screen


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_its_lines_fit_the_width_before_it_is_read_again(
    tmp_path, monkeypatch, size
) -> None:
    monkeypatch.setenv("CRYODECK_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(journal_screen, "AGAIN_S", 3600.0)
    journal = Journal(tmp_path / "journal.jsonl")
    for number in range(30):
        journal.write("hpc1", "overview.look", f"call {number}", 0.002, "ok")
    journal.close()
    async with interface(size=size) as pilot:
        await pilot.press("f12")
        await seen(pilot, "journal", "overview.look", "call 29")
        lines = [one for one in screen_text(pilot).splitlines() if "call" in one]
        assert all("overview.look" in one for one in lines)
        assert len(lines) == min(30, size[1] - 2)
