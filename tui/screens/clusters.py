"""Clusters on the left, their projects on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui.charts import Line
from tui.plain import plain
from tui.widgets.bars import KeyBar, TopBar
from tui.widgets.lines import text_of

if TYPE_CHECKING:
    from remote.cluster import Cluster
    from tui.app import CryodeckApp

_PATH = "\x00path"
_BROWSE = "\x00browse"


class ClustersScreen(Screen[None]):
    """Where one begins: which cluster, which project."""

    app: CryodeckApp
    HELP_TEXT = (
        "A cluster is a machine reached by SSH, or this machine. Its profile is a "
        "small file; host names, keys and jump hosts come from your own SSH config."
    )
    DEFAULT_CSS = """
    ClustersScreen #columns { height: 1fr; }
    ClustersScreen OptionList {
        background: $background; height: 1fr;
    }
    ClustersScreen #left { width: 34; background: $background; }
    ClustersScreen #right { width: 1fr; }
    ClustersScreen .column-title {
        color: $dim; height: 1; padding: 0 1; background: $surface;
    }
    ClustersScreen #facts { height: 3; background: $surface; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "open", priority=True),
        Binding("o", "path", "open a path"),
        Binding("b", "browse", "browse"),
        Binding("a", "add", "add a cluster"),
        Binding("e", "edit", "edit"),
        Binding("D", "forget", "forget the profile", show=False),
        Binding("right", "to_projects", "to the projects", show=False),
        Binding("left,escape", "to_clusters", "to the clusters", show=False),
        Binding("q", "app.quit", "quit"),
    ]

    def __init__(self, chosen: str = "") -> None:
        super().__init__()
        self._chosen = chosen  # where one was last, if none is
        self._all: list[Cluster] = []
        self._paths: list[str] = []
        self._shown = ""  # the cluster whose projects stand on the right

    def compose(self) -> ComposeResult:
        """Two columns and a line about the cluster."""
        yield TopBar("cryodeck", "clusters")
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield Static("Clusters", classes="column-title")
                yield OptionList(id="clusters")
            with Vertical(id="right"):
                yield Static("Projects", classes="column-title")
                yield OptionList(id="projects")
        yield Static(id="facts")
        yield KeyBar()

    def on_mount(self) -> None:
        """Show the profiles; Enter goes on where one was last."""
        from remote.cluster import last_used

        self._fill()
        self.query_one("#clusters").focus()
        names = [cluster.name for cluster in self._all]
        last = self._chosen or last_used(self._all)
        if last in names:
            self.query_one("#clusters", OptionList).highlighted = names.index(last)
            self._show_projects()
            self.action_to_projects()

    def on_screen_resume(self) -> None:
        """Profiles may have changed meanwhile."""
        if self._all:
            self._fill()

    def _fill(self, wanted: str = "") -> None:
        from remote.errors import RemoteError

        try:
            self._all = self.app.clusters()
        except RemoteError as error:
            self.app.notify(str(error), severity="error", markup=False, timeout=12)
            return
        options = self.query_one("#clusters", OptionList)
        before = options.highlighted
        options.clear_options()
        for cluster in self._all:
            where = "this machine" if cluster.session == "local" else cluster.address
            lines: list[Line] = [
                [(plain(cluster.name), "title")],
                [("  " + plain(where), "dim"), (f" · {cluster.scheduler}", "dim")],
            ]
            options.add_option(Option(text_of(self, lines)))
        names = [cluster.name for cluster in self._all]
        options.highlighted = (
            names.index(wanted)
            if wanted in names
            else min(before or 0, len(self._all) - 1)
        )
        self._show_projects()

    @property
    def cluster(self) -> Cluster | None:
        """The cluster that is lit."""
        at = self.query_one("#clusters", OptionList).highlighted
        return self._all[at] if at is not None and at < len(self._all) else None

    def _show_projects(self) -> None:
        cluster = self.cluster
        if cluster is None:
            return
        projects = self.query_one("#projects", OptionList)
        before = projects.highlighted
        projects.clear_options()
        self._paths = [*cluster.recent]
        self._paths += [p for p in cluster.projects if p not in cluster.recent]
        for path in self._paths:
            folder, _, name = path.rstrip("/").rpartition("/")
            line: Line = [(plain(name), "title"), (f"  {plain(folder)}", "dim")]
            projects.add_option(Option(text_of(self, [line])))
        self._paths += [_PATH, _BROWSE]
        if len(self._paths) == 2:
            hint: Line = [("No project was opened here yet.", "dim")]
            projects.add_option(Option(text_of(self, [hint]), disabled=True))
            self._paths.insert(0, "")
        for key, words in (("o", "Open a path …"), ("b", "Browse folders …")):
            projects.add_option(
                Option(text_of(self, [[(f"{key} ", "key"), (words, "text")]]))
            )
        if before is not None and cluster.name == self._shown:
            projects.highlighted = min(before, len(self._paths) - 1)
        self._shown = cluster.name
        facts: list[Line] = [
            [
                ("session ", "faint"),
                (cluster.session, "dim"),
                ("  host ", "faint"),
                (plain(cluster.address if cluster.session != "local" else "-"), "dim"),
                ("  user ", "faint"),
                (plain(cluster.user or "as ssh says"), "dim"),
            ],
            [
                ("scheduler ", "faint"),
                (cluster.scheduler, "dim"),
                ("  queue ", "faint"),
                (plain(cluster.queue or "default"), "dim"),
                ("  engine ", "faint"),
                (plain(cluster.engine or "python3 -m engine"), "dim"),
            ],
        ]
        self.query_one("#facts", Static).update(text_of(self, facts))

    def on_option_list_option_highlighted(
        self, event: OptionList.OptionHighlighted
    ) -> None:
        """Another cluster, other projects."""
        if event.option_list.id == "clusters":
            self._show_projects()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go to the projects, or into one."""
        if event.option_list.id == "clusters":
            self.action_to_projects()
            return
        path = self._paths[event.option_index]
        if path == _PATH:
            self.action_path()
        elif path == _BROWSE:
            self.action_browse()
        else:
            self._open(path)

    def _open(self, path: str) -> None:
        if self.cluster is not None:
            self.app.open_project(self.cluster.name, path)

    # actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Look only, if one may only look."""
        return not (self.app.read_only and action in {"add", "edit", "forget"})

    def action_open(self) -> None:
        """Enter the cluster or the project that is lit."""
        focused = self.focused
        if isinstance(focused, OptionList):
            focused.action_select()

    def action_to_projects(self) -> None:
        """Choose a project."""
        projects = self.query_one("#projects", OptionList)
        projects.focus()
        if projects.highlighted is None:
            projects.action_first()

    def action_to_clusters(self) -> None:
        """Choose a cluster."""
        self.query_one("#clusters").focus()

    def action_path(self) -> None:
        """Type the folder of a project."""
        from tui.screens.dialogs import AskLine

        if self.cluster is None:
            return

        def given(path: str | None) -> None:
            if path:
                self._open(path)

        hint = "Folder on the cluster; ~ is your home there."
        self.app.push_screen(
            AskLine(f"Project on {self.cluster.name}", "", hint), given
        )

    def action_browse(self) -> None:
        """Connect, and choose among the folders there."""
        from tui.screens.browse import BrowseProjects

        cluster = self.cluster
        if cluster is None:
            return

        def chosen(path: str | None) -> None:
            if path:
                self._open(path)

        self.app.push_screen(BrowseProjects(cluster), chosen)

    def action_add(self) -> None:
        """Describe another cluster."""
        self._edit(None)

    def action_edit(self) -> None:
        """Change the profile."""
        self._edit(self.cluster)

    def _edit(self, cluster: Cluster | None) -> None:
        from tui.screens.cluster_form import ClusterForm

        def saved(name: str | None) -> None:
            if name:
                self._fill(name)
                self.action_to_clusters()

        self.app.push_screen(ClusterForm(cluster), saved)

    def action_forget(self) -> None:
        """Delete the profile, nothing else."""
        from remote.cluster import delete
        from tui.screens.dialogs import Confirm

        cluster = self.cluster
        if cluster is None:
            return

        def sure(yes: bool | None) -> None:
            if yes:
                delete(cluster.name)
                self._fill()

        words = "Only the profile on this machine goes; nothing on the cluster does."
        self.app.push_screen(Confirm(f"Forget {cluster.name}?", words, "Forget"), sure)
