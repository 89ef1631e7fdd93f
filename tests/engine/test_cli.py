"""The engine's command line says what is missing before it begins."""

import pytest

from engine import cli


@pytest.mark.parametrize("words", [["run", "x"], ["simulate", "x"], ["check"]])
def test_a_python_without_the_engines_libraries_is_told_what_to_install(
    words, monkeypatch, capsys
):
    monkeypatch.setattr(cli, "_LIBRARIES", ("numpy", "no_such_library"))
    assert cli.main(words) == 2
    said = capsys.readouterr().err
    assert "has no no_such_library" in said
    assert "pip install" in said
    assert len(said.splitlines()) == 1


def test_the_version_is_told(capsys):
    assert cli.main(["--version"]) == cli.main(["check"]) == 0
    assert capsys.readouterr().out.startswith("cryodeck engine ")
