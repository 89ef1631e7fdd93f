"""Sessions by the person's own `ssh`: for ControlMaster, FIDO keys, site wrappers.

Its config is obeyed to the letter, host keys and logins are its own business. An open
ControlMaster is used; what ssh asks otherwise is brought to the person by `askpass`.
"""

from __future__ import annotations

import os

from remote.askpass import Askpass
from remote.cluster import Cluster
from remote.errors import BadRequestError, HostKeyError, LoginError, SessionError
from remote.places import at_home
from remote.processes import Processes, ProcessPipe
from remote.prompts import NoPrompts, Prompts
from remote.session import AGENT_START_S


class OpenSshSession:
    """A cluster reached by `ssh HOST COMMAND`."""

    def __init__(
        self, cluster: Cluster, prompts: Prompts | None = None, program: str = "ssh"
    ) -> None:
        if cluster.address.startswith("-"):
            message = f"{cluster.address!r} cannot be the name of a host"
            raise BadRequestError(message)
        self._cluster = cluster
        self._program = program
        self._processes = Processes()
        self._askpass: Askpass | None = None
        if prompts is not None and not isinstance(prompts, NoPrompts):
            self._askpass = Askpass(cluster.address, prompts)

    @property
    def needs_person(self) -> bool:
        """Whether the person had to answer, and would have to again."""
        return self._askpass is not None and self._askpass.asked

    @property
    def start_limit_s(self) -> float:
        """Long enough to log in: here that is a part of the start."""
        if self._askpass is None:
            return self._cluster.connect_timeout_s + AGENT_START_S
        return self._cluster.login_timeout_s + AGENT_START_S

    def argv(self, command: str) -> list[str]:
        """Build the whole command line."""
        cluster = self._cluster
        argv = [self._program, "-T"]
        if cluster.ssh_config:
            argv += ["-F", str(at_home(cluster.ssh_config))]
        if cluster.user:
            argv += ["-l", cluster.user]
        if cluster.port:
            argv += ["-p", str(cluster.port)]
        if cluster.identity_file:
            argv += ["-i", str(at_home(cluster.identity_file))]
        settings = {
            "BatchMode": "no" if self._askpass else "yes",
            "ServerAliveInterval": "15",
            "ServerAliveCountMax": "3",
            "ConnectTimeout": str(round(cluster.connect_timeout_s)),
            "RemoteCommand": "none",
            "RequestTTY": "no",
            "ClearAllForwardings": "yes",
        }
        if cluster.known_hosts:
            settings["UserKnownHostsFile"] = str(at_home(cluster.known_hosts))
        for key, value in settings.items():
            argv += ["-o", f"{key}={value}"]
        return [*argv, "--", cluster.address, command]

    async def start(self, command: str) -> ProcessPipe:
        """Start a command line in the login shell over there."""
        environment = {**os.environ, "SSH_ASKPASS_REQUIRE": "never"}
        if self._askpass is not None:
            environment.update(await self._askpass.start())
        return await self._processes.start(*self.argv(command), environment=environment)

    def explain(self, complaint: str) -> SessionError | None:
        """What ssh's own words mean for us."""
        host = self._cluster.address
        if self._askpass is not None and self._askpass.gave_up:
            if "Host key verification failed" in complaint:
                return HostKeyError(f"{host}: its host key was not accepted")
            return LoginError(f"{host}: the login was given up")
        if "REMOTE HOST IDENTIFICATION HAS CHANGED" in complaint:
            message = (
                f"THE HOST KEY OF {host} HAS CHANGED. Somebody may be listening, or "
                f"the site has new keys: ask the site; `ssh {host}` says more"
            )
            return HostKeyError(message)
        if "Host key verification failed" in complaint:
            message = f"{host}: its host key is not known; run `ssh {host}` once"
            return HostKeyError(message)
        if "Permission denied" in complaint or "Too many auth" in complaint:
            message = (
                f"{host}: the login was refused; open a ControlMaster by `ssh {host}` "
                "in another terminal, or use a session of kind ssh, which can ask"
            )
            return LoginError(message)
        return None

    async def close(self) -> None:
        """End what was started."""
        await self._processes.close()
        if self._askpass is not None:
            await self._askpass.stop()

    def describe(self) -> str:
        """In words."""
        return f"{self._program} {self._cluster.address}"
