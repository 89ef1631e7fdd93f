"""What the job list asked of a job, done in the job's own view once that is ready."""

from __future__ import annotations

from tui.plain import plain
from tui.screens.next_jobs import NextJobs

_WHY_NOT = {
    "by_hand": "nothing is picked or ticked by hand in it",
    "hunt": "only picking jobs have a threshold to hunt",
    "stack": "it has made no particles",
    "next_job": "it was not run yet",
    "notebook": "its form is not known",
}


class AtOnce(NextJobs):
    """A screen that may have been opened for one of its actions."""

    at_once = ""  # the action, as soon as the form is here; next_job waits for hints

    async def form_is_here(self) -> None:
        """Do it now, unless it waits for hints that come."""
        if self.at_once != "next_job" or not self.may_have_hints:
            await self.do_at_once()

    async def do_at_once(self) -> None:
        """Do what the list was asked for, or say why not."""
        action, self.at_once = self.at_once, ""
        if not action:
            return
        if self.check_action(action, ()):
            await self.run_action(action)
        elif self.row is not None:
            self.app.notify(f"{plain(self.row.name)}: {_WHY_NOT[action]}", markup=False)
