"""Statistics of a 2D classification as lines: classes, pace, curves over iterations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tui.charts import BarRow, Line, bar_rows, lines_chart
from tui.widgets.totals_lines import Values, get, totals
from tui.words import duration


def class2d_lines(
    values: Values, width: int, other: Values | None, *, beside: Sequence[Line] = ()
) -> list[Line]:
    """All figures of a classification; `beside` stands below the single numbers."""
    classes = sorted(
        values.get("classes", []), key=lambda c: -float(c.get("distribution") or 0)
    )
    history = values.get("history", [])
    lines = totals(
        [
            ("iteration", values.get("iteration"), get(other, "iteration")),
            (
                "of iterations",
                values.get("iterations_total"),
                get(other, "iterations_total"),
            ),
            ("classes", len(classes), len(other.get("classes", [])) if other else None),
            (
                "particles",
                values.get("particles_total"),
                get(other, "particles_total"),
            ),
        ]
    )
    lines += _class2d_pace(values, history)
    lines += [[], *beside] if beside else []
    lines += [
        [],
        [
            ("Class distribution", "title"),
            ("  share (%), resolution; accuracy of angles and offsets", "faint"),
        ],
    ]
    rows = [
        BarRow(
            f"class {c.get('number')}",
            round(100 * float(c.get("distribution") or 0), 2),
            f"{_number(c.get('resolution')):>5} Å  "
            f"{_number(c.get('accuracy_rotations')):>5}°  "
            f"{_number(c.get('accuracy_translations')):>5} Å",
        )
        for c in classes[:100]
    ]
    lines += bar_rows(rows, min(width - 2, 110))
    ends = _ends(history)
    lines += _shares(history, classes, min(width - 2, 90), ends)
    for key, words, role in _CURVES:
        curve = [float(h[key]) for h in history if isinstance(h.get(key), int | float)]
        theirs = [
            float(h[key])
            for h in get(other, "history") or []
            if isinstance(h.get(key), int | float)
        ]
        if len(curve) > 1:
            lines += [[], [(words, "title")]]
            series = [(role, curve)] + ([("bar2", theirs)] if theirs else [])
            lines += lines_chart(series, min(width - 2, 90), 5, ends=ends)
    return lines


def _ends(history: list[dict[str, Any]]) -> tuple[str, str]:
    """Words below the first and the last of the iterations."""
    numbers = [h["iteration"] for h in history if h.get("iteration") is not None]
    return (f"iteration {numbers[0]}", f"{numbers[-1]}") if numbers else ("", "")


_CURVES = (
    ("resolution", "Resolution (Å) by iteration", "bar"),
    ("changes_classes", "Particles that changed class, by iteration", "accent2"),
    ("changes_psi", "In-plane angles changed by (°), by iteration", "accent2"),
    ("changes_offset", "Offsets changed by (Å), by iteration", "accent2"),
    ("log_likelihood", "Log-likelihood by iteration", "good"),
)
CONVERGED = 0.02  # of particles still change class: averages do not move any more


def _class2d_pace(values: Values, history: list[dict[str, Any]]) -> list[Line]:
    """How long an iteration takes and the rest will; whether classes still move."""
    lines: list[Line] = []
    seconds = [float(h["seconds"]) for h in history if h.get("seconds")]
    done, total = values.get("iteration"), values.get("iterations_total")
    if seconds:
        recent = seconds[-5:]
        each = sum(recent) / len(recent)
        words = duration(each)
        line: Line = [
            ("an iteration takes".ljust(28), "dim"),
            (words.rjust(12), "title"),
        ]
        if done and total and done < total:
            line.append(
                (f"   the rest about {duration(each * (total - done))}", "faint")
            )
        lines.append(line)
    moving = [
        h["changes_classes"] for h in history if h.get("changes_classes") is not None
    ]
    if moving:
        share = float(moving[-1])
        calm = share <= CONVERGED
        words = "has settled" if calm else "still moving"
        lines.append(
            [
                ("particles changing class".ljust(28), "dim"),
                (f"{100 * share:.1f} %".rjust(12), "title"),
                (f"   {words}", "good" if calm else "accent2"),
            ]
        )
    return lines


_SHARE_ROLES = ("bar", "accent2", "good", "run", "queued", "warn")


def _shares(
    history: list[dict[str, Any]],
    classes: list[dict[str, Any]],
    width: int,
    ends: tuple[str, str],
) -> list[Line]:
    """Shares of the largest classes over the iterations, one curve each."""
    past = [h["distribution"] for h in history if h.get("distribution")]
    if len(past) < 2:
        return []
    series, names = [], []
    for place, one in enumerate(classes[: len(_SHARE_ROLES)]):
        number = int(one.get("number") or 0)
        curve = [100 * float(d[number - 1]) for d in past if 0 < number <= len(d)]
        if len(curve) > 1:
            role = _SHARE_ROLES[place]
            series.append((role, curve))
            names.append((f"  ━ {number}", role))
    title: Line = [("Shares (%) of the largest classes by iteration", "title")]
    if sum(len(text) for text, _ in [*title, *names]) > width:
        title = [("Shares (%) by iteration", "title")]
    return [[], [*title, *names], *lines_chart(series, width, 7, ends=ends)]


def _number(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) else "-"
