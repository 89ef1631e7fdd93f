"""Whether a form can be run, said field by field while it is being filled in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from engine.errors import InputError
from engine.jobs import family_rules
from engine.jobs.active import is_active, is_used
from engine.jobs.facts import NOTHING_KNOWN, Facts
from engine.jobs.job import Job
from engine.jobs.option import Kind, Option
from engine.jobs.problem import ERROR, WARNING, Problem
from engine.jobs.resources import check_resources
from engine.jobs.select_rules import select_rules

__all__ = ["ERROR", "WARNING", "Facts", "Problem", "check", "is_active", "is_used"]

_RULES: dict[str, Callable[[Job, bool, Facts], list[Problem]]] = {
    "import": family_rules.import_rules,
    "ctffind": family_rules.ctffind_rules,
    "manualpick": family_rules.manualpick_rules,
    "autopick": family_rules.autopick_rules,
    "extract": family_rules.extract_rules,
    "class2d": family_rules.class2d_rules,
    "select": select_rules,
}


def check(
    job: Job, *, continuing: bool | None = None, facts: Facts = NOTHING_KNOWN
) -> list[Problem]:
    """All that stands against running a job, errors first.

    The ends of sliders are not limits: RELION's own defaults lie outside them.
    """
    is_continued = job.is_continue if continuing is None else continuing
    problems: list[Problem] = []
    for option in job.type.all_options(job.version).values():
        if is_used(job, option):
            problems += _value(job, option, facts, is_continued)
    problems += check_resources(job, facts)
    rules = _RULES.get(job.type.key)
    if rules is not None:
        readable, unread = _readable(job)
        found = rules(readable, is_continued, facts)
        problems += [p for p in found if p.key not in unread]
    unique = list(dict.fromkeys(problems))
    return sorted(unique, key=lambda p: not p.is_error)


def _readable(job: Job) -> tuple[Job, set[str]]:
    """The job with defaults for numbers that cannot be read, and their keys."""
    defaults = job.type.defaults(job.version)
    unread = {
        option.key
        for option in job.type.all_options(job.version).values()
        if option.kind in {Kind.NUMBER, Kind.INTEGER} and _number(job, option)
    }
    values = {**job.values, **{key: defaults[key] for key in unread}}
    return replace(job, values=values), unread


def _value(job: Job, option: Option, facts: Facts, continuing: bool) -> list[Problem]:
    text = job.text(option.key)
    key = option.key
    if option.kind in {Kind.NUMBER, Kind.INTEGER}:
        return _number(job, option)
    if option.kind is Kind.YES_NO and text not in {"Yes", "No"}:
        message = f"{text!r} is neither Yes nor No; RELION takes it for No"
        return [Problem(key, message, WARNING)]
    if option.kind is Kind.CHOICE and text not in option.choices:
        return [Problem(key, f"{text!r} is not one of: {'; '.join(option.choices)}")]
    if option.kind in {Kind.NODE, Kind.FILE} and text:
        return _path(option, text, facts)
    return []


def _number(job: Job, option: Option) -> list[Problem]:
    try:
        if option.kind is Kind.INTEGER:
            job.integer(option.key)
        else:
            job.number(option.key)
    except InputError as error:
        says = str(error).partition(f"({option.key})")[2].strip(": ")
        return [Problem(option.key, says or str(error))]
    return []


def _path(option: Option, text: str, facts: Facts) -> list[Problem]:
    key = option.key
    if any(c.isspace() for c in text) or any(c in text for c in "\"'`$;&|<>"):
        message = f"{text!r} holds a blank or a shell character; rename the file"
        return [Problem(key, message)]
    if option.kind is Kind.FILE and key != "fn_cont":
        return []  # programs, wildcards, files anywhere
    if text.startswith("/") or "../" in text:
        message = "give the path relative to the project, so that jobs stay connected"
        return [Problem(key, message, WARNING)]
    if facts.producer_status is not None:
        status = facts.producer_status(text)
        if status in {"Running", "Scheduled", "Failed", "Aborted"}:
            message = {
                "Running": "the job that makes it is still running",
                "Scheduled": "the job that makes it has not run yet",
                "Failed": "the job that makes it failed",
                "Aborted": "the job that makes it was aborted",
            }[status]
            return [Problem(key, f"{text}: {message}", WARNING)]
    if facts.exists is not None and not facts.exists(text):
        return [Problem(key, f"{text} does not exist")]
    return []
