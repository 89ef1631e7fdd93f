"""The session that a profile asks for; heavy libraries are imported only here."""

from __future__ import annotations

from remote.cluster import Cluster
from remote.errors import BadRequestError
from remote.prompts import Prompts
from remote.session import Session


async def open_session(cluster: Cluster, prompts: Prompts) -> Session:
    """New session of a cluster."""
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
