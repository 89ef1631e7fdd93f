"""The manual: a page of everything, as text and for man(1)."""

import subprocess

import pytest

from tui.cli.manual import Page, Section, all_pages, as_roff, as_text
from tui.cli.parser import build_parser

PAGES = {page.name: page for page in all_pages()}


def test_every_command_and_every_form_has_its_page():
    from engine.jobs import registry

    expected = {f"cryodeck-{name}" for name in build_parser()[1].by_name}
    expected |= {f"cryodeck-{key}" for key in registry.FORMS}
    assert expected | {"cryodeck"} == set(PAGES)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_has_its_parts_and_fits_80_columns(name):
    page = PAGES[name]
    titles = [section.title for section in page.sections]
    assert titles[:2] == ["SYNOPSIS", "DESCRIPTION"]
    text = as_text(page)
    assert max(map(len, text.splitlines())) <= 80 or "EXAMPLES" in titles
    for section in page.sections:
        assert section.text or section.items
        for term, words in section.items:
            assert words.strip(), (page.name, term)


def test_an_option_is_explained_with_its_key_help_and_default():
    text = as_text(PAGES["cryodeck-autopick"])
    assert "log_diam_min" in text
    assert "Min. diameter for LoG filter" in text
    assert "Default: 200." in text


def test_man_has_no_complaint_about_any_page():
    whole = "".join(as_roff(page) for page in PAGES.values())
    done = subprocess.run(
        ["groff", "-man", "-Tutf8", "-Kutf8", "-ww", "-z"],
        input=whole.encode(),
        capture_output=True,
        check=True,
    )
    assert done.stderr.decode() == ""


def test_what_roff_would_obey_is_written_out():
    page = Page("x", "a-b", (Section("EXAMPLES", ".TH evil\n'so /etc/passwd\na\\b"),))
    text = as_roff(page)
    assert "\n\\&.TH evil" in text
    assert "\n\\&'so /etc/passwd" in text
    assert "a\\eb" in text


def test_help_is_read_by_topic_and_written_for_man(shell, tmp_path):
    assert "--set" in shell("help", "new").out
    assert "jobs.watch" in shell("help", "keys").out
    assert shell.json("help", "extract")["name"] == "cryodeck-extract"
    assert "did you mean" in shell("help", "extrakt", code=2).err
    written = shell.json("help", "--man", str(tmp_path))["written"]
    assert len(written) == len(PAGES) + 1
    assert (tmp_path / "man1/cryodeck-keys.1").read_text().startswith('.TH "CRYODECK')
