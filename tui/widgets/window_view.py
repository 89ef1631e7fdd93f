"""Where one looks in a picture: all of it or a window, by keys and mouse."""

from __future__ import annotations

from textual.binding import Binding, BindingType
from textual.events import (
    Click,
    MouseDown,
    MouseMove,
    MouseScrollDown,
    MouseScrollUp,
    MouseUp,
)
from textual.message import Message
from textual.widget import Widget

from remote.views import Picture
from tui.graphics import PictureMode
from tui.pixel_protocols import MOST_CELLS

Region = tuple[int, int, int, int]  # of the file: x, y, width, height
MAX_ZOOM = 0.25  # file pixels per picture pixel


#: Keys of a window, for a view that has one.
WINDOW_KEYS: list[BindingType] = [
    Binding("plus,equals_sign,z", "zoom(0.5)", "zoom in"),
    Binding("minus,Z", "zoom(2)", "zoom out", show=False),
    Binding("0,f", "fit", "whole micrograph", show=False),
    Binding("left,ctrl+left", "pan(-1,0)", "left", show=False),
    Binding("right,ctrl+right", "pan(1,0)", "right", show=False),
    Binding("up,ctrl+up", "pan(0,-1)", "up", show=False),
    Binding("down,ctrl+down", "pan(0,1)", "down", show=False),
]


class WindowView(Widget, can_focus=True):
    """A window on a picture that is larger; tells when it needs other pixels."""

    class Wanted(Message):
        """Pixels of another region are needed."""

    def __init__(self, mode: PictureMode | None = None) -> None:
        super().__init__()
        self.mode = mode or PictureMode()
        self.cell = self.mode.cell  # picture pixels in a cell
        self.picture: Picture | None = None
        self.looked_at: Region | None = None  # None: all of it
        self.shown_region: Region | None = None
        self._drag: tuple[int, int] | None = None
        self._flattened = 1.0  # how many times as high as wide a pixel stands for

    @property
    def _has_pixels(self) -> bool:
        return self.mode.kind in {"kitty", "sixel"}

    def steps(self) -> tuple[float, float]:
        """Pixels of the file that a pixel of the picture stands for, across and down.

        They differ where half a cell is no square.
        """
        binning = self.picture.binning if self.picture is not None else 1.0
        return binning, binning * self._flattened

    def to_picture(self, x: float, y: float) -> tuple[float, float]:
        """Place in the picture, from its corner, of a place in the file.

        A whole number in the file is the middle of a pixel.
        """
        x0, y0 = self.shown_region[:2] if self.shown_region else (0, 0)
        across, down = self.steps()
        return (x + 0.5 - x0) / across, (y + 0.5 - y0) / down

    def to_file(self, across: float, down: float) -> tuple[float, float]:
        """Place in the file of a place in the picture; undoes `to_picture`."""
        x0, y0 = self.shown_region[:2] if self.shown_region else (0, 0)
        step_across, step_down = self.steps()
        return x0 + across * step_across - 0.5, y0 + down * step_down - 0.5

    # where one looks

    def room(self) -> tuple[int, int]:
        """Picture pixels that the widget has."""
        across, down = self.cell
        most = MOST_CELLS if self._has_pixels else self.size.width
        width, height = min(self.size.width, most), min(self.size.height, most)
        return max(2, across * width), max(2, down * height)

    def space(self) -> tuple[int, int]:
        """The room in squares, as wide as a picture's pixel."""
        width, height = self.room()
        return width, max(2, round(height * self.mode.tall))

    def _scale(self) -> float:
        picture = self.picture
        if picture is None:
            return 1.0
        width, height = self.space()
        w, h = picture.source_width, picture.source_height
        if self.looked_at is not None:
            w, h = self.looked_at[2:]
        return max(w / width, h / height)

    def _look(self, cx: float, cy: float, scale: float) -> None:
        picture = self.picture
        if picture is None:
            return
        width, height = self.space()
        whole = max(picture.source_width / width, picture.source_height / height)
        if scale >= whole:
            region = None
        else:
            w = min(picture.source_width, round(width * scale))
            h = min(picture.source_height, round(height * scale))
            x0 = min(max(0, round(cx - w / 2)), picture.source_width - w)
            y0 = min(max(0, round(cy - h / 2)), picture.source_height - h)
            region = (x0, y0, w, h)
        if region != self.looked_at:
            self.looked_at = region
            self.post_message(self.Wanted())

    def _center(self) -> tuple[float, float]:
        assert self.picture is not None
        x0, y0, w, h = self.looked_at or (
            0,
            0,
            self.picture.source_width,
            self.picture.source_height,
        )
        return x0 + w / 2, y0 + h / 2

    def look_at_scale(self, scale: float) -> None:
        """Show the middle, so many pixels of the file a pixel of the screen.

        Only where there are real pixels, and never smaller than fits the window.
        """
        if self.picture is not None and self._has_pixels:
            self._look(*self._center(), max(MAX_ZOOM, scale))

    def action_zoom(self, factor: float) -> None:
        """Look closer or from further away."""
        if self.picture is not None:
            self._look(*self._center(), max(MAX_ZOOM, self._scale() * factor))

    def action_fit(self) -> None:
        """Look at all of it."""
        if self.looked_at is not None:
            self.looked_at = None
            self.post_message(self.Wanted())

    def action_pan(self, x: int, y: int) -> None:
        """Move a third of the window."""
        if self.picture is None or self.looked_at is None:
            return
        cx, cy = self._center()
        _, _, w, h = self.looked_at
        self._look(cx + x * w / 3, cy + y * h / 3, self._scale())

    # mouse

    def on_mouse_scroll_up(self, event: MouseScrollUp) -> None:
        """Zoom in where the mouse is."""
        event.stop()
        self._zoom_at(event.x, event.y, 0.5)

    def on_mouse_scroll_down(self, event: MouseScrollDown) -> None:
        """Zoom out."""
        event.stop()
        self._zoom_at(event.x, event.y, 2.0)

    def on_click(self, event: Click) -> None:
        """Zoom in with two clicks."""
        if event.chain == 2:
            self._zoom_at(event.x, event.y, 0.5)

    def _zoom_at(self, x: int, y: int, factor: float) -> None:
        if self.picture is None:
            return
        scale = self._scale()
        width, height = self.space()
        cx, cy = self._center()
        across, down = self.cell
        dx = (x * across - width / 2) * scale
        dy = (y * down * self.mode.tall - height / 2) * scale
        new = max(MAX_ZOOM, scale * factor)
        keep = new / scale
        self._look(cx + dx * (1 - keep), cy + dy * (1 - keep), new)

    def on_mouse_down(self, event: MouseDown) -> None:
        """Take hold of the picture."""
        self._drag = (event.screen_x, event.screen_y)
        self.capture_mouse()

    def on_mouse_up(self, event: MouseUp) -> None:
        """Let go, and look there."""
        self.release_mouse()
        if self._drag is None or self.picture is None:
            return
        dx, dy = event.screen_x - self._drag[0], event.screen_y - self._drag[1]
        self._drag = None
        if self.looked_at is not None and (dx or dy):
            scale = self._scale()
            cx, cy = self._center()
            across, down = self.cell
            high = down * self.mode.tall
            self._look(cx - across * dx * scale, cy - high * dy * scale, scale)

    def on_mouse_move(self, event: MouseMove) -> None:
        """Nothing is drawn before one lets go."""
