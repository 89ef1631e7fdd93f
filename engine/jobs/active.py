"""Which fields of a form count, worked out from its values.

RELION recomputes this only for switches that are toggled, so a loaded form may show
fields enabled that do nothing; here it never depends on history.
"""

from __future__ import annotations

from engine.jobs.job import Job
from engine.jobs.option import OnContinue, Option
from engine.jobs.running import OWN_PREFIX

# fields that RELION's LoG branch does not send
_NOT_FOR_LOG = frozenset(
    {
        "angpix",
        "threshold_autopick",
        "mindist_autopick",
        "maxstddevnoise_autopick",
        "minavgnoise_autopick",
        "shrink",
        "use_gpu",
        "gpu_ids",
    }
)
_NOT_FOR_TOPAZ = _NOT_FOR_LOG - {"use_gpu", "gpu_ids"}
_REFERENCE_INPUTS = frozenset(
    {"fn_refs_autopick", "do_ref3d", "fn_ref3d_autopick", "ref3d_symmetry"}
    | {"ref3d_sampling"}
)


def is_active(job: Job, option: Option, *, continuing: bool | None = None) -> bool:
    """Whether a field can be edited, as RELION greys fields."""
    is_continued = job.is_continue if continuing is None else continuing
    if option.on_continue is OnContinue.NEVER:
        return False
    if is_continued and option.on_continue is OnContinue.GREYED:
        return False
    if not is_continued and option.on_continue is OnContinue.ONLY:
        return False
    if option.key == "do_queue" and job.type.is_interactive:
        return False
    return _switches_hold(job, option)


def is_used(job: Job, option: Option) -> bool:
    """Whether a field has any influence on what the job does."""
    if not _switches_hold(job, option):
        return False
    if job.type.key == "autopick" and not option.key.startswith(OWN_PREFIX):
        return _is_used_in_autopick(job, option)
    return True


def _switches_hold(job: Job, option: Option) -> bool:
    return all(job.text(key, value) == value for key, value in option.active_if)


def autopick_branch(job: Job) -> str:
    """Method of an Auto-picking job: log, topaz, references; empty if not chosen."""
    if job.flag("do_log"):
        return "log"
    if job.flag("do_topaz", False):
        return "topaz"
    if job.version == "3.1" or job.flag("do_refs"):
        return "references"
    return ""


def _is_used_in_autopick(job: Job, option: Option) -> bool:
    branch = autopick_branch(job)
    tab, key = option.tab, option.key
    if not branch:
        return tab in {"I/O", "Running"}
    if tab == "Laplacian":
        return branch == "log"
    if tab == "Topaz":
        return branch == "topaz" or key == "fn_topaz_exe"
    if tab in {"References", "Helix"}:
        return branch == "references"
    if key in _REFERENCE_INPUTS:
        return branch == "references"
    if branch == "log":
        return key not in _NOT_FOR_LOG
    return branch != "topaz" or key not in _NOT_FOR_TOPAZ
