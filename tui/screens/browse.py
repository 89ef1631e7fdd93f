"""Folders of a cluster, to find a project in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.messages import ProjectOpened, Refused
from tui.plain import plain
from tui.screens.files import FilePicker
from tui.screens.prompts import ScreenPrompts

if TYPE_CHECKING:
    from textual.message import Message

    from remote.cluster import Cluster


class BrowseProjects(FilePicker):
    """Connects first; then shows folders, from the home folder on."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(
            None, None, folders_only=True, title=f"Folders on {cluster.name}"
        )
        self.cluster = cluster
        self._is_open = False

    def _fill(self) -> None:
        super()._fill()
        self._say("connecting …")

    def _list_folder(self) -> None:
        if self._is_open:
            super()._list_folder()
        else:
            self.app.bridge.open(self.cluster, "", ScreenPrompts(self.app))

    def take(self, message: Message) -> None:
        """Go on when connected."""
        if isinstance(message, ProjectOpened):
            self._is_open = True
            self.folder = message.project or self.app.bridge.home
            self._list_folder()
        elif isinstance(message, Refused) and message.what == "open":
            self._say(message.reason)

    def _say(self, words: Any) -> None:
        from textual.widgets import Static

        self.query_one("#where", Static).update(plain(words))
