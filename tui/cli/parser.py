"""The words of the command line: one parser, filled by one module per group."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, NoReturn

from tui.cli.failure import CommandFailure

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation

Action = Callable[["Invocation"], "int | Awaitable[int]"]

DESCRIPTION = """\
A terminal for cryo-EM work on clusters that can only be reached by SSH.

Without a command, cryodeck opens its terminal interface. Every command does
one thing of what the interface can do, so that scripts can do it too."""

EPILOG = """\
JOB is a number (6), a name (AutoPick/job006) or an alias (LoG, AutoPick/LoG).
TYPE is a job type: import, ctffind, manualpick, autopick, extract,
class2d, select.
KEY is an option's name in RELION's job.star; `cryodeck forms TYPE` lists them.

environment:
  CRYODECK_HOST, CRYODECK_PROJECT   stand in for --host and --project
  NO_COLOR                          no colors

exit codes:
  0 done   1 failed   2 bad input   3 aborted   4 no contact   130 Ctrl-C

examples:
  cryodeck demo practice
  cryodeck --host bigcluster --project /data/betagal jobs
  cryodeck new autopick --from LoG --alias fewer --set log_adjust_thr=0.5 --run --wait
  cryodeck stats fewer --json"""


class Parser(argparse.ArgumentParser):
    """An argument parser whose complaints are one line, like every other error."""

    def error(self, message: str) -> NoReturn:
        """Complain in one line that says where help is."""
        message = f"{message}; see {self.prog} --help"
        raise CommandFailure(message)


class Commands:
    """The commands of the command line, in the order of the help."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._parser = parser
        self._subparsers = parser.add_subparsers(
            title="commands",
            metavar="COMMAND",
            required=True,
            parser_class=Parser,
            prog=parser.prog,
        )
        self.by_name: dict[str, argparse.ArgumentParser] = {}

    def add(
        self,
        name: str,
        action: Action,
        help_line: str,
        *,
        about: str = "",
        examples: str = "",
        changes: bool = False,
    ) -> argparse.ArgumentParser:
        """Add one command; `changes` says that --read-only forbids it."""
        command: argparse.ArgumentParser = self._subparsers.add_parser(
            name,
            help=help_line,
            description=about or help_line[0].upper() + help_line[1:] + ".",
            epilog=f"examples:\n{examples}" if examples else None,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        add_global_options(command, default=argparse.SUPPRESS)
        command.set_defaults(action=action, command=name, changes=changes)
        self.by_name[name] = command
        return command


def add_global_options(parser: argparse.ArgumentParser, *, default: Any) -> None:
    """Add what every command understands, before or after its name."""
    group = parser.add_argument_group("everywhere")
    group.add_argument(
        "--host",
        metavar="NAME",
        default=default,
        help="the cluster, a name of `cryodeck hosts`; default: local, this machine",
    )
    group.add_argument(
        "--project",
        metavar="DIR",
        default=default,
        help="the RELION project; default: the folder here or one above it, on a "
        "cluster the project opened last",
    )
    group.add_argument(
        "--read-only",
        action="store_true",
        default=default or False,
        help="change nothing",
    )
    group.add_argument(
        "--last-seen",
        action="store_true",
        default=default or False,
        help="don't connect: answer from what was last seen, and say when that was",
    )
    group.add_argument(
        "--json",
        action="store_true",
        default=default or False,
        help="answer with one JSON document",
    )


def add_job(parser: argparse.ArgumentParser, *, several: bool = False) -> None:
    """Add the job that a command is about."""
    if several:
        parser.add_argument("job", metavar="JOB", nargs="+", help="jobs")
    else:
        parser.add_argument("job", metavar="JOB", help="number, name or alias")


def add_order(parser: argparse.ArgumentParser) -> None:
    """Add --iteration and --sort of class averages."""
    from tui.tile_orders import ORDERS

    parser.add_argument(
        "--iteration", metavar="N", type=int, help="of a classification; or the newest"
    )
    parser.add_argument(
        "--sort",
        choices=[one.key.partition("_")[0] for one in ORDERS],
        default="distribution",
        help="order of class averages; the best first",
    )


def build_parser() -> tuple[Parser, Commands]:
    """Return the parser with all commands, and the commands by name."""
    from tui.cli import (
        by_hand,
        classes,
        clusters,
        completion,
        control,
        drafting,
        following,
        form_pages,
        graphing,
        hunting,
        installing,
        listing,
        manual,
        mending,
        notebook,
        opening,
        particles,
        practice,
        projects,
        records,
        results,
        selecting,
        settings,
    )

    parser = Parser(
        prog="cryodeck",
        usage="cryodeck [--host NAME] [--project DIR] [--read-only] [--last-seen] "
        "[--json] COMMAND ...",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    add_global_options(parser, default=None)
    commands = Commands(parser)
    for group in (
        clusters,
        installing,
        projects,
        listing,
        following,
        results,
        classes,
        particles,
        graphing,
        hunting,
        records,
        notebook,
        form_pages,
        drafting,
        control,
        selecting,
        by_hand,
        mending,
        opening,
        practice,
        settings,
        manual,
    ):
        group.add_commands(commands)
    completion.add_commands(commands)
    return parser, commands
