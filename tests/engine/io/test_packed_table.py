"""Tables with compressed text say what the tables they were made of say."""

import tracemalloc

import numpy as np
import pytest

from engine.errors import InputError
from engine.io.packed_table import PackedTable, read_packed
from engine.io.star import Table, format_tables, parse_star, read_star, write_star

N = 10_000


def table(n=N):
    return Table(
        {
            "rlnImageName": [f"{i:06d}@stack one.mrcs" for i in range(n)],
            "rlnDefocusU": [f"{12000 + i / 7:.6f}" for i in range(n)],
            "rlnMicrographName": [f"m{i // 100}.mrc" for i in range(n)],
            "rlnGroupNumber": np.arange(n),
        }
    )


def test_it_reads_and_writes_as_the_table_it_was_made_of():
    plain = table()
    packed = PackedTable(plain)
    assert packed.labels == plain.labels
    assert len(packed) == N
    assert "rlnDefocusU" in packed
    assert packed.text("rlnImageName") == plain.text("rlnImageName")
    np.testing.assert_array_equal(
        packed.numbers("rlnDefocusU"), plain.numbers("rlnDefocusU")
    )
    found = packed.numbers("rlnDefocusU", 7.0)
    np.testing.assert_array_equal(found, plain.numbers("rlnDefocusU"))
    assert packed.numbers("rlnAnglePsi", 7.0).tolist() == [7.0] * N
    more = {"rlnDefocusU": np.arange(N) / 3, "rlnClassNumber": np.arange(N) % 7}
    expected = format_tables({"particles": plain.with_columns(more)})
    assert format_tables({"particles": packed.with_columns(more)}) == expected
    # the packed one has not changed
    assert format_tables({"": packed}) == format_tables({"": plain})
    rows = parse_star(expected)["particles"]
    assert rows.text("rlnImageName") == plain.text("rlnImageName")
    taken = packed.take([3, 9000]).columns["rlnImageName"]
    assert taken == [plain.text("rlnImageName")[i] for i in (3, 9000)]
    assert packed.without(["rlnDefocusU"]).labels == [
        label for label in plain.labels if label != "rlnDefocusU"
    ]


def test_an_empty_one_has_its_labels():
    packed = PackedTable(table(0))
    assert packed.labels == table(0).labels
    assert format_tables({"a": packed}) == format_tables({"a": table(0)})


def test_one_of_numbers_alone_has_nothing_to_pack():
    numbers = Table({"rlnGroupNumber": np.arange(5000)})
    packed = PackedTable(numbers)
    assert format_tables({"a": packed}) == format_tables({"a": numbers})


def test_a_row_takes_little_memory_packed_and_none_while_written(tmp_path):
    plain = table()
    tracemalloc.start()
    packed = PackedTable(plain)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    write_star(tmp_path / "out.star", {"particles": packed})
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 40 * N
    # a few thousand rows at a time
    assert peak < 5_000_000


def test_a_file_is_read_in_little_memory(tmp_path):
    path = tmp_path / "long.star"
    optics = Table({"rlnOpticsGroup": np.array([1])})
    write_star(path, {"optics": optics, "particles": table()})
    expected = read_star(path)
    tracemalloc.start()
    found = read_packed(path)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert list(found) == ["optics", "particles"]
    assert kept < 40 * N
    # the rest is that of some thousand rows at a time
    assert peak < 40 * N + 4_000_000
    for name, plain in expected.items():
        assert format_tables({name: found[name]}) == format_tables({name: plain})
    defocus = [expected["particles"].numbers("rlnDefocusU")]
    defocus.append(found["particles"].numbers("rlnDefocusU"))
    np.testing.assert_array_equal(*defocus)


def test_what_is_no_number_is_named(tmp_path):
    path = tmp_path / "bad.star"
    path.write_text("data_particles\nloop_\n_rlnDefocusU\n12000\nfar\n")
    table = read_packed(path)["particles"]
    with pytest.raises(InputError, match=r"bad.star: particles: rlnDefocusU: .*'far'"):
        table.numbers("rlnDefocusU")
