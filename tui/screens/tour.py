"""A short tour for newcomers: five pages over whatever is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from remote.places import make_private, state_home
from tui.charts import Line
from tui.widgets.lines import text_of

if TYPE_CHECKING:
    from tui.app import CryodeckApp

PAGES: tuple[tuple[str, str], ...] = (
    (
        "Welcome to cryodeck",
        "A RELION project, worked on from here: what RELION's GUI does, without a "
        "graphical desktop, over SSH.\n\nKeys stand in the lowest line of every view, "
        "? lists all of them, ^P finds one by its name, : takes a command. Esc always "
        "goes back. The mouse works too.",
    ),
    (
        "Jobs",
        "The list shows every job with a verdict: from RELION's pipeline, its marker "
        "files, the scheduler and the exit status. What you see carries its age, at "
        "the upper right.\n\nEnter opens a job, n starts a new one, x offers what "
        "usually comes next, v shows the logs of all that run.",
    ),
    (
        "Forms",
        "A form has RELION's tabs, labels and words. Fields that do not count are "
        "grey, and the help says why. Mistakes are named as you type.\n\nThe line "
        "below says what Run! or Continue! will keep, do again or overwrite. ^R runs, "
        "^S keeps a draft, ^O shows the files that fit a field.",
    ),
    (
        "Results",
        "A job's tabs are the digits 1 to 6: overview, form, preview of the command "
        "and script, log, statistics, pictures.\n\nH on a picking job opens the "
        "threshold hunt: thresholds and distances tried on the stored picks, counts "
        "and circles at once, Continue! with one key.",
    ),
    (
        "Nothing is lost",
        "Closing cryodeck never stops a job. A lost link freezes the view and says "
        "so; without any link the last known state stands there with its date. "
        "Deleted jobs are in the Trash.\n\n`cryodeck --help` has a command for "
        "everything here; `cryodeck demo` makes a project to practice on.",
    ),
)


def was_seen() -> bool:
    """Whether the tour was shown on this machine."""
    return (state_home() / "tour-seen").exists()


def note_seen() -> None:
    """Do not show it by itself again."""
    import contextlib

    with contextlib.suppress(OSError):
        make_private(state_home())
        (state_home() / "tour-seen").touch()


class Tour(ModalScreen[None]):
    """One page at a time."""

    app: CryodeckApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,enter,space,n", "page(1)", "next page"),
        Binding("left,p", "page(-1)", "page before"),
        Binding("escape,q", "dismiss", "end the tour"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.page = 0

    def compose(self) -> ComposeResult:
        """A box."""
        with Vertical(classes="dialog"):
            yield Static(id="tour-title", classes="dialog-title")
            yield Static(id="tour-text")
            yield Static(id="tour-foot", classes="dialog-hint")

    def on_mount(self) -> None:
        """Show the first page."""
        note_seen()
        self._write()

    def _write(self) -> None:
        title, text = PAGES[self.page]
        self.query_one("#tour-title", Static).update(title)
        lines: list[Line] = [[(part, "text")] for part in text.split("\n")]
        self.query_one("#tour-text", Static).update(text_of(self, lines))
        dots = "●".join(["○" * self.page, "○" * (len(PAGES) - self.page - 1)])
        foot: Line = [
            (dots, "accent"),
            ("    → ", "key"),
            *(
                [("begin; :tour shows this again", "dim")]
                if self.page == len(PAGES) - 1
                else [
                    ("next   ", "dim"),
                    ("esc ", "key"),
                    ("ends the tour; :tour shows it again", "dim"),
                ]
            ),
        ]
        self.query_one("#tour-foot", Static).update(text_of(self, [foot]))

    def action_page(self, step: int) -> None:
        """Turn the page; after the last one the tour is over."""
        if self.page + step >= len(PAGES):
            self.dismiss()
            return
        self.page = max(0, self.page + step)
        self._write()
