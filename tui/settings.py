"""What the person has set for good: settings.toml, and answers given in the interface.

Standard library only; a file that cannot be read counts as empty.
"""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path
from typing import Any

from remote.places import config_home, state_home, write_private

SITE = Path("/etc/cryodeck/settings.toml")


def site_file() -> Path:
    """Where the administrator's settings stand: CRYODECK_SITE names another file."""
    return Path(os.environ.get("CRYODECK_SITE") or SITE)


def settings_file() -> Path:
    """The file that the person writes."""
    return config_home() / "settings.toml"


def setting(key: str) -> str:
    """One setting as text, the person's or else the site's; "" if it is not set."""
    for path in (settings_file(), site_file()):
        try:
            found: Any = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if found.get(key):
            return str(found[key])
    return ""


def answers_file() -> Path:
    """What was answered for each terminal."""
    return state_home() / "terminals.json"


def _answers() -> dict[str, str]:
    try:
        found: Any = json.loads(answers_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def remembered_pictures(terminal: str) -> str:
    """The kind of pictures that was chosen for a terminal; "" if none was."""
    return str(_answers().get(terminal, ""))


def remember_pictures(terminal: str, kind: str) -> None:
    """Choose a kind for a terminal from now on; "" forgets the choice."""
    answers = _answers()
    answers.pop(terminal, None)
    if kind:
        answers[terminal] = kind
    write_private(answers_file(), json.dumps(answers, indent=1))
