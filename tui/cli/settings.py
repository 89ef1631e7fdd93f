"""The command that says which settings count, and where each comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, CommandFailure

if TYPE_CHECKING:
    from remote.cluster import Cluster
    from remote.layers import Layers
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the command of this group."""
    config = commands.add(
        "config",
        show_config,
        "say which settings count and where each comes from",
        examples="  cryodeck config show\n  cryodeck --host lab config show --json",
    )
    config.add_argument(
        "what",
        nargs="?",
        default="show",
        choices=("show",),
        metavar="show",
        help="show",
    )
    config.add_argument(
        "--offline",
        action="store_true",
        help="do not connect: leave out what the site's and the project's files say",
    )


async def show_config(invocation: Invocation) -> int:
    """Print host, project, profile and folders with their sources."""
    from remote import cluster as profiles
    from remote.places import cache_home, state_home

    cluster = invocation.cluster()
    path = profiles.folder() / f"{cluster.name}.toml"
    rows = [
        ("host", cluster.name, _source(invocation.host, "CRYODECK_HOST")),
        ("project", *_project(invocation, cluster)),
        ("profiles", str(profiles.folder()), "folder"),
        ("journal", str(state_home() / "journal.jsonl"), "file"),
        ("cache", str(cache_home()), "folder"),
    ]
    layers, trouble = None, ""
    if not invocation.offline:
        layers, trouble = await _layers(invocation)
    rows += _profile_rows(cluster, str(path) if path.exists() else "", layers)
    rows += _interface_rows()
    output = invocation.output
    output.result(
        {"settings": [{"key": k, "value": v, "source": s} for k, v, s in rows]}
    )
    output.table(
        ("Setting", "Value", "From"), [(k, v or "(empty)", s) for k, v, s in rows]
    )
    for warning in layers.warnings if layers is not None else ():
        output.line(warning, "dim")
    if trouble:
        output.line(f"The site's and the project's files are not read: {trouble}")
    return DONE


async def _layers(invocation: Invocation) -> tuple[Layers | None, str]:
    """Return what counts where the project lies; else why that is not known."""
    from remote.errors import RemoteError

    try:
        workspace = await invocation.workspace()
        return await workspace.layers(), ""
    except (CommandFailure, RemoteError) as failure:
        return None, str(failure)


def _source(option: str | None, variable: str, otherwise: str = "default") -> str:
    if option:
        return "command line"
    return variable if os.environ.get(variable) else otherwise


def _project(invocation: Invocation, cluster: Cluster) -> tuple[str, str]:
    try:
        found = invocation.project_on(cluster)
    except CommandFailure as failure:
        return "", str(failure)
    otherwise = "this folder" if cluster.session == "local" else "opened last"
    return found, _source(invocation.project, "CRYODECK_PROJECT", otherwise)


def _interface_rows() -> list[tuple[str, str, str]]:
    """Return the interface's settings, and the file that each comes from."""
    from tui.habits import HELP, load, site_file
    from tui.settings import settings_file

    settings = load()
    rows = [
        ("interface", str(settings_file()), "file"),
        ("interface of the site", str(site_file()), "file"),
    ]
    for key in HELP:
        value = getattr(settings, key)
        if key == "keys":
            value = ", ".join(f"{name} = {one}" for name, one in value.items())
        rows.append(
            (f"interface {key}", str(value), settings.sources.get(key, "default"))
        )
    return rows


def _profile_rows(
    cluster: Cluster, path: str, layers: Layers | None
) -> list[tuple[str, str, str]]:
    """Return what counts: of the profile's file, the site's, the project's, or none."""
    import tomllib
    from dataclasses import fields
    from pathlib import Path

    from remote.cluster import NO_KEYS

    given: dict[str, Any] = {}
    if path:
        given = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    rows = []
    for spec in fields(cluster):
        if spec.name in {*NO_KEYS, "recent"}:
            continue
        value = getattr(cluster, spec.name)
        source = path if spec.name in given else "default"
        if layers is not None and layers.origins.get(spec.name, "profile") != "profile":
            value = getattr(layers.cluster, spec.name)
            source = layers.origins[spec.name]
        text = "; ".join(value) if isinstance(value, tuple) else str(value)
        rows.append((spec.name, text, source))
    return rows
