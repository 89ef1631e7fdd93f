"""An examination of a cluster: each finding says what to do about it."""

from __future__ import annotations

import asyncio
import re
import shlex
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from remote.errors import AgentError, RemoteError
from remote.host_relion import HostRelion, host_relion
from remote.quota import NEARLY, Quota, quotas
from remote.views import Finding

if TYPE_CHECKING:
    from remote.contact import Contact

_SKEW_S = 5.0
_SLOW_S = 0.5
_FREE_BYTES = 10 << 30
_SCHEDULERS = {
    "slurm": ("sbatch", ("sbatch", "squeue", "scancel", "sinfo")),
    "pbs": ("qsub", ("qsub", "qstat", "qdel")),
    "sge": ("qsub", ("qsub", "qstat", "qdel", "qacct")),
    "lsf": ("bsub", ("bsub", "bjobs", "bkill")),
}


async def examine(contact: Contact) -> list[Finding]:
    """All checks, at the same time; a check that fails is a finding too."""
    checks: tuple[tuple[str, Callable[[Contact], Awaitable[list[Finding]]]], ...] = (
        ("connection", _connection),
        ("ssh config", _ssh_config),
        ("python", _python),
        ("clock", _clock),
        ("project", _project),
        ("disk", _disk),
        ("quota", _quota),
        ("scheduler", _scheduler),
        ("engine", _engine),
        ("MPI", _mpi),
        ("GPU", _gpu),
        ("RELION", _relion),
        ("agent", _agent),
    )
    found = await asyncio.gather(*(_run(name, work, contact) for name, work in checks))
    return [finding for findings in found for finding in findings]


async def _run(
    name: str, work: Callable[[Contact], Awaitable[list[Finding]]], contact: Contact
) -> list[Finding]:
    try:
        return await work(contact)
    except RemoteError as error:
        return [Finding(check=name, level="problem", says=str(error))]


def _ok(check: str, says: str) -> list[Finding]:
    return [Finding(check=check, level="ok", says=says)]


def _warn(check: str, says: str, advice: str) -> list[Finding]:
    return [Finding(check=check, level="warning", says=says, advice=advice)]


def _problem(check: str, says: str, advice: str) -> list[Finding]:
    return [Finding(check=check, level="problem", says=says, advice=advice)]


async def _connection(contact: Contact) -> list[Finding]:
    link, hello = await contact.agent.measure(), contact.agent.hello
    took = link.round_trip_s or 0.0
    says = f"{hello['user']}@{hello['host']}, {1000 * took:.0f} ms to and fro"
    if took > _SLOW_S:
        advice = "everything works, but slowly; pictures of 256 pixels help"
        return _warn("connection", says, advice)
    return _ok("connection", says)


async def _ssh_config(contact: Contact) -> list[Finding]:
    if contact.cluster.session != "ssh":
        return []
    from remote.ssh_config import ignored_keys

    found = await asyncio.to_thread(ignored_keys, contact.cluster)
    if not found:
        return _ok("ssh config", "nothing in it that is not obeyed")
    findings = []
    for key, place, meaning in found:
        advice = f"{meaning}; a session of kind openssh obeys it"
        findings += _warn("ssh config", f"{key} ({place}) is not obeyed", advice)
    return findings


async def _python(contact: Contact) -> list[Finding]:
    hello = contact.agent.hello
    return _ok("python", f"{hello['python']} ({hello['executable']}) runs the agent")


async def _clock(contact: Contact) -> list[Finding]:
    skew = contact.agent.clock_skew_s
    if abs(skew) <= _SKEW_S:
        return _ok("clock", f"within {abs(skew):.1f} s of this machine's")
    way = "ahead of" if skew > 0 else "behind"
    says = f"the cluster's clock is {abs(skew):.0f} s {way} this machine's"
    return _warn("clock", says, "ages are corrected for it; one clock needs NTP")


async def _project(contact: Contact) -> list[Finding]:
    if contact.project in ("", "~"):
        return []
    wanted = ["", "default_pipeline.star", ".relion_lock"]
    folder, pipeline, lock = await contact.ask("files.stat_many", paths=wanted)
    if folder is None or not folder["is_dir"]:
        advice = "give the project's folder as the cluster sees it"
        return _problem("project", f"{contact.project}: no such folder", advice)
    if pipeline is None:
        advice = "the first job makes a project of it"
        return _warn("project", f"{contact.project}: no RELION project yet", advice)
    found = _ok("project", f"{contact.project}: {pipeline['size']:,} bytes of pipeline")
    found += await _sharing(contact)
    if lock is not None:
        found += await _lock(contact)
    try:
        damage: list[str] = await contact.ask("mending.damage")
    except AgentError as error:
        if error.code != "denied" and "ermission denied" not in str(error):
            raise
        advice = "ask its owner for `chmod g+r`, and for `umask 002` from now on"
        return [*found, *_problem("project", str(error), advice)]
    if damage:
        count = f"{len(damage)} node" + ("" if len(damage) == 1 else "s")
        says = f"{count} with labels of another version of RELION, as {damage[0]}"
        found += _warn("pipeline", says, "`cryodeck repair` mends them, after a copy")
    return found


async def _sharing(contact: Contact) -> list[Finding]:
    """Whether those who share the project can work with one another's files."""
    seen = await contact.ask("host.sharing")
    if not seen["is_writable"]:
        says = f"the folder is {seen['owner']}'s and cannot be written by you"
        advice = "look at it with --read-only, or ask its owner to share it"
        return _warn("sharing", says, advice)
    if not seen["is_shared"]:
        return []
    found = []
    if seen["umask"] & 0o020:
        says = (
            f"group {seen['group']} shares the project, but with your umask "
            f"{seen['umask']:03o} it cannot change what you make"
        )
        found += _warn("sharing", says, "put `umask 002` into your login files there")
    if not (seen["keeps_group"] or seen["is_own_group"]):
        says = f"new files do not get the project's group {seen['group']}"
        found += _warn("sharing", says, "`chmod g+s` on the project's folders helps")
    return found


async def _lock(contact: Contact) -> list[Finding]:
    seen = await contact.ask("mending.lock")
    if seen is None:
        return []  # it was let go meanwhile
    advice = "`cryodeck unlock` removes it" if seen["removable"] else ""
    says = f"the project is locked by {seen['held_by']}: {seen['why']}"
    return _warn("lock", says, advice)


async def _disk(contact: Contact) -> list[Finding]:
    said = await contact.ask("host.disk")
    free, total, files = said["free"], said["total"], said["free_files"]
    says = f"{_size(free)} of {_size(total)} free"
    findings = _ok("disk", says)
    if free < _FREE_BYTES or (total and free < 0.02 * total):
        findings = _warn("disk", says, "FOM maps and particles may not fit; clean up")
    if files == 0:
        findings += _problem(
            "disk", "no more files can be made (inodes)", "delete some"
        )
    return findings


#: GPFS' own folder is seldom on a PATH
_MMLSQUOTA = "PATH=$PATH:/usr/lpp/mmfs/bin; exec mmlsquota --block-size auto"


async def _quota(contact: Contact) -> list[Finding]:
    user, home = contact.agent.hello["user"], contact.agent.hello["home"]
    place = contact.project or home
    if not place.startswith("/"):
        place = home + place[1:] if place.startswith("~") else f"{home}/{place}"
    found: list[Quota] = []
    for argv in (
        ("quota", "-s"),
        ("lfs", "quota", "-h", "-u", user, place),
        ("sh", "-c", _MMLSQUOTA),
        ("beegfs-ctl", "--getquota", "--uid", user),
    ):
        # both end with 1 where a limit is exceeded
        _, text = await contact.tool("env", "LC_ALL=C", *argv, limit=10.0)
        found += quotas(text)
    return [finding for quota in found for finding in _quota_finding(quota)]


def _quota_finding(quota: Quota) -> list[Finding]:
    unit = " files" if quota.what == "files" else ""
    says = f"{quota.place}: {quota.used} of {quota.limit}{unit} used"
    if quota.is_exceeded:
        left = {"": "", "none": "; nothing more can be written"}.get(
            quota.grace, f"; after {quota.grace} nothing more can be written"
        )
        advice = "delete or move files; `cryodeck clean JOB` removes what is not needed"
        return _problem("quota", says + left, advice)
    if quota.share >= NEARLY:
        advice = "make room before FOM maps or particles are written"
        return _warn("quota", says, advice)
    return _ok("quota", says)


async def _scheduler(contact: Contact) -> list[Finding]:
    kind = contact.cluster.scheduler
    if kind == "shell":
        for other, (program, _) in _SCHEDULERS.items():
            status, _ = await contact.tool("which", program, limit=5.0)
            if status == 0 and not (program == "qsub" and other == "sge"):
                says = f"jobs start on the login node, but {program} is there"
                advice = f'set scheduler = "{other}" in the profile'
                return _warn("scheduler", says, advice)
        return _ok("scheduler", "none: jobs start on this machine itself")
    if kind not in _SCHEDULERS:
        return []
    missing = []
    for program in _SCHEDULERS[kind][1]:
        status, _ = await contact.tool("which", program, limit=5.0)
        if status != 0:
            missing.append(program)
    if missing:
        says = f"{kind}: {', '.join(missing)} not found on the login node"
        advice = "put `module load ...` into setup of the profile, or mend the PATH"
        return _problem("scheduler", says, advice)
    if kind != "slurm":
        return _ok("scheduler", f"{kind}: its commands are there")
    return await _slurm(contact)


async def _slurm(contact: Contact) -> list[Finding]:
    status, text = await contact.tool("sinfo", "-h", "-o", "%P %a %D %l %G")
    if status != 0:
        advice = "the controller may be down; submissions will fail until it is back"
        return _problem("scheduler", f"sinfo: {_first(text)}", advice)
    rows = [line.split() for line in text.splitlines() if line.strip()]
    up = [row[0] for row in rows if len(row) > 1 and row[1] == "up"]
    found = _ok("scheduler", f"slurm: partitions {', '.join(dict.fromkeys(up))}")
    status, text = await contact.tool("sacct", "-n", "-X", "-S", "now")
    if status != 0 or "is disabled" in text:  # some versions say so and exit with 0
        advice = "how jobs ended comes from squeue and the job's own files, then"
        found += _warn("accounting", f"sacct: {_first(text)}", advice)
    return found


async def _engine(contact: Contact) -> list[Finding]:
    engine = contact.cluster.engine
    argv = shlex.split(engine) if engine else ["python3", "-m", "engine"]
    status, text = await contact.tool(*argv, "check")
    if status == 0 or text.startswith("usage: python -m engine"):  # an earlier engine
        return _ok("engine", f"`{' '.join(argv)}` answers on the login node")
    says = f"`{' '.join(argv)}`: {_first(text)}"
    name = contact.cluster.name
    advice = f"`cryodeck install {name}` puts it there; or set `engine` in the profile"
    return _warn("engine", says, advice)


async def _mpi(contact: Contact) -> list[Finding]:
    mpirun = shlex.split(contact.cluster.mpirun) or ["mpirun"]
    status, text = await contact.tool(mpirun[0], "--version")
    if status == 0:
        return _ok("MPI", _first(text))
    advice = "needed for more than one rank: `module load ...` in setup, or set mpirun"
    return _warn("MPI", f"{mpirun[0]} not found on the login node", advice)


async def _gpu(contact: Contact) -> list[Finding]:
    status, text = await contact.tool(
        "nvidia-smi", "--query-gpu=name", "--format=csv,noheader"
    )
    if status == 0 and text.strip():
        names = text.strip().splitlines()
        return _ok("GPU", f"{len(names)} on the login node: {names[0]}")
    if contact.cluster.scheduler != "slurm":
        if contact.cluster.scheduler == "shell":
            return _ok("GPU", "none on this machine; picking and classes run on CPUs")
        says = "none on the login node; what the nodes have, their queues know"
        return _ok("GPU", says)
    status, text = await contact.tool("sinfo", "-h", "-o", "%G %P")
    cards = sorted({row for row in text.splitlines() if row.startswith("gpu")})
    if status == 0 and cards:
        return _ok("GPU", "; ".join(re.sub(r"\s+", " in ", card) for card in cards))
    return _ok("GPU", "the scheduler offers none; everything runs on CPUs")


async def _relion(contact: Contact) -> list[Finding]:
    found = await host_relion(contact)
    if found.said:
        return await _layout(contact, found)
    says = "RELION's programs are not on the login node's PATH"
    advice = (
        "only needed to run jobs by RELION itself: `module load ...` in setup of the "
        "profile, or the folder of its programs in relion"
    )
    return _warn("RELION", says, advice)


async def _layout(contact: Contact, found: HostRelion) -> list[Finding]:
    """Whether RELION's programs write the files that the project's layout expects."""
    says = found.said
    if contact.project in ("", "~") or not found.release:
        return _ok("RELION", says)
    facts = await contact.ask("operations.facts")
    version = str(facts.get("version") or "")
    if not version or version == found.layout:
        return _ok("RELION", says)
    what = "its programs write files that the project does not expect: use"
    if found.layout == "3.1":  # see `older_relion`
        what = "picking and extraction are adapted to the project; else use"
    advice = f"{what} cryodeck's engine, or a RELION of {version}"
    says = f"{says}, but the project has the layout of {version}"
    return _warn("RELION", says, advice)


async def _agent(contact: Contact) -> list[Finding]:
    cost: dict[str, Any] = await contact.ask("host.usage")
    says = (
        f"one process, {cost['cpu_s']:.2f} s of CPU so far (what it started: "
        f"{cost['children_cpu_s']:.2f} s), {_size(cost['memory'])} of memory, "
        f"{_size(cost['memory_peak'])} at most"
    )
    found = _ok("agent", says)
    limits = contact.agent.hello["limits"]
    if contact.agent.hello["site_limits"]:
        held = ", ".join(f"{key} {value:g}" for key, value in sorted(limits.items()))
        files = sorted(set(contact.agent.hello["limit_origins"].values()))
        where = f" ({', '.join(files)})" if files else ""
        found += _ok("limits", f"the site's own hold: {held}{where}")
    return found


def _first(text: str) -> str:
    return next((line.strip() for line in text.splitlines() if line.strip()), "nothing")


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if count < 1000 or unit == "TB":
            break
        count /= 1000
    return f"{count:.0f} {unit}"
