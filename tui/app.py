"""The application: theme, screens, the bridge; no work is done here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.theme import Theme

from tui.back_by_mouse import BackByMouse
from tui.bridge import Bridge, Opener, open_workspace
from tui.graphics import (
    Answers,
    PictureMode,
    decided,
    has_no_color,
    wants_no_color,
)
from tui.habits import Settings
from tui.messages import (
    JobEnded,
    JobsEnded,
    LinkChanged,
    OverviewArrived,
    ProjectOpened,
    Refused,
    Remembered,
)
from tui.no_color import Attributes
from tui.notifying import tell
from tui.palette import THEMES
from tui.pixel_app import PixelApp
from tui.toasts import Toasts
from tui.type_ahead import TypeAhead

if TYPE_CHECKING:
    from textual.message import Message
    from textual.screen import Screen

    from remote.cluster import Cluster

MANY_JOBS = 500
SLOW_S, FAST_AGAIN_S = 0.5, 0.25  # of round trips: where the preset comes and goes


class CryodeckApp(Toasts[int], BackByMouse[int], TypeAhead[int], PixelApp[int]):
    """cryodeck's terminal interface."""

    TITLE = "cryodeck"
    CSS_PATH = Path(__file__).with_name("app.tcss")
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "keys_help", "help", show=False),
        Binding("ctrl+p", "command_palette", "all commands", show=False, priority=True),
        Binding("ctrl+l", "retry_link", "look again now", show=False),
        Binding("ctrl+t", "next_theme", "next theme", show=False),
        Binding("colon", "command_line", "type a command", show=False),
        Binding("f12", "journal", "what was asked of the cluster", show=False),
        Binding("f11", "about", "the link and its costs", show=False),
        Binding("ctrl+z", "suspend_process", "to the shell, until fg", show=False),
        Binding("ctrl+q", "quit", "quit", show=False, priority=True),
    ]

    def __init__(
        self,
        *,
        host: str = "",
        project: str = "",
        read_only: bool = False,
        opener: Opener = open_workspace,
        clusters: list[Cluster] | None = None,
        pictures: PictureMode | None = None,
        offline: bool = False,
        settings: Settings | None = None,
        order: str = "",
    ) -> None:
        encoding = getattr(sys.stdout, "encoding", "") or ""
        self._without_color: list[LineFilter] = []
        if wants_no_color(os.environ) or has_no_color(os.environ):
            greys = not has_no_color(os.environ)
            self._without_color = [Attributes(keeps_greys=greys)]
        super().__init__(pictures or decided(os.environ, encoding, Answers()))
        self.host, self.project, self.read_only = host, project, read_only
        self.given_clusters = clusters
        self.settings = settings or Settings(tour=False)
        self.slow_choice, self.is_slow = self.settings.slow_link, False
        self.bridge = Bridge(self, opener, read_only=read_only, offline=offline)
        self._is_settled = False
        self._order = order  # what to show as soon as there is a job list
        self._opened = ("", "")  # cluster and project, until a job list has come
        self.last_job = ""  # that was looked at
        self.marked_classes: dict[str, set[int]] = {}  # by job, for as long as we live
        for name, colors in THEMES.items():
            self.register_theme(_theme(name, colors))
        self.theme = self.settings.theme

    def on_mount(self) -> None:
        """Open the project that was named, or ask for one."""
        if self.project:
            self.open_project(self.host or "local", self.project, is_typed=True)
        elif self.host:
            self.open_last(self.host)
        else:
            self.show_clusters()
        self.set_slow(self.slow_choice)
        if self.settings.tour:
            from tui.screens.tour import was_seen

            if not was_seen():
                self.call_later(self.action_tour)

    @property
    def is_far(self) -> bool:
        """Whether few bytes should go to the terminal at a time."""
        return self.slow_choice == "on" or super().is_far

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Without color if the person or the terminal wants none."""
        return self._without_color or super().get_line_filters()

    def set_slow(self, choice: str) -> None:
        """The preset for slow links: on, off, or as the link's delay says."""
        self.slow_choice = choice
        trip = self.bridge.link.round_trip_s or 0.0
        limit = FAST_AGAIN_S if self.is_slow else SLOW_S
        was, self.is_slow = (
            self.is_slow,
            choice == "on" or (choice == "auto" and trip > limit),
        )
        self.animation_level = "none" if self.is_slow else "full"
        if was == self.is_slow or choice != "auto":
            return
        words = f"the link needs {1000 * trip:.0f} ms"
        says = (
            f"Slow link preset on: {words}. Longer pauses, no animation; `:slow off`."
            if self.is_slow
            else f"Slow link preset off: {words}."
        )
        self.notify(says, markup=False, timeout=6)

    def show_clusters(self, chosen: str = "") -> None:
        """Show clusters and their projects, those of the chosen one first."""
        from tui.screens.clusters import ClustersScreen

        self.push_screen(ClustersScreen(chosen))

    def open_last(self, name: str) -> None:
        """Go to the project that was opened last on a cluster, or ask for one."""
        cluster = self._cluster_or_none(name)
        if cluster is not None and cluster.recent:
            self.open_project(name, cluster.recent[0])
        elif cluster is not None:
            self.show_clusters(name)

    def _cluster_or_none(self, name: str) -> Cluster | None:
        """A profile; where there is none, say why, with the others to choose from."""
        try:
            return self.cluster_named(name)
        except Exception as error:
            from remote.errors import RemoteError

            if not isinstance(error, RemoteError):
                raise
            self.show_clusters()
            self.notify(str(error), severity="error", markup=False, timeout=10)
            return None

    def open_project(self, name: str, project: str, *, is_typed: bool = False) -> None:
        """Go to a project's job list; the connection is made meanwhile."""
        from tui.screens.jobs import JobsScreen
        from tui.screens.prompts import ScreenPrompts

        cluster = self._cluster_or_none(name)
        if cluster is None:
            return
        project = cluster.meant(project) if is_typed else project
        self.push_screen(JobsScreen(cluster, project))
        self.bridge.open(cluster, project, ScreenPrompts(self))

    def cluster_named(self, name: str) -> Cluster:
        """Return the profile of a cluster."""
        from remote.cluster import load

        for cluster in self.given_clusters or []:
            if cluster.name == name:
                return cluster
        return load(name)

    def clusters(self) -> list[Cluster]:
        """All profiles."""
        from remote.cluster import load_all

        return self.given_clusters if self.given_clusters is not None else load_all()

    # what the bridge says goes to every screen that wants it

    def _hand_on(self, message: Message) -> None:
        for screen in self.screen_stack:
            handler = getattr(screen, "take", None)
            if handler is not None and screen.is_mounted:
                handler(message)

    def on_link_changed(self, message: LinkChanged) -> None:
        """Tell the screens."""
        if message.link.round_trip_s is not None:
            self.set_slow(self.slow_choice)
        self._hand_on(message)

    def on_overview_arrived(self, message: OverviewArrived) -> None:
        """Tell the screens; what a large project has brought is there to stay."""
        self._hand_on(message)
        self._remember()
        if self._order:
            from tui.commanding import obey

            order, self._order = self._order, ""
            obey(self, order)
        if len(message.overview.jobs) > MANY_JOBS and not self._is_settled:
            self._is_settled = True
            self.call_later(settle_memory)

    def on_project_opened(self, message: ProjectOpened) -> None:
        """Have it remembered, if there is a RELION project in the folder."""
        self._is_settled = False
        self._hand_on(message)
        self._opened = message.cluster, message.project

    def on_refused(self, message: Refused) -> None:
        """Tell the screens."""
        self._hand_on(message)

    def on_remembered(self, message: Remembered) -> None:
        """Tell the screens how old what they show is."""
        self._hand_on(message)

    def on_jobs_ended(self, message: JobsEnded) -> None:
        """Say what came to an end while nobody looked."""
        from tui.plain import plain
        from tui.words import displayed_name, plural, state_words

        named = [
            f"{plain(displayed_name(row))} {state_words(row.verdict.state)[1].lower()}"
            for row in message.jobs[:6]
        ]
        more = len(message.jobs) - len(named)
        words = ", ".join(named) + (f" and {more} more" if more else "")
        title = f"{plural(len(message.jobs), 'job')} ended since you looked"
        tell(self, self.settings.notify, title, words)
        self.notify(
            words,
            title=title,
            markup=False,
            timeout=15,
        )

    def on_job_ended(self, message: JobEnded) -> None:
        """Ring and say so."""
        from tui.plain import plain
        from tui.words import displayed_name, reason_of, state_words

        row = message.job
        _, word, role = state_words(row.verdict.state)
        alias = f" ({displayed_name(row)})" if row.alias else ""
        words = plain(f"{row.name}{alias}: {reason_of(row)}".removesuffix(": "))
        tell(self, self.settings.notify, f"cryodeck: {word}", words)
        self.notify(
            words,
            title=word,
            severity="information" if role == "good" else "error",
            markup=False,
            timeout=10,
        )

    def _remember(self) -> None:
        """Keep the project that was opened last among the recent ones, once."""
        (name, project), self._opened = self._opened, ("", "")
        if self.given_clusters is not None or not project:
            return
        from remote.cluster import save
        from remote.errors import RemoteError

        try:
            cluster = self.cluster_named(name)
            save(cluster.with_recent(project))
        except (RemoteError, OSError) as error:
            self.log.error(str(error))

    # actions

    def action_keys_help(self) -> None:
        """Show what the keys of this view do."""
        from tui.screens.keys_help import KeysHelp

        if not isinstance(self.screen, KeysHelp):
            self.push_screen(KeysHelp(self.screen))

    def action_command_line(self) -> None:
        """Take a command by its name."""
        from tui.commanding import known_names, obey
        from tui.screens.command_line import CommandLine

        def given(line: str | None) -> None:
            if line:
                obey(self, line)

        if not isinstance(self.screen, CommandLine):
            self.push_screen(CommandLine(known_names(self)), given)

    def action_journal(self) -> None:
        """Show what was asked of the cluster."""
        from tui.screens.journal import JournalScreen

        if not isinstance(self.screen, JournalScreen):
            self.push_screen(JournalScreen())

    def action_about(self) -> None:
        """Show what the link carries and what it costs the login node."""
        from tui.screens.about import AboutScreen

        if not isinstance(self.screen, AboutScreen):
            self.push_screen(AboutScreen())

    def action_tour(self) -> None:
        """Show a newcomer around."""
        from tui.screens.tour import Tour

        self.push_screen(Tour())

    def action_retry_link(self) -> None:
        """Look at the project now, and paint the whole screen."""
        self.paint_anew()
        self.screen.refresh()
        self.bridge.retry_link()

    def action_next_theme(self) -> None:
        """Go through the themes."""
        names = list(THEMES)
        at = names.index(self.theme) if self.theme in names else -1
        self.theme = names[(at + 1) % len(names)]
        self.screen.refresh(layout=True)

    @property
    def ascii_only(self) -> bool:
        """Whether there is nothing but letters."""
        return self.pictures.kind == "ascii"

    async def action_quit(self) -> None:
        """Leave; jobs go on."""
        self.pixels.free()
        await self.bridge.close()
        self.exit(0)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer every action of the view in the palette."""
        from tui.screens.keys_help import is_own

        seen = set()
        for active in list(screen.active_bindings.values()):
            binding = active.binding
            if not is_own(binding) or binding.action in seen or not active.enabled:
                continue
            if active.node not in (screen, self, screen.focused):
                continue
            seen.add(binding.action)
            node, action = active.node, binding.action

            async def perform(node: Any = node, action: str = action) -> None:
                await self.run_action(action, default_namespace=node)

            title = binding.description[:1].upper() + binding.description[1:]
            yield SystemCommand(title, f"key: {binding.key.split(',')[0]}", perform)

    def _fatal_error(self) -> None:
        """Leave with where it broke, as Textual does, but with no variable's value.

        One of them may be a password.
        """
        from rich.segment import Segments
        from rich.traceback import Traceback

        self.bell()
        shown = self.console.render(Traceback(width=None), self.console.options)
        self._exit_renderables.append(Segments(shown))
        self._close_messages_no_wait()


def settle_memory() -> None:
    """Spare the garbage collector what stays: a full round over it lasts 60 ms."""
    import gc

    gc.unfreeze()
    gc.collect()
    gc.freeze()


def _theme(name: str, colors: dict[str, str]) -> Theme:
    return Theme(
        name=name,
        primary=colors["accent"],
        secondary=colors["bar"],
        warning=colors["warn"],
        error=colors["bad"],
        success=colors["good"],
        accent=colors["accent2"],
        foreground=colors["text"],
        background=colors["background"],
        surface=colors["surface"],
        panel=colors["panel"],
        dark="light" not in name,
        variables={
            "footer-key-foreground": colors["accent"],
            "scrollbar": colors["line"],
            "scrollbar-background": colors["background"],
            "scrollbar-hover": colors["faint"],
            "scrollbar-active": colors["accent"],
            "scrollbar-corner-color": colors["background"],
            "border": colors["line"],
            "border-blurred": colors["line"],
            "input-selection-background": colors["cursor"],
            "block-cursor-background": colors["cursor"],
            "block-cursor-foreground": colors["text"],
            "block-cursor-text-style": "none",
            "line": colors["line"],
            "dim": colors["dim"],
            "faint": colors["faint"],
        },
    )
