"""Project locks whose owner cannot come back: cleared before work that needs one."""

import os
from typing import Callable

from engine.project.errors import ProjectError
from engine.project.lock import Holder, break_lock, holder, lock_folder

EMPTY_S = 10.0  # between making the folder and writing its file nobody takes this long


def clear_dead(project: str) -> bool:
    """Remove a lock of a process that was killed here; whether there was one.

    That is a lock which names a process of this host that is gone, or a folder that has
    stayed empty: its maker died before it could sign. All others are left alone.
    """
    seen = holder(project)
    if seen is None:
        return False
    if seen.is_dead:
        try:
            break_lock(project, seen)
        except ProjectError:
            return False  # it has changed hands since
        return True
    if not seen.text and seen.age_s > EMPTY_S:
        try:
            os.rmdir(lock_folder(project))  # fails, as it must, if it is not empty
        except OSError:
            return False
        return True
    return False


def watch(project: str) -> Callable[[Holder], None]:
    """Function for those who wait for the lock: it clears the lock if that is dead."""

    def look(seen: Holder) -> None:
        clear_dead(project)

    return look
