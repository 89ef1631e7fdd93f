"""What an autopick job leaves beside its coordinate files: lists and numbers."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays import Array
from engine.io.atomic import write_text
from engine.io.coordinates import (
    coordinate_path,
    format_coordinate_list,
    read_coordinates,
    summary_table,
)
from engine.io.micrographs import MicrographEntry
from engine.io.pdf_report import BarChart, write_report
from engine.io.star import write_star
from engine.picking.working_size import WorkingSize
from engine.programs.context import Context

SUFFIX = "_autopick.star"

_log = logging.getLogger(__name__)


def log_choice(size: WorkingSize) -> None:
    """Say what was chosen for micrographs of a size, and why."""
    for note in size.notes:
        _log.info("%s", note)
    for warning in size.warnings:
        _log.warning("%s", warning)


def collect_foms(
    context: Context, entries: list[MicrographEntry], fresh: dict[str, Array]
) -> dict[str, Array]:
    """FOMs of each micrograph's picks, of this run and of earlier ones, by name.

    Parameters
    ----------
    context : Context
    entries : list of MicrographEntry
        All of the input.
    fresh : dict
        Of the micrographs of this run.
    """
    foms = {}
    for entry in entries:
        path = coordinate_path(context.directory, entry.name, SUFFIX)
        if entry.name in fresh:
            foms[entry.name] = fresh[entry.name]
        elif path.exists():
            found = read_coordinates(path)
            foms[entry.name] = found.fom if len(found.fom) else np.zeros(len(found))
    return foms


def write_lists(
    context: Context,
    micrographs: str,
    entries: list[MicrographEntry],
    foms: dict[str, Array],
) -> None:
    """Write the list of coordinate files of the project's version, and summary.star."""
    done = [entry.name for entry in entries if entry.name in foms]
    if context.job.version == "3.1":
        name = resolve_alias(micrographs)
        write_text(context.path("coords_suffix_autopick.star"), f"{name}\n")
    else:
        files = [str(coordinate_path(context.directory, n, SUFFIX)) for n in done]
        text = format_coordinate_list(done, files, version=context.star_version)
        write_text(context.path("autopick.star"), text)
    means = [float(np.mean(foms[n])) if len(foms[n]) else 0.0 for n in done]
    counts = [len(foms[n]) for n in done]
    table = summary_table(done, np.array(means), np.array(counts, dtype=np.int64))
    write_star(context.path("summary.star"), {"": table}, version=context.star_version)


def resolve_alias(path: str) -> str:
    """A path with the alias of a job's directory replaced by its number."""
    parts = Path(path).parts
    if len(parts) > 2 and Path(*parts[:2]).is_symlink():
        target = Path(*parts[:2]).readlink().name
        return str(Path(parts[0], target, *parts[2:]))
    return path


def statistics(
    entries: list[MicrographEntry], foms: dict[str, Array]
) -> dict[str, Any]:
    """The numbers of docs/statistics.md."""
    counts = [len(foms.get(entry.name, ())) for entry in entries]
    rows = [
        {"name": entry.name, "picks": count, "defocus": entry.defocus_angstrom}
        for entry, count in zip(entries, counts, strict=True)
    ]
    done_counts = [len(foms[entry.name]) for entry in entries if entry.name in foms]
    values: dict[str, Any] = {
        "micrographs": rows,
        "micrographs_total": len(entries),
        "micrographs_done": len(done_counts),
        "picks_total": int(sum(done_counts)),
        "picks_histogram": _count_histogram(done_counts),
    }
    everything = np.concatenate([np.empty(0), *foms.values()])
    if len(everything):
        heights, edges = np.histogram(everything, bins=40)
        values |= {
            "fom_histogram": {
                "edges": np.round(edges, 6).tolist(),
                "counts": heights.tolist(),
            },
            "fom_min": float(everything.min()),
            "fom_median": float(np.median(everything)),
            "fom_max": float(everything.max()),
        }
    return values


def write_log_pdf(path: Path, directory: str, values: dict[str, Any]) -> None:
    """Write `logfile.pdf`: the counts and histograms of a job."""
    picks = [row["picks"] for row in values["micrographs"]]
    lines = [
        directory,
        f"{values['picks_total']} particles from {values['micrographs_done']} of "
        f"{values['micrographs_total']} micrographs",
    ]
    charts = [
        BarChart("Picked particles of each micrograph", picks, "1", str(len(picks)))
    ]
    for key, title in (
        ("picks_histogram", "Micrographs by number of picked particles"),
        ("fom_histogram", "Particles by figure of merit"),
    ):
        histogram = values.get(key)
        if histogram and histogram["edges"]:
            low, high = histogram["edges"][0], histogram["edges"][-1]
            bars = histogram["counts"]
            charts.append(BarChart(title, bars, f"{low:.4g}", f"{high:.4g}"))
    write_report(path, lines, charts)


def _count_histogram(counts: list[int]) -> dict[str, list[float]]:
    """Micrographs per number of picks, in at most 20 bins of whole numbers."""
    if not counts:
        return {"edges": [], "counts": []}
    low, high = min(counts), max(counts) + 1
    width = max(1, -(-(high - low) // 20))
    edges = np.arange(low, high + width, width)
    heights, _ = np.histogram(counts, bins=edges)
    return {"edges": edges.tolist(), "counts": heights.tolist()}
