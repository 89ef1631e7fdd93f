"""What a person does with jobs: see what would run, run, follow, stop."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from engine.errors import InputError
from engine.jobs.by_hand import by_hand
from engine.jobs.command_lines import Site
from engine.jobs.job import Job
from engine.jobs.nodes import input_nodes, output_nodes
from engine.jobs.running import ENGINE_KEY
from engine.project.atomic import digest
from remote.channel import AgentClient
from remote.cluster import Cluster
from remote.editing import Editing
from remote.errors import (
    AgentError,
    BadRequestError,
    RejectedError,
    SchedulerError,
)
from remote.overview import Picture, certain, shown_id
from remote.prompts import Prompts
from remote.schedulers.base import Scheduler
from remote.schedulers.known import scheduler
from remote.script import SCRIPT, Script, build
from remote.verdict import Judgement
from remote.verdict_words import error_words
from remote.views import JobRow, JobState, Overview

if TYPE_CHECKING:
    from remote.layers import Layers

ABORT_WAIT_S = 15.0
AT_ONCE = 100  # jobs judged before others get their turn
_STATUS_OF = {JobState.ABORTED: "Aborted", JobState.SUCCEEDED: "Succeeded"}


class Operating(Editing):
    """Submission exactly once, and the overview that follows it."""

    def __init__(
        self,
        cluster: Cluster,
        project: str,
        agent: AgentClient,
        prompts: Prompts | None = None,
    ) -> None:
        super().__init__(cluster, project, agent, prompts)
        self._picture = Picture(scheduler(cluster.scheduler))
        self._look = asyncio.Lock()

    # settings

    def take_layers(self, said: dict[str, Any]) -> Layers:
        """What counts here of site, profile and project."""
        layers = super().take_layers(said)
        if self._picture.scheduler.name != self.cluster.scheduler:
            self._picture.scheduler = scheduler(self.cluster.scheduler)
        return layers

    # following

    async def overview(self, *, ask_scheduler: bool = True) -> Overview:
        """All jobs, in one round trip; only what changed is brought over."""
        async with self._look:
            said = await self._look_once(ask_scheduler)
            judgements = await self._judged()
            if not self.read_only and await self._write_down(judgements):
                said = await self._look_once(False)
                judgements = await self._judged()
            rows: list[JobRow] = []
            for names in _parts(list(judgements)):
                rows += self._picture.rows({name: judgements[name] for name in names})
                await asyncio.sleep(0)
            return self._picture.overview(said["project"], rows)

    async def _judged(self) -> dict[str, Judgement]:
        """Verdict on every job, a part at a time: keys are obeyed in between."""
        judgements: dict[str, Judgement] = {}
        for names in _parts(list(self._picture.facts)):
            judgements |= self._picture.judgements(names)
            await asyncio.sleep(0)
        return judgements

    async def _look_once(self, ask_scheduler: bool) -> dict[str, Any]:
        """Ask the agent; the first time also for what counts here, in one answer."""
        adapter = self._picture.scheduler
        queries = adapter.queries() if ask_scheduler else ()
        said: dict[str, Any] = await self.ask(
            "overview.look",
            since=self._picture.since,
            queries=[query.to_json() for query in queries],
            interval=self.cluster.poll_s,
            may_change=not self.read_only,
            settings=self._layers is None,
            timeout=60.0,
        )
        if said["settings"] is not None and self._layers is None:
            self.remember("settings.layers", {}, said["settings"], b"")
            self.take_layers(said["settings"])
            if self._picture.scheduler is not adapter:  # not the one that was asked
                return await self._look_once(ask_scheduler)
        layers = await self.layers()
        said["warnings"] = [*said["warnings"], *layers.warnings]
        self._picture.take(said)
        return said

    async def _write_down(self, judgements: dict[str, Judgement]) -> bool:
        """Have verdicts that will not change written into the jobs' records."""
        changed = False
        for name in certain(judgements):
            entry = self._picture.facts[name].get("entry") or {}
            if "verdict" in entry or entry.get("state") != "submitted":
                continue
            verdict = judgements[name].verdict
            try:
                changed |= await self.ask(
                    "ending.write_verdict",
                    reads_only=False,
                    name=name,
                    token=entry["token"],
                    status=_STATUS_OF.get(verdict.state, "Failed"),
                    verdict={
                        "state": verdict.state.value,
                        "reason": verdict.reason,
                        "advice": verdict.advice,
                        "at": time.time() + self.agent.clock_skew_s,
                    },
                )
            except AgentError:
                continue  # locked, or not ours to write: shown, and tried again
        for name in self._picture.put_back():
            token = self._picture.facts[name]["entry"]["token"]
            with contextlib.suppress(AgentError):
                changed |= await self.ask(
                    "ending.revive", reads_only=False, name=name, token=token
                )
        return changed

    async def wait(self, name: str, *, timeout: float | None = None) -> JobRow:
        """The job's row once it is over; TimeoutError after a while."""
        async with asyncio.timeout(timeout):
            rounds = 0
            while True:
                row = _find(await self.overview(), name)
                if row.verdict.state.is_over or row.verdict.state is JobState.DRAFT:
                    return row
                rounds += 1
                await asyncio.sleep(min(0.2 * rounds, 5.0))

    # what would run

    async def preview(self, name_or_job: str | Job) -> dict[str, Any]:
        """What would run, as texts: job.star, commands, script."""
        await self.layers()
        name = name_or_job if isinstance(name_or_job, str) else ""
        job = await self.load_job(name) if name else name_or_job
        assert isinstance(job, Job)
        facts = await self._do_read(
            "operations.facts", name=name, template=self._template_of(job)
        )
        directory = facts.get("name") or f"{job.type.folder}/job..."
        script = await self._script(job, directory, "0" * 10, facts)
        return {
            "job.star": job.to_star(),
            "commands": "\n".join(script.commands),
            "other commands": await self._other_commands(job, directory, facts),
            "script": script.text,
            "scheduler": self._scheduler_of(job).name,
        }

    async def _other_commands(
        self, job: Job, directory: str, facts: dict[str, Any]
    ) -> str:
        """How the other engine would do the same job; why not, if it cannot."""
        if not job.type.engine_can:
            return ""
        other = "relion" if job.engine == "cryodeck" else "cryodeck"
        turned = job.replace(ENGINE_KEY, other)
        try:
            script = await self._script(turned, directory, "0" * 10, facts)
        except BadRequestError as error:
            return f"# {other} cannot: {error}"
        return "\n".join(script.commands)

    # running

    async def run(self, name: str, *, continuing: bool = False) -> str:
        """Submit a job exactly once, whatever happens to the link; its id."""
        job = await self.load_job(name)
        if continuing:
            job = job.continued()
        if by_hand(job, continuing):
            return await self._begin_by_hand(name, job)
        facts = await self._do_read(
            "operations.facts", name=name, template=self._template_of(job)
        )
        for _ in range(2):
            token = secrets.token_hex(5)
            script = await self._script(job, facts["name"], token, facts)
            plan = self._plan(job, facts, script, continuing)
            self._written[facts["name"]] = digest(plan["job_star"])
            entry = await self._until_known(
                "submission.submit", {"name": facts["name"], "plan": plan}
            )
            if entry["state"] != "not submitted":
                break  # else it is certain that nothing was started
        return _submitted(facts["name"], entry)

    async def _begin_by_hand(self, name: str, job: Job) -> str:
        """Launch what a person does; "" for there is nothing to wait for."""
        try:
            inputs, outputs = input_nodes(job), output_nodes(job)
        except InputError as error:
            raise BadRequestError(str(error)) from error
        await self._do(
            "by_hand.begin",
            name=name,
            job_star=job.to_star(),
            inputs=[list(node) for node in inputs],
            outputs=[list(node) for node in outputs],
            type_label=job.type_label,
            gui_name=job.type.gui_name,
            commands=[f"# by hand in cryodeck: cryodeck micrographs {name}"],
        )
        return ""

    def _plan(
        self, job: Job, facts: dict[str, Any], script: Script, continuing: bool
    ) -> dict[str, Any]:
        adapter = self._scheduler_of(job)
        path = f"{facts['name']}/{SCRIPT}"
        command = adapter.submit(script.resources, path)
        return {
            "token": script.resources.token,
            "scheduler": adapter.name,
            "script": script.text,
            "script_path": path,
            "commands": list(script.commands),
            "continuing": continuing,
            "limit_s": script.resources.time_limit_s,
            "job_star": job.to_star(),
            "inputs": [list(n) for n in input_nodes(job, continuing=continuing)],
            "outputs": [list(n) for n in output_nodes(job, continuing=continuing)],
            "type_label": job.type_label,
            "gui_name": job.type.gui_name,
            "submit": {
                "argv": list(command.argv),
                "id_pattern": command.id_pattern,
                "uncertain": command.uncertain,
                "reads_stdin": command.reads_stdin,
                "env": command.env,
                "find": [query.to_json() for query in command.find],
            },
        }

    def _scheduler_of(self, job: Job) -> Scheduler:
        """The profile's scheduler, or none where the form says so."""
        if not job.flag("do_queue", True):
            return scheduler("shell")
        return self._picture.scheduler

    def _template_of(self, job: Job) -> str:
        """A site's template that the form or the profile names; "" without a queue."""
        if self._scheduler_of(job).name == "shell":
            return ""
        return job.text("qsubscript", "").strip() or self.cluster.template

    async def _script(
        self, job: Job, directory: str, token: str, facts: dict[str, Any]
    ) -> Script:
        aliases: dict[str, str] = facts.get("aliases") or {}

        def real_path(path: str) -> str:
            for alias, real in aliases.items():
                if path.startswith(alias):
                    return real + path.removeprefix(alias)
            return path

        picker = None
        if job.engine == "relion" and job.type.key in ("manualpick", "autopick"):
            picker = await super().defaults("manualpick")
        try:
            return build(
                job,
                directory,
                token,
                cluster=self.cluster,
                project=facts["project"],
                scheduler=self._scheduler_of(job),
                site=Site(real_path=real_path, picker=picker),
                template=facts.get("template") or "",
                environment=facts.get("environment") or {},
            )
        except InputError as error:
            raise BadRequestError(str(error)) from error

    async def abort(self, name: str) -> str:
        """Stop a job by its abort file, then by the scheduler; what took effect."""
        said = await self._do(
            "ending.abort",
            name=name,
            cancel_argv=list(self._picture.scheduler.cancel_argv()),
            wait_s=ABORT_WAIT_S,
            timeout=ABORT_WAIT_S + 60.0,
        )
        if said["took"] == "file":
            return f"it stopped by itself after {said['waited_s']:.0f} s"
        if said["took"] == "scheduler":
            return "cancelled with the scheduler"
        if said["took"] == "process":
            return "its processes were ended"
        if said["complaint"]:
            message = f"{name}: asked to stop, but not cancelled: {said['complaint']}"
            raise SchedulerError(message)
        return "asked to stop by its abort file; the scheduler's id is not known here"


def _submitted(name: str, entry: dict[str, Any]) -> str:
    state, said = entry["state"], error_words(entry.get("said", ""))
    if state == "submitted":
        return shown_id(entry)
    if state == "rejected":
        message = f"{name}: the scheduler refused it: {said}"
        raise RejectedError(message)
    if state == "uncertain":
        message = (
            f"{name}: the scheduler did not say whether it took the job ({said}); it "
            "is being looked for and will not be submitted twice"
        )
        raise SchedulerError(message)
    message = f"{name}: the job never reached the scheduler; run it again"
    raise SchedulerError(message)


def _parts(names: list[str]) -> Iterator[list[str]]:
    for at in range(0, len(names), AT_ONCE):
        yield names[at : at + AT_ONCE]


def _find(overview: Overview, name: str) -> JobRow:
    wanted = name.rstrip("/")
    for row in overview.jobs:
        if wanted in (row.name, row.alias):
            return row
    message = f"{name}: no such job"
    raise BadRequestError(message)
