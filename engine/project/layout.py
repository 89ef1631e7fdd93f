"""The three layouts of a pipeline: 3.1, 4.0 and 5.0, and what they call things.

Node types have one neutral name here: the 4.0 label. "ClassModel" stands for 3.1's
model.star, which later versions do not have.
"""

import re
from typing import Dict, List

from engine.project.star import StarFile

VERSIONS = ("3.1", "4.0", "5.0")
COMMENT = {
    "3.1": "# version 30001",
    "4.0": "# version 30001",
    "5.0": "# version 50001",
}

STATUSES = ("Running", "Scheduled", "Succeeded", "Failed", "Aborted")  # 3.1: index

# number of 3.1, folder, label of 4.0
PROCESS_TYPES = (
    (0, "Import", "relion.import"),
    (1, "MotionCorr", "relion.motioncorr"),
    (2, "CtfFind", "relion.ctffind"),
    (3, "ManualPick", "relion.manualpick"),
    (4, "AutoPick", "relion.autopick"),
    (5, "Extract", "relion.extract"),
    (6, "Sort", "relion.sort"),
    (7, "Select", "relion.select"),
    (8, "Class2D", "relion.class2d"),
    (9, "Class3D", "relion.class3d"),
    (10, "Refine3D", "relion.refine3d"),
    (12, "MaskCreate", "relion.maskcreate"),
    (13, "JoinStar", "relion.joinstar"),
    (14, "Subtract", "relion.subtract"),
    (15, "PostProcess", "relion.postprocess"),
    (16, "LocalRes", "relion.localres"),
    (17, "MovieRefine", "relion.movierefine"),
    (18, "InitialModel", "relion.initialmodel"),
    (19, "MultiBody", "relion.multibody"),
    (20, "Polish", "relion.polish"),
    (21, "CtfRefine", "relion.ctfrefine"),
    (22, "DynaMight", "dynamight"),
    (23, "ModelAngelo", "modelangelo"),
    (99, "External", "relion.external"),
)

# number of 3.1, neutral label (4.0's), what 5.0 begins with instead
NODE_TYPES = (
    (0, "MicrographMoviesData.star.relion", "MicrographMovieGroupMetadata.star.relion"),
    (1, "MicrographsData.star.relion", "MicrographGroupMetadata.star.relion"),
    (2, "MicrographsCoords.star.relion", "MicrographCoordsGroup.star.relion"),
    (3, "ParticlesData.star.relion", "ParticleGroupMetadata.star.relion"),
    (4, "MovieParticlesData.star.relion", "MovieParticlesData.star.relion"),
    (5, "ImagesData.star.relion", "Image2DGroupMetadata.star.relion"),
    (10, "DensityMap.mrc.halfmap", "DensityMap.mrc.halfmap"),
    (11, "DensityMap.mrc.relion.postprocess", "DensityMap.mrc.relion.postprocess"),
    (6, "DensityMap.mrc", "DensityMap.mrc"),
    (7, "Mask3D.mrc", "Mask3D.mrc"),
    (8, "ClassModel.star.relion", "ClassModel.star.relion"),
    (9, "ProcessData.star.relion.optimiser", "OptimiserData.star.relion"),
    (12, "Image3D.mrc.localresmap", "Image3D.mrc.localresmap"),
    (13, "LogFile.pdf.relion", "LogFile.pdf.relion"),
    (
        14,
        "ProcessData.star.relion.postprocess",
        "ProcessData.star.relion.postprocess",
    ),
    (15, "ProcessData.txt.relion.polish.params", "ParamsData.txt.relion.polish"),
)
# 5.0 renamed one variant of the optimiser as well
_SUFFIX_5 = ((".autoselect", ".select"),)

_JOB_NAME = re.compile(r"(?:^|/)([^/]+/job[0-9]{3,})(?:/|$)")


def detect_version(star: StarFile) -> str:
    """Layout of a pipeline: its columns decide, then its version comment.

    A pipeline without any jobs looks the same in 3.1 and 4.0 and counts as 3.1 only
    if its comment says 30001 and nothing else; see `Pipeline.parse` for the default.
    """
    processes = star.block("pipeline_processes")
    if processes is not None:
        if processes.column("rlnPipeLineProcessType") >= 0:
            return "3.1"
        if processes.column("rlnPipeLineProcessTypeLabel") < 0:
            return "3.1"
    nodes = star.block("pipeline_nodes")
    if nodes is not None and nodes.column("rlnPipeLineNodeTypeLabelDepth") >= 0:
        return "5.0"
    if comment_version(star) >= 50001:
        return "5.0"
    if processes is None and nodes is None:
        return ""
    return "4.0"


def comment_version(star: StarFile) -> int:
    """Highest number in the "# version" comments; 0 without one."""
    found = 0
    for block in star.blocks:
        for line in block.before:
            match = re.match(r"#\s*version\s+([0-9]+)", line.strip())
            if match:
                found = max(found, int(match.group(1)))
    return found


def job_name_in(path: str) -> str:
    """Find the job in whose folder a path lies: "Type/jobNNN/", or nothing."""
    match = _JOB_NAME.search(path)
    return match.group(1) + "/" if match else ""


def job_number(name: str) -> int:
    """NNN of "Type/jobNNN/"; -1 if it is not a job's name."""
    match = re.search(r"/job([0-9]{3,})/?$", name)
    return int(match.group(1)) if match else -1


def job_name(folder: str, number: int) -> str:
    """Spell a job's name, "Type/jobNNN/", with at least three digits."""
    return "{}/job{:03d}/".format(folder, number)


def process_number(label: str) -> int:
    """3.1's number of a label with any suffix, or of a folder; -1 if unknown."""
    if re.match(r"[0-9]+\Z", label):
        return int(label)
    text = label.rstrip("/")
    while text:
        for number, folder, known in PROCESS_TYPES:
            if text in (folder, known):
                return number
        text = text.rpartition(".")[0]
    return -1


def process_label(number: int) -> str:
    """4.0's label of 3.1's number; "" if unknown."""
    for known, _, label in PROCESS_TYPES:
        if known == number:
            return label
    return ""


def process_folder(type_label: str) -> str:
    """Folder of the jobs of a type, from 3.1's number or a label; "" if unknown."""
    number = process_number(type_label)
    for known, folder, _ in PROCESS_TYPES:
        if known == number:
            return folder
    return ""


def status_text(version: str, status: str) -> str:
    """Status word as the layout writes it: a number in 3.1."""
    return str(STATUSES.index(status)) if version == "3.1" else status


def status_word(text: str) -> str:
    """Status word of either spelling; an unknown one stays as it is."""
    if re.match(r"[0-9]+\Z", text) and int(text) < len(STATUSES):
        return STATUSES[int(text)]
    return text


def node_label(version: str, neutral: str) -> str:
    """Layout's own spelling of a neutral node label."""
    for number, known, five in NODE_TYPES:
        if neutral == known or neutral.startswith(known + "."):
            if version == "3.1":
                return str(number)
            if version == "5.0":
                suffix = neutral[len(known) :]
                for old, new in _SUFFIX_5:
                    suffix = new if suffix == old else suffix
                return five + suffix
            return neutral
    if version == "3.1":
        message = "RELION 3.1 has no node type for {}".format(neutral)
        raise ValueError(message)
    return neutral


def neutral_label(label: str, path: str = "") -> str:
    """Neutral label of any layout's; a damaged one is guessed from the file's name."""
    if re.match(r"[0-9]+\Z", label):
        for number, known, _ in NODE_TYPES:
            if number == int(label):
                return known
        return guess_label(path)
    if not label or label == "None":
        return guess_label(path)
    for _, known, five in NODE_TYPES:
        if five != known and (label == five or label.startswith(five + ".")):
            suffix = label[len(five) :]
            for old, new in _SUFFIX_5:
                suffix = old if suffix == new else suffix
            return known + suffix
    return label


_BY_NAME = (
    (r"movies\.star$", "MicrographMoviesData.star.relion"),
    (r"coords_suffix|(auto|manual)pick\.star$", "MicrographsCoords.star.relion"),
    (r"extractpick\.star$|helix_segments\.star$", "MicrographsCoords.star.relion"),
    (r"micrographs[^/]*\.star$", "MicrographsData.star.relion"),
    (r"class_averages\.star$", "ImagesData.star.relion.classaverages"),
    (r"_model\.star$", "ClassModel.star.relion"),
    (r"_optimiser\.star$", "ProcessData.star.relion.optimiser"),
    (r"postprocess\.star$", "ProcessData.star.relion.postprocess"),
    (r"particles[^/]*\.star$|_data\.star$|shiny\.star$", "ParticlesData.star.relion"),
    (r"\.pdf$", "LogFile.pdf.relion"),
    (r"mask[^/]*\.mrc$", "Mask3D.mrc"),
    (r"half[12][^/]*\.mrc$", "DensityMap.mrc.halfmap"),
    (r"locres[^/]*\.mrc$", "Image3D.mrc.localresmap"),
    (r"\.mrc$", "DensityMap.mrc"),
)


def guess_label(path: str) -> str:
    """Neutral label that fits a file's name; "" if none does."""
    for pattern, label in _BY_NAME:
        if re.search(pattern, path):
            return label
    return ""


def node_kind(label: str, path: str = "") -> str:
    """First component of the neutral label: "MicrographsData", "ParticlesData"."""
    return neutral_label(label, path).partition(".")[0]


def columns(version: str) -> Dict[str, List[str]]:
    """Columns of a pipeline's loops in their order."""
    if version == "3.1":
        kind, status, node = "ProcessType", "ProcessStatus", ["NodeType"]
    else:
        kind, status = "ProcessTypeLabel", "ProcessStatusLabel"
        node = ["NodeTypeLabel"]
        if version == "5.0":
            node.append("NodeTypeLabelDepth")
    names = {
        "pipeline_processes": ["ProcessName", "ProcessAlias", kind, status],
        "pipeline_nodes": ["NodeName", *node],
        "pipeline_input_edges": ["EdgeFromNode", "EdgeProcess"],
        "pipeline_output_edges": ["EdgeProcess", "EdgeToNode"],
    }
    return {
        table: ["rlnPipeLine" + name for name in found]
        for table, found in names.items()
    }
