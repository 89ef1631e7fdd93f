"""The `:` line's words: what they mean, and what may stand at their end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

VERSIONS = ("3.1", "4.0", "5.0")  # of RELION's project layout
TABS = ("overview", "form", "preview", "log", "statistics", "pictures")
#: word -> (arguments, what it does)
COMMANDS = {
    "jobs": ("[WORD]...", "the job list, filtered by words; !word leaves out"),
    "job": ("JOB [TAB]", "a job at a tab: overview, form, preview, log ..."),
    "new": ("TYPE [from JOB]", "the form of a new job; with another's values"),
    "graph": ("", "the job graph: inputs and outputs"),
    "watch": ("", "logs of all running jobs, below the job list"),
    "clusters": ("", "clusters and their projects"),
    "project": ("PATH", "another project on this cluster"),
    "cluster": ("NAME [PATH]", "another cluster, at its last project or at PATH"),
    "trash": ("", "bring deleted jobs back"),
    "init": ("[3.1|4.0|5.0]", "make this a project of the host's RELION, or of that"),
    "link": ("", "the command that opens this view, to the clipboard"),
    "notebook": ("[JOB]", "how a job, or the whole project, was made"),
    "queues": ("", "the cluster's queues, and this project's jobs in them"),
    "theme": ("NAME", "colors"),
    "slow": ("on|off|auto", "the preset for slow links"),
    "journal": ("", "what was asked of the cluster"),
    "about": ("", "the link, and what cryodeck costs the login node"),
    "keys": ("", "keys of this view"),
    "tour": ("", "be shown around"),
    "quit": ("", "leave; jobs go on"),
}
SHORT = {"q": "quit"}  # though it is the beginning of others, too


@dataclass(frozen=True, kw_only=True)
class Known:
    """Names that a line may use."""

    jobs: Sequence[str] = ()  # names and aliases
    types: Sequence[str] = ()
    themes: Sequence[str] = ()
    clusters: Sequence[str] = ()
    projects: Sequence[str] = ()


@dataclass(frozen=True)
class Order:
    """What a line asks for; `error` says why it asks for nothing."""

    command: str = ""
    words: tuple[str, ...] = field(default=())
    error: str = ""


def parse(line: str) -> Order:
    """The order in a line; a beginning is enough where it is the only one."""
    words = line.strip().lstrip(":").split()
    if not words:
        return Order()
    command = SHORT.get(words[0], words[0])
    if command not in COMMANDS:
        fitting = [name for name in COMMANDS if name.startswith(command)]
        if len(fitting) != 1:
            listed = ", ".join(fitting or COMMANDS)
            return Order(error=f"{command}: {listed}?")
        command = fitting[0]
    rest = tuple(words[1:])
    usage, _ = COMMANDS[command]
    least = int(usage[:1].isupper())
    if command in {"slow"} and rest[:1] not in {("on",), ("off",), ("auto",)}:
        return Order(error="slow: on, off or auto?")
    if command == "init" and rest and rest[0] not in VERSIONS:
        return Order(error=f"init: {', '.join(VERSIONS)}?")
    if len(rest) < least:
        return Order(error=f"{command} {usage}")
    if command == "new" and len(rest) > 1 and (len(rest) != 3 or rest[1] != "from"):
        return Order(error=f"new {usage}")
    return Order(command, rest)


def completions(line: str, known: Known) -> list[str]:
    """Words that may stand in place of the last one."""
    words = line.lstrip(":").split(" ")
    before, typed = words[:-1], words[-1]
    if not before:
        options: Sequence[str] = tuple(COMMANDS)
    else:
        options = _arguments(before, known)
    low = typed.lower()
    return [word for word in options if word.lower().startswith(low) and word != typed]


def beginning(words: Sequence[str]) -> str:
    """What all of some words begin with."""
    first, last = min(words), max(words)
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[:same]


def _arguments(before: list[str], known: Known) -> Sequence[str]:
    order = parse(before[0])
    command = order.command or parse(f"{before[0]} x").command
    place = len(before)
    table: dict[tuple[str, int], Sequence[str]] = {
        ("job", 1): known.jobs,
        ("notebook", 1): known.jobs,
        ("job", 2): TABS,
        ("new", 1): known.types,
        ("new", 2): ("from",),
        ("new", 3): known.jobs,
        ("theme", 1): known.themes,
        ("slow", 1): ("on", "off", "auto"),
        ("init", 1): VERSIONS,
        ("cluster", 1): known.clusters,
        ("cluster", 2): known.projects,
        ("project", 1): known.projects,
        ("jobs", place): ("running", "finished", "failed", *known.types),
    }
    return table.get((command, place), ())
