"""A command line that opens a view again, for a colleague or for another day."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tui.app import CryodeckApp


def link(app: CryodeckApp) -> str:
    """The command that opens what is shown; empty where no project is open.

    It holds the cluster's name, the project's folder and the view, and nothing secret.
    """
    cluster = app.bridge.cluster
    words = _view(app)
    if cluster is None or not words:
        return ""
    host = ["--host", cluster.name] if cluster.session != "local" else []
    where = ["--project", app.bridge.project]
    return shlex.join(["cryodeck", *host, *where, "open", *words])


def _view(app: CryodeckApp) -> list[str]:
    """Words of the `:` line that lead to what is shown, or to what lies below it."""
    from tui.screens.graph import GraphScreen
    from tui.screens.job import JobScreen
    from tui.screens.jobs import JobsScreen

    for screen in reversed(app.screen_stack):
        if isinstance(screen, JobScreen) and screen.row is not None:
            return ["job", screen.row.name, screen.current]
        if isinstance(screen, GraphScreen):
            return ["graph"]
        if isinstance(screen, JobsScreen):
            return ["jobs", *screen.table.filter_text.split()]
    return []
