"""A person's habits: read in layers, checked, and obeyed."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from textual.dom import DOMNode
from textual.screen import ModalScreen

import tui.forms
import tui.screens
import tui.widgets
from remote.errors import BadRequestError
from tests.support.fake_workspace import FakeWorkspace
from tests.support.interface import interface, seen
from tui import keys
from tui.app import CryodeckApp
from tui.habits import Settings, load, read
from tui.notifying import sequence
from tui.settings import settings_file as own_file


@pytest.fixture(autouse=True)
def _own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"CRYODECK_{kind}_HOME", str(tmp_path / kind))
    monkeypatch.setenv("CRYODECK_SITE", str(tmp_path / "site.toml"))


def test_ones_own_file_goes_over_the_sites_and_each_value_says_where_from(
    tmp_path: Path,
) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        'theme = "cryodeck-light"\nnotify = "bell"\n[keys]\n"jobs.watch" = "W"\n'
    )
    own_file().parent.mkdir(parents=True)
    own_file().write_text('theme = "cryodeck-contrast"\n[keys]\n"jobs.new" = "N"\n')
    settings = load()
    assert (settings.theme, settings.notify) == ("cryodeck-contrast", "bell")
    assert settings.keys == {"jobs.watch": "W", "jobs.new": "N"}
    assert settings.sources["theme"] == str(own_file())
    assert settings.sources["notify"] == str(site)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('theme = "pink"', "theme: one of cryodeck-dark"),
        ("mouse = 1", "mouse: true or false"),
        ("colour = 1", "no setting 'colour'; one of keys"),
        ("keys = 3", r"\[keys\]: lines like"),
        ("theme =", "not TOML"),
    ],
)
def test_a_mistake_names_file_and_key(text: str, says: str) -> None:
    with pytest.raises(BadRequestError, match=f"^here: {says}"):
        read(text, "here", Settings())


def test_every_view_with_keys_can_have_others() -> None:
    known = {keys.class_of(view) for view in keys.VIEWS}
    left_out = set()
    for package in (tui.screens, tui.widgets, tui.forms):
        for module in pkgutil.iter_modules(package.__path__):
            found = importlib.import_module(f"{package.__name__}.{module.name}")
            for name, kind in vars(found).items():
                if (
                    isinstance(kind, type)
                    and issubclass(kind, DOMNode)
                    and not issubclass(kind, ModalScreen)
                    and kind.__module__ == found.__name__
                    and any(b.show for b in kind.__dict__.get("BINDINGS", ()))
                    and kind not in known
                ):
                    left_out.add(name)
    parts_of_a_field = {"YesNo", "OneOf", "Line"}
    assert left_out <= parts_of_a_field


def test_keys_that_do_not_exist_or_clash_are_told() -> None:
    with pytest.raises(BadRequestError, match="no view 'job list'"):
        keys.apply({"job list.new": "N"})
    with pytest.raises(BadRequestError, match=r"jobs\.dance"):
        keys.apply({"jobs.dance": "N"})
    with pytest.raises(BadRequestError, match="l would mean"):
        keys.apply({"jobs.new": "l"})


async def test_another_key_does_what_it_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tui.screens.jobs import JobsScreen

    monkeypatch.setattr(JobsScreen, "BINDINGS", list(JobsScreen.BINDINGS))
    monkeypatch.setattr(JobsScreen, "_merged_bindings", JobsScreen._merged_bindings)
    keys.apply({"jobs.new": "N"})
    async with interface(size=(120, 40)) as pilot:
        await seen(pilot, "N new job")
        await pilot.press("N")
        await seen(pilot, "2D classification")


def test_a_notification_is_told_in_both_ways_and_cannot_be_abused() -> None:
    plain = sequence("cryodeck: Finished", "LoG\x07\x1b]0;evil;x", {})
    assert plain.startswith("\x1b]9;cryodeck: Finished: LoG··]0,evil,x\x1b\\")
    assert "\x1b]777;notify;cryodeck: Finished;LoG··]0,evil,x\x1b\\" in plain
    wrapped = sequence("a", "b", {"TMUX": "x"})
    assert wrapped.startswith("\x1bPtmux;\x1b\x1b]9;a: b\x1b\x1b\\\x1b\\")


async def test_a_slow_link_brings_its_preset_by_itself_and_takes_it_away() -> None:
    from dataclasses import replace

    space = FakeWorkspace()
    async with interface(space, size=(120, 40)) as pilot:
        app = pilot.app
        assert isinstance(app, CryodeckApp)
        assert not app.is_slow
        space._say(replace(space.link, round_trip_s=0.9))
        await seen(pilot, "the link needs 900 ms")
        app.clear_notifications()  # they stand over the first line
        await seen(pilot, "slow link")
        assert app.animation_level == "none"
        space._say(replace(space.link, round_trip_s=0.4))
        await pilot.pause()
        assert app.is_slow
        space._say(replace(space.link, round_trip_s=0.05))
        await seen(pilot, "preset off")
        assert not app.is_slow
