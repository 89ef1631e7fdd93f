"""Pictures for the command line: micrographs with picks, sheets of class averages."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, CommandFailure

if TYPE_CHECKING:
    from pathlib import Path

    from remote.views import Ctf, Picks, Picture
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation
    from tui.cli.output import Output
    from tui.graphics import PictureMode
    from tui.halfblocks import Canvas

_LOWPASS_ANGSTROM = 20.0  # RELION's own default for looking at micrographs
_DIAMETER_ANGSTROM = 150.0
PNG_WIDTH = 1024
_TERMINAL_WIDTH = 76
_SMALLEST_CIRCLE_PX = 4.0  # below it only the center is marked


def with_picks(
    picture: Picture,
    picks: Picks | None,
    diameter: float,
    *,
    threshold: float | None = None,
    colors: tuple[float, float] | None = None,
    corner: tuple[int, int] = (0, 0),
) -> Canvas:
    """Return a micrograph with every pick circled, in the color of its FOM.

    `colors` are the values of the reddest and the bluest circle, `corner` is where a
    region begins.
    """
    from tui.halfblocks import NO_FOM, Canvas, fom_mark

    even = picture.height - picture.height % 2  # two pixels make a letter
    canvas = Canvas(picture.width, even)
    canvas.paste(picture.pixels, picture.width, even)
    if picks is None:
        return canvas
    pixel = picture.binning * (picture.pixel_size or 1.0)
    radius = diameter / 2 / pixel
    known = [fom for fom in picks.fom if fom > NO_FOM]
    red, blue = colors or (min(known, default=0.0), max(known, default=1.0))
    left, top = corner
    for i, (x, y) in enumerate(zip(picks.x, picks.y, strict=True)):
        fom = picks.fom[i] if picks.fom else NO_FOM
        if threshold is not None and NO_FOM < fom < threshold:
            continue
        color = fom_mark(fom, red, blue)
        column, row = (x - left) / picture.binning, (y - top) / picture.binning
        if radius < _SMALLEST_CIRCLE_PX:
            canvas.dot(int(column), int(row), color)
        else:
            canvas.circle(column, row, radius, color)
    return canvas


def fitting_width(mode: PictureMode | None = None) -> int:
    """Return the width of a square picture that the terminal shows whole."""
    columns, lines = shutil.get_terminal_size((_TERMINAL_WIDTH + 1, 42))
    if mode is not None and mode.has_pixels:
        across, down = mode.cell
        return max(64, min((columns - 1) * across, (lines - 3) * down, PNG_WIDTH))
    return max(40, min(columns - 1, 2 * (lines - 3), 200))


async def show(invocation: Invocation) -> int:
    """Show or write the picture of a job."""
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    to_file: Path | None = invocation.file
    mode = None if to_file else invocation.output.picture_mode()
    width = invocation.width
    if width is None:
        width = PNG_WIDTH if mode is None else fitting_width(mode)
    if not 8 <= width <= 8192:
        message = f"--width {width}: from 8 to 8192"
        raise CommandFailure(message)
    if row.type == "class2d":
        canvas, what = await _class_sheet(invocation, workspace, row.name, width)
    else:
        micrograph = await micrograph_named(workspace, row.name, invocation.micrograph)
        diameter = invocation.diameter or await _diameter_of(workspace, row.name)
        canvas, what = await _micrograph_with_picks(
            invocation, workspace, row.name, micrograph, width, diameter
        )
    output = invocation.output
    size = f", {canvas.width} x {canvas.height} pixels" if to_file else ""
    file = _shown(output, canvas, to_file, what + size, mode)
    output.result(
        {
            "job": row.name,
            "picture": what,
            "width": canvas.width,
            "height": canvas.height,
            "file": file,
        }
    )
    return DONE


def _shown(
    output: Output,
    canvas: Canvas,
    file: Path | None,
    words: str,
    mode: PictureMode | None = None,
) -> str:
    """Print a picture, or write the PNG file that is wanted; its name."""
    if file is None:
        output.line(words, "dim")
        output.picture(canvas, mode)
        return ""
    from tui.cli.png import encode_rgb

    file.write_bytes(encode_rgb(canvas.rgb(), canvas.width, canvas.height))
    output.line(f"{file}: {words}")
    return str(file)


async def micrograph_named(workspace: Workspace, name: str, wanted: str) -> str:
    """Return a job's micrograph by its number from 1 or by a part of its name."""
    names = [str(m["name"]) for m in await workspace.micrographs(name)]
    if not names:
        message = f"{name} has no micrographs to show"
        raise CommandFailure(message)
    if wanted.isdecimal():
        if 1 <= int(wanted) <= len(names):
            return names[int(wanted) - 1]
        message = f"--micrograph {wanted}: {name} has 1 to {len(names)}"
        raise CommandFailure(message)
    found = [n for n in names if n == wanted] or [n for n in names if wanted in n]
    if len(found) == 1:
        return found[0]
    how_many = "none" if not found else f"{len(found)}"
    message = f"--micrograph {wanted}: {how_many} of {name}'s has that in its name"
    raise CommandFailure(message)


async def _diameter_of(workspace: Workspace, name: str) -> float:
    """Return the particle's diameter as the job's form has it, in Å."""
    from engine.errors import EngineError

    job = await workspace.load_job(name)
    try:
        if job.flag("do_log", False):
            return (job.number("log_diam_min") + job.number("log_diam_max")) / 2
    except EngineError:
        pass
    return _DIAMETER_ANGSTROM


async def _micrograph_with_picks(
    invocation: Invocation,
    workspace: Workspace,
    name: str,
    micrograph: str,
    width: int,
    diameter: float,
) -> tuple[Canvas, str]:
    from tui.halfblocks import NO_FOM

    region = region_of(invocation.region)
    shown, is_spectrum = micrograph, invocation.spectrum
    if is_spectrum:
        shown = await _spectrum_of(workspace, name, micrograph)
    picture = await workspace.micrograph(
        name,
        shown,
        width=width,
        height=4 * width,
        lowpass_angstrom=0.0 if is_spectrum else invocation.lowpass,
        highpass_angstrom=0.0 if is_spectrum else invocation.highpass,
        sigma_contrast=invocation.sigma,
        region=region,
    )
    if is_spectrum:
        ctf = await workspace.ctf(name, micrograph)
        return _spectrum(picture, ctf, shown, region[:2] if region else (0, 0))
    picks = None if invocation.no_picks else await workspace.picks(name, micrograph)
    if picks is not None and invocation.color_file:
        picks = await _colored(invocation, workspace, picks, micrograph)
    canvas = with_picks(
        picture,
        picks,
        diameter,
        threshold=invocation.threshold,
        colors=colors_of(invocation.colors),
        corner=region[:2] if region else (0, 0),
    )
    count = "" if picks is None else f", {len(picks.x)} picks"
    if picks is not None and invocation.threshold is not None and picks.fom:
        shown_ones = sum(not NO_FOM < f < invocation.threshold for f in picks.fom)
        count = f", {shown_ones} of {len(picks.x)} picks"
    return canvas, f"{micrograph}{count}"


def _spectrum(
    picture: Picture, ctf: Ctf | None, file: str, corner: tuple[int, int]
) -> tuple[Canvas, str]:
    """Return a power spectrum with its rings, and what they are."""
    from tui.charts import text_of
    from tui.ctf_rings import draw, legend

    canvas = with_picks(picture, None, 0.0)
    (left, top), binning = corner, picture.binning
    draw(canvas, picture, ctf, lambda x, y: ((x - left) / binning, (y - top) / binning))
    return canvas, f"{file}: {text_of(legend(picture, ctf))}"


async def _spectrum_of(workspace: Workspace, name: str, micrograph: str) -> str:
    """Return the file of a micrograph's CTF power spectrum."""
    for item in await workspace.micrographs(name):
        if item["name"] == micrograph and item.get("ctf_image"):
            return str(item["ctf_image"])
    message = f"{micrograph}: its list names no CTF image (rlnCtfImage)"
    raise CommandFailure(message)


async def _colored(
    invocation: Invocation, workspace: Workspace, picks: Picks, micrograph: str
) -> Picks:
    """Return picks whose figures of merit are another file's numbers, by place."""
    from tui.picking import Colors

    label = invocation.color_by
    places = await workspace.pick_colors(invocation.color_file, micrograph, label)
    return Colors(label, places).on(picks)


def region_of(text: str | None) -> tuple[int, int, int, int] | None:
    """Return X,Y,W,H as numbers."""
    if text is None:
        return None
    words = text.split(",")
    if len(words) != 4 or not all(word.strip().isdecimal() for word in words):
        message = f"--region {text}: write X,Y,W,H in pixels of the micrograph"
        raise CommandFailure(message)
    x, y, width, height = (int(word) for word in words)
    if not (width and height):
        message = f"--region {text}: it has no area"
        raise CommandFailure(message)
    return x, y, width, height


def colors_of(text: str | None) -> tuple[float, float] | None:
    """Return RED,BLUE as numbers."""
    if text is None:
        return None
    try:
        red, blue = (float(word) for word in text.split(","))
    except ValueError:
        message = f"--colors {text}: write RED,BLUE, as 0,5"
        raise CommandFailure(message) from None
    return red, blue


async def small_picture(
    workspace: Workspace, name: str, micrograph: str, width: int = 0
) -> Canvas:
    """Return a micrograph with its picks; small enough for any terminal, or so wide."""
    width = width or fitting_width()
    picture = await workspace.micrograph(
        name,
        micrograph,
        width=width,
        height=4 * width,
        lowpass_angstrom=_LOWPASS_ANGSTROM,
    )
    picks = await workspace.picks(name, micrograph)
    return with_picks(picture, picks, await _diameter_of(workspace, name))


def sheet_of(tiles: list[dict[str, Any]], width: int) -> Canvas:
    """Return tiles side by side, as many as fit into so many pixels."""
    from tui.halfblocks import Canvas

    across, down = tiles[0]["width"] + 1, tiles[0]["height"] + 1
    columns = min(len(tiles), max(1, (width + 1) // across))
    canvas = Canvas(columns * across - 1, -(-len(tiles) // columns) * down - 1)
    for place, tile in enumerate(tiles):
        left, top = place % columns * across, place // columns * down
        canvas.paste(tile["pixels"], tile["width"], tile["height"], left, top)
    return canvas


def average_tiles(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an average and its deviation as two tiles."""
    size = {"width": found["width"], "height": found["height"]}
    return [{"pixels": found[key], **size} for key in ("pixels", "deviation_pixels")]


def show_tiles(invocation: Invocation, tiles: list[dict[str, Any]], words: str) -> str:
    """Print tiles, or write them to the PNG file that is wanted; its name."""
    file: Path | None = invocation.file
    canvas = sheet_of(tiles, PNG_WIDTH if file is not None else fitting_width())
    return _shown(invocation.output, canvas, file, words)


async def _class_sheet(
    invocation: Invocation, workspace: Workspace, name: str, width: int
) -> tuple[Canvas, str]:
    """Return the class averages side by side, the largest class first; or one."""
    from tui.tile_orders import ORDERS
    from tui.tile_sheet import full_caption, in_order, tile_canvas

    number, iteration = invocation.class_number, invocation.iteration
    if number is not None:
        found = await workspace.gallery(
            name, iteration, max_tile=256, numbers=(number,)
        )
        if not found["tiles"]:
            message = f"--class {number}: {name} has no such class"
            raise CommandFailure(message)
        tile = found["tiles"][0]
        side = min(width, 8 * int(tile["width"]))
        return tile_canvas(tile, side, side), f"{name}: {full_caption(tile)}"
    gallery = await workspace.gallery(name, iteration, max_tile=64)
    order = next(one for one in ORDERS if one.key.startswith(invocation.sort))
    tiles = in_order(gallery["tiles"], order)
    if not tiles:
        message = f"{name} has no class averages yet"
        raise CommandFailure(message)
    canvas = sheet_of(tiles, width)
    what = f"{len(tiles)} class averages of iteration {gallery['iteration']}"
    by = "the largest class first" if order is ORDERS[0] else f"by {order.words}"
    return canvas, f"{name}: {what}, {by}"
