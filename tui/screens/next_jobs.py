"""What usually comes after a job: hints with their forms filled in, and copies."""

from __future__ import annotations

from engine.jobs.hints import Hint
from remote.hints import hints_of
from remote.views import JobState
from tui.screens.sending import Sending


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

    def take_hints(self, hints: tuple[Hint, ...]) -> None:
        """Show them on the overview."""
        from tui.screens.overview import OverviewPane

        self.hints = hints
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

    def action_notebook(self) -> None:
        """Tell how the job was made."""
        from tui.screens.notebook import NotebookScreen

        if self.row is not None:
            screen = NotebookScreen(self.cluster, self.project, self.row.name)
            self.app.push_screen(screen)

    def action_clone(self) -> None:
        """Start a new job with this form."""
        from tui.screens.job import JobScreen

        pane = self.form_pane
        form = pane.job if pane is not None else self.form
        if form is not None and form.type.has_form:
            self.app.push_screen(
                JobScreen(self.cluster, self.project, None, form=form.continued(False))
            )
