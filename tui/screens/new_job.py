"""The job types to choose from, as in RELION's left column."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.charts import Line
from tui.widgets.lines import text_of

WHAT = {
    "import": "Movies, micrographs, other files",
    "ctffind": "CTF of every micrograph, by CTFFIND or Gctf",
    "manualpick": "Pick particles by hand",
    "autopick": "Particles by Laplacian or by templates",
    "extract": "Cut particles out, rescale them",
    "class2d": "Average particles into 2D classes",
    "select": "Choose classes, micrographs or subsets",
}


class NewJob(ModalScreen[str | None]):
    """A type of job."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "cancel")]

    def compose(self) -> ComposeResult:
        """Types in the order of a project's steps."""
        from engine.jobs.registry import form_types

        options = []
        for number, job_type in enumerate(form_types(), 1):
            line: Line = [
                (f"{number} ", "key"),
                (job_type.title.ljust(22), "title"),
                (WHAT.get(job_type.key, ""), "dim"),
            ]
            options.append(Option(text_of(self, [line]), id=job_type.key))
        with Vertical(classes="dialog"):
            yield Static("New job", classes="dialog-title")
            yield OptionList(*options, compact=True)
            yield Static("⏎ opens its form, Esc goes back", classes="dialog-hint")

    def on_mount(self) -> None:
        """Choose by keys at once."""
        self.query_one(OptionList).focus()

    def on_key(self, event: Any) -> None:
        """Take a type by its number."""
        options = self.query_one(OptionList)
        if event.key.isdigit() and 1 <= int(event.key) <= options.option_count:
            event.stop()
            self.dismiss(options.get_option_at_index(int(event.key) - 1).id)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Answer."""
        self.dismiss(event.option_id)

    def action_give_up(self) -> None:
        """No new job."""
        self.dismiss(None)
