"""`log --search` and `log --first-error`: looked for where the log lies."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tui.cli.failure import BAD_INPUT, DONE, CommandFailure
from tui.words import bytes_words, count

if TYPE_CHECKING:
    from remote.views import LogLine, LogPage
    from tui.cli.invocation import Invocation

_BEFORE, _AFTER = 5, 15  # lines shown around an error


async def search_log(invocation: Invocation) -> int:
    """Look through a job's log, in as many requests as it takes."""
    if invocation.follow or (invocation.search is not None and invocation.first_error):
        message = "--search, --first-error and -f exclude one another"
        raise CommandFailure(message, BAD_INPUT)
    row = await invocation.find(invocation.job)
    if invocation.first_error:
        return await _first_error(invocation, row.name)
    if not invocation.search:
        message = "--search: no text; `cryodeck log JOB --search TEXT`"
        raise CommandFailure(message, BAD_INPUT)
    return await _lines(invocation, row.name, "err" if invocation.err else "out")


async def _lines(invocation: Invocation, name: str, stream: str) -> int:
    workspace, output = await invocation.workspace(), invocation.output
    text, most = invocation.search, max(0, invocation.limit)
    hits: list[LogLine] = []
    start = passed = found = 0
    while True:
        said = await workspace.lines_in_log(
            name, stream, text, start=start, most=most - len(hits)
        )
        for hit in said.hits:
            number = passed + hit.number + 1
            hits.append(replace(hit, number=number))
            output.labeled(output.painted(f"{number}: ", "dim"), hit.text)
        found += said.count
        passed += said.lines
        start = said.reached
        if said.is_over:
            break
        _show_progress(invocation, said.path, start, said.size)
    output.clear_status()
    output.result(
        {
            "job": name,
            "path": said.path,
            "search": text,
            "count": found,
            "bytes": said.size,
            "lines": [
                {"line": hit.number, "offset": hit.offset, "text": hit.text}
                for hit in hits
            ],
        }
    )
    where = f"{said.path} ({bytes_words(said.size)})"
    if not found:
        output.warning(f"{text!r} is not in {where}")
    elif found > len(hits):
        output.warning(f"{count(found)} such lines in {where}, {len(hits)} shown")
    return DONE


async def _first_error(invocation: Invocation, name: str) -> int:
    workspace, output = await invocation.workspace(), invocation.output
    looked = []
    for stream in ("err",) if invocation.err else ("out", "err"):
        start = 0
        while True:
            found = await workspace.find_in_log(name, stream, start=start)
            if found.is_over:
                break
            start = found.reached
            _show_progress(invocation, found.path, start, found.size)
        output.clear_status()
        looked.append(f"{found.path} ({bytes_words(found.size)})")
        if found.page is not None:
            lines = _around(found.page)
            page = found.page
            error = page.text.split("\n")[page.line]
            output.result(
                {"job": name, "path": found.path, "error": error, "around": lines}
            )
            output.line(f"{found.path}:", "bold")
            for line in lines:
                output.line(line, "red" if line == error else "")
            return DONE
    output.result({"job": name, "path": None, "error": None, "around": []})
    output.line(f"no error in {' or '.join(looked)}")
    return DONE


def _around(page: LogPage) -> list[str]:
    """The line that was found, and those around it."""
    lines = page.text.rstrip("\n").split("\n")
    return lines[max(0, page.line - _BEFORE) : page.line + _AFTER]


def _show_progress(invocation: Invocation, path: str, at: int, size: int) -> None:
    share = 100 * at / max(1, size)
    invocation.output.status(f"looking through {path}, at {share:.0f} %")
