"""The `cryodeck` command: alone it opens the interface, else it does one command.

Which of the two it is gets decided before anything heavy is imported.
"""

from __future__ import annotations

import sys

_WITH_VALUE = {"--host", "--project"}
_ALONE = {"--read-only", "--last-seen"}


def main(arguments: list[str] | None = None) -> int:
    """Run cryodeck with the arguments of the shell; return its exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    if wants_interface(words):
        from tui.cli.interface import open_interface

        return open_interface(words)
    from tui.cli.main import main as obey

    return obey(words)


def wants_interface(words: list[str]) -> bool:
    """Whether these arguments name no command, so that the interface is meant."""
    rest = iter(words)
    for word in rest:
        if word in _WITH_VALUE:
            if next(rest, None) is None:
                return False
        elif word not in _ALONE and word.partition("=")[0] not in _WITH_VALUE:
            return False
    return True


if __name__ == "__main__":
    sys.exit(main())
