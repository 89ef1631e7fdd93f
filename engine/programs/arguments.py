"""The "Additional arguments" of a form: RELION's flags, as RELION takes them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Set
from dataclasses import dataclass, field

from engine.errors import InputError


@dataclass(frozen=True, slots=True)
class Arguments:
    """Flags and their values; the last of a flag given twice counts.

    Attributes
    ----------
    values : mapping of str to str
        "" for a flag without a value.
    """

    values: Mapping[str, str] = field(default_factory=dict)

    def has(self, flag: str) -> bool:
        """Whether the flag was given."""
        return flag in self.values

    def number(self, flag: str, default: float) -> float:
        """A flag's value as a number, or `default` without the flag."""
        if flag not in self.values:
            return default
        try:
            number = float(self.values[flag])
        except ValueError:
            number = float("nan")
        if number != number or abs(number) == float("inf"):
            message = (
                f"Additional arguments: {flag} {self.values[flag]} is not a number"
            )
            raise InputError(message)
        return number

    def text(self, flag: str, default: str) -> str:
        """A flag's value, or `default` without the flag."""
        return self.values.get(flag, default)


def parse_arguments(
    text: str, *, switches: Set[str], valued: Set[str], optional: Set[str] = frozenset()
) -> Arguments:
    """The flags of a text.

    Parameters
    ----------
    text : str
        As in the form.
    switches, valued, optional : set of str
        Flags that take no value, one value, or perhaps one.

    Raises
    ------
    InputError
        If a flag is none of these, or its value is missing.
    """
    try:
        words = shlex.split(text)
    except ValueError as error:
        message = f"Additional arguments: {error} in {text!r}"
        raise InputError(message) from error
    values: dict[str, str] = {}
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        has_next = position < len(words) and not _is_flag(words[position])
        if word in switches:
            values[word] = ""
        elif word in valued and has_next:
            values[word] = words[position]
            position += 1
        elif word in valued:
            message = f"Additional arguments: {word} needs a value"
            raise InputError(message)
        elif word in optional:
            values[word] = words[position] if has_next else ""
            position += has_next
        else:
            message = (
                f"Additional arguments: cryodeck's engine does not know {word}; "
                "remove it, or let RELION run this job"
            )
            raise InputError(message)
    return Arguments(values)


def _is_flag(word: str) -> bool:
    return word.startswith("--") or (
        word.startswith("-") and not word[1:2].isdigit() and word[1:2] != "."
    )
