"""Fields that a site adds to every form, or changes, by RELION's variables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from engine.jobs.option import OnContinue, Option
from engine.jobs.running import (
    NR_MPI,
    NR_THREADS,
    QUEUE,
    defaults_from_environment,
    extra_options,
)

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from engine.jobs.job_type import JobType

_ENDS = (("RELION_MPI_MAX", NR_MPI), ("RELION_THREAD_MAX", NR_THREADS))
_DEDICATED = next(option for option in QUEUE if option.key == "min_dedicated")


def site_options(environment: Mapping[str, str]) -> tuple[Option, ...]:
    """Fields as a site has them: those that differ from RELION's, and its own."""
    found = []
    for variable, option in _ENDS:
        text = environment.get(variable, "").strip()
        if text.isdigit() and int(text) > 0:
            found.append(replace(option, high=float(text)))
    if environment.get("RELION_ALLOW_CHANGE_MINIMUM_DEDICATED", "").strip() == "0":
        words = f"{_DEDICATED.help} This site does not let it be changed."
        found.append(replace(_DEDICATED, help=words, on_continue=OnContinue.NEVER))
    return (*found, *extra_options(environment))


def with_site_fields(job: Job, environment: Mapping[str, str]) -> Job:
    """The job with the site's fields in its form; values that it has stay."""
    options = site_options(environment)
    if not options:
        return job
    settings = tuple(
        sorted((k, v) for k, v in environment.items() if k.startswith("RELION_"))
    )
    changed = replace(job, type=_type_at(job.type, settings))
    own = {option.key for option in options}
    values, unknown = dict(job.values), dict(job.unknown)
    for option in options:
        if option.key in unknown:
            values[option.key] = unknown.pop(option.key)
        else:
            values.setdefault(option.key, option.default)
    assert own <= set(changed.type.all_options(job.version)) | set(job.values)
    return replace(changed, values=values, unknown=unknown)


def with_site_defaults(job: Job, environment: Mapping[str, str]) -> Job:
    """A new job with the defaults that a site sets."""
    for key, value in defaults_from_environment(environment).items():
        if key in job.values:
            job = job.replace(key, value)
    return job


@cache
def _type_at(job_type: JobType, settings: tuple[tuple[str, str], ...]) -> JobType:
    return replace(job_type, site_options=site_options(dict(settings)))
