"""Reports are PDF files whose cross references and lengths are right."""

from __future__ import annotations

import re

import pytest

from engine.io.pdf_report import BarChart, write_report


@pytest.fixture
def report(tmp_path):
    charts = [BarChart(f"chart {i} (Å)", [4, 0, 2, 1], "a", "b") for i in range(4)]
    write_report(tmp_path / "a.pdf", ["first (line)", "second \\ line"], charts)
    return (tmp_path / "a.pdf").read_bytes()


def test_every_cross_reference_points_at_its_object(report):
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n\Z", report)[1])
    table = report[start:]
    assert table.startswith(b"xref\n0 ")
    offsets = [int(m) for m in re.findall(rb"(\d{10}) 00000 n \n", table)]
    assert len(offsets) == int(re.search(rb"/Size (\d+)", table)[1]) - 1
    for number, offset in enumerate(offsets, 1):
        assert report[offset:].startswith(f"{number} 0 obj\n".encode())


def test_every_stream_is_as_long_as_it_says(report):
    streams = re.findall(
        rb"<< /Length (\d+) >>\nstream\n(.*?)\nendstream", report, re.DOTALL
    )
    assert len(streams) == 2  # four charts on two pages
    assert all(len(body) == int(length) for length, body in streams)


def test_bars_are_as_high_as_their_numbers(report):
    bars = re.findall(rb"([\d.]+) ([\d.]+) ([\d.]+) ([\d.]+) re f", report)
    heights = [float(bar[3]) for bar in bars[:4]]
    assert heights == [150, 0, 75, 37.5]


def test_brackets_and_backslashes_are_text(report):
    assert rb"(first \(line\)) Tj" in report
    assert rb"(second \\ line) Tj" in report
