"""From a key to its picture, in real terminals: seconds, here and over a far link.

    python benchmarks/bench_picture_keys.py [--delay MS] [--json FILE]

Micrographs of the tutorial's size (3710 x 3838) with picks, and class averages, in
xterm (sixel) and kitty under Xvfb. What is timed is the screen: from the
press until its last pixel changed. With `--delay` the project lies behind a real sshd
whose link delays every packet by so many milliseconds each way (needs root). Wall
clock: the machine has to be quiet, and the load average is printed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support import gallery_project, x_terminal  # noqa: E402
from support.engine_jobs import make_project, run_engine  # noqa: E402
from support.far_link import far_link  # noqa: E402
from support.pipelines import set_status  # noqa: E402

from engine.io.mrc import write_mrc  # noqa: E402
from remote.cluster import Cluster, save  # noqa: E402

TERMINALS = {
    "xterm, sixel": (
        *("xterm", "-ti", "vt340", "-u8", "-fn", "fixed", "-b", "0"),
        *("-geometry", "200x60+0+0", "-e"),
    ),
    "kitty": (
        *("kitty", "--config", "NONE", "-o", "font_size=8"),
        *("-o", "initial_window_width=170c", "-o", "initial_window_height=50c"),
        *("-o", "remember_window_size=no", "-o", "update_check_interval=0"),
        *("-o", "linux_display_server=x11"),
    ),
}
STEPS = (
    ("next micrograph, fetched ahead", ("n",)),
    ("the one before, kept", ("p",)),
    ("zoom in", ("plus",)),
    ("pan", ("Right",)),
    ("whole again", ("0",)),
    ("low-pass 10 Å", ("l",)),
    ("contrast", ("c",)),
    ("circles off", ("o",)),
)
TILES = (("sort the gallery", ("s",)), ("one class large", ("Return",)))
_STILL_S, _LONGEST_S = 0.6, 20.0


def project_in(folder: Path) -> None:
    """Two micrographs with picks (the larger first), and classes."""
    gallery_project.with_classes(folder)
    chance = np.random.default_rng(1)
    images = []
    for number, shape in enumerate(((3838, 3710), (3838, 3710), (1200, 1240))):
        path = folder.parent / f"mic{number}.mrc"
        write_mrc(path, chance.normal(size=shape).astype(np.float32), 0.885)
        images.append(path)
    make_project(folder, images, 0.885)
    values = {"fn_input_autopick": "micrographs.star", "do_log": "Yes"}
    values |= {"log_diam_min": "150", "log_diam_max": "180"}
    name = gallery_project.new_job(folder, "autopick", "3.1", values)
    done = run_engine(folder, name)
    if done.returncode:
        raise SystemExit(done.stderr)
    set_status(folder, name, "Succeeded")


@contextlib.contextmanager
def place(folder: Path, delay_ms: float) -> Iterator[tuple[Path, list[str]]]:
    """The project, and the words that name its cluster."""
    here = folder / "project"
    here.mkdir()
    project_in(here)
    if not delay_ms:
        yield here, []
        return
    with far_link(folder / "far", f"delay={delay_ms / 1000}") as link:
        there = link.live.home / "project"
        shutil.copytree(here, there)
        link.live.enter("chown", "-R", link.live.user, str(there))
        profile: Cluster = link.live.profile(scheduler="shell")
        save(profile)
        yield there, ["--host", profile.name]


def timed(window: x_terminal.XTerminal, *keys: str) -> float:
    """Seconds from the press until the middle of the screen changed last."""

    def middle() -> bytes:
        return window.pixels()[60:560, 240:].tobytes()

    before = middle()
    start = time.monotonic()
    window.keys(*keys)
    last = 0.0
    while (now := time.monotonic() - start) < _LONGEST_S:
        seen = middle()
        if seen != before:
            before, last = seen, now
        elif last and now - last > _STILL_S:
            break
        time.sleep(0.01)
    return round(last, 2)


def measure(
    terminal: tuple[str, ...], project: Path, words: list[str], home: Path
) -> dict[str, float]:
    """Every step in one terminal."""
    command = [*terminal, sys.executable, "-m", "tui", *words]
    environment = {
        f"CRYODECK_{kind}_HOME": str(home / kind)
        for kind in ("CONFIG", "STATE", "CACHE")
    } | {"PYTHONPATH": str(ROOT)}
    found: dict[str, float] = {}
    with x_terminal.XTerminal(
        [*command, "--project", str(project)], environment=environment
    ) as window:
        time.sleep(4)
        window.keys("Return", "6")
        time.sleep(6)
        for name, keys in STEPS:
            found[name] = timed(window, *keys)
            time.sleep(2)
        window.keys("Escape")
        time.sleep(1)
        window.keys("Down", "Return", "6")
        time.sleep(5)
        for name, keys in TILES:
            found[name] = timed(window, *keys)
            time.sleep(1)
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    x_terminal.SIZE = (1280, 820)
    results: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="bench-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the account behind the link has to get in
        home = folder / "home"
        for kind in ("CONFIG", "STATE", "CACHE"):
            (home / kind).mkdir(parents=True)
            os.environ[f"CRYODECK_{kind}_HOME"] = str(home / kind)
        (home / "CONFIG/settings.toml").write_text("tour = false\n")
        with place(folder, arguments.delay) as (project, words):
            for terminal, command in TERMINALS.items():
                with contextlib.suppress(FileNotFoundError, subprocess.SubprocessError):
                    results[terminal] = measure(command, project, words, home)
    print(f"load {os.getloadavg()[0]:.1f}; {arguments.delay:g} ms each way")
    print("| key |", " | ".join(results), "|")
    print("|---|" + "---|" * len(results))
    for step in next(iter(results.values())):
        print(
            f"| {step} |", " | ".join(f"{r[step]:.2f}" for r in results.values()), "|"
        )
    if arguments.json:
        said = {"load": os.getloadavg()[0], "delay_ms": arguments.delay, **results}
        arguments.json.write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
