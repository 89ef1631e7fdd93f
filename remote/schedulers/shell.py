"""No scheduler: a process group of its own on the host where the project is opened.

It survives log-out. The agent starts it, and knows it again by host, process number and
start time, so there is nothing to ask and nothing to parse here.
"""

from __future__ import annotations

from remote.schedulers.base import Listing, Query, Resources, SubmitCommand


class Shell:
    """The adapter of hosts without a scheduler."""

    name = "shell"
    submit_program = ""
    id_variable = "$"
    restart_variable = ""
    array_task = ""
    array_size = "0"

    def directives(self, wanted: Resources) -> list[str]:
        """None: nobody reads them."""
        return []

    def submit(self, wanted: Resources, script: str) -> SubmitCommand:
        """Bash, by the agent itself."""
        return SubmitCommand(
            argv=("/bin/bash", script), id_pattern=r"(?!)", uncertain=r"(?!)"
        )

    def queries(self) -> tuple[Query, ...]:
        """None."""
        return ()

    def parse(self, query: str, exit_status: int | None, out: str, err: str) -> Listing:
        """Nothing was asked."""
        return Listing(answered=False)

    def cancel_argv(self) -> tuple[str, ...]:
        """None: the agent ends the process group."""
        return ()
