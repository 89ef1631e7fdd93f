"""The Pictures tab: a micrograph with its picks."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Click, Resize
from textual.message import Message
from textual.strip import Strip
from textual.widgets import Static

from remote.views import JobRow, Picks, Picture
from tui.charts import Line, bar
from tui.halfblocks import fom_color
from tui.messages import Answered, Refused
from tui.palette import role_style
from tui.plain import plain, shortened
from tui.widgets.lines import LinesView, strip_of
from tui.widgets.picture_view import PictureView, Region
from tui.words import count

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from tui.app import CryodeckApp

LOWPASSES = (0.0, 10.0, 20.0, 40.0)
KEPT = 32
LIST_WIDTH = 32


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


class PicturesPane(Horizontal):
    """Micrographs on the left, the one chosen on the right."""

    app: CryodeckApp
    DEFAULT_CSS = f"""
    PicturesPane {{ height: 1fr; }}
    PicturesPane MicrographList {{ width: {LIST_WIDTH}; height: 1fr; }}
    PicturesPane.narrow MicrographList {{ display: none; }}
    PicturesPane.narrow.listed MicrographList {{ display: block; }}
    PicturesPane #picture-status {{ height: 2; background: $surface; padding: 0 1; }}
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,full_stop", "step(1)", "next"),
        Binding("p,comma", "step(-1)", "previous"),
        Binding("left_square_bracket", "threshold(-1)", "lower threshold", show=False),
        Binding("right_square_bracket", "threshold(1)", "threshold"),
        Binding("backslash", "no_threshold", "no threshold", show=False),
        Binding("l", "lowpass", "low-pass"),
        Binding("d", "diameter", "circle diameter", show=False),
        Binding("g", "list", "list of micrographs", show=False),
        Binding("w", "why", "why this kind of picture", show=False),
    ]

    def __init__(self, row: JobRow) -> None:
        super().__init__(id="pane-pictures")
        self.row = row
        self.lowpass = 0
        self.diameter = 0.0  # Å
        self._kept: OrderedDict[tuple[Any, ...], Picture] = OrderedDict()
        self._kept_picks: dict[str, Picks] = {}
        self._trouble = ""
        self._is_reading = True

    def compose(self) -> ComposeResult:
        """List, picture, what is seen."""
        yield MicrographList()
        with Vertical():
            yield PictureView(self.app.pictures)
            yield Static(id="picture-status")

    @property
    def view(self) -> PictureView:
        """The picture."""
        return self.query_one(PictureView)

    @property
    def listed(self) -> MicrographList:
        """The list."""
        return self.query_one(MicrographList)

    def on_mount(self) -> None:
        """Ask which micrographs there are."""
        name = self.row.name
        self.app.bridge.ask(self, "micrographs", lambda w: w.micrographs(name))
        self.app.bridge.ask(self, "form", lambda w: w.load_job(name))

    def activate(self) -> None:
        """Come to the front."""
        self.view.focus()

    def on_resize(self, event: Resize) -> None:
        """Leave the list out where there is no room."""
        self.set_class(event.size.width < 100, "narrow")

    def show_row(self, row: JobRow) -> None:
        """See new micrographs of a running job."""
        if self.display and row.progress != self.row.progress:
            self.app.bridge.ask(self, "micrographs", lambda w: w.micrographs(row.name))
        self.row = row

    # answers

    def on_answered(self, message: Answered) -> None:
        """Show what came."""
        message.stop()
        self._trouble = ""
        what, answer = message.what, message.answer
        if what == "micrographs":
            self._take_list(answer)
        elif what == "form":
            self._take_form(answer)
        elif what == "picture":
            self._take_picture(*answer)
        elif what == "picks":
            name, picks = answer
            self._kept_picks[name] = picks
            if name == self.current:
                self.view.show_picks(picks)

    def on_refused(self, message: Refused) -> None:
        """Say why there is no picture."""
        message.stop()
        if message.what == "form":
            return
        self._is_reading = False
        self._trouble = message.reason
        self._say()

    def _take_list(self, items: list[dict[str, Any]]) -> None:
        is_first = not self.listed.items
        self.listed.show_items(items)
        if not items:
            self._is_reading = False
            self._trouble = "this job has no micrographs"
            self._say()
        elif is_first:
            at = next((i for i, m in enumerate(items) if m.get("picks")), 0)
            if at:
                self.listed.go_to(at)
            else:
                self._ask()

    def _take_form(self, job: Job) -> None:
        if self.diameter:
            return
        if job.text("do_log", "No") == "Yes":
            self.diameter = job.number("log_diam_max", 0.0)
        elif job.type.key == "autopick":
            self.diameter = job.number("mindist_autopick", 0.0) or 100.0
        elif job.type.key == "manualpick":
            self.diameter = job.number("diameter", 0.0)
        self._set_diameter()

    def _take_picture(self, key: tuple[Any, ...], picture: Picture) -> None:
        self._kept[key] = picture
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        if key == self._key():
            self._is_reading = False
            self.view.show_picture(picture, key[1])
            self._set_diameter()
            self._ahead()

    # questions

    @property
    def current(self) -> str:
        """Name of the micrograph that is shown."""
        items = self.listed.items
        return str(items[self.listed.cursor]["name"]) if items else ""

    def _key(self, name: str = "", region: Region | None = None) -> tuple[Any, ...]:
        width, height = self.view.room()
        return (
            name or self.current,
            region if name else self.view.looked_at,
            width,
            height,
            LOWPASSES[self.lowpass],
        )

    def _ask(self) -> None:
        if not self.current or self.view.size.width < 2:
            return
        key = self._key()
        kept = self._kept.get(key)
        if kept is not None:
            self._take_picture(key, kept)
        else:
            self._is_reading = True
            self._fetch(key, "picture")
        picks = self._kept_picks.get(self.current)
        if picks is not None:
            self.view.show_picks(picks)
        else:
            job, name = self.row.name, self.current

            async def question(w: Any) -> tuple[str, Picks]:
                return name, await w.picks(job, name)

            self.app.bridge.ask(self, "picks", question)
        self._say()

    def _fetch(self, key: tuple[Any, ...], group: str) -> None:
        job = self.row.name
        name, region, width, height, lowpass = key

        async def question(w: Any) -> tuple[tuple[Any, ...], Picture]:
            picture = await w.micrograph(
                job,
                name,
                width=width,
                height=height,
                lowpass_angstrom=lowpass,
                region=region,
            )
            return key, picture

        self.app.bridge.ask(self, "picture", question, group=group)

    def _ahead(self) -> None:
        """Fetch the next micrograph before it is asked for."""
        items, at = self.listed.items, self.listed.cursor + 1
        if self.view.looked_at is None and at < len(items):
            key = self._key(str(items[at]["name"]), None)
            if key not in self._kept:
                self._fetch(key, "ahead")

    def on_picture_view_wanted(self) -> None:
        """Other pixels of the same micrograph."""
        self._ask()

    def on_picture_view_changed(self) -> None:
        """Say what is seen."""
        self._say()

    def on_micrograph_list_chosen(self, message: MicrographList.Chosen) -> None:
        """Another micrograph, seen as a whole."""
        view = self.view
        view.looked_at = None
        view.show_picks(None)
        self._ask()

    def _set_diameter(self) -> None:
        picture = self.view.picture
        pixel = picture.pixel_size if picture is not None else 0.0
        self.view.diameter_px = self.diameter / pixel if pixel else 0.0
        if picture is not None:
            self.view._redraw()

    # what is seen, in words

    def _say(self) -> None:
        theme, view = self.app.theme, self.view
        text = Text(no_wrap=True, overflow="ellipsis")

        def add(words: str, role: str = "dim") -> None:
            text.append(words, role_style(theme, role))

        name = plain(self.current).rpartition("/")[2]
        items = self.listed.items
        if items:
            add(f"{self.listed.cursor + 1}/{len(items)} ", "faint")
            add(shortened(name, max(12, self.size.width - 44)), "title")
        shown, total = view.counted()
        if view.picks is not None:
            add(
                f"  {count(shown)} picks" if shown == total else f"  {shown} of {total}"
            )
            if view.threshold is not None:
                add(f" with FOM ≥ {view.threshold:.2f}", "mark")
        if self._trouble:
            add(f"  {plain(self._trouble)}", "warn")
        elif self._is_reading:
            add("  reading …", "queued")
        text.append("\n")
        picture = view.picture
        if picture is not None:
            pixel = picture.pixel_size * picture.binning
            add(f"{pixel:.1f} Å/px" if pixel else f"1:{picture.binning:.1f}", "faint")
            if LOWPASSES[self.lowpass]:
                add(f" · low-pass {LOWPASSES[self.lowpass]:g} Å", "faint")
            if self.diameter:
                add(f" · circles {self.diameter:g} Å", "faint")
        if view.picks is not None and view.picks.fom:
            low, high = view.fom_range()
            add(f"   FOM {low:.2f} ", "faint")
            for i in range(12):
                r, g, b = fom_color(i / 11)
                text.append("━", f"rgb({r},{g},{b})")
            add(f" {high:.2f}", "faint")
        self.query_one("#picture-status", Static).update(text)

    # actions

    def action_step(self, step: int) -> None:
        """Go to the next or previous micrograph."""
        self.listed.go_to(self.listed.cursor + step)

    def action_threshold(self, step: int) -> None:
        """Move the threshold on the figure of merit."""
        view = self.view
        low, high = view.fom_range()
        now = view.threshold if view.threshold is not None else low
        view.set_threshold(
            round(min(high, max(low, now + step * (high - low) / 25)), 4)
        )

    def action_no_threshold(self) -> None:
        """Show every pick."""
        self.view.set_threshold(None)

    def action_lowpass(self) -> None:
        """Take the next low-pass."""
        self.lowpass = (self.lowpass + 1) % len(LOWPASSES)
        self._ask()

    def action_list(self) -> None:
        """Show or hide the list where there is little room."""
        self.toggle_class("listed")
        (self.listed if self.has_class("listed") else self.view).focus()

    def action_diameter(self) -> None:
        """Ask for the circles' diameter."""
        from tui.screens.dialogs import AskLine

        def given(text: str | None) -> None:
            try:
                self.diameter = float(text or "")
            except ValueError:
                return
            self._set_diameter()
            self._say()

        self.app.push_screen(
            AskLine("Diameter of the circles (Å)", f"{self.diameter:g}"), given
        )

    def action_why(self) -> None:
        """Tell which kind of picture was chosen, and why."""
        from tui.screens.why_pictures import WhyPictures

        self.app.push_screen(WhyPictures())
