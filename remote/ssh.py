"""SSH sessions by asyncssh: one connection, every question asked through `Prompts`.

Each hop of a ProxyJump is opened here, one after the other, so that its host key and
its logins are treated like those of the cluster itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncssh

from remote.cluster import Cluster
from remote.errors import (
    BadRequestError,
    HostKeyError,
    SessionError,
    SessionLostError,
)
from remote.known_hosts import KnownHosts
from remote.places import at_home
from remote.prompts import Prompts
from remote.session import AGENT_START_S
from remote.ssh_client import Client, is_locked
from remote.ssh_errors import NewHostError, host_key_error, session_error

KEEPALIVE_S = 15
KEEPALIVE_COUNT = 3
_WINDOW_BYTES = 8 << 20  # asyncssh's 2 MiB allow 10 MB/s at 100 ms
_KEPT_STDERR = 8192
_PATIENCE_S = 3.0
_MAX_HOPS = 8


class SshSession:
    """One SSH connection, with those it goes through."""

    start_limit_s = AGENT_START_S

    def __init__(
        self,
        connection: asyncssh.SSHClientConnection,
        hops: Sequence[asyncssh.SSHClientConnection],
        needs_person: bool,
        name: str,
    ) -> None:
        self.connection = connection
        self.needs_person = needs_person
        self._hops = tuple(hops)
        self._name = name

    async def start(self, command: str) -> SshPipe:
        """Start a command line in the login shell."""
        try:
            process = await self.connection.create_process(
                command, encoding=None, window=_WINDOW_BYTES, request_pty=False
            )
        except (asyncssh.Error, OSError) as error:
            message = f"{self._name}: no program can be started: {error}"
            raise SessionLostError(message) from error
        return SshPipe(process)

    async def close(self) -> None:
        """End the connection and those it goes through."""
        for connection in (self.connection, *reversed(self._hops)):
            connection.close()
            with contextlib.suppress(TimeoutError, asyncssh.Error, OSError):
                await asyncio.wait_for(connection.wait_closed(), _PATIENCE_S)
            connection.abort()

    def explain(self, complaint: str) -> SessionError | None:
        """Nothing: what went wrong here was told when it was opened."""
        return None

    def describe(self) -> str:
        """In words."""
        return self._name


class SshPipe:
    """A program's input and output over an SSH channel."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes]) -> None:
        self._process = process
        self._stderr = bytearray()
        self._listener = asyncio.create_task(self._listen())

    async def read(self, max_bytes: int) -> bytes:
        """Read what is there; empty at the end."""
        try:
            return await self._process.stdout.read(max_bytes)
        except (asyncssh.Error, OSError) as error:
            raise SessionLostError(str(error)) from error

    async def write(self, data: bytes) -> None:
        """Write it all; SessionLostError if the link is gone."""
        try:
            self._process.stdin.write(data)
            await self._process.stdin.drain()
        except (asyncssh.Error, OSError) as error:
            raise SessionLostError(str(error) or "the link is gone") from error

    async def close(self) -> None:
        """Close its input and wait a little for it to go."""
        with contextlib.suppress(asyncssh.Error, OSError):
            self._process.stdin.write_eof()
        with contextlib.suppress(asyncssh.Error, OSError, TimeoutError):
            await asyncio.wait_for(self._process.wait_closed(), _PATIENCE_S)
        self._process.close()
        self._listener.cancel()
        await asyncio.gather(self._listener, return_exceptions=True)

    def complaint(self) -> str:
        """Last of what it wrote to standard error."""
        return bytes(self._stderr).decode("utf-8", "replace").strip()

    async def _listen(self) -> None:
        with contextlib.suppress(asyncssh.Error, OSError):
            while piece := await self._process.stderr.read(4096):
                self._stderr += piece
                del self._stderr[:-_KEPT_STDERR]


async def open_ssh(cluster: Cluster, prompts: Prompts) -> SshSession:
    """Connect and log in; HostKeyError, LoginError or SessionError say why not."""
    opener = _Opener(cluster, prompts)
    try:
        return await opener.open()
    except BaseException:
        for hop in reversed(opener.hops):
            hop.abort()
        raise


class _Opener:
    """One attempt to connect, hop by hop."""

    def __init__(self, cluster: Cluster, prompts: Prompts) -> None:
        self.cluster = cluster
        self.prompts = prompts
        self.hops: list[asyncssh.SSHClientConnection] = []
        self.asked = False
        self.config = config_files(cluster)

    async def open(self) -> SshSession:
        """Connect through all hops."""
        cluster = self.cluster
        own: dict[str, Any] = {}
        if cluster.user:
            own["username"] = cluster.user
        if cluster.identity_file:
            path = at_home(cluster.identity_file)
            if not path.is_file():
                message = f"{path}: the key of {cluster.name} is not there"
                raise BadRequestError(message)
            # a locked one is offered later, when the person can be asked
            own["client_keys"] = [] if is_locked(path) else [str(path)]
            own["agent_path"] = None
        connection = await self._connect(cluster.address, cluster.port, own, 0)
        host, port = (
            connection.get_extra_info("host"),
            connection.get_extra_info("port"),
        )
        user = connection.get_extra_info("username")
        name = f"ssh {user}@{host} port {port}"
        return SshSession(connection, self.hops, self.asked, name)

    async def _connect(
        self, host: str, port: int, own: dict[str, Any], depth: int
    ) -> asyncssh.SSHClientConnection:
        if depth > _MAX_HOPS:
            message = f"{host}: more than {_MAX_HOPS} jump hosts; does ProxyJump loop?"
            raise BadRequestError(message)
        options = await self._options(host, port, own)
        tunnel = await self._tunnel(options.tunnel, host, depth)
        try:
            return await self._log_in(host, port, own, options, tunnel)
        except NewHostError as new:
            await self._trust(new)
        return await self._log_in(host, port, own, options, tunnel)

    async def _options(
        self, host: str, port: int, own: dict[str, Any]
    ) -> asyncssh.SSHClientConnectionOptions:
        """Settings of the ssh config for a host."""
        more: dict[str, Any] = {"port": port} if port else {}
        try:
            try:
                return await _construct(host=host, config=self.config, **more, **own)
            except FileNotFoundError:
                # an IdentityFile that is not there: ssh passes over it, so do we
                own["client_keys"] = []
                return await _construct(host=host, config=self.config, **more, **own)
        except asyncssh.ConfigParseError as error:
            message = f"ssh config for {host}: {error}"
            raise BadRequestError(message) from error
        except (asyncssh.Error, ValueError, OSError) as error:
            message = f"{host}: {error}"
            raise SessionError(message) from error

    async def _tunnel(
        self, wanted: object, host: str, depth: int
    ) -> asyncssh.SSHClientConnection | None:
        """Connection that a ProxyJump asks for."""
        if not isinstance(wanted, str) or not wanted or wanted == "none":
            return None
        tunnel = None
        for hop in wanted.split(","):
            user, _, rest = hop.rpartition("@")
            name, port = _host_and_port(rest)
            own: dict[str, Any] = {"username": user} if user else {}
            if tunnel is not None:
                own["tunnel"] = tunnel
            tunnel = await self._connect(name, port, own, depth + 1)
            self.hops.append(tunnel)
        return tunnel

    async def _log_in(
        self,
        host: str,
        port: int,
        own: dict[str, Any],
        options: asyncssh.SSHClientConnectionOptions,
        tunnel: asyncssh.SSHClientConnection | None,
    ) -> asyncssh.SSHClientConnection:
        cluster = self.cluster
        known = KnownHosts(self._known_hosts_files(options))
        client = Client(
            host,
            self.prompts,
            known,
            patience_s=cluster.login_timeout_s,
            identity_files=_identity_files(options, cluster),
            alias=options.host_key_alias or "",
        )
        settings: dict[str, Any] = {"config": self.config, **own}
        if port:
            settings["port"] = port
        if tunnel is not None:
            settings["tunnel"] = tunnel
        elif "tunnel" not in settings:
            settings["tunnel"] = None
        try:
            async with asyncio.timeout(cluster.connect_timeout_s) as limit:
                client.limit = limit
                connection = await asyncssh.connect(
                    host,
                    client_factory=lambda: client,
                    known_hosts=client.trusted,
                    keepalive_interval=KEEPALIVE_S,
                    keepalive_count_max=KEEPALIVE_COUNT,
                    login_timeout=0,  # `limit` is ours: a person may be typing
                    connect_timeout=None,
                    **settings,
                )
                limit.reschedule(None)
        except asyncssh.HostKeyNotVerifiable as error:
            raise host_key_error(client, host, error) from error
        except (asyncssh.Error, OSError, TimeoutError, ValueError) as error:
            kerberos = options.config.get("GSSAPIAuthentication") is True
            raise session_error(
                client, host, cluster, error, wants_kerberos=kerberos
            ) from error
        self.asked = self.asked or client.asked
        return connection

    async def _trust(self, new: NewHostError) -> None:
        """Ask the person about an unknown host; add its key if they agree."""
        if not await self.prompts.host_key(new.key):
            message = (
                f"{new.key.host}: its host key is not known yet "
                f"({new.key.type} {new.key.fingerprint}) and was not accepted"
            )
            raise HostKeyError(message)
        try:
            new.known.add(new.name, new.type, new.base64)
        except OSError as error:
            message = f"{new.known.files[0]}: the key cannot be kept: {error.strerror}"
            raise HostKeyError(message) from error

    def _known_hosts_files(
        self, options: asyncssh.SSHClientConnectionOptions
    ) -> list[Path]:
        if self.cluster.known_hosts:
            return [at_home(self.cluster.known_hosts)]
        config = options.config
        user: Any = config.get("UserKnownHostsFile") or ("~/.ssh/known_hosts",)
        site: Any = config.get("GlobalKnownHostsFile") or ("/etc/ssh/ssh_known_hosts",)
        return [at_home(str(name)) for name in (*user, *site)]


async def _construct(**settings: Any) -> asyncssh.SSHClientConnectionOptions:
    made = await asyncssh.SSHClientConnectionOptions.construct(**settings)
    assert isinstance(made, asyncssh.SSHClientConnectionOptions)
    return made


def config_files(cluster: Cluster) -> list[str]:
    """The ssh config files that count, the person's own first."""
    if cluster.ssh_config:
        path = at_home(cluster.ssh_config)
        if not path.is_file():
            message = f"{path}: the ssh config of {cluster.name} is not there"
            raise BadRequestError(message)
        return [str(path)]
    usual = (at_home("~/.ssh/config"), Path("/etc/ssh/ssh_config"))
    return [str(p) for p in usual if os.access(p, os.R_OK)]


def _identity_files(
    options: asyncssh.SSHClientConnectionOptions, cluster: Cluster
) -> list[Path]:
    """Keys that may need a passphrase, in the order in which they are offered."""
    named: Any = options.config.get("IdentityFile") or ()
    if cluster.identity_file:
        named = (cluster.identity_file,)
    if not named:
        named = [f"~/.ssh/id_{kind}" for kind in ("ed25519", "ecdsa", "rsa")]
    return [at_home(str(name)) for name in named]


def _host_and_port(text: str) -> tuple[str, int]:
    if text.startswith("[") and "]" in text:
        host, _, rest = text[1:].partition("]")
        port = rest.lstrip(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    return host, int(port) if port.isdigit() else 0
