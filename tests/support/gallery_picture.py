"""The picture of class averages in README: a real kitty, the practice project.

    PYTHONPATH=tests python -m support.gallery_picture docs/screens/gallery.png

The practice project is made first, if it is not there yet (some minutes).
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from support.homes import homes
from support.x_terminal import XTerminal, write_picture

ROOT = Path(__file__).resolve().parents[2]
PROJECT = Path("/tmp/practice")
KITTY = [
    *("kitty", "--config", "NONE", "-o", "linux_display_server=x11"),
    *("-o", "initial_window_width=130c", "-o", "initial_window_height=38c"),
    *("-o", "remember_window_size=no", "-o", "window_padding_width=0"),
    *("-o", "update_check_interval=0", "-o", "font_size=11"),
]
SCREEN = 1280, 800
MARKED = "space Right space Right Right Right space Right space"
CURSOR = "Down"


def draw(file: Path) -> None:
    """Make the project, open its gallery, mark four classes, keep what is seen."""
    home = Path(f"/tmp/practice-home-{os.getpid()}")
    environment = {**homes(home), "PYTHONPATH": str(ROOT)}
    (home / "config").mkdir(parents=True)
    (home / "config/settings.toml").write_text("tour = false\n")
    program = [sys.executable, "-m", "tui"]
    if not (PROJECT / "Class2D").is_dir():
        demo = [*program, "demo", str(PROJECT), "--headless", "--tutorial"]
        subprocess.run(demo, check=True, env=os.environ | environment, cwd=ROOT)
    if not (PROJECT / "Class2D" / "fifty").is_dir():  # as many as in the tutorial
        new = "new class2d --from Class2D/LoG --alias fifty --set nr_classes=50"
        fifty = [*program, "--project", str(PROJECT), *new.split(), "--run", "--wait"]
        subprocess.run(fifty, check=True, env=os.environ | environment, cwd=ROOT)
    view = ["open", "job", "Class2D/fifty", "pictures"]
    command = [*KITTY, *program, "--project", str(PROJECT), *view]
    with XTerminal(command, environment=environment, size=SCREEN) as window:
        window.wait_for(is_lit)
        window.keys(*MARKED.split(), *CURSOR.split())
        pixels = settled(window)
        down, across = np.nonzero(pixels.any(axis=2))  # the screen behind is black
        write_picture(file, pixels[: down.max() + 1, : across.max() + 1])


def is_lit(pixels: np.ndarray) -> bool:
    """Whether there is a lot of grey, as of pictures."""
    return bool((pixels.min(axis=2) > 90).mean() > 0.05)


def settled(window: XTerminal) -> np.ndarray:
    """The screen once only ages on it change."""
    before = window.pixels()
    while True:
        time.sleep(1.5)
        now = window.pixels()
        if np.array_equal(before[40:], now[40:]):
            return now
        before = now


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
