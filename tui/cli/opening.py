"""The command that opens the interface at a view."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli.failure import CommandFailure

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the command of this group."""
    opening = commands.add(
        "open",
        open_view,
        "open the interface at a job, the job graph, a filtered list",
        about="Open the interface at a view. WORDS are those of its `:` line. There, "
        "`:link` copies the command that opens what you are looking at, to send to a "
        "colleague: it names the cluster, the project and the view, nothing secret.",
        examples="  cryodeck open job LoG pictures\n"
        "  cryodeck --host lab --project /data/betagal open jobs running\n"
        "  cryodeck open graph",
    )
    opening.add_argument("words", metavar="WORDS", nargs="*", help="a view")


def open_view(invocation: Invocation) -> int:
    """Open the interface, and obey the words as soon as the job list is there."""
    from tui.cli.interface import run_interface
    from tui.command_words import parse

    line = " ".join(invocation.words)
    order = parse(line)
    if order.error:
        raise CommandFailure(order.error)
    cluster = invocation.cluster()
    return run_interface(
        host=cluster.name,
        project=invocation.project_on(cluster),
        read_only=bool(invocation.read_only),
        offline=bool(invocation.last_seen),
        order=line,
    )
