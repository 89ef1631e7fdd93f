"""Two 2D classifications class by class: which class of one holds which of the other.

Made of the answer of `Workspace.class_overlap`, for both interfaces.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from tui.charts import Line, bar
from tui.plain import plain

_ALSO_FROM = 0.1  # of a class's particles, to be named beside the best


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMatch:
    """A class, and the class of the other job that holds most of its particles.

    Only particles that are in both jobs count: `in_both` of them are in this class,
    and `shared` of those in `best`, the other job's class. `share` is `shared` as a
    fraction of `in_both`, `share_of_best` as a fraction of `best`'s particles in both
    jobs, `overlap` as a fraction of those in either class. `best` is 0 if no particle
    is shared.
    """

    number: int
    particles: int
    in_both: int
    resolution: float | None
    best: int
    best_particles: int
    best_resolution: float | None
    shared: int
    share: float
    share_of_best: float
    overlap: float
    also: tuple[tuple[int, float], ...]

    @property
    def is_whole(self) -> bool:
        """Whether the other job has all of its particles."""
        return self.in_both == self.particles

    def record(self) -> dict[str, Any]:
        """As `--json` tells it."""
        return {
            "number": self.number,
            "particles": self.particles,
            "in_both": self.in_both,
            "resolution": self.resolution,
            "best": self.best or None,
            "best_particles": self.best_particles,
            "best_resolution": self.best_resolution,
            "shared": self.shared,
            "share": round(self.share, 4),
            "share_of_best": round(self.share_of_best, 4),
            "overlap": round(self.overlap, 4),
            "also": [[number, round(share, 4)] for number, share in self.also],
        }


def class_matches(answer: dict[str, Any], side: int = 0) -> list[ClassMatch]:
    """Classes of the first job (side 0) or of the second, the largest first."""
    mine: dict[int, Counter[int]] = {}
    for pair in answer["counts"]:
        mine.setdefault(int(pair[side]), Counter())[int(pair[1 - side])] = int(pair[2])
    others = {int(row["number"]): row for row in answer["classes"][1 - side]}
    rows = sorted(
        answer["classes"][side], key=lambda row: (-row["particles"], row["number"])
    )
    return [
        _match(row, mine.get(int(row["number"]), Counter()), others) for row in rows
    ]


def _match(
    row: dict[str, Any], held: Counter[int], others: dict[int, dict[str, Any]]
) -> ClassMatch:
    order = sorted(held, key=lambda number: (-held[number], number))
    best = order[0] if order else 0
    other = others.get(best, {})
    own, theirs, shared = sum(held.values()), int(other.get("shared", 0)), held[best]
    either = own + theirs - shared
    return ClassMatch(
        number=int(row["number"]),
        particles=int(row["particles"]),
        in_both=own,
        resolution=row.get("resolution"),
        best=best,
        best_particles=int(other.get("particles", 0)),
        best_resolution=other.get("resolution"),
        shared=shared,
        share=shared / own if own else 0.0,
        share_of_best=shared / theirs if theirs else 0.0,
        overlap=shared / either if either else 0.0,
        also=tuple(
            (number, held[number] / own)
            for number in order[1:]
            if held[number] >= _ALSO_FROM * own
        ),
    )


def agreement(answer: dict[str, Any]) -> float | None:
    """Adjusted Rand index of two classifications (Hubert and Arabie 1985).

    1: the same particles are together in both; around 0: no more than by chance. None
    if they share too few particles, or have but one class each.
    """
    rows: Counter[int] = Counter()
    columns: Counter[int] = Counter()
    cells = 0.0
    for a, b, count in answer["counts"]:
        rows[a] += count
        columns[b] += count
        cells += _pairs(count)
    in_rows, in_columns = (sum(map(_pairs, one.values())) for one in (rows, columns))
    every = _pairs(sum(rows.values()))
    if not every:
        return None
    by_chance = in_rows * in_columns / every
    most = (in_rows + in_columns) / 2
    return None if most == by_chance else (cells - by_chance) / (most - by_chance)


def _pairs(count: int) -> float:
    return count * (count - 1) / 2


def summary_words(answer: dict[str, Any]) -> str:
    """What was matched, in a line."""
    shared, (first, second) = answer["shared"], answer["particles"]
    how = "by image"
    if answer["matched_by"] == "place":
        how = f"by place, within {answer['within_angstrom']:g} Å"
    return f"{shared:,} particles in both, {how}, of {first:,} and {second:,}"


def match_lines(
    answer: dict[str, Any], names: tuple[str, str], width: int
) -> list[Line]:
    """A row for each class of the first job beside the class that holds most of it."""
    own, theirs = (plain(name) for name in names)
    lines: list[Line] = [
        [("Class by class", "title"), ("  " + summary_words(answer), "faint")]
    ]
    index = agreement(answer)
    if index is not None:
        words = "  1: the same are together in both, 0: by chance"
        said = (f"{index:.3f}", "title")
        lines.append([("agreement (adjusted Rand) ", "dim"), said, (words, "faint")])
    if not answer["shared"]:
        words = "No particle is in both: were they made from the same picks?"
        return [*lines, [(words, "warn")]]
    if answer["shared"] < max(answer["particles"]):
        lines.append([("shares are of a class's particles that are in both", "faint")])
    room = min(40, width - _TABLE_WIDTH)
    side = f"{'class':>6}{'parts.':>7}{'Å':>6}"
    heads = f"{side}    {side}  shared  of it  of that"
    lines += [
        [],
        [(f"  {own[:_SIDE]:<{_SIDE}}    ", "text"), (theirs[:_SIDE], "bar2")],
        [(heads, "dim"), ("  overlap" if room > _LEAST_BAR else "", "dim")],
    ]
    for match in class_matches(answer):
        lines.append(_match_line(match, room))
    return lines


_SIDE = 19  # columns of a class: number, particles, resolution
_TABLE_WIDTH = 2 * _SIDE + 28
_LEAST_BAR = 6


def _match_line(match: ClassMatch, room: int) -> Line:
    line: Line = [(_side(match.number, match.particles, match.resolution), "text")]
    if not match.best:
        return [*line, ("  → ", "faint"), ("   none of its particles", "dim")]
    line += [
        ("  → ", "faint"),
        (_side(match.best, match.best_particles, match.best_resolution), "bar2"),
        (f"{match.shared:8d}", "text"),
        (f"{100 * match.share:5.0f} %", "title"),
        (f"{100 * match.share_of_best:7.0f} %", "dim"),
    ]
    if room > _LEAST_BAR:
        line.append(("  " + bar(match.overlap, 1.0, room - 2), "bar"))
    return line


def _side(number: int, particles: int, resolution: float | None) -> str:
    detail = f"{resolution:.1f}" if resolution is not None else "-"
    return f"{number:>6d}{particles:>7d}{detail:>6}"
