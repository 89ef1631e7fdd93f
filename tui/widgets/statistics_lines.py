"""Statistics as lines: what `docs/statistics.md` promises, drawn for a width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tui.charts import BarRow, Line, bar_rows, histogram, lines_chart, rebinned
from tui.plain import plain
from tui.words import count, duration

Values = dict[str, Any]


def statistics_lines(
    type_key: str,
    values: Values,
    width: int,
    *,
    other: Values | None = None,
    names: tuple[str, str] = ("", ""),
    beside: Sequence[Line] = (),
) -> list[Line]:
    """All figures of a job; with `other`, those of a second job beside them.

    `beside` are lines about two classifications' classes, for their place.
    """
    drawers: dict[str, Callable[[Values, int, Values | None], list[Line]]] = {
        "autopick": _picking,
        "manualpick": _picking,
        "extract": _extract,
        "class2d": lambda *of: _class2d(*of, beside=beside),
        "select": _select,
    }
    lines: list[Line] = [[]]
    if other is not None:
        lines += [
            [("█ ", "bar"), (plain(names[0]), "text")],
            [("█ ", "bar2"), (plain(names[1]), "text")],
            [],
        ]
    lines += drawers.get(type_key, _plain_values)(values, width, other)
    failed = values.get("failed") or []
    if failed:
        lines += [[], [(f"Could not be done: {len(failed)}", "bad")]]
        for item in failed[:20]:
            name, reason = plain(item.get("name", "")), plain(item.get("reason", ""))
            lines.append([(f"  {name}  ", "text"), (reason, "dim")])
    return lines


def _totals(pairs: list[tuple[str, Any, Any]]) -> list[Line]:
    lines: list[Line] = []
    for label, value, second in pairs:
        if value is None:
            continue
        line: Line = [(label.ljust(28), "dim"), (_shown(value).rjust(12), "title")]
        if second is not None:
            line.append((_shown(second).rjust(12), "bar2"))
            if isinstance(value, int | float) and isinstance(second, int | float):
                line.append((_change(value, second), "faint"))
        lines.append(line)
    return lines


def _change(value: float, second: float) -> str:
    if not second:
        return ""
    return f"   {100 * (value - second) / second:+.1f} %"


def _shown(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return plain(value)
    return count(value) if value == int(value) else f"{value:.3g}"


def _get(values: Values | None, key: str) -> Any:
    return None if values is None else values.get(key)


def _picking(values: Values, width: int, other: Values | None) -> list[Line]:
    items = list(values.get("micrographs", []))
    total, done = values.get("picks_total"), values.get("micrographs_done")
    mean = total / done if total is not None and done else None
    theirs = _get(other, "picks_total"), _get(other, "micrographs_done")
    their_mean = theirs[0] / theirs[1] if theirs[0] is not None and theirs[1] else None
    lines = _totals(
        [
            ("particles picked", total, theirs[0]),
            ("micrographs done", done, theirs[1]),
            (
                "micrographs in all",
                values.get("micrographs_total"),
                _get(other, "micrographs_total"),
            ),
            ("picks per micrograph", mean, their_mean),
            (
                "median figure of merit",
                values.get("fom_median"),
                _get(other, "fom_median"),
            ),
            ("lowest figure of merit", values.get("fom_min"), _get(other, "fom_min")),
            ("highest figure of merit", values.get("fom_max"), _get(other, "fom_max")),
            (
                "left out on carbon and ice",
                values.get("picks_left_out"),
                _get(other, "picks_left_out"),
            ),
        ]
    )
    lines += _fom(values, width, other)
    lines += _by_defocus(items, width)
    lines += _by_count(values, len(items), width)
    shown = min(len(items), 400)
    lines += [[], [("Picks per micrograph", "title")]]
    names = _without_common(items)
    their = {
        item["name"]: item["picks"] for item in (other or {}).get("micrographs", [])
    }
    rows = [
        BarRow(
            name,
            float(item.get("picks") or 0),
            f"{item['defocus'] / 1e4:.2f} µm" if item.get("defocus") else "",
        )
        for name, item in zip(names, items, strict=True)
    ][:shown]
    others = [their.get(item["name"]) for item in items][:shown] if other else None
    lines += bar_rows(rows, width - 2, others=others)
    if len(items) > shown:
        lines.append([(f"and {len(items) - shown} more", "dim")])
    return lines


_MANY = 30  # micrographs; how many have how many picks is drawn from here on


def _by_count(values: Values, items: int, width: int) -> list[Line]:
    """How many micrographs have how many picks."""
    found = values.get("picks_histogram")
    if items < _MANY or not found or not found.get("counts"):
        return []
    drawn = histogram(found["edges"], found["counts"], min(width - 2, 100), 6)
    title: Line = [("Micrographs", "title"), ("  by their number of picks", "faint")]
    return [[], title, *drawn]


def _by_defocus(items: list[dict[str, Any]], width: int) -> list[Line]:
    """Mean picks of micrographs in steps of defocus, with how many there are."""
    known = [
        (float(item["defocus"]) / 1e4, float(item.get("picks") or 0))
        for item in items
        if item.get("defocus") and item.get("picks") is not None
    ]
    if len(known) < 3:
        return []
    low, high = min(d for d, _ in known), max(d for d, _ in known)
    steps = max(2, min(6, len(known) // 2))
    size = (high - low) / steps or 1.0
    rows = []
    for step in range(steps):
        inside = [p for d, p in known if min(int((d - low) / size), steps - 1) == step]
        if inside:
            label = f"{low + step * size:.2f} to {low + (step + 1) * size:.2f} µm"
            mean = round(sum(inside) / len(inside), 1)
            rows.append(BarRow(label, mean, f"of {len(inside)}"))
    title: Line = [("Picks by defocus", "title"), ("  mean per micrograph", "faint")]
    return [[], title, *bar_rows(rows, min(width - 2, 100))]


def _fom(values: Values, width: int, other: Values | None) -> list[Line]:
    fom = values.get("fom_histogram")
    if not fom or not fom.get("counts"):
        return []
    edges, counts, others = fom["edges"], fom["counts"], None
    theirs = _get(other, "fom_histogram")
    if theirs and theirs.get("counts"):
        low = min(edges[0], theirs["edges"][0])
        high = max(edges[-1], theirs["edges"][-1])
        bins = max(len(counts), 1)
        both = [low + (high - low) * i / bins for i in range(bins + 1)]
        counts = rebinned(edges, counts, both)
        others = rebinned(theirs["edges"], theirs["counts"], both)
        edges = both
    drawn = histogram(edges, counts, min(width - 2, 100), 8, others=others)
    return [[], [("Figure of merit", "title"), ("  picks per bin", "faint")], *drawn]


def _without_common(items: list[dict[str, Any]]) -> list[str]:
    return [plain(item["name"]).rpartition("/")[2].rpartition(".")[0] for item in items]


def _extract(values: Values, width: int, other: Values | None) -> list[Line]:
    keys = (
        ("particles", "particles_total"),
        ("box (px)", "box_px"),
        ("pixel size (Å)", "pixel_size"),
        ("skipped at the edge", "skipped_outside"),
        ("micrographs without picks", "micrographs_without_coordinates"),
    )
    pairs = [(words, values.get(key), _get(other, key)) for words, key in keys]
    pairs[1:1] = [("particles per micrograph", _mean(values), _mean(other))]
    pairs[4:4] = [("box (Å)", _box_angstrom(values), _box_angstrom(other))]
    lines = _totals(pairs) + _greys(values)
    items = list(values.get("micrographs", []))[:400]
    rows = [
        BarRow(name, float(item.get("particles") or 0))
        for name, item in zip(_without_common(items), items, strict=True)
    ]
    return [
        *lines,
        [],
        [("Particles per micrograph", "title")],
        *bar_rows(rows, width - 2),
    ]


def _mean(values: Values | None) -> float | None:
    """Particles of a micrograph, in the mean."""
    total, items = _get(values, "particles_total"), _get(values, "micrographs")
    return round(total / len(items), 1) if total and items else None


def _box_angstrom(values: Values | None) -> float | None:
    box, pixel = _get(values, "box_px"), _get(values, "pixel_size")
    return round(box * pixel, 1) if box and pixel else None


def _greys(values: Values) -> list[Line]:
    """Grey values of the boxes: normalized ones have mean 0 and deviation 1 around."""
    greys = values.get("greys")
    if not greys:
        return []
    words = f"{greys['mean']:.2f} ± {greys['deviation']:.2f}"
    ends = f"   from {greys['min']:.1f} to {greys['max']:.1f}"
    return [
        [
            ("grey values, mean ± sigma".ljust(28), "dim"),
            (words.rjust(12), "title"),
            (ends, "faint"),
        ]
    ]


def _class2d(
    values: Values, width: int, other: Values | None, *, beside: Sequence[Line] = ()
) -> list[Line]:
    classes = sorted(
        values.get("classes", []), key=lambda c: -float(c.get("distribution") or 0)
    )
    history = values.get("history", [])
    lines = _totals(
        [
            ("iteration", values.get("iteration"), _get(other, "iteration")),
            ("of", values.get("iterations_total"), _get(other, "iterations_total")),
            ("classes", len(classes), len(other.get("classes", [])) if other else None),
            (
                "particles",
                values.get("particles_total"),
                _get(other, "particles_total"),
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
            for h in _get(other, "history") or []
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
    title: Line = [("Shares (%) of the largest classes by iteration", "title"), *names]
    return [[], title, *lines_chart(series, width, 7, ends=ends)]


def _number(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, int | float) else "-"


def _select(values: Values, width: int, other: Values | None) -> list[Line]:
    chosen = values.get("selected_classes")
    words = ", ".join(str(c) for c in chosen) if isinstance(chosen, list) else chosen
    return _totals(
        [
            ("selected classes", words, None),
            ("rule", values.get("rule"), None),
            (
                "of particles",
                values.get("input_total"),
                _get(other, "input_total"),
            ),
            (
                "particles",
                values.get("particles_total"),
                _get(other, "particles_total"),
            ),
            (
                "micrographs",
                values.get("micrographs_total"),
                _get(other, "micrographs_total"),
            ),
        ]
    )


def _plain_values(values: Values, width: int, other: Values | None) -> list[Line]:
    pairs = [
        (plain(key).replace("_", " "), value, _get(other, key))
        for key, value in values.items()
        if isinstance(value, str | int | float) and key != "type"
    ]
    lines = _totals(pairs)
    for key, value in values.items():
        if isinstance(value, dict) and value.get("counts"):
            lines += [[], [(plain(key).replace("_", " "), "title")]]
            lines += histogram(value["edges"], value["counts"], min(width - 2, 90), 6)
    return lines or [[("Nothing to count in this type of job.", "dim")]]
