"""The job script, run by a real bash; a site's template, filled in as RELION does."""

import os
import shutil
import signal
import subprocess
import time

import pytest

from engine.jobs.job import Job
from remote import script
from remote.cluster import Cluster
from remote.errors import BadRequestError
from remote.schedulers.known import scheduler

ODD = "it's a $(touch oops) project; \n é"


def build(
    project,
    *,
    engine="true",
    ranks=1,
    kind="slurm",
    template="",
    environment=None,
    **profile,
):
    version = profile.pop("version", "4.0")
    kind_of_job = profile.pop("type", "autopick")
    job = Job.new(kind_of_job, version, {"nr_mpi": str(ranks)})
    for key, value in profile.pop("values", {}).items():
        job = job.replace(key, value)
    return script.build(
        job,
        "AutoPick/job006",
        "k7f3",
        cluster=Cluster(name="tc", engine=engine, **profile),
        project=str(project),
        scheduler=scheduler(kind),
        template=template,
        environment=environment,
    )


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / ODD
    (folder / "AutoPick/job006").mkdir(parents=True)
    return folder


def state(project, name):
    text = (project / f"AutoPick/job006/.cryodeck/k7f3.{name}").read_text()
    return dict(line.split("=", 1) for line in text.splitlines())


def run(project, text):
    return subprocess.run(
        ["bash", "-c", text], cwd="/", capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("code", [0, 1, 3, 137])
def test_the_exit_status_is_written_last_and_passed_on(project, code):
    text = build(project, engine=f"(exit {code}) #").text
    assert run(project, text).returncode == code
    assert state(project, "ended")["exit_status"] == str(code)
    assert state(project, "started")["host"] == os.uname().nodename
    marker = project / "AutoPick/job006/RELION_JOB_EXIT_FAILURE"
    assert marker.exists() == (code != 0)
    assert not list(project.parent.glob("**/oops"))


def test_commands_see_the_setup_and_the_project_folder(project):
    text = build(project, engine="echo $LOADED; pwd; echo", setup=("LOADED=yes",)).text
    out = run(project, text).stdout
    assert out.startswith("yes\n")
    assert str(project) in out


def test_a_script_that_is_told_to_end_says_by_which_signal(project):
    text = build(project, engine="sleep 30 #").text
    with subprocess.Popen(
        ["bash", "-c", text], stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        while not (project / "AutoPick/job006/.cryodeck/k7f3.started").exists():
            time.sleep(0.01)
        time.sleep(0.1)
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == 143
    assert state(project, "ended")["signal"] == "TERM"


def test_a_warning_of_the_time_limit_asks_the_engine_to_stop_cleanly(project):
    job = project / "AutoPick/job006"
    flag = "AutoPick/job006/RELION_JOB_ABORT_NOW"
    wait = f"until [ -e {flag} ]; do sleep 0.02; done; exit 3 #"
    text = build(project, engine=wait).text
    with subprocess.Popen(["bash", "-c", text]) as process:
        while not (job / ".cryodeck/k7f3.started").exists():
            time.sleep(0.01)
        time.sleep(0.1)
        process.send_signal(signal.SIGUSR1)
        assert process.wait(60) == 3
    assert state(project, "ended") | {"time": ""} == {
        "time": "",
        "signal": "USR1",
        "exit_status": "3",
        "tasks_failed": "0",
    }
    assert (job / "RELION_JOB_EXIT_ABORTED").exists()


def test_a_submission_declared_void_does_nothing(project):
    own = project / "AutoPick/job006/.cryodeck"
    own.mkdir()
    (own / "k7f3.void").touch()
    done = run(project, build(project, engine="touch AutoPick/ran #").text)
    assert done.returncode == 0
    assert not (project / "AutoPick/ran").exists()


def test_several_ranks_get_the_launcher_of_the_profile():
    lines = build("/p", ranks=2, mpirun="srun --mpi=pmix").text
    assert "    srun --mpi=pmix -n 2 true run AutoPick/job006\n" in lines
    assert "mpirun" not in build("/p", ranks=1).text


def test_requests_come_from_the_form_and_else_from_the_profile():
    made = build(
        "/p",
        time_limit="2:00:00",
        memory="16G",
        queue="cpu",
        values={"cryodeck_memory": "4000M", "queuename": "openmpi"},
    )
    assert made.resources.time_limit_s == 7200
    assert made.resources.memory_mb == 4000
    assert made.resources.queue == "cpu"  # RELION's default is nobody's queue


@pytest.mark.parametrize("value", ["soon", "1:2:3:4", "-5"])
def test_a_time_limit_that_is_none_is_refused_in_words(value):
    with pytest.raises(BadRequestError, match="write minutes"):
        build("/p", values={"cryodeck_time_limit": value})


TEMPLATE = """\
#!/bin/bash
#SBATCH --ntasks=XXXmpinodesXXX
#SBATCH --cpus-per-task=XXXthreadsXXX
#SBATCH --partition=XXXqueueXXX
#SBATCH --nodes=XXXnodesXXX
#SBATCH --gres=XXXextra1XXX
#SBATCH -e XXXerrfileXXX -o XXXoutfileXXX
#SBATCH --open-mode=append
module load relion
mpirun -n XXXmpinodesXXX XXXcommandXXX
"""


def test_a_sites_template_is_filled_in():
    text = build(
        "/p",
        ranks=5,
        template=TEMPLATE,
        values={
            "queuename": "gpu",
            "min_dedicated": "4",
            "nr_mpi": "5",
            "qsub_extra1": "gpu:2",
        },
    ).text
    assert "#SBATCH --nodes=2\n" in text  # 5 cores by 4, rounded up
    assert "#SBATCH --gres=gpu:2\n" in text
    assert "#SBATCH -e AutoPick/job006/run.err -o AutoPick/job006/run.out\n" in text
    assert text.endswith("mpirun -n 5 true run AutoPick/job006\n")
    assert text.index("trap ended EXIT") < text.index("module load")
    assert text.index("#SBATCH --open-mode") < text.index("job=AutoPick/job006")


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("mpinodes", "5"),
        ("threads", "3"),
        ("cores", "15"),
        ("dedicated", "4"),
        ("nodes", "4"),  # 15 cores by 4, rounded up
        ("name", "AutoPick/job006/"),
        ("errfile", "AutoPick/job006/run.err"),
        ("outfile", "AutoPick/job006/run.out"),
        ("queue", "gpu"),
        ("extra1", "24 hours"),
        ("extra2", "a b"),
    ],
)
def test_each_word_of_relions_templates_is_filled_in(token, value):
    values = {"queuename": "gpu", "min_dedicated": "4", "nr_mpi": "5"}
    values |= {"nr_threads": "3", "qsub_extra1": "24 hours", "qsub_extra2": "a b"}
    line = f"# [XXX{token}XXX] and [XXX{token}XXX]"
    template = f"#!/bin/bash\n{line}\nmpirun XXXcommandXXX\n"
    text = build("/p", type="class2d", template=template, values=values).text
    assert f"# [{value}] and [{value}]\n" in text


def test_a_directive_without_a_value_is_left_out():
    text = build("/p", template=TEMPLATE, values={"qsub_extra1": ""}).text
    assert "--gres" not in text


def test_a_token_that_nothing_fills_in_is_named():
    with pytest.raises(BadRequestError, match="XXXextra1XXX"):
        build("/p", template=TEMPLATE)


def test_helper_commands_stand_alone_and_programs_after_mpirun():
    job = {"cryodeck_engine": "relion", "do_log": "Yes", "fn_input_autopick": "m.star"}
    text = build(
        "/p", ranks=2, template=TEMPLATE, values={**job, "qsub_extra1": "x"}
    ).text
    assert "mpirun -n 2 `which relion_autopick_mpi`" in text
    for line in text.splitlines():
        assert not line.startswith("mpirun") or "relion_" in line


def test_a_template_for_another_shell_is_left_as_it_is():
    csh = "#!/bin/csh\n#$ -cwd\nmpiexec -n XXXmpinodesXXX XXXcommandXXX\n"
    assert "trap" not in build("/p", template=csh).text


def test_without_a_queue_relions_variables_say_how_mpi_is_started():
    site = {"RELION_MPIRUN": "mpiexec --oversubscribe", "RELION_ERROR_LOCAL_MPI": "4"}
    text = build("p", kind="shell", ranks=2, environment=site).text
    assert "mpiexec --oversubscribe -n 2 true" in text
    text = build("p", kind="shell", ranks=2, environment=site, mpirun="orterun").text
    assert "orterun -n 2 true" in text
    assert "mpirun -n 9 true" in build("p", ranks=9, environment=site).text
    with pytest.raises(BadRequestError, match="9 MPI processes without the queue"):
        build("p", kind="shell", ranks=9, environment=site)


@pytest.mark.parametrize(
    ("kind", "request_words", "line"),
    [
        ("slurm", "", "#SBATCH --gres=gpu:a100:2"),
        ("slurm", "--gpus-per-node={kind}:{gpus}", "#SBATCH --gpus-per-node=a100:2"),
        ("sge", "", "#$ -l gpu=2"),
        ("sge", "-l ngpus={gpus},gputype={kind}", "#$ -l ngpus=2,gputype=a100"),
        ("lsf", "", '#BSUB -gpu "num=2"'),
        ("lsf", '-gpu "num={gpus}:mode=exclusive_process"',
         '#BSUB -gpu "num=2:mode=exclusive_process"'),
        ("pbs", "", "#PBS -l nodes=3:ppn=1:gpus=2"),
        ("pbs", "-l select={ranks}:ncpus={threads}:mpiprocs=1:ngpus={gpus}",
         "#PBS -l select=3:ncpus=1:mpiprocs=1:ngpus=2"),
    ],
)  # fmt: skip
def test_gpus_are_asked_for_in_the_schedulers_or_the_sites_words(
    kind, request_words, line
):
    text = build(
        "p",
        kind=kind,
        ranks=3,
        gpus="a100:4",
        gpu_request=request_words,
        values={"use_gpu": True, "gpu_ids": "0:1"},
    ).text
    assert line in text.splitlines()
    assert ("nodes=" in text) == (kind == "pbs" and not request_words)


#: relion_autopick by its files: picks, and the marker where it is told to leave it
PICKER = """\
#!/bin/bash
for control; do :; done
if [ -e "${{control}}RELION_JOB_ABORT_NOW" ]; then
    : >"${{control}}RELION_JOB_EXIT_ABORTED"
    exit 1
fi
mkdir -p AutoPick/job006/Movies
: >AutoPick/job006/Movies/m1_autopick.star
: >AutoPick/job006/Movies/m.3_autopick.star
ls AutoPick/job006
: >"${{control}}RELION_JOB_EXIT_{word}"
[ {word} = SUCCESS ]
"""
MICROGRAPHS = """\
data_optics

loop_
_rlnOpticsGroupName #1
_rlnMicrographName #2
one two

data_micrographs

loop_
_rlnDefocusU #1
_rlnMicrographName #2
1.0 MotionCorr/job002/Movies/m1.mrc
1.0 MotionCorr/job002/Movies/m2.mrc
# a remark
1.0 MotionCorr/job002/Movies/m.3.mrc
"""
LISTED = """\
MotionCorr/job002/Movies/m1.mrc AutoPick/job006/Movies/m1_autopick.star
MotionCorr/job002/Movies/m.3.mrc AutoPick/job006/Movies/m.3_autopick.star
"""


def pick(
    project,
    version,
    word="SUCCESS",
    template="",
    micrographs="mics.star",
    version_of_project="4.0",
):
    """What a picking job of a 4.0 project does with a RELION of some version."""
    programs = project.parent / "bin"
    programs.mkdir()
    says = f"#!/bin/sh\necho 'RELION version: {version}'\n"
    picker = PICKER.format(word=word)
    for name, text in (("refine", says), ("autopick", picker)):
        path = programs / f"relion_{name}"
        path.write_text(text)
        path.chmod(0o755)
    (project / "mics.star").write_text(MICROGRAPHS)
    values = {
        "cryodeck_engine": "relion",
        "do_log": True,
        "fn_input_autopick": micrographs,
    }
    made = build(
        project,
        kind="slurm" if template else "shell",
        relion=str(programs),
        values=values,
        template=template.replace("BIN", str(programs)),
        version=version_of_project,
    )
    assert "cryodeck" not in "".join(made.commands)
    assert made.commands[0].endswith("--pipeline_control AutoPick/job006/")
    return run(project, made.text)


SMALL_TEMPLATE = "#!/bin/bash\n#SBATCH -J XXXnameXXX\nPATH=BIN:$PATH\nXXXcommandXXX\n"


@pytest.mark.parametrize("template", ["", SMALL_TEMPLATE])
def test_relion_3_1_picking_in_a_later_project_gets_its_list(project, template):
    done = pick(project, "3.1.3", template=template)
    assert (done.returncode, done.stderr) == (0, "")
    assert "RELION_JOB_EXIT" not in done.stdout  # nothing is done before the list is
    job = project / "AutoPick/job006"
    assert sorted(path.name for path in job.iterdir()) == [
        ".cryodeck", "Movies", "RELION_JOB_EXIT_SUCCESS", "autopick.star",
    ]  # fmt: skip
    assert {path.name for path in (job / ".cryodeck").iterdir()} == {
        "k7f3.started", "k7f3.ended",
    }  # fmt: skip
    text = (job / "autopick.star").read_text()
    assert text.startswith("\n# version 30001\n\ndata_coordinate_files\n\nloop_ \n")
    assert text.replace(" \n", "\n").endswith(
        f"_rlnMicrographCoordinates #2\n{LISTED}\n"
    )
    marker = job / "RELION_JOB_EXIT_SUCCESS"
    listed = job / "autopick.star"
    assert listed.stat().st_mtime_ns <= marker.stat().st_mtime_ns


def test_a_relion_that_is_not_there_is_named_with_what_to_do(project):
    values = {"cryodeck_engine": "relion", "nr_mpi": "2"}
    programs = project.parent / "bin"  # this machine may have RELION in /usr/bin
    programs.mkdir()
    (programs / "which").symlink_to("/bin/false")
    text = build(project, values=values, ranks=2, relion=str(programs)).text
    done = run(project, text)
    assert done.returncode == 127
    assert "ERROR: relion_autopick_mpi is not in the PATH of " in done.stderr
    assert "put 'module load ...' into setup of this cluster's profile" in done.stderr
    assert state(project, "ended")["exit_status"] == "127"


def test_module_is_there_in_a_script_that_is_for_no_login_shell(project):
    text = build(project, setup=("module load relion/3.1.3",), engine="echo").text
    profile = project.parent / "profile"
    profile.write_text('module() { echo "module $*"; }\n')
    assert ". /etc/profile >" in text
    done = run(project, text.replace("/etc/profile", str(profile)))
    assert done.stdout.startswith("module load relion/3.1.3\n")
    assert "/etc/profile" not in build(project, setup=("PATH=/x:$PATH",)).text


def test_picking_in_a_project_of_3_1_is_done_once_its_second_command_is(project):
    done = pick(project, "3.1.3", version_of_project="3.1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "RELION_JOB_EXIT" not in done.stdout
    job = project / "AutoPick/job006"
    assert (job / "coords_suffix_autopick.star").read_text() == "mics.star\n"
    assert (job / "RELION_JOB_EXIT_SUCCESS").exists()
    assert not (job / "autopick.star").exists()
    (job / "coords_suffix_autopick.star").unlink()
    (job / "coords_suffix_autopick.star").mkdir()
    (job / "RELION_JOB_EXIT_SUCCESS").unlink()
    shutil.rmtree(project.parent / "bin")
    assert pick(project, "3.1.3", version_of_project="3.1").returncode != 0
    assert (job / "RELION_JOB_EXIT_FAILURE").exists()
    assert not (job / "RELION_JOB_EXIT_SUCCESS").exists()


@pytest.mark.parametrize(
    ("version", "values", "words"),
    [
        ("3.1.3", {}, "--coord_dir AutoPick/job002/ --coord_suffix _autopick.star "),
        ("5.0.0", {}, "--coord_list AutoPick/job002/autopick.star "),
        ("3.1.3", {"do_fom_threshold": "Yes"},
         "--coord_list AutoPick/job002/autopick.star "),
    ],
)  # fmt: skip
def test_relion_3_1_extracts_from_the_files_of_a_list(project, version, values, words):
    programs = project.parent / "bin"
    programs.mkdir()
    for name, line in (
        ("refine", f"echo 'RELION version: {version}'"),
        ("preprocess", 'echo "$@"'),
    ):
        (programs / f"relion_{name}").write_text(f"#!/bin/sh\n{line}\n")
        (programs / f"relion_{name}").chmod(0o755)
    form = {
        "cryodeck_engine": "relion",
        "star_mics": "mics.star",
        "coords_suffix": "AutoPick/job002/autopick.star",
        **values,
    }
    made = build(
        project, kind="shell", relion=str(programs), values=form, type="extract"
    )
    assert "--coord_list AutoPick/job002/autopick.star " in made.commands[0]
    done = run(project, made.text)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"--i mics.star {words}" in done.stdout


def test_relion_5_writes_its_list_and_markers_itself(project):
    assert pick(project, "5.0.0").returncode == 0
    job = project / "AutoPick/job006"
    assert (job / "RELION_JOB_EXIT_SUCCESS").exists()
    assert not (job / "autopick.star").exists()


def test_relion_3_1_picking_that_fails_or_is_aborted_has_its_marker(project):
    assert pick(project, "3.1.3", "FAILURE").returncode == 1
    job = project / "AutoPick/job006"
    assert (job / "RELION_JOB_EXIT_FAILURE").exists()
    assert not (job / "autopick.star").exists()
    (job / "RELION_JOB_EXIT_FAILURE").unlink()
    (job / "RELION_JOB_ABORT_NOW").touch()
    shutil.rmtree(project.parent / "bin")
    assert pick(project, "3.1.3").returncode == 1
    assert (job / "RELION_JOB_EXIT_ABORTED").exists()


def test_a_list_that_cannot_be_written_is_a_failure(project):
    done = pick(project, "3.1.3", micrographs="gone.star")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "ERROR: AutoPick/job006/autopick.star, the list of picks, cannot be written"
    )
    assert not (project / "AutoPick/job006/RELION_JOB_EXIT_SUCCESS").exists()
    assert (project / "AutoPick/job006/RELION_JOB_EXIT_FAILURE").exists()


@pytest.mark.parametrize("kind", ["pbs", "sge", "lsf"])
def test_where_nobody_warns_of_the_time_limit_the_script_does(project, kind):
    waits = "until [ -e AutoPick/job006/RELION_JOB_ABORT_NOW ]; do sleep 0.05; done; #"
    text = build(project, kind=kind, engine=waits, time_limit="20").text
    assert "sleep 1140 &" in text
    assert run(project, text.replace("sleep 1140", "sleep 0.3")).returncode == 0
    assert state(project, "ended")["signal"] == "USR1"


@pytest.mark.parametrize("begins", ["at once", "after the end"])
def test_the_scripts_own_warning_does_not_outlive_it(project, begins):
    text = build(project, kind="sge", time_limit="20").text
    assert "TERM; sleep 1140 " in text
    wait = 'until [ -e "$state.ended" ]; do :; done; ' * (begins != "at once")
    # the number is in the arguments of the script's own shell as well
    odd = text.replace("TERM; sleep 1140 ", f"TERM; {wait}sleep 1140.{os.getpid()} ")
    assert run(project, odd).returncode == 0
    deadline = time.monotonic() + 60
    left = f"1140.{os.getpid()}"
    while left in subprocess.check_output(["ps", "-eo", "args"], text=True):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert "signal=\n" in (project / "AutoPick/job006/.cryodeck/k7f3.ended").read_text()


def test_short_limits_and_slurm_need_no_warning_of_ours():
    assert "timer=$!" not in build("p", kind="sge", time_limit="9").text
    slurm = build("p", kind="slurm", time_limit="20").text
    assert "timer=$!" not in slurm
    assert "--signal=B:USR1@60" in slurm


TASKS = {
    "slurm": {"SLURM_ARRAY_TASK_ID": "{task}", "SLURM_ARRAY_TASK_COUNT": "3"},
    "sge": {
        "SGE_TASK_ID": "{task}",
        "SGE_TASK_FIRST": "1",
        "SGE_TASK_LAST": "5",
        "SGE_TASK_STEPSIZE": "2",
    },
}


@pytest.mark.parametrize("kind", TASKS)
@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_the_last_task_of_an_array_says_how_all_ended(project, kind, shell):
    text = build(project, engine='(exit "$CODE") #', kind=kind).text
    job, first = project / "AutoPick/job006", {}
    for task, code in (("5", 0), ("1", 7), ("3", 0)):
        assert not (job / ".cryodeck/k7f3.ended").exists()
        assert not (job / "RELION_JOB_EXIT_FAILURE").exists()
        given = {key: value.format(task=task) for key, value in TASKS[kind].items()}
        done = subprocess.run(
            [shell, "-c", text],
            env=os.environ | given | {"CODE": str(code)},
            cwd="/",
            capture_output=True,
        )
        assert (done.returncode, done.stderr) == (code, b"")
        first = first or state(project, "started")
    assert state(project, "started")["tasks"] == "3"
    assert state(project, "started")["process"] == first["process"]
    assert state(project, "ended")["exit_status"] == "7"
    assert state(project, "ended")["tasks_failed"] == "1"
    assert (job / "RELION_JOB_EXIT_FAILURE").exists()


@pytest.mark.parametrize("kind", ["slurm", "sge", "pbs", "lsf", "shell"])
def test_a_job_that_is_no_array_has_no_tasks(project, kind):
    variables = {"SGE_TASK_ID": "undefined", "SGE_TASK_LAST": "undefined"}
    variables |= {"LSB_JOBINDEX": "0", "SGE_TASK_STEPSIZE": "undefined"}
    text = build(project, kind=kind).text
    done = subprocess.run(["bash", "-c", text], env=os.environ | variables, cwd="/")
    assert done.returncode == 0
    assert state(project, "started")["tasks"] == "0"
    assert state(project, "ended")["exit_status"] == "0"
