"""The numbers of a job as a person reads them, one printer per type."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli.formats import number
from tui.words import duration

if TYPE_CHECKING:
    from remote.views import Statistics
    from tui.cli.output import Output
    from tui.cli.truth import Score

_MOST_BARS = 30


def print_score(output: Output, agreement: Score) -> None:
    """Print how picks agree with the truth."""
    false = agreement.picks - agreement.matched
    output.line()
    output.line(
        f"against the truth, within {number(agreement.radius_angstrom)} Å", "bold"
    )
    output.line(
        f"{agreement.matched} of {agreement.particles} particles found "
        f"(recall {agreement.recall:.3f}), {false} of {agreement.picks} picks false "
        f"(precision {agreement.precision:.3f}), F1 {agreement.f1:.3f}"
    )


def print_statistics(output: Output, statistics: Statistics) -> None:
    """Print a job's numbers for a person."""
    values = statistics.values
    took = duration(values.get("elapsed_s"))
    output.line(
        f"{statistics.job}: {statistics.type}" + (f", took {took}" if took else ""),
        "bold",
    )
    printer = _PRINTERS.get(statistics.type, _print_plain)
    printer(output, values)
    for failed in values.get("failed", ()):
        output.line(f"not done: {failed['name']}: {failed['reason']}", "red")


def _print_picks(output: Output, values: dict[str, Any]) -> None:
    total, done = values.get("micrographs_total"), values.get("micrographs_done", 0)
    picks = values.get("picks_total", 0)
    mean = f", {picks / done:.0f} on average" if done else ""
    output.line(f"{picks} particles on {done} of {total or done} micrographs{mean}")
    micrographs = values.get("micrographs", [])
    if micrographs and len(micrographs) <= _MOST_BARS:
        output.line()
        output.line("picks per micrograph", "bold")
        rows = [(Path(m["name"]).name, m["picks"] or 0, _about(m)) for m in micrographs]
        output.bars(rows)
    elif histogram := values.get("picks_histogram"):
        output.line()
        output.line("picks per micrograph, and how many micrographs have them", "bold")
        output.histogram(histogram)
    if histogram := values.get("fom_histogram"):
        output.line()
        output.line(
            f"figure of merit: {number(values.get('fom_min'))} to "
            f"{number(values.get('fom_max'))}, "
            f"median {number(values.get('fom_median'))}",
            "bold",
        )
        output.histogram(histogram)


def _about(micrograph: dict[str, Any]) -> str:
    if micrograph["picks"] is None:
        return "not picked yet"
    defocus = micrograph.get("defocus")
    return "" if defocus is None else f"defocus {defocus / 1e4:.2f} µm"


def _print_import(output: Output, values: dict[str, Any]) -> None:
    output.line(f"{values.get('items', 0)} items")
    for group in values.get("optics", ()):
        output.line(
            f"optics group {group.get('name')}: {number(group.get('pixel_size'), 4)} "
            f"Å per pixel, {number(group.get('voltage'))} kV"
        )
    if histogram := values.get("defocus_histogram"):
        output.line()
        output.line("defocus (Å)", "bold")
        output.histogram(histogram)


def _print_drawn(type_key: str) -> Callable[[Output, dict[str, Any]], None]:
    """Print all figures as the interface's Statistics tab draws them."""

    def draw(output: Output, values: dict[str, Any]) -> None:
        from tui.widgets.statistics_lines import statistics_lines

        shown = {key: value for key, value in values.items() if key != "failed"}
        output.drawing(statistics_lines(type_key, shown, output.width))

    return draw


def _print_plain(output: Output, values: dict[str, Any]) -> None:
    rows = [
        (key, number(value) if isinstance(value, int | float) else str(value))
        for key, value in values.items()
        if not isinstance(value, list | dict) or len(value) <= 12
        if key not in {"type", "failed", "elapsed_s"}
    ]
    if rows:
        output.table(("Number", "Value"), rows)
    else:
        output.line("no numbers for this type of job yet")


_PRINTERS = {
    "autopick": _print_picks,
    "manualpick": _print_picks,
    "import": _print_import,
    "extract": _print_drawn("extract"),
    "class2d": _print_drawn("class2d"),
    "select": _print_drawn("select"),
}
