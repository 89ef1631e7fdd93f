"""The job script: what the scheduler runs.

The script, not the person's machine, writes down that it has started and how it ended,
in ``JOB/.cryodeck/TOKEN.started`` and ``TOKEN.ended``; the exit status comes last. What
it says goes to the job's run.out and run.err, which are appended to.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.errors import InputError
from engine.jobs.command_lines import Site
from engine.jobs.commands import relion_commands
from engine.jobs.job import Job
from engine.jobs.resources import parse_gpu_ids
from remote.cluster import Cluster
from remote.errors import BadRequestError
from remote.older_relion import Additions, additions
from remote.schedulers.base import Resources, Scheduler, duration, megabytes
from remote.template import fill, takes_prologue, with_prologue

#: RELION's default of the queue's name, which hardly any site has
_RELION_QUEUE = "openmpi"
SCRIPT = "run_submit.script"
_MODULE = re.compile(r"\b(?:module|ml)\s+\w")
_PROGRAM = re.compile(r"`which (\w+)`")

PROLOGUE = """\
job={job}
state="$job/.cryodeck/{token}"
cd -- {project} || exit 1
[ ! -e "$state.void" ] || exit 0
mkdir -p -- "$job/.cryodeck"
restarts=${{{restarts}:-0}}
task={task}
tasks=0
[ -z "$task" ] || tasks={tasks}
# an array has started with its first task
if [ -z "$task" ] || [ "$restarts" != 0 ] || [ ! -e "$state.started" ]; then
    {{
        printf 'time=%s\\nhost=%s\\nprocess=%s\\n' "$(date +%s)" "$(uname -n)" "$$"
        printf 'id=%s\\nrestarts=%s\\n' "${{{variable}:-$$}}" "$restarts"
        printf 'gpus=%s\\ntasks=%s\\n' "${{CUDA_VISIBLE_DEVICES:-}}" "$tasks"
    }} >"$state.started.tmp$task" && mv -f -- "$state.started.tmp$task" "$state.started"
fi
rm -f -- "$state.ended" "$state.task$task.ended"
# put back into the queue by the scheduler: how its last run was ended counts no more
[ "$restarts" = 0 ] || rm -f -- "$job"/RELION_JOB_EXIT_* "$job/RELION_JOB_ABORT_NOW"
caught=
again=
child=
timer=
failed=0
# of a job array only the last task to end says that the job has ended
last_of_tasks() {{
    mine="$state.task$task.ended"
    echo "$status" >"$mine.tmp" && mv -f -- "$mine.tmp" "$mine"
    set -- "$state".task*.ended
    [ "$#" -ge "$tasks" ] || exit "$status"
    for one in "$@"; do
        read -r code <"$one"
        [ "$code" -eq 0 ] || failed=$((failed + 1)) status=$code
    done
}}
{functions}ended() {{
    status=$?
    trap - EXIT
    [ -z "$timer" ] || kill "$timer" 2>/dev/null
    {at_the_end}
    own=$status
    [ "$tasks" -eq 0 ] || last_of_tasks
    if [ "$status" -ne 0 ] && ! ls "$job"/RELION_JOB_EXIT_* >/dev/null 2>&1; then
        if [ -e "$job/RELION_JOB_ABORT_NOW" ]; then
            : >"$job/RELION_JOB_EXIT_ABORTED"
        else
            : >"$job/RELION_JOB_EXIT_FAILURE"
        fi
        : >.pipeline_has_changed
    fi
    {{
        printf 'time=%s\\nsignal=%s\\n' "$(date +%s)" "$caught"
        printf 'exit_status=%s\\ntasks_failed=%s\\n' "$status" "$failed"
    }} >"$state.ended.tmp$task" && mv -f -- "$state.ended.tmp$task" "$state.ended"
    exit "$own"
}}
trap ended EXIT
trap 'caught=TERM again=1; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM
# the time limit is near: what is whole is kept, and Continue does the rest
trap 'caught=USR1 again=1; : >"$job/RELION_JOB_ABORT_NOW"' USR1
"""

#: where the scheduler gives no warning of the time limit, the script warns itself
TIMER = """\
(trap 'kill $! 2>/dev/null; exit' TERM; sleep {seconds} & wait $! && kill -USR1 $$) \
</dev/null >/dev/null 2>&1 &
timer=$!
"""

#: `module` is a function of login shells, which batch scripts are not everywhere
MODULES = "type module >/dev/null 2>&1 || . /etc/profile >/dev/null 2>&1"
CHECK = """\
for program in {programs}; do
    which "$program" >/dev/null 2>&1 && continue
    echo "ERROR: $program is not in the PATH of $(uname -n): put 'module load ...' \
into setup of this cluster's profile, or the folder of its programs into relion" >&2
    exit 127
done
"""

EPILOGUE = """\
work &
child=$!
wait "$child"
status=$?
while [ -n "$again" ]; do
    again=
    wait "$child"
    later=$?
    # bash may have forgotten a child that ended by the same signal
    [ "$later" -eq 127 ] || [ "$later" -lt 0 ] || status=$later
done
exit "$status"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """A job script and what it was made from."""

    text: str
    commands: tuple[str, ...]
    resources: Resources


def engine_commands(
    job: Job, directory: str, cluster: Cluster, site: Site
) -> list[str]:
    """Commands of a job, without mpirun."""
    try:
        if job.engine == "cryodeck":
            engine = cluster.engine or "python3 -m engine"
            return [f"{engine} run {shlex.quote(directory.rstrip('/'))}"]
        return relion_commands(job, directory, site=site)
    except InputError as error:
        raise BadRequestError(str(error)) from error


def resources(job: Job, directory: str, token: str, cluster: Cluster) -> Resources:
    """What a job asks for: the form's word, else the profile's."""
    try:
        has_gpu = job.flag("use_gpu", False)
        count, kind = _gpus(job, cluster) if has_gpu else (0, "")
        words = f"{cluster.submit_args} {job.text('cryodeck_submit_args', '')}"
        return Resources(
            job=directory.rstrip("/"),
            token=token,
            ranks=max(1, job.integer("nr_mpi", 1)),
            threads=max(1, job.integer("nr_threads", 1)),
            time_limit_s=_seconds(
                job.text("cryodeck_time_limit", "") or cluster.time_limit
            ),
            memory_mb=_memory(job.text("cryodeck_memory", "") or cluster.memory),
            queue=queue_of(job, cluster),
            account=job.text("cryodeck_account", "") or cluster.account,
            gpus=count,
            gpu_type=kind,
            gpu_request=cluster.gpu_request,
            parallel_environment=cluster.parallel_environment,
            arguments=tuple(shlex.split(words)),
        )
    except InputError as error:
        raise BadRequestError(str(error)) from error
    except ValueError as error:
        message = f"{directory}: further scheduler arguments: {error}"
        raise BadRequestError(message) from error


def queue_of(job: Job, cluster: Cluster) -> str:
    """The queue a job goes to; "" means the scheduler's default."""
    name = job.text("queuename", "").strip()
    return cluster.queue if name in ("", _RELION_QUEUE) else name


def _seconds(text: str) -> int:
    """Seconds of a time limit: minutes, H:MM:SS, D-HH:MM:SS; 0 if there is none."""
    stripped = text.strip()
    if not stripped:
        return 0
    if re.fullmatch(r"\d+", stripped):
        return int(stripped) * 60
    found = duration(stripped)
    if found is None:
        message = f"time limit {text!r}: write minutes, H:MM:SS or D-HH:MM:SS"
        raise BadRequestError(message)
    return int(found)


def _memory(text: str) -> int:
    """Megabytes of "16G" or "4000"; 0 if there is none."""
    if not text.strip():
        return 0
    found = megabytes(text)
    if found is None or found < 1:
        message = f"memory {text!r}: write a number with M, G or T, such as 16G"
        raise BadRequestError(message)
    return int(found)


def _gpus(job: Job, cluster: Cluster) -> tuple[int, str]:
    """How many GPUs per node, and of which kind if the profile says "a100:4"."""
    kind, _, number = cluster.gpus.rpartition(":")
    if not number.isdigit():
        kind, number = cluster.gpus, "1"
    listed = {gpu for rank in parse_gpu_ids(job.text("gpu_ids", "")) for gpu in rank}
    return len(listed) or int(number), kind


def project_in_shell(project: str) -> str:
    """A project's folder as a word of the shell; from home with a tilde."""
    if project in ("", "~"):
        return '"$HOME"'
    if project.startswith("/"):
        return shlex.quote(project)
    return '"$HOME"/' + shlex.quote(project.removeprefix("~/"))


def with_mpirun(command: str, wanted: Resources, cluster: Cluster) -> str:
    """A command as it stands in the script; MPI programs get their launcher."""
    is_relion_mpi = "relion_" in command and "_mpi`" in command
    is_engine = "`which relion_" not in command and "relion_" not in command
    if wanted.ranks > 1 and (is_relion_mpi or is_engine):
        return f"{cluster.mpirun} -n {wanted.ranks} {command}"
    return command


def _alone(
    wanted: Resources, cluster: Cluster, environment: Mapping[str, str]
) -> Cluster:
    """The cluster as RELION's variables want it where a job runs without a queue."""
    most = environment.get("RELION_ERROR_LOCAL_MPI", "").strip()
    if most.isdigit() and wanted.ranks > int(most):
        message = (
            f"{wanted.job}: {wanted.ranks} MPI processes without the queue; this site "
            f"allows {most} (RELION_ERROR_LOCAL_MPI): submit it, or ask for fewer"
        )
        raise BadRequestError(message)
    launcher = environment.get("RELION_MPIRUN", "").strip()
    if launcher and cluster.mpirun == "mpirun":  # the profile says nothing else
        return replace(cluster, mpirun=launcher)
    return cluster


def build(
    job: Job,
    directory: str,
    token: str,
    *,
    cluster: Cluster,
    project: str,
    scheduler: Scheduler,
    site: Site | None = None,
    template: str = "",
    environment: Mapping[str, str] | None = None,
) -> Script:
    """The script of a job, cryodeck's own or a site's template filled in.

    Parameters
    ----------
    directory : str
        "AutoPick/job006", relative to the project.
    project : str
        The project's folder on the cluster; absolute, or from home.
    template : str
        Text of a RELION template; "" for cryodeck's own script.
    environment : mapping, optional
        RELION_* variables of the cluster.
    """
    wanted = resources(job, directory, token, cluster)
    if scheduler.name == "shell":
        cluster = _alone(wanted, cluster, environment or {})
    commands = engine_commands(job, directory, cluster, site or Site())
    more = additions(job, directory) if takes_prologue(template) else Additions()
    prologue = PROLOGUE.format(
        functions=more.functions,
        at_the_end=more.at_the_end,
        job=shlex.quote(wanted.job),
        token=token,
        project=project_in_shell(project),
        task=f'"{scheduler.array_task}"',
        tasks=scheduler.array_size,
        restarts=scheduler.restart_variable or "CRYODECK_RESTARTS",
        variable=_shell_variable(scheduler),
    )
    if template:
        text = fill(
            template,
            job,
            wanted,
            [more.command(command) for command in commands],
            environment or {},
            slashes_in_name=scheduler.name == "slurm",
        )
        text = with_prologue(text, prologue)
        return Script(text=text, commands=tuple(commands), resources=wanted)
    body = [with_mpirun(command, wanted, cluster) for command in commands]
    lines = ["#!/bin/bash", *scheduler.directives(wanted)]
    lines.append("# written by cryodeck; the exit status is written last")
    lines += prologue.splitlines()
    if scheduler.name == "pbs":  # it would show the logs only at the job's end
        lines.append('exec >>"$job/run.out" 2>>"$job/run.err"')
    lines += _environment(wanted, cluster, scheduler)
    programs = dict.fromkeys(_PROGRAM.findall("\n".join(commands)))
    if programs:
        lines += CHECK.format(programs=" ".join(programs)).splitlines()
    if wanted.warned_before_s and scheduler.name not in ("slurm", "shell"):
        seconds = wanted.time_limit_s - wanted.warned_before_s
        lines += TIMER.format(seconds=seconds).splitlines()
    done = [more.command(command) for command in body]
    lines += ["work() {", "    " + " &&\n    ".join(done), "}"]
    lines += EPILOGUE.splitlines()
    text = "\n".join(lines) + "\n"
    return Script(text=text, commands=tuple(body), resources=wanted)


def _environment(
    wanted: Resources, cluster: Cluster, scheduler: Scheduler
) -> list[str]:
    lines = [f"export OMP_NUM_THREADS={wanted.threads}"]
    if scheduler.name == "slurm":
        lines.append(f"export SRUN_CPUS_PER_TASK={wanted.threads}")
    if any(_MODULE.search(line) for line in cluster.setup):
        lines.append(MODULES)
    if cluster.relion:
        lines.append(f"PATH={shlex.quote(cluster.relion)}:$PATH")
    return [*lines, *cluster.setup]


def _shell_variable(scheduler: Scheduler) -> str:
    return scheduler.id_variable if scheduler.id_variable != "$" else "CRYODECK_ID"
