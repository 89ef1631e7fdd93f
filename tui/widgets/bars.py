"""The line above and the line below every screen: where we are, and the keys."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.text import Text
from textual.dom import DOMNode
from textual.events import Click
from textual.screen import ModalScreen
from textual.widget import Widget

from remote.views import LinkState
from tui.palette import role_style
from tui.plain import at_home_there, plain, shortened_path
from tui.words import duration, link_words

if TYPE_CHECKING:
    from textual.app import RenderResult

    from tui.app import CryodeckApp

# words for keys that Textual names otherwise
_KEYS = {
    "enter": "⏎",
    "escape": "esc",
    "question_mark": "?",
    "slash": "/",
    "space": "space",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "plus": "+",
    "minus": "-",
    "full_stop": ".",
    "comma": ",",
}


def key_word(key: str) -> str:
    """How a key is written on screen."""
    first = key.split(",")[0]
    shown = _KEYS.get(first, first)
    if shown.startswith("ctrl+"):
        return "^" + shown[5:].upper()
    return (
        shown.upper()
        if len(shown) > 1 and shown[0] == "f" and shown[1:].isdigit()
        else shown
    )


class TopBar(Widget):
    """Breadcrumbs on the left, link and age of the data right; a click goes back."""

    DEFAULT_CSS = "TopBar { dock: top; height: 1; background: $panel; }"

    def __init__(self, *crumbs: str) -> None:
        super().__init__()
        self.crumbs = list(crumbs)
        self._age_shown = ""
        self._here = 0  # where the last crumb, the view itself, begins

    def on_click(self, event: Click) -> None:
        """Go back, as Esc does, from a click on where one came from."""
        if event.x < self._here:
            self.app.simulate_key("escape")

    def on_mount(self) -> None:
        """Ages grow by themselves."""
        self.set_interval(1.0, self._tick)

    def _tick(self) -> None:
        """Write an age that has changed, unless a dialog lies over it.

        Behind another view it is kept true, too: one comes back to it at any moment.
        """
        lies_below = not self.screen.is_current and isinstance(
            self.app.screen, ModalScreen
        )
        if not lies_below and self._link_text().plain != self._age_shown:
            self.refresh()

    def say(self, *crumbs: str) -> None:
        """Show another place."""
        if self.crumbs != list(crumbs):
            self.crumbs = list(crumbs)
            self.refresh()

    def render(self) -> RenderResult:
        """Both ends of the line."""
        theme = self.app.theme
        right = self._link_text()
        self._age_shown = right.plain
        room = self.size.width - right.cell_len - 2
        left, start = Text(" "), 0
        shown = [plain(self._short(crumb)) for crumb in self.crumbs if crumb]
        # the middle ones are paths: they give way first
        extra = sum(len(c) + 3 for c in shown) - room
        for index, crumb in enumerate(shown):
            if extra > 0 and "/" in crumb and index < len(shown) - 1:
                cut = shortened_path(crumb, max(6, len(crumb) - extra))
                extra -= len(crumb) - len(cut)
                crumb = cut
            if index:
                left.append(" › ", role_style(theme, "faint"))
            role = "title" if index == len(shown) - 1 else "dim"
            start = left.cell_len
            left.append(crumb, role_style(theme, role))
        self._here = start
        left.truncate(max(1, room), overflow="ellipsis")
        left.pad_right(max(0, self.size.width - left.cell_len - right.cell_len - 1))
        return left + right

    def _short(self, crumb: str) -> str:
        """A path in one's home folder as people write it."""
        app: CryodeckApp = self.app  # type: ignore[assignment]
        return at_home_there(crumb, app.bridge.home)

    def _link_text(self) -> Text:
        app: CryodeckApp = self.app  # type: ignore[assignment]
        bridge, theme = app.bridge, app.theme
        text = Text()
        if app.read_only:
            text.append("read-only ", role_style(theme, "accent2"))
        if bridge.cluster is None:
            return text
        sign, word, role = link_words(bridge.link)
        if (
            bridge.cluster.session == "local"
            and bridge.link.state is LinkState.CONNECTED
        ):
            word = "this machine"
        if app.is_slow:
            text.append("slow link ", role_style(theme, "accent2"))
        text.append(f"{sign} {word}", role_style(theme, role))
        if bridge.overview is not None:
            seconds = time.time() - bridge.arrived_at
            shown = "now" if seconds < 2 else f"{duration(seconds)} ago"
            stale = bridge.link.state is not LinkState.CONNECTED
            text.append(f" · {shown}", role_style(theme, "warn" if stale else "dim"))
        return text


class KeyBar(Widget):
    """The keys that do something here, as many as fit; every one can be clicked."""

    DEFAULT_CSS = "KeyBar { dock: bottom; height: 1; background: $panel; }"

    def __init__(self) -> None:
        super().__init__()
        self._ends: list[tuple[int, int, str, DOMNode]] = []

    async def on_click(self, event: Click) -> None:
        """Do what the key under the mouse does."""
        for start, end, action, node in self._ends:
            if start <= event.x < end:
                await self.app.run_action(action, node)
                return

    def render(self) -> RenderResult:
        """Keys and what they do."""
        theme = self.app.theme
        text = Text(" ")
        right = Text.assemble(
            ("?", role_style(theme, "key")), (" help", role_style(theme, "dim"))
        )
        end = self.size.width - right.cell_len - 1
        self._ends = [(end, 9999, "app.keys_help", self.app)]
        room = self.size.width - right.cell_len - 2
        for key, what, action, node in self._keys():
            part = Text.assemble(
                (key, role_style(theme, "key")),
                (f" {what}  ", role_style(theme, "dim")),
            )
            if text.cell_len + part.cell_len > room:
                break
            self._ends.append(
                (text.cell_len, text.cell_len + part.cell_len - 2, action, node)
            )
            text += part
        text.pad_right(max(0, self.size.width - text.cell_len - right.cell_len - 1))
        return text + right

    def _keys(self) -> list[tuple[str, str, str, DOMNode]]:
        """Key, words, action and whose action it is: a pane's, the screen's."""
        found: list[tuple[str, str, str, DOMNode]] = []
        seen: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if not (binding.show and active.enabled) or binding.action in seen:
                continue
            seen.add(binding.action)
            key = binding.key_display or key_word(binding.key)
            found.append((key, binding.description, binding.action, active.node))
        return found

    def on_mount(self) -> None:
        """Other bindings, other keys."""
        self.screen.bindings_updated_signal.subscribe(self, self._again)

    def _again(self, _: object) -> None:
        self.refresh()
