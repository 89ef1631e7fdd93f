"""The Pictures tab of Class2D: class averages of any iteration, to choose from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Static

from remote.views import JobRow, Scores
from tui.charts import Line
from tui.messages import Answered, Refused
from tui.near_views import near_views
from tui.plain import plain
from tui.tile_orders import ORDERS, Tile
from tui.tile_sheet import full_caption
from tui.widgets.large_view import LargeView
from tui.widgets.lines import text_of
from tui.widgets.tile_view import TileView

if TYPE_CHECKING:
    from tui.app import CryodeckApp
    from tui.screens.job import JobScreen

_TILE_PX = 64
_ALIAS = "templates4autopick"  # as in RELION's tutorial
_LARGE_PX = 256
_ROOMY = 90  # columns from which the kind of pictures has room beside it all


class GalleryPane(Vertical):
    """Class averages with their numbers; marked ones become a Select job."""

    app: CryodeckApp
    DEFAULT_CSS = """
    GalleryPane { height: 1fr; }
    GalleryPane #gallery-status { height: 2; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("S", "select", "save selected classes"),
        Binding("s", "sort", "sort"),
        Binding("i,right_square_bracket", "iteration(1)", "iteration"),
        Binding(
            "I,left_square_bracket", "iteration(-1)", "previous iteration", show=False
        ),
        Binding("b", "best", "best by score"),
        Binding("m", "average", "average of marked", show=False),
        Binding("l", "unlike", "unmark look-alikes", show=False),
        Binding("B", "beside", "beside another job", show=False),
        Binding("w", "why", "why this kind of picture", show=False),
    ]

    def __init__(self, row: JobRow) -> None:
        super().__init__(id="pane-pictures")
        self.row = row
        self.iteration: int | None = None  # None: always the newest
        self.iterations: list[int] = []
        self.shown: int | None = None
        self.model = ""
        self._scores: dict[str, Scores] = {}  # by model file
        self._like: dict[int, int] = {}
        self._wanted_best = 0
        self._trouble = "reading …"
        self._is_average = False

    def compose(self) -> ComposeResult:
        """The sheet, one class large, words."""
        marked = self.app.marked_classes.setdefault(self.row.name, set())
        yield TileView(self.app.pictures, marked)
        yield LargeView(self.app.pictures)
        yield Static(id="gallery-status")

    @property
    def view(self) -> TileView:
        """The sheet."""
        return self.query_one(TileView)

    @property
    def large(self) -> LargeView:
        """One class."""
        return self.query_one(LargeView)

    def on_mount(self) -> None:
        """Ask for the newest iteration."""
        self._ask()

    def activate(self) -> None:
        """Come to the front."""
        (self.large if self.large.display else self.view).focus()

    def show_row(self, row: JobRow) -> None:
        """Show newer iterations of a running job, unless one looks at an older."""
        newer = row.progress != self.row.progress
        self.row = row
        if newer and self.display and self.iteration is None:
            self._ask()

    # questions and answers

    def ask(self) -> None:
        """Ask again for what could not be had."""
        if self._trouble:
            self._ask()

    def _ask(self) -> None:
        name, iteration = self.row.name, self.iteration
        self.app.bridge.ask(
            self, "gallery", lambda w: w.gallery(name, iteration, max_tile=_TILE_PX)
        )

    def on_answered(self, message: Answered) -> None:
        """Show what came."""
        message.stop()
        answer: Any = message.answer
        self._trouble = ""
        if message.what == "gallery":
            self._take_tiles(answer)
        elif message.what == "large":
            self._show_large(answer["tiles"][:1])
        elif message.what == "average":
            self._show_average(answer)
        elif message.what == "scores":
            self._take_scores(*answer)
        elif message.what == "selected":
            words = f"{answer} keeps the marked classes; it is running"
            self.app.notify(plain(words), markup=False, timeout=8)
        self._say()

    def on_refused(self, message: Refused) -> None:
        """Say why not."""
        message.stop()
        self._trouble = message.reason
        self._say()

    def _take_tiles(self, answer: dict[str, Any]) -> None:
        self.iterations = [int(i) for i in answer.get("iterations", [])]
        self.shown = answer.get("iteration")
        self.model = str(answer.get("model") or "")
        tiles: list[Tile] = list(answer.get("tiles", []))
        self._like = {}
        self._with_scores(tiles)
        if tiles and all(tile.get("error") for tile in tiles):
            self._trouble = str(tiles[0]["error"])
        self.view.show_tiles(tiles)
        self._compare()
        if self.large.display and not self._is_average:
            self._ask_large()

    @work(exclusive=True, group="alike")
    async def _compare(self) -> None:
        """Hint at classes that show the same view."""
        tiles = self.view.tiles
        self._like = await asyncio.to_thread(near_views, tiles)
        for tile in tiles:
            tile["like"] = self._like.get(int(tile["number"]))
        self.view.refresh_frames()
        self._say()

    def on_tile_view_moved(self) -> None:
        """Tell about the class under the cursor."""
        self._say()

    # large

    def on_tile_view_opened(self) -> None:
        """Show one class large."""
        self._is_average = False
        self._to_large()
        tile = self.view.current
        if tile is not None:
            self._show_large([tile])  # what is known at once, sharper when it comes
        self._ask_large()

    def _to_large(self) -> None:
        self.view.display = False
        self.large.display = True
        self.large.focus()

    def _ask_large(self) -> None:
        tile = self.view.current
        if tile is None:
            return
        name, iteration, number = self.row.name, self.shown, int(tile["number"])
        self.app.bridge.ask(
            self,
            "large",
            lambda w: w.gallery(name, iteration, max_tile=_LARGE_PX, numbers=(number,)),
        )

    def _show_large(self, tiles: list[Tile]) -> None:
        here = self.view.current
        if tiles and here is not None and tiles[0]["number"] == here["number"]:
            self.large.show_tiles(tiles, self._large_lines(here))

    def _large_lines(self, tile: Tile) -> list[Line]:
        number = int(tile["number"])
        is_marked = number in self.view.marked
        lines: list[Line] = [
            [(f"class {number}", "title"), ("  ✓ marked" if is_marked else "", "mark")],
            [],
        ]
        lines += [[(words, "text")] for words in full_caption(tile).split(" · ")[1:]]
        if number in self._like:
            lines += [[], [(f"the same view as class {self._like[number]}?", "warn")]]
        same = [str(a) for a, b in sorted(self._like.items()) if b == number]
        if same:
            lines += [[], [(f"also this view? {', '.join(same)}", "warn")]]
        return lines

    def on_large_view_closed(self) -> None:
        """Back to the sheet."""
        self.large.display = False
        self.large.show_tiles([], [])
        self.view.display = True
        self.view.focus()
        self._say()

    def on_large_view_stepped(self, message: LargeView.Stepped) -> None:
        """Show the next class large, in the order of the sheet."""
        if not self._is_average:
            self.view.action_move(message.step, 0)
            self.on_tile_view_opened()

    def on_large_view_marked(self) -> None:
        """Mark the class that is shown large."""
        tile = self.view.current
        if tile is not None and not self._is_average:
            self.view.action_mark()
            self.large.show_lines(self._large_lines(tile))

    # average of the marked

    def action_average(self) -> None:
        """Average the marked classes where the data are."""
        numbers = sorted(self.view.marked)
        if not numbers:
            self.app.notify("Mark classes with space first", timeout=4)
            return
        name, iteration = self.row.name, self.shown
        self.app.bridge.ask(
            self, "average", lambda w: w.class_average(name, numbers, iteration)
        )

    def _show_average(self, answer: dict[str, Any]) -> None:
        size = {"width": answer["width"], "height": answer["height"]}
        tiles: list[Tile] = [
            {"number": 0, "pixels": answer["pixels"], **size},
            {"number": 1, "pixels": answer["deviation_pixels"], **size},
        ]
        lines: list[Line] = [
            [
                (
                    f"{answer['count']} classes of iteration {answer['iteration']}",
                    "title",
                )
            ],
            [],
            [("left: average of their values", "text")],
            [(f"from {answer['lowest']:.3g} to {answer['highest']:.3g}", "dim")],
            [],
            [("right: standard deviation", "text")],
            [(f"{answer['deviation']:.3g} on average", "dim")],
            [],
            [("every class counts the same,", "faint")],
            [("none is turned or shifted", "faint")],
        ]
        self._is_average = True
        self._to_large()
        self.large.show_tiles(tiles, lines)

    # words

    def _say(self) -> None:
        view = self.view
        lines: list[Line] = [[(plain(self._trouble), "warn")], []]
        if not self._trouble:
            tile = view.current
            words = plain(full_caption(tile)) if tile else "no classes yet"
            lines = [[(words, "text" if tile else "dim")], self._state_line()]
            if tile and tile.get("like"):
                lines[0].append((f" · like class {tile['like']}", "warn"))
        text = text_of(self, lines)
        text.no_wrap, text.overflow = True, "ellipsis"
        self.query_one("#gallery-status", Static).update(text)

    def _state_line(self) -> Line:
        view = self.view
        chosen = view.chosen()
        share = sum(float(t.get("distribution") or 0) for t in chosen)
        newest = self.iterations[-1] if self.iterations else self.shown
        line: Line = [(f"iteration {self.shown}", "dim")]
        if newest != self.shown:
            line.append((f" of {newest}", "warn"))
        line.append((f" · by {view.order.words}", "faint"))
        if view.contrast:
            line.append((f" · contrast {view.contrast:+g}", "faint"))
        if chosen:
            words = f"   {len(chosen)} marked, {100 * share:.1f} %"
            words += " of the particles" if self.size.width >= _ROOMY else ""
            line.append((words, "mark"))
        elif self.size.width >= _ROOMY:
            line.append(("   space marks, ⏎ shows large", "faint"))
        line.append((self.app.pictures.words, "faint"))
        return line

    # actions

    def action_iteration(self, step: int) -> None:
        """Go to another iteration; the newest is followed while the job runs."""
        if not self.iterations:
            return
        at = self.iterations.index(self.shown) if self.shown in self.iterations else -1
        wanted = self.iterations[(at + step) % len(self.iterations)]
        self.iteration = None if wanted == self.iterations[-1] else wanted
        self._ask()

    def action_sort(self) -> None:
        """Take the next order that the classes have numbers for."""
        view = self.view
        usable = [
            o for o in ORDERS if any(t.get(o.key) is not None for t in view.tiles)
        ]
        if usable:
            at = usable.index(view.order) if view.order in usable else -1
            view.sort_by(usable[(at + 1) % len(usable)])
        self._say()

    def action_unlike(self) -> None:
        """Take the mark from classes that look like a larger one that is marked."""
        marked = self.view.marked
        twice = {n for n in marked if self._like.get(n) in marked}
        self.view.mark(marked - twice)
        words = f"{len(twice)} look like a larger marked class: not marked any more"
        self.app.notify(words if twice else "No two marked look alike", timeout=5)

    def action_best(self) -> None:
        """Mark the best classes by the engine's score."""
        from tui.screens.dialogs import AskLine

        def given(text: str | None) -> None:
            if text and text.isdecimal():
                self._wanted_best = int(text)
                self._ask_scores()

        hint = "The score of cryodeck's engine: contrast, center, detail, particles."
        self.app.push_screen(AskLine("Mark how many of the best?", "4", hint), given)

    def _ask_scores(self) -> None:
        model = self.model
        if model in self._scores:
            self._take_scores(model, self._scores[model])
            return
        self._trouble = "scoring …"
        self._say()

        async def question(w: Any) -> tuple[str, Scores]:
            return model, await w.class_scores(model)

        self.app.bridge.ask(self, "scores", question)

    def _take_scores(self, model: str, found: Scores) -> None:
        self._scores[model] = found
        scores = found.classes
        if model != self.model:
            return
        self._with_scores(self.view.tiles)
        best = sorted(scores, key=lambda n: (-scores[n], n))[: self._wanted_best]
        self.view.sort_by(ORDERS[4])
        self.view.mark({n for n in best if scores[n] > 0})

    def _with_scores(self, tiles: list[Tile]) -> None:
        known = self.model in self._scores
        scores = self._scores[self.model].classes if known else {}
        for tile in tiles:
            if int(tile["number"]) in scores:
                tile["score"] = scores[int(tile["number"])]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Look only, if one may only look."""
        return not (self.app.read_only and action == "select")

    def action_select(self) -> None:
        """Keep the marked classes as a Select job."""
        from tui.screens.keep_classes import KeepClasses, Kept

        view = self.view
        if not view.marked or not self.model:
            words = (
                "Mark classes with space first" if self.model else "No model file yet"
            )
            self.app.notify(words, timeout=4)
            return
        if self.shown == 0:
            words = "Iteration 0 is the start: no particle has a class yet"
            self.app.notify(words, timeout=4)
            return
        numbers = sorted(view.marked)
        share = sum(float(t.get("distribution") or 0) for t in view.chosen())
        model = self.model

        def decided(kept: Kept | None) -> None:
            if kept is not None:
                kept.keep(self, model, numbers)

        many = "1 class" if len(numbers) == 1 else f"{len(numbers)} classes"
        words = f"{many}, {100 * share:.1f} % of the particles"
        overview = self.app.bridge.overview
        taken = {row.alias for row in overview.jobs} if overview else set()
        alias = "" if f"Select/{_ALIAS}/" in taken else _ALIAS
        known = self._scores.get(model)
        dialog = KeepClasses(words, numbers, self.shown, alias, model, known)
        self.app.push_screen(dialog, decided)

    def action_beside(self) -> None:
        """Show which class of another classification each of these is."""
        from tui.screens.beside import show_beside

        screen: JobScreen = self.screen  # type: ignore[assignment]
        show_beside(self, screen.cluster, screen.project, self.row)

    def action_why(self) -> None:
        """Tell which kind of picture was chosen, and why."""
        from tui.screens.why_pictures import WhyPictures

        self.app.push_screen(WhyPictures())
