"""Micrographs and stacks as small grey pictures, made where the data are."""

import os
import re
import threading
import time
from collections import OrderedDict
from typing import Any, BinaryIO, Dict, List, Optional, Sequence, Tuple

from engine.project.errors import StarError
from engine.project.star_stream import LoopStream
from remote.agent import grey, lists, mrc
from remote.agent.class2d import iterations, read_model
from remote.agent.files import open_plain
from remote.agent.levels import Levels
from remote.agent.project import job_folder
from remote.agent.verbs import Answer, Request, VerbError, verb

_MAX_SIDE = 4096
_MAX_TILES = 400
_BLANK_PX = 16  # of a tile where no image could be read
_MOST_KEPT = 4_000_000  # pixels, of four bytes, of pictures that were read
_SAMPLED = 1.4  # pixels that the Gaussian of a low-pass is at least wide
_READABLE = (".mrc", ".mrcs", ".map", ".ctf", ".st")


@verb(heavy=True)
def micrograph(
    request: Request,
    name: str,
    micrograph: str,
    width: int = 512,
    height: int = 512,
    lowpass_angstrom: float = 0.0,
    region: Optional[Sequence[int]] = None,
    highpass_angstrom: float = 0.0,
    sigma_contrast: float = 0.0,
    black: float = 0.0,
    white: float = 0.0,
    greys: int = 256,
    coarser: int = 1,
) -> Answer:
    """A micrograph, or a region (x, y, width, height) of it, reduced to fit.

    Grey runs over so many deviations around the mean, else from `black` to `white` if
    these differ, else between percentiles. With fewer greys than 256 noise takes
    fewer bytes on its way, and with pixels so many times coarser than fit.
    """
    started = time.monotonic()
    number, path = _split_name(micrograph)
    file_path = request.path(path)
    if not file_path.endswith(_READABLE):
        message = "{}: only MRC files can be shown".format(path)
        raise VerbError(message, "bad request")
    width, height = min(width, _MAX_SIDE), min(height, _MAX_SIDE)
    with open_plain(file_path) as handle:
        header = mrc.read_header(handle, micrograph)
        pixel_size = header.pixel_size
        # a spectrum has another size of pixels than the list says
        if not micrograph.endswith((":mrc", ".ctf")):
            pixel_size = _pixel_size(request, name, micrograph) or pixel_size
        place = _clipped(region, header)
        binning = mrc.binning_for(place[2], place[3], width, height)
        blur = grey.sigma_of(lowpass_angstrom, pixel_size * binning)
        # what is smoother needs fewer pixels
        most = max(1, coarser, int(blur / _SAMPLED))
        binning *= max(1, min(most, place[2] // binning, place[3] // binning))
        levels = _levels(request, handle, header, (place, number - 1, binning))
    levels = levels.blurred(grey.sigma_of(lowpass_angstrom, pixel_size * binning))
    slow = grey.sigma_of(highpass_angstrom, pixel_size * binning)
    if slow:
        levels = levels.without(levels.blurred(slow))
    request.check()
    if sigma_contrast > 0:
        black, white = grey.sigma_limits(levels, sigma_contrast)
    elif white <= black:
        black, white = grey.limits(levels)
    said = {
        "width": levels.width,
        "height": len(levels.rows),
        "source_width": header.nx,
        "source_height": header.ny,
        "region": list(place),
        "pixel_size": pixel_size,
        "binning": binning,
        "label": os.path.basename(path),
    }
    pixels = grey.coarser(grey.shown(levels, black, white), greys)
    said["took_s"] = time.monotonic() - started
    return Answer(said, pixels)


_Cut = Tuple[mrc.Region, int, int]  # region, number of the image from 0, binning
_kept: "OrderedDict[Any, Levels]" = OrderedDict()  # reduced, and not filtered yet
_lock = threading.Lock()


def _levels(
    request: Request, handle: BinaryIO, header: mrc.Header, cut: _Cut
) -> Levels:
    """A part of a picture, reduced; read once for all filters and contrasts."""
    there = os.fstat(handle.fileno())
    key = (there.st_dev, there.st_ino, there.st_mtime, there.st_size, cut)
    with _lock:
        found = _kept.get(key)
    if found is None:
        place, number, binning = cut
        reduced = mrc.reduce_image(handle, header, binning, place, number, request)
        found = grey.levels_of(reduced.rows)
    with _lock:
        _kept[key] = found
        _kept.move_to_end(key)
        total = sum(one.width * len(one.rows) for one in _kept.values())
        while total > _MOST_KEPT:
            _, gone = _kept.popitem(last=False)
            total -= gone.width * len(gone.rows)
    return found


def _split_name(name: str) -> Tuple[int, str]:
    """Number from 1 and file of "000012@stack.mrcs" or of "mic_PS.ctf:mrc"."""
    if name.endswith(":mrc"):  # RELION's word for how to read it
        name = name[: -len(":mrc")]
    match = re.match(r"([0-9]+)@(.+)\Z", name, re.S)
    return (max(1, int(match.group(1))), match.group(2)) if match else (1, name)


def _clipped(region: Optional[Sequence[int]], header: mrc.Header) -> mrc.Region:
    if region is None:
        return (0, 0, header.nx, header.ny)
    x, y, width, height = (int(v) for v in region)
    left, top = max(0, min(x, header.nx - 1)), max(0, min(y, header.ny - 1))
    right, bottom = min(header.nx, x + width), min(header.ny, y + height)
    return (left, top, max(1, right - left), max(1, bottom - top))


def _pixel_size(request: Request, name: str, micrograph: str) -> float:
    """Pixel size by the job's micrograph list, which RELION believes first."""
    if not name:
        return 0.0
    try:
        _, folder = job_folder(request, name)
        source = lists.own_list(folder) or request.path(
            lists.input_list(request, folder)
        )
        return lists.pixel_size_of(source, micrograph)
    except (StarError, VerbError, OSError):
        return 0.0


@verb(heavy=True)
def gallery(
    request: Request,
    name: str,
    iteration: Optional[int] = None,
    max_tile: int = 64,
    numbers: Optional[Sequence[int]] = None,
    greys: int = 256,
) -> Answer:
    """Class averages, templates or particles of a job as tiles with captions.

    The bytes are the tiles one after the other, each stretched by itself; with
    `numbers` only these.
    """
    found, folder = job_folder(request, name)
    known: List[int] = []
    model = ""
    if found.startswith("Class2D/"):
        captions, known, iteration, model = _classes(found, folder, iteration)
    else:
        captions = _images(folder)
    if numbers is not None:
        wanted = set(numbers)
        captions = [one for one in captions if one["number"] in wanted]
    tiles, size, pixels = tiles_of(request, captions, max(8, min(max_tile, 256)))
    said = {
        "iteration": iteration,
        "iterations": known,
        "model": model,
        "width": size[0],
        "height": size[1],
        "tiles": tiles,
    }
    return Answer(said, grey.coarser(pixels, greys))


@verb(heavy=True)
def average(
    request: Request,
    name: str,
    numbers: Sequence[int],
    iteration: Optional[int] = None,
    max_tile: int = 256,
) -> Answer:
    """Average and standard deviation of class averages, of their real values.

    Every class counts the same and none is turned: it is what RELION's viewer shows,
    without its way over 8-bit greys. The bytes are the two pictures.
    """
    found, folder = job_folder(request, name)
    captions: List[Dict[str, Any]] = _images(folder)
    if found.startswith("Class2D/"):
        captions, _, iteration, _ = _classes(found, folder, iteration)
    wanted = set(numbers)
    chosen = [one for one in captions if one["number"] in wanted]
    if not chosen:
        message = "{}: none of these classes is there".format(found)
        raise VerbError(message, "not found")
    images = [str(caption["image"]) for caption in chosen]
    moments = moments_of(request, found, images, max_tile)
    said = {
        "iteration": iteration,
        "count": len(chosen),
        "width": moments.width,
        "height": moments.height,
        "lowest": min(moments.means),
        "highest": max(moments.means),
        "deviation": sum(moments.spreads) / len(moments.spreads),
    }
    return Answer(said, moments.pictures())


class Moments:
    """Mean and standard deviation of images, pixel by pixel."""

    def __init__(
        self, width: int, height: int, means: List[float], spreads: List[float]
    ) -> None:
        self.width, self.height = width, height
        self.means, self.spreads = means, spreads

    def pictures(self) -> bytes:
        """Both as grey pictures, one after the other."""
        both = (self.means, self.spreads)
        return b"".join(grey.to_bytes([values]) for values in both)


def moments_of(
    request: Request, source: str, images: Sequence[str], max_tile: int
) -> Moments:
    """Moments of images given as "12@stack.mrcs", each of their real values."""
    shape: Tuple[int, int] = (0, 0)
    sums: List[float] = []
    squares: List[float] = []
    handles: Dict[str, Any] = {}
    try:
        for name in images:
            request.check()
            image = _reduced(request, handles, name, max_tile)
            values = [v for row in image.rows for v in row]
            if not sums:
                shape, sums = (image.width, image.height), [0.0] * len(values)
                squares = list(sums)
            if (image.width, image.height) != shape:
                message = "{}: images of different sizes".format(source)
                raise VerbError(message, "damaged")
            sums = [a + b for a, b in zip(sums, values)]
            squares = [a + b * b for a, b in zip(squares, values)]
    finally:
        for handle, _ in handles.values():
            handle.close()
    n = len(images)
    means = [s / n for s in sums]
    spreads = [max(0.0, q / n - m * m) ** 0.5 for q, m in zip(squares, means)]
    return Moments(shape[0], shape[1], means, spreads)


def _classes(found: str, folder: str, iteration: Optional[int]) -> Any:
    models = iterations(folder)
    if not models:
        return [], [], None, ""
    known = [number for number, _ in models]
    if iteration is None:
        iteration = known[-1]
    if iteration not in known:
        text = "{}: no iteration {}; there are {} to {}"
        message = text.format(found, iteration, known[0], known[-1])
        raise VerbError(message, "not found")
    path = dict(models)[iteration]
    classes = [dict(c) for c in read_model(path)["classes"]]
    return classes, known, iteration, found + "/" + os.path.basename(path)


_COLUMNS = (
    ("distribution", "rlnClassDistribution"),
    ("resolution", "rlnEstimatedResolution"),
    ("accuracy_rotations", "rlnAccuracyRotations"),
    ("accuracy_translations", "rlnAccuracyTranslationsAngst"),
    ("fom", "rlnAutopickFigureOfMerit"),
)


def _images(folder: str) -> List[Dict[str, Any]]:
    """Images that a Select or Extract job lists: averages first, else particles."""
    for file_name, block, label in (
        ("class_averages.star", "", "rlnReferenceImage"),
        ("particles.star", "particles", "rlnImageName"),
        ("particles.star", "", "rlnImageName"),
    ):
        path = os.path.join(folder, file_name)
        if not os.path.exists(path):
            continue
        try:
            with LoopStream(path, block) as stream:
                if label not in stream.labels:
                    continue
                return _captions(stream, label)
        except StarError:
            continue
    return []


def _captions(stream: LoopStream, label: str) -> List[Dict[str, Any]]:
    found = []
    labels = list(stream.labels)
    for row in stream.rows():
        values = dict(zip(labels, row))
        one: Dict[str, Any] = {"image": values[label]}
        one["number"] = _split_name(values[label])[0]
        if "rlnMicrographName" in values:
            one["micrograph"] = values["rlnMicrographName"]
        for key, column in _COLUMNS:
            value = lists.number(values.get(column, ""))
            if value - value == 0:
                one[key] = value
        found.append(one)
        if len(found) >= _MAX_TILES:
            break
    return found


def tiles_of(request: Request, captions: List[Dict[str, Any]], max_tile: int) -> Any:
    """Tiles of all images; one that cannot be read is grey and says why."""
    tiles = []
    pieces = []
    size = (0, 0)
    handles: Dict[str, Any] = {}
    try:
        for caption in captions[:_MAX_TILES]:
            request.check()
            image = str(caption.pop("image", ""))
            pixels = b""
            try:
                found = _reduced(request, handles, image, max_tile)
                if size == (0, 0):
                    size = (found.width, found.height)
                if size == (found.width, found.height):
                    pixels = grey.to_bytes(found.rows)
            except (OSError, VerbError) as error:
                caption["error"] = str(error)
            tiles.append(caption)
            pieces.append(pixels)
    finally:
        for handle, _ in handles.values():
            handle.close()
    if tiles and size == (0, 0):  # nothing could be read
        size = (_BLANK_PX, _BLANK_PX)
    blank = b"\x80" * (size[0] * size[1])
    return tiles, size, b"".join(piece or blank for piece in pieces)


def _reduced(
    request: Request, handles: Dict[str, Any], image: str, max_tile: int
) -> mrc.Reduced:
    """One image of a stack, reduced to fit a tile."""
    number, path = _split_name(image)
    handle, header = _opened(request, handles, path)
    if number > max(1, header.nz):
        text = "{}: no image {}".format(path, number)
        raise VerbError(text, "not found")
    binning = mrc.binning_for(header.nx, header.ny, max_tile, max_tile)
    whole = (0, 0, header.nx, header.ny)
    return mrc.reduce_image(handle, header, binning, whole, number - 1)


def _opened(request: Request, handles: Dict[str, Any], path: str) -> Any:
    if path not in handles:
        if len(handles) > 50:
            for handle, _ in handles.values():
                handle.close()
            handles.clear()
        handle = open_plain(request.path(path))
        try:
            handles[path] = (handle, mrc.read_header(handle, path))
        except BaseException:
            handle.close()
            raise
    return handles[path]
