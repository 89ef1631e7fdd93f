"""One micrograph to pick on: the picture, its picks, and what is seen, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from remote.views import LinkState, PickSheet
from tui.charts import Line
from tui.messages import Answered, LinkChanged, Refused
from tui.picking import Colors, Picking
from tui.plain import plain, shortened
from tui.screens.looking import (
    LOOKING_BINDINGS,
    PICTURES,
    Filters,
    Looking,
    LookingKeys,
    ask_colors,
    color_line,
    color_name,
)
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import text_of
from tui.widgets.pick_view import PickView
from tui.words import plural

if TYPE_CHECKING:
    from tui.app import CryodeckApp
    from tui.screens.hand import HandScreen


class PickScreen(LookingKeys, Screen[None]):
    """The micrographs of a `HandScreen`, one after the other."""

    app: CryodeckApp
    HELP_TEXT = (
        "With the mouse: the left button adds a pick or drags one elsewhere, the "
        "middle and right buttons remove the picks they are dragged over, the wheel "
        "zooms, dragging the background pans. With keys: the arrows move the cursor by "
        "one pixel on the screen (ten with Shift, or H J K L; with Ctrl they move the "
        "picture), space adds a pick, x removes it, m grabs it and drops it again, Tab "
        "jumps to the next one. Every change is saved at once and can be undone."
    )
    DEFAULT_CSS = """
    PickScreen PickView { height: 1fr; }
    PickScreen #pick-status {
        height: 2; width: 1fr; background: $surface; padding: 0 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,full_stop", "step(1)", "next"),
        Binding("p,comma", "step(-1)", "previous micrograph", show=False),
        Binding("e", "tick", "tick or untick"),
        *LOOKING_BINDINGS,
        Binding("k", "column", "color by a column", show=False),
        Binding("D", "clear", "remove all picks", show=False),
        Binding("P", "original", "restore the program's own picks", show=False),
        Binding("escape", "leave", "back"),
    ]

    def __init__(self, hand: HandScreen, index: int, *, spectrum: bool = False) -> None:
        super().__init__()
        self.hand = hand
        self.index = index
        self._trouble = ""
        self._with_spectrum = spectrum

    def compose(self) -> ComposeResult:
        """Place, picture, words, keys."""
        hand = self.hand
        yield TopBar("cryodeck", hand.cluster.name, hand.project, hand.job, "picking")
        self.pick_view = PickView(self.app.pictures)
        table = hand.table
        assert table is not None
        self.looking = Looking(self, self.pick_view, table.picks_job or table.job)
        yield self.pick_view
        yield Static(id="pick-status")
        yield KeyBar()

    @property
    def view(self) -> PickView:
        """The picture."""
        return self.pick_view

    @property
    def item(self) -> dict[str, Any]:
        """What is known of the micrograph that is shown."""
        table = self.hand.table
        assert table is not None
        return table.micrographs[self.index]

    @property
    def micrograph(self) -> str:
        """The micrograph that is shown."""
        return str(self.item["name"])

    def on_mount(self) -> None:
        """Show the first one as the form of Manual picking says."""
        settings, view = self.hand.settings, self.view
        self.looking.filters = Filters.of(settings)
        self.looking.diameter = settings.diameter
        self.looking.pixel_size = settings.pixel_size
        self.looking.scale = settings.scale
        view.color_label = settings.color_label
        if settings.red is not None and settings.blue is not None:
            view.color_range = (settings.red, settings.blue)
        view.threshold = settings.least_fom
        view.is_fixed = self.app.read_only or not self._has_picks
        view.focus()
        self._show()
        if self._with_spectrum:
            self.call_after_refresh(self.action_spectrum)

    @property
    def _has_picks(self) -> bool:
        return bool(self.hand.table is not None and self.hand.table.picks_job)

    def take(self, message: Message) -> None:
        """Ask again for what a broken link has not brought."""
        is_back = isinstance(message, LinkChanged) and (
            message.link.state is LinkState.CONNECTED
        )
        if is_back and (self._trouble or self.looking.is_reading):
            self._trouble = ""
            if self.view.picking is None:
                self._ask_sheet()
            self.looking.ask()

    # what is shown

    def _show(self) -> None:
        self._trouble = ""
        self.view.show_picking(None)
        self.view.cursor = None
        self.looking.look_elsewhere(self.micrograph)
        known = self.hand.saving.pickings.get(self.micrograph)
        if known is not None:
            self.view.show_picking(known)
            self._ask_colors()
        else:
            self._ask_sheet()
        self.say()

    def _ask_sheet(self) -> None:
        if self._has_picks:
            job, name = self.looking.job, self.micrograph
            self.app.bridge.ask(self, "sheet", lambda w: w.pick_sheet(job, name))

    def _ask_colors(self) -> None:
        """Have the numbers by which the form of Manual picking colors the picks."""
        settings, picking = self.hand.settings, self.view.picking
        if not settings.color_file or picking is None or picking.colors is not None:
            return
        ask_colors(self, settings, self.micrograph)

    def _take_colors(self, name: str, colors: Colors) -> None:
        picking = self.hand.saving.pickings.get(name)
        if picking is not None:
            picking.color_by(colors)
            self.view.draw_again()

    def on_answered(self, message: Answered) -> None:
        """Show what came."""
        message.stop()
        if message.what in PICTURES:
            if self.looking.take(*message.answer):
                table = self.hand.table
                assert table is not None
                if self.index + 1 < len(table.micrographs):
                    after = table.micrographs[self.index + 1]
                    self.looking.ahead(str(after["name"]))
        elif message.what == "sheet":
            self._take_sheet(message.answer)
        elif message.what == "colors":
            self._take_colors(*message.answer)
        elif message.what == "original":
            self._take_original(*message.answer)
        self.say()

    def _take_sheet(self, sheet: PickSheet) -> None:
        from engine.project.errors import ProjectError

        pickings = self.hand.saving.pickings
        if sheet.micrograph not in pickings:
            has_pairs = self.hand.settings.has_pairs
            try:
                pickings[sheet.micrograph] = Picking(sheet, has_pairs=has_pairs)
            except ProjectError as error:
                self._trouble = f"cannot be edited: {error}"
                return
        if sheet.micrograph == self.micrograph:
            self.view.show_picking(pickings[sheet.micrograph])
            self._ask_colors()

    def on_refused(self, message: Refused) -> None:
        """Say why."""
        message.stop()
        if message.what == "ahead":
            return
        if message.what in {"original", "colors"}:
            self.app.notify(plain(message.reason), markup=False, timeout=6)
            return
        self.looking.is_reading = False
        self._trouble = message.reason
        self.say()

    def on_read_on(self) -> None:
        """Say how far it is."""
        self.say()

    def on_window_view_wanted(self) -> None:
        """Other pixels of the same micrograph."""
        self.looking.ask()
        self.say()

    def on_picture_view_changed(self) -> None:
        """Say what is seen."""
        self.say()

    def on_pick_view_pointed(self) -> None:
        """Say where the cursor is."""
        self.say()

    def on_pick_view_edited(self, message: PickView.Edited) -> None:
        """Save it."""
        if self.view.picking is not None:
            self.hand.picks_changed(self.view.picking)

    # words

    def _say(self) -> None:
        self.say()

    def say(self, *, anew: bool = False) -> None:
        """Tell what is seen, and whether it is saved."""
        if not self.is_mounted:
            return
        if anew:
            self.view.show_picking(self.hand.saving.pickings.get(self.micrograph))
        text = text_of(self, [self._first_line(), self._second_line()])
        text.no_wrap, text.overflow = True, "ellipsis"
        self.query_one("#pick-status", Static).update(text)

    def _first_line(self) -> Line:
        table = self.hand.table
        assert table is not None
        tick = self.hand.saving.ticks[self.index]
        shown = plain(self.micrograph).rpartition("/")[2]
        line: Line = [
            ("[x] " if tick else "[ ] ", "good" if tick else "dim"),
            (f"{self.index + 1}/{len(table.micrographs)} ", "faint"),
            (shortened(shown, max(12, self.size.width - 58)), "title"),
        ]
        if self.view.picking is not None:
            visible, total = self.view.counted()
            words = plural(total, "pick")
            if visible != total:
                words = f"{visible} of {words}"
            line.append((f"  {words}", "mark"))
            if self.view.picking.has_pairs and total % 2:
                line.append(("  the end of a filament is missing", "warn"))
            line += self._colors()
        words, role = self.hand.saving.words()
        if self._trouble:
            words, role = self._trouble, "warn"
        elif self.looking.is_reading:
            words, role = f"reading {self.looking.far or '…'}", "queued"
        line.append((f"  {plain(words)}", role))
        return line

    def _colors(self) -> Line:
        view = self.view
        picking = view.picking
        if picking is None or self.looking.spectrum:
            return []
        if all(value is None for value in picking.values(view.color_label)):
            return []
        label = color_name(view.color_label)
        return color_line(view, label, 12 if self.size.width >= 100 else 6)

    def _second_line(self) -> Line:
        view = self.view
        line: Line = []
        if view.cursor is not None and not self.looking.spectrum:
            x, y = view.cursor
            line.append((f"x {x:.1f} y {y:.1f}", "text"))
            if view.held is not None:
                line.append((" holding a pick", "mark"))
            line.append((" · ", "faint"))
        line += self.looking.scale_line()
        item = self.item
        if self.looking.spectrum or self.size.width >= 110:
            for key, form in (
                ("defocus", "defocus {:.2f} µm"),
                ("ctf_resolution", "CTF {:.1f} Å"),
                ("ctf_fom", "FOM {:.3f}"),
            ):
                value = item.get(key)
                if value is not None:
                    number = value / 1e4 if key == "defocus" else value
                    line.append((f" · {form.format(number)}", "faint"))
        line.append((self.app.pictures.words, "faint"))
        return line

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Look only, if one may only look or there is nothing to pick."""
        if action in {"clear", "original"}:
            return self._has_picks and not self.app.read_only
        return not (action == "tick" and self.app.read_only)

    def action_step(self, step: int) -> None:
        """Go to another micrograph, in the order of the list."""
        listed = self.hand.listed
        listed.go_to_row(self.index)
        self.view.drop_held()
        listed.action_move(step)
        if listed.row != self.index:
            self.index = listed.row
            self._show()

    def action_tick(self) -> None:
        """Keep this micrograph, or not."""
        ticks = self.hand.saving.ticks
        ticks[self.index] = not ticks[self.index]
        self.hand.saving.ticked()

    def _ctf_image(self) -> str:
        return str(self.item.get("ctf_image") or "")

    def action_column(self) -> None:
        """Ask by which column picks are colored."""
        from tui.screens.dialogs import Choose

        picking = self.view.picking
        columns = picking.file.numeric_columns() if picking is not None else []
        if not columns:
            words = "These picks have no column with numbers to color by"
            self.app.notify(words, timeout=4)
            return

        def chosen(label: str | None) -> None:
            if label:
                self.view.color_label, self.view.color_range = label, None
                self.view.threshold = None
                self.view.draw_again()
                self.say()

        self.app.push_screen(
            Choose("Color picks by", columns, self.view.color_label), chosen
        )

    def action_clear(self) -> None:
        """Remove all picks, after asking."""
        from tui.screens.dialogs import Confirm

        picking = self.view.picking
        if picking is None or not picking.rows:
            return

        def sure(yes: bool | None) -> None:
            if yes:
                picking.clear()
                self.view.show_picking(picking)
                self.hand.picks_changed(picking)

        words = "u brings them back."
        title = f"Remove all {plural(len(picking.rows), 'pick')} of this micrograph?"
        self.app.push_screen(Confirm(title, words, "Remove"), sure)

    def action_original(self) -> None:
        """Take the picks of the program again, as before they were changed by hand."""
        job, name = self.looking.job, self.micrograph

        async def question(w: Any) -> tuple[str, str]:
            return name, await w.original_picks(job, name)

        self.app.bridge.ask(self, "original", question)

    def _take_original(self, name: str, text: str) -> None:
        picking, table = self.hand.saving.pickings.get(name), self.hand.table
        if picking is None or table is None:
            return
        picking.replace("the program's picks", text, table.layout)
        self.view.show_picking(
            picking if name == self.micrograph else self.view.picking
        )
        self.hand.picks_changed(picking)

    def action_leave(self) -> None:
        """Let go of what is held; back to the list."""
        if self.view.drop_held():
            self.say()
            return
        self.hand.listed.go_to_row(self.index)
        self.dismiss(None)
