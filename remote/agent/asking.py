"""The scheduler's answers, kept: one round of queries per interval for everybody.

Everybody is all windows of the account on this login node: see `shared`.
"""

import os
import pwd
import re
import threading
import time
from typing import Any, Dict, List, Sequence, Set

from remote.agent import limits, queries, shared
from remote.agent.verbs import Request

SOON_S = 2.0  # a job nobody has asked about yet is asked about after this
PATIENCE_S = 3.0  # for the answer to what another agent asks at this moment
FORGOTTEN_S = 60.0  # a job nobody has wanted to know of is not asked about any more
BURDEN = 5.0  # pauses are at least so many times as long as the answer took
SLOWEST_S = 60.0  # but not longer
LONG_OUTPUT = 20000
_lock = threading.Lock()
_kept: "Dict[str, Round]" = {}


class Round:
    """The last good answer to each query of one scheduler."""

    def __init__(self) -> None:
        self.tried_at = 0.0
        self.took_s = 0.0  # of the scheduler's time
        self.asked_at: Any = None
        self.covered: Set[str] = set()
        self.wanted: Dict[str, float] = {}  # by anybody, and when
        self.answers: Dict[str, List[Dict[str, Any]]] = {}
        self.complaint = ""

    def is_fresh(self, ids: Set[str], interval: float) -> bool:
        """Whether the scheduler need not be asked again yet."""
        age = shared.age(self.tried_at)
        wait = interval if ids <= self.covered else min(SOON_S, interval)
        if interval > 0.0:  # a scheduler that is slow to answer is asked more rarely
            wait = max(wait, min(SLOWEST_S, BURDEN * self.took_s))
        return age < max(wait, limits.HELD["poll_s"])

    def want(self, ids: Set[str], interval: float) -> Set[str]:
        """Ids to ask about: these, and those that others wanted lately."""
        now, limit = time.time(), max(FORGOTTEN_S, 3.0 * interval)
        self.wanted.update((key, now) for key in ids)
        old = [key for key, at in self.wanted.items() if now - at > limit]
        for key in old:
            del self.wanted[key]
        return set(self.wanted)

    def to_json(self) -> Dict[str, Any]:
        """As it is kept in a file."""
        return dict(vars(self), covered=sorted(self.covered))

    def take(self, kept: Dict[str, Any]) -> None:
        """Become what a file holds, if that is newer and whole."""
        try:
            if float(kept["tried_at"]) <= self.tried_at:
                return
            covered, wanted = set(kept["covered"]), dict(kept["wanted"])
            answers, complaint = dict(kept["answers"]), str(kept["complaint"])
        except (KeyError, TypeError, ValueError):
            return
        self.tried_at, self.asked_at = float(kept["tried_at"]), kept.get("asked_at")
        self.took_s = float(kept.get("took_s") or 0.0)
        self.covered, self.wanted = covered, wanted
        self.answers, self.complaint = answers, complaint


def answers(
    request: Request, asked: Sequence[Dict[str, Any]], ids: Set[str], interval: float
) -> Dict[str, Any]:
    """What the scheduler says about some jobs, and when it said so."""
    key = shared.key_of(asked)
    with _lock:
        known = _kept.setdefault(key, Round())
        if ids and not known.is_fresh(ids, interval):
            place = shared.folder()
            if place is None:
                _ask(request, known, asked, known.want(ids, interval))
            else:
                store = shared.Store(os.path.join(place, key + ".json"))
                _ask_for_all(request, store, known, asked, ids, interval)
        found = [one for name in known.answers for one in known.answers[name]]
        return {
            "asked_at": known.asked_at,
            "answers": [_shortened(one, ids) for one in found],
            "complaint": known.complaint,
            "users": _users(found),
        }


def _ask_for_all(
    request: Request,
    store: shared.Store,
    known: Round,
    asked: Sequence[Dict[str, Any]],
    ids: Set[str],
    interval: float,
) -> None:
    """Take what another agent was told lately; otherwise ask, for all of them."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        known.take(store.load())
        if known.is_fresh(ids, interval):
            return
        handle = store.begin()
        if handle is not None:
            break
        request.check()
        if time.monotonic() > deadline:
            return  # what is known stands, and is older
        time.sleep(0.05)
    try:
        known.take(store.load())  # it may have been asked just now
        if not known.is_fresh(ids, interval):
            _ask(request, known, asked, known.want(ids, interval))
            store.save(known.to_json())
    finally:
        store.end(handle)


def _ask(
    request: Request, known: Round, asked: Sequence[Dict[str, Any]], ids: Set[str]
) -> None:
    """Ask about the ids: each query only for what those before have left open."""
    known.tried_at = time.time()
    known.complaint = ""
    left = set(ids)
    is_queue_up = True
    for number, query in enumerate(asked):
        if not left:  # an old answer about a job that runs again would mislead
            known.answers.pop(query["name"], None)
            continue
        if query.get("per_id") and not is_queue_up:
            break
        at = time.time()
        said = queries.ask(request, query, sorted(left))
        good = [one for one in said if one["exit_status"] is not None]
        if number == 0:
            fine = query.get("answers") or [0]
            is_queue_up = bool(good) and good[0]["exit_status"] in fine
            if is_queue_up:
                known.asked_at = at
                known.covered = set(ids)
        if not good or (number == 0 and not is_queue_up):
            known.complaint = " ".join(said[0]["err"].split())[:300]
            continue  # what it said last time stands
        for one in good:
            one["at"] = at
            left -= queries.told_of(query, one["out"])
        known.answers[query["name"]] = good
    known.took_s = max(0.0, time.time() - known.tried_at)


def _shortened(said: Dict[str, Any], ids: Set[str]) -> Dict[str, Any]:
    """The answer without the lines about other jobs, if it is long."""
    if len(said["out"]) < LONG_OUTPUT or said["out"].lstrip()[:1] in ("{", "<"):
        return said
    lines = []
    for line in said["out"].splitlines():
        match = re.match(r"(\d+)", line)  # 12, 12_3, 12+1
        if match is None or match.group(1) in ids:
            lines.append(line)
    return dict(said, out="\n".join(lines))


def _users(found: Sequence[Dict[str, Any]]) -> Dict[str, str]:
    """Names of the accounts that answers give by number."""
    names = {}
    for said in found:
        for number in re.findall(r"\bby (\d+)\b", said["out"]):
            try:
                names[number] = pwd.getpwuid(int(number)).pw_name
            except (KeyError, OverflowError):
                continue
    return names
