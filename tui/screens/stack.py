"""A stack of particles: page by page, by any column, to look at and to choose from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from remote.views import JobRow
from tui.charts import Line
from tui.messages import Answered, Refused
from tui.plain import plain
from tui.ticking import ranges_of
from tui.tile_orders import Order, Tile
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.large_view import LargeView
from tui.widgets.lines import text_of
from tui.widgets.tile_view import TileView
from tui.words import count, particles_of, plural

if TYPE_CHECKING:
    from remote.cluster import Cluster
    from tui.app import CryodeckApp

_PAGE = 100
_TILE_PX = 64
_OF_FILE = Order("number", "number", "", 0)
_MOST_RANGES = 4000  # characters of a form's field


class ParticleTiles(TileView):
    """One page; turning the marks over is about all pages."""

    class Inverted(Message):
        """All that is not marked is to be marked, on every page."""

    class Turned(Message):
        """Another page is wanted."""

        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def action_page_down(self) -> None:
        """Scroll down, at the end to the next page."""
        if self.scroll_offset.y >= self.max_scroll_y:
            self.post_message(self.Turned(1))
        else:
            super().action_page_down()

    def action_page_up(self) -> None:
        """Scroll up, at the beginning to the page before."""
        if self.scroll_offset.y <= 0:
            self.post_message(self.Turned(-1))
        else:
            super().action_page_up()

    def action_invert(self) -> None:
        """Mark the others, of all pages."""
        self.post_message(self.Inverted())


class StackScreen(Screen[None]):
    """Particles of one list; marks are kept from page to page."""

    app: CryodeckApp
    HELP_TEXT = (
        "n and p (or ] and [) turn the pages. s sorts the whole stack by a column, R "
        "reverses the order. Space marks a particle; v inverts the marks on all pages, "
        "so with nothing marked it marks everything. m shows the average of the marked "
        "particles (of all, if none is marked), not aligned: if they are white and "
        "centered, it is a white blob in the middle. S makes a Subset selection job of "
        "the marked particles."
    )
    DEFAULT_CSS = """
    StackScreen #stack-status {
        height: 2; width: 1fr; background: $surface; padding: 0 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right_square_bracket,n", "page(1)", "next page"),
        Binding("left_square_bracket,p", "page(-1)", "previous page", show=False),
        Binding("S", "select", "select marked"),
        Binding("s", "sort", "sort"),
        Binding("R", "reverse", "reverse order", show=False),
        Binding("m", "average", "average"),
        Binding("w", "why", "why this kind of picture", show=False),
        Binding("escape", "leave", "back"),
    ]

    def __init__(self, cluster: Cluster, project: str, row: JobRow) -> None:
        super().__init__()
        self.cluster, self.project, self.row = cluster, project, row
        self.path = particles_of(row)
        self.first = 0
        self.total = 0
        self.sort = ""
        self.is_descending = False
        self.columns: list[str] = []
        self._trouble = "reading …"

    def compose(self) -> ComposeResult:
        """Place, a page, its average, words, keys."""
        yield TopBar("cryodeck", self.cluster.name, self.project, self.path)
        yield ParticleTiles(self.app.pictures)
        yield LargeView(self.app.pictures)
        yield Static(id="stack-status")
        yield KeyBar()

    @property
    def tiles(self) -> ParticleTiles:
        """The page."""
        return self.query_one(ParticleTiles)

    @property
    def large(self) -> LargeView:
        """An average, or one particle."""
        return self.query_one(LargeView)

    def on_mount(self) -> None:
        """Ask for the first page."""
        self.tiles.focus()
        self._ask()

    def take(self, message: Message) -> None:
        """Nothing: a list of particles does not change."""

    def _ask(self) -> None:
        path, first, sort, down = self.path, self.first, self.sort, self.is_descending
        self.app.bridge.ask(
            self,
            "page",
            lambda w: w.particle_page(
                path,
                first=first,
                count=_PAGE,
                sort=sort,
                is_descending=down,
                max_tile=_TILE_PX,
            ),
        )

    def on_answered(self, message: Answered) -> None:
        """Show a page or an average."""
        message.stop()
        self._trouble = ""
        if message.what == "page":
            self._take_page(message.answer)
        elif message.what == "average":
            self._take_average(message.answer)
        self._say()

    def on_refused(self, message: Refused) -> None:
        """Say why not."""
        message.stop()
        self._trouble = message.reason
        self._say()

    def _take_page(self, answer: dict[str, Any]) -> None:
        self.total, self.first = int(answer["total"]), int(answer["first"])
        self.columns = [str(column) for column in answer["columns"]]
        tiles: list[Tile] = list(answer["tiles"])
        for tile in tiles:
            try:
                tile["value"] = float(tile["values"].get(self.sort, ""))
            except ValueError:
                tile["value"] = None
        view = self.tiles
        view.order = _OF_FILE
        if self.sort:
            words = self.sort.removeprefix("rln")
            view.order = Order("value", words, "", 2, is_descending=self.is_descending)
        view.cursor = 0
        view.tiles = []
        view.show_tiles(tiles)
        view.scroll_to(y=0, animate=False)

    def _take_average(self, answer: dict[str, Any]) -> None:
        size = {"width": answer["width"], "height": answer["height"]}
        tiles: list[Tile] = [
            {"number": 0, "pixels": answer["pixels"], **size},
            {"number": 1, "pixels": answer["deviation_pixels"], **size},
        ]
        total, averaged = int(answer["total"]), int(answer["count"])
        lines: list[Line] = [[(plural(total, "particle"), "title")]]
        if averaged < total:
            lines.append([(f"{count(averaged)} of them, evenly taken", "warn")])
        lines += [
            [],
            [("left: average of their values", "text")],
            [(f"from {answer['lowest']:.3g} to {answer['highest']:.3g}", "dim")],
            [],
            [("right: standard deviation", "text")],
            [(f"{answer['deviation']:.3g} on average", "dim")],
            [],
            [("none is turned or shifted: a white", "faint")],
            [("blob in the middle says that they", "faint")],
            [("are centered and white", "faint")],
        ]
        self._show_large(tiles, lines)

    def _show_large(self, tiles: list[Tile], lines: list[Line]) -> None:
        self.tiles.display = False
        self.large.display = True
        self.large.focus()
        self.large.show_tiles(tiles, lines)

    def on_tile_view_opened(self) -> None:
        """Show one particle large, with all that the list says of it."""
        tile = self.tiles.current
        if tile is None:
            return
        lines: list[Line] = [[(f"particle {tile['number']}", "title")], []]
        for label, text in tile["values"].items():
            name = label.removeprefix("rln")
            lines.append([(f"{name} ", "dim"), (plain(text, 60), "text")])
        self._show_large([tile], lines)

    def on_large_view_closed(self) -> None:
        """Back to the page."""
        self.large.display = False
        self.large.show_tiles([], [])
        self.tiles.display = True
        self.tiles.focus()
        self._say()

    def on_large_view_stepped(self, message: LargeView.Stepped) -> None:
        """Show the next particle large."""
        if len(self.large.tiles) == 1:
            self.tiles.action_move(message.step, 0)
            self.on_tile_view_opened()

    def on_large_view_marked(self) -> None:
        """Mark the particle that is shown large."""
        if len(self.large.tiles) == 1:
            self.tiles.action_mark()

    def on_tile_view_moved(self) -> None:
        """Tell about the particle under the cursor."""
        self._say()

    def on_particle_tiles_turned(self, message: ParticleTiles.Turned) -> None:
        """Turn the page."""
        self.action_page(message.step)

    def on_particle_tiles_inverted(self) -> None:
        """Turn the marks of all pages over."""
        view = self.tiles
        view.mark(set(range(1, self.total + 1)) - view.marked)

    # words

    def _say(self) -> None:
        view = self.tiles
        lines: list[Line] = [[(plain(self._trouble), "warn")], []]
        tile = view.current
        if not self._trouble and len(self.large.tiles) == 2:
            lines = [[("average and deviation", "title")], self._page_line()]
        elif not self._trouble:
            lines = [self._particle_line(tile), self._page_line()]
        text = text_of(self, lines)
        text.no_wrap, text.overflow = True, "ellipsis"
        self.query_one("#stack-status", Static).update(text)

    def _particle_line(self, tile: Tile | None) -> Line:
        if tile is None:
            return [("no particles", "dim")]
        values = tile["values"]
        line: Line = [(f"particle {tile['number']}", "title")]
        micrograph = str(values.get("rlnMicrographName", "")).rpartition("/")[2]
        if micrograph:
            line.append((f" of {plain(micrograph)}", "text"))
        if self.sort:
            name = self.sort.removeprefix("rln")
            line.append((f" · {name} {plain(values.get(self.sort, '-'))}", "mark"))
        if tile.get("error"):
            line.append((f" · {plain(tile['error'])}", "bad"))
        return line

    def _page_line(self) -> Line:
        view = self.tiles
        last = min(self.total, self.first + len(view.tiles))
        words = f"{self.first + 1} to {last} of {count(self.total)}"
        line: Line = [(words, "dim")]
        by = self.sort.removeprefix("rln") or "the file's order"
        arrow = " ↓" if self.is_descending else ""
        line.append((f" · by {by}{arrow}", "faint"))
        if view.marked:
            line.append((f"   {count(len(view.marked))} marked", "mark"))
        else:
            line.append(("   space marks, v marks all", "faint"))
        line.append((self.app.pictures.words, "faint"))
        return line

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Look only, if one may only look."""
        return not (self.app.read_only and action == "select")

    def action_page(self, step: int) -> None:
        """Turn the page."""
        first = self.first + step * _PAGE
        if 0 <= first < self.total:
            self.first = first
            self._ask()

    def action_sort(self) -> None:
        """Ask for the column to sort by."""
        from tui.screens.dialogs import Choose

        of_file = "the file's order"

        def chosen(label: str | None) -> None:
            if label:
                self.sort = "" if label == of_file else label
                self.first = 0
                self._ask()

        self.app.push_screen(
            Choose("Sort by", [of_file, *self.columns], self.sort), chosen
        )

    def action_reverse(self) -> None:
        """Sort the other way round."""
        if self.sort:
            self.is_descending = not self.is_descending
            self.first = 0
            self._ask()

    def action_average(self) -> None:
        """Average the marked particles, or all, where they are."""
        path = self.path
        marked = sorted(self.tiles.marked) or None
        if marked is not None and len(marked) == self.total:
            marked = None
        self._trouble = "averaging …"
        self._say()
        self.app.bridge.ask(self, "average", lambda w: w.particle_average(path, marked))

    def action_select(self) -> None:
        """Open the form of a Select job that keeps the marked."""
        from tui.screens.job import JobScreen

        numbers = ranges_of(self.tiles.marked)
        if not numbers:
            self.app.notify("Mark particles with space first", timeout=4)
            return
        if len(numbers) > _MOST_RANGES:
            words = "Too many separate particles for a form: select by a column's value"
            self.app.notify(words, severity="error", timeout=8)
            return
        values = {"fn_data": self.path, "cryodeck_rows": numbers}
        self.app.push_screen(
            JobScreen(
                self.cluster, self.project, None, new_type="select", values=values
            )
        )

    def action_why(self) -> None:
        """Tell which kind of picture was chosen, and why."""
        from tui.screens.why_pictures import WhyPictures

        self.app.push_screen(WhyPictures())

    def action_leave(self) -> None:
        """Back to the job."""
        self.dismiss(None)
