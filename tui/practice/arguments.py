"""Words of the practice cluster's commands: what is not simulated is refused."""

from __future__ import annotations

import sys
from typing import NoReturn

FLAGS = {
    "sbatch": {"--parsable", "--no-requeue"},
    "squeue": {"-h"},
    "sacct": {"-n", "-P", "-X"},
    "sinfo": {"-a", "-h", "-e"},
    "scontrol": {"-o"},
    "scancel": set[str](),
}
VALUED = {
    "sbatch": {"--job-name", "--comment", "--output", "--error", "--open-mode"}
    | {"--ntasks", "--cpus-per-task", "--time", "--signal", "--mem", "--partition"},
    "squeue": {"-t", "-u", "-o"},
    "sacct": {"-j", "-o", "-u", "-S"},
    "sinfo": {"-o"},
}


def refuse(words: str) -> NoReturn:
    """End with one line."""
    sys.exit(f"{sys.argv[2]}: error: {words}")


def options(program: str, words: list[str]) -> tuple[dict[str, str], list[str]]:
    """Options by name, and the other words; what is not simulated is refused."""
    found, rest, left = dict[str, str](), list[str](), list(words)
    while left:
        word = left.pop(0)
        name, sign, value = word.partition("=")
        if name in VALUED.get(program, ()) and (sign or left):
            found[name] = value if sign else left.pop(0)
        elif word in FLAGS[program]:
            found[word] = ""
        elif word.startswith("-"):
            refuse(f"the practice scheduler does not simulate {word}")
        else:
            rest.append(word)
    return found, rest


def say(line: str) -> None:
    """Write a line."""
    sys.stdout.write(line + "\n")


def clock(seconds: float) -> str:
    """H:MM:SS."""
    return f"{int(seconds) // 3600}:{int(seconds) // 60 % 60:02}:{int(seconds) % 60:02}"
