"""What the `:` line's orders do to the interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tui.command_words import TABS, Known, Order, parse
from tui.palette import THEMES
from tui.plain import plain

if TYPE_CHECKING:
    from remote.views import JobRow
    from tui.app import CryodeckApp
    from tui.screens.jobs import JobsScreen


def known_names(app: CryodeckApp) -> Known:
    """Names of jobs, types, clusters and projects that a line may use."""
    from engine.jobs.registry import FORMS

    overview, cluster = app.bridge.overview, app.bridge.cluster
    rows = overview.jobs if overview is not None else ()
    aliases = [row.alias.rstrip("/").rpartition("/")[2] for row in rows if row.alias]
    return Known(
        jobs=[*dict.fromkeys(aliases), *(row.name for row in rows)],
        types=list(FORMS),
        themes=list(THEMES),
        clusters=[one.name for one in app.clusters()],
        projects=list(cluster.recent) if cluster is not None else (),
    )


def obey(app: CryodeckApp, line: str) -> None:
    """Do what a line says, or say why not."""
    order = parse(line)
    trouble = order.error or _obey(app, order)
    if trouble:
        app.notify(plain(trouble), severity="error", markup=False, timeout=6)


def _obey(app: CryodeckApp, order: Order) -> str:
    words = order.words
    simple: dict[str, Callable[[], Any]] = {
        "clusters": app.show_clusters,
        "journal": app.action_journal,
        "about": app.action_about,
        "keys": app.action_keys_help,
        "tour": app.action_tour,
        "link": lambda: _copy_link(app),
        "quit": lambda: app.call_later(app.action_quit),
    }
    if order.command in simple:
        simple[order.command]()
    elif order.command == "theme":
        name = next((t for t in THEMES if words[0] in (t, t.rpartition("-")[2])), "")
        if not name:
            return f"theme: {', '.join(THEMES)}"
        app.theme = name
    elif order.command == "slow":
        app.set_slow(words[0])
    elif order.command == "cluster":
        return _go_to(app, words[0], words[1] if len(words) > 1 else None)
    elif order.command == "project":
        cluster = app.bridge.cluster
        return _go_to(app, cluster.name if cluster else "local", words[0])
    else:
        return _in_project(app, order)
    return ""


def _copy_link(app: CryodeckApp) -> None:
    from tui.clipboard import copy
    from tui.view_links import link

    words = link(app)
    if not words:
        app.notify("open a project first", severity="error", timeout=6)
    elif copy(app, words):
        app.notify(words, title="Opens this view", markup=False, timeout=20)


def _go_to(app: CryodeckApp, name: str, project: str | None) -> str:
    known = {one.name: one for one in app.clusters()}
    if name not in known:
        return f"no cluster {name}; there are {', '.join(known)}"
    if project is None and not known[name].recent:
        return f"no project was opened on {name} yet: cluster {name} PATH"
    app.open_project(name, project or known[name].recent[0])
    return ""


def _in_project(app: CryodeckApp, order: Order) -> str:
    jobs = job_list(app)
    if jobs is None:
        return "open a project first"
    words = order.words
    if order.command == "jobs":
        _back_to(app, jobs)
        jobs.filter_by(" ".join(words))
    elif order.command in {"trash", "init"}:
        if app.read_only:
            return "read-only: nothing can be changed"
        _back_to(app, jobs)
        getattr(jobs, f"action_{order.command}")(*words[:1])
    elif order.command in {"graph", "watch", "queues"}:
        _back_to(app, jobs)
        getattr(jobs, f"action_{order.command}")()
    elif order.command == "job":
        row = find_row(jobs.table.all_rows, words[0])
        tab = words[1] if len(words) > 1 else "overview"
        tabs = [one for one in TABS if one.startswith(tab)]
        if row is None:
            return f"no job {words[0]}"
        if not tabs:
            return f"tabs are {', '.join(TABS)}"
        _back_to(app, jobs)
        jobs.open_job(row, tabs[0])
    elif order.command == "notebook":
        return _notebook(app, jobs, words)
    elif order.command == "new":
        return _new(app, jobs, words)
    return ""


def _notebook(app: CryodeckApp, jobs: JobsScreen, words: tuple[str, ...]) -> str:
    from tui.screens.notebook import NotebookScreen

    row = find_row(jobs.table.all_rows, words[0]) if words else None
    if words and row is None:
        return f"no job {words[0]}"
    name = row.name if row is not None else ""
    app.push_screen(NotebookScreen(jobs.cluster, jobs.project, name))
    return ""


def _new(app: CryodeckApp, jobs: JobsScreen, words: tuple[str, ...]) -> str:
    from engine.jobs.registry import FORMS

    if app.read_only:
        return "read-only: nothing new can be made"
    if words[0] not in FORMS:
        return f"no type {words[0]}; one of {', '.join(FORMS)}"
    if len(words) == 1:
        _back_to(app, jobs)
        jobs.start_new(words[0])
        return ""
    row = find_row(jobs.table.all_rows, words[2])
    if row is None or row.type != words[0]:
        return f"no {words[0]} job {words[2]}"
    _back_to(app, jobs)
    jobs.clone_job(row)
    return ""


def job_list(app: CryodeckApp) -> JobsScreen | None:
    """The job list under whatever is shown."""
    from tui.screens.jobs import JobsScreen

    for screen in reversed(app.screen_stack):
        if isinstance(screen, JobsScreen):
            return screen
    return None


def _back_to(app: CryodeckApp, screen: JobsScreen) -> None:
    while app.screen is not screen and len(app.screen_stack) > 1:
        app.pop_screen()


def find_row(rows: tuple[JobRow, ...], word: str) -> JobRow | None:
    """A job by name, number or alias; the newest of several."""
    wanted = word.rstrip("/")
    for row in sorted(rows, key=lambda row: -row.number):
        alias = row.alias.rstrip("/")
        if wanted in {row.name, str(row.number), alias, alias.rpartition("/")[2]}:
            return row
    return None
