"""One job as its form states it: ``job.star`` in and out.

All values are text, as RELION keeps them. The accessors turn them into numbers and
flags, and raise `InputError` with the key and the label of what is wrong.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from engine.errors import InputError
from engine.jobs.job_type import JobType
from engine.jobs.migration import migrate
from engine.jobs.option import Kind, Option
from engine.jobs.registry import by_key, find
from engine.jobs.running import ENGINE_KEY, OWN_PREFIX
from engine.project.atomic import digest
from engine.project.star import Block, StarFile, format_star, parse

# what a job.star without cryodeck's keys, so one of RELION's, means by their absence
_ABSENT = {ENGINE_KEY: "relion"}


@dataclass(frozen=True)
class Job:
    """The values of one job's form.

    Attributes
    ----------
    values : dict
        key -> text of every option that the version has.
    unknown : dict
        key -> text of options that no table here knows; written back untouched.
    head : dict
        Further labels of the file's head.
    extra : str
        Further tables of the file, as text.
    origin : str
        `digest` of the text it was read from, through all its changes.
    """

    type: JobType
    version: str
    values: dict[str, str]
    is_continue: bool = False
    unknown: dict[str, str] = field(default_factory=dict)
    head: dict[str, str] = field(default_factory=dict)
    extra: str = ""
    origin: str = field(default="", compare=False, repr=False)

    @classmethod
    def new(
        cls, type_key: str, version: str, values: Mapping[str, str] | None = None
    ) -> Job:
        """Job with RELION's defaults but for the values given.

        Where another method serves better in cryodeck's engine, that one.
        """
        job_type = by_key(type_key)
        defaults = job_type.defaults(version)
        engine = (values or {}).get(ENGINE_KEY, defaults.get(ENGINE_KEY))
        if engine == "cryodeck":
            own = job_type.engine_defaults
            defaults.update({k: v for k, v in own.items() if k in defaults})
        job = cls(job_type, version, defaults)
        for key, value in (values or {}).items():
            job = job.replace(key, value)
        return job

    @classmethod
    def from_star(cls, text: str, source: str = "job.star", version: str = "") -> Job:
        """Job of a ``job.star`` of 3.1, 4.0 or 5.0; unknown keys are kept.

        `version` is the project's; without it the file's own look decides.
        """
        star = parse(text, source)
        head_block = star.require("job", source)
        head = {row[0]: row[1] for row in head_block.rows if len(row) == 2}
        table = star.require("joboptions_values", source)
        found = dict(
            zip(
                table.values("rlnJobOptionVariable"),
                table.values("rlnJobOptionValue"),
                strict=True,
            )
        )
        name = head.pop("rlnJobTypeLabel", "") or head.pop("rlnJobType", "")
        if not name:
            message = f"{source}: neither rlnJobTypeLabel nor rlnJobType in data_job"
            raise InputError(message)
        is_continue = head.pop("rlnJobIsContinue", "0") == "1"
        if head.get("rlnJobIsTomo") == "0":
            del head["rlnJobIsTomo"]  # what to_star writes anyway
        rest = [b for b in star.blocks if b is not head_block and b is not table]
        extra = format_star(StarFile(rest)) if rest else ""
        origin = _version_of(name, head_block)
        version = version or origin
        job_type = find(name)
        found = migrate(job_type.key, found, origin, version)
        values, unknown = _sort_in(job_type, version, found)
        if not name.isdigit() and not job_type.has_form:
            head["rlnJobTypeLabel"] = name  # its variant cannot be worked out here
        return cls(
            job_type, version, values, is_continue, unknown, head, extra, digest(text)
        )

    @classmethod
    def from_run_job(cls, text: str, source: str = "run.job") -> Job:
        """Job of a ``run.job`` of RELION 3.0 and before; labels instead of keys."""
        number, is_continue = "", False
        by_label: dict[str, str] = {}
        for line in text.splitlines():
            label, equals, value = line.partition("==")
            if not equals:
                continue
            label, value = label.strip(), value.strip()
            if label == "job_type":
                number = value
            elif label == "is_continue":
                is_continue = value == "true"
            else:
                by_label[label] = value
        if not number:
            message = f"{source}: no line 'job_type == N'; is this a run.job?"
            raise InputError(message)
        job_type = find(number)
        values = job_type.defaults("3.1")
        unknown = {}
        options = job_type.all_options("3.1").values()
        for label, value in by_label.items():
            match = [o for o in options if o.label.strip() == label]
            match = match or [o for o in options if o.label.strip().startswith(label)]
            if match:
                values[match[0].key] = value
            else:
                unknown[label] = value
        values[ENGINE_KEY] = _ABSENT[ENGINE_KEY]
        return cls(job_type, "3.1", values, is_continue, unknown)

    def to_star(self) -> str:
        """The text of ``job.star`` in the job's own version."""
        head = Block("job", False)
        comment = "# version 50001" if self.version == "5.0" else "# version 30001"
        head.before = ["", comment, ""]
        if self.version == "3.1":
            head.set("rlnJobType", str(self.type.number))
        else:
            label = self.head.get("rlnJobTypeLabel") or self.type_label
            head.set("rlnJobTypeLabel", label)
        head.set("rlnJobIsContinue", "1" if self.is_continue else "0")
        if self.version != "3.1" and "rlnJobIsTomo" not in self.head:
            head.set("rlnJobIsTomo", "0")
        for label, value in self.head.items():
            head.set(label, value)
        table = Block(
            "joboptions_values", True, ["rlnJobOptionVariable", "rlnJobOptionValue"]
        )
        table.before = [" ", "", comment, ""]
        stored = {**self._stored(), **self.unknown}
        table.rows = [[key, stored[key]] for key in sorted(stored)]
        rest = parse(self.extra).blocks if self.extra else []
        return format_star(StarFile([head, table, *rest]))

    def _stored(self) -> dict[str, str]:
        """Values that belong into the file: own keys only where they say something."""
        stored = {}
        for key, value in self.values.items():
            if key.startswith(OWN_PREFIX):
                option = self.option(key)
                absent = _ABSENT.get(key, option.default)
                if value == absent:
                    continue
            stored[key] = value
        return stored

    @property
    def type_label(self) -> str:
        """The 4.0 label with the values' variant: "relion.autopick.log"."""
        return self.type.type_label(self.values, self.version)

    @property
    def engine(self) -> str:
        """Who does the work: "cryodeck" or "relion"."""
        return self.values.get(ENGINE_KEY, "relion")

    def option(self, key: str) -> Option:
        """The option of that key; InputError names near ones if there is none."""
        option = self.type.option(key, self.version)
        if option is None:
            raise InputError(self._no_option(key))
        return option

    def _no_option(self, key: str) -> str:
        from difflib import get_close_matches

        near = get_close_matches(key, list(self.values), 3, 0.5)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        return f"{self.type.folder} of RELION {self.version} has no option {key}{hint}"

    def _where(self, key: str) -> str:
        option = self.type.option(key, self.version)
        if option is None:
            return f"{self.type.folder}: {key}"
        return f"{self.type.folder}: {option.title} ({key})"

    def text(self, key: str, default: str | None = None) -> str:
        """The value as it stands; `default` if the version has no such option."""
        if key in self.values:
            return self.values[key]
        if key in self.unknown:
            return self.unknown[key]
        if default is None:
            raise InputError(self._no_option(key))
        return default

    def flag(self, key: str, default: bool | None = None) -> bool:
        """Whether a Yes/No option is Yes; RELION takes anything else for No."""
        if default is not None and key not in self.values:
            return default
        return self.text(key) == "Yes"

    def number(self, key: str, default: float | None = None) -> float:
        """The value as a finite number."""
        if default is not None and key not in self.values:
            return default
        return parse_number(self.text(key), self._where(key))

    def integer(self, key: str, default: int | None = None) -> int:
        """The value as a whole number; 30.0 is one."""
        if default is not None and key not in self.values:
            return default
        number = self.number(key)
        if number != int(number):
            message = f"{self._where(key)}: {self.text(key)!r} is not a whole number"
            raise InputError(message)
        return int(number)

    def number_or_none(
        self, key: str, off_when: float | None = None, default: float | None = None
    ) -> float | None:
        """The number, or None if it means off or automatic or the field is empty.

        Off is `off_when` exactly if given, else what the option's own rule says
        (``off="<=0"``). `default` is for versions without the option.
        """
        if key not in self.values:
            return default
        if self.text(key).strip() == "":
            return None
        number = self.number(key)
        if off_when is not None:
            return None if number == off_when else number
        return None if self.option(key).is_off(number) else number

    def replace(self, key: str, value: str | float | bool) -> Job:
        """The same job with one value changed; True and False become Yes and No."""
        if isinstance(value, bool):
            value = "Yes" if value else "No"
        value = value if isinstance(value, str) else f"{value:.12g}"
        if "\n" in value or "\r" in value:
            message = f"{self._where(key)}: a value must be one line"
            raise InputError(message)
        if key in self.unknown or key.startswith("qsub_extra"):
            return replace(self, unknown={**self.unknown, key: value})
        option = self.option(key)
        if option.kind is Kind.YES_NO and value not in {"Yes", "No"}:
            value = _yes_or_no(value, self._where(key))
        if option.kind is Kind.CHOICE and value not in option.choices:
            choices = ", ".join(option.choices)
            message = f"{self._where(key)}: {value!r} is not one of {choices}"
            raise InputError(message)
        return replace(self, values={**self.values, key: value})

    def continued(self, is_continue: bool = True) -> Job:
        """The same job, to be continued or not."""
        return replace(self, is_continue=is_continue)

    def convert(self, version: str) -> Job:
        """The job in another version's form, meaning the same.

        Options that version lacks are kept aside; see `engine.jobs.migration`.
        """
        if version == self.version:
            return self
        stored = {**self.unknown, **self._stored()}
        found = migrate(self.type.key, stored, self.version, version)
        values, unknown = _sort_in(self.type, version, found)
        head = {k: v for k, v in self.head.items() if k != "rlnJobIsTomo"}
        return replace(self, version=version, values=values, unknown=unknown, head=head)


def parse_number(text: str, where: str) -> float:
    """The finite number that a text is, all of it; InputError says where."""
    stripped = text.strip()
    if stripped.startswith("$$"):
        message = f"{where}: {stripped} is a scheme variable; put a number there"
        raise InputError(message)
    if not stripped:
        message = f"{where} is empty; put a number there"
        raise InputError(message)
    try:
        number = float(stripped)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or "_" in stripped:
        message = f"{where}: {stripped!r} is not a number"
        raise InputError(message)
    return number


def _yes_or_no(value: str, where: str) -> str:
    lowered = value.strip().lower()
    if lowered in {"yes", "y", "true", "1", "on"}:
        return "Yes"
    if lowered in {"no", "n", "false", "0", "off"}:
        return "No"
    message = f"{where}: {value!r} is neither Yes nor No"
    raise InputError(message)


def _version_of(type_name: str, head: Block) -> str:
    if type_name.isdigit():
        return "3.1"
    for line in head.before:
        match = re.match(r"#\s*version\s+(\d+)", line)
        if match and int(match.group(1)) >= 50001:
            return "5.0"
    return "4.0"


def _sort_in(
    job_type: JobType, version: str, found: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Values of known options over the defaults, and the rest."""
    values = job_type.defaults(version)
    if ENGINE_KEY in values:
        values[ENGINE_KEY] = _ABSENT[ENGINE_KEY]
    unknown = {}
    options = job_type.all_options(version)
    for key, value in found.items():
        option = options.get(key)
        if option is None:
            unknown[key] = value
        elif option.kind is Kind.CHOICE and value not in option.choices:
            # early 3.1 wrote blanks as two underscores
            plain = value.replace("__", " ")
            values[key] = plain if plain in option.choices else value
        else:
            values[key] = value
    return values, unknown
