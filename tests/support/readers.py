"""Everything that reads what others wrote, as functions of bytes for fuzzing.

A target returns, or raises one of its readers' own errors with a message of one line;
anything else that comes out of it is a defect.
"""

import contextlib
import json
import math
import tempfile
from pathlib import Path

from engine.errors import EngineError, InputError
from engine.io import coordinates as heavy_coordinates
from engine.io import mrc as heavy_mrc
from engine.io.star import parse_star
from engine.jobs.job import Job
from engine.progress import read_progress
from engine.project.errors import ProjectError, StarError
from engine.project.pipeline import Pipeline
from engine.project.star import format_star, parse
from engine.project.star_stream import LoopStream
from remote import cluster as profiles
from remote.agent import frames, grey, job_facts, lists, mrc, text, verbs
from remote.errors import RemoteError
from remote.known_hosts import KnownHosts
from remote.quota import quotas
from remote.schedulers.known import scheduler
from remote.ssh_config import ignored_keys
from remote.views import Overview
from tui.plain import UNSAFE

DATA = Path(__file__).resolve().parents[1] / "data"
SCHEDULERS = ("slurm", "pbs", "sge", "lsf")
_MEMORY = Path("/dev/shm")
_FOLDER = tempfile.TemporaryDirectory(
    prefix="cryodeck-fuzz-", dir=_MEMORY if _MEMORY.is_dir() else None
)


def _text(data):
    return data.decode("utf-8", "surrogateescape")


@contextlib.contextmanager
def _own(*kinds):
    """Errors that a reader may raise; each says something, in one line."""
    try:
        yield
    except kinds as error:
        said = str(error)
        assert said.strip(), "an error without a word"
        assert len(said) < 20_000, "an error longer than anybody reads"


def _file(name, data):
    path = Path(_FOLDER.name) / name
    path.write_bytes(data)
    return path


def star(data):
    with _own(StarError):
        read = parse(_text(data), "x.star")
        again = parse(format_star(read), "x.star")
        assert len(again.blocks) == len(read.blocks)


def star_stream(data):
    path = str(_file("stream.star", data))
    for block in ("", "particles"):
        rows, batches = None, None
        with _own(StarError), LoopStream(path, block) as stream:
            column = stream.labels[0]
            rows = [row[0] for row in stream.rows([column])]
        with _own(StarError), LoopStream(path, block) as stream:
            column = stream.labels[0]
            batches = [value for some in stream.batches(column) for value in some]
        if rows is not None and batches is not None:
            assert rows == batches


def heavy_star(data):
    with _own(EngineError, StarError):
        parse_star(data.decode("utf-8", "replace"), "x.star")


def job_star(data):
    with _own(InputError, StarError):
        job = Job.from_star(_text(data))
        again = Job.from_star(job.to_star())
        assert again.values == job.values


def run_job(data):
    with _own(InputError):
        Job.from_run_job(_text(data))


def pipeline(data):
    with _own(ProjectError):
        found = Pipeline.parse(_text(data), "default_pipeline.star")
        Pipeline.parse(found.format(), "default_pipeline.star")


def agent_frames(data):
    step = 1 + data[0] if data else 1
    reader = frames.FrameReader()
    with _own(frames.FrameError):
        for start in range(0, len(data), step):
            for frame in reader.feed(data[start : start + step]):
                frames.encode(frame.message, frame.blob)
    assert len(reader.noise) <= 8192


def agent_mrc(data):
    path = str(_file("x.mrc", data))
    with _own(verbs.VerbError), Path(path).open("rb") as handle:
        header = mrc.read_header(handle, path)
        if 0 < header.nx * header.ny <= 1 << 16:
            region = (0, 0, header.nx, header.ny)
            found = mrc.reduce_image(handle, header, 1, region)
            levels = grey.levels_of(found.rows)
            grey.shown(levels.blurred(1.0), *grey.limits(levels))


def engine_mrc(data):
    path = _file("y.mrcs", data)
    with _own(EngineError):
        header = heavy_mrc.read_header(path)
        if header.image_bytes <= 1 << 20:
            heavy_mrc.read_image(path)
            heavy_mrc.read_images(path, [0])


def coordinates(data):
    for name in ("c.star", "c.box", "c.txt"):
        path = _file(name, data)
        with _own(StarError):
            found = lists.read_coordinates(str(path))
            assert len(found.x) == len(found.y)
        if name != "c.txt":
            with _own(EngineError, StarError):
                heavy_coordinates.read_coordinates(path)


def micrograph_list(data):
    path = str(_file("micrographs.star", data))
    with _own(StarError):
        for _ in lists.micrograph_rows(path):
            pass
    lists.optics_rows(path)
    with _own(StarError):
        lists.pixel_size_of(path, "x.mrc")


def progress(data):
    for record in read_progress(data.decode("utf-8", "replace")):
        assert isinstance(record, dict)
    folder = Path(_FOLDER.name) / "job"
    folder.mkdir(exist_ok=True)
    for name in ("progress.jsonl", "summary.json", "run.err", "run.out"):
        (folder / name).write_bytes(data)
    seen = job_facts.progress(str(folder))
    json.dumps(seen)
    job_facts.errors(str(folder), 0)
    numbers = job_facts.numbers_of(str(folder))
    job_facts.summary(numbers)
    json.dumps(job_facts.reached(seen, numbers))


def queues(data):
    said = data.decode("utf-8", "replace")
    out, _, err = said.partition("\0")
    for name in SCHEDULERS:
        adapter = scheduler(name)
        for query in adapter.queries():
            for status in (0, 1, None):
                listing = adapter.parse(query.name, status, out, err)
                for job in listing.jobs.values():
                    for value in (job.started_at, job.ended_at, job.elapsed_s):
                        assert value is None or not math.isnan(value)


def profile(data):
    with _own(RemoteError):
        made = profiles.parse(data.decode("utf-8", "replace"), "fuzz")
        written = profiles.format_toml(made)
        assert profiles.format_toml(profiles.parse(written, "fuzz")) == written


def ssh_files(data):
    path = _file("ssh", data)
    ignored_keys(profiles.Cluster(name="host", ssh_config=str(path)))
    KnownHosts([path]).find(["host", "[127.0.0.1]:22"])


def quota(data):
    for one in quotas(_text(data)):
        assert one.share >= 0
        assert one.what in {"space", "files"}


def terminal_text(data):
    said = _text(data)
    for shown in (text.clean(said), text.one_line(said), text.settle(said)):
        assert not UNSAFE.search(shown.replace("\n", "").replace("\t", ""))


def last_known(data):
    from remote import last_known as cache

    with contextlib.suppress(ValueError, RecursionError):
        found = json.loads(data.decode("utf-8", "replace"))
        cache._read(Overview, found)


TARGETS = {
    f.__name__: f
    for f in (
        star,
        star_stream,
        heavy_star,
        job_star,
        run_job,
        pipeline,
        agent_frames,
        agent_mrc,
        engine_mrc,
        coordinates,
        micrograph_list,
        progress,
        queues,
        profile,
        ssh_files,
        quota,
        terminal_text,
        last_known,
    )
}
#: beginnings for each target: what it reads on an ordinary day
_SEEDS = {
    "star": ("**/*.star",),
    "star_stream": ("**/*.star",),
    "heavy_star": ("**/*.star",),
    "coordinates": ("**/*pick*.star", "**/*.box"),
    "micrograph_list": ("**/micrographs*.star",),
    "pipeline": ("**/default_pipeline.star",),
    "job_star": ("**/job.star",),
    "run_job": ("**/run.job",),
    "agent_mrc": ("**/*.mrc",),
    "engine_mrc": ("**/*.mrc*",),
}
_OWN_SEEDS = {
    "quota": [
        b" Filesystem space quota limit grace files quota limit grace\n"
        b"nas:/export\n  21G*  20G  22G  6days  1204*  1000  1100  none\n",
        b"Filesystem Fileset type blocks quota limit in_doubt grace | files quota\n"
        b"fs1 home USR 11G 10G 12G 5M 6 days | 369754 1000000 1100000 60 none x\n",
        b"Quota information for storage pool home (ID: 2):\n user/group || size || "
        b"chunk files\n alice|588559|| 20.63 GiB| 30.00 GiB|| 1000002| 1000000\n",
    ],
    "agent_frames": [frames.encode({"id": 1, "verb": "host.ping"}, b"x" * 600)],
    "progress": [
        b'{"t": 1.0, "kind": "started", "total": 3}\n'
        b'{"t": 2.0, "kind": "step", "done": 1, "total": 3, "unit": "micrographs"}\n'
        b"ERROR: it broke\nCUDA out of memory\n"
    ],
    "queues": [
        b"17|RUNNING|None|cpu|1:02|10:00|1|1|cpu1|2026-01-01T00:00:00||name\0slurm: no",
        b"Job_Name = x\njob_state = R\nctime = Mon Nov 23 21:00:00 2026\n",
        b"17_[3-10%4]|PENDING|Resources\n1-00:00:00|4G|2872K\n",
    ],
    "profile": [b'host = "h"\nscheduler = "slurm"\nsetup = ["a"]\npoll_s = 10.0\n'],
    "ssh_files": [b"Host h*\n ControlMaster auto\nInclude ssh\n|1|AAAA|BBBB ssh-rsa A"],
    "terminal_text": [b"\x1b[31mred\x1b]52;c;QQ\x07\r\x08\x9b31m\xe2\x80\xae"],
    "last_known": [b'{"jobs": [], "project": "x", "taken_at": 1.0}'],
}
_MOST_SEEDS, _LONGEST_SEED = 12, 6000


def seeds(name):
    """Ordinary inputs of a target."""
    found = list(_OWN_SEEDS.get(name, []))
    for pattern in _SEEDS.get(name, ()):
        paths = sorted(DATA.glob(pattern), key=lambda p: (p.stat().st_size, p))
        found += [p.read_bytes()[:_LONGEST_SEED] for p in paths[:_MOST_SEEDS]]
    return found or [b""]
