"""RELION's lock on a pipeline: the folder ``.relion_lock``.

RELION's lock has no owner and no time; ours puts both inside the lock file, so that
whoever waits can be told for whom. A lock is never taken away from its owner here:
`break_lock` is for the person, who must name the owner they have seen.
"""

import errno
import getpass
import os
import pwd
import socket
import time
from typing import Callable, Optional

from engine.project.errors import LockedError, ProjectError

FOLDER = ".relion_lock"
POLL_S = 0.1
WAIT_S = 30.0
STALE_S = 180.0  # RELION itself gives up after some two minutes


class Holder:
    """Who holds a lock, as far as the lock file says."""

    def __init__(self, text: str, since: float, user: str = "") -> None:
        self.text = text  # what the lock file holds
        self.since = since  # seconds since 1970, when the lock was made
        self.user = user  # whose folder the lock is, as the file system says
        self.fields = dict(
            line.split(": ", 1) for line in text.splitlines() if ": " in line
        )

    @property
    def age_s(self) -> float:
        """Seconds since the lock was made."""
        return max(0.0, time.time() - self.since)

    @property
    def is_dead(self) -> bool:
        """Whether the owner was a process of this very host that is gone."""
        pid = self.fields.get("process", "")
        if self.fields.get("host") != socket.gethostname() or not pid.isdigit():
            return False
        try:
            os.kill(int(pid), 0)
        except OSError as error:
            return error.errno == errno.ESRCH
        return False

    def describe(self) -> str:
        """Who and since when, in words."""
        if "user" in self.fields:
            who = "{user}@{host}, process {process} ({tool})".format(
                **{
                    key: self.fields.get(key, "?")
                    for key in ("user", "host", "process", "tool")
                }
            )
        else:
            whose = " of {}".format(self.user) if self.user else ""
            who = "RELION or another program{} that does not say who it is"
            who = who.format(whose)
        return "{}, for {:.0f} s".format(who, self.age_s)


def lock_folder(project: str) -> str:
    """Path of a project's lock."""
    return os.path.join(project, FOLDER)


def holder(project: str, pipeline: str = "default_pipeline.star") -> Optional[Holder]:
    """Who holds the lock; None if nobody does."""
    folder = lock_folder(project)
    try:
        there = os.stat(folder)
    except OSError:
        return None
    try:
        with open(os.path.join(folder, "lock_" + pipeline), errors="replace") as file:
            text = file.read()
    except OSError:
        text = ""
    return Holder(text, there.st_mtime, user_name(there.st_uid))


def user_name(uid: int) -> str:
    """Name of an account, for those who read it."""
    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OSError):
        return "user {}".format(uid)


class ProjectLock:
    """The lock as a context manager; waits for others, with a message.

    `on_wait` gets the `Holder` about once a second while somebody else has it.
    """

    def __init__(
        self,
        project: str,
        pipeline: str = "default_pipeline.star",
        wait_s: float = WAIT_S,
        on_wait: Optional[Callable[[Holder], None]] = None,
        tool: str = "cryodeck",
    ) -> None:
        self.project = project
        self.pipeline = pipeline
        self.wait_s = wait_s
        self.on_wait = on_wait
        self.tool = tool
        self.file = os.path.join(lock_folder(project), "lock_" + pipeline)
        self.owner = ""

    def __enter__(self) -> "ProjectLock":
        folder = lock_folder(self.project)
        deadline = time.time() + self.wait_s
        told = 0.0
        while not self._try(folder):
            now = time.time()
            if now >= deadline:
                raise LockedError(self._refusal(folder))
            if self.on_wait is not None and now - told >= 1.0:
                told = now
                seen = holder(self.project, self.pipeline)
                if seen is not None:
                    self.on_wait(seen)
            time.sleep(POLL_S)
        self.owner = self._owner()
        try:
            with open(self.file, "w") as stream:
                stream.write(self.owner)
        except OSError as error:  # a full disk: the file is there, but empty
            if os.path.lexists(self.file):
                os.unlink(self.file)
            os.rmdir(folder)
            raise OSError(error.errno, error.strerror, self.file) from error
        return self

    def __exit__(self, *exception: object) -> None:
        self._release()

    def _try(self, folder: str) -> bool:
        try:
            os.mkdir(folder)  # others may look who it is; RELION's own is closed
        except OSError as error:
            if error.errno == errno.EEXIST:
                return False
            message = "cannot lock the project: {}: {}".format(folder, error.strerror)
            raise ProjectError(message, "no-lock") from error
        return True

    def _release(self) -> None:
        seen = holder(self.project, self.pipeline)
        if seen is None or seen.text != self.owner:
            return  # somebody removed it, and it may be another's by now
        for remove, path in (
            (os.unlink, self.file),
            (os.rmdir, lock_folder(self.project)),
        ):
            try:
                remove(path)
            except OSError:
                pass

    def _owner(self) -> str:
        try:
            user = getpass.getuser()
        except (KeyError, OSError, ImportError):
            user = str(os.getuid())
        return (
            "While this file exists nobody else may write {}.\n"
            "user: {}\nhost: {}\nprocess: {}\ntool: {}\nsince: {}\n"
        ).format(
            self.pipeline,
            user,
            socket.gethostname(),
            os.getpid(),
            self.tool,
            time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        )

    def _refusal(self, folder: str) -> str:
        seen = holder(self.project, self.pipeline)
        if seen is None:
            return "{}: the lock came and went; try again".format(folder)
        message = "{} is held by {}".format(folder, seen.describe())
        if seen.is_dead:
            return message + "; that process is gone, so the lock can be removed"
        if seen.age_s > STALE_S:
            return (
                message + "; it is probably left over: make sure that nobody works "
                "in this project, then remove it"
            )
        return message + "; try again in a moment"


def break_lock(
    project: str, seen: Holder, pipeline: str = "default_pipeline.star"
) -> None:
    """Remove a stale lock that the person has looked at.

    Refused if the lock is not the one that was seen, or is neither old nor a dead
    process's.
    """
    now = holder(project, pipeline)
    if now is None:
        return
    if now.text != seen.text or now.since != seen.since:
        message = "the lock has changed hands since you looked: " + now.describe()
        raise LockedError(message)
    if not now.is_dead and now.age_s < STALE_S:
        message = "the lock is too recent to have been left behind: " + now.describe()
        raise LockedError(message)
    folder = lock_folder(project)
    file = os.path.join(folder, "lock_" + pipeline)
    try:
        if os.path.lexists(file):
            os.unlink(file)
        os.rmdir(folder)
    except OSError as error:
        message = "{}: {}; {} can remove it, by `rm -r`"
        raise LockedError(
            message.format(folder, error.strerror, now.user or "its owner")
        ) from error
