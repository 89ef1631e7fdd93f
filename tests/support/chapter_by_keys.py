"""The tutorial's auto-picking chapter, walked by keys alone in a real terminal.

Each step is what a person does at the screen: it presses keys, and reads what stands
there before it goes on. Used by the test, and by the pictures of docs/tutorial.md.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from support.terminal import Terminal

NUMBERS = {
    "import": "1",
    "manualpick": "3",
    "autopick": "4",
    "extract": "5",
    "class2d": "6",
    "select": "7",
}
ALIASES = {
    "Import/job001": "micrographs",
    "ManualPick/job002": "byhand",
    "Select/job003": "5mics",
    "AutoPick/job004": "LoG",
    "Extract/job005": "LoG",
    "Class2D/job006": "LoG",
    "Select/job007": "templates4autopick",
    "AutoPick/job008": "optimise_params",
    "AutoPick/job009": "template",
    "Extract/job010": "template",
}


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What depends on how large the micrographs are."""

    simulate: str  # options of `simulate`
    micrographs: int
    box: str
    background: str
    rescaled: str
    reference_pixel: str
    classes: str
    iterations: str
    job_s: float = 600.0  # patience with one job


#: The tutorial's own numbers, on micrographs of its size.
TUTORIAL = Scale(
    simulate="--size full --count 8",
    micrographs=8,
    box="256",
    background="200",
    rescaled="64",
    reference_pixel="3.54",
    classes="50",
    iterations="25",
)
#: The same on micrographs with 3.2 Å per pixel.
QUICK = Scale(
    simulate="--size quick --count 6",
    micrographs=6,
    box="72",
    background="56",
    rescaled="36",
    reference_pixel="6.4",
    classes="12",
    iterations="8",
)


class Walk:
    """One person at one terminal, in one project."""

    def __init__(
        self, terminal: Terminal, scale: Scale, pictures: Path | None = None
    ) -> None:
        self.terminal = terminal
        self.scale = scale
        self.pictures = pictures

    # what hands and eyes do

    def see(self, wanted: str, limit_s: float = 30.0) -> str:
        """The screen, once it shows what one waits for."""
        return self.terminal.wait_for(wanted, limit_s)

    def press(self, *keys: str) -> None:
        """Press keys."""
        self.terminal.keys(*keys)

    def keep(self, name: str) -> None:
        """Keep the screen as a picture for the documentation."""
        if self.pictures is not None:
            self.uncovered()
            self.terminal.settled()
            self.terminal.picture(self.pictures / f"{name}.png")

    def uncovered(self) -> None:
        """Wait until what was told, which lies over the screen, is gone again."""
        self.terminal.uncovered()

    def field(self, key: str, tabs: int = 40) -> None:
        """Go down the form to a field of this tab."""
        for _ in range(tabs):
            self.uncovered()
            shown = re.search(r"· key (\w+)", self.see(r"· key \w+"))
            assert shown is not None
            if shown[1] == key:
                return
            self.press("Tab")
            for _ in range(100):
                if not re.search(rf"· key {shown[1]}\s", self.terminal.text()):
                    break
                time.sleep(0.1)
        message = f"no field {key}:\n{self.terminal.text()}"
        raise AssertionError(message)

    def write(self, key: str, text: str) -> None:
        """Put a text into a field in place of what stands there."""
        self.field(key)
        self.press("C-u")
        if text:
            self.terminal.type(text)

    def switch(self, key: str, answer: str) -> None:
        """Answer Yes or No: y and n say it whatever it was."""
        self.field(key)
        self.press({"Yes": "y", "No": "n"}[answer])

    def browse(self, key: str, wanted: str) -> None:
        """Fill a field from the list of results that fit it."""
        self.field(key)
        self.press("C-o")
        self.see("Results of jobs that fit this field")
        self.terminal.type(wanted)
        self.see(rf"│ {re.escape(wanted)}")
        self.press("Enter")
        self.see(rf"{re.escape(wanted)} +…")

    def new(self, type_key: str, title: str) -> None:
        """Open the form of a new job, from the job list."""
        self.press("n", NUMBERS[type_key])
        self.see(f"new {title}")
        self.see(r"· key \w+")

    def tabs(self, times: int) -> None:
        """Go some tabs on, each once the one before it has the focus.

        Else a key of the old tab is read off the screen, and what is pressed for it
        goes to the new one.
        """
        for _ in range(times):
            key = re.search(r"· key (\w+)", self.see(r"· key \w+"))
            assert key is not None
            self.press("F9")
            for _ in range(600):
                shown = re.search(r"· key (\w+)", self.terminal.text())
                if shown is not None and shown[1] != key[1]:
                    break
                time.sleep(0.1)

    def tab(self, name_of_first_key: str) -> None:
        """Go to the next tab of the form."""
        self.press("F9")
        self.see(f"key {name_of_first_key}")

    def run(self, job: str, *, picture: str = "") -> None:
        """Run! with its question, then the log until the job is done."""
        self.press("C-r")
        self.see(r"Run!  new|Continue!  ")
        if picture:
            self.keep(f"{picture}-run")
        self.press("Enter")
        self.see(re.escape(job))
        self._until_done()
        if picture:
            self.keep(f"{picture}-log")
        self.press("1")
        self.see("✓ Finished", 30)

    def _until_done(self) -> None:
        """Follow the log to its end."""
        shown = self.see("done after|✗ ", self.scale.job_s)
        assert "✗ " not in shown, shown

    def alias(self, job: str) -> None:
        """Give the job that is open its alias of the tutorial."""
        self.press("a")
        self.see(f"Alias of {job}")
        self.terminal.type(ALIASES[job])
        self.press("Enter")
        self.see(re.escape(f"{job} ({ALIASES[job]})"))

    def back_to_list(self) -> None:
        """Leave the job, and those it was started from."""
        for _ in range(6):
            self.uncovered()
            left = self.terminal.text().splitlines()[0]
            self.press("Escape")
            # a message that comes just now lies over that line, too
            self.see(rf"\A(?!{re.escape(left[:70])})(?!.* ▌ )")
            if "Progress or result" in self.terminal.settled():
                return
        self.see("Progress or result")

    # the chapter, section by section

    def open_project(self, cluster: str, path: str) -> None:
        """The first start: the tour, the cluster, the folder, a new project."""
        self.see("Welcome to cryodeck")
        self.keep("tutorial-tour")
        self.press("Escape")
        self.see(cluster)
        self.press("Down", "o")
        self.see(f"Project on {cluster}")
        self.terminal.type(path)
        self.press("Enter")
        self.see("no RELION project here")
        self.terminal.type(":init 3.1")
        self.press("Enter")
        self.see("No jobs yet")

    def import_micrographs(self) -> None:
        """The list that CTF estimation has left."""
        self.new("import", "Import")
        self.switch("do_raw", "No")
        self.tab("do_other")
        self.switch("do_other", "Yes")
        self.write("fn_in_other", "micrographs_ctf.star")
        self.field("node_type")
        self.press("Enter")
        self.see("⏎ choose")
        self.press("Down", "Down", "Down", "Down")
        self.press("Enter")
        self.see("‹ Micrographs STAR file")
        self.run("Import/job001")
        self.see(f"{self.scale.micrographs} items")
        self.alias("Import/job001")
        self.back_to_list()

    def pick_a_few_by_hand(self) -> None:
        """The job whose micrographs the tutorial makes its subset of."""
        self.new("manualpick", "Manual picking")
        self.browse("fn_in", "Import/job001/micrographs_ctf.star")
        self.tab("diameter")
        self.write("diameter", "160")
        self.press("C-r")
        self.see(rf"{self.scale.micrographs} of {self.scale.micrographs} micrographs")
        self.press("Enter")
        self.see("mic0001.mrc +0 picks")
        self.see("▀▀▀▀")  # the picture
        self.terminal.settled(1.5)
        self.press("Space", "L", "Space", "J", "Space", "H", "H", "Space")
        self.see("4 picks +saved")
        self.press("x")
        self.see("3 picks +saved")
        self.keep("tutorial-by-hand")
        self.press("Escape")
        self.see("3 picks on 1")
        self.press("Escape")
        self.see("x starts one of these")
        self.alias("ManualPick/job002")
        self.back_to_list()

    def select_five_micrographs(self) -> None:
        """Subset selection: invert, tick the first five."""
        self.new("select", "Subset selection")
        self.browse("fn_coords", "ManualPick/job002/coords_suffix_manualpick.star")
        self.press("C-r")
        self.see("picks of ManualPick/job002")
        self.press("v")
        self.see(f"0 of {self.scale.micrographs} micrographs selected")
        self.press("Space", "Space", "Space", "Space", "Space")
        self.see(f"5 of {self.scale.micrographs} micrographs selected")
        self.see("saved")
        self.keep("tutorial-subset")
        self.press("Escape")
        self.see("x starts one of these")
        self.alias("Select/job003")

    def pick_by_log(self) -> None:
        """LoG-based auto-picking of the five."""
        self.press("x")
        self.see("Pick by Laplacian of Gaussian")
        self.keep("tutorial-next-after-subset")
        self.press("Enter")
        self.see("new Auto-picking")
        self.see("Input micrographs for autopick +Select/job003")
        self.write("angpix", "-1")
        self.switch("do_log", "Yes")
        self.tab("log_diam_min")
        self.write("log_diam_min", "150")
        self.write("log_diam_max", "180")
        self.switch("log_invert", "No")
        self.write("log_maxres", "20")
        self.write("log_adjust_thr", "0")
        self.write("log_upper_thr", "5")
        self.see(r"Upper threshold \(stddev\) +5 ")
        self.keep("tutorial-log-form")
        self.tabs(2)
        self.switch("do_write_fom_maps", "No")
        self.switch("do_read_fom_maps", "No")
        self.write("shrink", "0")
        self.switch("use_gpu", "No")
        self.tabs(2)
        self.write("nr_mpi", "1")
        self.run("AutoPick/job004", picture="tutorial-log")
        self.alias("AutoPick/job004")
        self.press("5")
        self.see("particles picked +[1-9]")
        self.keep("tutorial-log-statistics")
        self.press("6")
        self.see("mic0001.mrc +[0-9]+ picks")
        self.terminal.settled(1.5)
        self.keep("tutorial-log-picks")
        self.press("1")

    def extract_by_log(self) -> None:
        """Particle extraction, boxes of 256 pixels scaled down to 64."""
        self.see("x starts one of these")
        self.press("x")
        self.see("Extract particles")
        self.press("Enter")
        self.see("new Particle extraction")
        self._extraction()
        self.run("Extract/job005")
        self.alias("Extract/job005")
        self.press("T")
        self.see("particles")
        self.terminal.settled(1.5)
        self.press("v", "m")
        self.terminal.settled(1.5)
        self.keep("tutorial-particles")
        self.press("Escape", "Escape")

    def _extraction(self) -> None:
        scale = self.scale
        self.browse("star_mics", "Import/job001/micrographs_ctf.star")
        self.field("coords_suffix")
        self.switch("do_reextract", "No")
        self.tab("extract_size")
        self.write("extract_size", scale.box)
        self.switch("do_invert", "Yes")
        self.switch("do_norm", "Yes")
        self.write("bg_diameter", scale.background)
        self.write("white_dust", "-1")
        self.write("black_dust", "-1")
        self.switch("do_rescale", "Yes")
        self.write("rescale", scale.rescaled)
        self.keep("tutorial-extract-form")

    def classify(self) -> None:
        """2D classification of what the LoG filter has picked."""
        scale = self.scale
        self.see("x starts one of these")
        self.press("x")
        self.see("Classify in 2D")
        self.press("Enter")
        self.see("new 2D classification")
        self.see("Input images STAR file +Extract/job005/particles.star")
        self.tab("do_ctf_correction")
        self.switch("do_ctf_correction", "Yes")
        self.switch("ctf_intact_first_peak", "No")
        self.tab("nr_classes")
        self.write("nr_classes", scale.classes)
        self.write("tau_fudge", "2")
        self.write("nr_iter", scale.iterations)
        self.switch("do_fast_subsets", "No")
        self.write("particle_diameter", "200")
        self.switch("do_zero_mask", "Yes")
        self.write("highres_limit", "-1")
        self.keep("tutorial-class2d-form")
        self.tabs(3)
        self.switch("do_parallel_discio", "Yes")
        self.write("nr_pool", "30")
        self.switch("do_preread_images", "Yes")
        self.switch("do_combine_thru_disc", "No")
        self.switch("use_gpu", "No")
        self.tabs(1)
        self.write("nr_mpi", "2")
        self.write("nr_threads", "1")
        self.press("C-r")
        self.see("Run!  new")
        self.press("Enter")
        self.see("Class2D/job006")
        self.see("[Ii]teration|Expectation", self.scale.job_s)
        self.keep("tutorial-classify-log")
        if self.pictures is not None:
            self._watch()
        self._until_done()
        self.press("1")
        self.see("✓ Finished", 30)
        self.alias("Class2D/job006")
        self.press("5")
        self.see("(?i)class")
        self.terminal.settled(1.0)
        self.keep("tutorial-classes-statistics")
        self.press("6")
        self.see("by class distribution")
        self.terminal.settled(1.5)
        self.keep("tutorial-classes")

    def _watch(self) -> None:
        """The logs of all running jobs, below the list."""
        self.back_to_list()
        self.press("v")
        self.see(r"Class2D/job006 .*\n.*\d+:\d+:\d+")
        self.keep("tutorial-watch")
        self.press("v", "Enter")
        self.see(r"1 Overview")
        self.press("4")

    def choose_classes(self) -> None:
        """Four class averages become templates, re-centered."""
        self.see("by class distribution")
        self.see(r"\d+ \d+\.\d%")
        self.press("u")  # nothing is marked
        self.press("Space", "Right", "Space", "Right", "Space", "Right", "Space")
        self.see("4 marked")
        self.keep("tutorial-mark-classes")
        self.press("S")
        self.see("Keep these classes")
        self.see("templates4autopick")
        self.see(r"\[x\] Re-center the class averages")
        self.keep("tutorial-select-classes")
        self.press("Enter")
        self.see("Select/job007 ")
        self.back_to_list()
        self.see(r"✓ Finished +Select/job007 +templates4autopick", 60)
        self.press("Enter")
        self.see("x starts one of these")
        self.keep("tutorial-next-job")

    def pick_by_templates(self) -> None:
        """Template picking of the five micrographs, with the FOM maps kept."""
        self.press("x")
        self.see("Pick with these templates|Pick .*templates")
        self.press("Enter")
        self.see("new Auto-picking")
        self.see("2D references +Select/job007/class_averages.star")
        self.browse("fn_input_autopick", "Select/job003/micrographs_selected.star")
        self.write("angpix", "-1")
        self.switch("do_ref3d", "No")
        self.switch("do_log", "No")
        self.tabs(2)
        self.see("key lowpass")
        self.write("lowpass", "20")
        self.write("highpass", "-1")
        self.write("angpix_ref", self.scale.reference_pixel)
        self.write("particle_diameter", "-1")
        self.write("psi_sampling_autopick", "5")
        self.switch("do_invert_refs", "Yes")
        self.switch("do_ctf_autopick", "Yes")
        self.switch("do_ignore_first_ctfpeak_autopick", "No")
        self.keep("tutorial-template-form")
        self._thresholds("0.8", "200", write="Yes")
        self.write("shrink", "0")
        self.switch("use_gpu", "No")
        self.keep("tutorial-template-autopicking")
        self.tabs(2)
        self.write("nr_mpi", "1")
        self.run("AutoPick/job008")
        self.alias("AutoPick/job008")

    def _thresholds(self, threshold: str, distance: str, *, write: str) -> None:
        self.tab("threshold_autopick")
        self.write("threshold_autopick", threshold)
        self.write("mindist_autopick", distance)
        self.write("maxstddevnoise_autopick", "-1")
        self.write("minavgnoise_autopick", "-999")
        self.switch("do_write_fom_maps", write)
        self.switch("do_read_fom_maps", "No")

    def hunt(self) -> None:
        """Two rounds of Continue! with other values, from the stored maps."""
        before = self.picks("AutoPick/job008")
        self.press("6")
        self.see("mic0001.mrc +[0-9]+ picks")
        self.press("v")
        self.see("Red value and blue value")
        self.press("C-u")
        self.terminal.type("0 1")
        self.press("Enter")
        self.see("FOM 0.00 .* 1.00")
        self.terminal.settled(1.5)
        self.keep("tutorial-red-blue")
        counts = [before]
        for values, first in (("0.4 150", "-first"), ("0 100", "")):
            self.press("H")
            self.see("picking threshold")
            self.press("Space")  # what it was is kept to compare
            self.press("t")
            self.see("Threshold and distance in Å")
            self.press("C-u")
            self.terminal.type(values)
            self.press("Enter")
            self.see(rf"minimum distance +{values.split()[1]} ")
            self.press("Space")
            self.terminal.settled(1.0)
            self.keep(f"tutorial-hunt{first}")
            self.press("Enter")
            self.see("Continue!  ")
            self.keep(f"tutorial-hunt{first}-continue")
            self.press("Enter")
            self._until_done()
            self.press("1")
            counts.append(self._more_picks(counts[-1]))
        self.keep("tutorial-optimised")
        assert counts[0] < counts[1] < counts[2], counts

    def picks(self, job: str) -> int:
        """Particles that the open job says it has picked."""
        shown = self.see(r"\d[\d ]* particles\b")
        found = re.search(r"micrographs, ([\d ]+) particles", shown)
        assert found is not None, shown
        return int(found[1].replace(" ", ""))

    def _more_picks(self, before: int) -> int:
        """Particles once the job has more than before.

        The log's end and the state may still be those of the run before.
        """
        end = time.monotonic() + self.scale.job_s
        while time.monotonic() < end:
            self.see("✓ Finished", self.scale.job_s)
            if (count := self.picks("AutoPick/job008")) > before:
                return count
            time.sleep(0.5)
        message = f"never more than {before} picks:\n{self.terminal.text()}"
        raise AssertionError(message)

    def pick_everything(self) -> None:
        """All micrographs in parallel, without maps."""
        self.see("x starts one of these")
        self.press("x")
        self.see("│ Pick on all micrographs")
        self.press("Enter")
        self.see("new Auto-picking")
        self.see("Input micrographs for autopick +Import/job001/micrographs_ctf.star")
        self.see("2D references +Select/job007/class_averages.star")
        self.tabs(2)
        self._thresholds("0.0", "100", write="No")
        self.tabs(2)
        self.write("nr_mpi", "4")
        self.run("AutoPick/job009")
        self.alias("AutoPick/job009")
        self.press("6")
        self.see("mic0001.mrc +[0-9]+ picks")
        self.terminal.settled(1.5)
        self.press("+")
        self.terminal.settled(1.5)
        self.keep("tutorial-all-picks")
        self.press("1")
        self.see("x starts one of these")

    def extract_everything(self) -> None:
        """The initial data set: as before, but for the coordinates."""
        self.press("x")
        self.see("Extract particles")
        self.press("Enter")
        self.see("new Particle extraction")
        self.see("Input coordinates +AutoPick/job009/coords_suffix_autopick.star")
        self._extraction()
        self.run("Extract/job010")
        self.alias("Extract/job010")
        self.back_to_list()

    def clean_gently(self) -> None:
        """The FOM maps go, the picks stay."""
        self.press("Down", "Down")
        self.terminal.settled(0.3)
        self.press("C")
        self.see("Clean up AutoPick/job008")
        self.press("Enter")
        self.see(r"\.spi")
        self.keep("tutorial-clean")
        self.press("Enter")
        self.see("cleaned up")

    def look_back(self) -> None:
        """All jobs, who feeds whom, and what was asked of the cluster."""
        shown = self.see("Progress or result")
        for job, alias in ALIASES.items():
            assert re.search(rf"✓ Finished +{job} +{alias} ", shown), (job, shown)
        self.keep("tutorial-end")
        self.press("w")
        self.see("esc back to the list")  # the jobs stand in the list, too
        self.keep("tutorial-graph")
        self.press("Escape")
        self.see("Progress or result")
        self.press("M")
        self.see("How each job was made")
        self.keep("tutorial-notebook")
        self.press("Escape")
        self.see("1 Overview")
        self.press("Escape")
        self.see("Progress or result")
        self.press("F12")
        self.see("journal")
        self.keep("tutorial-journal")
        self.press("Escape")
        self.see("Progress or result")
