"""What usually comes after a job: hints with their forms filled in, and copies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from engine.jobs.facts import NOTHING_KNOWN
from engine.jobs.hints import Hint, next_jobs
from remote.views import JobRow, JobState, Overview
from tui.screens.sending import Sending

if TYPE_CHECKING:
    from engine.jobs.job import Job

_PARTICLES = {"extract", "select", "import"}


async def hints_of(
    workspace: Any, form: Job, row: JobRow, overview: Overview | None
) -> list[Hint]:
    """Jobs that usually follow, with the settings of earlier jobs carried over."""
    from remote.errors import RemoteError

    rows = sorted(overview.jobs if overview else (), key=lambda one: one.number)
    newest = {one.type: one for one in rows if one.number < row.number}
    loaded = []
    for one in sorted(newest.values(), key=lambda one: one.number):
        try:
            loaded.append((one.name, await workspace.load_job(one.name)))
        except RemoteError:
            continue  # a form that nobody can read carries nothing over
    labels = [node.label for node in row.outputs]
    facts = replace(
        NOTHING_KNOWN,
        has_ctf=any("ctf" in label for label in labels) or None,
        last_optimiser=row.continue_from,
    )
    if row.type in _PARTICLES:
        try:
            values = (await workspace.statistics(row.name)).values
        except RemoteError:
            values = {}
        facts = replace(
            facts,
            particles=values.get("particles_total"),
            micrographs=values.get("micrographs_total"),
        )
    return next_jobs(form, row.name, facts=facts, earlier=loaded)


class NextJobs(Sending):
    """Hints on the overview, a key that takes one up, and one that copies the form."""

    hints: tuple[Hint, ...] = ()

    @property
    def may_have_hints(self) -> bool:
        """Whether jobs can follow this one, and its form is known."""
        form, row = self.form, self.row
        if form is None or row is None or not form.type.has_form:
            return False
        return row.verdict.state is not JobState.DRAFT

    def ask_hints(self) -> None:
        """Have the next jobs' forms filled in, once this one's is known."""
        form, row = self.form, self.row
        if form is None or row is None or not self.may_have_hints:
            return
        overview = self.app.bridge.overview
        self.app.bridge.ask(self, "hints", lambda w: hints_of(w, form, row, overview))

    def take_hints(self, hints: list[Hint]) -> None:
        """Show them on the overview."""
        from tui.screens.overview import OverviewPane

        self.hints = tuple(hints)
        for pane in self.query(OverviewPane):
            pane.say_hints(self.hints)

    def action_next_job(self) -> None:
        """Choose a job that takes what this one makes."""
        from tui.screens.dialogs import Choose

        hints = {f"{hint.title}: {hint.reason}": hint for hint in self.hints}
        if not hints:
            self.app.notify("This job makes nothing that another could take", timeout=4)
            return

        async def chosen(words: str | None) -> None:
            if words is not None:
                await self._take_up(hints[words])

        self.app.push_screen(Choose("Next", list(hints)), chosen)

    async def _take_up(self, hint: Hint) -> None:
        from tui.screens.job import JobScreen

        if not hint.continues:
            self.app.push_screen(
                JobScreen(self.cluster, self.project, None, form=hint.job)
            )
            return
        await self.show_tab("form")
        if self.form_pane is not None:
            self.form_pane.take_job(hint.job)

    def action_clone(self) -> None:
        """Start a new job with this form."""
        from tui.screens.job import JobScreen

        pane = self.form_pane
        form = pane.job if pane is not None else self.form
        if form is not None and form.type.has_form:
            self.app.push_screen(
                JobScreen(self.cluster, self.project, None, form=form.continued(False))
            )
