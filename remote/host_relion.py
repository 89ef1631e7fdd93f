"""The RELION that a host has, and the layout of projects that it reads and writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.project.layout import VERSIONS

if TYPE_CHECKING:
    from remote.contact import Contact

DEFAULT = "4.0"  # where there is no RELION
_RELEASE = re.compile(r"(\d+)\.\d+[\w.+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class HostRelion:
    """What `relion_refine --version` says; no release if there is none."""

    said: str = ""  # its first line
    release: str = ""  # "3.1.3"
    layout: str = ""  # of projects: "3.1", "4.0" or "5.0"

    @property
    def why(self) -> str:
        """Why a new project gets this layout."""
        if not self.release:
            return f"no RELION was found on this host, so {DEFAULT} is the guess"
        return f"the host has RELION {self.release}"


async def host_relion(contact: Contact, *, is_new: bool = False) -> HostRelion:
    """Ask the programs that jobs would use, by the setup lines of the profile.

    The folder of a project that is new may not exist yet.
    """
    folder = contact.cluster.relion
    program = f"{folder}/relion_refine" if folder else "relion_refine"
    status, text = await contact.tool(program, "--version", folder="/" * is_new)
    return parsed(text) if status >= 0 else HostRelion(layout=DEFAULT)


def parsed(text: str) -> HostRelion:
    """The release in what the program says, and the layout that goes with it."""
    line = next((row.strip() for row in text.splitlines() if "RELION" in row), "")
    found = _RELEASE.search(line)
    if found is None:
        return HostRelion(said=line, layout=DEFAULT)
    known = {int(version[0]): version for version in VERSIONS}
    major = min(max(int(found[1]), min(known)), max(known))
    return HostRelion(said=line, release=found[0], layout=known[major])
