"""Commands that ask the scheduler, filled in and run."""

import os
import pwd
import re
from typing import Any, Dict, List, Sequence, Set

from remote.agent.processes import execute
from remote.agent.verbs import Request, VerbError

MAX_PER_ID = 8  # commands for single ids in one round


def user() -> str:
    """Name of the account."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())


def ask(
    request: Request, query: Dict[str, Any], ids: Sequence[str]
) -> List[Dict[str, Any]]:
    """What a query says about some ids, in one answer or one for each id."""
    if not query.get("per_id"):
        return [_run(request, query, list(ids))]
    return [_run(request, query, [one]) for one in list(ids)[:MAX_PER_ID]]


def _run(request: Request, query: Dict[str, Any], ids: List[str]) -> Dict[str, Any]:
    argv = fill(query["argv"], ids, query.get("joined_by", ","))
    said = {"query": query["name"], "exit_status": None, "out": "", "err": ""}
    try:
        status, out, err, _ = execute(request, argv, env=query.get("env"))
    except VerbError as error:
        if error.code == "cancelled":
            raise
        said["err"] = str(error)
        return said
    said["exit_status"] = status
    said["out"] = out.decode("utf-8", "replace")
    said["err"] = err.decode("utf-8", "replace")
    return said


def fill(argv: Sequence[str], ids: Sequence[str], joined_by: str = ",") -> List[str]:
    """Arguments with the account and the ids in their places."""
    words: List[str] = []
    for word in argv:
        if word == "{ids}" and not joined_by:
            words += ids
        else:
            word = word.replace("{ids}", (joined_by or ",").join(ids))
            words.append(word.replace("{user}", user()))
    return words


def told_of(query: Dict[str, Any], out: str) -> Set[str]:
    """Ids that an answer has settled, by the query's pattern."""
    if not query.get("pattern"):
        return set()
    return set(re.findall(query["pattern"], out, re.MULTILINE))


def find(request: Request, queries: Sequence[Dict[str, Any]]) -> Dict[str, Any]:
    """Look for a token: the id it has, or none, and whether an absence counts.

    The first query must answer for an absence to count; accounting may be off.
    """
    is_answered = False
    for number, query in enumerate(queries):
        said = ask(request, query, [])[0]
        found = re.findall(query["pattern"], said["out"], re.MULTILINE)
        if found:
            return {"id": found[-1], "answered": True}
        if number == 0:
            is_answered = said["exit_status"] in (query.get("answers") or [0])
    return {"id": "", "answered": is_answered}
