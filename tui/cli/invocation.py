"""One command under way: its arguments, its output, its project."""

from __future__ import annotations

import os
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from remote.places import at_home
from tui.cli.failure import CommandFailure
from tui.cli.output import Output, printable

if TYPE_CHECKING:
    import argparse

    from remote.cluster import Cluster
    from remote.views import JobRow, Overview
    from remote.workspace import Workspace

PIPELINE = "default_pipeline.star"


class Invocation:
    """What a command needs to know and to reach."""

    def __init__(self, arguments: argparse.Namespace, output: Output) -> None:
        self.arguments = arguments
        self.output = output
        self._workspace: Workspace | None = None

    def __getattr__(self, name: str) -> Any:
        """Give the arguments of the command as attributes."""
        try:
            return getattr(self.arguments, name)
        except AttributeError:
            raise AttributeError(name) from None

    async def closing(self, command: Coroutine[Any, Any, int]) -> int:
        """Run a command and close its workspace whatever happens."""
        try:
            return await command
        finally:
            if self._workspace is not None:
                await self._workspace.close()
                if self.last_seen:
                    self._say_when()

    def _say_when(self) -> None:
        from tui.cli.formats import moment

        seen_at = getattr(self._workspace, "seen_at", None)
        if seen_at is not None:
            self.output.warning(f"as last seen: {moment(seen_at)}; nothing was asked")

    def cluster(self, name: str | None = None) -> Cluster:
        """Return the profile of the cluster that is meant."""
        from remote.cluster import load

        return load(name or self.host or os.environ.get("CRYODECK_HOST") or "local")

    def project_on(self, cluster: Cluster, *, is_new: bool = False) -> str:
        """Return the project that is meant: as given, or the obvious one."""
        given = self.project or os.environ.get("CRYODECK_PROJECT")
        if cluster.session == "local":
            return str(_new_project(given) if is_new else _local_project(given))
        if given:
            return cluster.meant(str(given))
        if cluster.recent:
            return cluster.recent[0]
        message = f"{cluster.name} has no project in its profile: use --project DIR"
        raise CommandFailure(message)

    async def workspace(self, *, is_new: bool = False) -> Workspace:
        """Open the project, once; `is_new` says that it may be none yet."""
        if self._workspace is None:
            cluster = self.cluster()
            project = self.project_on(cluster, is_new=is_new)
            if self.last_seen:
                from remote.last_seen import LastSeen

                self._workspace = cast("Workspace", LastSeen(cluster, project))
                return self._workspace
            self.output.status(f"opening {project} on {cluster.name} ...")
            await self.open(cluster, project)
            self.output.clear_status()
        assert self._workspace is not None
        return self._workspace

    async def open(self, cluster: Cluster, project: str) -> Workspace:
        """Open a project on a cluster; it is closed when the command is over."""
        from remote.workspace import Workspace
        from tui.cli.prompts import TerminalPrompts

        prompts = TerminalPrompts(self.output, cluster.name)
        self._workspace = await Workspace.open(cluster, project, prompts=prompts)
        self._workspace.read_only = bool(self.read_only)
        return self._workspace

    async def find(self, word: str) -> JobRow:
        """Return the job that a number, a name or an alias means."""
        workspace = await self.workspace()
        return find_job(await workspace.overview(ask_scheduler=False), word)


def _new_project(given: str | None) -> Path:
    folder = at_home(given or ".").absolute()
    if folder.exists() and not folder.is_dir():
        message = f"{given}: no folder; check --project"
        raise CommandFailure(message)
    return folder


def project_here() -> Path | None:
    """Return the project that the current folder is, or lies in."""
    try:
        here = Path.cwd()
    except OSError:  # it was deleted
        return None
    for folder in (here, *here.parents):
        if (folder / PIPELINE).is_file():
            return folder
    return None


def _local_project(given: str | None) -> Path:
    if given:
        folder = at_home(given).absolute()
        if not folder.is_dir():
            message = f"{given}: no such folder; check --project"
            raise CommandFailure(message)
        if not (folder / PIPELINE).is_file():
            message = f"{given}: no {PIPELINE} in it; `cryodeck init` makes one"
            raise CommandFailure(message)
        return folder
    here = project_here()
    if here is not None:
        return here
    message = f"no {PIPELINE} here or above: use --project DIR, or `cryodeck init` here"
    raise CommandFailure(message)


def find_job(overview: Overview, word: str) -> JobRow:
    """Return the job of a project that a number, a name or an alias means."""
    wanted = word.strip().rstrip("/")
    folder, _, last = wanted.rpartition("/")
    found = [job for job in overview.jobs if job.name == wanted]
    if not found and wanted.isdecimal():
        found = [job for job in overview.jobs if job.number == int(wanted)]
    if not found and last:
        found = [
            job
            for job in overview.jobs
            if _last_part(job.alias) == last
            and (not folder or job.name.partition("/")[0] == folder)
        ]
    if not found and wanted.lower().startswith("job") and wanted[3:].isdecimal():
        found = [job for job in overview.jobs if job.number == int(wanted[3:])]
    if len(found) == 1:
        return found[0]
    if found:
        names = " and ".join(job.name for job in found)
        example = found[-1].name.partition("/")[0]
        message = f"{word} is the alias of {names}: write {example}/{word} or a number"
        raise CommandFailure(message)
    raise CommandFailure(_unknown_job(overview, word))


def _last_part(alias: str) -> str:
    return alias.rstrip("/").rpartition("/")[2]


def _unknown_job(overview: Overview, word: str) -> str:
    from difflib import get_close_matches

    names = [job.name for job in overview.jobs]
    names += [_last_part(job.alias) for job in overview.jobs if job.alias]
    near = get_close_matches(word, names, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "see `cryodeck jobs`"
    return f"{printable(word)}: no such job in {overview.project}; {hint}"
