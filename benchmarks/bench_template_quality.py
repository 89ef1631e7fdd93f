"""What template picking finds: cryodeck and RELION with the same references, by truth.

    python benchmarks/bench_template_quality.py WORK_DIR [--real DIR] [--map FILE]
        [--seeds 21 22 23] [--count 8] [--relion-seeds 3] [--only SET] [--json FILE]

Simulated sets (one clean, with references of equal height and of one grey scale; one
with carbon and ice crystals at low contrast) are made in WORK_DIR; `--real` names a
folder of real micrographs with truth, laid out as benchmarks/README.md says, `--map` a
map of beta-galactosidase to project for them. Both programs pick with the tutorial's
settings at threshold 0; cryodeck picks once more without what is on carbon and ice, and
by Laplacian of Gaussian with and without that. RELION's figure of merit has a random
scale, so it picks with several random seeds: its row is their mean, the spread of its
average precision is printed behind. "common": the median error of cryodeck's centers
and of RELION's on the particles that both find.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench_picks import engine, link_set
from bench_template import VIEWS, rotation
from score_picks import (
    Field,
    Score,
    common_errors,
    format_heading,
    format_row,
    read_fields,
    score,
)

from engine.fourier.filters import lowpass
from engine.io.mrc import read_header, read_image, read_images, write_mrc
from engine.jobs.job import Job
from engine.picking.projections import project_map
from engine.simulation.molecule import add_projection, molecule

BOX, PIXEL_SIZE = 64, 3.54
#: Standard deviations of the background: averages that are CTF corrected are strong at
#: low frequencies, which the CTF takes away; others look like the particles themselves.
CORRECTED, PLAIN = 5.0, 1.0
PICKERS = ("relion", "cryodeck", "cryodeck avoiding", "log", "log avoiding")
AVOID, EVERYWHERE = ({"cryodeck_avoid_contamination": says} for says in ("Yes", "No"))


@dataclass(frozen=True, kw_only=True)
class Set:
    """Projects to pick with one set of references, and how to judge the picks."""

    name: str
    projects: tuple[Path, ...]
    references: Path
    diameter: float  # Å
    blob: tuple[int, int]  # Å, diameters for LoG
    distance: float  # Å, least of two picks
    radius: float  # Å, to be a hit
    use_ctf: bool
    truth_suffix: str = "_truth.star"


def main() -> int:
    """Pick, score, print, and write the numbers."""
    parser = argparse.ArgumentParser(description="Score template picking by truth.")
    parser.add_argument("work", type=Path)
    parser.add_argument("--real", type=Path, help="real micrographs with truth")
    parser.add_argument("--map", type=Path, help="map of beta-galactosidase")
    parser.add_argument("--seeds", type=int, nargs="+", default=[21, 22, 23])
    parser.add_argument("--count", type=int, default=8, help="micrographs a seed [8]")
    parser.add_argument("--relion-seeds", type=int, default=3, help="its runs [3]")
    parser.add_argument(
        "--reuse-relion",
        action="store_true",
        help="RELION's numbers from --json, its picks from WORK_DIR",
    )
    parser.add_argument("--only", default="", help="sets whose name has this in it")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    work = args.work.resolve()
    work.mkdir(parents=True, exist_ok=True)
    results: dict[str, dict[str, object]] = {}
    if args.json and args.json.exists():
        results = json.loads(args.json.read_text(encoding="utf-8"))
    print(format_heading() + f"{'s':>8}   common, cryodeck Å, RELION Å")
    for one in sets(work, args):
        if args.only not in one.name:
            continue
        if args.reuse_relion:
            known = results.get(one.name, {}).get("relion")
            if known is None:
                continue
            judged = judge(one, 0)
            results[one.name] = {"relion": known, **dict(judged)}
        else:
            results[one.name] = dict(judge(one, args.relion_seeds))
        if args.json:
            args.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


def sets(work: Path, args: argparse.Namespace) -> Iterator[Set]:
    """The sets; those that are not there yet are made when their turn comes."""
    if args.only in "simulated dirty":
        yield from simulated_sets(work, args.seeds, args.count)
    if args.real:
        yield from real_sets(work, args.real, args.map)


def simulated_sets(work: Path, seeds: list[int], count: int) -> Iterator[Set]:
    """One clean set, and one of several seeds with carbon and ice."""
    references = work / "betagalactosidase.mrcs"
    project_molecule("betagalactosidase", references, CORRECTED)
    even = work / "betagalactosidase_one_scale.mrcs"
    project_molecule("betagalactosidase", even, CORRECTED, has_one_scale=True)
    clean = simulate(work / "clean", count, seeds[0] + 10, [])
    one = Set(
        name=f"simulated, {count}",
        projects=(clean,),
        references=references,
        diameter=200,
        blob=(150, 180),
        distance=110,
        radius=50,
        use_ctf=True,
    )
    yield one
    yield replace(one, name=f"{one.name}, one grey scale", references=even)
    dirty = tuple(
        simulate(work / f"dirty{seed}", count, seed, ["--dirty", "--contrast", "0.6"])
        for seed in seeds
    )
    name = f"simulated dirty, {count * len(seeds)}"
    yield replace(one, name=name, projects=dirty)


def simulate(project: Path, count: int, seed: int, more: list[str]) -> Path:
    """A practice set of small micrographs."""
    if not (project / "micrographs_ctf.star").exists():
        engine(["simulate", project, "--count", count, "--seed", seed, *more])
    return project


def real_sets(work: Path, source: Path, volume: Path | None) -> Iterator[Set]:
    """The real micrographs with truth; CTFs are not known of all, so none are used."""
    shell = work / "apoferritin.mrcs"
    project_molecule("apoferritin", shell, PLAIN)
    project = link_set(work, source, "apoferritin", 3.0, (110, 140), 40, "truth")
    yield Set(
        name=project.name,
        projects=(project.project,),
        references=shell,
        diameter=140,
        blob=(110, 140),
        distance=90,
        radius=40,
        use_ctf=False,
        truth_suffix=project.truth_suffix,
    )
    if volume is None:
        return
    views = work / "map.mrcs"
    project_volume(volume, views)
    for folder, pixel_size, truth in (
        ("betagal_10204", 4.599, "truth_refined"),
        ("betagal_denoised", 7.08, "truth_cryosegnet"),
    ):
        project = link_set(work, source, folder, pixel_size, (150, 180), 57, truth)
        one = Set(
            name=project.name,
            projects=(project.project,),
            references=views,
            diameter=200,
            blob=(150, 180),
            distance=110,
            radius=57,
            use_ctf=False,
            truth_suffix=project.truth_suffix,
        )
        yield one
        if folder == "betagal_10204":
            yield even_sides(one)


def even_sides(one: Set) -> Set:
    """The set without its micrographs' last row or column where a side is odd.

    With an odd longest side RELION's maps are wrong; this is a fair comparison.
    """
    (source,) = one.projects
    project = source.with_name(f"{source.name}_even")
    picks = shutil.ignore_patterns("AutoPick")
    shutil.copytree(source, project, dirs_exist_ok=True, ignore=picks)
    for path in (project / "Micrographs").glob("*.mrc"):
        image = read_image(path)
        height, width = (side - side % 2 for side in image.shape)
        write_mrc(path, image[:height, :width], read_header(path).pixel_size)
    return replace(one, name=f"{one.name}, even sides", projects=(project,))


def project_molecule(
    name: str, path: Path, height: float, *, has_one_scale: bool = False
) -> None:
    """Four views of a molecule as class averages look: white, in a disc."""
    images = np.zeros((len(VIEWS), BOX, BOX), dtype=np.float32)
    for image, view in zip(images, VIEWS, strict=True):
        center = (BOX // 2, BOX // 2)
        add_projection(image, molecule(name), rotation(*view), center, PIXEL_SIZE)
    radius = 0.55 * molecule(name).diameter_angstrom
    write_references(
        path, images, PIXEL_SIZE, radius, height, has_one_scale=has_one_scale
    )


def project_volume(volume: Path, path: Path) -> None:
    """The same views of a map."""
    pixel_size = read_header(volume).pixel_size
    rot, tilt = np.array([view[:2] for view in VIEWS], dtype=float).T
    images = project_map(
        read_images(volume), pixel_size, rot, tilt, lowpass_angstrom=20
    )
    write_references(path, images, pixel_size, 100, PLAIN)


def write_references(
    path: Path,
    images: np.ndarray,
    pixel_size: float,
    radius_angstrom: float,
    height: float,
    *,
    has_one_scale: bool = False,
) -> None:
    """Smooth images, exactly zero outside a disc, each of a height or the highest."""
    middle = images.shape[-1] // 2
    axis = np.arange(images.shape[-1]) - middle
    reach = min(radius_angstrom / pixel_size, middle - 1)
    is_inside = axis[:, None] ** 2 + axis[None, :] ** 2 < reach**2
    smooth = [lowpass(image.astype(np.float32), pixel_size, 12.0) for image in images]
    highest = max(float(one.max()) for one in smooth)
    stack = [
        np.where(is_inside, height * one / (highest if has_one_scale else one.max()), 0)
        for one in smooth
    ]
    write_mrc(path, np.stack(stack).astype(np.float32), pixel_size)


def judge(one: Set, relion_seeds: int) -> Iterator[tuple[str, dict[str, object]]]:
    """Each picker's name and score; without seeds RELION's picks of an earlier run."""
    border = 0.5 * one.diameter
    theirs = [] if relion_seeds else read_all("relion", one)
    for picker in PICKERS[0 if relion_seeds else 1 :]:
        seeds = range(1, relion_seeds + 1) if picker == "relion" else [1]
        got: list[Score] = []
        started = time.perf_counter()
        for seed in seeds:
            found = pick_all(picker, one, seed)
            got.append(score(found, one.radius, border))
            theirs = theirs or found
        seconds = (time.perf_counter() - started) / len(got)
        mean = mean_score(got)
        result: dict[str, object] = {**asdict(mean), "seconds": round(seconds, 2)}
        row = format_row(f"{one.name}, {picker}", mean) + f"{seconds:8.1f}"
        if picker == "relion":
            each = [round(run.average_precision, 4) for run in got]
            result["average_precision_of_each"] = each
            result["best_f1_of_each"] = [round(run.best_f1, 4) for run in got]
            row += f"   {min(each)} to {max(each)}"
        else:
            count, ours, its = common_errors(found, theirs, one.radius, border)
            result |= {
                "common": count,
                "common_error_angstrom": ours,
                "common_error_relion_angstrom": its,
            }
            row += f"   {count} {ours:.1f} {its:.1f}"
        print(row, flush=True)
        yield picker, result


def mean_score(got: list[Score]) -> Score:
    """The mean of scores of the same micrographs; counts are rounded."""

    def mean(name: str) -> float:
        value = float(np.mean([getattr(run, name) for run in got]))
        return round(value) if isinstance(getattr(got[0], name), int) else value

    return Score(**{field.name: mean(field.name) for field in fields(Score)})


def pick_all(picker: str, one: Set, seed: int) -> list[Field]:
    """What a picker finds on all micrographs of a set."""
    for project in one.projects:
        pick(picker, one, project, seed)
    return read_all(picker, one)


def read_all(picker: str, one: Set) -> list[Field]:
    """What a picker has found on all micrographs of a set."""
    found: list[Field] = []
    for project in one.projects:
        found += read_fields(
            project / "micrographs_ctf.star",
            folder_of(picker, one, project),
            project / "Truth",
            truth_suffix=one.truth_suffix,
        )
    return found


def folder_of(picker: str, one: Set, project: Path) -> Path:
    """Where a picker's picks are; references of other sets have others."""
    return project / f"AutoPick/{picker.replace(' ', '_')}_{one.references.stem}"


def pick(picker: str, one: Set, project: Path, seed: int) -> None:
    """Pick the micrographs of a project."""
    folder = folder_of(picker, one, project)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copy(one.references, project / "references.mrcs")
    if picker == "relion":
        pick_by_relion(one, project, folder.relative_to(project), seed)
    else:
        more = AVOID if "avoiding" in picker else EVERYWHERE
        more = more | (log_values(one) if "log" in picker else {})
        pick_by_engine(one, project, folder.relative_to(project), more)


def pick_by_relion(one: Set, project: Path, folder: Path, seed: int) -> None:
    pixel_size = read_header(project / "references.mrcs").pixel_size
    command = ["relion_autopick", "--i", "micrographs_ctf.star", "--odir", f"{folder}/"]
    command += ["--pickname", "autopick", "--ref", "references.mrcs", "--invert"]
    command += ["--ang", "5", "--shrink", "0", "--lowpass", "20", "--threshold", "0"]
    command += ["--angpix_ref", f"{pixel_size:g}", "--min_distance", f"{one.distance}"]
    command += ["--particle_diameter", f"{one.diameter}", "--random_seed", f"{seed}"]
    command += ["--ctf"] if one.use_ctf else []
    # its plots crash without picks; the coordinates are there by then
    subprocess.run(command, cwd=project, check=False, capture_output=True)


def log_values(one: Set) -> dict[str, str]:
    """The tutorial's settings of LoG."""
    return {
        "do_log": "Yes",
        "log_diam_min": f"{one.blob[0]}",
        "log_diam_max": f"{one.blob[1]}",
        "log_maxres": "20",
        "log_upper_thr": "5",
    }


def pick_by_engine(one: Set, project: Path, folder: Path, more: dict[str, str]) -> None:
    pixel_size = read_header(project / "references.mrcs").pixel_size
    values = {
        "fn_input_autopick": "micrographs_ctf.star",
        "fn_refs_autopick": "references.mrcs",
        "angpix_ref": f"{pixel_size:g}",
        "particle_diameter": f"{one.diameter:g}",
        "lowpass": "20",
        "psi_sampling_autopick": "5",
        "do_invert_refs": "Yes",
        "do_ctf_autopick": "Yes" if one.use_ctf else "No",
        "do_ignore_first_ctfpeak_autopick": "No",
        "threshold_autopick": "0",
        "mindist_autopick": f"{one.distance:g}",
        "maxstddevnoise_autopick": "-1",
        "shrink": "0",
        **more,
    }
    text = Job.new("autopick", "3.1", values).to_star()
    (project / folder / "job.star").write_text(text, encoding="utf-8")
    engine(["run", folder], cwd=project)


if __name__ == "__main__":
    sys.exit(main())
