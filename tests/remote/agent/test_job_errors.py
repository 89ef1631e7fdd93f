"""The line of run.err that says why a job failed, whoever wrote it."""

import pytest

from remote.agent import job_facts

RULE = "-" * 74


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (
            f"{RULE}\nmpirun has detected an attempt to run as root.\n\nRunning as "
            f"root is *strongly* discouraged as any mistake\n{RULE}\n",
            "mpirun has detected an attempt to run as root.",
        ),
        (
            "run_submit.script: line 40: relion_refine: command not found\n",
            "run_submit.script: line 40: relion_refine: command not found",
        ),
        (
            "relion_refine: error while loading shared libraries: libmpi.so.40: cannot "
            "open shared object file: No such file or directory\n",
            "relion_refine: error while loading shared libraries: libmpi.so.40: cannot "
            "open shared object file: No such file or directory",
        ),
        (
            "/usr/bin/python3: No module named engine\n",
            "/usr/bin/python3: No module named engine",
        ),
        ("WARNING: 2 micrographs were skipped\n", ""),
        ("ERROR:\nthe file is empty\n", "the file is empty"),
    ],
)
def test_the_line_that_says_why_is_found(tmp_path, text, found):
    (tmp_path / "run.err").write_text(text)
    assert job_facts.errors(str(tmp_path), 0)[0] == found
