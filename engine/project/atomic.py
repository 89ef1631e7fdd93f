"""Files that appear whole or not at all, and cryodeck's own folder in a project."""

import os
import tempfile

OWN_FOLDER = ".cryodeck"


def write_text(path: str, text: str) -> None:
    """Write a file beside its name, flush it to disk, and rename it over."""
    write_bytes(path, text.encode("utf-8", "surrogateescape"))


def write_bytes(path: str, data: bytes) -> None:
    """Write a file beside its name, flush it to disk, and rename it over.

    An existing file keeps its permissions.
    """
    folder = os.path.dirname(path) or "."
    handle, beside = tempfile.mkstemp(
        prefix="." + os.path.basename(path) + ".", suffix=".tmp", dir=folder
    )
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(beside, _mode_for(path))
        os.replace(beside, path)
    except BaseException:
        if os.path.exists(beside):
            os.unlink(beside)
        raise
    _sync_folder(folder)


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


_UMASK = _read_umask()  # once, before there are threads


def _mode_for(path: str) -> int:
    try:
        return os.stat(path).st_mode & 0o777
    except OSError:
        return 0o666 & ~_UMASK


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
    """Text of a file, bytes that are no UTF-8 kept."""
    with open(path, encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return stream.read()


def touch(path: str) -> None:
    """Make an empty file, or renew its time."""
    with open(path, "a"):
        os.utime(path, None)


def own_folder(project: str) -> str:
    """Return cryodeck's folder in a project, made if need be."""
    path = os.path.join(project, OWN_FOLDER)
    os.makedirs(path, exist_ok=True)
    return path
