"""What the documents name is there: files, commands, options, benchmarks."""

import argparse
import re
import shlex
from pathlib import Path

import pytest

from tui.cli.parser import build_parser

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    path
    for pattern in ("*.md", "docs/**/*.md", "benchmarks/*.md", "tests/cluster/*.md")
    for path in ROOT.glob(pattern)
)
ROOMS = ("benchmarks", "docs", "engine", "remote", "tests", "tui")
NAMED = re.compile(rf"(?<![\w/.-])((?:{'|'.join(ROOMS)})/[\w./-]*\w)")
LINK = re.compile(r"\]\(([^)#\s]+)")
RECORDS = re.compile(r"`(results/[\w.]+\.json)`")
COMMAND = re.compile(r"(?<![\w/.~-])cryodeck ((?:--host \S+ |--project \S+ )*[a-z].*)")


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def code_in(text: str) -> list[str]:
    """Indented lines, joined where they go on, and what stands in backticks."""
    joined = re.sub(r"\\\n\s*", "", text)
    blocks = [line.strip() for line in joined.splitlines() if line.startswith("    ")]
    return blocks + re.findall(r"`([^`\n]+)`", text)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_file_that_a_document_names_exists(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    links = [link for link in LINK.findall(text) if "://" not in link]
    missing = [link for link in links if not (document.parent / link).exists()]
    for path in NAMED.findall(text):
        if not (ROOT / path).exists() and not (ROOT / f"{path}.py").exists():
            missing.append(path)
    for path in RECORDS.findall(text):
        if not (ROOT / "benchmarks" / path).exists():
            missing.append(path)
    assert missing == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_command_that_a_document_gives_exists(document: Path) -> None:
    top, commands = build_parser()
    known = commands.by_name
    everywhere = set(top._option_string_actions)
    wrong = []
    for code in code_in(document.read_text(encoding="utf-8")):
        for line in COMMAND.findall(code):
            words = shlex.split(line.partition(")")[0], comments=True)
            while words and words[0].startswith("--"):
                words = words[2:]
            parser = known.get(words[0]) if words else None
            options = [word.partition("=")[0] for word in words if word[:2] == "--"]
            if parser is None:
                wrong.append(line)
            elif words[0] != "simulate":  # hands its options to the engine
                has = everywhere | set(parser._option_string_actions)
                has |= {o for p in below(parser) for o in p._option_string_actions}
                wrong += [f"{line}: {o}" for o in options if o not in has]
    assert wrong == []


def below(parser: argparse.ArgumentParser) -> list[argparse.ArgumentParser]:
    return [
        inner
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for inner in action.choices.values()
    ]


def test_the_page_of_the_command_line_has_every_command() -> None:
    page = (ROOT / "docs/cli.md").read_text(encoding="utf-8")
    missing = [
        word for word in build_parser()[1].by_name if not re.search(rf"`{word}\b", page)
    ]
    assert [word for word in missing if f"cryodeck {word}" not in page] == []


def test_the_page_of_benchmarks_has_every_script_and_every_result() -> None:
    page = (ROOT / "benchmarks/README.md").read_text(encoding="utf-8")
    files = [
        *(ROOT / "benchmarks").glob("*.py"),
        *(ROOT / "benchmarks").rglob("*.json"),
    ]
    assert [file.name for file in files if file.name not in page] == []


def test_every_module_that_the_architecture_names_exists() -> None:
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    modules = {p.name for room in ROOMS for p in (ROOT / room).rglob("*.py")}
    assert set(re.findall(r"\b[a-z0-9_]+\.py\b", text)) - modules == set()


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/decisions"
    index = (folder / "README.md").read_text(encoding="utf-8")
    assert [
        p.name for p in folder.glob("[0-9]*.md") if f"({p.name})" not in index
    ] == []


def test_every_target_that_make_is_said_to_have_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = {
        target
        for document in DOCUMENTS
        for code in code_in(document.read_text(encoding="utf-8"))
        for target in re.findall(r"^make ([a-z-]+)", code)
    }
    assert named
    assert named <= targets
