"""Statistics as lines: what `docs/statistics.md` promises, drawn for a width."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from tui.charts import (
    BarRow,
    Line,
    bar_rows,
    histogram,
    rebinned,
    scatter,
)
from tui.plain import plain
from tui.widgets.class2d_lines import class2d_lines
from tui.widgets.totals_lines import Values, get, totals


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
        "class2d": lambda *of: class2d_lines(*of, beside=beside),
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


def _picking(values: Values, width: int, other: Values | None) -> list[Line]:
    items = list(values.get("micrographs", []))
    total, done = values.get("picks_total"), values.get("micrographs_done")
    mean = total / done if total is not None and done else None
    theirs = get(other, "picks_total"), get(other, "micrographs_done")
    their_mean = theirs[0] / theirs[1] if theirs[0] is not None and theirs[1] else None
    lines = totals(
        [
            ("particles picked", total, theirs[0]),
            ("micrographs done", done, theirs[1]),
            (
                "micrographs in all",
                values.get("micrographs_total"),
                get(other, "micrographs_total"),
            ),
            ("picks per micrograph", mean, their_mean),
            (
                "median figure of merit",
                values.get("fom_median"),
                get(other, "fom_median"),
            ),
            ("lowest figure of merit", values.get("fom_min"), get(other, "fom_min")),
            ("highest figure of merit", values.get("fom_max"), get(other, "fom_max")),
            (
                "left out on carbon and ice",
                values.get("picks_left_out"),
                get(other, "picks_left_out"),
            ),
        ]
    )
    lines += _fom(values, width, other)
    lines += _by_defocus(items, width, (other or {}).get("micrographs", []))
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


def _by_defocus(
    items: list[dict[str, Any]], width: int, others: list[dict[str, Any]]
) -> list[Line]:
    """Mean picks of micrographs in steps of defocus; of many each as a dot, too."""
    known = _defocus_and_picks(items)
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
    lines: list[Line] = [[], title, *bar_rows(rows, min(width - 2, 100))]
    if len(known) >= _SOME:
        title = [("Picks against defocus", "title"), ("  a dot a micrograph", "faint")]
        series = [("bar2", _defocus_and_picks(others)), ("bar", known)]
        ends = f"{low:.2f} µm", f"{high:.2f} µm"
        lines += [[], title, *scatter(series, min(width - 2, 90), 6, ends=ends)]
    return lines


_SOME = 8  # micrographs; each is a dot over defocus from here on


def _defocus_and_picks(items: list[dict[str, Any]]) -> list[tuple[float, float]]:
    """Defocus in µm and number of picks of the micrographs that have both."""
    return [
        (float(item["defocus"]) / 1e4, float(item.get("picks") or 0))
        for item in items
        if item.get("defocus") and item.get("picks") is not None
    ]


def _fom(values: Values, width: int, other: Values | None) -> list[Line]:
    fom = values.get("fom_histogram")
    if not fom or not fom.get("counts"):
        return []
    edges, counts, others = fom["edges"], fom["counts"], None
    theirs = get(other, "fom_histogram")
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
    pairs = [(words, values.get(key), get(other, key)) for words, key in keys]
    pairs[1:1] = [("particles per micrograph", _mean(values), _mean(other))]
    pairs[4:4] = [("box (Å)", _box_angstrom(values), _box_angstrom(other))]
    lines = totals(pairs) + _greys(values) + _greys(other or {}, "bar2")
    items = list(values.get("micrographs", []))[:400]
    theirs = {
        item["name"]: item["particles"] for item in (other or {}).get("micrographs", [])
    }
    others = [theirs.get(item["name"]) for item in items] if other else None
    rows = [
        BarRow(name, float(item.get("particles") or 0))
        for name, item in zip(_without_common(items), items, strict=True)
    ]
    return [
        *lines,
        [],
        [("Particles per micrograph", "title")],
        *bar_rows(rows, width - 2, others=others),
    ]


def _mean(values: Values | None) -> float | None:
    """Particles of a micrograph, in the mean."""
    total, items = get(values, "particles_total"), get(values, "micrographs")
    return round(total / len(items), 1) if total and items else None


def _box_angstrom(values: Values | None) -> float | None:
    box, pixel = get(values, "box_px"), get(values, "pixel_size")
    return round(box * pixel, 1) if box and pixel else None


def _greys(values: Values, role: str = "title") -> list[Line]:
    """Grey values of the boxes: normalized ones have mean 0 and deviation 1 around."""
    greys = values.get("greys")
    if not greys:
        return []
    words = f"{greys['mean']:.2f} ± {greys['deviation']:.2f}"
    ends = f"   from {greys['min']:.1f} to {greys['max']:.1f}"
    return [
        [
            ("grey values, mean ± sigma".ljust(28), "dim"),
            (words.rjust(12), role),
            (ends, "faint"),
        ]
    ]


def _select(values: Values, width: int, other: Values | None) -> list[Line]:
    chosen = values.get("selected_classes")
    words = ", ".join(str(c) for c in chosen) if isinstance(chosen, list) else chosen
    lines = totals(
        [
            ("selected classes", words, None),
            ("rule", values.get("rule"), None),
            (
                "of particles",
                values.get("input_total"),
                get(other, "input_total"),
            ),
            (
                "particles",
                values.get("particles_total"),
                get(other, "particles_total"),
            ),
            (
                "micrographs",
                values.get("micrographs_total"),
                get(other, "micrographs_total"),
            ),
            ("kept", _kept(values), _kept(other)),
            (
                "left out by their score",
                values.get("left_out_by_particle_score"),
                get(other, "left_out_by_particle_score"),
            ),
            ("particles per micrograph", _mean(values), _mean(other)),
            ("parts", values.get("parts"), get(other, "parts")),
        ]
    )
    for key, title, label in (
        ("classes", "Particles of each class", "class {}"),
        ("micrographs", "Particles per micrograph", "{}"),
    ):
        items = list(values.get(key) or [])[:400]
        if items:
            names = _without_common(items) if key == "micrographs" else None
            rows = [
                BarRow(
                    label.format(names[i] if names else item["number"]),
                    float(item["particles"]),
                )
                for i, item in enumerate(items)
            ]
            lines += [[], [(title, "title")], *bar_rows(rows, min(width - 2, 100))]
    return lines


def _kept(values: Values | None) -> str | None:
    """Which part of the particles or micrographs was kept."""
    whole = get(values, "input_total")
    part = get(values, "particles_total")
    part = part if part is not None else get(values, "micrographs_total")
    return f"{100 * part / whole:.1f} %" if whole and part is not None else None


def _plain_values(values: Values, width: int, other: Values | None) -> list[Line]:
    pairs = [
        (plain(key).replace("_", " "), value, get(other, key))
        for key, value in values.items()
        if isinstance(value, str | int | float) and key != "type"
    ]
    lines = totals(pairs)
    for key, value in values.items():
        if isinstance(value, dict) and value.get("counts"):
            lines += [[], [(plain(key).replace("_", " "), "title")]]
            lines += histogram(value["edges"], value["counts"], min(width - 2, 90), 6)
    return lines or [[("Nothing to count in this type of job.", "dim")]]
