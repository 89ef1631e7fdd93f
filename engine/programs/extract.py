"""Extract: micrographs and coordinates in, particle stacks out, any number of ranks."""

from __future__ import annotations

import json
import logging
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.arrays import Array
from engine.ctf import Ctf
from engine.errors import EngineError, InputError
from engine.extraction.extractor import Extractor
from engine.io.coordinate_table import X, Y
from engine.io.micrographs import MicrographEntry, MicrographList, read_micrographs
from engine.io.mrc import read_header, read_image
from engine.io.star import Table
from engine.micrograph import Micrograph
from engine.particles import Particles
from engine.programs.context import Context, why_skipped
from engine.programs.extract_files import (
    particle_table,
    read_done,
    statistics,
    table_path,
    write_lists,
    write_micrograph,
)
from engine.programs.extract_options import ExtractOptions, extract_options
from engine.programs.extract_sources import CoordinateSource, RefinedSource, Source

_UNIT = "micrographs"
_FEW = 10

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Outcome:
    """What one rank has done."""

    tables: dict[str, Table] = field(default_factory=dict)
    failed: list[dict[str, str]] = field(default_factory=list)
    outside: int = 0


@dataclass(frozen=True, slots=True)
class _Task:
    """One micrograph to do: its entry and its row in the list."""

    row: int
    entry: MicrographEntry


def run(context: Context) -> dict[str, Any]:
    """The statistics of a job that extracts particles."""
    options = extract_options(context.job)
    micrographs = read_micrographs(options.micrographs, pixel_size=options.pixel_size)
    source = _source(options, micrographs)
    tasks, missing = context.comm.broadcast(_plan(context, micrographs, source))
    _check(options, micrographs, tasks)
    todo = context.comm.broadcast(_unfinished(context, options, tasks))
    if context.is_leader:
        _announce(context, source, micrographs, missing, len(tasks), len(todo))
        kept, of = len(tasks) - len(todo), len(micrographs.entries)
        context.progress.started(len(todo), _UNIT, kept=kept, of=of)
    outcome = _extract_all(context, options, micrographs, source, todo)
    outcomes = context.comm.gather(outcome)
    if not context.is_leader:
        return {}
    return _conclude(context, options, micrographs, source, tasks, missing, outcomes)


def _source(options: ExtractOptions, micrographs: MicrographList) -> Source:
    if options.refined is not None:
        return RefinedSource(options.refined)
    assert options.coordinates is not None
    return CoordinateSource(
        options.coordinates, micrographs.entries, options.minimum_fom, options.bias
    )


def _plan(
    context: Context, micrographs: MicrographList, source: Source
) -> tuple[list[_Task], list[int]]:
    """Micrographs with particles, and the rows of those without."""
    if not context.is_leader:
        return [], []
    tasks, missing = [], []
    for row, entry in enumerate(micrographs.entries):
        if source.has(entry):
            tasks.append(_Task(row, entry))
        else:
            missing.append(row)
    return tasks, missing


def _unfinished(
    context: Context, options: ExtractOptions, tasks: list[_Task]
) -> list[_Task]:
    """What is to be done: all, after forgetting what was done; or what is missing."""
    if not context.is_leader:
        return []
    if options.only_unfinished:
        return [t for t in tasks if not table_path(context, t.entry.name).exists()]
    for task in tasks:
        table_path(context, task.entry.name).unlink(missing_ok=True)
    return tasks


def _check(
    options: ExtractOptions, micrographs: MicrographList, tasks: list[_Task]
) -> None:
    """Refuse what would fail on every micrograph."""
    if not tasks:
        asked = options.refined.particles if options.refined else None
        if asked is None and options.coordinates is not None:
            suffix = options.coordinates.suffix
            asked = f"...{suffix}" if suffix else options.coordinates.listed
        message = (
            f"none of the {len(micrographs.entries)} micrographs of "
            f"{options.micrographs} has coordinates in {asked}; were they picked from "
            "another list of micrographs?"
        )
        raise InputError(message)
    needs_ctf = options.settings.ctf_box_px is not None
    if needs_ctf and any(task.entry.ctf is None for task in tasks):
        message = (
            f"{options.micrographs}: no CTF (rlnDefocusU) to flip phases or multiply "
            "with; choose the list of a CTF estimation job"
        )
        raise InputError(message)


def _announce(
    context: Context,
    source: Source,
    micrographs: MicrographList,
    missing: list[int],
    with_coordinates: int,
    todo: int,
) -> None:
    for row in missing:
        entry = micrographs.entries[row]
        path = source.path(entry) if isinstance(source, CoordinateSource) else None
        if path is not None:
            _log.warning("coordinate file %s does not exist", path)
        else:
            _log.warning("%s: no coordinates", entry.name)
    if missing:
        total = len(micrographs.entries)
        context.progress.warning(
            f"{len(missing)} of {total} micrographs have no coordinates"
        )
    if todo < with_coordinates:
        _log.info("%d micrographs are done already", with_coordinates - todo)
    _log.info("Extracting particles from %d micrographs ...", todo)


def _extract_all(
    context: Context,
    options: ExtractOptions,
    micrographs: MicrographList,
    source: Source,
    todo: list[_Task],
) -> _Outcome:
    """This rank's share."""
    outcome = _Outcome()
    cutter = _Cutter(Extractor(options.settings))
    counter = context.comm.counter()
    for task, loading in _read_ahead(source, context.comm.share(todo)):
        context.raise_if_aborted()
        name = task.entry.name
        started = time.perf_counter()
        try:
            row = micrographs.table.take([task.row])
            table, outside = _extract_one(
                context, options, cutter, source, task.entry, row, loading.result()
            )
        except (EngineError, OSError) as error:
            reason = why_skipped(error, name)
            outcome.failed.append({"name": name, "reason": reason})
            _log.warning("%s: skipped: %s", name, reason)
        else:
            outcome.tables[name] = table
            outcome.outside += outside
            _log.info(
                "%s: %d particles in %.2f s",
                name,
                len(table),
                time.perf_counter() - started,
            )
        context.progress.step(counter.add(), len(todo), _UNIT)
    done = counter.finish()
    if todo:
        context.progress.step(done, len(todo), _UNIT)
    return outcome


class _Cutter:
    """Extracts into the same memory again and again."""

    def __init__(self, extractor: Extractor) -> None:
        self.extractor = extractor
        self._stack: Array | None = None

    def extract(
        self,
        micrograph: Micrograph,
        y: Array,
        x: Array,
        ctf: Ctf | None,
        seed: list[int],
    ) -> Array:
        """The particles of a micrograph, valid until the next call."""
        settings = self.extractor.settings
        has_dust = settings.white_dust is not None or settings.black_dust is not None
        rng = np.random.default_rng(seed) if has_dust else None
        stack = self.extractor.extract(
            micrograph, y, x, ctf=ctf, rng=rng, reuse=self._stack
        )
        if self._stack is None or len(stack) > len(self._stack):
            self._stack = stack
        return stack


def _read_ahead(
    source: Source, share: list[_Task]
) -> Iterator[tuple[_Task, Future[tuple[Table, Array | None]]]]:
    """Tasks with their rows and images; the next is read while one is worked on.

    An image is valid until the next task is asked for: two arrays take turns.
    """
    pages: list[Array | None] = [None, None]

    def load(index: int) -> tuple[Table, Array | None]:
        table, image = _load(source, share[index].entry, pages[index % 2])
        if image is not None:
            pages[index % 2] = image
        return table, image

    with ThreadPoolExecutor(1) as reader:
        waiting = [reader.submit(load, index) for index in range(len(share[:1]))]
        for index, task in enumerate(share):
            current = waiting.pop()
            if index + 1 < len(share):
                waiting.append(reader.submit(load, index + 1))
            yield task, current


def _load(
    source: Source, entry: MicrographEntry, page: Array | None
) -> tuple[Table, Array | None]:
    """Rows and image of a micrograph; no image if there are no particles on it."""
    table = source.particles(entry)
    header = read_header(entry.name)
    if header.nz != 1:
        message = f"{entry.name}: {header.nz} images in one file; is it a movie?"
        raise InputError(message)
    return table, read_image(entry.name, reuse=page) if len(table) else None


def _extract_one(
    context: Context,
    options: ExtractOptions,
    cutter: _Cutter,
    source: Source,
    entry: MicrographEntry,
    micrograph_row: Table,
    loaded: tuple[Table, Array | None],
) -> tuple[Table, int]:
    """Extract one micrograph's particles and write them; how many lay outside."""
    table, image = loaded
    name, settings = entry.name, options.settings
    pixel_size = entry.pixel_size
    factor = settings.box_px / (settings.scale_px or settings.box_px)
    edge = settings.final_px
    images: Array = np.empty((0, edge, edge), dtype=np.float32)
    outside = 0
    if image is None:
        _log.warning("no particles on micrograph: %s", name)
    else:
        y, x = table.numbers(Y), table.numbers(X)
        inside = cutter.extractor.is_inside(y, x, image.shape)
        outside = int((~inside).sum())
        if outside:
            _log.warning("%s: %d particles lie outside of it", name, outside)
            table = table.take(inside)
        if len(table) < _FEW:
            _log.warning(
                "only %d particles on micrograph %s; later steps may want several "
                "micrographs joined into one group",
                len(table),
                name,
            )
        images = cutter.extract(
            Micrograph(image=image, pixel_size=pixel_size, ctf=entry.ctf),
            y[inside],
            x[inside],
            source.ctf(table) if settings.ctf_box_px is not None else None,
            seed=[options.random_seed, zlib.crc32(name.encode())],
        )
    rows = particle_table(
        context,
        table,
        entry,
        micrograph_row,
        keep_micrograph_ctf=options.refined is not None
        and options.refined.keep_micrograph_ctfs,
    )
    particles = Particles(images=images, pixel_size=pixel_size * factor)
    write_micrograph(context, name, particles, rows, float16=options.float16)
    return rows, outside


def _conclude(
    context: Context,
    options: ExtractOptions,
    micrographs: MicrographList,
    source: Source,
    tasks: list[_Task],
    missing: list[int],
    outcomes: list[_Outcome],
) -> dict[str, Any]:
    """Join the tables of all ranks and of earlier runs; the job's statistics."""
    fresh = {name: t for outcome in outcomes for name, t in outcome.tables.items()}
    failed = [item for outcome in outcomes for item in outcome.failed]
    if failed and not fresh:
        message = (
            f"{context.directory}: nothing could be extracted from {len(failed)} "
            f"micrographs; {failed[0]['name']}: {failed[0]['reason']}"
        )
        raise EngineError(message)
    tables = {}
    for task in tasks:
        name = task.entry.name
        if name in fresh:
            tables[name] = fresh[name]
        elif table_path(context, name).exists():
            tables[name] = read_done(context, name)
    lacking = write_lists(context, options, micrographs, source, tables)
    for path in lacking:
        _log.warning("%s lacks columns that others have; they are 0 there", path)
    if failed:
        names = ", ".join(item["name"] for item in failed[:5])
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        context.warn(f"{len(failed)} micrographs were skipped: {names}{more}")
    outside = sum(outcome.outside for outcome in outcomes)
    if outside:
        context.warn(f"{outside} particles lie outside their micrograph: left out")
    values = statistics(
        options,
        micrographs,
        tables,
        tasks[0].entry.pixel_size,
        skipped_outside=outside + _skipped_before(context, options),
        without_coordinates=len(missing),
    )
    total = values["particles_total"]
    _log.info("%s: %d particles", context.path("particles.star"), total)
    return values | {"failed": failed}


def _skipped_before(context: Context, options: ExtractOptions) -> int:
    """Particles outside that an earlier run of a continued job has left out."""
    if not options.only_unfinished:
        return 0
    try:
        text = context.path("summary.json").read_text(encoding="utf-8")
        return int(json.loads(text).get("skipped_outside", 0))
    except (OSError, ValueError, TypeError):
        return 0
