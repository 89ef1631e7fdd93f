"""What becomes of jobs, told line by line: for ears, logs and scripts."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from tui.cli.formats import STATE_COLORS, moment
from tui.cli.listing import alias_of, job_record, progress_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from remote.views import JobRow, Overview
    from tui.cli.invocation import Invocation

_PACE_S = 10.0  # the scheduler is asked no more often than this by something unattended


async def announce(
    invocation: Invocation,
    overview: Overview,
    is_wanted: Callable[[JobRow, Invocation], bool],
) -> None:
    """Say what changes, for ever; a lost link is said once and waited for."""
    from remote.errors import RemoteError

    workspace, output = await invocation.workspace(), invocation.output
    pace = max(workspace.cluster.poll_s, _PACE_S)
    if workspace.cluster.session == "local":
        pace = 2.0
    said = {row.name: _words(row) for row in overview.jobs}
    is_away = False
    while True:
        await asyncio.sleep(pace)
        try:
            overview = await workspace.overview()
        except RemoteError as error:
            if not getattr(error, "transient", False):
                raise
            if not is_away:
                output.warning(f"{error}; what is said is as it was until then")
            is_away = True
            continue
        if is_away:
            output.line(f"{moment(time.time())}  there is contact again")
            is_away = False
        for row in sorted(overview.jobs, key=lambda row: row.number):
            words = _words(row)
            if said.get(row.name) == words or not is_wanted(row, invocation):
                continue
            color = STATE_COLORS[row.verdict.state.value]
            output.line(f"{moment(time.time())}  {words}", color)
            output.record(job_record(row))
            said[row.name] = words
        for name in set(said) - {row.name for row in overview.jobs}:
            output.line(f"{moment(time.time())}  {name}: deleted")
            output.record({"name": name, "state": "deleted"})
            del said[name]


def _words(row: JobRow) -> str:
    """Job, state and how far: what is left, and until when, changes all the time."""
    alias = f" ({alias_of(row)})" if row.alias else ""
    progress = progress_text(row).partition(",")[0]
    words = f"{row.name}{alias}: {row.verdict.state.value}"
    if progress:
        words += f", {progress}"
    elif row.verdict.state.is_over:
        words += f": {row.summary or row.verdict.reason}"
    elif row.verdict.reason and not row.started_at:
        words += f": {row.verdict.reason.partition(',')[0]}"
    return words
