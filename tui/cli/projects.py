"""The command that makes projects: init."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli.failure import DONE, CommandFailure

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the command of this group."""
    init = commands.add(
        "init",
        make_project,
        "make a folder a RELION project",
        changes=True,
        about="Make a folder a RELION project, with the layout of the RELION that the "
        "host has. A folder that is a project stays as it is.",
        examples="  cryodeck init\n  cryodeck --host lab --project /data/betagal init",
    )
    init.add_argument(
        "--relion",
        metavar="VERSION",
        default="",
        help="the layout: 3.1, 4.0 or 5.0 (default: that of the host's RELION, 4.0 "
        "where there is none)",
    )


async def make_project(invocation: Invocation) -> int:
    """Make the project that is meant, on whatever host."""
    from engine.jobs.option import VERSIONS

    version = invocation.relion
    if version and version not in VERSIONS:
        message = f"--relion {version}: one of {', '.join(VERSIONS)}"
        raise CommandFailure(message)
    workspace = await invocation.workspace(is_new=True)
    made = await workspace.begin_project(version)
    invocation.output.line(made.words)
    invocation.output.result(
        {
            "project": made.path,
            "version": made.version,
            "reason": made.why,
            "is_new": made.is_new,
        }
    )
    return DONE
