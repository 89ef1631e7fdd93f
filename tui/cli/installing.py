"""The command `install`: the engine put on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tui.cli.failure import DONE, CommandFailure

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the command."""
    install = commands.add(
        "install",
        install_engine,
        "install cryodeck's engine on a cluster, where the jobs run",
        changes=True,
        about="Pack this very program, bring it over, install it there in a virtual\n"
        "environment of its own beside any earlier one, try it, switch to it, and\n"
        "write the engine's command into the profile. The profile's setup lines\n"
        "(module load ...) come first, as in a job.",
        examples="  cryodeck install lab\n"
        "  cryodeck install lab --python /opt/python3.12/bin/python3 --to /data/deck\n"
        "  cryodeck install lab --offline        # no internet there: wheels from here",
    )
    install.add_argument("cluster_name", metavar="HOST", help="the cluster")
    install.add_argument("--python", default="", metavar="P", help="the Python there")
    install.add_argument(
        "--to", default="", metavar="DIR", help="the folder there [~/.local/share/...]"
    )
    install.add_argument(
        "--extras",
        default="engine,mpi",
        metavar="LIST",
        help="parts: engine, mpi, gpu [engine,mpi]",
    )
    source = install.add_mutually_exclusive_group()
    source.add_argument(
        "--offline",
        action="store_true",
        help="fetch the wheels here, for a cluster without internet",
    )
    source.add_argument(
        "--wheelhouse", metavar="DIR", type=Path, help="bring the wheels of this folder"
    )


async def install_engine(invocation: Invocation) -> int:
    """Install, say what was found, and keep the profile."""
    from remote import cluster as profiles
    from remote.install import PREFIX, Wish, install

    house = invocation.wheelhouse
    if house is not None and not house.is_dir():
        message = f"--wheelhouse {house}: no such folder"
        raise CommandFailure(message)
    wish = Wish(
        prefix=invocation.to or PREFIX,
        python=invocation.python,
        extras=tuple(word for word in invocation.extras.split(",") if word.strip()),
        wheelhouse=house,
        offline=invocation.offline,
    )
    output = invocation.output
    cluster = invocation.cluster(invocation.cluster_name)
    output.status(f"connecting to {cluster.name} ...")
    workspace = await invocation.open(cluster, "~")
    done = await install(workspace, wish, output.status)
    path = profiles.save(done.cluster)
    output.clear_status()
    output.result(
        {
            "host": cluster.name,
            "engine": done.cluster.engine,
            "folder": done.folder,
            "version": done.said,
            "python": done.python,
            "mpi": done.mpi,
            "mpi_works": done.mpi_works,
            "took_s": round(done.took_s, 1),
        }
    )
    output.line(f"{done.said} in {done.folder}, by {done.python}")
    if done.mpi_works:
        output.line(f"MPI: {done.mpi}" if done.mpi else "MPI: not asked for")
    else:
        output.warning(
            f"MPI: {done.mpi}; jobs of one process work. Give the right setup lines "
            "or mpirun in the profile"
        )
    output.line(f"{cluster.name}: engine = {done.cluster.engine}, written to {path}")
    return DONE
