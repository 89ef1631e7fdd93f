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
        "cryodeck opens RELION projects where they lie: you can do here what RELION's "
        "GUI does, over SSH and without a graphical desktop.\n\nThe bottom line of "
        "every view shows its most useful keys; ? lists all of them, ^P finds an "
        "action by name, and : takes a command. Esc always goes back. The mouse "
        "works too.",
    ),
    (
        "Jobs",
        "The list shows each job with its state. The state is worked out from RELION's "
        "pipeline, its marker files, the scheduler and the exit status; the top right "
        "corner says how old the information is.\n\nEnter opens a job, n starts a new "
        "one, x suggests what usually comes next, v shows the logs of all running "
        "jobs.",
    ),
    (
        "Forms",
        "Forms have RELION's tabs and labels. Options without effect are grayed out, "
        "and the help says why. Mistakes are pointed out as you type.\n\nThe line at "
        "the bottom says what Run! or Continue! will keep, redo or overwrite. ^R is "
        "Run!, ^S saves a draft, ^O lists the files that fit a field.",
    ),
    (
        "Results",
        "The digits 1 to 6 are a job's tabs: overview, form, preview of the command "
        "and script, log, statistics, pictures.\n\nH on a picking job opens the "
        "threshold hunt: try thresholds and distances on the stored picks, see counts "
        "and circles at once, and press Enter to Continue! with them.",
    ),
    (
        "Nothing is lost",
        "Closing cryodeck never stops a job. If the link is lost, the view stays as it "
        "was and says so, and cryodeck reconnects. Deleted jobs go to the project's "
        "Trash and can be brought back.\n\nEverything here is also a command: see "
        "`cryodeck --help`. `cryodeck demo` makes a project to practice on.",
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
        Binding("left,p", "page(-1)", "previous page"),
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
