"""Pictures in real terminals: what stands on the screen's pixels after keys and clicks.

With CRYODECK_SCREENS=FOLDER the screens are written as PNG files, to look at.
"""

from __future__ import annotations

import colorsys
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage, stats
from support import gallery_project
from support.engine_jobs import ROOT
from support.worked_example import CLASSIFIED
from support.x_terminal import XTerminal, write_picture

from engine.io.coordinates import read_coordinates
from engine.io.mrc import read_image, read_images

XTERM = ["xterm", "-ti", "vt340", "-u8", "-fn", "fixed", "-b", "0"]
XTERM += ["-geometry", "160x48+0+0", "-e"]
KITTY = ["kitty", "--config", "NONE", "-o", "initial_window_width=160c"]
KITTY += ["-o", "initial_window_height=36c", "-o", "remember_window_size=no"]
KITTY += [
    "-o",
    "window_padding_width=0",
    "-o",
    "font_size=8",
    "-o",
    "update_check_interval=0",
]
KITTY += ["-o", "linux_display_server=x11"]
PIXEL_SIZE, DIAMETER = 3.0, 140.0  # Å


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    gallery_project.with_classes(folder)
    gallery_project.with_picks(folder)
    return folder


def seen(pixels: np.ndarray, name: str) -> np.ndarray:
    folder = os.environ.get("CRYODECK_SCREENS")
    if folder:
        write_picture(Path(folder) / f"{name}.png", pixels)
    return pixels


def pictures(pixels: np.ndarray) -> list[tuple[slice, slice]]:
    """Where pure greys of all kinds fill more than a few letters, left to right."""
    levels = pixels.astype(np.int16)
    spread = np.ptp(levels, axis=2)
    is_picture = (spread == 0).astype(np.uint8)
    closed = ndimage.minimum_filter(ndimage.maximum_filter(is_picture, 7), 7)
    labels, _ = ndimage.label(closed)
    found = []
    for number, place in enumerate(ndimage.find_objects(labels), 1):
        height, width = (part.stop - part.start for part in place)
        if min(height, width) > 24:
            inside = levels[place][labels[place] == number]
            if inside.std() > 12 and len(inside) > 0.7 * height * width:
                found.append(place)
    return sorted(found, key=lambda place: place[1].start)


def colored(pixels: np.ndarray, least: int = 80) -> np.ndarray:
    """Where there is a strong color."""
    return np.ptp(pixels.astype(int), axis=2) > least


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def check_micrograph(pixels: np.ndarray, project: Path) -> None:
    """The micrograph as large as it can be, a ring at every pick in its color."""
    (place,) = pictures(pixels)
    shown = pixels[place].astype(float)
    image = read_image(gallery_project.MICROGRAPH)
    width = shown.shape[0] * 620 // 600  # the room is wider than high
    assert 0 <= shown.shape[1] - width < 8  # up to whole cells
    scale = width / 620
    small = ndimage.zoom(ndimage.uniform_filter(image, 2), scale, order=1)
    down, across = small.shape
    window = shown[:down, :across]
    is_plain = ~colored(window)
    assert is_plain.mean() > 0.6
    assert correlation(small[is_plain], window[is_plain][:, 0]) > 0.85
    radius = DIAMETER / 2 / PIXEL_SIZE * scale
    job = project / "AutoPick/job002/Micrographs"
    (file,) = job.glob("*_autopick.star")
    picks = read_coordinates(file)
    foms, hues, hits, misses = [], [], [], []
    angles = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    for x, y, fom in zip(picks.x, picks.y, picks.fom, strict=True):
        x, y = (x + 0.5) * scale, (y + 0.5) * scale
        around = (
            x + (radius - 0.5) * np.cos(angles),
            y + (radius - 0.5) * np.sin(angles),
        )
        columns, rows = (np.floor(a).astype(int) for a in around)
        inside = (columns >= 0) & (columns < across) & (rows >= 0) & (rows < down)
        ring = window[rows[inside], columns[inside]]
        is_mark = colored(ring[None])[0]
        hits.append(is_mark.mean())
        misses.append(
            colored(window[int(y) - 1 : int(y) + 2, int(x) - 1 : int(x) + 2]).mean()
        )
        if is_mark.any():
            foms.append(fom)
            hues.append(np.median([colorsys.rgb_to_hsv(*c)[0] for c in ring[is_mark]]))
    assert np.median(hits) > 0.75
    assert np.mean(misses) < 0.1
    assert len(hues) == len(picks)
    assert stats.spearmanr(foms, hues).statistic > 0.9
    assert hues[int(np.argmin(foms))] < 0.1 or hues[int(np.argmin(foms))] > 0.9
    assert 0.5 < hues[int(np.argmax(foms))] < 0.75


def check_gallery(pixels: np.ndarray, project: Path) -> list[tuple[slice, slice]]:
    """The three class averages, the largest class first."""
    places = pictures(pixels)
    assert len(places) == 3
    averages = read_images(project / f"{CLASSIFIED}_classes.mrcs")
    for number, place in enumerate(places):
        shown = pixels[place][..., 0].astype(float)
        factors = np.array(shown.shape) / averages.shape[1:]
        for other, average in enumerate(averages):
            wanted = ndimage.zoom(average, factors, order=1)
            height, width = (
                min(a, b) for a, b in zip(wanted.shape, shown.shape, strict=True)
            )
            found = correlation(wanted[:height, :width], shown[:height, :width])
            assert (found > 0.93) == (other == number), found
    return places


def walk(terminal: list[str], project: Path, home: Path, name: str) -> None:
    """Open the picks, take the circles off, open the classes, mark two of them."""
    environment = {
        f"CRYODECK_{kind}_HOME": str(home / kind)
        for kind in ("CONFIG", "STATE", "CACHE")
    } | {"PYTHONPATH": str(ROOT)}
    (home / "CONFIG").mkdir()
    (home / "CONFIG/settings.toml").write_text("tour = false\n")
    command = [*terminal, sys.executable, "-m", "tui", "--project", str(project)]
    with XTerminal(command, environment=environment) as window:

        def settled(found):
            """The screen once something holds and a moment later is the same."""
            before = window.wait_for(found)
            while True:
                now = window.wait_for(found)
                if all(
                    np.array_equal(before[p], now[p]) for p in pictures(now)
                ) and len(pictures(before)) == len(pictures(now)):
                    return now
                before = now

        window.wait_for(lambda p: colored(p[27:54, :60], 40).sum() > 50)  # two jobs
        window.keys("Return", "6")
        shown = settled(lambda p: len(pictures(p)) == 1 and colored(p).sum() > 4000)
        check_micrograph(seen(shown, f"{name}-micrograph"), project)
        window.keys("o")
        settled(
            lambda p: len(pictures(p)) == 1 and not colored(p[pictures(p)[0]]).any()
        )
        window.keys("Escape")
        window.wait_for(lambda p: not pictures(p))
        window.keys("Down", "Return", "6")
        shown = settled(lambda p: len(pictures(p)) == 3)
        places = check_gallery(shown, project)
        # captions of marked classes have another color
        _, second, third = [(slice(y.stop, y.stop + 16), x) for y, x in places]
        assert not colored(shown[third]).any()
        window.click(*((part.start + part.stop) / 2 for part in places[2][::-1]))
        settled(lambda p: colored(p[third]).sum() > 20)
        window.keys("Left", "space")
        shown = settled(lambda p: colored(p[second]).sum() > 20)
        check_gallery(seen(shown, f"{name}-gallery"), project)


def test_xterm_shows_the_micrograph_its_picks_and_the_classes(project, tmp_path):
    walk(XTERM, project, tmp_path, "xterm")


@pytest.mark.slow
def test_kitty_shows_the_micrograph_its_picks_and_the_classes(project, tmp_path):
    walk(KITTY, project, tmp_path, "kitty")
