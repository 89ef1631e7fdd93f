"""The Pictures tab of Class2D: the class averages, best filled first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from remote.views import JobRow
from tui.charts import Line
from tui.messages import Answered, Refused
from tui.plain import plain
from tui.widgets.lines import text_of
from tui.widgets.tile_view import TileView

if TYPE_CHECKING:
    from tui.app import CryodeckApp


class GalleryPane(Vertical):
    """Class averages with share and resolution; space marks them."""

    app: CryodeckApp
    DEFAULT_CSS = """
    GalleryPane { height: 1fr; }
    GalleryPane #gallery-status { height: 2; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("i", "iteration(1)", "iteration"),
        Binding("I", "iteration(-1)", "iteration before", show=False),
        Binding("s", "sort", "sort"),
        Binding("S", "select", "keep the marked"),
    ]

    def __init__(self, row: JobRow) -> None:
        super().__init__(id="pane-pictures")
        self.row = row
        self.iteration: int | None = None
        self.iterations: list[int] = []
        self._trouble = "reading …"

    def compose(self) -> ComposeResult:
        """Tiles and their words."""
        yield TileView(ascii_only=self.app.ascii_only)
        yield Static(id="gallery-status")

    def on_mount(self) -> None:
        """Ask for the newest iteration."""
        self._ask()

    def activate(self) -> None:
        """Come to the front."""
        self.query_one(TileView).focus()

    def show_row(self, row: JobRow) -> None:
        """Show newer iterations of a running job, unless one looks at an older."""
        newer = row.progress != self.row.progress
        self.row = row
        if newer and self.display and self.iteration is None:
            self._ask()

    def _ask(self) -> None:
        name, iteration = self.row.name, self.iteration
        self.app.bridge.ask(
            self, "gallery", lambda w: w.gallery(name, iteration, max_tile=64)
        )

    def on_answered(self, message: Answered) -> None:
        """Show the tiles."""
        message.stop()
        answer: dict[str, Any] = message.answer
        self._trouble = ""
        self.iterations = [int(i) for i in answer.get("iterations", [])]
        self.shown = answer.get("iteration")
        self.query_one(TileView).show_tiles(list(answer.get("tiles", [])))
        self._say()

    def on_refused(self, message: Refused) -> None:
        """Say why there are none."""
        message.stop()
        self._trouble = message.reason
        self._say()

    def on_tile_view_moved(self) -> None:
        """Tell about the class under the cursor."""
        self._say()

    def _say(self) -> None:
        view = self.query_one(TileView)
        lines: list[Line] = [[(plain(self._trouble), "warn")]]
        if not self._trouble:
            tile = view.current
            lines = [[(view.caption(tile), "text") if tile else ("no classes", "dim")]]
            chosen = view.marked_words()
            lines.append(
                [
                    (f"iteration {getattr(self, 'shown', '')}", "dim"),
                    (f" · {view.sort_words}", "faint"),
                    (
                        f"   {chosen}" if chosen else "   space marks",
                        "mark" if chosen else "faint",
                    ),
                ]
            )
        self.query_one("#gallery-status", Static).update(text_of(self, lines))

    def action_iteration(self, step: int) -> None:
        """Go to another iteration."""
        if not self.iterations:
            return
        shown = getattr(self, "shown", None)
        at = self.iterations.index(shown) if shown in self.iterations else -1
        self.iteration = self.iterations[(at + step) % len(self.iterations)]
        self._ask()

    def action_sort(self) -> None:
        """Take the next order."""
        self.query_one(TileView).next_sort()
        self._say()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Look only, if one may only look."""
        return not (self.app.read_only and action == "select")

    def action_select(self) -> None:
        """Open the form of a Select job that keeps the marked classes."""
        from tui.screens.job import JobScreen

        view, screen = self.query_one(TileView), self.screen
        models = sorted(
            node.name
            for node in self.row.outputs
            if node.name.endswith(("_optimiser.star", "_model.star"))
        )
        if not view.marked or not models:
            words = "Mark classes with space first" if models else "No model file yet"
            self.app.notify(words, timeout=4)
            return
        assert isinstance(screen, JobScreen)
        values = {
            "fn_model": models[-1],
            "cryodeck_classes": ",".join(str(n) for n in sorted(view.marked)),
        }
        self.app.push_screen(
            JobScreen(
                screen.cluster, screen.project, None, new_type="select", values=values
            )
        )
