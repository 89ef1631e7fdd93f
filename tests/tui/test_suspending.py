"""After another program had the terminal, all that it shows is sent again."""

from __future__ import annotations

import os

import pytest
from support.one_widget import OneWidget
from textual.app import App

from tests.support.interface import until
from tests.tui.test_coarse import micrograph
from tests.tui.test_graphics import Wire
from tui.graphics import PictureMode
from tui.pixel_app import PixelApp
from tui.widgets.picture_view import PictureView


@pytest.mark.parametrize("kind", ["kitty", "sixel"])
async def test_pictures_and_letters_come_back(kind, monkeypatch):
    wire = Wire(monkeypatch)
    mode = PictureMode(kind=kind, cell=(10, 20))
    whole = "a=t" if kind == "kitty" else "\x1bP0;1q"

    app = OneWidget(PictureView, mode)
    async with app.run_test(size=(60, 20)) as pilot:
        app.query_one(PictureView).show_picture(micrograph(), None)
        await until(pilot, lambda: whole in wire.text, 20)
        await until(pilot, lambda: not app.pixels._is_waiting)
        wire.sent.clear()
        before = app.sent_cells.bytes_sent
        app.begin_anew()
        await until(pilot, lambda: whole in wire.text, 20)
        assert app.sent_cells.bytes_sent - before > 60


@pytest.mark.parametrize("has_shell", [True, False])
async def test_one_stops_only_where_a_shell_can_go_on(has_shell, monkeypatch):
    stopped = []
    monkeypatch.setattr(App, "action_suspend_process", lambda _: stopped.append(True))
    monkeypatch.setattr(os, "getpgrp", lambda: 200)
    monkeypatch.setattr(os, "getsid", lambda _: 100 if has_shell else 200)
    app = PixelApp[int]()
    async with app.run_test() as pilot:
        await app.run_action("suspend_process")
        assert bool(stopped) == has_shell
        await until(pilot, lambda: bool(app._notifications) != has_shell)
