"""A micrograph whose picks are added, moved and removed, by mouse and by keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.events import Click, MouseDown, MouseMove, MouseUp
from textual.message import Message

from tui.graphics import PictureMode
from tui.halfblocks import Canvas, Rgb, fom_mark
from tui.picking import Picking
from tui.widgets.picture_view import Mark, PictureView, usual_range

_CURSOR: Rgb = (255, 90, 255)
_HELD: Rgb = (255, 255, 255)
_LINE: Rgb = (200, 200, 90)
_COARSE = 10
_REACH_PX = 2.0  # of the picture, or a part of the radius, count as on a pick
_REACH_OF_RADIUS = 0.7  # so that a neighbor which touches can be picked
_DRAG = 2  # cells; less is a click with a trembling hand


class PickView(PictureView):
    """Tells `Edited` after each change of `picking`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # known from looking; the bar has room for what is new here
        Binding("c", "contrast(0.25)", "more contrast", show=False),
        Binding("o", "circles", "circles on/off", show=False),
        Binding("plus,equals_sign,z", "zoom(0.5)", "zoom in", show=False),
        Binding("space", "add", "pick here"),
        Binding("x,delete,backspace", "remove", "remove"),
        Binding("m", "hold", "move"),
        Binding("u", "undo", "undo"),
        Binding("U,ctrl+y", "redo", "redo", show=False),
        Binding("tab", "jump(1)", "next pick"),
        Binding("shift+tab", "jump(-1)", "previous pick", show=False),
        *[
            Binding(f"{prefix}{key}", f"go({x * step},{y * step})", words, show=False)
            for prefix, step, words in (
                ("", 1, "cursor, one pixel of the screen"),
                ("shift+", _COARSE, "cursor, ten pixels"),
            )
            for key, x, y in (
                ("left", -1, 0),
                ("right", 1, 0),
                ("up", 0, -1),
                ("down", 0, 1),
            )
        ],
        *[
            Binding(key, f"go({x},{y})", "cursor, ten pixels", show=False)
            for key, x, y in (
                ("H", -_COARSE, 0),
                ("L", _COARSE, 0),
                ("K", 0, -_COARSE),
                ("J", 0, _COARSE),
            )
        ],
    ]

    class Edited(Message):
        """Picks were changed; `what` says how."""

        def __init__(self, what: str) -> None:
            super().__init__()
            self.what = what

    class Pointed(Message):
        """The cursor is elsewhere."""

        def can_replace(self, message: Message) -> bool:
            """Only the newest counts."""
            return isinstance(message, PickView.Pointed)

    def __init__(self, mode: PictureMode | None = None) -> None:
        super().__init__(mode)
        self.picking: Picking | None = None
        self.is_fixed = False  # may only be looked at
        self.cursor: tuple[float, float] | None = None  # in the file
        self.held: int | None = None
        self.color_label = ""
        self._origin: tuple[float, float] | None = None  # of the pick that is held
        self._down: tuple[int, int, int] | None = None  # button and cell of the mouse
        self._dragged: int | None = None
        self._plain: tuple[object, Canvas] | None = None  # without cursor

    @property
    def may_edit(self) -> bool:
        """Whether there are picks to change, and one may."""
        return self.picking is not None and not (self.is_fixed or self.is_spectrum)

    def show_picking(self, picking: Picking | None) -> None:
        """Put other picks in; nothing is held any more."""
        self.picking = picking
        self.held = None
        self._redraw()

    # drawing

    def marks(self) -> Iterator[Mark]:
        """Circles of the picks, those that are held last."""
        if self.picking is None:
            return
        red, blue = self.fom_range()
        values = self.picking.values(self.color_label)
        held: list[Mark] = []
        for i, (x, y) in enumerate(self.picking.places()):
            value = values[i]
            if value is not None and not self._is_shown(value):
                continue
            color = fom_mark(value, red, blue)
            if i in (self.held, self._dragged):
                held.append((x, y, _HELD))
            else:
                yield x, y, color
        yield from held

    def fom_range(self) -> tuple[float, float]:
        """Values of the color column that are red and blue."""
        if self.color_range is not None or self.picking is None:
            return self.color_range or (0.0, 1.0)
        given = self.picking.values(self.color_label)
        return usual_range([value for value in given if value is not None])

    def counted(self) -> tuple[int, int]:
        """How many picks are shown, of how many."""
        if self.picking is None:
            return 0, 0
        values = self.picking.values(self.color_label)
        shown = sum(v is None or self._is_shown(v) for v in values)
        return shown, len(values)

    def _drawn(self) -> Canvas | None:
        rows = self.picking.rows if self.picking is not None else ()
        # a cursor that moves must not draw all circles anew
        key = (
            id(self.picture),
            id(rows),
            id(self.picking.colors) if self.picking is not None else 0,
            *(self.size, self.contrast, self.brightness, self.has_circles),
            *(self.diameter_px, self.threshold, self.color_range, self.color_label),
            *(self.held, self._dragged),
        )
        if self._plain is None or self._plain[0] != key:
            canvas = super()._drawn()
            if canvas is None:
                self._plain = None
                return None
            if self.picking is not None and self.picking.has_pairs:
                self._draw_filaments(canvas)
            self._plain = (key, canvas)
        plain = self._plain[1]
        drawn = Canvas(plain.width, plain.height)
        drawn.grey, drawn.marks = plain.grey, dict(plain.marks)
        self._draw_cursor(drawn)
        return drawn

    def _draw_filaments(self, canvas: Canvas) -> None:
        assert self.picking is not None
        if not self.has_circles:
            return
        places = [self.to_picture(x, y) for x, y in self.picking.places()]
        for start, end in zip(places[::2], places[1::2], strict=False):
            canvas.line(*start, *end, _LINE)

    def _draw_cursor(self, canvas: Canvas) -> None:
        if self.cursor is None or self.picture is None or self.is_spectrum:
            return
        x, y = (int(place) for place in self.to_picture(*self.cursor))
        arm = 3 * self.cell[0] if self._has_pixels else 3
        for step in range(2, arm + 1):
            for dx, dy in ((step, 0), (-step, 0), (0, step), (0, -step)):
                canvas.dot(x + dx, y + dy, _CURSOR)
        if self._has_pixels:
            canvas.dot(x, y, _CURSOR)

    # the cursor

    def point(self, x: float, y: float) -> None:
        """Put the cursor at a place of the file, and look there."""
        if self.picture is None:
            return
        width, height = self.picture.source_width, self.picture.source_height
        x, y = min(max(0.0, x), width - 1.0), min(max(0.0, y), height - 1.0)
        self.cursor = (x, y)
        if self.looked_at is not None:
            x0, y0, w, h = self.looked_at
            if not (x0 <= x < x0 + w and y0 <= y < y0 + h):
                self._look(x, y, self._scale())
        self._redraw()
        self.post_message(self.Pointed())

    def _at(self) -> tuple[float, float]:
        """The cursor, in the middle of what is seen if it is nowhere."""
        if self.cursor is None:
            self.cursor = self._center() if self.picture is not None else (0.0, 0.0)
        return self.cursor

    @property
    def reach(self) -> float:
        """How near, in pixels of the file, is on a pick."""
        return max(
            _REACH_PX * max(self.steps()), _REACH_OF_RADIUS * self.diameter_px / 2
        )

    def under_cursor(self) -> int | None:
        """The pick that a key would take."""
        if self.picking is None or self.cursor is None:
            return None
        return self.picking.nearest(*self.cursor, self.reach)

    def action_go(self, across: int, down: int) -> None:
        """Move the cursor, and the pick that is held, by pixels of the screen."""
        if self.picture is None or self.is_spectrum:
            return
        x, y = self._at()
        step_across, step_down = self.steps()
        self.point(x + across * step_across, y + down * step_down)
        if self.held is not None and self.picking is not None and self.cursor:
            self._carry(self.held, *self.cursor)
            self._redraw()

    def action_jump(self, step: int) -> None:
        """Go to another pick, in the order of the file."""
        if self.picking is None or not self.picking.rows or self.is_spectrum:
            return
        here = self.under_cursor()
        total = len(self.picking.rows)
        at = (0 if step > 0 else total - 1) if here is None else (here + step) % total
        self.point(*self.picking.places()[at])

    # changes

    def _edited(self, what: str) -> None:
        self._redraw()
        self.post_message(self.Edited(what))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Look only, if one may only look."""
        changes = {"add", "remove", "hold", "undo", "redo"}
        return self.may_edit or action not in changes

    def action_add(self) -> None:
        """Pick at the cursor, or let go of what is held."""
        if self.held is not None:
            self.action_hold()
        elif self.picking is not None and self.picture is not None:
            self.picking.add(*self._at())
            self._edited("added")

    def action_remove(self) -> None:
        """Take the pick at the cursor away."""
        at = self.under_cursor()
        if self.picking is not None and at is not None:
            self.held = None
            self.picking.remove(at)
            self._edited("removed")

    def action_hold(self) -> None:
        """Take hold of the pick at the cursor, or let go of it."""
        if self.picking is None:
            return
        if self.held is not None:
            self._let_go(self.held)
            self.held = None
            self._redraw()
            return
        self.held = self.under_cursor()
        if self.held is not None:
            self._origin = self.picking.places()[self.held]
            self.point(*self._origin)

    def drop_held(self) -> bool:
        """Put what is held back where it was; whether something was."""
        if self.held is None or self.picking is None:
            return False
        if self._origin is not None:
            self._carry(self.held, *self._origin)
        self.held = self._origin = None
        self._redraw()
        return True

    def _carry(self, index: int, x: float, y: float) -> None:
        """Show a pick elsewhere; one change only, however far it goes."""
        assert self.picking is not None
        rows = list(self.picking.rows)
        rows[index] = self.picking.file.moved(rows[index], x, y)
        self.picking.rows = tuple(rows)

    def _let_go(self, index: int) -> None:
        """Make one change of all the carrying."""
        assert self.picking is not None
        place, origin = self.picking.places()[index], self._origin
        self._origin = None
        if origin is None or place == origin:
            return
        self._carry(index, *origin)
        self.picking.move(index, *place)
        self._edited("moved")

    def action_undo(self) -> None:
        """Take the last change back."""
        self.drop_held()
        if self.picking is not None:
            what = self.picking.undo()
            if what:
                self._edited(f"undone: {what}")

    def action_redo(self) -> None:
        """Do what was taken back once more."""
        self.drop_held()
        if self.picking is not None:
            what = self.picking.redo()
            if what:
                self._edited(f"done again: {what}")

    # mouse

    def on_click(self, event: Click) -> None:
        """Nothing more: a click is a pick, not a zoom."""
        event.prevent_default()

    def on_mouse_down(self, event: MouseDown) -> None:
        """Take hold of a pick, or of the picture; remove with the other buttons."""
        event.prevent_default()
        self.capture_mouse()
        self._down = (event.button, event.screen_x, event.screen_y)
        self._drag = (event.screen_x, event.screen_y)
        spot = self.spot(event)
        if spot is None or self.picking is None:
            return
        self.drop_held()
        if event.button == 1 and self.may_edit:
            self._dragged = self.picking.nearest(*spot, self.reach)
            if self._dragged is not None:
                self._origin = self.picking.places()[self._dragged]
        elif event.button in (2, 3):
            self._wipe(spot)

    def _wipe(self, spot: tuple[float, float]) -> None:
        """Take away what lies under the mouse."""
        if self.picking is None or not self.may_edit:
            return
        at = self.picking.nearest(*spot, self.reach)
        if at is not None:
            self.picking.remove(at)
            self._edited("removed")

    def on_mouse_move(self, event: MouseMove) -> None:
        """Carry a pick along; remove more of them while the button is held."""
        event.prevent_default()
        if self._down is None:
            return
        spot = self.spot(event)
        if spot is None:
            return
        if self._down[0] in (2, 3):
            self._wipe(spot)
        elif self._dragged is not None and self._is_far(event):
            self._carry(self._dragged, *spot)
            self.cursor = spot
            self._redraw()

    def _is_far(self, event: MouseMove | MouseUp) -> bool:
        if self._down is None:
            return False
        far = max(
            abs(event.screen_x - self._down[1]), abs(event.screen_y - self._down[2])
        )
        return far >= _DRAG or (self._has_pixels and far >= 1)

    def on_mouse_up(self, event: MouseUp) -> None:
        """Pick where there was none, leave a pick where it was carried, or look on."""
        event.prevent_default()
        down, dragged, is_far = self._down, self._dragged, self._is_far(event)
        self._down = self._dragged = None
        if down is None or down[0] != 1:
            self.release_mouse()
            self._drag = None
            return
        spot = self.spot(event)
        if dragged is not None and self.picking is not None:
            self.release_mouse()
            self._drag = None
            if is_far:
                self._let_go(dragged)
            else:
                self.point(*self.picking.places()[dragged])
            return
        if is_far:
            super().on_mouse_up(event)
            return
        self.release_mouse()
        self._drag = None
        if spot is not None and self.picking is not None and self.may_edit:
            self.cursor = spot
            self.picking.add(*spot)
            self._edited("added")
            self.post_message(self.Pointed())
