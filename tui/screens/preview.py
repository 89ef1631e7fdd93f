"""The Preview tab: what will stand in files and what will be executed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from tui.charts import Line, wrapped
from tui.messages import Answered, Refused
from tui.plain import plain, plain_lines
from tui.widgets.lines import LinesView, text_of

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from tui.app import CryodeckApp

_TITLES = {
    "commands": "Commands",
    "other commands": "The same by the other engine",
    "script": "Script that is submitted",
    "job.star": "job.star",
}


class PreviewPane(Vertical):
    """job.star, commands and script as they would be written now."""

    app: CryodeckApp
    DEFAULT_CSS = """
    PreviewPane { height: 1fr; }
    PreviewPane LinesView { height: 1fr; padding: 0 1; }
    PreviewPane #preview-status { height: 1; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "copy"),
    ]

    def __init__(self) -> None:
        super().__init__(id="pane-preview")
        self.texts: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """Lines and a status."""
        yield LinesView(id="preview")
        yield Static(id="preview-status", markup=False)

    def show(self, job: Job | str) -> None:
        """Ask how a form, or a job as it stands, would be executed."""
        self.query_one("#preview-status", Static).update("reading …")
        self.app.bridge.ask(self, "preview", lambda w: w.preview(job))

    def activate(self) -> None:
        """Come to the front."""
        self.query_one(LinesView).focus()

    def on_answered(self, message: Answered) -> None:
        """Show the texts, the commands first."""
        message.stop()
        given: dict[str, Any] = message.answer
        self.texts = {
            str(k): str(v) for k, v in given.items() if isinstance(v, str) and v
        }
        commands = given.get("commands")
        if isinstance(commands, list | tuple):
            self.texts["commands"] = "\n".join(str(c) for c in commands)
        order = [k for k in _TITLES if k in self.texts]
        order += [k for k in self.texts if k not in order]
        lines: list[Line] = []
        for key in order:
            lines += [[], [(plain(_TITLES.get(key, key)), "accent")]]
            lines += [
                [("  " + line, "dim" if line.lstrip().startswith("#") else "text")]
                for line in plain_lines(self.texts[key])
            ]
        self.query_one(LinesView).show_lines(lines)
        self.query_one("#preview-status", Static).update(
            "as it would be written now · y copies it"
        )

    def on_refused(self, message: Refused) -> None:
        """Say why there is none."""
        message.stop()
        line: Line = [(plain(message.reason), "warn")]
        lines = wrapped(line, max(20, self.size.width - 2), 2)
        self.query_one(LinesView).show_lines([[], *lines])
        self.query_one("#preview-status", Static).update(text_of(self, [[]]))

    def action_copy(self) -> None:
        """Send all of it to the terminal's clipboard."""
        from tui.clipboard import copy

        copy(self.app, "\n\n".join(self.texts.values()))
