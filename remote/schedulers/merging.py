"""Several answers of a scheduler about the same jobs, put together."""

from __future__ import annotations

from remote.schedulers.arrays import with_wholes
from remote.schedulers.base import Listing, SchedulerJob, completed
from remote.views import JobState


def merged(listings: list[Listing]) -> Listing:
    """One listing of several queries' answers about the same jobs.

    A later answer completes an earlier one, but never turns an ended job into a
    running one: accounting lags behind the queue.
    """
    jobs: dict[str, SchedulerJob] = {}
    for listing in listings:
        for key, job in listing.jobs.items():
            known = jobs.get(key)
            if known is None or known.state is JobState.UNKNOWN:
                jobs[key] = job
            elif job.state is JobState.UNKNOWN:
                jobs[key] = completed(known, job)
            elif job.state.is_over or not known.state.is_over:
                jobs[key] = completed(job, known)
    return Listing(
        answered=any(listing.answered for listing in listings),
        jobs=with_wholes(jobs),
        unread=tuple(row for listing in listings for row in listing.unread),
        complaint="; ".join(one.complaint for one in listings if one.complaint),
    )
