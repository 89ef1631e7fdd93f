"""Commands about clusters: connect, hosts, doctor, config."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, FAILED, CommandFailure

if TYPE_CHECKING:
    import argparse

    from remote.cluster import Cluster
    from remote.views import Finding
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands

_LEVEL_COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    connect = commands.add(
        "connect",
        connect_cluster,
        "set up a cluster, log in once, see what is there",
        about="Log in to a cluster once: show its host key if it is new, ask for what\n"
        "the login needs, and say what was found there. A cluster without a profile\n"
        "gets one; NAME is then its name in your SSH config, or a host name.",
        examples="  cryodeck connect bigcluster\n"
        "  cryodeck connect lab --set host=login1.example.org --set user=alice \\\n"
        "      --set scheduler=slurm --set projects=/data/alice",
    )
    connect.add_argument("cluster_name", metavar="NAME", help="the cluster")
    _add_profile_settings(connect)
    hosts = commands.add(
        "hosts",
        manage_hosts,
        "list the clusters; add, show, edit or remove one",
        about="Without a word, list the clusters. Profiles are TOML files that you\n"
        "may also write by hand; `cryodeck hosts show NAME` names the file.",
        examples="  cryodeck hosts\n"
        "  cryodeck hosts add bigcluster --set scheduler=slurm --set queue=gpu\n"
        "  cryodeck hosts edit bigcluster --set 'setup=module load openmpi'\n"
        "  cryodeck hosts remove bigcluster",
    )
    hosts.add_argument(
        "what",
        nargs="?",
        default="list",
        choices=("list", "show", "add", "edit", "remove"),
        metavar="list|show|add|edit|remove",
        help="what to do",
    )
    hosts.add_argument("cluster_name", metavar="NAME", nargs="?", help="the cluster")
    _add_profile_settings(hosts)
    doctor = commands.add(
        "doctor",
        examine_cluster,
        "examine a cluster: login, scheduler, engine, project",
    )
    doctor.add_argument("cluster_name", metavar="NAME", nargs="?", help="the cluster")


def _add_profile_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        dest="profile_settings",
        help="a value of the profile; a list grows by one with every --set",
    )


async def connect_cluster(invocation: Invocation) -> int:
    """Log in once; keep the profile if that worked."""
    from remote import cluster as profiles
    from remote.errors import BadRequestError

    name = invocation.cluster_name
    try:
        cluster, is_new = profiles.load(name), False
    except BadRequestError:
        if name in {c.name for c in profiles.load_all()}:
            raise
        cluster, is_new = profiles.parse("", name), True
    cluster = changed_profile(cluster, invocation.profile_settings)
    findings = await _examined(invocation, cluster)
    output = invocation.output
    if (is_new or invocation.profile_settings) and not invocation.read_only:
        path = profiles.save(cluster)
        output.line(f"{name}: profile written to {path}")
    _report(invocation, cluster, findings)
    return DONE


async def examine_cluster(invocation: Invocation) -> int:
    """Say what works on a cluster and what does not."""
    cluster = invocation.cluster(invocation.cluster_name)
    findings = await _examined(invocation, cluster)
    _report(invocation, cluster, findings)
    return FAILED if any(f.level == "problem" for f in findings) else DONE


async def _examined(invocation: Invocation, cluster: Cluster) -> tuple[Finding, ...]:
    invocation.output.status(f"connecting to {cluster.name} ...")
    workspace = await invocation.open(cluster, _any_project(invocation, cluster))
    findings = tuple(await workspace.doctor())
    invocation.output.clear_status()
    return findings


def _any_project(invocation: Invocation, cluster: Cluster) -> str:
    """Return the project that is meant, or the home folder: a cluster needs none."""
    try:
        return invocation.project_on(cluster)
    except CommandFailure:
        if invocation.project:
            raise
        return "~"


def _report(
    invocation: Invocation, cluster: Cluster, findings: tuple[Finding, ...]
) -> None:
    from dataclasses import asdict

    output = invocation.output
    output.result({"host": cluster.name, "findings": [asdict(f) for f in findings]})
    for finding in findings:
        mark = {"ok": "ok      ", "warning": "warning ", "problem": "problem "}
        label = output.painted(mark[finding.level], _LEVEL_COLORS[finding.level])
        output.labeled(label, f"{finding.check}: {finding.says}")
        if finding.advice:
            output.line(f"        {finding.advice}", "dim")


def manage_hosts(invocation: Invocation) -> int:
    """List, show, add, edit or remove profiles."""
    what, name = invocation.what, invocation.cluster_name
    if what == "list":
        return _list_hosts(invocation)
    if not name:
        message = f"hosts {what}: which cluster? Give its NAME"
        raise CommandFailure(message)
    if what != "show" and invocation.read_only:
        message = f"hosts {what} changes a profile, and --read-only forbids it"
        raise CommandFailure(message)
    return _ACTIONS[what](invocation, name)


def _list_hosts(invocation: Invocation) -> int:
    from remote import cluster as profiles

    clusters = profiles.load_all()
    output = invocation.output
    output.result({"hosts": [_record(c) for c in clusters]})
    rows = [
        (c.name, c.session, _address(c), c.scheduler, ", ".join(c.projects))
        for c in clusters
    ]
    output.table(("Name", "Session", "Address", "Scheduler", "Projects"), rows)
    return DONE


def _record(cluster: Cluster) -> dict[str, Any]:
    from dataclasses import asdict

    record = asdict(cluster)
    extra = record.pop("extra")
    record.pop("given")
    return {
        key: list(v) if isinstance(v, tuple) else v for key, v in record.items()
    } | {"extra": extra}


def _address(cluster: Cluster) -> str:
    if cluster.session == "local":
        return "this machine"
    user = f"{cluster.user}@" if cluster.user else ""
    port = f":{cluster.port}" if cluster.port else ""
    return f"{user}{cluster.address}{port}"


def _show_host(invocation: Invocation, name: str) -> int:
    from remote import cluster as profiles

    cluster = profiles.load(name)
    path = profiles.folder() / f"{name}.toml"
    invocation.output.result(_record(cluster) | {"path": str(path)})
    invocation.output.line(str(path), "dim")
    invocation.output.block(profiles.format_toml(cluster))
    return DONE


def _add_host(invocation: Invocation, name: str) -> int:
    from remote import cluster as profiles

    if any(c.name == name for c in profiles.load_all()) and name != "local":
        message = f"{name} exists already: `cryodeck hosts edit {name} --set ...`"
        raise CommandFailure(message)
    fresh = profiles.load("local") if name == "local" else profiles.parse("", name)
    return _save_host(invocation, changed_profile(fresh, invocation.profile_settings))


def _edit_host(invocation: Invocation, name: str) -> int:
    from remote import cluster as profiles

    if not invocation.profile_settings:
        path = profiles.folder() / f"{name}.toml"
        message = f"nothing to change: give --set KEY=VALUE, or edit {path}"
        raise CommandFailure(message)
    cluster = changed_profile(profiles.load(name), invocation.profile_settings)
    return _save_host(invocation, cluster)


def _save_host(invocation: Invocation, cluster: Cluster) -> int:
    from remote import cluster as profiles

    path = profiles.save(cluster)
    invocation.output.line(f"{cluster.name}: written to {path}")
    invocation.output.result(_record(cluster) | {"path": str(path)})
    return DONE


def _remove_host(invocation: Invocation, name: str) -> int:
    from remote import cluster as profiles

    profiles.load(name)
    profiles.delete(name)
    invocation.output.line(f"{name}: profile removed; nothing on the cluster changed")
    invocation.output.result({"removed": name})
    return DONE


_ACTIONS = {
    "show": _show_host,
    "add": _add_host,
    "edit": _edit_host,
    "remove": _remove_host,
}


def changed_profile(cluster: Cluster, settings: list[str]) -> Cluster:
    """Return a profile with KEY=VALUE settings put in, checked as its file would be."""
    from dataclasses import fields, replace

    from remote import cluster as profiles

    known = {f.name for f in fields(profiles.Cluster)} - set(profiles.NO_KEYS)
    grown: dict[str, list[str]] = {}
    for setting in settings:
        key, sign, value = setting.partition("=")
        key = key.strip()
        if not sign:
            message = f"--set {setting}: write KEY=VALUE"
            raise CommandFailure(message)
        if key not in known:
            raise CommandFailure(_unknown_profile_key(key, known))
        before = getattr(cluster, key)
        if isinstance(before, tuple):
            grown.setdefault(key, []).append(value)
            new: Any = tuple(v for v in grown[key] if v)
        else:
            new = _like(before, key, value)
        cluster = replace(cluster, **{key: new})
    return profiles.parse(profiles.format_toml(cluster), cluster.name, "--set")


def _like(before: object, key: str, value: str) -> object:
    """Return a value of the same kind as the one before."""
    if isinstance(before, str):
        return value
    try:
        return int(value) if isinstance(before, int) else float(value)
    except ValueError:
        message = f"--set {key}={value}: {key} is a number"
        raise CommandFailure(message) from None


def _unknown_profile_key(key: str, known: set[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key, known, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else ", ".join(sorted(known))
    return f"a profile has no {key}; {hint}"
