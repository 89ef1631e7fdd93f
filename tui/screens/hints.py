"""What one would do next with a job's results, inputs filled in."""

from __future__ import annotations

from typing import NamedTuple

from remote.views import JobRow


class Hint(NamedTuple):
    """A next job: its type, in words, and the fields that are known."""

    type: str
    words: str
    values: dict[str, str]


# (what the node's label begins with, what it ends with or "", type, words, field, more)
_RULES: tuple[tuple[str, str, str, str, str, dict[str, str]], ...] = (
    (
        "MicrographsData",
        "",
        "autopick",
        "Auto-picking by Laplacian of Gaussian",
        "fn_input_autopick",
        {"do_log": "Yes"},
    ),
    ("MicrographsData", "", "ctffind", "CTF estimation", "input_star_mics", {}),
    ("MicrographsData", "", "manualpick", "Manual picking", "fn_in", {}),
    (
        "MicrographsData",
        "",
        "select",
        "Subset selection: a few micrographs",
        "fn_mic",
        {"do_split": "Yes"},
    ),
    ("MicrographsCoords", "", "extract", "Particle extraction", "coords_suffix", {}),
    ("ParticlesData", "", "class2d", "2D classification", "fn_img", {}),
    (
        "ProcessData",
        "optimiser.class2d",
        "select",
        "Subset selection: choose classes",
        "fn_model",
        {},
    ),
    ("ProcessData", "optimiser", "select", "Subset selection: classes", "fn_model", {}),
    (
        "ImagesData",
        "classaverages",
        "autopick",
        "Auto-picking by these class averages",
        "fn_refs_autopick",
        {"do_refs": "Yes"},
    ),
)


def next_jobs(row: JobRow) -> list[Hint]:
    """Jobs that take what this one makes, the likeliest first."""
    hints: list[Hint] = []
    for node in row.outputs:
        for begins, ends, key, words, field, more in _RULES:
            if not node.label.startswith(begins) or not node.label.endswith(ends):
                continue
            if "ctf" in node.label and key == "ctffind":
                continue
            if any(hint.words == words for hint in hints):
                continue
            hints.append(Hint(key, words, {field: node.name, **more}))
    return hints
