"""What happened, in the past tense: all that the bridge tells widgets."""

from __future__ import annotations

from typing import Any

from textual.message import Message

from remote.views import JobRow, Link, Overview


class LinkChanged(Message):
    """The link to the cluster is in another state."""

    def __init__(self, link: Link) -> None:
        super().__init__()
        self.link = link

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts."""
        return isinstance(message, LinkChanged)


class OverviewArrived(Message):
    """The project's jobs as they stand."""

    def __init__(self, overview: Overview, seen_at: float | None = None) -> None:
        super().__init__()
        self.overview = overview
        self.seen_at = seen_at  # None: now; else it is from memory, of that time

    def can_replace(self, message: Message) -> bool:
        """Only the newest counts."""
        return isinstance(message, OverviewArrived)


class JobEnded(Message):
    """A job that was under way is over."""

    def __init__(self, job: JobRow) -> None:
        super().__init__()
        self.job = job


class JobsEnded(Message):
    """Jobs that were under way when the project was last seen are over."""

    def __init__(self, jobs: list[JobRow]) -> None:
        super().__init__()
        self.jobs = jobs


class Remembered(Message):
    """A question was answered from memory, as the project was at some time."""

    def __init__(self, what: str, seen_at: float) -> None:
        super().__init__()
        self.what = what
        self.seen_at = seen_at


class ProjectOpened(Message):
    """A workspace stands open."""

    def __init__(self, cluster: str, project: str) -> None:
        super().__init__()
        self.cluster = cluster
        self.project = project


class Answered(Message):
    """The answer to a widget's question; `what` is the word it asked under."""

    def __init__(self, what: str, answer: Any) -> None:
        super().__init__()
        self.what = what
        self.answer = answer


class Refused(Message):
    """A widget's question came to nothing; `reason` is one clear line."""

    def __init__(self, what: str, reason: str, is_transient: bool = False) -> None:
        super().__init__()
        self.what = what
        self.reason = reason
        self.is_transient = is_transient
