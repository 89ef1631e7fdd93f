"""Write a page for each job form from the option tables: python make_pages.py.

With --check nothing is written; the exit status says whether the pages are current.
"""

from __future__ import annotations

import sys
from pathlib import Path

from engine.jobs.explain import explain_run
from engine.jobs.job import Job
from engine.jobs.job_type import JobType
from engine.jobs.option import VERSIONS, Kind, OnContinue, Option
from engine.jobs.registry import form_types
from engine.jobs.running import OWN_TAB, RUNNING_TAB

HERE = Path(__file__).parent
NEWEST = VERSIONS[-1]
MADE = "<!-- made by make_pages.py from engine/jobs; edit the tables, not this page -->"


def cell(text: str) -> str:
    """Text as it may stand in a table."""
    return text.replace("|", "\\|").replace("\n", " ")


def default_of(option: Option) -> str:
    """Default value with its unit, as code."""
    if option.default == "":
        return "empty"
    unit = f" {option.unit}" if option.unit and option.kind is not Kind.TEXT else ""
    return f"`{option.default}`{unit}"


def condition(option: Option, job_type: JobType) -> str:
    """When the field counts, in words."""
    parts = []
    for key, value in option.active_if:
        switch = job_type.option(key, option.versions[-1])
        label = switch.title if switch is not None else key
        parts.append(f"“{label}” is {value}")
    return f" Only if {' and '.join(parts)}." if parts else ""


def off_words(option: Option) -> str:
    """What off means and how it is written."""
    if not option.off:
        return ""
    sign = {"<=": "or less", ">=": "or more"}[option.off[:2]]
    return f" {option.off[2:]} {sign}: {option.off_means}."


def version_words(option: Option) -> str:
    """In which versions the field exists, and what differs there."""
    words = ""
    if option.versions != VERSIONS:
        words += f" RELION {' and '.join(option.versions)} only."
    for version, changes in option.changes.items():
        if "default" in changes:
            words += f" Default in {version}: `{changes['default'] or 'empty'}`."
        if "label" in changes:
            words += f" Called “{changes['label'].strip().rstrip(':')}” in {version}."
    return words


def row(option: Option, job_type: JobType) -> str:
    """One line of a table."""
    says = option.help + off_words(option) + condition(option, job_type)
    says += version_words(option)
    if option.kind is Kind.CHOICE:
        says += " One of: " + "; ".join(option.choices) + "."
    stays = "yes" if option.on_continue is OnContinue.LIVE else "no"
    stays = "only then" if option.on_continue is OnContinue.ONLY else stays
    cells = (option.title, f"`{option.key}`", default_of(option), stays, says)
    return "| " + " | ".join(cell(c) for c in cells) + " |"


def tabs_of_all_versions(job_type: JobType) -> list[tuple[str, list[Option]]]:
    """Tabs as the newest version has them, older versions' own fields at their end."""
    tabs = [(t.label, list(t.options)) for t in job_type.tabs(NEWEST)]
    seen = {o.key for _, options in tabs for o in options}
    for version in reversed(VERSIONS[:-1]):
        for tab in job_type.tabs(version):
            new = [o for o in tab.options if o.key not in seen]
            seen |= {o.key for o in new}
            if not new:
                continue
            same = [options for label, options in tabs if label == tab.label]
            if same:
                same[0].extend(new)
            else:
                tabs.insert(len(tabs) - 2, (tab.label, new))
    return tabs


HEAD = (
    "| Field | Key | Default | Editable on Continue | Meaning |\n|---|---|---|---|---|"
)


def page(job_type: JobType) -> str:
    """Whole page of a job type."""
    job = Job.new(job_type.key, NEWEST)
    lines = [f"# {job_type.title}", "", MADE, "", job_type.about, ""]
    lines.append(
        f"Folder `{job_type.folder}/`, type `{job_type.key}` on the command line, "
        f"RELION's number {job_type.number} (3.1) and label `{job_type.label}` "
        "(from 4.0)."
    )
    if job_type.engine_can:
        lines.append(
            "cryodeck's engine can do this; so can RELION, from the same form."
        )
    else:
        lines.append("RELION does this.")
    lines += ["", f"**Continue!** {explain_run(job, True)}", ""]
    for label, options in tabs_of_all_versions(job_type):
        if label in {RUNNING_TAB, OWN_TAB}:
            continue
        lines += [f"## {label}", "", HEAD]
        lines += [row(option, job_type) for option in options] + [""]
    if job_type.own_options:
        lines += ["## cryodeck's own fields of this form", "", HEAD]
        own = {o.key for o in job_type.own_options}
        found = job_type.all_options(NEWEST).values()
        lines += [row(o, job_type) for o in found if o.key in own] + [""]
    if job_type.engine_defaults:
        said = ", ".join(f"`{k}` {v}" for k, v in job_type.engine_defaults.items())
        lines += [f"When cryodeck's engine does the work, a new form has {said}.", ""]
    lines.append(
        "The tabs Running and cryodeck are on [a page of their own](running.md)."
    )
    return "\n".join(lines) + "\n"


def running_page() -> str:
    """Page of the tabs that all forms share."""
    richest = next(t for t in form_types() if t.has_mpi and t.has_threads)
    lines = ["# Running, and cryodeck's own fields", "", MADE, ""]
    for tab in richest.tabs(NEWEST):
        if tab.label in {RUNNING_TAB, OWN_TAB}:
            lines += [f"## {tab.label}", "", HEAD]
            lines += [row(option, richest) for option in tab.options] + [""]
    lines += ["Which forms have processes and threads:", ""]
    for job_type in form_types():
        mpi = "processes" if job_type.has_mpi else ""
        threads = "threads" if job_type.has_threads else ""
        has = " and ".join(filter(None, (mpi, threads))) or "neither"
        lines.append(f"- {job_type.title}: {has}")
    return "\n".join(lines) + "\n"


def pages() -> dict[str, str]:
    """File name -> text of all pages."""
    found = {f"{t.key}.md": page(t) for t in form_types()}
    found["running.md"] = running_page()
    index = ["# Job forms", "", MADE, ""]
    index += [f"- [{t.title}]({t.key}.md): {t.about}" for t in form_types()]
    index += ["- [Running, and cryodeck's own fields](running.md)"]
    found["README.md"] = "\n".join(index) + "\n"
    return found


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    stale = []
    for name, text in pages().items():
        path = HERE / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{len(stale)} pages changed: {', '.join(stale)}\n")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
