"""A type of job: its form in every version, and how its variants are told apart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

from engine.jobs.option import Option
from engine.jobs.running import running_options


@dataclass(frozen=True)
class Tab:
    """One tab of a form, in the order of the fields."""

    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class JobType:
    """What jobs of one kind have in common.

    Attributes
    ----------
    key : str
        "autopick": what the command line, modules and docs call it.
    folder : str
        "AutoPick": the folder of its jobs, and its name in RELION 3.1's commands.
    about : str
        What it is for, in a sentence or two.
    number : int
        RELION 3.1's number of it.
    label : str
        RELION 4.0's label without variant: "relion.autopick".
    options : tuple of Option
        All fields of all versions but those of the Running and cryodeck tabs.
    layout : mapping
        version -> text with a line "Tab: key key ..." for each tab; a line indented
        further goes on with the tab before it.
    has_mpi, has_threads : bool
        Whether the Running tab has these two.
    is_interactive : bool
        Never queued: a window of RELION, or done at once.
    variant : callable or None
        values -> suffix of the 4.0 label, ".log"; None if there are no variants.
    gui_name : str
        NAME in ``.gui_NAMEjob.star``.
    own_options : tuple of Option
        cryodeck's own fields beside those that all jobs have.
    engine_can : bool
        Whether cryodeck's engine has a program for it.
    engine_defaults : mapping
        Defaults that differ from RELION's when cryodeck's engine does the work,
        because another method serves better there.
    """

    key: str
    folder: str
    title: str
    number: int
    label: str
    about: str = ""
    options: tuple[Option, ...] = ()
    layout: Mapping[str, str] = field(default_factory=dict)
    has_mpi: bool = False
    has_threads: bool = False
    is_interactive: bool = False
    variant: Callable[[Mapping[str, str], str], str] | None = None
    gui_name: str = ""
    own_options: tuple[Option, ...] = ()
    site_options: tuple[Option, ...] = ()  # added or changed by the cluster's site
    engine_can: bool = False
    engine_defaults: Mapping[str, str] = field(default_factory=dict)

    @property
    def has_form(self) -> bool:
        """Whether the fields of this type are known here."""
        return bool(self.options)

    def tabs(self, version: str) -> tuple[Tab, ...]:
        """The tabs of the form, the Running and cryodeck tabs last.

        Fields that a version stores but shows nowhere are on no tab.
        """
        return _tabs(self, version)

    def all_options(self, version: str) -> dict[str, Option]:
        """Every option of a version by key, in the order of the form."""
        return _all_options(self, version)

    def option(self, key: str, version: str) -> Option | None:
        """The option of that key in a version; None if there is none."""
        return self.all_options(version).get(key)

    def defaults(self, version: str) -> dict[str, str]:
        """RELION's own default of every option."""
        return {key: o.default for key, o in self.all_options(version).items()}

    def type_label(self, values: Mapping[str, str], version: str) -> str:
        """The 4.0 label with the variant's suffix: "relion.autopick.log"."""
        if self.variant is None:
            return self.label
        return self.label + self.variant(values, version)


def _read_layout(layout: str) -> list[tuple[str, list[str]]]:
    tabs: list[tuple[str, list[str]]] = []
    for line in layout.splitlines():
        label, colon, keys = line.partition(": ")
        if colon:
            tabs.append((label.strip(), keys.split()))
        elif line.strip():
            tabs[-1][1].extend(line.split())
    return tabs


@cache
def _tabs(job_type: JobType, version: str) -> tuple[Tab, ...]:
    by_key = {o.key: o for o in job_type.options}
    tabs = []
    for label, keys in _read_layout(job_type.layout.get(version, "")):
        options = []
        for key in keys:
            option = by_key[key].at(version)
            if option is None:
                message = f"{job_type.key}: {key} is on a {version} tab but not in it"
                raise AssertionError(message)
            options.append(replace(option, tab=label))
        tabs.append(Tab(label, tuple(options)))
    for label, running in running_options(job_type, version):
        tabs.append(Tab(label, tuple(replace(o, tab=label) for o in running)))
    return tuple(tabs)


@cache
def _all_options(job_type: JobType, version: str) -> dict[str, Option]:
    found = {o.key: o for tab in _tabs(job_type, version) for o in tab.options}
    for option in job_type.options:
        at_version = option.at(version)
        if at_version is not None and option.key not in found:
            found[option.key] = at_version
    return found
