"""How things were made: jobs as a notebook, or as the commands that repeat them.

Both interfaces show it. It is put together from the project alone: forms, notes, states
and what was done by hand.
"""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.errors import EngineError
from engine.jobs.active import is_used
from engine.jobs.by_hand import MICROGRAPHS, PICKS, by_hand
from engine.jobs.commands import commands
from engine.jobs.running import QUEUE
from remote.errors import RemoteError
from tui.job_graph import upstream
from tui.words import clock, displayed_name, duration, plural, state_words

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from remote.views import JobRow

_AT_ONCE = 8
_JOB = re.compile(r"\b[A-Z]\w*/job\d{3,}\b")
#: where a job is sent is the cluster's business, not the method's
_OF_THE_SITE = frozenset(option.key for option in QUEUE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One job's page."""

    row: JobRow
    form: Job | None  # None: it has none that can be read
    note: str = ""
    kept: tuple[int, ...] = ()  # micrographs that were ticked, numbers from 1
    of: int = 0  # so many there were; 0 if nothing was ticked
    picks: Mapping[int, tuple[tuple[float, float], ...]] = field(default_factory=dict)

    @property
    def alias(self) -> str:
        """Its second name; empty without."""
        return displayed_name(self.row) if self.row.alias else ""


async def pages(
    workspace: Any, rows: Sequence[JobRow], name: str = ""
) -> tuple[Page, ...]:
    """Pages of all jobs, or of one and of those that it was made from; oldest first."""
    wanted = {name, *upstream(name, rows)} if name else {row.name for row in rows}
    chosen = sorted(
        (row for row in rows if row.name in wanted), key=lambda row: row.number
    )
    turns = asyncio.Semaphore(_AT_ONCE)

    async def page(row: JobRow) -> Page:
        async with turns:
            return await _page(workspace, row)

    return tuple(await asyncio.gather(*(page(row) for row in chosen)))


async def _page(workspace: Any, row: JobRow) -> Page:
    try:
        form: Job | None = await workspace.load_job(row.name)
    except (RemoteError, EngineError):
        form = None
    note = ""
    try:
        note = str(await workspace.note(row.name)).strip()
        hand = by_hand(form) if form is not None else ""
        if not hand or not row.verdict.state.is_over:
            return Page(row=row, form=form, note=note)
        table = (await workspace.hand_table(row.name)).micrographs
        if hand == MICROGRAPHS:
            kept = tuple(at for at, one in enumerate(table, 1) if one["selected"])
            return Page(row=row, form=form, note=note, kept=kept, of=len(table))
        assert hand == PICKS
        found = {}
        for at, one in enumerate(table, 1):
            if one["picks"]:
                there = await workspace.picks(row.name, str(one["name"]))
                found[at] = tuple(zip(there.x, there.y, strict=True))
        return Page(row=row, form=form, note=note, picks=found)
    except (RemoteError, EngineError):
        return Page(row=row, form=form, note=note)


# as commands


def as_commands(found: Sequence[Page], version: str) -> str:
    """A shell script whose commands make the same jobs in another project."""
    lines = [
        "#!/bin/sh -e",
        "# For a new project with the same files, where no job has a number yet.",
        "# Set CRYODECK_HOST and CRYODECK_PROJECT to where it is to be.",
        f"cryodeck init --relion {version}",
    ]
    names = _new_names(found)
    for page in found:
        alias = f" ({page.alias})" if page.alias else ""
        lines += ["", f"# {page.row.name}{alias}"]
        lines += [_renamed(line, names) for line in _repeat(page)]
    return "\n".join(lines) + "\n"


def _new_names(found: Sequence[Page]) -> dict[str, str]:
    """Names that the jobs will have: they are numbered from 1 again."""
    made = [p.row.name for p in found if p.form is not None and p.form.type.has_form]
    return {
        name: f"{name.partition('/')[0]}/job{number:03d}"
        for number, name in enumerate(made, 1)
    }


def _renamed(line: str, names: Mapping[str, str]) -> str:
    return _JOB.sub(lambda found: names.get(found[0], found[0]), line)


def _repeat(page: Page) -> Iterator[str]:
    form = page.form
    if form is None or not form.type.has_form:
        yield "# not made by cryodeck: no form of this job is known"
        return
    form, why = _from_the_start(form)
    if why:
        yield f"# {why}"
    words = ["cryodeck", "new", form.type.key]
    if page.alias:
        words += ["--alias", page.alias]
    for key, value in _values(form):
        words += ["--set", f"{key}={value}"]
    yield shlex.join([*words, "--run", "--wait"])
    if page.of and len(page.kept) < page.of:
        rows = ",".join(_ranges(page.kept)) or "none"
        yield shlex.join(["cryodeck", "micrographs", page.row.name, "--rows", rows])
    for at, places in page.picks.items():
        words = ["cryodeck", "picks", page.row.name, str(at)]
        for x, y in places:
            words += ["--add", f"{x:g},{y:g}"]
        yield shlex.join(words)


def _from_the_start(form: Job) -> tuple[Job, str]:
    """The form of a new job that ends where a continued one has ended, and why."""
    job = form.continued(False)
    if job.text("fn_cont", ""):
        job = job.replace("fn_cont", "")
    if job.flag("do_read_fom_maps", False):
        job = job.replace("do_read_fom_maps", False)
        why = "picked from stored FOM maps; without them the same picks take longer"
        return job.replace("do_write_fom_maps", False), why
    return job, ""


def _values(form: Job) -> Iterator[tuple[str, str]]:
    """What the form says differently from a new one, where it has any influence."""
    for option in form.type.all_options(form.version).values():
        text = form.text(option.key, option.default)
        is_said = text != option.default and option.key not in _OF_THE_SITE
        if is_said and is_used(form, option):
            yield option.key, text


def _ranges(numbers: Sequence[int]) -> list[str]:
    """Numbers as "1-5", "8"."""
    found: list[list[int]] = []
    for number in numbers:
        if found and number == found[-1][1] + 1:
            found[-1][1] = number
        else:
            found.append([number, number])
    return [f"{a}-{b}" if a < b else str(a) for a, b in found]


# as a document


def as_markdown(
    project: str, found: Sequence[Page], pictures: Mapping[str, str] | None = None
) -> str:
    """A document with a chapter for each job; `pictures` are files by job."""
    lines = [f"# {project}", "", "How each job was made, the oldest first."]
    for page in found:
        alias = f" ({page.alias})" if page.alias else ""
        lines += ["", f"## {page.row.name}{alias}", "", *_what_became(page)]
        picture = (pictures or {}).get(page.row.name)
        if picture:
            lines += ["", f"![{page.row.name}]({picture})"]
        lines += _inputs(page)
        lines += _parameters(page)
        lines += _ran(page)
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _what_became(page: Page) -> Iterator[str]:
    row = page.row
    words = [state_words(row.verdict.state)[1]]
    if row.started_at is not None:
        words.append(f"started {clock(row.started_at)}")
        if row.ended_at is not None:
            words.append(f"took {duration(row.ended_at - row.started_at)}")
    if row.scheduler_id:
        words.append(f"scheduler's id {row.scheduler_id}")
    yield " · ".join(words) + "."
    result = row.summary or row.verdict.reason
    if result:
        yield ""
        yield f"Result: {result}."
    if page.of:
        kept = ", ".join(_ranges(page.kept)) or "none"
        yield f"By hand: {len(page.kept)} of {page.of} micrographs kept ({kept})."
    if page.picks:
        total = sum(map(len, page.picks.values()))
        where = plural(len(page.picks), "micrograph")
        yield f"By hand: {plural(total, 'pick')} on {where}."


def _inputs(page: Page) -> Iterator[str]:
    if page.row.inputs:
        yield ""
        yield "From: " + ", ".join(page.row.inputs)


def _parameters(page: Page) -> Iterator[str]:
    form = page.form
    if form is None:
        return
    rows = list(_values(form))
    if not rows:
        return
    yield ""
    yield "| parameter (where not RELION's default) | value | key |"
    yield "|---|---|---|"
    for key, value in rows:
        shown = value.replace("|", "\\|") or "(empty)"
        yield f"| {form.option(key).title} | {shown} | `{key}` |"


def _ran(page: Page) -> Iterator[str]:
    """RELION's note, which has every command that was run; else the last one."""
    form = page.form
    if page.note:
        yield ""
        yield from (f"    {line}" for line in page.note.splitlines())
    if page.note or form is None or by_hand(form):
        return
    try:
        ran = commands(form, page.row.name, continuing=form.is_continue)
    except EngineError:
        return
    yield ""
    yield from (f"    {line}" for line in ran)
