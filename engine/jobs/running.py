"""The Running tab that every job shares, and cryodeck's own tab.

cryodeck's keys begin with ``cryodeck_`` and stand in the same ``job.star``; RELION
warns about them and goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.jobs.option import Option, choice, file, integer, text, yes_no

if TYPE_CHECKING:
    from engine.jobs.job_type import JobType

RUNNING_TAB = "Running"
OWN_TAB = "cryodeck"
OWN_PREFIX = "cryodeck_"
ENGINE_KEY = "cryodeck_engine"

NR_MPI = integer(
    "nr_mpi",
    "Number of MPI procs:",
    "1",
    (1, 64, 1),
    help="Processes that share the work, on one node or several. With 1, MPI is not "
    "used. RELION's Class2D keeps one process as a leader without particles, so it "
    "wants one more than there are GPUs; cryodeck's engine has no idle leader.",
)
NR_THREADS = integer(
    "nr_threads",
    "Number of threads:",
    "1",
    (1, 16, 1),
    help="Threads of each MPI process; they share its memory. Cores asked for are "
    "processes times threads.",
)
QUEUE = (
    yes_no(
        "do_queue",
        "Submit to queue?",
        False,
        help="Yes hands the job to the cluster's scheduler; No runs it where the "
        "project is opened, which on a login node is rarely welcome.",
    ),
    text(
        "queuename",
        "Queue name: ",
        "openmpi",
        active_if=(("do_queue", "Yes"),),
        help="Queue or partition. XXXqueueXXX in the submission script.",
    ),
    text(
        "qsub",
        "Queue submit command:",
        "sbatch",
        changes={"3.1": {"default": "qsub"}, "4.0": {"default": "qsub"}},
        active_if=(("do_queue", "Yes"),),
        help="Command that submits a script, such as sbatch, qsub or bsub. cryodeck "
        "uses the cluster profile's scheduler and keeps this for RELION.",
    ),
    file(
        "qsubscript",
        "Standard submission script:",
        "Script Files (*.{csh,sh,bash,script})",
        active_if=(("do_queue", "Yes"),),
        help="Template whose XXX...XXX words are replaced (XXXcommandXXX, XXXqueueXXX, "
        "XXXmpinodesXXX and so on). Empty: cryodeck writes the script itself.",
    ),
    integer(
        "min_dedicated",
        "Minimum dedicated cores per node:",
        "1",
        (1, 64, 1),
        active_if=(("do_queue", "Yes"),),
        help="Cores that every node must give to this job alone; the number of nodes "
        "is cores asked for divided by it, rounded up. Useful where whole nodes are "
        "handed out.",
    ),
)
OTHER_ARGS = text(
    "other_args",
    "Additional arguments:",
    help="RELION's own flags, added to its command line as they are. cryodeck's "
    "engine honors those it knows and refuses the others by name.",
)

# environment variable of the cluster -> key whose default it sets
ENVIRONMENT = {
    "RELION_QSUB_NRMPI": "nr_mpi",
    "RELION_QSUB_NRTHREADS": "nr_threads",
    "RELION_QUEUE_USE": "do_queue",
    "RELION_QUEUE_NAME": "queuename",
    "RELION_QSUB_COMMAND": "qsub",
    "RELION_QSUB_TEMPLATE": "qsubscript",
    "RELION_MINIMUM_DEDICATED": "min_dedicated",
    "RELION_SCRATCH_DIR": "scratch_dir",
    "RELION_CTFFIND_EXECUTABLE": "fn_ctffind_exe",
    "RELION_GCTF_EXECUTABLE": "fn_gctf_exe",
    "RELION_TOPAZ_EXECUTABLE": "fn_topaz_exec",
    "RELION_PYTHON_EXECUTABLE": "python_exe",
}
EXTRA_COUNT = "RELION_QSUB_EXTRA_COUNT"

OWN = (
    text(
        "cryodeck_time_limit",
        "Time limit:",
        help="Wall-clock time to ask the scheduler for: minutes, or H:MM:SS, or "
        "D-HH:MM:SS. Empty: the cluster profile's limit.",
    ),
    text(
        "cryodeck_memory",
        "Memory per node:",
        help="Memory to ask the scheduler for, such as 16G. Empty: the cluster "
        "profile's, or the scheduler's own default.",
    ),
    text(
        "cryodeck_account",
        "Account:",
        help="Account or project that pays for the job. Empty: yours by default.",
    ),
    text(
        "cryodeck_submit_args",
        "Further scheduler arguments:",
        help="Put on the scheduler's submit command as they are, for example "
        "--gres=gpu:2 --constraint=a100.",
    ),
    yes_no(
        "cryodeck_compat",
        "Exactly as RELION does it?",
        False,
        help="Yes makes cryodeck's engine follow RELION where RELION has known "
        "defects, so that results can be compared one to one.",
    ),
)
ENGINES = ("cryodeck", "relion")


def running_options(
    job_type: JobType, version: str
) -> tuple[tuple[str, tuple[Option, ...]], ...]:
    """(tab label, options) of the tabs that every form ends with."""
    running: list[Option] = []
    if job_type.has_mpi:
        running.append(NR_MPI)
    if job_type.has_threads:
        running.append(NR_THREADS)
    running.extend(QUEUE)
    at_site = {option.key: option for option in job_type.site_options}
    running = [at_site.pop(option.key, option) for option in running]
    extras = [o for key, o in at_site.items() if key.startswith("qsub_extra")]
    running.extend([*extras, OTHER_ARGS])
    at_version = [option.at(version) for option in running]
    engine = choice(
        ENGINE_KEY,
        "Which program does the work?",
        ENGINES,
        default=ENGINES[0] if job_type.engine_can else ENGINES[1],
        help="cryodeck: this project's engine. relion: RELION's own executables, "
        "which must be installed on the cluster. Both read and write the same files.",
    )
    own = (engine, *OWN, *job_type.own_options)
    return (
        (RUNNING_TAB, tuple(o for o in at_version if o is not None)),
        (OWN_TAB, own),
    )


def defaults_from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Defaults of form fields that a site sets by RELION's environment variables."""
    found = {}
    for variable, key in ENVIRONMENT.items():
        value = environment.get(variable, "").strip()
        if not value:
            continue
        if key == "do_queue":
            value = "Yes" if value.lower() in {"yes", "true", "1"} else "No"
        found[key] = value
    return found


def extra_options(environment: Mapping[str, str]) -> tuple[Option, ...]:
    """Fields of the site's own, from RELION_QSUB_EXTRA1 and so on."""
    count = environment.get(EXTRA_COUNT, "2").strip()
    options = []
    for i in range(1, 1 + (int(count) if count.isdigit() else 2)):
        label = environment.get(f"RELION_QSUB_EXTRA{i}", "")
        if label:
            options.append(
                text(
                    f"qsub_extra{i}",
                    label,
                    environment.get(f"RELION_QSUB_EXTRA{i}_DEFAULT", ""),
                    active_if=(("do_queue", "Yes"),),
                    help=environment.get(f"RELION_QSUB_EXTRA{i}_HELP", ""),
                )
            )
    return tuple(options)
