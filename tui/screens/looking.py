"""Bringing micrographs into a picture: filters, contrast, colors, the one after."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from textual.binding import Binding, BindingType
from textual.message import Message

from engine.project.picks_file import FOM
from remote.views import Ctf, HowFar, Picture
from tui.charts import Line
from tui.ctf_rings import legend
from tui.halfblocks import enlarged, fom_color
from tui.picking import Colors, Display
from tui.widgets.picture_view import IDLE_S, PictureView
from tui.widgets.window_view import Region

if TYPE_CHECKING:
    from textual.timer import Timer
    from textual.widget import Widget

    from engine.jobs.job import Job
    from remote.calls import OnProgress
    from tui.app import CryodeckApp

LOWPASSES = (0.0, 10.0, 20.0, 40.0)
KEPT = 32
PICTURES = ("picture", "ahead")  # answers with pixels: asked for, and before that
COARSER = 2  # times a pixel's side, of what comes first over a slow link
_LATE_S = 0.8  # on the way: the link is slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """How grey values are made of a micrograph's numbers; lengths in Å."""

    lowpass: float = 0.0
    highpass: float = 0.0
    sigma: float = 0.0  # deviations around the mean; 0: black and white, or percentiles
    black: float = 0.0
    white: float = 0.0

    @classmethod
    def of(cls, display: Display) -> Filters:
        """What a Manual picking form asks for."""
        return cls(
            lowpass=display.lowpass,
            highpass=display.highpass,
            sigma=display.sigma_contrast,
            black=display.black,
            white=display.white,
        )

    def words(self) -> str:
        """What is not at its default."""
        parts = []
        if self.lowpass:
            parts.append(f"low-pass {self.lowpass:g} Å")
        if self.highpass:
            parts.append(f"high-pass {self.highpass:g} Å")
        if self.sigma:
            parts.append(f"{self.sigma:g} σ")
        elif self.white > self.black:
            parts.append(f"black {self.black:g} white {self.white:g}")
        return " · ".join(parts)


class ReadOn(Message):
    """More of a picture has been read where it lies."""

    def can_replace(self, message: Message) -> bool:
        """The newest says all."""
        return isinstance(message, ReadOn)


class Looking:
    """Asks for pixels on behalf of a widget; remembers those it had."""

    def __init__(self, owner: Widget, view: PictureView, job: str) -> None:
        self._owner, self.view, self.job = owner, view, job
        self.filters = Filters()
        self.name = ""
        self.spectrum = ""  # file of the power spectrum shown in the micrograph's place
        self.diameter = 0.0  # Å
        self.pixel_size = 0.0  # Å; 0 for the file's
        self.scale = 0.0  # a new micrograph is shown at, screen to file; 0: all of it
        self._is_new = True
        self._is_late = False  # pictures take long on their way
        self._sharpening: Timer | None = None
        self.is_reading = True
        self.far = ""  # how far the reading is, in words
        self._kept: OrderedDict[tuple[Any, ...], Picture] = OrderedDict()
        self._ctfs: dict[str, Ctf | None] = {}  # by the file of the spectrum

    @property
    def is_far(self) -> bool:
        """Whether a quarter of the pixels should come first."""
        app: CryodeckApp = self._owner.app  # type: ignore[assignment]
        is_slow = self._is_late or app.is_slow
        return is_slow and self.view.mode.has_pixels and not self.spectrum

    def _key(self, name: str = "", coarser: int = 1) -> tuple[Any, ...]:
        shown = name or self.spectrum or self.name
        filters = Filters() if self.spectrum and not name else self.filters
        region = None if name else self.view.looked_at
        return (shown, region, self.view.space(), filters, coarser)

    def ask(self) -> None:
        """Show what should be seen, at once if it is kept."""
        if not self.name or self.view.size.width < 2:
            return
        self.view.is_spectrum = bool(self.spectrum)
        key, coarse = self._key(), self._key(coarser=COARSER)
        if self.is_far and key not in self._kept:
            key = coarse
        if key in self._kept:
            self.take(key, self._kept[key])
        else:
            self.is_reading, self.far = True, ""
            self._fetch(key, "picture", self._tell)

    def _sharpen(self) -> None:
        """Ask for all pixels once nobody does anything."""
        app: CryodeckApp = self._owner.app  # type: ignore[assignment]
        left = app.touched_at + IDLE_S - time.monotonic()
        if left > 0:
            self._sharpen_in(left)
        elif self._key() not in self._kept:
            self._fetch(self._key(), "picture")

    def _sharpen_in(self, seconds: float) -> None:
        if self._sharpening is not None:
            self._sharpening.stop()
        self._sharpening = self._owner.set_timer(seconds, self._sharpen)

    def ahead(self, name: str) -> None:
        """Fetch a micrograph before it is asked for."""
        key = self._key(name, COARSER if self.is_far else 1)
        if self.view.looked_at is None and not self.spectrum and key not in self._kept:
            self._fetch(key, "ahead")

    def _tell(self, far: HowFar) -> None:
        """Hear how much of the picture has been read."""
        self.far = f"{100 * far.done // far.total} %" if far.total else ""
        if self._owner.is_attached:
            self._owner.post_message(ReadOn())

    def _fetch(
        self, key: tuple[Any, ...], group: str, tell: OnProgress | None = None
    ) -> None:
        job, micrograph, spectrum = self.job, self.name, self.spectrum
        name, region, (width, height), filters, coarser = key

        async def question(w: Any) -> tuple[tuple[Any, ...], Picture]:
            picture = await w.micrograph(
                job,
                name,
                width=width,
                height=height,
                lowpass_angstrom=filters.lowpass,
                highpass_angstrom=filters.highpass,
                sigma_contrast=filters.sigma,
                black=filters.black,
                white=filters.white,
                region=region,
                on_progress=tell,
                coarser=coarser,
            )
            if spectrum and name == spectrum:
                self._ctfs[spectrum] = await w.ctf(job, micrograph)
            return key, picture

        app: CryodeckApp = self._owner.app  # type: ignore[assignment]
        app.bridge.ask(self._owner, group, question)

    def take(self, key: tuple[Any, ...], picture: Picture) -> bool:
        """Keep a picture that came; show it if it is the one that is wanted."""
        self._kept[key] = picture
        self._kept.move_to_end(key)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        is_coarse = key[-1] > 1
        if picture.on_its_way_s > 0:
            self._is_late = picture.on_its_way_s > (
                _LATE_S / 2 if is_coarse else _LATE_S
            )
        if key != self._key(coarser=key[-1]) or (
            is_coarse and self._key() in self._kept
        ):
            return False
        if is_coarse:
            picture = enlarged(picture, COARSER)
            self._sharpen_in(IDLE_S)
        self.is_reading = False
        pixel = self.pixel_size or picture.pixel_size
        self.view.diameter_px = self.diameter / pixel if pixel else 0.0
        region: Region | None = key[1]
        self.view.ctf = self._ctfs.get(self.spectrum)
        self.view.show_picture(picture, region)
        if self._is_new and self.scale and not self.spectrum:
            self.view.look_at_scale(1 / self.scale)
        self._is_new = False
        return True

    def reading_line(self) -> Line:
        """That a picture is being read, and how far."""
        if not self.is_reading:
            return []
        return [(f"  reading {self.far or '…'}", "queued")]

    def set_diameter(self, diameter: float) -> None:
        """Draw circles of another size."""
        self.diameter = diameter
        picture = self.view.picture
        pixel = self.pixel_size or (picture.pixel_size if picture is not None else 0.0)
        self.view.diameter_px = diameter / pixel if pixel else 0.0
        self.view.draw_again()

    def look_elsewhere(self, name: str) -> None:
        """Show another micrograph, seen as a whole."""
        self.name, self.spectrum = name, ""
        self.view.looked_at, self._is_new = None, True
        self.ask()

    def scale_line(self) -> Line:
        """The scale, the filters and the circles, in words."""
        picture = self.view.picture
        if picture is None:
            return []
        if self.spectrum:
            return legend(picture, self.view.ctf)
        pixel = (self.pixel_size or picture.pixel_size) * picture.binning
        words = f"{pixel:.1f} Å/px" if pixel else f"1:{picture.binning:.1f}"
        if self.filters.words():
            words += f" · {self.filters.words()}"
        if self.diameter:
            words += f" · circles {self.diameter:g} Å"
            if self.view.is_dotted:
                words += " as dots, + for circles"
        return [(words, "faint")]


def circle_diameter(job: Job) -> float:
    """Diameter in Å of the circles around the picks of a job."""
    if job.flag("do_log", False):
        return job.number("log_diam_max", 0.0)
    if job.type.key == "autopick":
        return job.number("mindist_autopick", 0.0) or 100.0
    return job.number("diameter", 0.0) if job.type.key == "manualpick" else 0.0


def color_line(view: PictureView, label: str = "FOM", cells: int = 12) -> Line:
    """The colors with the values they stand for, the lowest first."""
    red, blue = view.fom_range()
    low, high = min(red, blue), max(red, blue)
    line: Line = [(f"  {label} {low:.2f} ", "faint")]
    for i in range(cells):
        at = i / (cells - 1)
        share = at if blue >= red else 1 - at
        r, g, b = fom_color(share)
        line.append(("━", f"#{r:02x}{g:02x}{b:02x}"))
    line.append((f" {high:.2f}", "faint"))
    return line


def ask_colors(asker: Any, settings: Display, name: str) -> None:
    """Have the numbers by which a form colors picks; "colors" is (name, Colors)."""
    path, label = settings.color_file, settings.color_label

    async def question(w: Any) -> tuple[str, Colors]:
        return name, Colors(label, await w.pick_colors(path, name, label))

    asker.app.bridge.ask(asker, "colors", question)


def color_name(label: str) -> str:
    """A column's name, short: FOM, ParticleSelectZScore."""
    return "FOM" if label == FOM else label.removeprefix("rln")


class LookingKeys:
    """Actions that set a `Looking`, for whatever has `looking` and `view`."""

    looking: Looking
    app: CryodeckApp

    @property
    def view(self) -> PictureView:
        """The picture."""
        raise NotImplementedError

    def _say(self) -> None:
        raise NotImplementedError

    def _filter(self, **changes: float) -> None:
        self.looking.filters = replace(self.looking.filters, **changes)
        self.looking.ask()
        self._say()

    def _ask_numbers(
        self, title: str, now: str, count: int, use: Any, hint: str = ""
    ) -> None:
        """Ask for so many numbers; an empty line gives none."""
        from tui.screens.dialogs import AskLine

        def given(text: str | None) -> None:
            if text is None:
                return
            try:
                numbers = [float(word) for word in text.replace(",", " ").split()]
            except ValueError:
                numbers = [float("nan")]
            if len(numbers) not in (0, count) or any(n - n != 0 for n in numbers):
                what = "a number" if count == 1 else f"{count} numbers"
                words = f"{title}: {what}, or nothing"
                self.app.notify(words, severity="error", markup=False, timeout=6)
                return
            use(numbers)
            self._say()

        self.app.push_screen(AskLine(title, now, hint), given)

    def action_lowpass(self) -> None:
        """Take the next low-pass."""
        now = self.looking.filters.lowpass
        higher = [lowpass for lowpass in LOWPASSES if lowpass > now]
        self._filter(lowpass=higher[0] if higher else LOWPASSES[0])

    def action_filters(self) -> None:
        """Ask for low-pass and high-pass."""
        now = self.looking.filters
        self._ask_numbers(
            "Low-pass and high-pass (Å)",
            f"{now.lowpass:g} {now.highpass:g}",
            2,
            lambda n: self._filter(
                lowpass=max(0.0, n[0]) if n else 0.0,
                highpass=max(0.0, n[1]) if n else 0.0,
            ),
            "0 is none.",
        )

    def action_sigma(self) -> None:
        """Ask for the contrast in deviations from the mean."""
        self._ask_numbers(
            "Sigma contrast",
            f"{self.looking.filters.sigma:g}",
            1,
            lambda n: self._filter(sigma=max(0.0, n[0]) if n else 0.0),
            "Black and white lie so many deviations from the mean; 0: from the values.",
        )

    def action_black_white(self) -> None:
        """Ask for the values that are black and white."""
        now = self.looking.filters
        self._ask_numbers(
            "Black and white value",
            f"{now.black:g} {now.white:g}",
            2,
            lambda n: self._filter(
                sigma=0.0, black=n[0] if n else 0.0, white=n[1] if n else 0.0
            ),
            "0 0: by the picture itself.",
        )

    def action_diameter(self) -> None:
        """Ask for the circles' diameter."""
        self._ask_numbers(
            "Diameter of the circles (Å)",
            f"{self.looking.diameter:g}",
            1,
            lambda n: self.looking.set_diameter(max(0.0, n[0]) if n else 0.0),
        )

    def action_colors(self) -> None:
        """Ask for the values that are red and blue."""
        red, blue = self.view.fom_range()

        def use(numbers: list[float]) -> None:
            self.view.color_range = (numbers[0], numbers[1]) if numbers else None
            self.view.draw_again()

        self._ask_numbers(
            "Red value and blue value",
            f"{red:.4g} {blue:.4g}",
            2,
            use,
            "Nothing: the lowest and the highest.",
        )

    def action_threshold(self, step: int) -> None:
        """Move the threshold on the figure of merit."""
        view = self.view
        low, high = sorted(view.fom_range())
        now = view.threshold if view.threshold is not None else low
        new = min(high, max(low, now + step * (high - low) / 25))
        view.set_threshold(round(new, 4))

    def action_no_threshold(self) -> None:
        """Show every pick."""
        self.view.set_threshold(None)

    def _ctf_image(self) -> str:
        """File of the power spectrum of the micrograph that is shown."""
        raise NotImplementedError

    def action_spectrum(self) -> None:
        """Show the CTF power spectrum, or the micrograph again."""
        looking = self.looking
        if looking.spectrum:
            looking.spectrum = ""
        else:
            looking.spectrum = self._ctf_image()
            if not looking.spectrum:
                words = "The list names no CTF image (rlnCtfImage) of this micrograph"
                self.app.notify(words, markup=False, timeout=6)
                return
        self.view.looked_at = None
        looking.ask()
        self._say()

    def action_why(self) -> None:
        """Tell which kind of picture was chosen, and why."""
        from tui.screens.why_pictures import WhyPictures

        self.app.push_screen(WhyPictures())


LOOKING_BINDINGS: list[BindingType] = [
    Binding("l", "lowpass", "low-pass"),
    Binding("h", "filters", "low-pass and high-pass in Å", show=False),
    Binding("i", "sigma", "sigma contrast", show=False),
    Binding("I", "black_white", "black and white value", show=False),
    Binding("d", "diameter", "circle diameter", show=False),
    Binding("v", "colors", "red and blue value", show=False),
    Binding("t", "spectrum", "CTF"),
    Binding("left_square_bracket", "threshold(-1)", "lower threshold", show=False),
    Binding("right_square_bracket", "threshold(1)", "threshold", show=False),
    Binding("backslash", "no_threshold", "no threshold", show=False),
    Binding("w", "why", "why this kind of picture", show=False),
]
