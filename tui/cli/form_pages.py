"""The job forms as pages to read: the types, their options, one option's help."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, CommandFailure

if TYPE_CHECKING:
    from engine.jobs.job_type import JobType
    from engine.jobs.option import Option
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands

NEW_PROJECTS = "4.0"  # the layout of projects that cryodeck makes


def add_commands(commands: Commands) -> None:
    """Add the command of this group."""
    forms = commands.add(
        "forms",
        show_form,
        "list the job types, or the options of one with help",
        examples="  cryodeck forms\n  cryodeck forms autopick\n"
        "  cryodeck forms autopick log_diam_min",
    )
    forms.add_argument("type", metavar="TYPE", nargs="?", help="the job type")
    forms.add_argument("key", metavar="KEY", nargs="?", help="one option of it")
    forms.add_argument(
        "--relion", metavar="VERSION", default="", help="form of 3.1, 4.0 or 5.0"
    )


def job_type_of(word: str) -> JobType:
    """Return the job type that a word means; the nearest ones are named if none is."""
    from difflib import get_close_matches

    from engine.jobs import registry

    for name in (word, word.lower()):
        found = registry.find(name)
        if found.has_form:
            return found
    keys = list(registry.FORMS)
    near = get_close_matches(word.lower(), keys, n=2, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"one of {', '.join(keys)}"
    message = f"{word}: no such job type; {hint}"
    raise CommandFailure(message)


def unknown_key(word: str, job_type: JobType, options: dict[str, Option]) -> str:
    """Return the complaint about an unknown option: the nearest, with their labels."""
    from difflib import SequenceMatcher

    def likeness(option: Option) -> float:
        return max(
            SequenceMatcher(None, word.casefold(), name.casefold()).ratio()
            for name in (option.key, option.title)
        )

    near = sorted(options.values(), key=likeness, reverse=True)[:3]
    names = "; ".join(f"{option.key} ({option.title})" for option in near)
    return f"{job_type.key} has no option {word}; the nearest are {names}"


def show_form(invocation: Invocation) -> int:
    """List job types, the options of one, or everything about one option."""
    from engine.jobs import registry
    from engine.jobs.option import VERSIONS

    version = invocation.relion or NEW_PROJECTS
    if version not in VERSIONS:
        message = f"--relion {version}: one of {', '.join(VERSIONS)}"
        raise CommandFailure(message)
    output = invocation.output
    if not invocation.type:
        types = registry.form_types()
        output.result(
            [{"type": t.key, "folder": t.folder, "title": t.title} for t in types]
        )
        output.table(
            ("TYPE", "Folder", "Title"), [(t.key, t.folder, t.title) for t in types]
        )
        return DONE
    job_type = job_type_of(invocation.type)
    if invocation.key:
        options = job_type.all_options(version)
        if invocation.key not in options:
            raise CommandFailure(unknown_key(invocation.key, job_type, options))
        _print_option(invocation, options[invocation.key])
        return DONE
    tabs = job_type.tabs(version)
    output.result(
        {
            "type": job_type.key,
            "version": version,
            "tabs": [
                {"label": t.label, "options": [option_record(o) for o in t.options]}
                for t in tabs
            ],
        }
    )
    for tab in tabs:
        output.line(tab.label, "bold")
        output.table(
            ("KEY", "Default", "Label"),
            [("  " + o.key, o.default or "(empty)", _label(o)) for o in tab.options],
        )
        output.line()
    output.line(f"cryodeck forms {job_type.key} KEY explains one of them")
    return DONE


def _label(option: Option) -> str:
    unit = (
        f" [{option.unit}]" if option.unit and option.unit not in option.title else ""
    )
    return option.title + unit


def option_record(option: Option) -> dict[str, Any]:
    """Return an option as JSON shows it."""
    return {
        "key": option.key,
        "label": option.title,
        "kind": option.kind.value,
        "default": option.default,
        "unit": option.unit,
        "choices": list(option.choices),
        "active_if": [list(pair) for pair in option.active_if],
        "help": option.help,
    }


def _print_option(invocation: Invocation, option: Option) -> None:
    from textwrap import fill

    output = invocation.output
    output.result(option_record(option))
    output.line(f"{option.key}: {_label(option)}", "bold")
    output.line(f"{option.kind.value}, default {option.default or '(empty)'}")
    if option.choices:
        output.line("one of: " + "; ".join(option.choices))
    if option.off:
        output.line(f"{option.off_means or 'off'} if {option.off[:2]} {option.off[2:]}")
    if option.active_if:
        needs = " and ".join(f"{key} = {value}" for key, value in option.active_if)
        output.line(f"counts only if {needs}")
    if option.help:
        output.line()
        output.block(fill(option.help, 79) + "\n")
