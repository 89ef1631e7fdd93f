"""Shell completion: three short scripts that ask `cryodeck completion words`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from tui.cli.failure import DONE

if TYPE_CHECKING:
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands

_SCRIPTS = {
    "bash": """\
# cryodeck's completion for bash:  eval "$(cryodeck completion bash)"
_cryodeck() {
    local IFS=$'\\n'
    COMPREPLY=($(cryodeck completion words -- "${COMP_WORDS[@]:1:COMP_CWORD}" \\
        2>/dev/null </dev/null))
    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -o default -F _cryodeck cryodeck
""",
    "zsh": """\
#compdef cryodeck
# cryodeck's completion for zsh:  eval "$(cryodeck completion zsh)"
_cryodeck() {
    local -a found
    found=("${(@f)$(cryodeck completion words -- "${(@)words[2,$CURRENT]}" \\
        2>/dev/null </dev/null)}")
    found=(${found:#})
    (( $#found )) && compadd -- $found || _files
}
compdef _cryodeck cryodeck
""",
    "fish": """\
# cryodeck's completion for fish:  cryodeck completion fish | source
complete -c cryodeck -a '(cryodeck completion words -- (commandline -opc)[2..] \\
    (commandline -ct) 2>/dev/null </dev/null)'
""",
}


def add_commands(commands: Commands) -> None:
    """Add the command of this group."""
    completion = commands.add(
        "completion",
        complete,
        "print the completion script of a shell",
        examples='  eval "$(cryodeck completion bash)"',
    )
    completion.add_argument(
        "shell", choices=(*_SCRIPTS, "words"), metavar="bash|zsh|fish", help="the shell"
    )
    completion.add_argument("words", nargs="*", help=argparse.SUPPRESS)


async def complete(invocation: Invocation) -> int:
    """Print a shell's script, or what may stand at the end of some words."""
    if invocation.shell != "words":
        invocation.output.block(_SCRIPTS[invocation.shell])
        invocation.output.result({"script": _SCRIPTS[invocation.shell]})
        return DONE
    words = list(invocation.words) or [""]
    found = await _candidates(invocation, words[:-1])
    typed = words[-1]
    fitting = [w for w in found if w.startswith(typed) and not _needs_quotes(w)]
    for word in sorted(set(fitting)):
        invocation.output.line(word)
    invocation.output.result(sorted(set(fitting)))
    return DONE


def _needs_quotes(word: str) -> bool:
    return any(letter.isspace() or letter in "'\"\\$`;&|<>()" for letter in word)


async def _candidates(invocation: Invocation, before: list[str]) -> list[str]:
    from tui.cli.parser import build_parser

    parser, commands = build_parser()
    command: argparse.ArgumentParser = parser
    place = 0
    awaiting: argparse.Action | None = None
    given: dict[str, str] = {}
    for word in before:
        if awaiting is not None:
            given[awaiting.dest], awaiting = word, None
        elif word.startswith("-"):
            option = command._option_string_actions.get(word)
            awaiting = option if option is not None and option.nargs is None else None
        elif command is parser:
            command = commands.by_name.get(word, parser)
        else:
            positional = _positional(command, place)
            if positional is not None:
                given[positional.dest] = word
            place += 1
    if awaiting is not None:
        return await _values_of(invocation, awaiting, given)
    found = list(command._option_string_actions)
    if command is parser:
        return found + list(commands.by_name)
    positional = _positional(command, place)
    if positional is not None:
        found += await _values_of(invocation, positional, given)
    return found


def _positional(command: argparse.ArgumentParser, place: int) -> argparse.Action | None:
    positionals = command._get_positional_actions()
    if place < len(positionals):
        return positionals[place]
    if positionals and positionals[-1].nargs in {"+", "*"}:
        return positionals[-1]
    return None


async def _values_of(
    invocation: Invocation, action: argparse.Action, given: dict[str, str]
) -> list[str]:
    from engine.jobs import registry

    if action.choices is not None:
        return [str(choice) for choice in action.choices]
    if action.dest == "type":
        return list(registry.FORMS)
    if action.dest in {"job", "source", "other"}:
        return await _job_names(invocation, given)
    if action.dest in {"host", "cluster_name"}:
        from remote.cluster import load_all

        return [cluster.name for cluster in load_all()]
    if action.dest == "settings" and "type" in given:
        options = registry.find(given["type"]).all_options("5.0")
        return [f"{key}=" for key in options]
    return []


async def _job_names(invocation: Invocation, given: dict[str, str]) -> list[str]:
    from tui.cli.listing import alias_of

    for key in ("host", "project"):
        if key in given:
            setattr(invocation.arguments, key, given[key])
    if invocation.cluster().session != "local":
        return []  # a Tab must not wait for a network
    overview = await (await invocation.workspace()).overview(ask_scheduler=False)
    names = [job.name for job in overview.jobs]
    return names + [alias_of(job) for job in overview.jobs if job.alias]
