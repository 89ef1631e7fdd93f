"""Files that appear whole or not at all, and cryodeck's own folder in a project."""

import hashlib
import os
import tempfile
from typing import Optional

OWN_FOLDER = ".cryodeck"


def write_text(path: str, text: str) -> None:
    """Write a file beside its name, flush it to disk, and rename it over."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_bytes(path: str, data: bytes, mode: Optional[int] = None) -> None:
    """Write a file beside its name, flush it to disk, and rename it over.

    An existing file keeps its permissions and, where it may, its group. `mode` is what
    it gets, under the umask, whether it exists or not.
    """
    folder = os.path.dirname(path) or "."
    beside = ""
    try:
        handle, beside = tempfile.mkstemp(
            prefix="." + os.path.basename(path)[:60] + ".", suffix=".tmp", dir=folder
        )
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        _keep_group(beside, path)
        os.chmod(beside, _mode_for(path) if mode is None else mode & ~UMASK)
        os.replace(beside, path)
    except BaseException as error:
        if os.path.exists(beside):
            os.unlink(beside)
        if isinstance(error, OSError):
            # a full disk names no file, and the one beside means nothing to anybody
            raise OSError(error.errno, error.strerror, path) from error
        raise
    _sync_folder(folder)


def _keep_group(beside: str, path: str) -> None:
    """Give a file to the group of the one it replaces, for those who share it."""
    try:
        group = os.stat(path).st_gid
        if group != os.stat(beside).st_gid:
            os.chown(beside, -1, group)
    except OSError:
        return  # not there yet, or a group that is not ours


def _read_umask() -> int:
    """Mask of new files, without changing it where the system can say it."""
    try:
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("Umask:"):
                    return int(line.split()[1], 8)
    except OSError:
        pass
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


UMASK = _read_umask()  # once, before there are threads


def _mode_for(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        return 0o666 & ~UMASK


def _sync_folder(folder: str) -> None:
    """Make the rename itself last, where the file system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(handle)
    except OSError:
        pass
    finally:
        os.close(handle)


def read_text(path: str) -> str:
    """Text of a file, bytes that are not UTF-8 are kept."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return stream.read()


def digest(text: str) -> str:
    """What tells whether a file still holds this text, whatever ends its lines."""
    plain = text.replace("\r\n", "\n")
    return hashlib.sha256(plain.encode("utf-8", "surrogateescape")).hexdigest()


def touch(path: str) -> None:
    """Make an empty file, or renew its time."""
    with open(path, "a"):
        os.utime(path, None)


def own_folder(project: str) -> str:
    """Return cryodeck's folder in a project, made if need be."""
    path = os.path.join(project, OWN_FOLDER)
    os.makedirs(path, exist_ok=True)
    return path
