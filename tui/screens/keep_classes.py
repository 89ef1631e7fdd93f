"""The last question before marked classes become a Select job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Checkbox, Input, Static

from tui.class_selection import class_selection, score_of
from tui.messages import Answered, Refused
from tui.plain import plain

if TYPE_CHECKING:
    from remote.views import Scores
    from remote.workspace import Workspace
    from tui.screens.gallery import GalleryPane


@dataclass(frozen=True, slots=True)
class Kept:
    """What was answered."""

    alias: str
    recenter: bool
    least_score: str  # of a particle; empty for all
    runs: bool  # at once; else its form is opened

    def keep(self, pane: GalleryPane, model: str, numbers: Sequence[int]) -> None:
        """Make the job, or open its form."""
        if not self.runs:
            self._open_form(pane, model, numbers)
            return

        async def deed(w: Workspace) -> str:
            form = class_selection(
                await w.defaults("select"),
                model,
                numbers,
                recenter=self.recenter,
                least_particle_score=self.least_score,
            )
            name = await w.create(form, alias=self.alias)
            await w.run(name)
            pane.app.last_job = name  # where one comes back to in the list
            return f"{name} ({self.alias})" if self.alias else name

        pane.app.bridge.act(pane, "selected", deed)

    def _open_form(self, pane: GalleryPane, model: str, numbers: Sequence[int]) -> None:
        from tui.screens.job import JobScreen

        screen: Any = pane.screen
        version = (
            pane.app.bridge.overview.version if pane.app.bridge.overview else "4.0"
        )
        if version != "3.1":
            model = model.replace("_model.star", "_optimiser.star")
        values = {
            "fn_model": model,
            "do_recenter": "Yes" if self.recenter else "No",
            "cryodeck_classes": ",".join(str(n) for n in numbers),
        }
        if self.least_score:
            values["cryodeck_min_particle_score"] = self.least_score
        pane.app.push_screen(
            JobScreen(
                screen.cluster, screen.project, None, new_type="select", values=values
            )
        )


_STRAYS = "Leave out particles that score below (0 to 1; empty: keep all):"


class TickBox(Checkbox):
    """A box whose state can be read without color."""

    @property
    def _button(self) -> Content:
        return Content("[x]" if self.value else "[ ]")


class KeepClasses(ModalScreen[Kept | None]):
    """How many are kept, an alias, re-centering; Enter runs it."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "cancel")]

    def __init__(
        self,
        words: str,
        numbers: Sequence[int],
        iteration: int | None,
        alias: str,
        model: str,
        scores: Scores | None = None,
    ) -> None:
        super().__init__()
        self._model, self._scores = model, scores
        self._is_asked = False  # for the scores
        self._alias = alias
        self._words, self._numbers = words, numbers
        self._iteration = iteration

    def compose(self) -> ComposeResult:
        """Facts, alias, box, buttons."""
        numbers = ", ".join(str(n) for n in self._numbers)
        with Vertical(classes="dialog"):
            yield Static("Keep these classes?", classes="dialog-title", markup=False)
            yield Static(
                plain(f"{self._words}, of iteration {self._iteration}: {numbers}"),
                classes="dialog-words",
                markup=False,
            )
            yield Static("Alias of the Select job (may be empty):", markup=False)
            yield Input(self._alias, id="alias", compact=True)
            yield TickBox("Re-center the class averages", value=True, compact=True)
            yield Static(_STRAYS, markup=False)
            yield Input("", id="least", compact=True)
            yield Static("", id="left-out", classes="dialog-words", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Run", id="run", classes="go")
                yield Button("Open the form", id="form")
                yield Button("Back", id="back")

    def on_mount(self) -> None:
        """Type the alias at once."""
        self.query_one("#alias").focus()

    def _answer(self, *, runs: bool) -> None:
        alias = self.query_one("#alias", Input).value.strip()
        least = self.query_one("#least", Input).value.strip()
        if least and score_of(least) is None:
            self.query_one("#least").focus()
            return
        recenter = self.query_one(TickBox).value
        self.dismiss(Kept(alias, recenter, least, runs))

    @on(Input.Changed, "#least")
    def say_left_out(self) -> None:
        """Say how many particles the score leaves out, or why it is none."""
        self.query_one("#left-out", Static).update(plain(self._left_out()))

    def _left_out(self) -> str:
        text = self.query_one("#least", Input).value.strip()
        if not text:
            return ""
        least = score_of(text)
        if least is None:
            return f"{text}: a score is a number from 0 to 1, like 0.3"
        if self._scores is None:
            self._ask_scores()
            return "counting …"
        left, every = self._scores.below(least, self._numbers)
        share = 100 * left / every if every else 0
        return f"leaves out about {left} of {every} particles ({share:.1f} %)"

    def _ask_scores(self) -> None:
        if not self._is_asked:
            self._is_asked = True
            app: Any = self.app
            app.bridge.ask(self, "scores", lambda w: w.class_scores(self._model))

    def on_answered(self, message: Answered) -> None:
        """Count."""
        message.stop()
        self._scores = message.answer
        self.say_left_out()

    def on_refused(self, message: Refused) -> None:
        """It goes without; say why they are not counted."""
        message.stop()
        self._is_asked = False
        self.query_one("#left-out", Static).update(plain(message.reason))

    def on_input_submitted(self) -> None:
        """Enter runs it."""
        self._answer(runs=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        if event.button.id == "back":
            self.dismiss(None)
        else:
            self._answer(runs=event.button.id == "run")

    def action_give_up(self) -> None:
        """Close without an answer."""
        self.dismiss(None)
