"""Lists of coordinates that RELION 3.1's auto-picking does not write itself.

It writes coordinate files. In a project of 3.1 the list is the work of a second
command; in one of 4.0 or 5.0, whose pipeline promises another list to later jobs, the
job's own script writes it. RELION would say that the job is done before the list is
there, so its marker goes beside and takes its real name afterwards. Nothing is
different if the RELION that runs is a later one: only the script knows which it is,
once the site's environment has been set up.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Additions:
    """What a script needs besides: functions, a last line, and other commands."""

    functions: str = ""
    at_the_end: str = ":"  # a command
    control: str = ""  # "--pipeline_control AutoPick/job006/"

    def command(self, command: str) -> str:
        """A command whose markers go where the script wants them."""
        if not self.control or not command.endswith(self.control):
            return command
        head = command.removesuffix(self.control)
        return f'{head}--pipeline_control "$(control)"'


def additions(job: Job, directory: str) -> Additions:
    """Nothing, but for picking by RELION's own program."""
    if job.engine != "relion" or job.type.key != "autopick":
        return Additions()
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
        control=f"--pipeline_control {directory.rstrip('/')}/",
    )
