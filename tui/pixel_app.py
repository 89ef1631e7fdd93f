"""An application that sends what has changed: cells of text, and pictures over them."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

from rich.color import ColorSystem
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import CompositorUpdate, InlineUpdate
from textual.app import App, ReturnType
from textual.events import Event, InputEvent, MouseMove
from textual.screen import Screen

from tui.graphics import PictureMode, window_cell
from tui.pixel_layer import PixelLayer
from tui.sent_cells import SentCells

if TYPE_CHECKING:
    from rich.console import RenderableType
    from textual.driver import Driver
    from textual.events import Resize


class PixelApp(App[ReturnType]):
    """An application whose frames carry pictures."""

    def __init__(self, pictures: PictureMode | None = None) -> None:
        self.pictures = pictures or PictureMode()
        super().__init__()
        self.sent_cells = SentCells(self._colors())
        self.pixels = PixelLayer(self, self.pictures)  # type: ignore[arg-type]
        self._after_frame = ""
        self.touched_at = 0.0  # when a key or the mouse was last used

    @property
    def is_far(self) -> bool:
        """Whether few bytes should go to the terminal at a time."""
        return self.pictures.is_far

    async def on_event(self, event: Event) -> None:
        """Note that somebody is there."""
        if isinstance(event, InputEvent) and not isinstance(event, MouseMove):
            self.touched_at = time.monotonic()
        await super().on_event(event)

    @property
    def has_few_colors(self) -> bool:
        """Whether the terminal has sixteen."""
        return self.sent_cells.colors is ColorSystem.STANDARD

    def _colors(self) -> ColorSystem:
        """All colors, where xterm's modest TERM hides that it has more, or pixels."""
        answers = self.pictures.answers
        if answers.knows_kitty or answers.knows_sixel:
            return ColorSystem.TRUECOLOR
        found = self.console._color_system or ColorSystem.TRUECOLOR
        is_xterm = "XTERM_VERSION" in os.environ and not self.pictures.in_tmux
        if found is ColorSystem.STANDARD and is_xterm:
            return ColorSystem.EIGHT_BIT
        return found

    def _display(
        self, screen: Screen[object], renderable: RenderableType | None
    ) -> None:
        if (
            not isinstance(renderable, CompositorUpdate)
            or isinstance(renderable, InlineUpdate)
            or self._batch_count
        ):
            super()._display(screen, renderable)
            return
        if self.sent_cells.fit(screen._compositor.size):
            self.pixels.start_anew()
        self.pixels.look()
        painting = self.sent_cells.painting(renderable)
        pictures = self.pixels.frame(painting.spans)
        here = self.screen.outer_size.clamp_offset(self.cursor_position)
        if painting.text or here != self._previous_cursor_position:
            self._after_frame = pictures
            super()._display(screen, painting)
            self._end_frame()  # where there is no terminal
        else:
            super()._display(screen, None)
            self.send_pictures(pictures)

    def _end_update(self) -> None:
        self._end_frame()
        super()._end_update()

    def _end_frame(self) -> None:
        text, self._after_frame = self._after_frame, ""
        self.pixels.write(text)

    def send_pictures(self, text: str) -> None:
        """Send pictures that come with no frame of text."""
        if text:
            is_synchronized = self._sync_available
            text = f"{SYNC_START}{text}{SYNC_END}" if is_synchronized else text
            self.pixels.write(text)

    def set_pictures(self, mode: PictureMode) -> None:
        """Draw pictures in another way from now on."""
        self.pixels.free()
        self.pictures = self.pixels.mode = mode
        for screen in self.screen_stack:
            for widget in screen.query("*"):
                change = getattr(widget, "set_mode", None)
                if change is not None:
                    change(mode)
            screen.refresh()

    async def _on_resize(self, event: Resize) -> None:
        self.paint_anew()
        cell = window_cell()
        if cell is not None and self.pictures.is_other(cell):
            self.set_pictures(self.pictures.with_cell(cell))
        await super()._on_resize(event)

    def action_suspend_process(self) -> None:
        """Go to the shell that we were started from, if there is one to come back."""
        if os.getpgrp() == os.getsid(0):
            words = "No shell with job control is behind this: ^Q quits"
            self.notify(words, severity="warning", markup=False, timeout=6)
            return
        super().action_suspend_process()

    def paint_anew(self) -> None:
        """Nothing that the terminal shows is as it was sent."""
        self.sent_cells.forget()
        self.pixels.start_anew()

    def begin_anew(self) -> None:
        """The terminal is ours, for the first time or again: it has nothing yet."""
        self.sent_cells.forget()
        self.pixels.forget_all()
        if self._screen_stack:
            self.call_later(self.refresh, layout=True)

    def get_driver_class(self) -> type[Driver]:
        """A terminal's driver that takes no late answer for keys."""
        found = super().get_driver_class()
        if found.__name__ != "LinuxDriver":
            return found
        from tui.late_answers import DeafDriver, DeafParser

        DeafParser.are_missing = not self.pictures.answers.answered
        return DeafDriver

    @property
    def _background_screens(self) -> list[Screen[Any]]:
        """Screens that can be seen below; none below one that is opaque.

        Textual counts the next one in any case, and then repaints everything whenever
        something changes on a screen that nobody sees.
        """
        if self._screen_stack and self.screen.styles.background.a == 1:
            return []
        return super()._background_screens
