"""Files to put into a field: those that jobs made first, then the folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option as Entry

from engine.jobs.option import Kind, Option
from tui.charts import Line
from tui.messages import Answered, Refused
from tui.plain import plain, shortened
from tui.widgets.lines import text_of
from tui.words import bytes_words, clock, how_far_words

if TYPE_CHECKING:
    from remote.views import Folder, HowFar, Overview
    from tui.app import CryodeckApp

_UP = ".."
_PROJECT = "\x00"  # ends the target of a folder that is a RELION project
_SIZE_AND_TIME = 32  # columns of an entry behind its name


class FilePicker(ModalScreen[str | None]):
    """Nodes of the kind a field takes, or any file of the project."""

    app: CryodeckApp
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "cancel"),
        Binding("ctrl+o", "other", "job results / folders"),
        Binding("down", "to_list", "to the list", show=False),
    ]

    def __init__(
        self,
        option: Option | None,
        overview: Overview | None,
        *,
        folder: str = "",
        folders_only: bool = False,
        title: str = "",
    ) -> None:
        super().__init__()
        self.option, self.overview = option, overview
        self.folder, self.folders_only = folder, folders_only
        self._title = title or (option.title if option is not None else "Files")
        is_node = option is not None and option.kind is Kind.NODE
        self.mode = "nodes" if is_node else "folders"
        self._needle = ""  # that the folder was last asked for
        self._is_cut = False  # not all that matched has come over
        self._entries: list[tuple[str, str, Line]] = []
        self._shown: list[tuple[str, str, Line]] = []

    def compose(self) -> ComposeResult:
        """Filter, list, hint."""
        with Vertical(classes="dialog wide"):
            yield Static(plain(self._title), classes="dialog-title", markup=False)
            yield Static(id="where", markup=False)
            yield Input(placeholder="type to filter", compact=True, id="needle")
            yield OptionList(id="files", compact=True)
            yield Static(classes="dialog-hint", id="hint", markup=False)

    def on_mount(self) -> None:
        """Show what can be had."""
        self.query_one("#files", OptionList).styles.height = 14
        self.query_one(Input).focus()
        self._fill()

    def _fill(self) -> None:
        hint = "⏎ choose · Esc cancel"
        if self.option is not None and self.option.kind is Kind.NODE:
            hint += " · ^O folders" if self.mode == "nodes" else " · ^O results of jobs"
        if self.folders_only:
            hint = "⏎ opens a project, goes into another folder · Esc cancel"
        self.query_one("#hint", Static).update(hint)
        if self.mode == "nodes":
            self._fill_nodes()
        else:
            self._list_folder()

    def _fill_nodes(self) -> None:
        assert self.option is not None
        wanted = self.option.node
        self._entries = []
        for row in sorted(
            self.overview.jobs if self.overview is not None else (),
            key=lambda row: -row.number,
        ):
            alias = plain(row.alias.rstrip("/").rpartition("/")[2])
            state = plain(row.status.lower())
            for node in row.outputs:
                if self._suits(node.kind, node.name, wanted):
                    line: Line = [
                        (plain(node.name), "text"),
                        (f"  {alias}", "accent2"),
                        ("" if row.status == "Succeeded" else f"  {state}", "faint"),
                    ]
                    self._entries.append((node.name, node.name, line))
        self.query_one("#where", Static).update("Results of jobs that fit this field")
        self._show()

    def _suits(self, kind: str, name: str, wanted: str) -> bool:
        if wanted == "ClassModel":
            return name.endswith(("_model.star", "_optimiser.star"))
        return not wanted or kind.startswith(wanted)

    def _list_folder(self) -> None:
        folder = self.folder
        self.query_one("#where", Static).update(
            plain(f"{folder.rstrip('/') if folder else 'project'}/")
        )
        needle = self._needle = self.query_one(Input).value.lower()
        self.app.bridge.ask(
            self,
            "folder",
            lambda w: w.list_dir(
                folder,
                needle=needle,
                folders_only=self.folders_only,
                hidden=False,
                on_progress=self._tell,
            ),
        )

    def _tell(self, far: HowFar) -> None:
        """Say how far a large folder has been read."""
        where = f"{self.folder or 'project'}/: {how_far_words(far)} …"
        if self.is_attached:
            self.query_one("#where", Static).update(plain(where))

    def on_answered(self, message: Answered) -> None:
        """Show a folder."""
        found: Folder = message.answer
        entries = found.entries
        self._is_cut = found.total > len(entries)
        where = f"{self.folder.rstrip('/') or 'project'}/"
        if self._is_cut:
            where += f": the first {len(entries):,} of {found.total:,}, type for more"
        self.query_one("#where", Static).update(plain(where))
        self._entries = []
        if self.folders_only:
            what = "a" if found.is_project else "no"
            line: Line = [
                ("✓ open this folder", "good"),
                (f"  {what} RELION project{'' if found.is_project else ' yet'}", "dim"),
            ]
            self._entries.append(("this folder", ".", line))
        if self.folder not in {"", "/"} or self.folders_only:
            self._entries.append((_UP, _UP, [("↑ ..", "dim")]))
        room = max(16, min(60, self.query_one("#files").size.width - _SIZE_AND_TIME))
        lit = 0
        for entry in entries:
            name, is_dir = str(entry["name"]), bool(entry["is_dir"])
            is_project = bool(entry.get("is_project"))
            if not lit and not found.is_project and self.folders_only:
                lit = len(self._entries)
            size = "" if is_dir else f"{bytes_words(entry.get('size', 0)):>9}"
            line = [
                (
                    shortened(plain(name + ("/" if is_dir else "")), room).ljust(room),
                    "text" if is_dir else "dim",
                ),
                (size, "faint"),
                (f"  {clock(entry.get('mtime'))}" if not is_dir else "", "faint"),
                ("RELION project" if is_project else "", "accent2"),
            ]
            end = _PROJECT if is_project else "/" if is_dir else ""
            self._entries.append((name, name + end, line))
        self._show(lit)

    def on_refused(self, message: Refused) -> None:
        """Say why a folder cannot be seen."""
        self.query_one("#where", Static).update(plain(message.reason))

    def _show(self, lit: int = 0) -> None:
        needle = self.query_one(Input).value.lower()
        self._shown = [e for e in self._entries if needle in e[0].lower()][:500]
        files = self.query_one("#files", OptionList)
        files.clear_options()
        files.add_options([Entry(text_of(self, [line])) for _, _, line in self._shown])
        if self._shown:
            files.highlighted = min(lit, len(self._shown) - 1)
        elif not self._entries:
            words = (
                "no job has made such a file yet; ^O browses the folders"
                if self.mode == "nodes"
                else ""
            )
            files.add_option(
                Entry(text_of(self, [[(words or "empty", "dim")]]), disabled=True)
            )

    def on_input_changed(self) -> None:
        """Filter as one types; there, if not all of a folder has come over."""
        if self.mode == "folders" and (
            self._is_cut or self._needle not in self.query_one(Input).value.lower()
        ):
            self._list_folder()
        else:
            self._show()

    def on_input_submitted(self) -> None:
        """Take the one that is lit."""
        files = self.query_one("#files", OptionList)
        if files.highlighted is not None and self._shown:
            self._take(files.highlighted)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take it, or go into it."""
        event.stop()
        self._take(event.option_index)

    def _take(self, index: int) -> None:
        _, target, _ = self._shown[index]
        if self.mode == "nodes":
            self.dismiss(target)
        elif target == ".":
            self.dismiss(self.folder or ".")
        elif target == _UP:
            self.folder = self.folder.rstrip("/").rpartition("/")[0] or (
                "/" if self.folder.startswith("/") else ""
            )
            self._enter()
        elif target.endswith("/"):
            self.folder = self._inside(target[:-1])
            self._enter()
        else:
            self.dismiss(self._inside(target.removesuffix(_PROJECT)))

    def _inside(self, name: str) -> str:
        return f"{self.folder.rstrip('/')}/{name}" if self.folder else name

    def _enter(self) -> None:
        self.query_one(Input).value = ""
        self._list_folder()

    def action_other(self) -> None:
        """Show the folders instead of the results, or back."""
        if self.option is not None and self.option.kind is Kind.NODE:
            self.mode = "folders" if self.mode == "nodes" else "nodes"
            self._fill()

    def action_to_list(self) -> None:
        """Go down in the list: the first of it is lit already."""
        files = self.query_one("#files", OptionList)
        files.focus()
        files.action_cursor_down()

    def action_give_up(self) -> None:
        """Leave the field as it is."""
        self.dismiss(None)
