"""A site's RELION template (XXXnodesXXX and its kin) as a job script.

Tokens are replaced as RELION does. A line with XXXcommandXXX is written once for each
command; one that is not an MPI program of several ranks stands alone on its line. A
directive whose value is empty is left out, since schedulers refuse ``--gres=``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from engine.jobs.job import Job
from remote.errors import BadRequestError
from remote.schedulers.base import Resources

_TOKEN = re.compile(r"XXX(\w+?)XXX")
_DIRECTIVE = re.compile(r"#\s?(?:SBATCH|PBS|BSUB|\$)")
_SHELLS = re.compile(r"#!\s*(?:\S*/)?(?:env\s+)?(?:ba|da|k|z)?sh\b")


def fill(
    template: str,
    job: Job,
    wanted: Resources,
    commands: Sequence[str],
    environment: Mapping[str, str],
    *,
    slashes_in_name: bool = True,
) -> str:
    """The script; BadRequestError names tokens that nothing replaces."""
    values = _values(job, wanted, environment, slashes_in_name)
    lines: list[str] = []
    unknown: set[str] = set()
    for line in template.splitlines():
        names = _TOKEN.findall(line)
        is_directive = bool(_DIRECTIVE.match(line))
        if is_directive and any(values.get(name) == "" for name in names):
            continue
        if "command" in names:
            filled, missing = _replaced(line.replace("XXXcommandXXX", "\0", 1), values)
            many = [_with_command(filled, command, wanted) for command in commands]
            lines += [one.replace("XXXcommandXXX", commands[0]) for one in many]
            missing.discard("command")
        else:
            filled, missing = _replaced(line, values)
            lines.append(filled)
        unknown |= missing
    if unknown:
        names_text = ", ".join(sorted(f"XXX{name}XXX" for name in unknown))
        message = (
            f"the submission template has {names_text}, which nothing fills in; "
            "set the field in the form, or RELION_QSUB_EXTRA... on the cluster"
        )
        raise BadRequestError(message)
    return "\n".join(lines) + "\n"


def _values(
    job: Job, wanted: Resources, environment: Mapping[str, str], slashes: bool
) -> dict[str, str]:
    cores = wanted.ranks * wanted.threads
    dedicated = max(1, int(job.number("min_dedicated", 1.0)))
    values = {
        "mpinodes": str(wanted.ranks),
        "threads": str(wanted.threads),
        "cores": str(cores),
        "dedicated": str(dedicated),
        "nodes": str(-(-cores // dedicated)),
        "name": f"{wanted.job}/" if slashes else wanted.label,
        "errfile": f"{wanted.job}/run.err",
        "outfile": f"{wanted.job}/run.out",
        "queue": wanted.queue,
    }
    for number in range(1, 33):
        key = f"qsub_extra{number}"
        default = environment.get(f"RELION_QSUB_EXTRA{number}_DEFAULT")
        value = job.text(key, "\0")
        if value != "\0":
            values[f"extra{number}"] = value
        elif default is not None:
            values[f"extra{number}"] = default
    return values


def _replaced(line: str, values: Mapping[str, str]) -> tuple[str, set[str]]:
    missing = {name for name in _TOKEN.findall(line) if name not in values}
    filled = _TOKEN.sub(lambda m: values.get(m.group(1), m.group()), line)
    return filled, missing


def _with_command(line: str, command: str, wanted: Resources) -> str:
    is_relion_mpi = "relion_" in command and ("_mpi`" in command or wanted.ranks == 1)
    is_engine = "relion_" not in command
    if is_relion_mpi or is_engine:
        return line.replace("\0", command, 1)
    return command


def takes_prologue(script: str) -> bool:
    """Whether a script is for a shell that understands our lines."""
    lines = script.splitlines()
    return not (lines and lines[0].startswith("#!") and not _SHELLS.match(lines[0]))


def with_prologue(script: str, prologue: str) -> str:
    """The script with our lines before its first own one.

    Left as it is if it is for a shell of another family; the verdict then rests on
    markers and the scheduler alone.
    """
    if not takes_prologue(script):
        return script
    lines = script.splitlines()
    first = next(
        (n for n, line in enumerate(lines) if line.strip() and line[0] != "#"),
        len(lines),
    )
    return "\n".join([*lines[:first], prologue.rstrip(), *lines[first:]]) + "\n"
