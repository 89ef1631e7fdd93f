"""Sending a job on its way, or keeping its form, from the job's screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engine.jobs.by_hand import by_hand
from remote.views import JobRow, JobState
from tui.kept_forms import drop, keep, kept
from tui.plain import plain
from tui.screens.going_on import GoingOn
from tui.words import clock, is_active

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from tui.forms.form import FormPane


class Sending(GoingOn):
    """Run!, Continue! and Save of a form; a job is created only once."""

    new_type: str
    _created = ""

    def _notice(self, text: str) -> None:
        raise NotImplementedError

    # what was typed and not sent

    @property
    def _kept_key(self) -> str:
        return self.row.name if self.row is not None else f"new {self.new_type}"

    def keep_typed(self, job: Job) -> None:
        """Keep what was typed on this machine."""
        keep(self.cluster.name, self.project, self._kept_key, job)

    def drop_typed(self) -> None:
        """It was sent, or thrown away."""
        drop(self.cluster.name, self.project, self._kept_key)

    def typed_before(self, form: Job) -> Job:
        """What was typed into this form and never sent, else the form as it is."""
        found = kept(self.cluster.name, self.project, self._kept_key)
        job = found.job() if found is not None else None
        if found is None or job is None or job.type.key != form.type.key:
            return form
        if job.version != form.version or job.values == form.values:
            return form
        self.app.notify(
            f"What you typed here on {clock(found.at)} and did not send is back. "
            "Esc throws it away.",
            markup=False,
            timeout=8,
        )
        return job

    def on_form_pane_wanted(self, message: FormPane.Wanted) -> None:
        """Ask once more with all that will happen, then do it."""
        pane = self.form_pane
        if pane is None:
            return
        if message.deed == "keep":
            self.keep_typed(pane.job)
            return
        if message.deed == "save":
            self._save(pane)
            return
        if pane.errors:
            first = pane.errors[0]
            label = pane.job.option(first.key).title
            words = plain(f"{label}: {first.message}")
            self.app.notify(words, severity="error", markup=False, timeout=8)
            self.app.run_worker(pane.go_to_field(first.key))
            return
        if by_hand(pane.job, pane.is_continuing):
            self._run(pane)
            return
        from tui.screens.run_dialog import run_dialog

        def sure(yes: bool | None) -> None:
            if yes:
                self._run(pane)

        self.app.push_screen(run_dialog(pane), sure)

    def _run(self, pane: FormPane) -> None:
        job, continuing = pane.job, pane.is_continuing
        job = job.continued(continuing)
        self.app.bridge.look_at_profile()
        self._notice("submitting …")
        if by_hand(job, continuing):

            async def opened(w: Any) -> str:
                name = await self._stored(w, job)
                await w.run(name, continuing=continuing)
                return name

            self.app.bridge.act(self, "by hand", opened)
            return

        async def deed(w: Any) -> tuple[str, str]:
            name = await self._stored(w, job)
            return name, await w.run(name, continuing=continuing)

        self.app.bridge.act(self, "run", deed)

    async def _stored(self, w: Any, job: Job) -> str:
        """Name of the job with this form; a job is created only once."""
        if self.row is not None:
            await w.save(self.row.name, job)
            return self.row.name
        if self._created:
            await w.save(self._created, job)
        else:
            self._created = str(await w.create(job))
        return self._created

    def _save(self, pane: FormPane) -> None:
        job = pane.job

        async def deed(w: Any) -> str:
            return await self._stored(w, job)

        self.app.bridge.act(self, "save", deed)

    async def _started(self, name: str, number: str) -> None:
        self.drop_typed()
        words = f"{name} was submitted" + (f" as job {number}" if number else "")
        self.app.notify(plain(words), markup=False, timeout=5)
        await self._become(name, "log")

    def _open_by_hand(self, name: str) -> None:
        """Show a job's micrographs, over the job itself."""
        from tui.screens.hand import HandScreen

        self._notice("")
        screen = HandScreen(self.cluster, self.project, name)
        if self.row is not None:
            if self.form_pane is not None:
                self.form_pane.first = self.form_pane.job
            self.app.push_screen(screen)
            return
        row = self.app.bridge.job(name) or _young_row(name, self.new_type)
        done = self._screen(row)
        # not awaited: it would wait for this very handler to end
        self.app.call_later(self.app.switch_screen, done)
        self.app.call_later(self.app.push_screen, screen)

    async def _saved(self, name: str) -> None:
        self.drop_typed()
        self.app.notify(plain(f"{name} is kept as a draft"), markup=False, timeout=5)
        pane = self.form_pane
        if pane is not None:
            pane.first = pane.job
        self._notice("")

    async def _become(self, name: str, tab: str) -> None:
        """Show the job that this form has become."""
        from dataclasses import replace

        self._notice("")
        row = self.app.bridge.job(name) or self.row
        if row is None or row.name != name:
            row = _young_row(name, self.new_type)
        verdict = replace(row.verdict, state=JobState.SUBMITTING, reason="just sent")
        row = replace(row, verdict=verdict) if not is_active(row) else row
        screen = self._screen(row, tab)
        # not awaited: it would wait for this very handler to end
        self.app.call_later(self.app.switch_screen, screen)

    def _screen(self, row: JobRow, tab: str = "overview") -> GoingOn:
        from tui.screens.job import JobScreen

        return JobScreen(self.cluster, self.project, row, tab=tab)


def _young_row(name: str, type_key: str) -> JobRow:
    from remote.views import Verdict

    number = name.rpartition("job")[2]
    return JobRow(
        name=name,
        number=int(number) if number.isdigit() else 0,
        type=type_key,
        type_label="",
        alias="",
        status="Running",
        verdict=Verdict(state=JobState.SUBMITTING, reason="just sent"),
    )
