"""Questions of a login, asked inside the interface."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from tui.charts import Line
from tui.plain import plain, plain_lines
from tui.widgets.lines import text_of

if TYPE_CHECKING:
    from textual.app import App

    from remote.prompts import HostKey, Question


class ScreenPrompts:
    """Asks the person in a dialog; see `remote.prompts.Prompts`."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app

    async def host_key(self, key: HostKey) -> bool:
        """Show an unknown host's key; only the button accepts it."""
        return bool(await self._answer(HostKeyDialog(key)))

    async def ask(
        self, host: str, title: str, instructions: str, questions: Sequence[Question]
    ) -> list[str] | None:
        """One round of questions; None if the person gives up."""
        if not questions:
            return []
        dialog = QuestionsDialog(host, title, instructions, questions)
        answer: list[str] | None = await self._answer(dialog)
        return answer

    async def say(self, host: str, text: str) -> None:
        """Show a host's banner."""
        words = "\n".join(plain_lines(text.strip())[:12])
        self._app.notify(words, title=plain(host), markup=False, timeout=8)

    async def _answer(self, dialog: ModalScreen[Any]) -> Any:
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(value: Any) -> None:
            if not future.done():
                future.set_result(value)

        self._app.call_later(self._app.push_screen, dialog, done)
        return await future


class HostKeyDialog(ModalScreen[bool]):
    """An unknown host: No is the answer unless one says otherwise."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "refuse", "refuse"),
        Binding("left,right", "app.focus_next", "other button", show=False),
    ]

    def __init__(self, key: HostKey) -> None:
        super().__init__()
        self.key = key

    def compose(self) -> ComposeResult:
        """The key and what to compare it with."""
        key = self.key
        lines: list[Line] = [
            [
                ("Host         ", "dim"),
                (plain(f"{key.host}, port {key.port}"), "title"),
            ],
            [("Kind         ", "dim"), (plain(key.type), "text")],
            [("Fingerprint  ", "dim"), (plain(key.fingerprint), "accent2")],
            [],
            [
                (
                    "Compare the fingerprint with what the cluster's documentation or "
                    "administrator says. If it is right, it is added to "
                    f"{plain(key.known_hosts)} and not asked again.",
                    "text",
                )
            ],
        ]
        with Vertical(classes="dialog"):
            yield Static("This host is not known yet", classes="dialog-title")
            yield Static(text_of(self, lines))
            with Horizontal(classes="dialog-buttons"):
                yield Button("Do not connect", id="no")
                yield Button("It is right: trust it", id="yes", classes="go")

    def on_mount(self) -> None:
        """The careful answer is the near one."""
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Answer."""
        self.dismiss(event.button.id == "yes")

    def action_refuse(self) -> None:
        """No."""
        self.dismiss(False)


class QuestionsDialog(ModalScreen[list[str] | None]):
    """A password, a passphrase, or a round of keyboard-interactive questions."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "give up")]

    def __init__(
        self, host: str, title: str, instructions: str, questions: Sequence[Question]
    ) -> None:
        super().__init__()
        self._host, self._questions = host, list(questions)
        said = [part for part in (title, instructions) if part.strip()]
        self._words = [line for part in said for line in plain_lines(part.strip())]

    def compose(self) -> ComposeResult:
        """What the host says, quoted, and a line for each question."""
        lines: list[Line] = [[("│ ", "faint"), (line, "text")] for line in self._words]
        with Vertical(classes="dialog"):
            yield Static(
                plain(f"{self._host} asks"), classes="dialog-title", markup=False
            )
            with VerticalScroll(classes="dialog-body", can_focus=False):
                yield Static(text_of(self, lines))
            for number, question in enumerate(self._questions):
                yield Static(plain(question.text.strip() or "Password:"), markup=False)
                yield Input(
                    password=question.is_secret, id=f"answer-{number}", compact=True
                )
            yield Static("⏎ sends it, Esc gives up", classes="dialog-hint")

    def on_mount(self) -> None:
        """Type at once."""
        self.query(Input).first().focus()

    def on_resize(self, event: Resize) -> None:
        """A long banner scrolls: what is asked must be seen."""
        room = event.size.height * 92 // 100 - 6 - 2 * len(self._questions)
        self.query_one(VerticalScroll).styles.max_height = max(2, room)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go to the next question, or answer."""
        inputs = list(self.query(Input))
        at = inputs.index(event.input)
        if at + 1 < len(inputs):
            inputs[at + 1].focus()
            return
        self.dismiss([field.value for field in inputs])

    def action_give_up(self) -> None:
        """No answer."""
        self.dismiss(None)
