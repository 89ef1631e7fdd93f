"""The journal: every request to a cluster, the newest last; what it cost."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from remote.journal import last_records
from tui.charts import Line, wrapped
from tui.plain import plain, shortened
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import LinesView
from tui.words import count

if TYPE_CHECKING:
    from tui.app import CryodeckApp


AGAIN_S = 2.0  # until it is read again


class JournalScreen(Screen[None]):
    """What cryodeck has asked of the cluster."""

    app: CryodeckApp
    HELP_TEXT = (
        "One line per request to a cluster's agent: when, what, how long it took, how "
        "it ended, bytes received. The journal is a file on this machine; it holds no "
        "answers and nothing typed at a prompt."
    )
    DEFAULT_CSS = "JournalScreen LinesView { height: 1fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "refresh"),
        Binding("escape,q", "dismiss", "back"),
    ]

    def compose(self) -> ComposeResult:
        """The lines."""
        yield TopBar("cryodeck", "journal")
        yield LinesView(id="journal")
        yield KeyBar()

    def on_mount(self) -> None:
        """Read it, and go on reading."""
        self.action_again()
        self.set_interval(AGAIN_S, self.action_again)

    def on_resize(self) -> None:
        """Fit the lines to another width."""
        self.action_again()

    def action_again(self) -> None:
        """Read the newest lines."""
        from remote.places import state_home

        view = self.query_one(LinesView)
        follows = view.scroll_offset.y >= view.max_scroll_y - 1
        path = state_home() / "journal.jsonl"
        # the widget's own width is not known at first, nor whether its scrollbar shows
        width = self.size.width - 2 - view.scrollbar_size_vertical
        lines = [
            part
            for record in last_records(path)
            for part in wrapped(_line(record, width), width, 4)
        ]
        nothing: list[Line] = [[(f"nothing in {plain(path)} yet", "dim")]]
        view.show_lines(lines or nothing)
        view.focus()
        if follows:
            view.call_after_refresh(view.scroll_end, animate=False)


_ROOMY = 104  # columns from which every part has its place


def _line(record: dict[str, Any], width: int) -> Line:
    when = time.strftime("%m-%d %H:%M:%S", time.localtime(float(record.get("t", 0))))
    outcome = plain(record.get("outcome", ""))
    cluster, verb, about = (10, 24, 28) if width >= _ROOMY else (6, 17, 8)
    milliseconds = float(record.get("ms", 0))
    return [
        (f"{when}  ", "faint"),
        (
            shortened(plain(record.get("cluster", "")), cluster).ljust(cluster + 1),
            "dim",
        ),
        (shortened(plain(record.get("verb", "")), verb).ljust(verb + 1), "text"),
        (
            shortened(plain(record.get("subject", "")), about).ljust(about + 1),
            "accent2",
        ),
        (f"{milliseconds:7.0f} ms ", "warn" if milliseconds > 1000 else "dim"),
        (f"{count(float(record.get('received', 0))):>9} B  ", "faint"),
        (outcome, "dim" if outcome == "ok" else "bad"),
    ]
