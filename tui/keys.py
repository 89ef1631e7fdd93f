"""Keys by view, and other keys in their place: the table that `[keys]` speaks of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from importlib import import_module
from typing import Any

from remote.errors import BadRequestError

#: name of a view -> where its keys are stated
VIEWS = {
    "app": "tui.app:CryodeckApp",
    "clusters": "tui.screens.clusters:ClustersScreen",
    "jobs": "tui.screens.jobs:JobsScreen",
    "list": "tui.widgets.job_table:JobTable",
    "graph": "tui.screens.graph:GraphScreen",
    "tree": "tui.screens.graph:GraphView",
    "difference": "tui.screens.difference:DifferenceScreen",
    "job": "tui.screens.job:JobScreen",
    "form": "tui.forms.form:FormPane",
    "field": "tui.forms.fields:Field",
    "preview": "tui.screens.preview:PreviewPane",
    "log": "tui.screens.log:LogPane",
    "lines": "tui.widgets.log_view:LogView",
    "statistics": "tui.screens.statistics:StatisticsPane",
    "pictures": "tui.screens.pictures:PicturesPane",
    "picture": "tui.widgets.picture_view:PictureView",
    "gallery": "tui.screens.gallery:GalleryPane",
    "beside": "tui.screens.beside:BesideScreen",
    "tiles": "tui.widgets.tile_view:TileView",
    "hand": "tui.screens.hand:HandScreen",
    "ticks": "tui.widgets.tick_list:TickList",
    "pick": "tui.screens.pick:PickScreen",
    "picks": "tui.widgets.pick_view:PickView",
    "stack": "tui.screens.stack:StackScreen",
    "large": "tui.widgets.large_view:LargeView",
    "hunt": "tui.screens.hunt:HuntScreen",
    "notebook": "tui.screens.notebook:NotebookScreen",
    "queues": "tui.screens.queues:QueuesScreen",
    "journal": "tui.screens.journal:JournalScreen",
    "about": "tui.screens.about:AboutScreen",
}


def class_of(view: str) -> Any:
    """The class whose keys a view's are."""
    module, _, name = VIEWS[view].partition(":")
    return getattr(import_module(module), name)


def bindings_of(view: str) -> list[Any]:
    """A view's bindings that are cryodeck's: one for each action."""
    return [one for one in class_of(view).BINDINGS if one.description[:1].islower()]


def keys_by_view() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """For the manual: views, with (keys and the action's name, what it does)."""
    for view in VIEWS:
        items = [
            (
                f"{one.key.replace(',', ', ')}  [{view}.{action_name(one.action)}]",
                one.description,
            )
            for one in bindings_of(view)
        ]
        if items:
            yield view, items


def action_name(action: str) -> str:
    """An action as `[keys]` names it: tab(3) is "tab(3)", app.quit is "quit"."""
    return action.removeprefix("app.")


def apply(keys: Mapping[str, str], source: str = "settings.toml") -> None:
    """Put other keys in place of those that are stated; a mistake changes nothing."""
    wanted: dict[str, dict[str, str]] = {}
    for name, key in keys.items():
        view, _, action = name.partition(".")
        if view not in VIEWS:
            message = f"{source}: [keys] {name}: no view {view!r}; {', '.join(VIEWS)}"
            raise BadRequestError(message)
        wanted.setdefault(view, {})[action] = key
    made = {view: _remapped(view, actions, source) for view, actions in wanted.items()}
    for view, bindings in made.items():
        kind = class_of(view)
        kind.BINDINGS = bindings
        kind._merged_bindings = kind._merge_bindings()


def _remapped(view: str, actions: dict[str, str], source: str) -> list[Any]:
    stated = list(class_of(view).BINDINGS)
    names = [action_name(one.action) for one in stated]
    for action in actions:
        if action not in names:
            message = f"{source}: [keys] {view}.{action}: there is {', '.join(names)}"
            raise BadRequestError(message)
    found = []
    taken: dict[str, str] = {}
    for one, name in zip(stated, names, strict=True):
        key = actions.get(name, one.key)
        for single in key.split(","):
            if taken.setdefault(single, name) != name:
                both = f"{taken[single]} and {name}"
                message = f"{source}: [keys] {view}: {single} would mean {both}"
                raise BadRequestError(message)
        found.append(replace(one, key=key))
    return found
