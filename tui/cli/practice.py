"""Commands that practice: simulate, demo."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.demo import demo

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    simulate_parser = commands.add(
        "simulate",
        simulate,
        "write practice micrographs with known truth",
        about="Write simulated micrographs, micrographs_ctf.star and truth.star.\n"
        "Whatever stands after DIR goes to `python -m engine simulate`, which\n"
        "explains its options: cryodeck simulate DIR --help",
        examples="  cryodeck simulate practice\n"
        "  cryodeck simulate big --size full --seed 7",
    )
    simulate_parser.add_argument("folder", metavar="DIR", help="a new folder")
    simulate_parser.add_argument(
        "rest",
        nargs=argparse.REMAINDER,
        metavar="...",
        help="options of the simulation",
    )
    demo_parser = commands.add(
        "demo",
        demo,
        "make a practice project, pick particles in it, open it",
        about="Make a practice project of simulated micrographs, import them and pick\n"
        "their particles with the tutorial's values, as jobs like any other; then\n"
        "open it in the interface. An existing practice project is opened as it is.",
        examples="  cryodeck demo practice\n  cryodeck demo practice --headless\n"
        "  cryodeck demo practice --headless --tutorial\n"
        "  cryodeck demo practice --cluster",
    )
    demo_parser.add_argument(
        "folder", metavar="DIR", nargs="?", default="practice", help="default: practice"
    )
    demo_parser.add_argument(
        "--headless", action="store_true", help="print the results, open nothing"
    )
    demo_parser.add_argument(
        "--tutorial",
        action="store_true",
        help="go on through the tutorial's auto-picking chapter (about a minute)",
    )
    demo_parser.add_argument(
        "--cluster",
        action="store_true",
        dest="with_cluster",
        help="with a cluster `practice`, whose simulated scheduler has jobs fail on "
        "purpose: out of memory, out of time, node failure",
    )


def simulate(invocation: Invocation) -> int:
    """Write practice data with the engine's simulation."""
    import asyncio

    rest = [word for word in invocation.rest if word != "--"]
    return asyncio.run(run_simulation(Path(invocation.folder), rest, quiet=False))


async def run_simulation(folder: Path, options: list[str], *, quiet: bool) -> int:
    """Run the engine's simulation to its end; Ctrl-C ends it."""
    import asyncio

    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "engine", "simulate", str(folder), *options),
        stdout=asyncio.subprocess.DEVNULL if quiet else None,
    )
    try:
        return await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        await process.wait()
        raise
