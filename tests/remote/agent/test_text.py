import pytest
from hypothesis import given
from hypothesis import strategies as st

from remote.agent.text import clean, decode_piece, last_state, settle


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;evil title\x07text", "text"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bPq#0;2;0\x1b\\sixel", "sixel"),
        ("\x1b_Gf=100;AAAA\x1b\\kitty", "kitty"),
        ("a\x1bcb", "ab"),
        ("\x1b", ""),
        ("\x9b31mred", "red"),
        ("a\x00b\x08c\x7fd", "abcd"),
        ("file\u202egpj.exe", "filegpj.exe"),
        ("tab\tstays\nline", "tab\tstays\nline"),
        ("Å µ é 日本", "Å µ é 日本"),
    ],
)
def test_what_a_terminal_would_obey_is_taken_out(raw, shown):
    assert clean(raw) == shown


@given(st.text())
def test_no_control_character_is_left(raw):
    for char in clean(raw):
        assert char in "\t\n" or (ord(char) >= 32 and not 0x7F <= ord(char) < 0xA0)


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("one\rtwo", "two"),
        ("long line\rab", "abng line"),
        ("a\r", "a"),
        ('  1/24 ...~~(,_,">\r  2/24 ......~~(,_,">', '  2/24 ......~~(,_,">'),
        ("abc\b\bX", "aX"),
        ("\r\r\rdone", "done"),
    ],
)
def test_a_line_looks_as_a_terminal_leaves_it(line, shown):
    assert last_state(line) == shown


def test_windows_line_ends_are_no_progress_bars():
    assert settle("one\r\ntwo\r\n") == "one\ntwo\n"


@given(st.text(st.characters(codec="utf-8")), st.integers(0, 40))
def test_a_piece_never_tears_a_character(text, cut):
    data = text.encode()
    first, used = decode_piece(data[:cut])
    second, rest = decode_piece(data[used:])
    assert first + second == text
    assert used + rest == len(data)
