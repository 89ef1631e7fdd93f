"""Lists of coordinates that RELION 3.1's programs neither write nor read.

Its picking writes coordinate files. In a project of 3.1 the list is the work of a
second command; in one of 4.0 or 5.0, whose pipeline promises another list to later
jobs, the job's own script writes it. RELION would say that the job is done before the
list is there, so its marker goes beside and takes its real name afterwards. Its
extraction knows no such list, and is told of the files instead. Nothing is different if
the RELION that runs is a later one: only the script knows which it is, once the site's
environment has been set up.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from engine.jobs.job import Job

#: names that end in $state. lie in the folder for what is cryodeck's own
_CONTROL = """\
# RELION 3.1 is done before the list of its coordinates is there, if it has one
control() {{
    case "{version} $(relion_refine --version 2>/dev/null)" in
    3.1* | *"RELION version: 3."*)
        ln -sfn -- ../RELION_JOB_ABORT_NOW "$state.RELION_JOB_ABORT_NOW"
        printf '%s.' "$state" ;;
    *)
        printf '%s/' "$job" ;;
    esac
}}
"""
_LIST = """\
list_picks() {{
    {{
        printf '\\n# version {number}\\n\\ndata_coordinate_files\\n\\nloop_ \\n'
        printf '_rlnMicrographName #1 \\n_rlnMicrographCoordinates #2 \\n'
        awk -v job="$job" '
            /^data_/ {{ column = labels = 0; skip = /^data_optics/; next }}
            /^_/ {{ labels++; if ($1 == "_rlnMicrographName") column = labels; next }}
            /^[ \\t]*$/ || /^(#|loop_)/ || skip || !column {{ next }}
            {{
                root = $column
                if (match(root, "/job[0-9]+/")) root = substr(root, RSTART + RLENGTH)
                sub(/[.][^.\\/]*$/, "", root)
                file = job "/" root "_autopick.star"
                if ((getline line < file) >= 0) printf "%s %s \\n", $column, file
                close(file)
            }}' {micrographs} || return 1
        printf ' \\n'
    }} >"$job/.autopick.star" && mv -f -- "$job/.autopick.star" "$job/autopick.star"
}}
"""
_SETTLE = """\
settle_picks() {
    rm -f -- "$state.RELION_JOB_ABORT_NOW"
    for word in SUCCESS FAILURE ABORTED; do
        said="$state.RELION_JOB_EXIT_$word"
        [ -e "$said" ] || continue
        if [ "$word" = SUCCESS ] && [ "$status" -ne 0 ]; then
            word=FAILURE
        elif [ "$word" = SUCCESS ] && ! list_picks; then
            echo "ERROR: $job/autopick.star, the list of picks, cannot be written" >&2
            word=FAILURE
            status=1
        fi
        : >"$job/RELION_JOB_EXIT_$word"
        rm -f -- "$said"
        : >.pipeline_has_changed
    done
}
"""


_COORDINATES = """\
# RELION 3.1 knows no lists of coordinate files; it is told where they are instead
coordinates() {
    case "$(relion_refine --version 2>/dev/null)" in
    *"RELION version: 3."*)
        printf '%s' "--coord_dir ${1%/*}/ --coord_suffix _${1##*/}" ;;
    *)
        printf '%s' "--coord_list $1" ;;
    esac
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """What a script needs besides: functions, a last command, words replaced."""

    functions: str = ""
    at_the_end: str = ":"
    words: str = ""  # of the commands
    instead: str = ""

    def command(self, command: str) -> str:
        """A command as it stands in the script."""
        return command.replace(self.words, self.instead) if self.words else command


def additions(job: Job, directory: str) -> Additions:
    """Nothing, but for picking and extraction by RELION's own programs."""
    if job.engine != "relion":
        return Additions()
    if job.type.key == "autopick":
        return _of_picking(job, directory)
    if job.type.key == "extract" and job.version != "3.1":
        return _of_extraction(job)
    return Additions()


def _of_picking(job: Job, directory: str) -> Additions:
    functions = _CONTROL.format(version=job.version)
    if job.version == "3.1":
        functions += "list_picks() { :; }\n"  # the second command does it
    else:
        functions += _LIST.format(
            number="50001" if job.version == "5.0" else "30001",
            micrographs=shlex.quote(job.text("fn_input_autopick")),
        )
    return Additions(
        functions=functions + _SETTLE,
        at_the_end="settle_picks",
        words=f"--pipeline_control {directory.rstrip('/')}/",
        instead='--pipeline_control "$(control)"',
    )


def _of_extraction(job: Job) -> Additions:
    """The list that picking left, as 3.1 understands it."""
    path = job.text("coords_suffix")
    is_list = path.endswith(("/autopick.star", "/manualpick.star"))
    # 3.1 would take all picks in place of those above a threshold, without a word
    if not is_list or job.flag("do_reextract") or job.flag("do_fom_threshold", False):
        return Additions()
    return Additions(
        functions=_COORDINATES,
        words=f"--coord_list {path}",
        instead=f"$(coordinates {path})",
    )
