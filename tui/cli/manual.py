"""Manual pages, made from the parser: to read here, or as files for `man`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from remote.places import at_home
from tui.cli.failure import DONE, CommandFailure

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands

EXIT_CODES = (
    ("0", "done; of `wait`, `--wait` and `log -f`: the job succeeded"),
    ("1", "failed, or the job failed"),
    ("2", "bad input: nothing was done"),
    ("3", "the job was aborted"),
    ("4", "no contact with the cluster"),
    ("130", "ended by Ctrl-C"),
)
ENVIRONMENT = (
    ("CRYODECK_HOST", "the cluster, in place of --host"),
    ("CRYODECK_PROJECT", "the project, in place of --project"),
    ("CRYODECK_PICTURES", "kitty, sixel, blocks or ascii: how pictures are drawn"),
    ("CRYODECK_CONFIG_HOME", "folder of settings; else ~/.config/cryodeck"),
    ("CRYODECK_STATE_HOME", "folder of the journal; else ~/.local/state/cryodeck"),
    ("CRYODECK_CACHE_HOME", "folder of what may be deleted; else ~/.cache/cryodeck"),
    ("CRYODECK_SITE", "the site's settings; else /etc/cryodeck/settings.toml"),
    ("NO_COLOR", "no colors if set"),
    ("EDITOR, VISUAL", "the editor of `edit` and of a form's text"),
    ("RELION_*", "the site's defaults of the Running tab, as RELION reads them"),
)
FILES = (
    ("~/.config/cryodeck/clusters/NAME.toml", "the profile of a cluster"),
    ("~/.config/cryodeck/settings.toml", "keys, theme and habits of the interface"),
    (
        "~/.local/state/cryodeck/journal.jsonl",
        "every request to a cluster",
    ),
    ("~/.cache/cryodeck/last-known/", "projects as last seen, for --last-seen"),
    ("JOB/.cryodeck/", "what was submitted for a job, and how its script ended"),
)


class Section(NamedTuple):
    """A heading, paragraphs as they are, and (term, words) pairs below them."""

    title: str
    text: str = ""
    items: tuple[tuple[str, str], ...] = ()


class Page(NamedTuple):
    """One manual page."""

    name: str  # "cryodeck" or "cryodeck-new"
    line: str  # what it is, in one line
    sections: tuple[Section, ...]


def add_commands(commands: Commands) -> None:
    """Add the command of this group."""
    manual = commands.add(
        "help",
        show_help,
        "read the manual: all of it, one command, a job type or the keys",
        about="Show a page of the manual. TOPIC is a command, a job type (its form\n"
        "with the help of every option) or `keys`. With --man DIR all pages are\n"
        "written to DIR/man1 for man(1) instead.",
        examples="  cryodeck help\n  cryodeck help new\n  cryodeck help autopick\n"
        "  cryodeck help --man ~/.local/share/man && man cryodeck-new",
    )
    manual.add_argument("topic", metavar="TOPIC", nargs="?", help="what to read about")
    manual.add_argument("--man", metavar="DIR", help="write all pages for man(1)")


def show_help(invocation: Invocation) -> int:
    """Show a page, or write them all."""
    pages = {page.name: page for page in all_pages()}
    if invocation.man or invocation.topic == "keys":
        pages["cryodeck-keys"] = _keys_page()
    if invocation.man:
        written = write_pages(at_home(invocation.man), list(pages.values()))
        invocation.output.result({"written": [str(path) for path in written]})
        for path in written:
            invocation.output.line(str(path))
        return DONE
    topic = invocation.topic or ""
    name = f"cryodeck-{topic}" if topic else "cryodeck"
    if name not in pages:
        from difflib import get_close_matches

        topics = [*(n.partition("-")[2] for n in pages if "-" in n), "keys"]
        near = get_close_matches(topic, topics, n=2)
        hint = f"did you mean {' or '.join(near)}?" if near else ", ".join(topics)
        message = f"{topic}: no such page; {hint}"
        raise CommandFailure(message)
    page = pages[name]
    invocation.output.result(
        {
            "name": page.name,
            "line": page.line,
            "sections": [
                {"title": s.title, "text": s.text, "items": [list(i) for i in s.items]}
                for s in page.sections
            ],
        }
    )
    if not invocation.output.as_json:
        _show(as_text(page), invocation)
    return DONE


def _show(text: str, invocation: Invocation) -> None:
    if invocation.output.is_terminal and sys.stdin.isatty():
        import pydoc

        pydoc.pager(text)
    else:
        invocation.output.block(text)


def all_pages() -> Iterator[Page]:
    """The page of all, then one of each command and of each job type."""
    from tui.cli.parser import DESCRIPTION, build_parser

    parser, commands = build_parser()
    listed = tuple((name, _help_of(parser, name)) for name in sorted(commands.by_name))
    yield Page(
        "cryodeck",
        "a terminal for cryo-EM work on clusters reached by SSH",
        (
            Section("SYNOPSIS", "cryodeck [OPTION]... [COMMAND ...]"),
            Section("DESCRIPTION", DESCRIPTION),
            Section("OPTIONS", items=tuple(_options(parser))),
            Section("COMMANDS", items=listed),
            Section("WORDS", _words(parser)),
            Section("EXIT STATUS", items=EXIT_CODES),
            Section("ENVIRONMENT", items=ENVIRONMENT),
            Section("FILES", items=FILES),
            Section("EXAMPLES", _examples(parser)),
        ),
    )
    for name, command in commands.by_name.items():
        yield _command_page(name, command, _help_of(parser, name))
    yield from _form_pages()


def _help_of(parser: argparse.ArgumentParser, name: str) -> str:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                if choice.dest == name:
                    return choice.help or ""
    return ""


def _command_page(name: str, command: argparse.ArgumentParser, line: str) -> Page:
    sections = [
        Section("SYNOPSIS", " ".join(command.format_usage().split()[1:])),
        Section("DESCRIPTION", command.description or ""),
    ]
    words = tuple(
        (str(a.metavar or a.dest), a.help or "")
        for a in command._get_positional_actions()
        if a.help != argparse.SUPPRESS
    )
    if words:
        sections.append(Section("ARGUMENTS", items=words))
    sections.append(Section("OPTIONS", items=tuple(_options(command))))
    sections.append(Section("EXIT STATUS", items=EXIT_CODES))
    if _examples(command):
        sections.append(Section("EXAMPLES", _examples(command)))
    sections.append(Section("SEE ALSO", "cryodeck(1)"))
    return Page(f"cryodeck-{name}", line, tuple(sections))


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    for action in parser._get_optional_actions():
        if action.help == argparse.SUPPRESS:
            continue
        value = ""
        if action.nargs != 0:
            value = f" {action.metavar or action.dest.upper()}"
        names = ", ".join(name + value for name in action.option_strings)
        yield names, (action.help or "").replace("%(default)s", str(action.default))


def _epilog(parser: argparse.ArgumentParser) -> tuple[str, str]:
    before, _, examples = (parser.epilog or "").partition("examples:\n")
    return before.strip("\n"), examples.rstrip()


def _examples(parser: argparse.ArgumentParser) -> str:
    return _epilog(parser)[1]


def _words(parser: argparse.ArgumentParser) -> str:
    return _epilog(parser)[0].partition("environment:")[0].strip()


def _form_pages() -> Iterator[Page]:
    from engine.jobs import registry
    from tui.cli.form_pages import NEW_PROJECTS

    for job_type in registry.form_types():
        sections = [
            Section(
                "SYNOPSIS",
                f"cryodeck new {job_type.key} [--set KEY=VALUE]... [--run] [--wait]",
            ),
            Section("DESCRIPTION", f"{job_type.about}"),
        ]
        for tab in job_type.tabs(NEW_PROJECTS):
            items = []
            for option in tab.options:
                facts = f"{option.title}. {option.help}".replace("..", ".")
                default = option.default or "empty"
                items.append((option.key, f"{facts} Default: {default}."))
            sections.append(Section(f"{tab.label} TAB".upper(), items=tuple(items)))
        sections.append(Section("SEE ALSO", "cryodeck-new(1), cryodeck-forms(1)"))
        yield Page(
            f"cryodeck-{job_type.key}",
            f"the form of {job_type.title} jobs",
            tuple(sections),
        )


def _keys_page() -> Page:
    about = (
        "Keys of every view. `?` shows those of the view one is in; names in brackets "
        "are what `[keys]` in settings.toml calls an action: [keys], then lines like "
        '"jobs.watch" = "V".'
    )
    sections = [Section("DESCRIPTION", about)]
    try:
        from tui.keys import keys_by_view

        sections += [
            Section(view.upper(), items=tuple(keys)) for view, keys in keys_by_view()
        ]
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"textual", "rich"}:
            raise
        sections.append(Section("NOTE", "The interface is not installed here."))
    return Page("cryodeck-keys", "keys of the interface", tuple(sections))


# as text, as roff


def as_text(page: Page, width: int = 78) -> str:
    """The page for a terminal, as `man` would show it."""
    import textwrap

    name = textwrap.wrap(
        f"{page.name} - {page.line}",
        width,
        initial_indent="    ",
        subsequent_indent="        ",
        break_on_hyphens=False,
    )
    lines = ["NAME", *name, ""]
    for section in page.sections:
        lines.append(section.title)
        for part in section.text.split("\n"):
            wrapped = textwrap.wrap(
                part,
                width,
                initial_indent="    ",
                subsequent_indent="    ",
                break_on_hyphens=False,
                break_long_words=False,
            )
            lines += ["    " + part] if part.startswith(" ") else wrapped or [""]
        if section.text and section.items:
            lines.append("")
        for term, words in section.items:
            lines.append(f"    {term}")
            lines += textwrap.wrap(
                words, width, initial_indent=" " * 8, subsequent_indent=" " * 8
            )
        lines.append("")
    return "\n".join(lines)


def as_roff(page: Page) -> str:
    """The page for man(1)."""
    from importlib.metadata import version

    title = page.name.upper()
    lines = [
        f'.TH "{title}" "1" "" "cryodeck {version("cryodeck")}" "cryodeck"',
        ".SH NAME",
        f"{_escaped(page.name)} \\- {_escaped(page.line)}",
    ]
    for section in page.sections:
        lines.append(f".SH {_escaped(section.title)}")
        verbatim = section.title in {"EXAMPLES"} or "\n" in section.text
        if section.text:
            lines += [".nf"] if verbatim else []
            lines += [_escaped(line) for line in section.text.split("\n")]
            lines += [".fi"] if verbatim else []
        for term, words in section.items:
            lines += [".TP", f".B {_escaped(term)}"]
            lines += [_escaped(line) for line in words.split("\n") if line.strip()]
    return "\n".join(lines) + "\n"


def _escaped(text: str) -> str:
    text = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    return f"\\&{text}" if text[:1] in {".", "'"} else text


def write_pages(folder: Path, pages: list[Page]) -> list[Path]:
    """Write all pages into FOLDER/man1."""
    place = folder / "man1"
    place.mkdir(parents=True, exist_ok=True)
    written = []
    for page in pages:
        path = place / f"{page.name}.1"
        path.write_text(as_roff(page), encoding="utf-8")
        written.append(path)
    return written
