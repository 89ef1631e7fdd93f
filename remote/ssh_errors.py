"""What went wrong while connecting by SSH, in words that help."""

from __future__ import annotations

import os

import asyncssh

from remote.agent.text import one_line
from remote.cluster import Cluster
from remote.errors import HostKeyError, LoginError, SessionError
from remote.known_hosts import fingerprint
from remote.prompts import HostKey
from remote.ssh_client import Client

_TOUCH = (
    ": plug it in and touch it when it blinks; this needs an ssh-agent that holds the "
    "key, or a session of kind openssh, or the Python package fido2 beside cryodeck"
)


class NewHostError(HostKeyError):
    """A host that no file knows; the person may agree to its key."""

    def __init__(self, client: Client, host: str) -> None:
        super().__init__(f"{host}: its host key is not known")
        assert client.shown is not None
        host, port, self.type, self.base64 = client.shown
        self.known = client.known
        self.name = client.name
        self.key = HostKey(
            host=host if host == client.host else f"{client.host} ({host})",
            port=port,
            type=self.type,
            fingerprint=fingerprint(self.base64),
            known_hosts=str(self.known.files[0]),
        )


def host_key_error(client: Client, host: str, error: Exception) -> HostKeyError:
    """Why a host's key was not accepted: new, changed or revoked."""
    if client.shown is None:
        return HostKeyError(
            f"{host}: {error}; the site's host key is revoked or broken"
        )
    _, _, key_type, key = client.shown
    if not client.contradicts:
        return NewHostError(client, host)
    places = ", ".join(f"{k.file} line {k.line}" for k in client.contradicts)
    first = client.contradicts[0]
    return HostKeyError(
        f"THE HOST KEY OF {host} HAS CHANGED. It shows {key_type} {fingerprint(key)}; "
        f"{places} says otherwise. Somebody may listen, or the site has new keys: "
        f"ask the site, and only then remove the line: "
        f"ssh-keygen -R '{client.name}' -f '{first.file}'"
    )


def session_error(
    client: Client,
    host: str,
    cluster: Cluster,
    error: Exception,
    *,
    wants_kerberos: bool = False,
) -> SessionError:
    """Errors of asyncssh and of sockets in our words."""
    if client.gave_up:
        if client.has_person:
            return LoginError(f"{host}: the login was given up")
        wanted = " and ".join(client.tried)
        return LoginError(f"{host}: the login asks for {wanted}; nobody was asked")
    if isinstance(error, asyncssh.KeyExchangeFailed) and "host key" in str(error):
        known = client.known.find([client.name])
        if known:
            kinds = ", ".join(f"{k.type} in {k.file} line {k.line}" for k in known)
            message = (
                f"THE HOST KEYS OF {host} HAVE CHANGED: it has none of the kinds that "
                f"are known ({kinds}). Ask the site, and only then remove the line: "
                f"ssh-keygen -R '{client.name}' -f '{known[0].file}'"
            )
            return HostKeyError(message)
    if isinstance(error, asyncssh.PermissionDenied):
        tried = ", ".join(client.tried) or "no key was accepted"
        hint = _hint(client, wants_kerberos)
        return LoginError(f"{host}: the login was refused (tried: {tried}){hint}")
    if isinstance(error, ValueError) and "ecurity key" in str(error):
        return LoginError(f"{host}: {error}{_TOUCH}")
    if isinstance(error, asyncssh.ProtocolError) and "authentication" in str(error):
        return LoginError(f"{host}: too many failed logins: {one_line(str(error))}")
    if isinstance(error, TimeoutError):
        if client.is_connected:
            return SessionError(f"{host}: the login took too long")
        limit = cluster.connect_timeout_s
        return SessionError(f"{host}: no answer within {limit:.0f} s; is it reachable?")
    if isinstance(error, OSError):
        what = error.strerror or str(error)
        if error.errno and "Connect call failed" in what:  # asyncio's own words
            what = os.strerror(error.errno)
        return SessionError(f"{host}: cannot be reached: {one_line(what)}")
    return SessionError(f"{host}: {one_line(str(error)) or type(error).__name__}")


def _hint(client: Client, wants_kerberos: bool) -> str:
    """What else may help, by what the ssh config asks for."""
    if client.on_security_key:
        return f"; {client.on_security_key[0]} is on a security key{_TOUCH}"
    if not wants_kerberos:
        return ""
    if not asyncssh.gss.gss_available:
        return (
            "; your ssh config asks for Kerberos: install the Python package gssapi "
            "beside cryodeck, or use a session of kind openssh"
        )
    return "; your ssh config asks for Kerberos: have you a ticket? `klist`, `kinit`"
