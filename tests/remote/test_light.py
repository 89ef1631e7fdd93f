"""What is imported, where, and how long it takes."""

import ast
import os
import statistics
import subprocess
import sys
import time
import zlib
from pathlib import Path

import pytest

from remote.agent import bootstrap
from remote.agent.frames import FrameReader, encode
from remote.local import LocalSession
from remote.starting import start_agent

ROOT = Path(__file__).resolve().parents[2]


def modules_after(statement):
    code = f"import sys\n{statement}\nprint(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    return set(said.stdout.split())


@pytest.mark.parametrize(
    "heavy", ["asyncssh", "cryptography", "numpy", "textual", "rich", "mrcfile"]
)
def test_workspace_imports_nothing_heavy(heavy):
    assert heavy not in modules_after("import remote.workspace, remote.cluster")


def test_workspace_is_imported_in_a_blink():
    # beside what the standard library's own part takes, so that a busy machine,
    # where all takes longer, says the same: 2.5 times 0.025 s on a quiet one
    code = (
        "import time; t = time.process_time();"
        "import asyncio, dataclasses, json, logging, ssl, tomllib;"
        "library = time.process_time() - t; t = time.process_time();"
        "import remote.workspace; print((time.process_time() - t) / library)"
    )
    ratios = [
        float(subprocess.check_output([sys.executable, "-c", code], cwd=ROOT))
        for _ in range(7)
    ]
    assert statistics.median(ratios) < 3.2


def test_the_bundle_needs_the_standard_library_of_3_6_only():
    known = bootstrap.sources()
    for name, (_, text) in known.items():
        tree = ast.parse(text, name, feature_version=(3, 6))
        for node in ast.walk(tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            for imported in names:
                top = imported.partition(".")[0]
                assert (
                    top in sys.stdlib_module_names
                    or imported in known
                    or any(f"{imported}.{alias.name}" in known for alias in node.names)
                ), f"{name} imports {imported}"
    for bad in ("dataclasses", "tomllib", "zoneinfo", "graphlib", "contextvars"):
        assert not any(f"import {bad}" in text for _, text in known.values())


def test_the_bundle_runs_without_site_packages_and_without_a_home(tmp_path):
    command = bootstrap.command((sys.executable,))
    process = subprocess.Popen(
        ["/bin/sh", "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path / "missing")},
        cwd="/",
    )
    out, err = process.communicate(bootstrap.bundle(), timeout=20)
    assert process.returncode == 0, err
    assert b"CDK" in out


@pytest.mark.parametrize("pause", [False, True], ids=["at once", "after a pause"])
def test_what_follows_the_first_modules_is_not_lost(pause):
    """Frames that the loader's buffer has swallowed are taken like any other."""
    luggage = bootstrap.Luggage().for_verb(bootstrap.SOON)
    asked = encode({"id": 7, "verb": "overview.no_such_verb"})
    process = subprocess.Popen(
        ["/bin/sh", "-c", bootstrap.command((sys.executable,))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    )
    reader, heard = FrameReader(), []
    process.stdin.write(bootstrap.bundle() + (b"" if pause else luggage + asked))
    while len(heard) < 2:
        heard += reader.feed(os.read(process.stdout.fileno(), 65536))
        if pause and len(heard) == 1:  # it has said hello
            process.stdin.write(luggage + asked)
            pause = False
    assert "hello" in heard[0].message
    said = heard[1].message["error"]["message"]
    assert said == "the agent knows no verb 'overview.no_such_verb'"
    _, complaint = process.communicate(timeout=20)
    assert (process.returncode, complaint) == (0, b"")


async def test_the_first_list_of_jobs_is_one_small_question():
    """Its modules have gone before the agent said hello, in packets on their way."""
    session = LocalSession()
    agent = await start_agent(session)
    assert agent.luggage.for_verb(bootstrap.SOON) == b""
    assert agent.bytes_sent > len(bootstrap.bundle()) + 20_000
    asked = encode({"id": 1, "verb": "overview.look", "project": "/nonexistent"})
    assert len(asked) < 1400
    await agent.pipe.write(asked)
    frames = []
    while not frames:
        frames = agent.reader.feed(await agent.pipe.read(65536))
    assert "RELION project" in frames[0].message["error"]["message"]
    await session.close()


def test_the_command_line_passes_through_any_shell():
    inner = bootstrap.command()
    assert inner.startswith("exec /bin/sh -c '")
    assert inner.endswith("'")
    body = inner[len("exec /bin/sh -c '") : -1]
    assert not set("'\\\n!`") & set(body)


def test_what_goes_first_fits_the_first_packets_of_a_connection():
    """Ten packets may be on their way before the first is acknowledged (RFC 6928)."""
    assert len(bootstrap.bundle()) + len(bootstrap.command()) < 10 * 1400
    first = set(bootstrap.needed(*bootstrap.FIRST))
    assert len(first) < len(bootstrap.sources()) / 3


def without_docstrings(text):
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                first.value.value = ""
    return ast.dump(tree)


@pytest.mark.parametrize("name", sorted(bootstrap.sources()))
def test_what_is_sent_is_the_module_without_its_explanations(name):
    text = bootstrap.sources()[name][1]
    sent = bootstrap.bare(text)
    assert without_docstrings(sent) == without_docstrings(text)
    assert sent.count("\n") == text.count("\n")  # lines of tracebacks are true
    assert len(sent) < 0.97 * len(text) or not text.strip()


def verb_modules():
    """Modules of the agent that can be asked something."""
    return [
        name
        for name, (_, text) in bootstrap.sources().items()
        if name.startswith("remote.agent.") and "@verb(" in text
    ]


def test_every_verb_is_sent_all_that_it_imports():
    """Also what is imported late: by the grammar, not by how the sending finds it."""
    known = bootstrap.sources()
    reached = set()
    for name in [*bootstrap.FIRST, *verb_modules()]:
        sent = set(bootstrap.needed(name))
        reached |= sent
        for one in sent:
            wanted = set()
            for node in ast.walk(ast.parse(known[one][1])):
                if isinstance(node, ast.Import):
                    wanted |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom):
                    wanted.add(node.module)
                    wanted |= {f"{node.module}.{a.name}" for a in node.names}
            assert wanted & set(known) <= sent, (name, one)
    assert reached == set(known), "modules that no verb needs"


async def test_an_agent_with_the_modules_of_one_verb_can_import_it():
    for name in verb_modules():
        session = LocalSession()
        agent = await start_agent(session)
        verb = f"{name.rpartition('.')[2]}.no_such_verb"
        asked = encode({"id": 1, "verb": verb})
        await agent.pipe.write(bootstrap.Luggage().for_verb(verb) + asked)
        frames = []
        while not frames:
            frames = agent.reader.feed(await agent.pipe.read(65536))
        said = frames[0].message["error"]["message"]
        assert said == f"the agent knows no verb '{verb}'"
        await session.close()


def test_nothing_is_sent_twice_or_for_an_unknown_verb():
    luggage = bootstrap.Luggage()
    assert luggage.for_verb("host.ping") == b""
    assert luggage.for_verb("../x.y") == luggage.for_verb("") == b""
    first = luggage.for_verb("overview.overview")
    assert 0 < len(first) < 40_000
    assert luggage.for_verb("overview.overview") == b""
    assert len(luggage.for_verb("lists.nodes")) < len(
        bootstrap.Luggage().for_verb("lists.nodes")
    )


def test_the_bundle_is_made_quickly():
    for made in (bootstrap.bundle, bootstrap.modules, bootstrap.needed):
        made.cache_clear()
    started = time.process_time()
    bootstrap.bundle()
    assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    "frame",
    [
        encode({"modules": 1}, b"no zlib"),
        encode({"modules": 1}, zlib.compress(b"no json")),
        encode({"modules": 1}, zlib.compress(b"[1]")),
        encode({"id": "x", "verb": "host.ping"}),
        encode({"id": 1, "verb": "host.ping", "limit": []}),
    ],
)
async def test_an_agent_that_cannot_understand_leaves_in_order(frame):
    session = LocalSession()
    agent = await start_agent(session)
    await agent.pipe.write(frame)
    while await agent.pipe.read(65536):
        pass
    await agent.pipe.close()
    assert agent.pipe.process.returncode == 0
    assert agent.pipe.complaint() == ""
    await session.close()
