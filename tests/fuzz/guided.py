"""Fuzzing led by coverage, with atheris: the long form of `test_readers.py`.

    python tests/fuzz/guided.py [--seconds 60] [TARGET ...]

Each target runs in a process of its own with 1 GB of memory and 10 s an input. What
breaks a target is kept beside the corpus, and its name and bytes are printed.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
CORPUS = TESTS.parent / "build" / "fuzz"


def guide(name, seconds):
    """Fuzz one target in this process; libFuzzer ends it."""
    import atheris

    sys.path[:0] = [str(TESTS), str(TESTS.parent)]
    with atheris.instrument_imports(include=["engine", "remote"]):
        from support import readers

    corpus = CORPUS / name
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(readers.seeds(name)):
        (corpus / f"seed{number}").write_bytes(data)
    limits = [
        "-rss_limit_mb=1024",
        "-timeout=10",
        "-max_len=8192",
        "-print_final_stats=1",
    ]
    words = [name, f"-max_total_time={seconds}", *limits]
    words += [f"-artifact_prefix={corpus}.found-", str(corpus)]
    atheris.Setup(words, readers.TARGETS[name])
    atheris.Fuzz()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        guide(options.targets[0], options.seconds)
        return 0
    sys.path[:0] = [str(TESTS), str(TESTS.parent)]
    from support import readers

    broken = []
    for name in options.targets or sorted(readers.TARGETS):
        words = ["--one", name, "--seconds", str(options.seconds)]
        done = subprocess.run(
            [sys.executable, __file__, *words],
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            env={**os.environ, "PYTHONPATH": str(TESTS.parent)},
        )
        said = done.stdout + done.stderr
        runs = [row for row in said.splitlines() if "number_of_executed_units" in row]
        count = runs[-1].split()[-1] if runs else "?"
        print(
            f"{name:18} {'ok' if done.returncode == 0 else 'BROKEN':7} {count} inputs"
        )
        if done.returncode != 0:
            broken.append(name)
            print(said[-3000:])
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
