"""Profiles of clusters: one TOML file each, readable by hand.

``~/.config/cryodeck/clusters/NAME.toml``; "local", this machine, always exists and may
be overridden by a file of that name. Passwords are never kept.
"""

from __future__ import annotations

import contextlib
import re
import shlex
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from remote.errors import BadRequestError
from remote.places import at_home, config_home, write_private

SESSIONS = ("local", "ssh", "openssh")
SCHEDULERS = ("slurm", "pbs", "sge", "lsf", "shell")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}\Z")
_MAX_RECENT = 20
#: fields that are not keys of the file
NO_KEYS = ("name", "extra", "given")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """How one cluster is reached and how jobs run on it."""

    name: str
    session: str = "ssh"  # local, ssh or openssh
    host: str = ""  # name or alias of the ssh config; "" means `name`
    user: str = ""
    port: int = 0  # 0: as the ssh config says, else 22
    ssh_config: str = ""  # a file of one's own in place of ~/.ssh/config
    known_hosts: str = ""  # a file of one's own in place of ~/.ssh/known_hosts
    identity_file: str = ""
    connect_timeout_s: float = 20.0
    login_timeout_s: float = 180.0  # time to find the phone

    scheduler: str = "shell"
    scheduler_bin: str = ""  # folder of its programs, or "" for those on the PATH
    engine: str = ""  # command that starts the engine; "" asks for `python3 -m engine`
    relion: str = ""  # folder of RELION's programs, or "" for those on the PATH
    setup: tuple[str, ...] = ()  # lines before the command in a job: module load ...
    mpirun: str = "mpirun"
    template: str = ""  # a site's RELION template of job scripts
    queue: str = ""  # defaults of the Running tab
    account: str = ""
    time_limit: str = ""
    memory: str = ""
    gpus: str = ""
    gpu_request: str = ""  # the site's own words: --gpus-per-node={kind}:{gpus}
    parallel_environment: str = ""  # Grid Engine's, for many slots; "" means mpi
    submit_args: str = ""
    poll_s: float = 10.0  # no more often than this is the scheduler asked

    projects: tuple[str, ...] = ()  # folders in which projects are looked for
    recent: tuple[str, ...] = ()  # projects opened lately, newest first
    extra: dict[str, Any] = field(default_factory=dict)  # keys nobody here knows
    given: tuple[str, ...] = field(default=(), compare=False)  # keys its file has

    @property
    def address(self) -> str:
        """Name to connect to."""
        return self.host or self.name

    def meant(self, project: str) -> str:
        """A project's path as it was typed, before this machine's shell made it one.

        `--project ~/betagal` is a folder of the home here by the time it is read.
        """
        here = str(at_home("~"))
        if self.session == "local" or not f"{project}/".startswith(f"{here}/"):
            return project
        return f"~{project[len(here) :]}"

    def with_recent(self, project: str) -> Cluster:
        """Profile with a project at the top of the recent ones."""
        rest = tuple(p for p in self.recent if p != project)
        return replace(self, recent=(project, *rest)[:_MAX_RECENT])


def folder() -> Path:
    """Where the profiles lie."""
    return config_home() / "clusters"


def load(name: str) -> Cluster:
    """Profile of a name; BadRequestError says which there are."""
    path = _path(name)
    if not path.exists():
        if name == "local":
            return Cluster(name="local", session="local", engine=_own_engine())
        known = ", ".join(c.name for c in load_all())
        message = (
            f"no cluster named {name!r}; there are: {known}. "
            f"`cryodeck connect {name}` sets one up"
        )
        raise BadRequestError(message)
    cluster = parse(path.read_text(encoding="utf-8"), name, str(path))
    if name == "local" and not cluster.engine:
        return replace(cluster, engine=_own_engine())
    return cluster


def again(cluster: Cluster) -> Cluster:
    """A profile as its file says now; as it is, if there is none that can be read."""
    try:
        return load(cluster.name) if _path(cluster.name).exists() else cluster
    except (BadRequestError, OSError, UnicodeDecodeError):
        return cluster


def _own_engine() -> str:
    """The engine beside this program: on this machine nobody need name one."""
    return f"{shlex.quote(sys.executable)} -m engine"


def load_all(problems: list[str] | None = None) -> list[Cluster]:
    """All profiles, "local" first; what is wrong with the others goes to `problems`."""
    names = ["local"]
    if folder().is_dir():
        stems = sorted(path.stem for path in folder().glob("*.toml"))
        names += [name for name in stems if name != "local" and _NAME.match(name)]
    found = []
    for name in names:
        try:
            found.append(load(name))
        except (BadRequestError, OSError, UnicodeDecodeError) as error:
            if problems is not None:
                problems.append(str(error))
    return found


def last_used(clusters: Iterable[Cluster]) -> str:
    """Name of the cluster whose project was opened last; "" if there is none."""
    opened = [(0.0, "")]
    for cluster in clusters:
        if cluster.recent:
            with contextlib.suppress(OSError):
                opened.append((_path(cluster.name).stat().st_mtime, cluster.name))
    return max(opened)[1]


def save(cluster: Cluster) -> Path:
    """Write a profile; its file is private."""
    path = _path(cluster.name)
    if cluster.name == "local" and cluster.engine == _own_engine():
        # not for good: the next environment's own engine is another one
        given = tuple(key for key in cluster.given if key != "engine")
        cluster = replace(cluster, engine="", given=given)
    write_private(path, format_toml(cluster))
    return path


def delete(name: str) -> None:
    """Forget a profile."""
    _path(name).unlink(missing_ok=True)


def parse(text: str, name: str, source: str = "profile") -> Cluster:
    """Profile from TOML; an error names the file and the key."""
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # a number of 5,000 digits, too
        message = f"{source}: {error}"
        raise BadRequestError(message) from error
    known = {f.name: f for f in fields(Cluster) if f.name not in NO_KEYS}
    values: dict[str, Any] = {}
    extra = {key: value for key, value in table.items() if key not in known}
    for key, spec in known.items():
        if key in table:
            default = () if spec.default is MISSING else spec.default
            values[key] = checked_value(source, key, table[key], default)
    cluster = Cluster(name=name, extra=extra, given=tuple(values), **values)
    for key, choices in (("session", SESSIONS), ("scheduler", SCHEDULERS)):
        if getattr(cluster, key) not in choices:
            got = getattr(cluster, key)
            message = f"{source}: {key} is {got!r}; use one of {', '.join(choices)}"
            raise BadRequestError(message)
    return cluster


_LARGEST = 1e9  # of any number in a profile; nan and infinity are refused


def checked_value(source: str, key: str, value: Any, default: Any) -> Any:
    """A setting of its default's kind; BadRequestError names file and key."""
    if isinstance(default, tuple):
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return tuple(value)
        wanted = "a list of texts"
    elif isinstance(default, float):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if is_number and abs(value) <= _LARGEST:
            return float(value)
        wanted = "a number"
    elif isinstance(default, int):
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        if is_whole and abs(value) <= _LARGEST:
            return value
        wanted = "a whole number"
    else:
        if isinstance(value, str):
            return value
        wanted = "a text in quotes"
    message = f"{source}: {key} must be {wanted}, not {value!r:.100}"
    raise BadRequestError(message)


def format_toml(cluster: Cluster) -> str:
    """TOML of a profile: what differs from the defaults, then unknown keys."""
    lines = [f"# cryodeck's profile of the cluster {cluster.name}"]
    for spec in fields(Cluster):
        if spec.name in NO_KEYS:
            continue
        value = getattr(cluster, spec.name)
        must = spec.name in ("session", "scheduler", *cluster.given)
        if value != spec.default or must:
            lines.append(f"{spec.name} = {_toml(value)}")
    tables = []
    for key, value in cluster.extra.items():
        if isinstance(value, dict):
            tables += ["", f"[{_toml_key(key)}]"]
            tables += [f"{_toml_key(k)} = {_toml(v)}" for k, v in value.items()]
        else:
            lines.append(f"{_toml_key(key)} = {_toml(value)}")
    return "\n".join(lines + tables) + "\n"


def _toml_key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else _toml(key)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, list | tuple):
        if not value:
            return "[]"
        if len(value) == 1:
            return f"[{_toml(value[0])}]"
        return "[\n" + "".join(f"    {_toml(v)},\n" for v in value) + "]"
    if isinstance(value, dict):
        inner = ", ".join(f"{_toml_key(k)} = {_toml(v)}" for k, v in value.items())
        return "{ " + inner + " }" if inner else "{}"
    if isinstance(value, str):
        return '"' + "".join(_escaped(c) for c in value) + '"'
    return str(value)  # dates and times stand as they are


def _escaped(char: str) -> str:
    short = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    if char in short:
        return short[char]
    if ord(char) < 0x20 or ord(char) == 0x7F or 0xD800 <= ord(char) <= 0xDFFF:
        return f"\\u{ord(char):04x}" if ord(char) < 0xD800 else "\\ufffd"
    return char


def _path(name: str) -> Path:
    if not _NAME.match(name):
        allowed = "letters, digits and . _ - @"
        message = f"{name!r} cannot be the name of a cluster; use {allowed}"
        raise BadRequestError(message)
    return folder() / f"{name}.toml"
