"""The smallest application around one widget that shows pictures."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import ComposeResult
from textual.widget import Widget

from tui.graphics import PictureMode
from tui.pixel_app import PixelApp


class OneWidget(PixelApp[int]):
    """A terminal of one kind, filled by one widget."""

    def __init__(
        self, kind: Callable[[PictureMode], Widget], mode: PictureMode | None = None
    ) -> None:
        super().__init__(mode)
        self._kind = kind

    def compose(self) -> ComposeResult:
        """The widget alone."""
        yield self._kind(self.pictures)
