"""The adapters there are, by the names that profiles use."""

from remote.errors import BadRequestError
from remote.schedulers.base import Scheduler
from remote.schedulers.lsf import Lsf
from remote.schedulers.pbs import Pbs
from remote.schedulers.sge import Sge
from remote.schedulers.shell import Shell
from remote.schedulers.slurm import Slurm

_KNOWN: dict[str, type[Scheduler]] = {
    "slurm": Slurm,
    "pbs": Pbs,
    "sge": Sge,
    "lsf": Lsf,
    "shell": Shell,
}


def scheduler(name: str) -> Scheduler:
    """Adapter of a scheduler by its name in a profile."""
    kind = _KNOWN.get(name)
    if kind is None:
        message = f"no scheduler named {name!r}; there are: {', '.join(_KNOWN)}"
        raise BadRequestError(message)
    return kind()
