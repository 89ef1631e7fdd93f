"""STAR files in RELION's dialect, kept as they are.

A file is blocks in order; a block is a list (label, value) or a loop (labels, rows).
Values stay text. What is not understood (comments, unknown columns, further blocks)
is written back. Big loops are read by `engine.project.star_stream`.
"""

import re
from typing import Dict, List, NoReturn, Optional

from engine.project.errors import StarError

BELL = "\x07"  # RELION's escape of a quote inside a quoted value
# compiled at first use, as most files hold no quotes
_TOKEN = r"""\s*(?:
        "((?:[^"\x07]|\x07.|"(?!\s|$))*)"(?=\s|$)   # double quotes
      | '((?:[^']|'(?!\s|$))*)'(?=\s|$)             # single quotes
      | (\#.*)                                      # comment to the end of the line
      | (\S+)
    )"""
EMPTY = "{}: nothing in it; run the job that writes it again, or take a backup"
_NUMBER_BEGINS = frozenset("+-.0123456789")


def split_values(line: str) -> List[str]:
    """Values of one line, without quotes and without a trailing comment."""
    if '"' not in line and "'" not in line and "#" not in line:
        return line.split()
    values = []
    for match in re.finditer(_TOKEN, line, re.VERBOSE):
        double, single, comment, plain = match.groups()
        if comment is not None:
            break
        if double is not None:
            values.append(double.replace(BELL, ""))
        elif single is not None:
            values.append(single)
        elif plain is not None:
            values.append(plain)
    return values


def quote(value: str) -> str:
    """Value as it must stand in a file: quoted if it has to be."""
    if value == "":
        return '""'
    if "\n" in value or "\r" in value or BELL in value:
        message = "a STAR value must not hold a line break or a bell: {!r}"
        raise StarError(message.format(value))
    plain = (
        value[0] not in "\"'#_;"
        and value.split() == [value]
        and "#" not in value
        and not value.startswith(("data_", "loop_"))
    )
    if plain:
        return value
    escaped = re.sub(r'"(?=\s|$)', BELL + '"', value)
    return '"' + escaped + '"'


class Block:
    """One table of a file: a list of pairs or a loop.

    `rows` of a list are its [label, value] pairs; `columns` of a loop are its labels
    without the underscore. `before` are the lines above ``data_NAME``, `inside` those
    between it and the first label, `notes` comments above a row, by the row's index.
    """

    def __init__(
        self,
        name: str,
        is_loop: bool,
        columns: Optional[List[str]] = None,
        rows: Optional[List[List[str]]] = None,
    ) -> None:
        self.name = name
        self.is_loop = is_loop
        self.columns = columns if columns is not None else []
        self.rows = rows if rows is not None else []
        self.before: List[str] = []
        self.inside: List[str] = []
        self.notes: Dict[int, List[str]] = {}
        self.has_head = True  # False: a further table of the block before
        self.problem = ""  # why its rows cannot be used, with file and line
        self._index: Dict[str, int] = {}

    def column(self, label: str) -> int:
        """Index of a column; -1 if there is none."""
        if len(self._index) != len(self.columns):
            self._index = {c: i for i, c in enumerate(self.columns)}
        return self._index.get(label, -1)

    def values(self, label: str) -> List[str]:
        """All values of a column."""
        i = self.column(label)
        if i < 0:
            message = "data_{}: no column _{}".format(self.name, label)
            raise StarError(message)
        return [row[i] for row in self.rows]

    def records(self) -> List[Dict[str, str]]:
        """Rows of a loop as dictionaries."""
        columns = self.columns
        return [{c: row[i] for i, c in enumerate(columns)} for row in self.rows]

    def get(self, label: str, default: str = "") -> str:
        """Value of a list's label."""
        for row in self.rows:
            if row[0] == label:
                return row[1]
        return default

    def set(self, label: str, value: str) -> None:
        """Set a list's label, at its place or at the end."""
        for row in self.rows:
            if row[0] == label:
                row[1] = value
                return
        self.rows.append([label, value])


class StarFile:
    """The blocks of a file in order."""

    def __init__(self, blocks: Optional[List[Block]] = None) -> None:
        self.blocks = blocks if blocks is not None else []
        self.after: List[str] = []

    def block(self, name: str) -> Optional[Block]:
        """First table of that name; None if there is none."""
        for block in self.blocks:
            if block.name == name:
                if block.problem:
                    raise StarError(block.problem)
                return block
        return None

    def require(self, name: str, source: str = "") -> Block:
        """Table of that name, or an error that lists what is there."""
        block = self.block(name)
        if block is None and not self.blocks:
            raise StarError(EMPTY.format(source or "STAR"))
        if block is None:
            there = ", ".join("data_" + b.name for b in self.blocks)
            message = "{}: no table data_{}; found {}"
            raise StarError(message.format(source or "STAR", name, there))
        return block


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.file = StarFile()
        self.block: Optional[Block] = None
        self.state = "outside"  # outside, head, list, labels, rows, closed
        self.pending: List[str] = []
        self.number = 0

    def at_line(self, what: str) -> str:
        """What is wrong, with the file and the line."""
        return "{}, line {}: {}".format(self.source, self.number, what)

    def fail(self, what: str) -> NoReturn:
        """Refuse the file."""
        raise StarError(self.at_line(what))

    def table(self, is_loop: bool) -> Block:
        """Table that begins here, in the block that is open."""
        if self.block is None:
            self.fail("values before any data_ line; is this a STAR file?")
        block = self.block
        if self.state == "head":
            block.is_loop = is_loop
            block.inside = self.pending
        else:
            block = Block(block.name, is_loop)
            block.has_head = False
            block.inside = self.pending
            self.file.blocks.append(block)
        self.block = block
        self.pending = []
        return block

    def feed(self, line: str) -> None:
        """Take one line without its end."""
        text = line.strip()
        if not text or text[0] == "#":
            self.blank_or_comment(line, text)
        elif text.startswith("data_") and len(text.split()) == 1:
            self.block = Block(text[5:], False)
            self.block.before = self.pending
            self.pending = []
            self.file.blocks.append(self.block)
            self.state = "head"
        elif text == "loop_":
            self.table(True)
            self.state = "labels"
        elif text[0] == "_":
            self.label(text)
        elif self.state in ("labels", "rows"):
            self.row(line)
        elif text[0] == ";":
            self.fail("text fields in semicolons are not supported")
        elif self.state == "closed":
            self.fail("a row after the table's end; a blank line ends a table")
        else:
            self.fail("expected data_, loop_ or a label, found {!r}".format(text))

    def blank_or_comment(self, line: str, text: str) -> None:
        """Keep a comment where it stands; a blank line ends rows."""
        if self.state == "rows":
            assert self.block is not None
            if text:
                self.block.notes.setdefault(len(self.block.rows), []).append(line)
                return
            self.state = "closed"
        elif self.state == "labels" and not text:
            assert self.block is not None
            if self.block.columns:
                self.state = "closed"
        if text or self.state != "labels":
            self.pending.append(line)

    def label(self, text: str) -> None:
        """Take a line that begins with an underscore."""
        if self.state == "labels":
            assert self.block is not None
            self.block.columns.append(text.split()[0][1:])
            return
        if self.state == "rows":
            self.state = "closed"
        if self.state in ("head", "closed", "outside"):
            self.table(False)
            self.state = "list"
        assert self.block is not None
        values = split_values(text)
        if len(values) > 2:
            self.fail("{} has more than one value".format(values[0]))
        comments = [note for note in self.pending if note.strip()]
        if comments:
            self.block.notes.setdefault(len(self.block.rows), []).extend(comments)
        self.pending = []
        value = values[1] if len(values) > 1 else ""
        self.block.rows.append([values[0][1:], value])

    def row(self, line: str) -> None:
        """Take a row of a loop."""
        assert self.block is not None
        if self.pending:
            self.block.notes.setdefault(0, []).extend(self.pending)
            self.pending = []
        values = split_values(line)
        width = len(self.block.columns)
        if len(values) != width:
            if width == 2 and len(values) == 1:
                values.append("")  # RELION tolerates it in tables of two columns
            elif not self.block.problem:
                what = "{} values in a table of {} columns"
                self.block.problem = self.at_line(what.format(len(values), width))
        self.block.rows.append(values)
        self.state = "rows"


def parse(text: str, source: str = "STAR") -> StarFile:
    """Tables of a file; a `StarError` names the source and the line.

    A table with a row of the wrong width is kept, and refused only when asked for:
    a broken table must not hide the others.
    """
    parser = _Parser(source)
    if text.startswith("\ufeff"):
        text = text[1:]
    for number, line in enumerate(text.split("\n"), 1):
        parser.number = number
        parser.feed(line[:-1] if line.endswith("\r") else line)
    parser.file.after = parser.pending
    return parser.file


def read(path: str) -> StarFile:
    """Tables of a file on disk."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return parse(handle.read(), path)
    except OSError as error:
        message = "{}: {}".format(path, error.strerror or error)
        raise StarError(message) from error


def format_star(file: StarFile) -> str:
    """Text of a file as RELION lays it out."""
    lines: List[str] = []
    for block in file.blocks:
        if block.has_head:
            before = block.before
            lines.extend(before if any(before) else [""])
            lines.append("data_" + block.name)
            lines.extend(block.inside if block.inside else [""])
        else:
            lines.extend(block.inside if block.inside else [""])
        if block.is_loop:
            lines.append("loop_ ")
            lines.extend(
                "_{} #{} ".format(c, i) for i, c in enumerate(block.columns, 1)
            )
        _format_rows(block, lines)
    after = file.after
    if after and after[-1] == "":
        after = after[:-1]
    lines.extend(after if file.after else [" "])
    return "\n".join(lines) + "\n"


def _format_rows(block: Block, lines: List[str]) -> None:
    for i, row in enumerate(block.rows):
        if i in block.notes:
            lines.extend(block.notes[i])
        if block.is_loop:
            lines.append(" ".join(_padded(v) for v in row) + " ")
        else:
            label, value = "_" + row[0], quote(row[1])
            lines.append("{:<36} {:>9}".format(label, value))
    if len(block.rows) in block.notes:
        lines.extend(block.notes[len(block.rows)])


def _padded(value: str) -> str:
    text = quote(value)
    width = 12 if _is_decimal(text) else 10
    return text.rjust(width)


def _is_decimal(text: str) -> bool:
    if text[0] not in _NUMBER_BEGINS:
        return False
    try:
        float(text)
    except ValueError:
        return False
    return True
