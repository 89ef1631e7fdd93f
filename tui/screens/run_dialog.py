"""Everything that Run! or Continue! will do, on one screen before the last key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.errors import EngineError
from engine.jobs.commands import commands
from tui.charts import Line
from tui.plain import plain
from tui.screens.dialogs import Confirm

if TYPE_CHECKING:
    from tui.forms.form import FormPane


def run_dialog(pane: FormPane) -> Confirm:
    """The question with its facts: where, by which engine, how many cores, warnings."""
    job, continuing = pane.job, pane.is_continuing
    verb = "Continue!" if continuing else "Run!"
    lines: list[Line] = [
        _fact("Engine", "cryodeck" if job.engine == "cryodeck" else "RELION's programs")
    ]
    ranks, threads = job.text("nr_mpi", "1"), job.text("nr_threads", "1")
    each = "thread" if threads == "1" else "threads"
    lines.append(_fact("Processes", f"{ranks} MPI × {threads} {each}"))
    if job.text("do_queue", "No") == "Yes":
        from remote.script import queue_of

        cluster = pane.app.bridge.cluster
        queue = queue_of(job, cluster) if cluster is not None else ""
        where = f"queue {queue}" if queue else "the scheduler's default queue"
        limit = job.text("cryodeck_time_limit", "")
        where += f", time limit {limit}" if limit else ""
    else:
        where = "started where the project is open, without a queue"
    lines.append(_fact("Where", where))
    try:
        directory = pane.directory or f"{job.type.folder}/jobNNN"
        for line in commands(job, directory, continuing=continuing)[:3]:
            lines.append(
                _fact("Command", line if len(line) < 200 else line[:199] + "…")
            )
    except EngineError as error:
        lines.append(_fact("Command", str(error)))
    for problem in pane.problems:
        option = job.type.option(problem.key, job.version)
        label = option.title if option is not None else problem.key
        lines.append([("! ", "warn"), (plain(f"{label}: {problem.message}"), "warn")])
    title = f"{verb}  {pane.directory or 'new ' + job.type.title + ' job'}"
    return Confirm(title, pane.explanation(), verb, lines)


def _fact(label: str, words: str) -> Line:
    return [(label.ljust(11), "dim"), (plain(words), "text")]
