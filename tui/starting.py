"""The application with the person's settings, keys and colors."""

from __future__ import annotations

from tui.app import CryodeckApp
from tui.graphics import choose
from tui.habits import load


def run(
    *,
    host: str = "",
    project: str = "",
    read_only: bool = False,
    offline: bool = False,
    order: str = "",
) -> int:
    """Open the interface, at the view that a command line asks for; the exit code."""
    settings = load()
    if settings.keys:
        from tui.keys import apply

        apply(settings.keys, settings.sources["keys"])
    app = CryodeckApp(
        host=host,
        project=project,
        read_only=read_only,
        offline=offline,
        pictures=choose(),
        settings=settings,
        order=order,
    )
    if app.has_few_colors and "theme" not in settings.sources:
        app.theme = "cryodeck-contrast"  # of 16 colors its own are the nearest
    return int(app.run(mouse=settings.mouse) or 0)
