"""How a job was made, from the import on; and the commands that repeat it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import Screen

from tui.charts import Line, wrapped
from tui.messages import Answered, Refused
from tui.notebook import Page, as_commands, as_markdown, pages
from tui.plain import at_home_there, plain
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import LinesView

if TYPE_CHECKING:
    from remote.cluster import Cluster
    from tui.app import CryodeckApp

_WITH_PICTURES = "`cryodeck notebook -o FILE` adds pictures of picks and classes."
_LABEL = 44  # columns of a parameter's label


class NotebookScreen(Screen[None]):
    """A job's history as text, to read, to copy, to keep."""

    app: CryodeckApp
    HELP_TEXT = (
        "What went into a job, from the import on: parameters that are not RELION's "
        "defaults, commands, results, notes, what was done by hand. t shows it as "
        "commands that do it all again in another project."
    )
    DEFAULT_CSS = "NotebookScreen LinesView { height: 1fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "other", "as commands / as text"),
        Binding("y", "copy", "copy"),
        Binding("e", "export", "write to a file"),
        Binding("r", "again", "refresh"),
        Binding("escape,q", "dismiss", "back"),
    ]

    def __init__(self, cluster: Cluster, project: str, name: str = "") -> None:
        super().__init__()
        self.cluster, self.project, self.job = cluster, project, name
        self.pages: tuple[Page, ...] = ()
        self.is_script = False
        self._trouble = ""

    def compose(self) -> ComposeResult:
        """The lines."""
        yield TopBar("cryodeck", self.cluster.name, self.project, self.job, "notebook")
        yield LinesView(id="notebook")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask for the forms and notes."""
        self.query_one(LinesView).focus()
        self.action_again()

    def on_resize(self, event: Resize) -> None:
        """Wrap anew."""
        self._write()

    def action_again(self) -> None:
        """Put it together from the jobs as they stand now."""
        overview = self.app.bridge.overview
        rows = overview.jobs if overview is not None else ()
        self.app.bridge.ask(self, "notebook", lambda w: pages(w, rows, self.job))

    def on_answered(self, message: Answered) -> None:
        """Show it."""
        self.pages, self._trouble = message.answer, ""
        self._write()

    def on_refused(self, message: Refused) -> None:
        """Say why there is none."""
        self._trouble = message.reason
        self._write()

    @property
    def text(self) -> str:
        """The notebook, or the script."""
        overview = self.app.bridge.overview
        if self.is_script:
            return as_commands(self.pages, overview.version if overview else "4.0")
        project = at_home_there(self.project, self.app.bridge.home)
        return as_markdown(project, self.pages)

    def _write(self) -> None:
        view = self.query_one(LinesView)
        width = view.size.width - 1  # the scrollbar stands there when there is more
        if width < 10:
            return
        if not self.pages:
            words = plain(self._trouble or "reading forms and notes …")
            view.show_lines([[(words, "warn" if self._trouble else "dim")]])
            return
        lines: list[Line] = []
        for text in self.text.splitlines():
            lines += wrapped(_line(plain(text), self.is_script), width, 4)
        view.show_lines(lines)

    # actions

    def action_other(self) -> None:
        """Show the commands instead of the text, or back."""
        self.is_script = not self.is_script
        self._write()
        self.query_one(LinesView).scroll_home(animate=False)

    def action_copy(self) -> None:
        """Send what is shown to the terminal's clipboard."""
        from tui.clipboard import copy

        if self.pages:
            copy(self.app, self.text)

    def action_export(self) -> None:
        """Write what is shown to a file on this machine."""
        from tui.screens.to_file import ask_where

        if self.pages:
            job = self.job.replace("/", "_") or "project"
            name = f"{job}_again.sh" if self.is_script else f"{job}_notebook.md"
            title = "Write to a file on this machine"
            hint = "" if self.is_script else _WITH_PICTURES
            ask_where(self.app, title, name, lambda _: self.text, hint=hint)


def _line(text: str, is_script: bool) -> Line:
    if is_script:
        return [(text, "dim" if text.startswith("#") else "text")]
    if text.startswith("#"):
        return [(text.lstrip("# "), "accent")]
    if text.startswith("    "):
        return [(text, "dim")]
    if not text.startswith("|"):
        return [(text, "text")]
    if text.startswith("|---"):
        return []
    label, value, _ = (cell.strip() for cell in text.strip("|").split(" | ", 2))
    is_head = label.startswith("parameter")
    return [
        (f"  {label.ljust(_LABEL)} ", "faint" if is_head else "dim"),
        (value.replace("\\|", "|"), "faint" if is_head else "title"),
    ]
