"""A person's habits: `settings.toml`, after what the site says, each with its source.

Standard library only; the command line reads it too.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from remote.errors import BadRequestError
from tui.graphics import KINDS
from tui.settings import settings_file, site_file

CHOICES: dict[str, tuple[str, ...]] = {
    "theme": ("cryodeck-dark", "cryodeck-light", "cryodeck-contrast"),
    "notify": ("bell", "desktop", "both", "none"),
    "slow_link": ("auto", "on", "off"),
    "pictures": ("", *KINDS),
}
HELP = {
    "theme": "colors; ^T goes through them",
    "notify": "how the end of a job is told: the terminal's bell, its desktop "
    "notification (OSC 9 and 777), both or none",
    "slow_link": "fewer redrawings and longer pauses: auto, on or off",
    "pictures": "how pictures are drawn; empty: as the terminal can",
    "mouse": "whether the mouse is taken; without it the terminal selects text",
    "tour": "whether newcomers are shown around at the first start",
    "keys": "other keys: VIEW.ACTION = KEY, as `cryodeck help keys` lists them",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a person may choose about the interface."""

    theme: str = "cryodeck-dark"
    notify: str = "both"
    slow_link: str = "auto"
    pictures: str = ""
    mouse: bool = True
    tour: bool = True
    keys: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


def load() -> Settings:
    """Defaults, then the site's file, then one's own; an error names file and key."""
    settings = Settings()
    for path in (site_file(), settings_file()):
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            continue
        except (OSError, UnicodeDecodeError) as error:
            message = f"{path}: cannot be read: {error}"
            raise BadRequestError(message) from error
        settings = read(text, str(path), settings)
    return settings


def read(text: str, source: str, under: Settings) -> Settings:
    """The settings of a file over others."""
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = f"{source}: not TOML: {error}"
        raise BadRequestError(message) from error
    known = {f.name for f in fields(Settings)} - {"sources"}
    unknown = sorted(set(given) - known)
    if unknown:
        message = (
            f"{source}: no setting {unknown[0]!r}; one of {', '.join(sorted(known))}"
        )
        raise BadRequestError(message)
    values = {key: _checked(key, value, source) for key, value in given.items()}
    if "keys" in values:
        values["keys"] = {**under.keys, **values["keys"]}
    sources = {**under.sources, **dict.fromkeys(given, source)}
    return replace(under, **values, sources=sources)


def _checked(key: str, value: Any, source: str) -> Any:
    if key in CHOICES:
        if value in CHOICES[key]:
            return value
        message = f"{source}: {key}: one of {', '.join(CHOICES[key])}, not {value!r}"
    elif key in {"mouse", "tour"}:
        if isinstance(value, bool):
            return value
        message = f"{source}: {key}: true or false, not {value!r}"
    elif isinstance(value, dict) and all(
        isinstance(one, str) and one for one in value.values()
    ):
        return dict(value)
    else:
        message = f'{source}: [keys]: lines like "jobs.watch" = "V"'
    raise BadRequestError(message)
