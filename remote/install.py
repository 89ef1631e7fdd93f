"""The engine put where jobs run: uploaded, installed beside, then switched to.

On the cluster everything lies in one folder: ``versions/`` with a virtual environment
each, ``incoming-*`` while files arrive, and the link ``current``, moved last and at
once. Whatever fails before that leaves the earlier version in use. What was cut off is
taken up by the next installation: pieces that arrived are not sent again, and half a
version is removed.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
import shlex
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from remote.cluster import Cluster
from remote.contact import Contact
from remote.errors import AgentError, BadRequestError, RemoteError, TransferError
from remote.wheel import About, about, pack

PREFIX = "~/.local/share/cryodeck"
EXTRAS = ("engine", "mpi")
PIECE_BYTES = 4 << 20
INSTALL_S = 1800.0
_PYTHONS = ("python3", "python3.13", "python3.12", "python3.11", "/usr/bin/python3")
_KEPT_VERSIONS = 3

_LOOK = """
best=
for python in "$@"; do
    said=$("$python" -c 'import json, os, platform, sys
here = [sys.executable, list(sys.version_info[:2]), platform.machine()]
home = [os.path.expanduser("~"), os.confstr("CS_GNU_LIBC_VERSION") or ""]
print("cryodeck-found " + json.dumps(here + home))' 2>/dev/null) || continue
    printf '%s\\n' "$said"
done
"""
_INSTALL = """
set -e
python=$1 target=$2 incoming=$3 wheel=$4 extras=$5; shift 5
for piece in "$incoming"/*.000000.part; do
    whole=${piece%.*.part}
    cat -- "$whole".*.part >"$whole"
done
mkdir -p -- "$target"
echo "$(uname -n) $$" >"$target/installing"
unset PYTHONPATH PYTHONHOME
"$python" -m venv -- "$target"
"$target/bin/python" -m pip --disable-pip-version-check --no-input install --quiet \
    "$@" "$incoming/$wheel$extras"
cd "$target"
said=$(bin/python -m engine --version)
rm -f -- installing
echo "cryodeck-installed $said"
"""
_SWITCH = """
set -e
prefix=$1 version=$2 kept=$3
if [ -e "$prefix/current" ] && [ ! -L "$prefix/current" ]; then
    echo "it is not a link; move it away"
    exit 1
fi
ln -sfn -- "versions/$version" "$prefix/current.$version"
mv -fT -- "$prefix/current.$version" "$prefix/current"
for old in "$prefix"/versions/*/installing; do
    [ -e "$old" ] || continue
    read -r host pid <"$old" || true
    if [ "$host" = "$(uname -n)" ] && [ ! -d "/proc/$pid" ] ||
        [ -n "$(find "$old" -mmin +1440)" ]; then rm -rf -- "${old%/*}"; fi
done
ls -1t -- "$prefix/versions" | tail -n "+$((kept + 1))" | while read -r old; do
    [ "$old" = "$version" ] || rm -rf -- "$prefix/versions/$old"
done
find "$prefix" -maxdepth 1 -name 'incoming-*' -mmin +1440 -exec rm -rf -- {} +
"""
_MPI = """\
from mpi4py import MPI
if MPI.COMM_WORLD.allreduce(1) == MPI.COMM_WORLD.size and not MPI.COMM_WORLD.rank:
    print("cryodeck-ranks", MPI.COMM_WORLD.size)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How the engine shall be installed."""

    prefix: str = PREFIX
    python: str = ""  # "" looks for one
    extras: tuple[str, ...] = EXTRAS
    wheelhouse: Path | None = None  # a folder of wheels: nothing is fetched there
    offline: bool = False  # the wheels are fetched here, for a cluster without internet


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """What an installation came to."""

    cluster: Cluster  # the profile with its engine
    folder: str
    said: str  # the engine's own word: its version
    python: str
    mpi: str  # "2 ranks", or why not
    mpi_works: bool
    took_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    python: str
    version: tuple[int, int]
    machine: str
    prefix: str
    libc: tuple[int, int]


async def install(
    contact: Contact, wish: Wish, tell: Callable[[str], None]
) -> Installed:
    """Install this very program's engine on a cluster; `tell` hears each step."""
    started = time.monotonic()
    known = about()
    needs = known.requirements(wish.extras)
    place = await _look(contact, wish, known)
    token = f"{known.version}-{time.strftime('%Y%m%d%H%M%S')}-{secrets.token_hex(3)}"
    target = f"{place.prefix}/versions/{token}"
    incoming = ""
    try:
        with tempfile.TemporaryDirectory(prefix="cryodeck-") as scratch:
            wheels = [await asyncio.to_thread(pack, Path(scratch), known)]
            wheels += await _wheels(wish, place, needs, Path(scratch), tell)
            content = await asyncio.to_thread(_digest, wheels)
            incoming = f"{place.prefix}/incoming-{content}"
            await _upload(contact, wheels, incoming, tell)
        said = await _unpack(
            contact, wish, place, target, incoming, wheels[0].name, tell
        )
        argv = [place.prefix, token, str(_KEPT_VERSIONS)]
        status, text = await _bash(contact, _SWITCH, argv, limit=300.0)
        if status != 0:
            message = f"{place.prefix}/current cannot be switched: {_why(text)}"
            raise BadRequestError(message)
    except BaseException:
        made = [folder for folder in (incoming, target) if folder]
        await asyncio.shield(_remove(contact, *made))
        raise
    await _remove(contact, incoming)
    current = f"{place.prefix}/current/bin/python"
    mpi, works = await _ranks(contact, current) if "mpi" in wish.extras else ("", True)
    engine = f"{shlex.quote(current)} -m engine"
    return Installed(
        cluster=replace(contact.cluster, engine=engine),
        folder=target,
        said=said,
        python=f"{place.python} ({place.version[0]}.{place.version[1]})",
        mpi=mpi,
        mpi_works=works,
        took_s=time.monotonic() - started,
    )


async def _bash(
    contact: Contact, script: str, words: list[str], *, limit: float = 60.0
) -> tuple[int, str]:
    """Exit status and output of a script after the profile's setup lines."""
    text = "\n".join([*contact.cluster.setup, script])
    argv = ["bash", "-lc", text, "bash", *words]
    try:
        said = await contact.agent.call(
            "processes.run", argv=argv, timeout=limit, reads_only=False
        )
    except AgentError as error:
        message = f"{contact.cluster.name}: {error}"
        raise BadRequestError(message) from error
    return int(said["exit_status"]), said["out"] + said["err"]


async def _look(contact: Contact, wish: Wish, known: About) -> _Place:
    """The first Python there that will do, and what the machine is."""
    wanted = tuple(int(n) for n in re.findall(r"\d+", known.python)[:2])
    words = [wish.python] if wish.python else list(_PYTHONS)
    _, text = await _bash(contact, _LOOK, words)
    lines = re.findall(r"cryodeck-found (\[.*\])$", text, re.MULTILINE)
    found = [json.loads(line) for line in lines]
    needed = ".".join(str(n) for n in wanted)
    good = [one for one in found if tuple(one[1]) >= wanted]
    if not good:
        newest = max((tuple(one[1]) for one in found), default=None)
        is_there = "no Python" if newest is None else f"only Python {newest[0]}"
        if newest is not None:
            is_there += f".{newest[1]}"
        which = f"{wish.python}: " if wish.python else ""
        message = (
            f"{contact.cluster.name}: {which}{is_there} there, the engine needs "
            f"{needed}; name one by --python, or load one: `cryodeck hosts edit "
            f"{contact.cluster.name} --set 'setup=module load python/{needed}'`"
        )
        raise BadRequestError(message)
    python, version, machine, home, libc = good[0]
    prefix = wish.prefix.rstrip("/")
    if prefix == "~" or prefix.startswith("~/"):
        prefix = home + prefix[1:]
    if not prefix.startswith("/"):
        message = f"--to {wish.prefix}: give a whole path, or one that begins with ~/"
        raise BadRequestError(message)
    numbers = [int(n) for n in re.findall(r"\d+", libc)[:2]]
    return _Place(
        python=python,
        version=(version[0], version[1]),
        machine=machine,
        prefix=prefix,
        libc=(numbers[0], numbers[1]) if len(numbers) == 2 else (2, 17),
    )


async def _wheels(
    wish: Wish,
    place: _Place,
    needs: tuple[str, ...],
    scratch: Path,
    tell: Callable[[str], None],
) -> list[Path]:
    """Wheels to bring along; none if the cluster fetches them itself."""
    if wish.wheelhouse is not None:
        found = sorted(wish.wheelhouse.glob("*.whl"))
        if not found:
            message = f"{wish.wheelhouse}: no wheels (*.whl) in it"
            raise BadRequestError(message)
        return found
    if not wish.offline:
        return []
    tell("fetching wheels here ...")
    house = scratch / "house"
    argv = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    argv += ["download", "--quiet", "--only-binary=:all:", "--dest", str(house)]
    argv += ["--python-version", f"{place.version[0]}.{place.version[1]}"]
    for minor in range(place.libc[1], 16, -1):
        argv += ["--platform", f"manylinux_2_{minor}_{place.machine}"]
    argv += ["--platform", f"manylinux2014_{place.machine}", *needs]
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        out, _ = await process.communicate()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
    if process.returncode != 0:
        message = (
            f"pip download on this machine: {_why(out.decode('utf-8', 'replace'))}"
        )
        raise BadRequestError(message)
    return sorted(house.glob("*.whl"))


async def _upload(
    contact: Contact, files: list[Path], folder: str, tell: Callable[[str], None]
) -> None:
    """Bring files over in pieces, so that a slow link is not held up for long."""
    await contact.ask("files.make_dir", reads_only=False, path=folder)
    said = await contact.ask("files.list_dir", path=folder, needle=".part", limit=10000)
    there = {name: size for name, _, size, _ in said["entries"]}
    total = sum(path.stat().st_size for path in files)
    sent = 0
    for path in files:
        with path.open("rb") as handle:
            for number in range(1 << 20):
                piece = handle.read(PIECE_BYTES)
                if not piece:
                    break
                part = f"{path.name}.{number:06d}.part"
                name = f"{folder}/{part}"
                if there.get(part) == len(piece):  # it came over before a break
                    sent += len(piece)
                    continue
                said, _ = await contact.agent.call_blob(
                    "files.write_atomic", path=name, blob=piece, timeout=600.0
                )
                if said["size"] != len(piece):
                    message = f"{name}: was not uploaded completely; is the disk full?"
                    raise TransferError(message)
                sent += len(piece)
                tell(f"uploading {sent / 1e6:.0f} of {total / 1e6:.0f} MB ...")


def _digest(files: list[Path]) -> str:
    """What tells one set of wheels from another."""
    made = hashlib.sha256()
    for path in files:
        with path.open("rb") as handle:
            content = hashlib.file_digest(handle, "sha256").hexdigest()
        made.update(f"{path.name} {content} {PIECE_BYTES}\n".encode())
    return made.hexdigest()[:16]


async def _unpack(
    contact: Contact,
    wish: Wish,
    place: _Place,
    target: str,
    incoming: str,
    wheel: str,
    tell: Callable[[str], None],
) -> str:
    tell(f"installing in {target} ...")
    is_alone = wish.offline or wish.wheelhouse is not None
    options = ["--no-index", "--find-links", incoming] if is_alone else []
    extras = f"[{','.join(wish.extras)}]" if wish.extras else ""
    words = [place.python, target, incoming, wheel, extras, *options]
    status, text = await _bash(contact, _INSTALL, words, limit=INSTALL_S)
    found = re.search(r"cryodeck-installed (.*)$", text, re.MULTILINE)
    if status != 0 or found is None:
        hint = "" if is_alone else "; without internet there, try --offline"
        message = f"{contact.cluster.name}: not installed: {_why(text)}{hint}"
        raise BadRequestError(message)
    return found.group(1).strip()


async def _ranks(contact: Contact, python: str) -> tuple[str, bool]:
    """Whether two ranks of the engine's Python find one another, in words."""
    launcher = shlex.split(contact.cluster.mpirun) or ["mpirun"]
    script = 'exec timeout 60 "$@"'
    words = [*launcher, "-n", "2", python, "-c", _MPI]
    try:
        status, text = await _bash(contact, script, words, limit=90.0)
    except RemoteError as error:
        return str(error), False
    if re.search(r"cryodeck-ranks 2$", text, re.MULTILINE):
        return "2 ranks found one another", True
    if status == 0:
        return f"{launcher[0]} and mpi4py are of different MPIs: two lone ranks", False
    return f"{launcher[0]}: {_why(text)}", False


async def _remove(contact: Contact, *folders: str) -> None:
    """Remove what this installation has made; failing at it fails nothing else."""
    try:
        await contact.agent.call(
            "processes.run",
            argv=["rm", "-rf", "--", *folders],
            timeout=120.0,
            reads_only=False,
        )
    except RemoteError:
        return  # unreachable: the next installation clears old leftovers away


def _why(text: str) -> str:
    """The line of a complaint that says most."""
    lines = [line.strip() for line in text.splitlines() if re.search(r"\w", line)]
    errors = [line for line in lines if re.search(r"(?i)error|cannot|not ", line)]
    chosen = errors[-1] if errors else (lines or ["it did not say why"])[0]
    return re.sub(r"^ERROR: ", "", chosen)[:300].rstrip(".")


__all__ = ["Installed", "Wish", "install"]
