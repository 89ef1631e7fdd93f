"""The threshold hunt: other values tried on stored picks, then Continue! with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from remote.views import JobPicks, JobRow
from tui.charts import Line
from tui.hunting import EXACT, RERUN, Hunt, Trial, levels_of
from tui.messages import Answered, Refused
from tui.plain import plain, shortened
from tui.screens.hunt_widgets import CountList, FomHistogram
from tui.screens.looking import PICTURES, Filters, Looking, circle_diameter
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import text_of
from tui.widgets.picture_view import PictureView
from tui.words import count, displayed_name, is_active

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from remote.cluster import Cluster
    from tui.app import CryodeckApp

LOWPASS_ANGSTROM = 20.0
MAX_TRIED = 6


class HuntScreen(Screen["dict[str, str] | None"]):
    """Dismissed with options and "how": "continue" or "new"; None to change nothing."""

    app: CryodeckApp
    HELP_TEXT = (
        "Left and right change the threshold, comma and full stop the minimum "
        "distance. Counts and circles follow at once; they come from the figures of "
        "merit stored by the job. Space keeps a pair of values for comparison, a digit "
        "brings one back. Enter fills in the form with these values for Continue!, "
        "which asks before it does anything."
    )
    DEFAULT_CSS = """
    HuntScreen #hunt-left { width: 46%; min-width: 36; height: 1fr; padding: 0 1; }
    HuntScreen FomHistogram { height: 8; }
    HuntScreen.low FomHistogram { height: 6; }
    HuntScreen #hunt-values { height: 5; }
    HuntScreen #hunt-tried { height: auto; max-height: 8; }
    HuntScreen CountList { height: 1fr; }
    HuntScreen #hunt-status { height: 2; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "go_on", "Continue! with these", priority=True),
        Binding(
            "right,right_square_bracket", "threshold(1)", "threshold", key_display="← →"
        ),
        Binding(
            "left,left_square_bracket", "threshold(-1)", "lower threshold", show=False
        ),
        Binding(
            "shift+right,right_curly_bracket",
            "threshold(5)",
            "much higher threshold",
            show=False,
        ),
        Binding(
            "shift+left,left_curly_bracket",
            "threshold(-5)",
            "much lower threshold",
            show=False,
        ),
        Binding("full_stop", "distance(1)", "distance", key_display=", ."),
        Binding("comma", "distance(-1)", "shorter distance", show=False),
        Binding("greater_than_sign", "distance(5)", "much longer distance", show=False),
        Binding("less_than_sign", "distance(-5)", "much shorter distance", show=False),
        Binding("space", "keep", "compare"),
        Binding("t", "type", "type values"),
        *[
            Binding(str(i + 1), f"take_up({i})", f"values {i + 1}", show=False)
            for i in range(MAX_TRIED)
        ],
        Binding("n,down,j", "step(1)", "next micrograph"),
        Binding("p,up,k", "step(-1)", "previous micrograph", show=False),
        Binding("u", "own", "back to the job's own values", show=False),
        Binding("w", "why", "why this kind of picture", show=False),
        Binding("escape", "leave", "back"),
    ]
    _remembered: ClassVar[dict[tuple[str, str], list[Trial]]] = {}

    def __init__(self, cluster: Cluster, project: str, row: JobRow) -> None:
        super().__init__()
        self.cluster, self.project, self.row = cluster, project, row
        self.hunt: Hunt | None = None
        self.trial = Trial(0.0, 0.0)
        self.tried = self._remembered.setdefault((project, row.name), [])
        self.index = 0
        self._job: Job | None = None
        self._levels: dict[str, tuple[float, float]] | None = None
        self._found: JobPicks | None = None
        self._trouble = self._no_picture = ""

    def compose(self) -> ComposeResult:
        """Histogram, values, counts; the micrograph; keys."""
        alias = displayed_name(self.row) if self.row.alias else ""
        shown = f"{self.row.name} ({alias})" if alias else self.row.name
        yield TopBar("cryodeck", self.cluster.name, self.project, shown, "thresholds")
        with Horizontal():
            with Vertical(id="hunt-left"):
                yield FomHistogram()
                yield Static(id="hunt-values")
                yield Static(id="hunt-tried")
                yield CountList()
            with Vertical():
                view = PictureView(self.app.pictures)
                self.looking = Looking(self, view, self.row.name)
                self.looking.filters = Filters(lowpass=LOWPASS_ANGSTROM)
                yield view
                yield Static(id="hunt-status")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask for picks, form and levels."""
        self.query_one(FomHistogram).focus()
        name = self.row.name
        ask = self.app.bridge.ask
        ask(self, "hunt-form", lambda w: w.load_job(name))
        ask(self, "hunt-picks", lambda w: w.job_picks(name))
        ask(self, "hunt-levels", lambda w: w.statistics(name))
        self._write()

    def on_resize(self) -> None:
        """Leave room for the counts on a small screen."""
        self.set_class(self.size.height < 30, "low")

    def take(self, message: Message) -> None:
        """Nothing: what is hunted on does not change."""

    # answers

    def on_answered(self, message: Answered) -> None:
        """Begin when all is there; show pictures."""
        message.stop()
        what, answer = message.what, message.answer
        if what == "hunt-form":
            self._job = answer
            self.looking.set_diameter(circle_diameter(answer))
        elif what == "hunt-picks":
            self._found = answer
        elif what == "hunt-levels":
            self._levels = levels_of(answer)
        elif what in PICTURES:
            if self.looking.take(*answer):
                self._ahead()
            self._say()
            return
        if self.hunt is None:
            self._begin()

    def on_refused(self, message: Refused) -> None:
        """Say why."""
        message.stop()
        if message.what == "hunt-levels":
            self._levels = {}
            self._begin()
            return
        if message.what in PICTURES:
            if message.what == "picture":
                self.looking.is_reading = False
                self._no_picture = message.reason
                self._say()
            return
        self._trouble = message.reason
        self._write()

    def _begin(self) -> None:
        if self._job is None or self._found is None or self._levels is None:
            return
        self.hunt = Hunt(self._found, self._job, self._levels)
        self.trial = self.hunt.own
        self._trouble = self.hunt.trouble
        if not self._trouble:
            self.query_one(FomHistogram).show_scores(self.hunt.scores)
            self.index = next(
                (i for i, p in enumerate(self.hunt.found.picks) if p.x), 0
            )
        self._changed()
        self._look()

    # the picture

    @property
    def view(self) -> PictureView:
        """The micrograph."""
        return self.looking.view

    def _micrograph(self, index: int) -> str:
        """The micrograph of this number; "" if there is none."""
        picks = self.hunt.found.picks if self.hunt is not None else []
        return picks[index].micrograph if index < len(picks) else ""

    def _look(self) -> None:
        """Show the micrograph of the counts' cursor."""
        if self._micrograph(self.index) and not self._trouble:
            self._no_picture = ""
            self.looking.look_elsewhere(self._micrograph(self.index))
        self._say()

    def _ahead(self) -> None:
        if self._micrograph(self.index + 1):
            self.looking.ahead(self._micrograph(self.index + 1))

    def on_window_view_wanted(self) -> None:
        """Other pixels, or other room."""
        self.looking.ask()
        self._say()

    def on_picture_view_changed(self) -> None:
        """Say what is seen."""
        self._say()

    def on_read_on(self) -> None:
        """Say how far the reading is."""
        self._say()

    def _say(self) -> None:
        """The micrograph, its picks, what is being read, and how it is shown."""
        line: Line = [
            (shortened(self._micrograph(self.index).rpartition("/")[2], 30), "title")
        ]
        shown, _ = self.view.counted()
        if self.hunt is not None and not self._trouble:
            line.append((f"  {count(shown)} picks", "dim"))
        if self._no_picture:
            line.append((f"  {plain(self._no_picture)}", "warn"))
        elif self._micrograph(self.index):
            line += self.looking.reading_line()
        below = self.looking.scale_line()
        below.append((self.app.pictures.words, "faint"))
        text = text_of(self, [line, below])
        text.no_wrap, text.overflow = True, "ellipsis"
        self.query_one("#hunt-status", Static).update(text)

    def action_why(self) -> None:
        """Tell which kind of picture was chosen, and why."""
        from tui.screens.why_pictures import WhyPictures

        self.app.push_screen(WhyPictures())

    # what is seen

    def _changed(self) -> None:
        """Count and draw for the values as they are now."""
        hunt = self.hunt
        if hunt is None or self._trouble:
            self._write()
            return
        self.query_one(FomHistogram).show_threshold(self.trial.threshold)
        own = [len(picks.x) for picks in hunt.found.picks]
        names = [picks.micrograph for picks in hunt.found.picks]
        counts = hunt.counts(self.trial)
        self.query_one(CountList).show_counts(names, own, counts, self.index)
        if hunt.found.picks:
            self.view.show_picks(hunt.kept(self.index, self.trial))
        self._write(sum(counts))

    def _write(self, total: int = 0) -> None:
        hunt = self.hunt
        values = self.query_one("#hunt-values", Static)
        if hunt is None or self._trouble:
            words = self._trouble or "reading the picks …"
            role = "warn" if self._trouble else "dim"
            values.update(text_of(self, [[(plain(words), role)]]))
            return
        values.update(text_of(self, self._value_lines(hunt, total)))
        self.query_one("#hunt-tried", Static).update(
            text_of(self, self._tried_lines(hunt))
        )

    def _value_lines(self, hunt: Hunt, total: int) -> list[Line]:
        sure, why = hunt.certainty(self.trial)
        role = "good" if sure == EXACT else "warn" if sure == RERUN else "accent2"
        title = "adjust threshold" if hunt.is_log else "picking threshold"
        unit = " σ" if hunt.is_log else ""
        lines: list[Line] = [
            [
                (f"{title} ", "dim"),
                (f"{self.trial.threshold:.2f}{unit}", "mark"),
                (f"  was {hunt.own.threshold:g}", "faint"),
            ]
        ]
        if hunt.can_thin:
            lines.append(
                [
                    ("minimum distance ", "dim"),
                    (f"{self.trial.distance:g} Å", "mark"),
                    (f"  was {hunt.own.distance:g}", "faint"),
                ]
            )
        else:
            words = "kept by the Laplacian itself" if hunt.is_log else "too many picks"
            lines.append([("minimum distance ", "dim"), (words, "faint")])
        sign = "≥ " if sure == RERUN else "≈ " if sure != EXACT else ""
        lines += [
            [
                (f"{sign}{count(total)} picks", "title"),
                (f" of {count(hunt.total)}", "dim"),
            ],
            [(sure, role), (f": {why}", "faint")],
        ]
        return lines

    def _tried_lines(self, hunt: Hunt) -> list[Line]:
        lines: list[Line] = []
        for i, trial in enumerate(self.tried):
            sure, _ = hunt.certainty(trial)
            sign = "≥" if sure == RERUN else "≈" if sure != EXACT else " "
            counts = hunt.counts(trial)
            mean = sum(counts) / max(1, len(counts))
            now = trial == self.trial
            distance = "" if hunt.is_log else f"{trial.distance:6g} Å"
            lines.append(
                [
                    (f"{i + 1} ", "key"),
                    (f"{trial.threshold:6.2f}{distance}", "mark" if now else "text"),
                    (f"  {sign}{count(sum(counts)):>7}", "title"),
                    (f"  {mean:.0f} each", "dim"),
                ]
            )
        return lines

    # actions

    def _try(self, trial: Trial) -> None:
        self.trial = trial
        self._changed()

    def action_threshold(self, steps: int) -> None:
        """Move the threshold by so many steps."""
        if self.hunt is None:
            return
        step = 0.05 if self.hunt.is_log else 0.01
        self._try(
            Trial(round(self.trial.threshold + steps * step, 4), self.trial.distance)
        )

    def on_fom_histogram_pointed(self, message: FomHistogram.Pointed) -> None:
        """Put the threshold where the mouse is."""
        self._try(Trial(round(message.value, 2), self.trial.distance))

    def action_distance(self, steps: int) -> None:
        """Move the least distance by so many times 10 Å."""
        if self.hunt is not None and self.hunt.can_thin:
            distance = max(0.0, round(self.trial.distance + 10 * steps, 1))
            self._try(Trial(self.trial.threshold, distance))

    def action_own(self) -> None:
        """Go back to what the job was run with."""
        if self.hunt is not None:
            self._try(self.hunt.own)

    def action_keep(self) -> None:
        """Keep the values beside the others."""
        if self.hunt is None or self._trouble or self.trial in self.tried:
            return
        self.tried.append(self.trial)
        del self.tried[:-MAX_TRIED]
        self._changed()

    def action_take_up(self, index: int) -> None:
        """Take values up that were kept."""
        if index < len(self.tried):
            self._try(self.tried[index])

    def action_type(self) -> None:
        """Ask for values."""
        from tui.screens.dialogs import AskLine

        hunt = self.hunt
        if hunt is None:
            return

        def given(text: str | None) -> None:
            if text is None:
                return
            try:
                numbers = [float(word) for word in text.replace(",", " ").split()]
                threshold = numbers[0]
                distance = numbers[1] if len(numbers) > 1 else self.trial.distance
                if not (abs(threshold) < 1e6 and 0 <= distance < 1e6):
                    raise ValueError
            except (ValueError, IndexError):
                self.app.notify(
                    "type a threshold, or a threshold and a distance: 0.4 100",
                    severity="error",
                    timeout=5,
                )
                return
            self._try(Trial(threshold, distance))

        now = f"{self.trial.threshold:g}"
        title = "Adjustment in σ" if hunt.is_log else "Threshold and distance in Å"
        if not hunt.is_log:
            now += f" {self.trial.distance:g}"
        self.app.push_screen(AskLine(title, now), given)

    def action_step(self, step: int) -> None:
        """Look at another micrograph."""
        self._look_at(self.index + step)

    def on_count_list_chosen(self, message: CountList.Chosen) -> None:
        """Look at what was clicked."""
        self._look_at(message.index)

    def _look_at(self, index: int) -> None:
        if self.hunt is None or not self.hunt.found.picks:
            return
        index = max(0, min(index, len(self.hunt.found.picks) - 1))
        if index != self.index:
            self.index = index
            self._changed()
            self._look()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Without going on when one may only look."""
        return not (action == "go_on" and self.app.read_only)

    def action_go_on(self) -> None:
        """Take the values to the form, where Continue! asks."""
        hunt = self.hunt
        if hunt is None or self._trouble:
            return
        continuing = hunt.may_continue and not is_active(self.row)
        values = hunt.values(self.trial, continuing=continuing)
        self.dismiss({**values, "how": "continue" if continuing else "new"})

    def action_leave(self) -> None:
        """Back to the job."""
        self.dismiss(None)
