"""What a person changes in a project short of running it: forms, aliases, notes.

Whatever changes something goes through here: never in a project opened read-only, and
never twice.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from typing import Any

from engine.errors import InputError
from engine.jobs.job import Job
from engine.jobs.nodes import input_nodes, output_nodes
from engine.project.atomic import digest
from remote.channel import AgentClient
from remote.cluster import Cluster
from remote.errors import (
    AgentError,
    BadRequestError,
    RemoteError,
    SessionLostError,
)
from remote.host_relion import host_relion
from remote.prompts import Prompts
from remote.reading import Reading
from remote.views import LinkState, NewProject

SUBMIT_S = 180.0
REJOIN_S = 120.0  # how long a change waits for a broken link to come back
_PERSONS_FAULT = (
    "conflict",
    "changed",
    "bad request",
    "project",
    "no-project",
    "not found",
)
_STATUS_WORDS = {"finished": "Succeeded", "failed": "Failed", "aborted": "Aborted"}


class Editing(Reading):
    """Drafts and their forms, statuses, aliases, notes, what is cleaned away."""

    def __init__(
        self,
        cluster: Cluster,
        project: str,
        agent: AgentClient,
        prompts: Prompts | None = None,
    ) -> None:
        super().__init__(cluster, project, agent, prompts)
        self.read_only = False  # nothing is written, not even what markers say
        self._written: dict[str, str] = {}  # job -> digest of its form, as we left it

    # forms

    async def create_project(self, version: str = "4.0") -> str:
        """Make the folder a RELION project; one that exists stays as it is."""
        said = await self._do("operations.create_project", version=version)
        return str(said)

    async def begin_project(self, version: str = "") -> NewProject:
        """Make the folder a project of the host's own RELION, or of a version asked."""
        known = await self.ask("operations.facts")
        if known["is_project"]:
            path, has = str(known["project"]), str(known["version"])
            return NewProject(path=path, version=has, why="it was one", is_new=False)
        why = "as you asked"
        if not version:
            found = await host_relion(self, is_new=True)
            version, why = found.layout, found.why
        path = await self.create_project(version)
        return NewProject(path=path, version=version, why=why)

    async def create(self, job: Job, *, alias: str = "") -> str:
        """Add a draft; its name."""
        try:
            inputs, outputs = input_nodes(job), output_nodes(job)
        except InputError as error:
            raise BadRequestError(str(error)) from error
        args = {
            "type_label": job.type_label,
            "job_star": job.to_star(),
            "inputs": [list(node) for node in inputs],
            "outputs": [list(node) for node in outputs],
            "token": secrets.token_hex(8),
            "alias": alias,
            "gui_name": job.type.gui_name,
            "folder": job.type.folder,
        }
        name = str(await self._until_known("operations.create", args))
        self._written[name] = digest(job.to_star())
        return name

    async def save(self, name: str, job: Job) -> None:
        """Rewrite the job.star of a draft or of a job to be continued.

        Refused once if somebody else has changed it since this form was read.
        """
        known = [d for d in (job.origin, self._written.get(name)) if d]
        text = job.to_star()
        try:
            inputs, outputs = input_nodes(job), output_nodes(job)
        except InputError:  # half filled in: the nodes follow when it is whole
            inputs, outputs = [], []
        try:
            await self._ask_change(
                "operations.save",
                name=name,
                job_star=text,
                inputs=[list(node) for node in inputs],
                outputs=[list(node) for node in outputs],
                type_label=job.type_label if inputs or outputs else "",
                known=known,
            )
        except AgentError as error:
            if error.code == "changed":  # they were told: the next time it is meant
                seen = await self.ask("project.job_star", name=name)
                self._written[name] = digest(seen["text"])
            raise _translated(error) from error
        self._written[name] = digest(text)

    # small things

    async def mark(self, name: str, status: str) -> None:
        """Set a job's status by hand: Succeeded, Failed or Aborted."""
        word = _STATUS_WORDS.get(status.lower(), status)
        await self._do("operations.mark", name=name, status=word)

    async def set_alias(self, name: str, alias: str) -> str:
        """Give a job an alias, or none; the alias as it was taken."""
        return str(await self._do("operations.set_alias", name=name, alias=alias))

    async def note(self, name: str, text: str | None = None) -> str:
        """A job's note, after replacing it if a text is given."""
        return str(await self._do("operations.note", name=name, text=text))

    async def clean(
        self,
        name: str,
        *,
        harsh: bool = False,
        dry_run: bool = True,
        spares_protected: bool = False,
    ) -> dict[str, Any]:
        """Move what a job can spare to Trash/; files, bytes and consequence.

        As one of several (`spares_protected`), a job with a file NO_HARSH_CLEAN is
        refused a harsh clean.
        """
        said: dict[str, Any] = await self._do(
            "operations.clean_job",
            name=name,
            harsh=harsh,
            dry_run=dry_run,
            spares_protected=spares_protected,
        )
        return said

    async def delete(self, name: str, *, dry_run: bool = True) -> dict[str, Any]:
        """Move a job and all that was made from it to Trash/."""
        said: dict[str, Any] = await self._do(
            "operations.delete", name=name, dry_run=dry_run
        )
        return said

    # asking

    async def _do(self, verb: str, *, timeout: float = 60.0, **args: Any) -> Any:
        """Answer of a verb that changes something."""
        try:
            return await self._ask_change(verb, timeout=timeout, **args)
        except AgentError as error:
            raise _translated(error) from error

    async def _ask_change(
        self, verb: str, *, timeout: float = 60.0, **args: Any
    ) -> Any:
        """`ask` for what changes something; refused where nothing may be changed."""
        if self.read_only:
            message = "the project was opened read-only; open it anew to change it"
            raise BadRequestError(message)
        return await self.ask(verb, reads_only=False, timeout=timeout, **args)

    async def _do_read(self, verb: str, **args: Any) -> Any:
        try:
            return await self.ask(verb, **args)
        except AgentError as error:
            raise _translated(error) from error

    async def _until_known(self, verb: str, args: dict[str, Any]) -> Any:
        """Answer of a verb with a token, asked again after a broken link."""
        deadline = time.monotonic() + REJOIN_S
        was_lost = False
        while True:
            try:
                return await self._do(verb, timeout=SUBMIT_S, **args)
            except SessionLostError:
                was_lost = True
                await self._rejoin(deadline)
            except AgentError as error:
                is_old_one = was_lost and error.code == "busy"
                if not is_old_one or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(1.0)

    async def _rejoin(self, deadline: float) -> None:
        """Wait until the link is back; SessionLostError if it does not come."""
        while self.agent.link.state is not LinkState.CONNECTED:
            refused = self.agent.link.state is LinkState.REFUSED
            if refused or time.monotonic() > deadline:
                message = (
                    f"the link to {self.cluster.name} is gone: whether this was done "
                    "is not known yet; it will be found out when the link is back"
                )
                raise SessionLostError(message)
            await asyncio.sleep(0.1)


def _translated(error: AgentError) -> RemoteError:
    if error.code in _PERSONS_FAULT:
        return BadRequestError(str(error))
    return error
