"""STAR files: RELION's dialect in, the same out."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.project import star_stream
from engine.project.errors import StarError
from engine.project.star import Block, StarFile, format_star, parse, quote, split_values
from engine.project.star_stream import LoopStream, count_rows

DATA = Path(__file__).parents[2] / "data" / "project"
STARS = sorted(DATA.rglob("*.star"))

values = st.text(
    st.characters(blacklist_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20
)
words = st.from_regex(r"rln[A-Za-z0-9]{1,12}", fullmatch=True)


def content(file: StarFile) -> list[object]:
    return [(b.name, b.is_loop, b.columns, b.rows, b.notes) for b in file.blocks]


def is_star(path: Path) -> bool:
    return "coords_suffix" not in path.name


@pytest.mark.parametrize(
    "path", [p for p in STARS if is_star(p)], ids=lambda p: str(p.relative_to(DATA))
)
def test_every_example_reads_the_same_after_writing(path: Path) -> None:
    file = parse(path.read_text(), str(path))
    assert content(parse(format_star(file))) == content(file)


@pytest.mark.parametrize("name", ["rel31", "rel40", "rel50", "relion31", "relion5"])
def test_pipelines_written_by_relion_come_back_byte_for_byte(name: str) -> None:
    text = (DATA / name / "default_pipeline.star").read_text()
    assert format_star(parse(text)) == text


@given(st.lists(st.lists(values, min_size=3, max_size=3), min_size=1, max_size=5))
@example([['a"', "a b", ""], ['"', "'", "#"], ["data_x", "loop_", "_y"]])
@example([["a b'c d", 'x" y" z', "\\"], ['" "', "' '", ";"]])
@settings(deadline=None)
def test_any_one_line_values_survive_a_loop(rows: list[list[str]]) -> None:
    block = Block("x", True, ["a", "b", "c"], [list(row) for row in rows])
    again = parse(format_star(StarFile([block]))).require("x")
    assert again.rows == rows


@given(st.dictionaries(words, values, min_size=1, max_size=5))
@settings(deadline=None)
def test_any_one_line_values_survive_a_list(pairs: dict[str, str]) -> None:
    block = Block("x", False)
    for label, value in pairs.items():
        block.set(label, value)
    again = parse(format_star(StarFile([block]))).require("x")
    assert {row[0]: row[1] for row in again.rows} == pairs


def refusal(text: str, source: str) -> str:
    """Read and write a text; return why that was refused, or nothing."""
    try:
        format_star(parse(text, source))
    except StarError as error:
        return str(error)
    return ""


@given(st.text(max_size=300))
@settings(deadline=None)
def test_any_text_is_read_or_refused_with_its_line(text: str) -> None:
    said = refusal(text, "any.star")
    assert not said or said.startswith("any.star, line ") or "bell" in said


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_damaged_pipeline_is_read_or_refused_never_worse(data: st.DataObject) -> None:
    text = (DATA / "rel50" / "default_pipeline.star").read_text()
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 40))
    noise = data.draw(st.text("ab_#\"' \n\t\x07data_loop", max_size=10))
    said = refusal(text[:at] + noise + text[at + cut :], "p.star")
    assert not said or "p.star" in said or "bell" in said


def test_windows_line_ends_are_read() -> None:
    text = (DATA / "rel31" / "default_pipeline.star").read_text()
    windows = parse(text.replace("\n", "\r\n"))
    assert content(windows) == content(parse(text))


def test_a_line_break_in_a_value_is_refused() -> None:
    with pytest.raises(StarError, match="line break"):
        quote("a\nb")


def test_quotes_as_relion_writes_them_are_understood() -> None:
    assert split_values('a "b c" "d\x07" e" \'f g\'') == ["a", "b c", 'd" e', "f g"]


def test_a_row_of_the_wrong_width_names_file_and_line() -> None:
    text = "data_x\n\nloop_\n_a #1\n_b #2\n_c #3\n1 2 3\n4 5\n\n"
    with pytest.raises(StarError, match=r"f\.star, line 8: 2 values .* 3 columns"):
        parse(text, "f.star").require("x")


def test_a_broken_table_does_not_hide_the_others() -> None:
    text = "data_x\n\nloop_\n_a #1\n_b #2\n_c #3\n1 2\n\ndata_y\n\n_z 5\n"
    assert parse(text).require("y").get("z") == "5"


def test_a_missing_table_names_those_that_are_there() -> None:
    with pytest.raises(StarError, match="no table data_b; found data_a"):
        parse("data_a\n\n_x 1\n").require("b", "f.star")


def test_values_before_any_block_are_refused() -> None:
    with pytest.raises(StarError, match=r"line 1: .*is this a STAR file"):
        parse("_rlnX 1\n", "f.star")


def test_comments_stay_where_they_are() -> None:
    text = (
        "# mine\ndata_x\n# inside\n_a 1\n# above b\n_b 2\n\n"
        "data_y\n\nloop_\n_c #1\n# first\n1\n# second\n2\n\n# the end\n"
    )
    again = format_star(parse(text))
    order = ["# mine", "# inside", "# above b", "# first", "# second", "# the end"]
    positions = [again.index(comment) for comment in order]
    assert positions == sorted(positions)
    assert format_star(parse(again)) == again


def test_two_loops_in_one_block_are_both_kept() -> None:
    text = "data_x\n\nloop_\n_a #1\n1\n\nloop_\n_b #1\n2\n\n"
    file = parse(format_star(parse(text)))
    assert [b.columns for b in file.blocks] == [["a"], ["b"]]


def make_particles(path: Path, rows: int) -> None:
    with path.open("w") as file:
        file.write("# version 30001\n\ndata_optics\n\nloop_\n_rlnOpticsGroup #1\n1\n\n")
        file.write("data_particles\n\nloop_\n_rlnCoordinateX #1\n_rlnImageName #2\n")
        for i in range(rows):
            file.write(f"{i * 0.5:f} {i:06d}@a.mrcs\n")
        file.write("\n")


def test_columns_of_a_loop_stream_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "p.star"
    make_particles(path, 4)
    with LoopStream(str(path), "particles") as stream:
        rows = list(stream.rows(["rlnImageName", "rlnCoordinateX"]))
    assert rows[3] == ("000003@a.mrcs", "1.500000")
    assert count_rows(str(path), "particles") == 4
    assert count_rows(str(path), "optics") == 1
    with LoopStream(str(path), "particles") as stream:
        places = [float(x) for (x,) in stream.rows(["rlnCoordinateX"])]
    assert places == [0.0, 0.5, 1.0, 1.5]


def test_streaming_takes_memory_that_does_not_grow(tmp_path: Path) -> None:
    import tracemalloc

    peaks = []
    for rows in (1000, 30000):
        path = tmp_path / f"{rows}.star"
        make_particles(path, rows)
        tracemalloc.start()
        with LoopStream(str(path), "particles") as stream:
            assert sum(1 for _ in stream.rows(["rlnCoordinateX"])) == rows
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 20_000


@pytest.mark.parametrize(
    "tail", ["", "\n", "\n\ndata_next\n\nloop_\n_a\n1\n", "\n# a word\n1.0 'a b'\n"]
)
def test_batches_are_the_values_that_rows_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tail: str
) -> None:
    path = tmp_path / "p.star"
    make_particles(path, 400)
    path.write_text(path.read_text().rstrip() + tail)
    for size in (1, 7, 64, 1000, 1 << 18):
        monkeypatch.setattr(star_stream, "_BATCH_CHARACTERS", size)
        for label in ("rlnCoordinateX", "rlnImageName"):
            with LoopStream(str(path), "particles") as stream:
                wanted = [row[0] for row in stream.rows([label])]
            with LoopStream(str(path), "particles") as stream:
                assert [v for some in stream.batches(label) for v in some] == wanted
    assert len(wanted) in (400, 401)


def test_a_row_that_is_cut_short_is_named_by_its_line(tmp_path: Path) -> None:
    path = tmp_path / "p.star"
    make_particles(path, 30)
    lines = path.read_text().rstrip().splitlines()
    for cut in (len(lines), len(lines) - 10):
        text = "\n".join([*lines[: cut - 1], "1.0"])
        path.write_text(text)
        for label in ("rlnCoordinateX", "rlnImageName"):
            with (
                LoopStream(str(path), "particles") as stream,
                pytest.raises(StarError, match=f"line {cut}: 1 values"),
            ):
                list(stream.batches(label))


def test_a_stream_names_a_missing_column(tmp_path: Path) -> None:
    path = tmp_path / "p.star"
    path.write_text("data_\n\nloop_\n_a #1\n_b #2\n1 x\n")
    with (
        LoopStream(str(path)) as stream,
        pytest.raises(StarError, match="no column _c"),
    ):
        list(stream.rows(["c"]))
