"""Commands about what lies around the jobs: journal, queues."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.cli.failure import DONE

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands

_SHOWN = 50


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    journal = commands.add(
        "journal",
        show_journal,
        "show the requests to clusters and what they cost",
        examples="  cryodeck journal -n 20\n  cryodeck journal --json",
    )
    journal.add_argument(
        "-n",
        "--lines",
        metavar="N",
        type=int,
        default=_SHOWN,
        help=f"the last so many requests ({_SHOWN})",
    )
    commands.add(
        "queues",
        show_queues,
        "show the scheduler's queues and their limits",
        examples="  cryodeck queues\n  cryodeck --host lab queues --json",
    )


def show_journal(invocation: Invocation) -> int:
    """Print the newest requests, the newest last."""
    from remote.journal import last_records
    from remote.places import state_home
    from tui.cli.formats import moment
    from tui.words import bytes_words

    path = state_home() / "journal.jsonl"
    records = last_records(path, max(1, invocation.lines))
    output = invocation.output
    output.result({"file": str(path), "requests": records})
    output.table(
        ("When", "Cluster", "Request", "Of", "ms", "Ended", "Came"),
        [
            (
                moment(float(one.get("t", 0))),
                str(one.get("cluster", "")),
                str(one.get("verb", "")),
                str(one.get("subject", "")),
                f"{float(one.get('ms', 0)):.0f}",
                str(one.get("outcome", "")),
                bytes_words(float(one.get("received", 0))),
            )
            for one in records
        ],
    )
    return DONE


async def show_queues(invocation: Invocation) -> int:
    """Print queues with their nodes and limits."""
    from dataclasses import asdict

    from engine.jobs.requests import clock

    workspace = await invocation.workspace()
    queues = await workspace.queues()
    output = invocation.output
    output.result({"queues": [asdict(queue) for queue in queues.values()]})
    output.table(
        (
            *("Queue", "Nodes", "Cores", "Free", "Largest node", "GPUs a node"),
            *("Longest", "Nodes a job"),
        ),
        [
            (
                queue.name + (" (default)" if queue.is_default else ""),
                str(queue.nodes),
                str(queue.cores),
                "?" if queue.cores_idle is None else str(queue.cores_idle),
                f"{queue.cores_per_node} cores"
                + (f", {queue.memory_mb / 1024:.0f} GiB" if queue.memory_mb else ""),
                "?" if queue.gpus_per_node is None else str(queue.gpus_per_node),
                "no limit" if queue.max_time_s is None else clock(queue.max_time_s),
                "any" if queue.max_nodes is None else str(queue.max_nodes),
            )
            for queue in queues.values()
        ],
    )
    if not queues:
        scheduler = workspace.cluster.scheduler
        output.line(f"the scheduler ({scheduler}) has told of no queues")
    return DONE
