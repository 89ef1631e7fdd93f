"""The link and its costs: round trips, bytes, the agent's processor time and memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import Screen

from tui.charts import Line
from tui.messages import Answered, Refused
from tui.plain import plain
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import LinesView
from tui.words import bytes_words, duration, link_words

if TYPE_CHECKING:
    from remote.views import Link, Traffic
    from tui.app import CryodeckApp

AGAIN_S = 5.0
_WIDTH = 25


class AboutScreen(Screen[None]):
    """What cryodeck's one process on the login node has cost."""

    app: CryodeckApp
    HELP_TEXT = (
        "cryodeck runs one process on the login node, the agent, and leaves nothing "
        "else there. These are its costs since you connected. A site can set limits in "
        "/etc/cryodeck/limits; they are shown here and respected."
    )
    DEFAULT_CSS = "AboutScreen LinesView { height: 1fr; padding: 1 2; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "ask again"),
        Binding("escape,q", "dismiss", "back"),
    ]

    def compose(self) -> ComposeResult:
        """The lines."""
        yield TopBar("cryodeck", "about the link")
        yield LinesView(id="about")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask, and go on asking."""
        self.query_one(LinesView).focus()
        self.query_one(LinesView).show_lines([[("asking …", "dim")]])
        self.action_again()
        self.set_interval(AGAIN_S, self.action_again)

    def action_again(self) -> None:
        """Ask the agent for its costs: one small round trip."""
        self.app.bridge.ask(self, "traffic", lambda w: w.traffic())

    def on_answered(self, message: Answered) -> None:
        """Show them."""
        self.query_one(LinesView).show_lines(about_lines(message.answer))

    def on_refused(self, message: Refused) -> None:
        """Show what is known without the cluster."""
        lines = [_link_line(self.app.bridge.link), [(plain(message.reason), "warn")]]
        self.query_one(LinesView).show_lines(lines)


def about_lines(seen: Traffic) -> list[Line]:
    """A line per fact, in two groups."""
    minutes = max(seen.connected_s / 60.0, 1.0)
    per_minute = (seen.bytes_sent + seen.bytes_received) / minutes
    carried = f"{bytes_words(seen.bytes_sent)}, {bytes_words(seen.bytes_received)}"
    cpu = f"{seen.cpu_s:.2f} s, and {seen.children_cpu_s:.2f} s of what it started"
    memory = f"{bytes_words(seen.memory)}, at most {bytes_words(seen.memory_peak)}"
    load = " ".join(f"{value:.1f}" for value in seen.load)
    limits = seen.limits
    pace, nice = limits["poll_s"], f"{limits['nice']:.0f}"
    asked = f"every {pace:.0f} s at most" if pace else "as the profile says (poll_s)"
    whose = "the site's" if seen.is_limited else "cryodeck's own"
    return [
        [("Link", "title")],
        _link_line(seen.link),
        _fact("connected", f"by {seen.session}, for {duration(seen.connected_s)}"),
        _fact("round trips", f"{seen.round_trips:,}"),
        _fact("sent, received", carried),
        _fact("together", f"{bytes_words(per_minute)} a minute"),
        _fact("the cluster's clock", f"{seen.clock_skew_s:+.1f} s"),
        [],
        [("On the login node: one process, which ends with the link", "title")],
        _fact("where", f"{seen.user}@{seen.host}, process {seen.pid}"),
        _fact("processor time", cpu),
        _fact("memory", memory),
        _fact("load of the node", f"{load} on {seen.cores} cores"),
        [],
        [(f"Limits ({whose})", "title")],
        _fact("memory, at most", f"{limits['memory_mb']:.0f} MB"),
        _fact("silence, at most", duration(limits["silence_s"])),
        _fact("slow requests at once", f"{limits['heavy_threads']:.0f}, nice {nice}"),
        _fact("the scheduler is asked", asked),
    ]


def _link_line(link: Link) -> Line:
    sign, words, role = link_words(link)
    return [("state".ljust(_WIDTH), "dim"), (f"{sign} {words}", role)]


def _fact(name: str, value: str) -> Line:
    return [(name.ljust(_WIDTH), "dim"), (plain(value), "text")]
