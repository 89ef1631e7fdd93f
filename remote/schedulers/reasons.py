"""Why a Slurm job waits, in plain words."""

from __future__ import annotations

#: reasons of a normal wait
_WAITS = {
    "Resources": "waiting for free nodes",
    "Priority": "jobs with a higher priority go first",
    "Dependency": "waiting for another job to end",
    "BeginTime": "not to begin before a certain time",
    "Reservation": "waiting for its reservation to begin",
    "Licenses": "waiting for a license",
    "BurstBufferResources": "waiting for the burst buffer",
    "Prolog": "a node is being prepared",
    "Cleaning": "its last run is still being cleared away",
    "PartitionDown": "the partition is down",
    "PartitionInactive": "the partition takes jobs but starts none at the moment",
    "ReqNodeNotAvail": "nodes it needs are down or reserved (maintenance?)",
    "JobArrayTaskLimit": "as many tasks of its array run as may",
    "NodeDown": "a node it needs is down",
    "None": "the scheduler has not looked at it yet",
    "(null)": "the scheduler has not looked at it yet",
    "": "the scheduler has not looked at it yet",
}
_HELD = {
    "JobHeldUser": "held by its owner (scontrol release lets it go)",
    "JobHeldAdmin": "held by an administrator: ask the site",
    "JobHoldMaxRequeue": "held: it was started again too often",
    "launch_failed_requeued_held": "held: its start failed; see the site's support",
}
#: reasons that will not go away by waiting
_NEVER = {
    "PartitionTimeLimit": "it asks for more time than the partition gives",
    "PartitionNodeLimit": "it asks for more nodes than the partition has",
    "PartitionConfig": "the partition cannot give what it asks for "
    "(too many processes, threads or nodes)",
    "BadConstraints": "no node has what it asks for (constraint, memory, GPU)",
    "InvalidAccount": "the account is not valid",
    "InvalidQOS": "the quality of service is not valid",
    "DependencyNeverSatisfied": "a job it waits for failed",
    "DeadLine": "it cannot end before its deadline",
    "AccountNotAllowed": "the account may not use this partition",
    "QOSNotAllowed": "the quality of service may not use this partition",
    "AssociationJobLimit": "the account allows no more jobs",
}


def explain_wait(reason: str, detail: str = "") -> tuple[str, bool, bool]:
    """Words for a pending reason; whether it is held; whether it will never start."""
    code = reason.split(",")[0].strip("() ")
    more = detail.strip("() ")
    if code in _HELD:
        return _HELD[code], True, False
    if code in _NEVER:
        return f"{_NEVER[code]} ({code})", False, True
    if code in _WAITS:
        words = _WAITS[code]
        if code == "ReqNodeNotAvail" and "," in more:
            words += f": {more.partition(',')[2].strip()}"
        return words, False, False
    if code.startswith(("QOS", "Assoc", "MaxJobs", "Job_limit")):
        who = "quality of service" if code.startswith("QOS") else "account"
        limit = _limit_words(code)
        is_never = "PerJob" in code
        words = f"a limit of your {who} is reached: {limit} ({code})"
        return words, False, is_never
    return f"waiting: {more or code}", False, False


def _limit_words(code: str) -> str:
    for part, words in (
        ("Cpu", "cores"),
        ("CPU", "cores"),
        ("Mem", "memory"),
        ("GRES", "GPUs"),
        ("Gres", "GPUs"),
        ("Node", "nodes"),
        ("Wall", "time"),
        ("Submit", "submitted jobs"),
        ("Job", "jobs at once"),
    ):
        if part in code:
            return words
    return "see the site's limits"
