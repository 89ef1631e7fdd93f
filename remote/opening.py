"""The session that a profile asks for; heavy libraries are imported only here."""

from __future__ import annotations

import shlex

from remote.cluster import Cluster
from remote.errors import BadRequestError, SessionError
from remote.prompts import Prompts
from remote.session import Pipe, Session


class WithPrograms:
    """A session whose programs find those of a folder first."""

    def __init__(self, session: Session, folder: str) -> None:
        self._session, self._folder = session, folder

    @property
    def needs_person(self) -> bool:
        """As the session itself."""
        return self._session.needs_person

    @property
    def start_limit_s(self) -> float:
        """As the session itself."""
        return self._session.start_limit_s

    async def start(self, command: str) -> Pipe:
        """Start a command line, in whatever login shell there is."""
        words = f"PATH={shlex.quote(self._folder)}:$PATH; export PATH; {command}"
        return await self._session.start(f"exec /bin/sh -c {shlex.quote(words)}")

    async def close(self) -> None:
        """End the session."""
        await self._session.close()

    def explain(self, complaint: str) -> SessionError | None:
        """As the session itself."""
        return self._session.explain(complaint)

    def describe(self) -> str:
        """As the session itself."""
        return self._session.describe()


async def open_session(cluster: Cluster, prompts: Prompts) -> Session:
    """New session of a cluster."""
    session = await _opened(cluster, prompts)
    if cluster.scheduler_bin:
        return WithPrograms(session, cluster.scheduler_bin)
    return session


async def _opened(cluster: Cluster, prompts: Prompts) -> Session:
    if cluster.session == "local":
        from remote.local import LocalSession

        return LocalSession()
    if cluster.session == "ssh":
        from remote.ssh import open_ssh

        return await open_ssh(cluster, prompts)
    if cluster.session == "openssh":
        from remote.openssh import OpenSshSession

        return OpenSshSession(cluster, prompts)
    message = (
        f"{cluster.name}: no session of kind {cluster.session!r}; "
        "use ssh, openssh or local"
    )
    raise BadRequestError(message)
