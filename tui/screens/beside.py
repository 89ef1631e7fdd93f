"""Two 2D classifications side by side: each class next to the one it became."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Static

from tui.charts import Line
from tui.class_matches import ClassMatch, agreement, class_matches, summary_words
from tui.halfblocks import scaled
from tui.messages import Answered, Refused
from tui.plain import plain
from tui.tile_orders import ORDERS, Order, Tile
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.large_view import LargeView
from tui.widgets.lines import text_of
from tui.widgets.tile_view import TileView
from tui.words import how_far_words

if TYPE_CHECKING:
    from remote.cluster import Cluster
    from remote.views import HowFar, JobRow
    from tui.app import CryodeckApp

_TILE_PX, _LARGE_PX = 64, 256
_GAP_PX = 2
_PAIR_ORDERS = (
    ORDERS[0],
    Order("overlap", "overlap", "%", 0, is_descending=True),
    ORDERS[2],
    ORDERS[3],
)


class PairView(TileView):
    """Class averages of two jobs, two and two."""

    ASPECT = 2

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is marked here: classes are chosen in their own gallery."""
        return not ("mark" in action or action == "invert")

    def action_mark(self) -> None:
        """Nothing."""


class BesideScreen(Screen[None]):
    """Every class of a job beside the class of another that holds most of it."""

    app: CryodeckApp
    HELP_TEXT = (
        "Left a class of the first job, right that class of the second which holds "
        "most of its particles, with the share that it holds. Particles are the same "
        "by their image; after another extraction by their place, within 40 Å."
    )
    DEFAULT_CSS = """
    BesideScreen #beside-status { height: 3; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort", "sort"),
        Binding("x", "turn", "other way round"),
        Binding("escape", "dismiss", "back"),
    ]

    def __init__(self, cluster: Cluster, project: str, names: tuple[str, str]) -> None:
        super().__init__()
        self.cluster, self.project, self.names = cluster, project, names
        self._said: dict[str, Any] | None = None
        self._sheets: tuple[dict[int, Tile], dict[int, Tile]] = ({}, {})
        self._matches: dict[int, ClassMatch] = {}
        self._is_turned = False
        self._trouble, self._far = "", ""

    def compose(self) -> ComposeResult:
        """Place, pairs, one pair large, words, keys."""
        yield TopBar("cryodeck", self.cluster.name, self.project, "classes beside")
        yield PairView(self.app.pictures, set())
        yield LargeView(self.app.pictures, can_mark=False)
        yield Static(id="beside-status")
        yield KeyBar()

    @property
    def view(self) -> PairView:
        """The pairs."""
        return self.query_one(PairView)

    @property
    def large(self) -> LargeView:
        """One pair."""
        return self.query_one(LargeView)

    @property
    def shown_names(self) -> tuple[str, str]:
        """The job on the left and the one on the right."""
        return self.names[::-1] if self._is_turned else self.names

    def on_mount(self) -> None:
        """Ask which classes belong together, and for their averages."""
        self.view.focus()
        first, second = self.names

        async def question(w: Any) -> tuple[Any, Any, Any]:
            said = await w.class_overlap(first, second, on_progress=self._tell)
            sheets = await asyncio.gather(
                *(
                    w.gallery(name, number, max_tile=_TILE_PX)
                    for name, number in zip(self.names, said["iterations"], strict=True)
                )
            )
            return said, *sheets

        self.app.bridge.ask(self, "beside", question)
        self._say()

    def _tell(self, far: HowFar) -> None:
        self._far = f"comparing: {how_far_words(far)} …"
        if self.is_attached:
            self._say()

    def on_answered(self, message: Answered) -> None:
        """Show what came."""
        message.stop()
        if message.what == "beside":
            self._said, *sheets = message.answer
            first, second = (
                {int(tile["number"]): tile for tile in sheet["tiles"]}
                for sheet in sheets
            )
            self._sheets = (first, second)
            self._pair()
        elif message.what == "large pair":
            self._show_large(message.answer)
        self._say()

    def on_refused(self, message: Refused) -> None:
        """Say why not."""
        message.stop()
        self._trouble = message.reason
        self._say()

    def _pair(self) -> None:
        """Put every class beside its best match."""
        assert self._said is not None
        side = int(self._is_turned)
        found = class_matches(self._said, side)
        self._matches = {match.number: match for match in found}
        own, theirs = self._sheets[side], self._sheets[1 - side]
        self.view.show_tiles(
            [
                paired(own[match.number], theirs.get(match.best), match)
                for match in found
                if match.number in own
            ]
        )

    # words

    def _say(self) -> None:
        self.query_one("#beside-status", Static).update(text_of(self, self._words()))

    def _words(self) -> list[Line]:
        if self._trouble:
            return [[(plain(self._trouble), "warn")]]
        if self._said is None:
            return [[(self._far or "comparing …", "dim")]]
        first, second = map(plain, self.shown_names)
        lines: list[Line] = [[(first, "text"), (" → ", "faint"), (second, "bar2")]]
        index = agreement(self._said)
        if index is not None:
            lines[0] += [("   agreement ", "dim"), (f"{index:.3f}", "title")]
        lines[0].append((f"   by {self.view.order.words}", "faint"))
        lines.append([(summary_words(self._said), "dim")])
        match = self._here()
        return [*lines, match_line(match)] if match is not None else lines

    def _here(self) -> ClassMatch | None:
        tile = self.view.current
        return self._matches.get(int(tile["number"])) if tile else None

    def on_tile_view_moved(self) -> None:
        """Tell about the pair under the cursor."""
        self._say()

    # one pair large

    def on_tile_view_opened(self) -> None:
        """Show the pair large."""
        match = self._here()
        if match is None or self._said is None:
            return
        self.view.display, self.large.display = False, True
        self.large.focus()
        turn = -1 if self._is_turned else 1
        numbers = (match.number, match.best)
        known = [
            sheet[number]
            for sheet, number in zip(self._sheets[::turn], numbers, strict=True)
            if number in sheet
        ]
        self._show_large((match.number, known))
        iterations = self._said["iterations"][::turn]

        async def question(w: Any) -> tuple[int, list[Tile]]:
            found = await asyncio.gather(
                *(
                    w.gallery(name, iteration, max_tile=_LARGE_PX, numbers=(number,))
                    for name, number, iteration in zip(
                        self.shown_names, numbers, iterations, strict=True
                    )
                    if number
                )
            )
            return match.number, [tile for one in found for tile in one["tiles"][:1]]

        self.app.bridge.ask(self, "large pair", question)

    def _show_large(self, answer: tuple[int, list[Tile]]) -> None:
        number, tiles = answer
        match = self._here()
        if match is None or match.number != number or not self.large.display:
            return
        shown = [{**tile, "number": i} for i, tile in enumerate(tiles)]
        self.large.show_tiles(shown, pair_lines(match, self.shown_names))

    def on_large_view_closed(self) -> None:
        """Back to all pairs."""
        self.large.display = False
        self.large.show_tiles([], [])
        self.view.display = True
        self.view.focus()
        self._say()

    def on_large_view_stepped(self, message: LargeView.Stepped) -> None:
        """Show the next pair large."""
        self.view.action_move(message.step, 0)
        self.on_tile_view_opened()

    # actions

    def action_sort(self) -> None:
        """Take the next order."""
        at = _PAIR_ORDERS.index(self.view.order)
        self.view.sort_by(_PAIR_ORDERS[(at + 1) % len(_PAIR_ORDERS)])
        self._say()

    def action_turn(self) -> None:
        """Ask of the second job's classes where they are in the first."""
        if self._said is not None and not self.large.display:
            self._is_turned = not self._is_turned
            self._pair()
            self._say()


def paired(tile: Tile, other: Tile | None, match: ClassMatch) -> Tile:
    """Two averages as one picture, with what they share as its caption."""
    width, height = int(tile["width"]), int(tile["height"])
    left = bytes(tile["pixels"])
    ground = left[:1] or b"\0"
    right, caption = ground * (width * height), f"{match.number} → none"
    if other is not None:
        size = int(other["width"]), int(other["height"])
        right = bytes(scaled(bytes(other["pixels"]), *size, width, height))
        caption = f"{match.number} → {match.best} {100 * match.share:.0f}%"
    gap = b"\0" * _GAP_PX
    rows = (
        left[at : at + width] + gap + right[at : at + width]
        for at in range(0, width * height, width)
    )
    return {
        **{key: tile.get(key) for key in ("number", "distribution", "resolution")},
        "overlap": match.overlap,
        "caption": caption,
        "width": 2 * width + _GAP_PX,
        "height": height,
        "pixels": b"".join(rows),
    }


def match_line(match: ClassMatch) -> Line:
    """What a pair shares, in a line."""
    line: Line = [(f"class {match.number}: {match.particles} particles", "text")]
    if not match.best:
        return [*line, (", none of which the other job has", "warn")]
    of_both = "" if match.is_whole else f"of {match.in_both} in both "
    line += [
        (f"; {of_both}{100 * match.share:.0f} % in class {match.best}", "title"),
        (f", {100 * match.share_of_best:.0f} % of it", "bar2"),
    ]
    if match.also:
        others = ", ".join(f"{100 * share:.0f} % in {n}" for n, share in match.also)
        line.append((f"; {others}", "dim"))
    return line


def pair_lines(match: ClassMatch, names: tuple[str, str]) -> list[Line]:
    """All numbers of a pair, beside its two pictures."""

    def angstrom(value: float | None) -> str:
        return f"{value:.1f} Å" if value is not None else "no resolution"

    lines: list[Line] = [
        [(plain(names[0]), "dim")],
        [(f"class {match.number}", "title")],
        [(f"{match.particles} particles, {angstrom(match.resolution)}", "text")],
        [],
        [(plain(names[1]), "dim")],
    ]
    if not match.best:
        return [*lines, [("has none of its particles", "warn")]]
    in_both = "" if match.is_whole else "'s in both"
    lines += [
        [(f"class {match.best}", "title")],
        [
            (f"{match.best_particles} particles, ", "bar2"),
            (angstrom(match.best_resolution), "bar2"),
        ],
        [],
        [(f"{match.shared} in both", "title")],
        [(f"{100 * match.share:.0f} % of the first{in_both}", "text")],
        [(f"{100 * match.share_of_best:.0f} % of the second", "bar2")],
        [(f"overlap {100 * match.overlap:.0f} %", "dim")],
    ]
    for number, share in match.also:
        lines.append([(f"{100 * share:.0f} % in class {number}", "dim")])
    return lines


def show_beside(asker: Widget, cluster: Cluster, project: str, row: JobRow) -> None:
    """Ask for another classification, and show both side by side."""
    from tui.screens.dialogs import ask_other_job

    app: CryodeckApp = asker.app  # type: ignore[assignment]

    def show(name: str) -> None:
        app.push_screen(BesideScreen(cluster, project, (row.name, name)))

    ask_other_job(asker, row, f"{row.name}: beside", show)
