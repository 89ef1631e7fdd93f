"""One field of a job form, as data.

RELION's forms of 3.1, 4.0 and 5.0 share most fields, so an `Option` says what it is in
5.0 and, in `changes`, what was different before. Labels are RELION's to the letter
(odd spacing included), because old ``run.job`` files are matched by them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

VERSIONS = ("3.1", "4.0", "5.0")
SINCE_4 = ("4.0", "5.0")


class Kind(StrEnum):
    """What a field holds."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    YES_NO = "yes or no"
    CHOICE = "choice"
    FILE = "file"
    NODE = "node"  # a file that another job made


class OnContinue(StrEnum):
    """What happens to a field when an existing job is continued."""

    GREYED = "D"
    LIVE = "L"
    ONLY = "R"  # editable only when continuing
    NEVER = "A"


@dataclass(frozen=True, kw_only=True)
class Option:
    """One field of a form.

    Attributes
    ----------
    key : str
        Name in ``job.star``.
    label : str
        Text beside the field, RELION's to the letter; see `title`.
    default : str
        As it stands in ``job.star``; all values are text.
    help : str
        What it does and how to choose it.
    unit : str
        "Å", "px", "°", ...; empty if dimensionless.
    low, high, step : float or None
        Ends and step of RELION's slider; a hint, never a limit.
    off : str
        Rule by which a number means "off" or "automatic": "<=0", ">=999", "";
        see `is_off`.
    off_means : str
        What off means, in a word or two: "off", "automatic", "from the input".
    pattern : str
        Files that a Browse dialog offers, RELION's text.
    node : str
        For Kind.NODE: kind of the node, the first part of its 4.0 label:
        "MicrographsData"; "ClassModel" stands for 3.1's model.star, which has none.
    active_if : tuple of (key, value)
        All of these must hold, or the field is greyed.
    versions : tuple of str
        Form versions that have the field.
    changes : dict
        version -> attributes that differ there.
    row : str
        Title of the row that several short fields share.
    """

    key: str
    label: str
    kind: Kind
    default: str = ""
    help: str = ""
    unit: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    off: str = ""
    off_means: str = ""
    choices: tuple[str, ...] = ()
    pattern: str = ""
    node: str = ""
    active_if: tuple[tuple[str, str], ...] = ()
    on_continue: OnContinue = OnContinue.LIVE
    versions: tuple[str, ...] = VERSIONS
    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    row: str = ""
    tab: str = ""  # set by JobType.option and JobType.tabs

    @property
    def title(self) -> str:
        """The label without trailing blanks and colons, for screens."""
        return self.label.strip().rstrip(":").rstrip()

    def at(self, version: str) -> Option | None:
        """The option as a form version has it; None if that version lacks it."""
        if version not in self.versions:
            return None
        changes = self.changes.get(version)
        return replace(self, **changes) if changes else self

    def is_off(self, number: float) -> bool:
        """Whether a number stands for off or automatic, by RELION's own test."""
        if not self.off:
            return False
        sign, bound = self.off[:2], float(self.off[2:])
        return number <= bound if sign == "<=" else number >= bound


def yes_no(key: str, label: str, default: bool, **more: Any) -> Option:
    """Yes/No field."""
    value = "Yes" if default else "No"
    return Option(key=key, label=label, kind=Kind.YES_NO, default=value, **more)


def number(
    key: str,
    label: str,
    default: str,
    slider: tuple[float, float, float] | None = None,
    **more: Any,
) -> Option:
    """Number field, with the slider's ends and step."""
    low, high, step = slider or (None, None, None)
    kind = more.pop("kind", Kind.NUMBER)
    return Option(
        key=key,
        label=label,
        kind=kind,
        default=default,
        low=low,
        high=high,
        step=step,
        **more,
    )


def integer(
    key: str,
    label: str,
    default: str,
    slider: tuple[float, float, float] | None = None,
    **more: Any,
) -> Option:
    """Whole-number field, with the slider's ends and step."""
    return number(key, label, default, slider, kind=Kind.INTEGER, **more)


def text(key: str, label: str, default: str = "", **more: Any) -> Option:
    """Free text field."""
    return Option(key=key, label=label, kind=Kind.TEXT, default=default, **more)


def choice(key: str, label: str, choices: tuple[str, ...], **more: Any) -> Option:
    """Field with a fixed set of texts; the first is the default."""
    more.setdefault("default", choices[0])
    return Option(key=key, label=label, kind=Kind.CHOICE, choices=choices, **more)


def file(key: str, label: str, pattern: str, default: str = "", **more: Any) -> Option:
    """Path of any file, relative to the project."""
    return Option(
        key=key, label=label, kind=Kind.FILE, default=default, pattern=pattern, **more
    )


def node(key: str, label: str, node: str, pattern: str, **more: Any) -> Option:
    """Path of a file that another job made."""
    return Option(
        key=key, label=label, kind=Kind.NODE, node=node, pattern=pattern, **more
    )
