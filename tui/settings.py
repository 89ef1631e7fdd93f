"""What the person has set for good: settings.toml, and answers given in the interface.

Standard library only; a file that cannot be read counts as empty.
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

from remote.places import config_home, state_home, write_private


def settings_file() -> Path:
    """The file that the person writes."""
    return config_home() / "settings.toml"


def setting(key: str) -> str:
    """One setting as text; "" if it is not set."""
    try:
        found: Any = tomllib.loads(settings_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(found.get(key, ""))


def _answers_file() -> Path:
    return state_home() / "terminals.json"


def _answers() -> dict[str, str]:
    try:
        found: Any = json.loads(_answers_file().read_text(encoding="utf-8"))
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
    write_private(_answers_file(), json.dumps(answers, indent=1))
