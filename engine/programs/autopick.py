"""Autopick: micrographs in, coordinate files out, any number of ranks."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from engine.arrays import Array
from engine.coordinates import Coordinates
from engine.errors import EngineError, InputError
from engine.io.coordinates import coordinate_path, write_coordinates
from engine.io.micrographs import MicrographEntry, read_micrographs
from engine.io.mrc import read_header, read_image
from engine.picking.contamination import find_contamination, leave_out
from engine.programs.autopick_files import (
    SUFFIX,
    collect_foms,
    statistics,
    write_lists,
    write_log_pdf,
)
from engine.programs.autopick_laplacian import LaplacianMethod
from engine.programs.autopick_options import (
    FOM_MAP_LIMIT,
    CommonOptions,
    common_options,
    laplacian_options,
    read_arguments,
    template_options,
    uses_laplacian,
)
from engine.programs.autopick_templates import TemplateMethod
from engine.programs.context import Context, why_skipped
from engine.programs.devices import choose_device

_UNIT = "micrographs"

_log = logging.getLogger(__name__)


class Method(Protocol):
    """A way to pick one micrograph."""

    class_before_fom: bool

    @property
    def needs_images(self) -> bool:
        """Whether pixels are needed, or the headers' sizes will do."""
        ...

    def announce(self) -> None:
        """Say what will be looked for."""
        ...

    def looks_for(self, pixel_size: float) -> tuple[float, bool]:
        """The particles' diameter in Å, and whether they are bright."""
        ...

    def pick(
        self,
        entry: MicrographEntry,
        image: Array | None,
        shape: tuple[int, int],
        root: Path,
        seed: int,
    ) -> Coordinates:
        """The particles of one micrograph."""
        ...


@dataclass(frozen=True, slots=True)
class _Task:
    """One micrograph to do, and the place that seeds its noise.

    That is the place in the input, so that a micrograph's picks depend on nothing but
    itself; as RELION, the place in the list of those to do.
    """

    position: int
    entry: MicrographEntry


def run(context: Context) -> dict[str, Any]:
    """The statistics of a job that picks particles."""
    arguments = read_arguments(context.job)
    common = common_options(context.job, arguments)
    method = _method(context, common)
    entries = read_micrographs(common.micrographs).entries
    todo = context.comm.broadcast(_unfinished(context, common, entries))
    _check_amount(common, todo)
    if context.is_leader:
        _announce(method, entries, todo)
        kept, of = len(entries) - len(todo), len(entries)
        context.progress.started(len(todo), _UNIT, kept=kept, of=of)
    fresh, left_out, failed = _pick_all(context, common, method, todo)
    fresh_all: dict[str, Array] = {}
    for part in context.comm.gather(fresh):
        fresh_all |= part
    failures = [item for part in context.comm.gather(failed) for item in part]
    levels: dict[str, tuple[float, float]] = {}
    for some in context.comm.gather(getattr(method, "levels", {})):
        levels |= some
    total_left_out = sum(context.comm.gather(left_out))
    if not context.is_leader:
        return {}
    values = _conclude(context, common, entries, fresh_all, failures)
    values |= _log_levels(context, levels)
    if common.avoid_contamination:
        values["picks_left_out"] = total_left_out
        _log.info("%d picks on carbon or ice left out", total_left_out)
    return values


def _log_levels(
    context: Context, levels: dict[str, tuple[float, float]]
) -> dict[str, Any]:
    """Mean and spread of the LoG map of each micrograph, of earlier runs as well."""
    if not levels:
        return {}
    known: dict[str, Any] = {}
    try:
        text = context.path("summary.json").read_text(encoding="utf-8")
        known = dict(json.loads(text).get("log_levels") or {})
    except (OSError, ValueError, TypeError, AttributeError):
        pass  # the first run, or nothing that can be read
    known |= {
        name: [round(mean, 6), round(spread, 6)]
        for name, (mean, spread) in levels.items()
    }
    return {"log_levels": known}


def _method(context: Context, common: CommonOptions) -> Method:
    arguments = read_arguments(context.job)
    if uses_laplacian(context.job, arguments):
        return LaplacianMethod(
            common,
            laplacian_options(context.job, arguments),
            is_leader=context.is_leader,
        )
    options = template_options(context.job, arguments)
    uses_gpu = options.gpu_ids is not None and not common.read_fom_maps
    return TemplateMethod(
        common,
        options,
        context.job.version,
        context.directory if context.is_leader else None,
        device=choose_device(options.gpu_ids or "", context.comm) if uses_gpu else None,
    )


def _unfinished(
    context: Context, common: CommonOptions, entries: list[MicrographEntry]
) -> list[_Task]:
    """The micrographs to do."""
    tasks = [_Task(position, entry) for position, entry in enumerate(entries)]
    if common.only_unfinished:
        tasks = [
            task
            for task in tasks
            if not coordinate_path(context.directory, task.entry.name, SUFFIX).exists()
        ]
    if common.is_compatible:
        tasks = [_Task(place, task.entry) for place, task in enumerate(tasks)]
    return tasks


def _check_amount(common: CommonOptions, todo: list[_Task]) -> None:
    if common.write_fom_maps and common.fom_limit and len(todo) > FOM_MAP_LIMIT:
        message = (
            f"FOM maps of {len(todo)} micrographs would fill the disk (the limit is "
            f"{FOM_MAP_LIMIT}): pick from a few, or add --no_fom_limit to the "
            "additional arguments"
        )
        raise InputError(message)


def _announce(
    method: Method, entries: list[MicrographEntry], todo: list[_Task]
) -> None:
    if len(todo) < len(entries):
        _log.info(
            "%d of %d micrographs have their coordinate file already",
            len(entries) - len(todo),
            len(entries),
        )
    if not todo:
        _log.info("no new micrographs to do")
        return
    _log.info("picking from %d micrographs", len(todo))
    method.announce()


def _pick_all(
    context: Context, common: CommonOptions, method: Method, todo: list[_Task]
) -> tuple[dict[str, Array], int, list[dict[str, str]]]:
    """FOMs per micrograph of this rank's share, picks left out, and what failed."""
    foms: dict[str, Array] = {}
    failed = []
    left_out = 0
    needs_images = method.needs_images or common.avoid_contamination
    counter = context.comm.counter()
    for task, loading in _read_ahead(context, needs_images, todo):
        context.raise_if_aborted()
        name = task.entry.name
        target = coordinate_path(context.directory, name, SUFFIX)
        started = time.perf_counter()
        try:
            image, shape = loading.result()
            root = target.with_name(target.name.removesuffix(".star"))
            seed = common.random_seed + task.position
            given = image if method.needs_images else None
            found = method.pick(task.entry, given, shape, root, seed)
            away = 0
            if common.avoid_contamination and image is not None:
                found, away = _leave_out(method, task.entry, image, found)
            del image, given
        except (EngineError, OSError) as error:
            reason = why_skipped(error, name)
            failed.append({"name": name, "reason": reason})
            target.unlink(missing_ok=True)
            _log.warning("%s: skipped: %s", name, reason)
        else:
            write_coordinates(
                target,
                found,
                class_before_fom=method.class_before_fom,
                version=context.star_version,
            )
            foms[name] = found.fom
            left_out += away
            _log.info(
                "%s: %d particles in %.2f s%s",
                name,
                len(found),
                time.perf_counter() - started,
                f"; {away} picks on carbon or ice left out" if away else "",
            )
        context.progress.step(counter.add(), len(todo), _UNIT)
    done = counter.finish()
    if todo:
        context.progress.step(done, len(todo), _UNIT)
    return foms, left_out, failed


def _leave_out(
    method: Method, entry: MicrographEntry, image: Array, found: Coordinates
) -> tuple[Coordinates, int]:
    diameter, is_white = method.looks_for(entry.pixel_size)
    contamination = find_contamination(
        image, entry.pixel_size, diameter, is_white=is_white
    )
    return leave_out(found, contamination)


def _read_ahead(
    context: Context, needs_images: bool, todo: list[_Task]
) -> Iterator[tuple[_Task, Future[tuple[Array | None, tuple[int, int]]]]]:
    """This rank's tasks with their images; the next is read while one is worked on."""
    share = context.comm.share(todo)
    with ThreadPoolExecutor(1) as reader:
        loading = [reader.submit(_load, t.entry, needs_images) for t in share[:1]]
        for index, task in enumerate(share):
            current = loading.pop()
            if index + 1 < len(share):
                following = share[index + 1].entry
                loading.append(reader.submit(_load, following, needs_images))
            yield task, current


def _load(
    entry: MicrographEntry, needs_image: bool
) -> tuple[Array | None, tuple[int, int]]:
    header = read_header(entry.name)
    if header.nz != 1:
        message = f"{entry.name}: {header.nz} images in one file; is it a movie?"
        raise InputError(message)
    image = read_image(entry.name) if needs_image else None
    return image, (header.ny, header.nx)


def _conclude(
    context: Context,
    common: CommonOptions,
    entries: list[MicrographEntry],
    fresh: dict[str, Array],
    failed: list[dict[str, str]],
) -> dict[str, Any]:
    """Write what belongs to the whole job; its statistics."""
    if failed and not fresh:
        first = failed[0]
        message = (
            f"{context.directory}: none of {len(failed)} micrographs could be picked; "
            f"{first['name']}: {first['reason']}"
        )
        raise EngineError(message)
    foms = collect_foms(context, entries, fresh)
    write_lists(context, common.micrographs, entries, foms)
    values = statistics(entries, foms) | {"failed": failed}
    write_log_pdf(context.path("logfile.pdf"), str(context.directory), values)
    total, done = values["picks_total"], values["micrographs_done"]
    if failed:
        names = ", ".join(item["name"] for item in failed[:5])
        more = f" and {len(failed) - 5} more" if len(failed) > 5 else ""
        context.warn(f"{len(failed)} micrographs were skipped: {names}{more}")
    _log.info("Total number of particles from %d micrographs is %d", done, total)
    if done:
        _log.info(
            "i.e. on average there were %.0f particles per micrograph", total / done
        )
    return values
