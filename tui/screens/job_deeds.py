"""What one does to jobs from the list: to one, or to all that are selected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any

from textual.screen import Screen

from remote.views import JobRow
from tui.plain import plain
from tui.words import is_active, plural

if TYPE_CHECKING:
    from tui.app import CryodeckApp

Deed = Callable[[Any, str], Awaitable[Any]]
GENTLE = "Gentle clean: intermediate files only"
HARSH = "Harsh clean: everything but the last results"


class JobDeeds(Screen[None]):
    """Abort, mark, clean and delete; a screen says which jobs are meant."""

    app: CryodeckApp

    def targets(self) -> list[JobRow]:
        """Selected jobs, else the one under the cursor."""
        raise NotImplementedError

    def _do_all(self, names: Sequence[str], past: str, deed: Deed) -> None:
        """Do it to one after the other; what fails does not stop the rest.

        Without words for what was done, the deed's own answers are told.
        """

        async def all_of_them(w: Any) -> tuple[str, list[str]]:
            return await _each(w, list(names), past, deed)

        self.app.bridge.act(self, "deeds", all_of_them)

    def say_deeds(self, words: str, troubles: list[str]) -> None:
        """Tell what was done, and what was not."""
        if words:
            self.app.notify(plain(words), markup=False, timeout=4)
        if troubles:
            text = "\n".join(plain(one) for one in troubles[:5])
            if len(troubles) > 5:
                text += f"\nand {len(troubles) - 5} more"
            self.app.notify(text, severity="error", markup=False, timeout=12)

    def action_abort(self) -> None:
        """Stop jobs, after asking."""
        from tui.screens.dialogs import Confirm

        rows = self.targets()
        active = [row.name for row in rows if is_active(row)]
        if not rows:
            return
        if not active:
            self.app.notify(f"{named(rows)}: not under way", markup=False)
            return

        def sure(yes: bool | None) -> None:
            if yes:
                self.app.notify(
                    plain(f"{named(active)}: asked to stop"), markup=False, timeout=4
                )
                self._do_all(active, "", lambda w, name: w.abort(name))

        words = (
            "The job is told to stop (RELION_JOB_ABORT_NOW); if it has not after 15 s, "
            "the scheduler cancels it. What is finished stays; Continue! goes on from "
            "there."
        )
        if len(rows) > len(active):
            words += f" {plural(len(rows) - len(active), 'job')} not under way stay."
        self.app.push_screen(Confirm(f"Abort {named(active)}?", words, "Abort"), sure)

    def action_mark(self) -> None:
        """Say by hand how jobs ended."""
        from tui.screens.dialogs import Choose

        rows = self.targets()
        if not rows:
            return

        def chosen(status: str | None) -> None:
            if status:
                self._do_all(
                    [row.name for row in rows],
                    f"marked as {status.lower()}",
                    lambda w, name: w.mark(name, status),
                )

        self.app.push_screen(
            Choose(f"Mark {named(rows)} as", ["Succeeded", "Failed", "Aborted"]), chosen
        )

    def action_clean(self) -> None:
        """Ask what a clean would remove."""
        from tui.screens.dialogs import Choose

        names = [row.name for row in self.targets()]
        if not names:
            return

        def chosen(which: str | None) -> None:
            if which:
                self._ask_clean(names, which == HARSH)

        self.app.push_screen(
            Choose(f"Clean up {named(names)}", [GENTLE, HARSH]), chosen
        )

    def _ask_clean(self, names: list[str], harsh: bool) -> None:
        async def question(w: Any) -> tuple[list[str], bool, dict[str, Any]]:
            several = len(names) > 1
            able, plan = await _plans(
                names,
                lambda name: w.clean(
                    name, harsh=harsh, dry_run=True, spares_protected=several
                ),
            )
            return able, harsh, plan

        self.app.bridge.ask(self, "clean?", question)

    def confirm_clean(
        self, names: list[str], harsh: bool, plan: dict[str, Any]
    ) -> None:
        """Show what would go, and clean when told to."""
        from tui.screens.dialogs import Confirm, plan_words

        def sure(yes: bool | None) -> None:
            if yes:
                self._do_all(
                    names,
                    "cleaned up",
                    lambda w, name: w.clean(name, harsh=harsh, dry_run=False),
                )

        words = plan_words(plan) + _left_alone(plan)
        self.app.push_screen(
            Confirm(f"Clean up {named(names)}?", words, "Clean up"), sure
        )

    def action_init(self, version: str = "") -> None:
        """Make the folder a RELION project, of the host's RELION if none is named."""
        self.app.bridge.act(self, "init", lambda w: w.begin_project(version))

    def action_trash(self) -> None:
        """Ask which deletions can be undone."""
        self.app.bridge.ask(self, "trash", lambda w: w.deleted())

    def choose_deleted(self, found: list[dict[str, Any]]) -> None:
        """Bring back what is chosen."""
        from tui.screens.dialogs import Choose
        from tui.words import clock

        files = {
            f"{clock(float(one['at']))}  {', '.join(one['jobs'])}": str(one["file"])
            for one in found
        }
        if not files:
            self.app.notify("There is no deleted job to bring back", timeout=5)
            return

        def chosen(label: str | None) -> None:
            if label:
                file = files[label]
                self.app.bridge.act(self, "brought back", lambda w: w.undelete(file))

        self.app.push_screen(Choose("Bring back", list(files)), chosen)

    def action_delete(self) -> None:
        """Ask what a deletion would take along."""
        names = [row.name for row in self.targets()]
        if not names:
            return

        async def question(w: Any) -> tuple[list[str], dict[str, Any]]:
            return await _plans(names, lambda name: w.delete(name, dry_run=True))

        self.app.bridge.ask(self, "delete?", question)

    def confirm_delete(self, names: list[str], plan: dict[str, Any]) -> None:
        """Show what would go, and delete when told to."""
        from tui.screens.dialogs import Confirm, plan_words

        gone: set[str] = set()

        async def delete(w: Any, name: str) -> None:
            if name not in gone:  # else it went along with one before it
                said = await w.delete(name, dry_run=False)
                gone.update(str(job).rstrip("/") for job in said.get("jobs", []))

        def sure(yes: bool | None) -> None:
            if yes:
                self._do_all(names, "moved to Trash; `:trash` brings it back", delete)

        words = plan_words(plan) + _left_alone(plan)
        self.app.push_screen(Confirm(f"Delete {named(names)}?", words, "Delete"), sure)


async def _plans(
    names: list[str], dry_run: Callable[[str], Awaitable[dict[str, Any]]]
) -> tuple[list[str], dict[str, Any]]:
    """Jobs for which it can be done, and what would go; "troubles" tells of the rest.

    If it can be done for none, the first one's error is raised.
    """
    from engine.errors import EngineError
    from remote.errors import RemoteError
    from tui.bridge import one_line

    able, plans, troubles = [], [], []
    first: Exception | None = None
    for name in names:
        try:
            plans.append(await dry_run(name))
        except (RemoteError, EngineError) as error:
            first = first or error
            troubles.append(one_line(error))
        else:
            able.append(name)
    if first is not None and not able:
        raise first
    return able, {**joined(plans), "troubles": troubles}


def _left_alone(plan: dict[str, Any]) -> str:
    troubles = list(plan.get("troubles", []))
    if not troubles:
        return ""
    more = f"\n  and {len(troubles) - 5} more" if len(troubles) > 5 else ""
    return "\nLeft alone:\n" + "\n".join(f"  {one}" for one in troubles[:5]) + more


async def _each(
    w: Any, names: list[str], past: str, deed: Deed
) -> tuple[str, list[str]]:
    from engine.errors import EngineError
    from remote.errors import RemoteError
    from tui.bridge import one_line

    done: dict[str, list[str]] = {}
    troubles = []
    for name in names:
        try:
            answer = await deed(w, name)
        except (RemoteError, EngineError) as error:
            troubles.append(one_line(error))
        else:
            done.setdefault(past or str(answer), []).append(name)
    return "; ".join(f"{named(of)}: {words}" for words, of in done.items()), troubles


def named(jobs: Sequence[JobRow | str]) -> str:
    """A job's name, or how many there are."""
    names = [one if isinstance(one, str) else one.name for one in jobs]
    return names[0] if len(names) == 1 else plural(len(names), "job")


def joined(plans: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Several dry runs as one; what goes along with a greater one is counted once."""
    jobs: dict[str, None] = {}
    files: list[str] = []
    total, size = 0, 0.0
    for plan in sorted(plans, key=lambda plan: -len(plan.get("jobs", []))):
        own = [str(name) for name in plan.get("jobs", [])]
        if own and set(own) <= set(jobs):
            continue
        jobs.update(dict.fromkeys(own))
        listed = plan.get("files", [])
        if isinstance(listed, list):
            files += [str(name) for name in listed]
            total += int(plan.get("files_total", len(listed)))
        else:
            total += int(listed)
        size += float(plan.get("bytes", 0) or 0)
    return {"jobs": list(jobs), "files": files, "files_total": total, "bytes": size}
