"""What `quota`, `lfs quota`, `mmlsquota` and `beegfs-ctl` say: text in, limits out.

The first two print one table: file system, space used, soft limit ("quota"), hard limit
("limit"), grace, then the same for files. A long name stands on a line of its own; the
grace is missing, "-" or "none" as long as nothing is exceeded. An asterisk marks what
is. Sizes carry letters, and brackets where a server of Lustre did not answer. GPFS
adds what is "in doubt" (promised to nodes) and has its columns in two halves; BeeGFS
has a row per account under the name of each storage pool, and no soft limit.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

NEARLY = 0.9  # of a limit used: soon nothing can be written

_SIZE = re.compile(r"\[?(\d+(?:\.\d+)?)([kKMGTPE]?)\]?(\*?)")
_POWERS = "KMGTPE"
_BYTES = re.compile(r"(?<=\d) ([KMGTPE]?)i?B(?:yte)?$")  # 20.63 GiB, 0 Byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """One limit on one file system; sizes in the words of the tool."""

    place: str
    what: str  # space, files
    used: str
    limit: str  # the soft one, if there is one
    share: float  # used of that limit
    is_exceeded: bool
    grace: str  # how long it may stay exceeded; "none": no longer


def quotas(text: str) -> list[Quota]:
    """Limits that are set; none where there are none or no such tool."""
    if "in_doubt" in text:
        return list(_of_gpfs(text))
    if "chunk files" in text:
        return list(_of_beegfs(text))
    return _of_linux(text)


def _of_gpfs(text: str) -> Iterator[Quota]:
    """Both halves of a row: file system, fileset, kind | files."""
    columns = 0
    unit = ""
    for line in text.splitlines():
        space, _, files = line.partition("|")
        words = space.split()
        if "in_doubt" in words:
            at = words.index("quota") if "quota" in words else 0
            columns = max(0, at - 1)  # those before what is used
            unit = "K" if words[columns] == "KB" else ""
            continue
        if not columns or len(words) < columns + 4:
            continue  # "no limits" is one word less
        named = [word for word in words[:columns] if word not in ("USR", "GRP")]
        place = ":".join(word for word in named if word != "FILESET")
        for what, half, letter in (
            ("space", words[columns:], unit),
            ("files", files.split(), ""),
        ):
            sizes = [w + letter if w.isdigit() else w for w in half[:3]]
            numbers = _sizes(sizes)
            if len(numbers) < 3:
                break
            grace = " ".join(half[4:6] if half[4:] and half[4].isdigit() else half[4:5])
            quota = _quota(place, what, numbers, grace)
            if quota is not None:
                left = grace.replace("expired", "none") if quota.is_exceeded else ""
                yield replace(quota, grace=left)


def _of_beegfs(text: str) -> Iterator[Quota]:
    """Rows of `name|id||used|hard||used|hard`, by storage pool."""
    place = "BeeGFS"
    for line in text.splitlines():
        pool = re.search(r"storage pool (\S+)", line)
        if pool is not None:
            place = f"BeeGFS pool {pool.group(1)}"
        parts = [half.split("|") for half in line.split("||")]
        if [len(half) for half in parts] != [2, 2, 2] or not parts[0][1].strip(" -"):
            continue
        for what, half in (("space", parts[1]), ("files", parts[2])):
            used, hard = (_BYTES.sub(r"\1", word.strip()) for word in half)
            numbers = _sizes([used, "0", hard])
            quota = _quota(place, what, numbers, "") if len(numbers) == 3 else None
            if quota is not None:
                yield quota


def _of_linux(text: str) -> list[Quota]:
    found = []
    for place, words in _rows(text):
        for what in ("space", "files"):
            numbers, words = _sizes(words[:3]), words[3:]
            if len(numbers) < 3:
                break
            grace = ""
            if words and not _SIZE.fullmatch(words[0]):
                grace, words = words[0], words[1:]
            quota = _quota(place, what, numbers, grace)
            if quota is not None:
                found.append(quota)
    return found


def _rows(text: str) -> Iterator[tuple[str, list[str]]]:
    """File systems and the words that follow them, wrapped lines joined."""
    place = ""
    is_table = False
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "Filesystem":
            is_table, place = True, ""
        elif line.startswith(("Disk quotas", "uid ", "gid ", "Some errors")):
            is_table = line.startswith("uid ") and is_table
        elif is_table and len(words) == 1 and not _SIZE.fullmatch(words[0]):
            place = words[0]
        elif is_table and place:
            yield place, words
            place = ""
        elif is_table:
            yield words[0], words[1:]


def _sizes(words: list[str]) -> list[tuple[str, float, bool]]:
    """Text, value and mark of sizes; up to the first word that is not a size."""
    found = []
    for word in words:
        match = _SIZE.fullmatch(word)
        if match is None:
            break
        number, letter, mark = match.groups()
        power = _POWERS.find(letter.upper()) + 1 if letter else 0
        found.append((number + letter, float(number) * 1024.0**power, bool(mark)))
    return found


def _quota(
    place: str, what: str, numbers: list[tuple[str, float, bool]], grace: str
) -> Quota | None:
    used, soft, hard = numbers
    limit = soft if soft[1] > 0 else hard
    if limit[1] <= 0:
        return None
    return Quota(
        place=place,
        what=what,
        used=used[0],
        limit=limit[0],
        share=used[1] / limit[1],
        is_exceeded=used[2] or used[1] > limit[1],
        grace="" if grace in {"-", ""} else grace,
    )
