"""The Pictures tab: a micrograph with its picks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Click, Resize
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Static

from engine.project.picks_file import FOM
from remote.views import HowFar, JobRow, Picks
from tui.charts import Line, bar, progress_bar
from tui.messages import Answered, Refused
from tui.picking import Colors, Display
from tui.plain import plain, shortened
from tui.screens.looking import (
    LOOKING_BINDINGS,
    PICTURES,
    Looking,
    LookingKeys,
    ask_colors,
    circle_diameter,
    color_line,
    color_name,
)
from tui.widgets.lines import LinesView, strip_of, text_of
from tui.widgets.picture_view import PictureView
from tui.words import count, how_far_words, is_active

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from tui.app import CryodeckApp

LIST_WIDTH = 32


#: what is asked beside the pictures, and missed by nobody
_ASIDE = {"form", "display", "ahead"}


class MicrographList(LinesView):
    """Micrographs with their picks as bars."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "next", show=False),
        Binding("up,k", "move(-1)", "previous", show=False),
    ]

    class Chosen(Message):
        """Another micrograph is to be shown."""

        def __init__(self, index: int) -> None:
            super().__init__()
            self.index = index

    def __init__(self) -> None:
        super().__init__(id="micrographs")
        self.items: list[dict[str, Any]] = []
        self.cursor = 0

    def show_items(self, items: list[dict[str, Any]]) -> None:
        """Put micrographs in; the cursor stays on its own."""
        self.items = items
        self.show_lines([[] for _ in items])

    def action_move(self, step: int) -> None:
        """Go to another micrograph."""
        self.go_to(self.cursor + step)

    def go_to(self, index: int) -> None:
        """Choose a micrograph."""
        if not self.items:
            return
        index = max(0, min(index, len(self.items) - 1))
        if index != self.cursor:
            self.cursor = index
            top, height = self.scroll_offset.y, max(1, self.size.height)
            if index < top:
                self.scroll_to(y=index, animate=False)
            elif index >= top + height:
                self.scroll_to(y=index - height + 1, animate=False)
            self.refresh()
            self.post_message(self.Chosen(index))

    def on_click(self, event: Click) -> None:
        """Choose by mouse."""
        self.go_to(event.y + self.scroll_offset.y)

    def render_line(self, y: int) -> Strip:
        """One micrograph."""
        at, width = y + self.scroll_offset.y, self.size.width
        if at >= len(self.items):
            return strip_of(self, [], width)
        item = self.items[at]
        picks = item.get("picks")
        most = max((float(i.get("picks") or 0) for i in self.items), default=1.0)
        name = plain(item["name"]).rpartition("/")[2].rpartition(".")[0]
        number = "-" if picks is None else count(picks)
        room = width - 7 - 7
        line: Line = [
            (" " + shortened_end(name, room).ljust(room), "text"),
            (number.rjust(5) + " ", "dim"),
            (bar(float(picks or 0), most, 6).ljust(6), "bar"),
        ]
        return strip_of(self, line, width, "cursor" if at == self.cursor else "")


def shortened_end(name: str, room: int) -> str:
    """Name whose end, which differs, is kept."""
    return name if len(name) <= room else "…" + name[len(name) - room + 1 :]


class PicturesPane(LookingKeys, Horizontal):
    """Micrographs on the left, the one chosen on the right."""

    app: CryodeckApp
    DEFAULT_CSS = f"""
    PicturesPane {{ height: 1fr; }}
    PicturesPane MicrographList {{ width: {LIST_WIDTH}; height: 1fr; }}
    PicturesPane.narrow MicrographList {{ display: none; }}
    PicturesPane.narrow.listed MicrographList {{ display: block; }}
    PicturesPane #picture-status {{
        height: 2; width: 1fr; background: $surface; padding: 0 1;
    }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,full_stop", "step(1)", "next"),
        Binding("p,comma", "step(-1)", "previous"),
        Binding("e", "by_hand", "pick by hand"),
        *LOOKING_BINDINGS,
        Binding("g", "list", "list of micrographs", show=False),
    ]

    def __init__(self, row: JobRow) -> None:
        super().__init__(id="pane-pictures")
        self.row = row
        self._kept_picks: dict[str, Picks] = {}
        self._trouble, self._counting = "", ""
        self._colored_by: Display | None = None
        self._colors: dict[str, Colors] = {}

    def compose(self) -> ComposeResult:
        """List, picture, what is seen."""
        yield MicrographList()
        with Vertical():
            view = PictureView(self.app.pictures)
            self.looking = Looking(self, view, self.row.name)
            yield view
            yield Static(id="picture-status")

    @property
    def view(self) -> PictureView:
        """The picture."""
        return self.looking.view

    @property
    def listed(self) -> MicrographList:
        """The list."""
        return self.query_one(MicrographList)

    def on_mount(self) -> None:
        """Look for the first time."""
        self._ask()

    def ask(self) -> None:
        """Ask again for what could not be had."""
        if self._trouble:
            self._ask()

    def _ask(self) -> None:
        """Ask which micrographs there are, and how RELION's window would show them."""
        name = self.row.name
        ask = self.app.bridge.ask
        ask(self, "display", lambda w: w.defaults("manualpick"))
        ask(self, "form", lambda w: w.load_job(name))
        ask(self, "micrographs", lambda w: w.micrographs(name, on_progress=self._count))

    def _count(self, far: HowFar) -> None:
        """Hear how many micrographs have been looked at."""
        self._counting = how_far_words(far)
        if self.is_attached and not self.listed.items:
            self._say()

    def activate(self) -> None:
        """Come to the front."""
        self.view.focus()

    def on_resize(self, event: Resize) -> None:
        """Leave the list out where there is no room."""
        self.set_class(event.size.width < 100, "narrow")

    def show_row(self, row: JobRow) -> None:
        """See new micrographs of a running job."""
        is_new = row.progress != self.row.progress
        self.row = row
        if self.display and is_new:
            self.app.bridge.ask(self, "micrographs", lambda w: w.micrographs(row.name))
            self._say()

    # answers

    def on_answered(self, message: Answered) -> None:
        """Show what came."""
        message.stop()
        what, answer = message.what, message.answer
        if what not in _ASIDE:
            self._trouble = ""
        if what == "micrographs":
            self._take_list(answer)
        elif what == "form":
            self._take_form(answer)
        elif what == "display":
            self._take_display(Display.of(answer))
        elif what in PICTURES:
            if self.looking.take(*answer):
                self._ahead()
        elif what == "colors":
            name, colors = answer
            self._colors[name] = colors
            self._show_picks(name)
        elif what == "picks":
            name, picks = answer
            self._kept_picks[name] = picks
            self._show_picks(name)

    def on_refused(self, message: Refused) -> None:
        """Say why there is no picture."""
        message.stop()
        if message.what in _ASIDE:
            return
        if message.what == "colors":
            self.app.notify(plain(message.reason), markup=False, timeout=6)
            return
        self.looking.is_reading = False
        self._trouble = message.reason
        self._say()

    def _take_list(self, items: list[dict[str, Any]]) -> None:
        is_first, self._counting = not self.listed.items, ""
        self._forget_changed(items)
        self.listed.show_items(items)
        if not items:
            self.looking.is_reading = False
            self._trouble = "no micrographs: is the list there that its form names?"
            self._say()
        elif is_first:
            at = next((i for i, m in enumerate(items) if m.get("picks")), 0)
            if at:
                self.listed.go_to(at)
            else:
                self._look()

    def _forget_changed(self, items: list[dict[str, Any]]) -> None:
        """Ask anew for picks that the job has made since."""
        numbers = {str(item["name"]): item.get("picks") or 0 for item in items}
        for name, picks in list(self._kept_picks.items()):
            if numbers.get(name) != len(picks.x):
                del self._kept_picks[name]
                if name == self.current:
                    self._ask_picks(name)

    def _take_display(self, display: Display) -> None:
        """Colors of the last Manual picking form, as RELION's window takes them."""
        if display.color_file:
            self._colored_by = display
            self._show_picks(self.current)
        elif display.color_label != FOM:
            return
        if display.red is not None and display.blue is not None:
            self.view.color_range = (display.red, display.blue)
            self.view.draw_again()

    def _take_form(self, job: Job) -> None:
        if not self.looking.diameter:
            self.looking.set_diameter(circle_diameter(job))

    # questions

    @property
    def current(self) -> str:
        """Name of the micrograph that is shown."""
        items = self.listed.items
        return str(items[self.listed.cursor]["name"]) if items else ""

    def _look(self) -> None:
        """Show the micrograph under the list's cursor, and its picks."""
        name = self.current
        self.looking.look_elsewhere(name)
        self.view.show_picks(None)
        if name in self._kept_picks:
            self._show_picks(name)
        else:
            self._ask_picks(name)
        self._say()

    def _ask_picks(self, name: str, group: str = "picks") -> None:
        job = self.row.name

        async def question(w: Any) -> tuple[str, Picks]:
            return name, await w.picks(job, name)

        self.app.bridge.ask(self, "picks", question, group=group)

    def _show_picks(self, name: str) -> None:
        """Show the picks that are here, colored by another table if a form says so."""
        picks = self._kept_picks.get(name)
        if picks is None or name != self.current:
            return
        display, colors = self._colored_by, self._colors.get(name)
        if display is not None and colors is None:
            ask_colors(self, display, name)
        self.view.show_picks(picks if colors is None else colors.on(picks))
        self._say()

    def _ahead(self) -> None:
        items, at = self.listed.items, self.listed.cursor + 1
        if at < len(items):
            name = str(items[at]["name"])
            self.looking.ahead(name)
            if name not in self._kept_picks:
                self._ask_picks(name, "picks ahead")

    def _ctf_image(self) -> str:
        items = self.listed.items
        return str(items[self.listed.cursor].get("ctf_image") or "") if items else ""

    def on_window_view_wanted(self) -> None:
        """Other pixels of the same micrograph."""
        self.looking.ask()
        self._say()

    def on_picture_view_changed(self) -> None:
        """Say what is seen."""
        self._say()

    def on_read_on(self) -> None:
        """Say how far it is."""
        self._say()

    def on_micrograph_list_chosen(self, message: MicrographList.Chosen) -> None:
        """Another micrograph, seen as a whole."""
        self._look()

    # what is seen, in words

    def _say(self) -> None:
        view = self.view
        name = plain(self.current).rpartition("/")[2]
        items = self.listed.items
        line: Line = []
        if items:
            line = [
                (f"{self.listed.cursor + 1}/{len(items)} ", "faint"),
                (shortened(name, max(12, self.size.width - 44)), "title"),
            ]
        shown, total = view.counted()
        if view.picks is not None:
            words = f"{count(shown)} picks" if shown == total else f"{shown} of {total}"
            line.append((f"  {words}", "dim"))
            if view.threshold is not None:
                words = f" with {self._color_name} ≥ {view.threshold:.2f}"
                line.append((words, "mark"))
        if self._trouble:
            line.append((f"  {plain(self._trouble)}", "warn"))
        else:
            line += self._progress_line()
        below = self.looking.scale_line()
        if view.picks is not None and view.picks.fom and not self.looking.spectrum:
            below += color_line(view, self._color_name)
        below.append((self.app.pictures.words, "faint"))
        text = text_of(self, [line, below])
        text.no_wrap, text.overflow = True, "ellipsis"
        self.query_one("#picture-status", Static).update(text)

    def _progress_line(self) -> Line:
        """How far a picture or the list is; else how far a job is that goes on."""
        if self._counting:
            return [(f"  {self._counting}", "queued")]
        if self.looking.is_reading:
            return self.looking.reading_line()
        progress = self.row.progress
        if not is_active(self.row) or progress is None or progress.total <= 0:
            return []
        done, total = progress.done, progress.total
        words = f" {done:g} of {total:g} {plain(progress.unit)}"
        return [("  ", "text"), *progress_bar(done, total, 10), (words, "run")]

    @property
    def _color_name(self) -> str:
        """What the colors stand for."""
        colors = self._colors.get(self.current)
        return color_name(colors.label if colors is not None else FOM)

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Pick by hand only where there are picks."""
        return action != "by_hand" or self.row.type in {"autopick", "manualpick"}

    def action_step(self, step: int) -> None:
        """Go to the next or previous micrograph."""
        self.listed.go_to(self.listed.cursor + step)

    def action_list(self) -> None:
        """Show or hide the list where there is little room."""
        self.toggle_class("listed")
        (self.listed if self.has_class("listed") else self.view).focus()

    def action_by_hand(self) -> None:
        """Change the picks of this micrograph."""
        from tui.screens.hand import HandScreen
        from tui.screens.job import JobScreen

        screen = self.screen
        assert isinstance(screen, JobScreen)

        def changed(_: object) -> None:
            self._kept_picks.clear()
            name = self.row.name
            self.app.bridge.ask(self, "micrographs", lambda w: w.micrographs(name))
            self._look()

        self.app.push_screen(
            HandScreen(screen.cluster, screen.project, self.row.name, self.current),
            changed,
        )
