"""STAR files in RELION's dialect, kept as they are.

A file is blocks in order; a block is a list (label, value) or a loop (labels, rows).
Values stay text. What is not understood (comments, unknown columns, further blocks)
is written back. Big loops are read by `engine.project.star_stream`.
"""

import re

from engine.project.errors import StarError

BELL = "\x07"  # RELION's escape of a quote inside a quoted value
_TOKEN = re.compile(
    r"""\s*(?:
        "((?:[^"\x07]|\x07.|"(?!\s|$))*)"(?=\s|$)   # double quotes
      | '((?:[^']|'(?!\s|$))*)'(?=\s|$)             # single quotes
      | (\#.*)                                      # comment to the end of the line
      | (\S+)
    )""",
    re.VERBOSE,
)
_DECIMAL = re.compile(r"[-+]?[0-9.][0-9.eE+-]*\Z")


def split_values(line):  # type: (str) -> List[str]
    """Values of one line, without quotes and without a trailing comment."""
    if '"' not in line and "'" not in line and "#" not in line:
        return line.split()
    values = []
    for match in _TOKEN.finditer(line):
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


def quote(value):  # type: (str) -> str
    """The value as it must stand in a file: quoted if it has to be."""
    if value == "":
        return '""'
    if "\n" in value or "\r" in value or BELL in value:
        raise StarError(
            "a STAR value must not hold a line break or a bell: {!r}".format(value)
        )
    plain = (
        value[0] not in "\"'#_;"
        and not any(c.isspace() for c in value)
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

    def __init__(self, name, is_loop, columns=None, rows=None):
        # type: (str, bool, Optional[List[str]], Optional[List[List[str]]]) -> None
        self.name = name
        self.is_loop = is_loop
        self.columns = columns if columns is not None else []
        self.rows = rows if rows is not None else []
        self.before = []  # type: List[str]
        self.inside = []  # type: List[str]
        self.notes = {}  # type: Dict[int, List[str]]
        self.has_head = True  # False: a further table of the block before
        self.problem = ""  # why its rows cannot be used, with file and line
        self._index = {}  # type: Dict[str, int]

    def column(self, label):  # type: (str) -> int
        """Index of a column; -1 if there is none."""
        if len(self._index) != len(self.columns):
            self._index = {c: i for i, c in enumerate(self.columns)}
        return self._index.get(label, -1)

    def values(self, label):  # type: (str) -> List[str]
        """All values of a column."""
        i = self.column(label)
        if i < 0:
            raise StarError("data_{}: no column _{}".format(self.name, label))
        return [row[i] for row in self.rows]

    def records(self):  # type: () -> List[Dict[str, str]]
        """Rows of a loop as dictionaries."""
        return [dict(zip(self.columns, row)) for row in self.rows]

    def get(self, label, default=""):  # type: (str, str) -> str
        """Value of a list's label."""
        for row in self.rows:
            if row[0] == label:
                return row[1]
        return default

    def set(self, label, value):  # type: (str, str) -> None
        """Set a list's label, at its place or at the end."""
        for row in self.rows:
            if row[0] == label:
                row[1] = value
                return
        self.rows.append([label, value])


class StarFile:
    """The blocks of a file in order."""

    def __init__(self, blocks=None):  # type: (Optional[List[Block]]) -> None
        self.blocks = blocks if blocks is not None else []
        self.after = []  # type: List[str]

    def block(self, name):  # type: (str) -> Optional[Block]
        """The first table of that name; None if there is none."""
        for block in self.blocks:
            if block.name == name:
                if block.problem:
                    raise StarError(block.problem)
                return block
        return None

    def require(self, name, source=""):  # type: (str, str) -> Block
        """The table of that name, or an error that lists what is there."""
        block = self.block(name)
        if block is None:
            there = ", ".join("data_" + b.name for b in self.blocks) or "nothing"
            raise StarError(
                "{}: no table data_{}; found {}".format(source or "STAR", name, there)
            )
        return block


class _Parser:
    def __init__(self, source):  # type: (str) -> None
        self.source = source
        self.file = StarFile()
        self.block = None  # type: Optional[Block]
        self.state = "outside"  # outside, head, list, labels, rows, closed
        self.pending = []  # type: List[str]
        self.number = 0

    def fail(self, what):  # type: (str) -> StarError
        return StarError("{}, line {}: {}".format(self.source, self.number, what))

    def table(self, is_loop):  # type: (bool) -> Block
        """The table that begins here, in the block that is open."""
        if self.block is None:
            raise self.fail("values before any data_ line; is this a STAR file?")
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

    def feed(self, line):  # type: (str) -> None
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
            raise self.fail("text fields in semicolons are not supported")
        elif self.state == "closed":
            raise self.fail("a row after the table's end; a blank line ends a table")
        else:
            raise self.fail("expected data_, loop_ or a label, found {!r}".format(text))

    def blank_or_comment(self, line, text):  # type: (str, str) -> None
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

    def label(self, text):  # type: (str) -> None
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
            raise self.fail("{} has more than one value".format(values[0]))
        comments = [note for note in self.pending if note.strip()]
        if comments:
            self.block.notes.setdefault(len(self.block.rows), []).extend(comments)
        self.pending = []
        value = values[1] if len(values) > 1 else ""
        self.block.rows.append([values[0][1:], value])

    def row(self, line):  # type: (str) -> None
        """Take a row of a loop."""
        assert self.block is not None
        values = split_values(line)
        width = len(self.block.columns)
        if len(values) != width:
            if width == 2 and len(values) == 1:
                values.append("")  # RELION tolerates it in tables of two columns
            elif not self.block.problem:
                self.block.problem = str(
                    self.fail(
                        "{} values in a table of {} columns".format(len(values), width)
                    )
                )
        self.block.rows.append(values)
        self.state = "rows"


def parse(text, source="STAR"):  # type: (str, str) -> StarFile
    """The tables of a file; a `StarError` names the source and the line.

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


def read(path):  # type: (str) -> StarFile
    """The tables of a file on disk."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as handle:
            return parse(handle.read(), path)
    except OSError as error:
        raise StarError("{}: {}".format(path, error.strerror or error))


def format_star(file):  # type: (StarFile) -> str
    """The file as RELION lays it out."""
    lines = []  # type: List[str]
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


def _format_rows(block, lines):  # type: (Block, List[str]) -> None
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


def _padded(value):  # type: (str) -> str
    text = quote(value)
    width = 12 if _DECIMAL.match(text) else 10
    return text.rjust(width)
