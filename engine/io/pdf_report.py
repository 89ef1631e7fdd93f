"""A page or two of bar charts as PDF: the `logfile.pdf` that RELION offers as a node.

Written by hand (PDF 1.4, ISO 32000-1 sections 7 to 9): filled rectangles and one of the
standard fonts need no library and no Ghostscript.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.io.atomic import write_bytes

_WIDTH, _HEIGHT = 595, 842  # A4 in points
_LEFT, _CHART_WIDTH, _CHART_HEIGHT = 60, 475, 150
_CHARTS_PER_PAGE = 3


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars side by side.

    Attributes
    ----------
    title : str
    heights : sequence of float
    low, high : str
        What stands under the first and the last bar.
    """

    title: str
    heights: Sequence[float]
    low: str
    high: str


def write_report(
    path: str | Path, lines: Sequence[str], charts: list[BarChart]
) -> None:
    """Write a report: lines of text on the first page, then charts."""
    groups = [
        charts[i : i + _CHARTS_PER_PAGE]
        for i in range(0, len(charts), _CHARTS_PER_PAGE)
    ] or [[]]
    pages = [
        _page(lines if number == 0 else [], group)
        for number, group in enumerate(groups)
    ]
    write_bytes(path, _document(pages))


def _page(lines: Sequence[str], charts: list[BarChart]) -> bytes:
    parts = []
    y = _HEIGHT - 60
    for line in lines:
        parts.append(_text(_LEFT, y, 11, line))
        y -= 16
    y -= 30
    for chart in charts:
        parts.append(_text(_LEFT, y, 10, chart.title))
        parts.append(_bars(chart, y - 15 - _CHART_HEIGHT))
        y -= _CHART_HEIGHT + 65
    return "\n".join(parts).encode("latin-1", "replace")


def _bars(chart: BarChart, bottom: float) -> str:
    heights = list(chart.heights)
    top = max([*heights, 0]) or 1
    width = _CHART_WIDTH / max(1, len(heights))
    gap = min(1.0, 0.1 * width)
    parts = ["0.2 0.35 0.6 rg"]
    for index, height in enumerate(heights):
        x = _LEFT + index * width
        tall = max(0.0, height) / top * _CHART_HEIGHT
        parts.append(f"{x:.2f} {bottom:.2f} {width - gap:.2f} {tall:.2f} re f")
    parts.append("0 0 0 rg")
    parts.append(f"{_LEFT} {bottom:.2f} {_CHART_WIDTH} 0.5 re f")
    parts.append(_text(_LEFT, bottom - 12, 8, chart.low))
    parts.append(_text(_LEFT + _CHART_WIDTH - 40, bottom - 12, 8, chart.high))
    parts.append(_text(_LEFT - 35, bottom + _CHART_HEIGHT - 6, 8, f"{top:g}"))
    return "\n".join(parts)


def _text(x: float, y: float, size: int, text: str) -> str:
    clean = "".join(c if c.isprintable() else "?" for c in text)
    escaped = clean.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT /F1 {size} Tf {x:.2f} {y:.2f} Td ({escaped}) Tj ET"


def _document(pages: list[bytes]) -> bytes:
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica "
        b"/Encoding /WinAnsiEncoding >>",
    ]
    for index, content in enumerate(pages):
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {_WIDTH} {_HEIGHT}] "
            f"/Resources << /Font << /F1 3 0 R >> >> "
            f"/Contents {5 + 2 * index} 0 R >>".encode()
        )
        length = f"<< /Length {len(content)} >>\nstream\n".encode()
        objects.append(length + content + b"\nendstream")
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n".encode() + body + b"\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode()
    out += b"".join(f"{offset:010} 00000 n \n".encode() for offset in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\n".encode()
    out += f"startxref\n{table}\n%%EOF\n".encode()
    return bytes(out)
