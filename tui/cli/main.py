"""From arguments to an exit code: parse, obey, and say in one line what went wrong."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tui.cli.failure import (
    BAD_INPUT,
    DONE,
    INTERRUPTED,
    CommandFailure,
    exit_code_of,
)
from tui.cli.output import Output
from tui.cli.parser import build_parser

if TYPE_CHECKING:
    import argparse


def main(words: list[str]) -> int:
    """Obey one command line; return its exit code."""
    output = Output(as_json="--json" in words)
    try:
        if "--version" in words:
            return _say_version(output)
        parser, _ = build_parser()
        return _obey(parser.parse_args(words), output)
    except CommandFailure as failure:
        output.error(str(failure), failure.exit_code)
        return failure.exit_code
    except KeyboardInterrupt:
        output.clear_status()
        return INTERRUPTED
    except BrokenPipeError:
        _close_quietly()
        return DONE
    except Exception as error:
        code = exit_code_of(error)
        if code is None:
            raise
        output.error(str(error) or type(error).__name__, code)
        return code


def _obey(arguments: argparse.Namespace, output: Output) -> int:
    from tui.cli.invocation import Invocation

    if arguments.changes and arguments.read_only:
        message = f"{arguments.command} changes the project, and --read-only forbids it"
        raise CommandFailure(message, BAD_INPUT)
    if arguments.changes and arguments.last_seen:
        message = f"{arguments.command} changes the project: not with --last-seen"
        raise CommandFailure(message, BAD_INPUT)
    invocation = Invocation(arguments, output)
    answer = arguments.action(invocation)
    if not isinstance(answer, int):
        import asyncio

        answer = asyncio.run(invocation.closing(answer))
    sys.stdout.flush()
    return int(answer)


def _say_version(output: Output) -> int:
    from importlib.metadata import version

    output.line(f"cryodeck {version('cryodeck')}")
    output.result({"version": version("cryodeck")})
    return DONE


def _close_quietly() -> None:
    """Let the interpreter end without a complaint about the reader that went away."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
