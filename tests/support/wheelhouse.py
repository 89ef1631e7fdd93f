"""Wheels packed again from what this environment has installed: no internet needed."""

import importlib.metadata
import zipfile
from pathlib import Path

from packaging.requirements import Requirement


def fill(folder: Path, requirements: tuple[str, ...]) -> list[str]:
    """Put the wheels of requirements, and of theirs, into a folder; their names."""
    wanted, done = [Requirement(word) for word in requirements], set()
    while wanted:
        requirement = wanted.pop()
        name = requirement.name.lower()
        if name in done:
            continue
        done.add(name)
        there = importlib.metadata.distribution(requirement.name)
        _pack(folder, there)
        for word in there.requires or ():
            more = Requirement(word)
            if more.marker is None or more.marker.evaluate({"extra": ""}):
                wanted.append(more)
    return sorted(done)


def _pack(folder: Path, there: importlib.metadata.Distribution) -> None:
    wheel = there.read_text("WHEEL") or ""
    tags = [line[5:] for line in wheel.splitlines() if line.startswith("Tag: ")]
    parts = zip(*(tag.split("-", 2) for tag in tags), strict=True)
    tag = "-".join(".".join(dict.fromkeys(part)) for part in parts)
    name = there.metadata["Name"].replace("-", "_")
    target = folder / f"{name}-{there.version}-{tag}.whl"
    with zipfile.ZipFile(target, "w") as archive:
        for file in there.files or ():
            outside = ".." in file.parts or "__pycache__" in file.parts
            if outside or file.name in ("INSTALLER", "REQUESTED"):
                continue
            archive.write(file.locate(), str(file))
