"""Going on with a job from its form: Continue!, also with values found elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.screen import Screen

from remote.views import JobRow, JobState
from tui.words import is_active

if TYPE_CHECKING:
    from engine.jobs.facts import Facts
    from engine.jobs.job import Job
    from remote.cluster import Cluster
    from tui.app import CryodeckApp
    from tui.forms.form import FormPane


class GoingOn(Screen[None]):
    """What a job's screen needs for Continue!; it says which job and form are meant."""

    app: CryodeckApp
    cluster: Cluster
    project: str
    row: JobRow | None
    form: Job | None
    goes_on = False  # as soon as the form is there

    async def show_tab(self, name: str) -> None:
        """Bring a tab to the front."""
        raise NotImplementedError

    @property
    def form_pane(self) -> FormPane | None:
        """The form, if it was looked at."""
        from tui.forms.form import FormPane

        for pane in self.query(FormPane):
            return pane
        return None

    @property
    def may_go_on(self) -> bool:
        """Whether the job was run before and is over."""
        row = self.row
        if row is None or row.verdict.state is JobState.DRAFT or is_active(row):
            return False
        return self.form is None or self.form.type.has_form

    def prepared(self, form: Job) -> Job:
        """The form with the newest whole iteration to go on from."""
        from engine.jobs.continuation import prepared

        row = self.row
        if row is None or row.verdict.state is JobState.DRAFT:
            return form
        return prepared(form, row.continue_from, row.name)

    async def action_go_on(self) -> None:
        """Fill in what the job would go on from, and ask once more."""
        if not self.may_go_on:
            return
        await self.show_tab("form")
        pane = self.form_pane
        if pane is None:
            self.goes_on = True  # the form is still to come
            return
        form = self.prepared(pane.job)
        if form is not pane.job:
            pane.set_values({"fn_cont": form.text("fn_cont")})
        pane.action_run()

    def say_continue(self) -> None:
        """Tell on the overview what Continue! would do."""
        if self.form is None or self.row is None or not self.form.type.has_form:
            return
        if self.row.verdict.state is JobState.DRAFT:
            return
        from engine.jobs.explain import explain_run
        from tui.screens.overview import OverviewPane

        form, facts = self.prepared(self.form), known_of(self.row)
        for pane in self.query(OverviewPane):
            pane.say_continue(explain_run(form, True, facts, self.row.name))

    async def hunted(self, values: dict[str, str] | None) -> None:
        """Go on with what was found, through the form as ever."""
        form = self.form_pane.job if self.form_pane is not None else self.form
        if values is None or form is None:
            return
        if values.pop("how") == "new":
            for key, value in values.items():
                if key in form.values:
                    form = form.replace(key, value)
            from tui.screens.job import JobScreen

            screen = JobScreen(
                self.cluster, self.project, None, form=form.continued(False)
            )
            self.app.push_screen(screen)
            return
        await self.show_tab("form")
        if self.form_pane is not None:
            self.form_pane.set_values(values)
            self.form_pane.action_run()


def known_of(row: JobRow) -> Facts:
    """What a job's row tells about how far it is."""
    from engine.jobs.facts import Facts

    of = row.reached
    if of is None:
        return Facts(last_optimiser=row.continue_from)
    return Facts(micrographs=of.total, done=of.done)
