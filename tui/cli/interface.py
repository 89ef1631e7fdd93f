"""From the command line into the terminal interface."""

from __future__ import annotations

import os
import sys

from tui.cli.failure import BAD_INPUT, FAILED, CommandFailure


def open_interface(words: list[str]) -> int:
    """Open the interface that the global options of a command line ask for."""
    from tui.cli.invocation import project_here
    from tui.cli.parser import Parser, add_global_options

    parser = Parser(prog="cryodeck", add_help=False)
    add_global_options(parser, default=None)
    try:
        arguments = parser.parse_args(words)
        host = arguments.host or os.environ.get("CRYODECK_HOST", "")
        project = arguments.project or os.environ.get("CRYODECK_PROJECT", "")
        if not project and _is_here(host):  # as RELION's window opens where it is
            project = str(project_here() or "")
        return run_interface(
            host=host,
            project=project,
            read_only=bool(arguments.read_only),
            offline=bool(arguments.last_seen),
        )
    except CommandFailure as failure:
        sys.stderr.write(f"cryodeck: {failure}\n")
        return failure.exit_code


def _is_here(host: str) -> bool:
    """Whether a cluster is this machine; what is wrong with a profile is said later."""
    from remote.cluster import load
    from remote.errors import RemoteError

    try:
        return not host or load(host).session == "local"
    except RemoteError:
        return False


def run_interface(
    *,
    host: str = "",
    project: str = "",
    read_only: bool = False,
    offline: bool = False,
    order: str = "",
) -> int:
    """Open the interface; say in one line what is missing if it cannot open."""
    require_terminal()
    try:
        from tui.starting import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"textual", "rich"}:
            raise
        message = "the interface needs textual: pip install 'cryodeck[tui]'"
        raise CommandFailure(message, FAILED) from None
    from remote.errors import BadRequestError

    try:
        status = run(
            host=host,
            project=project,
            read_only=read_only,
            offline=offline,
            order=order,
        )
    except BadRequestError as error:  # a mistake in settings.toml
        raise CommandFailure(str(error), BAD_INPUT) from error
    return int(status or 0)


def require_terminal() -> None:
    """Refuse to go on without a terminal to draw on."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        message = "the interface needs a terminal; `cryodeck --help` lists commands"
        raise CommandFailure(message, BAD_INPUT)
    if os.environ.get("TERM", "dumb") in {"dumb", "unknown", ""}:
        message = (
            "the interface needs a terminal that can move its cursor, and TERM says "
            "that this one cannot; `cryodeck --help` lists commands"
        )
        raise CommandFailure(message, BAD_INPUT)
