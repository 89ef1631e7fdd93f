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
        "show the effective settings and where each comes from",
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
    hello: dict[str, Any] = {}
    if not invocation.offline:
        layers, trouble, hello = await _layers(invocation)
    rows += _profile_rows(cluster, str(path) if path.exists() else "", layers)
    rows += _interface_rows()
    rows += _environment_rows(layers)
    rows += _limit_rows(hello)
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


async def _layers(
    invocation: Invocation,
) -> tuple[Layers | None, str, dict[str, Any]]:
    """Return what counts where the project lies; else why that is not known."""
    from remote.errors import RemoteError

    try:
        workspace = await invocation.workspace()
        return await workspace.layers(), "", workspace.agent.hello
    except (CommandFailure, RemoteError) as failure:
        return None, str(failure), {}


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
    from tui.habits import HELP, load
    from tui.settings import settings_file, site_file

    settings = load()
    rows = [
        ("interface", str(settings_file()), "file"),
        ("interface of the site", str(site_file()), "file"),
    ]
    for key in HELP:
        value = getattr(settings, key)
        if key == "keys":
            value = ", ".join(f"{name} = {one}" for name, one in value.items())
        source = settings.sources.get(key, "default")
        if key == "pictures":
            value, source = _pictures(str(value), source)
        rows.append((f"interface {key}", str(value), source))
    return rows


def _pictures(value: str, source: str) -> tuple[str, str]:
    """Return how pictures are drawn on this terminal, and who says so."""
    from tui.graphics import terminal_name
    from tui.settings import answers_file, remembered_pictures

    wanted = os.environ.get("CRYODECK_PICTURES", "")
    if wanted:
        return wanted, "CRYODECK_PICTURES"
    remembered = remembered_pictures(terminal_name(os.environ))
    if not value and remembered:
        return remembered, str(answers_file())
    return value, source


def _environment_rows(layers: Layers | None) -> list[tuple[str, str, str]]:
    """Return the variables that count: of this machine, and RELION's of the cluster."""
    from tui.cli.manual import ENVIRONMENT

    rows = []
    names = [name for words, _ in ENVIRONMENT for name in words.split(", ")]
    for name in names:
        if name.endswith("*"):
            continue  # the cluster's, below
        is_set = name in os.environ
        value = os.environ.get(name, "")
        rows.append((name, value, "environment" if is_set else "not set"))
    there = layers.environment if layers is not None else {}
    rows += [(name, value, "cluster's environment") for name, value in there.items()]
    return rows


def _limit_rows(hello: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what the login node's administrators allow."""
    origins = hello.get("limit_origins", {})
    return [
        (f"limit {key}", f"{value:g}", origins.get(key, "default"))
        for key, value in hello.get("limits", {}).items()
    ]


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
