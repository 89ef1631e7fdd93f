"""Which terminal this is, what it answered, how pictures are drawn, and other ways."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.charts import Line
from tui.graphics import ADVICE, KINDS, terminal_name
from tui.halfblocks import Canvas
from tui.plain import plain
from tui.settings import remember_pictures
from tui.widgets.large_view import LargeView
from tui.widgets.lines import text_of

if TYPE_CHECKING:
    from tui.app import CryodeckApp

_WORDS = {
    "kitty": "kitty's pixels: kitty, WezTerm, Ghostty, Konsole",
    "sixel": "sixel pixels: xterm -ti vt340, foot, mlterm, Windows Terminal",
    "blocks": "half-blocks: two pixels in every cell, everywhere",
    "grey": "half-blocks in grey: picks are white, where colors mislead",
    "ascii": "letters: where there is neither color nor Unicode",
    "none": "no pictures: the numbers and the places of picks alone",
    "": "as the terminal says",
}


class WhyPictures(ModalScreen[None]):
    """Facts, and a list to choose from; what is chosen is tried at once."""

    app: CryodeckApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,w,q", "app.pop_screen", "close")
    ]

    def compose(self) -> ComposeResult:
        """Facts, then the ways."""
        mode = self.app.pictures
        facts: list[Line] = [
            [(label.ljust(13), "dim"), (plain(words), "text")]
            for label, words in (
                ("Terminal", terminal_name(os.environ)),
                ("It answered", mode.answers.words()),
                ("Drawn in", f"{mode.name}. {mode.reason}"),
                ("Change", ADVICE),
            )
        ]
        with Vertical(classes="dialog"):
            yield Static("How pictures are drawn here", classes="dialog-title")
            yield Static(text_of(self, facts))
            yield Static("Try another way now:", classes="dialog-hint")
            yield OptionList(
                *[Option(_WORDS[kind], id=kind or "auto") for kind in (*KINDS, "")],
                compact=True,
            )

    def on_mount(self) -> None:
        """Start at what is in use."""
        options = self.query_one(OptionList)
        options.focus()
        options.highlighted = KINDS.index(self.app.pictures.kind)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Try what was chosen."""
        kind = str(event.option.id)
        before = self.app.pictures
        self.app.pop_screen()
        if kind == "auto":
            remember_pictures(terminal_name(os.environ), "")
            self.app.notify("The terminal is asked at the next start.", timeout=6)
            return
        self.app.set_pictures(before.instead(kind, "Chosen here."))
        self.app.push_screen(DoYouSee(before))


class DoYouSee(ModalScreen[None]):
    """A test picture and the question whether it is seen; the answer is kept."""

    app: CryodeckApp
    DEFAULT_CSS = """
    DoYouSee { align: center middle; }
    DoYouSee LargeView { display: block; height: 8; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes, keep it", priority=True),
        Binding("n,escape", "answer(False)", "no, as before", priority=True),
    ]

    def __init__(self, before: object) -> None:
        super().__init__()
        self._before = before

    def compose(self) -> ComposeResult:
        """The picture between two lines."""
        with Vertical(classes="dialog"):
            yield Static("Do you see a white ring on grey?", classes="dialog-title")
            yield LargeView(self.app.pictures)
            yield Static(
                "y keeps this way for this terminal, n goes back to the one before.",
                classes="dialog-hint",
            )

    def on_mount(self) -> None:
        """Draw the ring."""
        canvas = Canvas(64, 64, ground=90)
        for radius in (20.0, 21.0, 22.0, 23.0):
            canvas.circle(32, 32, radius, (255, 255, 255))
        pixels = bytearray(canvas.grey)
        for at in canvas.marks:
            pixels[at] = 255
        tile = {"number": 0, "width": 64, "height": 64, "pixels": bytes(pixels)}
        self.query_one(LargeView).show_tiles([tile], [])

    def action_answer(self, is_seen: bool) -> None:
        """Keep this way, or go back."""
        self.app.pop_screen()
        if is_seen:
            remember_pictures(terminal_name(os.environ), self.app.pictures.kind)
        else:
            self.app.set_pictures(self._before)  # type: ignore[arg-type]
