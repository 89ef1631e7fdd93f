"""The cluster at a glance: queues, this project's jobs in them, room on the disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.screen import Screen

from engine.jobs.requests import clock
from remote.views import JobRow, JobState
from tui.charts import Line, progress_bar, wrapped
from tui.messages import Answered, Refused
from tui.plain import plain, shortened
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import LinesView
from tui.words import bytes_words, displayed_name, is_active, plural, state_words

if TYPE_CHECKING:
    from remote.cluster import Cluster
    from remote.schedulers.queues import QueueLimits
    from tui.app import CryodeckApp

_AGAIN_S = 60.0
_STOPPED = 5  # jobs that did not succeed, the newest


@dataclass(frozen=True, slots=True)
class Glance:
    """What is shown."""

    queues: tuple[QueueLimits, ...]
    free: float | None  # bytes of the project's disk


class QueuesScreen(Screen[None]):
    """Where jobs may go, and where those of this project are."""

    app: CryodeckApp
    HELP_TEXT = (
        "The scheduler's queues (Slurm: partitions) with what a job can have there, "
        "as far as the scheduler tells; then this project's jobs that wait or run, and "
        "those that stopped without success."
    )
    DEFAULT_CSS = "QueuesScreen LinesView { height: 1fr; padding: 0 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "again", "refresh"),
        Binding("escape,q", "dismiss", "back"),
    ]

    def __init__(self, cluster: Cluster, project: str) -> None:
        super().__init__()
        self.cluster, self.project = cluster, project
        self._glance: Glance | None = None
        self._trouble = ""

    def compose(self) -> ComposeResult:
        """The lines."""
        yield TopBar("cryodeck", self.cluster.name, self.project, "queues")
        yield LinesView(id="queues")
        yield KeyBar()

    def on_mount(self) -> None:
        """Ask, and go on asking now and then."""
        self.query_one(LinesView).focus()
        self.action_again()
        self.set_interval(_AGAIN_S, self.action_again)

    def on_resize(self, event: Resize) -> None:
        """Draw for the new width."""
        self._write()

    def take(self, message: Any) -> None:
        """Another job list: jobs may be elsewhere."""
        self._write()

    def action_again(self) -> None:
        """Ask the scheduler for its queues, and the disk for its room."""

        async def glance(w: Any) -> Glance:
            queues = await w.queues()
            room = (await w.inputs([])).get("free")
            return Glance(tuple(queues.values()), room)

        self.app.bridge.ask(self, "queues", glance)

    def on_answered(self, message: Answered) -> None:
        """Show it."""
        self._glance, self._trouble = message.answer, ""
        self._write()

    def on_refused(self, message: Refused) -> None:
        """Say why it is not known."""
        self._trouble = message.reason
        self._write()

    def _write(self) -> None:
        view = self.query_one(LinesView)
        width = view.size.width - 1
        if width < 20:
            return
        overview = self.app.bridge.overview
        rows = overview.jobs if overview is not None else ()
        lines: list[Line] = []
        if self._trouble:
            lines += wrapped([(plain(self._trouble), "warn")], width)
        elif self._glance is None:
            lines.append([("asking the scheduler …", "dim")])
        if self._glance is not None:
            lines += queue_lines(self._glance.queues, self.cluster.scheduler, width)
            if self._glance.free is not None:
                room = f"{bytes_words(self._glance.free)} free where the project is"
                lines += [[], [("Disk  ", "title"), (room, "text")]]
        view.show_lines([*lines, *job_lines(rows, width)])


def queue_lines(
    queues: tuple[QueueLimits, ...], scheduler: str, width: int
) -> list[Line]:
    """A line for each queue: free cores, its largest node, limits."""
    if not queues:
        words = f"the scheduler ({scheduler}) has told of no queues"
        return [[(words, "dim")]]
    name_width = min(24, max(len(queue.name) for queue in queues) + 2)
    lines: list[Line] = [[("Queues", "title")]]
    for queue in queues:
        name = shortened(plain(queue.name), name_width - 2)
        line: Line = [
            ("* " if queue.is_default else "  ", "accent2"),
            (name.ljust(name_width), "text"),
        ]
        if queue.cores_idle is not None and queue.cores:
            used = queue.cores - queue.cores_idle
            line += [*progress_bar(used, queue.cores, 12), ("  ", "dim")]
            line.append((f"{queue.cores_idle} of {queue.cores} cores free", "text"))
        else:
            line.append((f"{queue.cores} cores", "text"))
        node = f"{queue.cores_per_node} cores"
        if queue.memory_mb:
            node += f", {queue.memory_mb / 1024:.0f} GiB"
        if queue.gpus_per_node:
            node += f", {plural(queue.gpus_per_node, 'GPU')}"
        parts = [f"  {plural(queue.nodes, 'node')} of {node}"]
        if queue.max_time_s is not None:
            parts.append(f"at most {clock(queue.max_time_s)}")
        if queue.max_nodes is not None:
            parts.append(f"{plural(queue.max_nodes, 'node')} a job")
        line.append((" · ".join(parts), "dim"))
        lines += wrapped(line, width, name_width + 2)
    if any(queue.is_default for queue in queues):
        lines.append([("* where jobs go that name no queue", "faint")])
    return lines


def job_lines(rows: tuple[JobRow, ...], width: int) -> list[Line]:
    """This project's jobs under way, with why they wait; and those that stopped."""
    active = [row for row in rows if is_active(row)]
    lines: list[Line] = [[], [("Jobs of this project that wait or run", "title")]]
    lines += [part for row in active for part in _job_line(row, width)]
    if not active:
        lines.append([("  none", "dim")])
    stopped = [
        row
        for row in sorted(rows, key=lambda row: -row.number)
        if row.verdict.state.is_over and row.verdict.state is not JobState.SUCCEEDED
    ]
    if stopped:
        lines += [[], [("Stopped without success", "title")]]
        shown = stopped[:_STOPPED]
        lines += [part for row in shown for part in _job_line(row, width)]
        if len(stopped) > len(shown):
            lines.append([(f"  and {len(stopped) - len(shown)} older ones", "dim")])
    return lines


def _job_line(row: JobRow, width: int) -> list[Line]:
    sign, word, role = state_words(row.verdict.state)
    alias = f" ({displayed_name(row)})" if row.alias else ""
    number = f"{row.scheduler_id}  " if row.scheduler_id else ""
    line: Line = [
        (f"  {sign} {word}  ", role),
        (plain(f"{row.name}{alias}  "), "text"),
        (plain(number), "faint"),
        (plain(row.verdict.reason), "dim"),
    ]
    return wrapped(line, width, 4)
