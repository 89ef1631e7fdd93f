"""The profile of a cluster: what is needed first, the rest in its file."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from tui.forms.fields import Line, OneOf
from tui.plain import plain

if TYPE_CHECKING:
    from remote.cluster import Cluster

# attribute, label, hint
_TEXTS = (
    ("host", "Host", "also of ~/.ssh/config; empty: the name"),
    ("user", "User", "empty: as your ssh config says"),
    ("port", "Port", "0: as your ssh config says"),
    ("engine", "Engine command", "empty: python3 -m engine"),
    ("setup", "Lines before a job", "module load …; several apart by ;;"),
    ("mpirun", "MPI starter", ""),
    ("template", "Site's job template", "path on the cluster; empty: cryodeck's own"),
    ("queue", "Queue", "default of the Running tab"),
    ("account", "Account", ""),
    ("time_limit", "Time limit", "such as 12:00:00"),
    ("memory", "Memory", "such as 16G"),
    ("submit_args", "More for the scheduler", "such as --constraint=gpu"),
    ("projects", "Folders of projects", "several apart by ;;"),
)


class ClusterForm(ModalScreen[str]):
    """Add a cluster or change one; gives its name, or nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "cancel"),
        Binding("ctrl+s", "save", "save"),
    ]

    def __init__(self, cluster: Cluster | None) -> None:
        super().__init__()
        self.cluster = cluster

    def compose(self) -> ComposeResult:
        """A line for each thing."""
        from remote.cluster import SCHEDULERS, SESSIONS, Cluster

        cluster = self.cluster or Cluster(name="new", scheduler="slurm")
        is_new = self.cluster is None
        with Vertical(classes="dialog"):
            title = "A new cluster" if is_new else f"Cluster {plain(cluster.name)}"
            yield Static(title, classes="dialog-title", markup=False)
            with VerticalScroll(classes="dialog-body", can_focus=False):
                if is_new:
                    with Horizontal(classes="field"):
                        yield Label("Name")
                        yield Line(
                            id="name", compact=True, placeholder="what you call it"
                        )
                with Horizontal(classes="field"):
                    yield Label("Session")
                    yield OneOf(cluster.session, SESSIONS, "Session")
                with Horizontal(classes="field"):
                    yield Label("Scheduler")
                    yield OneOf(cluster.scheduler, SCHEDULERS, "Scheduler")
                for key, label, hint in _TEXTS:
                    value = getattr(cluster, key)
                    shown = (
                        " ;; ".join(value) if isinstance(value, tuple) else str(value)
                    )
                    with Horizontal(classes="field"):
                        yield Label(label)
                        yield Line(shown, id=f"f-{key}", compact=True, placeholder=hint)
            yield Static(classes="dialog-error", markup=False)
            with Horizontal(classes="dialog-buttons"):
                yield Button("Save", id="save", classes="go")
                yield Button("Back", id="back")
            yield Static(
                "Passwords are never kept. ^S saves, Esc leaves.", classes="dialog-hint"
            )

    def on_mount(self) -> None:
        """Type at once."""
        self.query(Line).first().focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Save or leave."""
        if event.button.id == "save":
            self.action_save()
        else:
            self.dismiss("")

    def action_save(self) -> None:
        """Write the profile, or say what is wrong with it."""
        from remote.cluster import Cluster, load_all, save
        from remote.errors import RemoteError

        values: dict[str, Any] = {}
        try:
            for key, label, _ in _TEXTS:
                text = self.query_one(f"#f-{key}", Input).value.strip()
                if key in {"setup", "projects"}:
                    values[key] = tuple(
                        p.strip() for p in text.split(";;") if p.strip()
                    )
                elif key == "port":
                    if not (text or "0").isdigit():
                        self._wrong(f"{label}: a number, 0 for the usual one")
                        return
                    values[key] = int(text or "0")
                else:
                    values[key] = text
            session, scheduler = (one.value for one in self.query(OneOf))
            values.update(session=session, scheduler=scheduler)
            if self.cluster is not None:
                name = self.cluster.name
                save(replace(self.cluster, **values))
            else:
                name = self.query_one("#name", Input).value.strip()
                if any(known.name == name for known in load_all()):
                    self._wrong(f"there is a cluster {name} already")
                    return
                save(Cluster(name=name, **values))
        except (RemoteError, OSError) as error:
            self._wrong(str(error))
            return
        self.dismiss(name)

    def _wrong(self, words: str) -> None:
        self.query_one(".dialog-error", Static).update(plain(words))

    def action_give_up(self) -> None:
        """Leave the profile as it is."""
        self.dismiss("")
