"""Pictures for the command line: micrographs with picks, sheets of class averages."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, CommandFailure

if TYPE_CHECKING:
    from pathlib import Path

    from remote.views import Picks, Picture
    from remote.workspace import Workspace
    from tui.cli.invocation import Invocation

_LOWPASS_ANGSTROM = 20.0  # RELION's own default for looking at micrographs
_DIAMETER_ANGSTROM = 150.0
_PNG_WIDTH = 1024
_TERMINAL_WIDTH = 76
Color = tuple[int, int, int]


class Canvas:
    """A picture in red, green and blue to draw on."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.height = height
        self.pixels = bytearray(3 * width * height)

    @classmethod
    def of_grey(cls, picture: Picture) -> Canvas:
        """Return a canvas that shows a grey picture."""
        canvas = cls(picture.width, picture.height)
        for channel in range(3):
            canvas.pixels[channel::3] = picture.pixels
        return canvas

    def dot(self, x: int, y: int, color: Color) -> None:
        """Set one pixel; outside of the picture nothing happens."""
        if 0 <= x < self.width and 0 <= y < self.height:
            at = 3 * (y * self.width + x)
            self.pixels[at : at + 3] = bytes(color)

    def circle(self, x: float, y: float, radius: float, color: Color) -> None:
        """Draw a circle, every step of it less than a pixel from the last."""
        from math import cos, pi, sin

        steps = max(8, int(2 * pi * radius) + 1)
        for step in range(steps):
            angle = 2 * pi * step / steps
            self.dot(
                round(x + radius * cos(angle)), round(y + radius * sin(angle)), color
            )

    def paste(self, tile: bytes, size: int, left: int, top: int) -> None:
        """Put a square grey tile at a place."""
        for row in range(size):
            line = tile[row * size : (row + 1) * size]
            at = 3 * ((top + row) * self.width + left)
            rgb = bytearray(3 * size)
            for channel in range(3):
                rgb[channel::3] = line
            self.pixels[at : at + 3 * size] = rgb


def with_picks(picture: Picture, picks: Picks | None, diameter: float) -> Canvas:
    """Return a micrograph with a circle around every pick, colored by its FOM."""
    canvas = Canvas.of_grey(picture)
    if picks is None:
        return canvas
    pixel = picture.binning * (picture.pixel_size or 1.0)
    radius = max(2.0, diameter / 2 / pixel)
    colors = fom_colors(picks.fom) or [(90, 220, 90)] * len(picks.x)
    for x, y, color in zip(picks.x, picks.y, colors, strict=True):
        canvas.circle(x / picture.binning, y / picture.binning, radius, color)
    return canvas


def fom_colors(fom: tuple[float, ...]) -> list[Color]:
    """Return a color per pick: red the lowest FOM, over yellow, blue the highest."""
    if not fom:
        return []
    low, high = min(fom), max(fom)
    span = (high - low) or 1.0
    return [_between_red_and_blue((value - low) / span) for value in fom]


def _between_red_and_blue(share: float) -> Color:
    if share < 0.5:
        return 255, round(60 + 390 * share), 60
    return (
        round(255 - 390 * (share - 0.5)),
        round(255 - 130 * (share - 0.5)),
        round(60 + 390 * (share - 0.5)),
    )


async def show(invocation: Invocation) -> int:
    """Show or write the picture of a job."""
    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    to_file: Path | None = invocation.file
    width = invocation.width or (_PNG_WIDTH if to_file else _TERMINAL_WIDTH)
    if not 8 <= width <= 8192:
        message = f"--width {width}: from 8 to 8192"
        raise CommandFailure(message)
    if row.type == "class2d":
        canvas, what = await _class_sheet(workspace, row.name, width)
    else:
        micrograph = await _micrograph_named(workspace, row.name, invocation.micrograph)
        diameter = invocation.diameter or await _diameter_of(workspace, row.name)
        canvas, what = await _micrograph_with_picks(
            invocation, workspace, row.name, micrograph, width, diameter
        )
    output = invocation.output
    if to_file is not None:
        from tui.cli.png import encode_rgb

        to_file.write_bytes(encode_rgb(canvas.pixels, canvas.width, canvas.height))
        output.line(f"{to_file}: {what}, {canvas.width} x {canvas.height} pixels")
    else:
        output.line(what, "dim")
        output.picture(canvas.pixels, canvas.width, canvas.height)
    output.result(
        {
            "job": row.name,
            "picture": what,
            "width": canvas.width,
            "height": canvas.height,
            "file": str(to_file) if to_file else "",
        }
    )
    return DONE


async def _micrograph_named(workspace: Workspace, name: str, wanted: str) -> str:
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
    picture = await workspace.micrograph(
        name,
        micrograph,
        width=width,
        height=4 * width,
        lowpass_angstrom=invocation.lowpass,
    )
    picks = None if invocation.no_picks else await workspace.picks(name, micrograph)
    count = "" if picks is None else f", {len(picks.x)} picks"
    return with_picks(picture, picks, diameter), f"{micrograph}{count}"


async def small_picture(workspace: Workspace, name: str, micrograph: str) -> Canvas:
    """Return a micrograph with its picks, small enough for any terminal."""
    picture = await workspace.micrograph(
        name,
        micrograph,
        width=_TERMINAL_WIDTH,
        height=4 * _TERMINAL_WIDTH,
        lowpass_angstrom=_LOWPASS_ANGSTROM,
    )
    picks = await workspace.picks(name, micrograph)
    return with_picks(picture, picks, await _diameter_of(workspace, name))


async def _class_sheet(
    workspace: Workspace, name: str, width: int
) -> tuple[Canvas, str]:
    """Return the class averages side by side, the largest class first."""
    gallery = await workspace.gallery(name, max_tile=64)
    tiles: list[dict[str, Any]] = gallery["tiles"]
    if not tiles:
        message = f"{name} has no class averages yet"
        raise CommandFailure(message)
    size = int(tiles[0]["width"])
    columns = max(1, (width + 1) // (size + 1))
    rows = -(-len(tiles) // columns)
    canvas = Canvas(min(columns, len(tiles)) * (size + 1), rows * (size + 1))
    for place, tile in enumerate(tiles):
        left, top = place % columns * (size + 1), place // columns * (size + 1)
        canvas.paste(_bytes_of(tile["pixels"]), size, left, top)
    return canvas, f"{name}: {len(tiles)} class averages"


def _bytes_of(pixels: bytes | str) -> bytes:
    return pixels if isinstance(pixels, bytes) else base64.b64decode(pixels)
