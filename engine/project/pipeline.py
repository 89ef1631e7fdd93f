"""The pipeline of a project: jobs, nodes and edges of ``default_pipeline.star``.

What is not understood (columns, rows, tables, comments) is written back as it was.
"""

import re
from typing import Dict, List, Optional, Sequence, Tuple

from engine.project import layout
from engine.project.errors import ProjectError, StarError
from engine.project.process import Process
from engine.project.star import Block, StarFile, format_star, parse

__all__ = ["TABLES", "Pipeline", "Process", "with_slash"]

TABLES = (
    "pipeline_general",
    "pipeline_processes",
    "pipeline_nodes",
    "pipeline_input_edges",
    "pipeline_output_edges",
)
COUNTER = "rlnPipeLineJobCounter"


class Pipeline:
    """The tables of a pipeline file, with the words of its layout translated."""

    def __init__(self, star: StarFile, version: str) -> None:
        self.star = star
        self.version = version
        self.columns = layout.columns(version)
        self.tables: Dict[str, Block] = {}
        for name in TABLES:
            block = star.block(name)
            if block is not None:
                self.tables[name] = block
        self._process_rows: Optional[Dict[str, List[str]]] = None
        self._node_rows: Optional[Dict[str, List[str]]] = None

    @classmethod
    def new(cls, version: str) -> "Pipeline":
        """Return an empty pipeline."""
        pipeline = cls(StarFile(), version)
        pipeline.counter = 1
        return pipeline

    @classmethod
    def parse(
        cls, text: str, source: str = "default_pipeline.star", default: str = "3.1"
    ) -> "Pipeline":
        """Read a pipeline; `default` is the layout of one without any jobs."""
        star = parse(text, source)
        for block in star.blocks:
            if block.name == "pipeline_nodes" and block.problem:
                _mend_depth(block)
        version = layout.detect_version(star) or default
        pipeline = cls(star, version)
        if "pipeline_general" not in pipeline.tables:
            message = "{}: no table data_pipeline_general; is this a RELION pipeline?"
            raise StarError(message.format(source))
        for table, names in pipeline.columns.items():
            there = pipeline.tables.get(table)
            for name in names[:2] if there is not None else []:
                if there is not None and there.column(name) < 0:
                    message = "{}: data_{} has no column _{}"
                    raise StarError(message.format(source, table, name))
        return pipeline

    def format(self) -> str:
        """Text of the file."""
        empty = [b for b in self.star.blocks if b.is_loop and not b.rows]
        mine = set(TABLES)
        kept = [b for b in self.star.blocks if not (b in empty and b.name in mine)]
        file = StarFile(kept)
        file.after = self.star.after
        return format_star(file)

    # the counter

    @property
    def counter(self) -> int:
        """Number that the next new job gets."""
        text = self.tables["pipeline_general"].get(COUNTER, "1")
        try:
            return int(text)
        except ValueError:
            message = "{} is {!r}, not a number".format(COUNTER, text)
            raise StarError(message) from None

    @counter.setter
    def counter(self, value: int) -> None:
        self.table("pipeline_general").set(COUNTER, str(value))

    # jobs

    def processes(self) -> List[Process]:
        """All jobs in the order of their making."""
        block = self.tables.get("pipeline_processes")
        if block is None:
            return []
        indices = [block.column(c) for c in self.columns["pipeline_processes"]]
        return [self._process(row, indices) for row in block.rows]

    def process(self, name: str) -> Process:
        """Return the job of a name; a `ProjectError` if there is none."""
        row = self._row(name)
        block = self.tables["pipeline_processes"]
        indices = [block.column(c) for c in self.columns["pipeline_processes"]]
        return self._process(row, indices)

    def _process(self, row: List[str], indices: List[int]) -> Process:
        name, alias, kind, status = [row[i] if i >= 0 else "" for i in indices]
        word = layout.status_word(status)
        return Process(name, "" if alias == "None" else alias, kind, word)

    def has_process(self, name: str) -> bool:
        """Whether there is a job of that name."""
        return with_slash(name) in self._rows_by_name()

    def _rows_by_name(self) -> Dict[str, List[str]]:
        if self._process_rows is None:
            block = self.tables.get("pipeline_processes")
            rows = block.rows if block is not None else []
            i = block.column("rlnPipeLineProcessName") if block is not None else 0
            self._process_rows = {row[i]: row for row in rows}
        return self._process_rows

    def _row(self, name: str) -> List[str]:
        row = self._rows_by_name().get(with_slash(name))
        if row is None:
            message = "no job {} in the pipeline".format(name.rstrip("/"))
            raise ProjectError(message, "no-job")
        return row

    def resolve(self, text: str) -> str:
        """Return the name of a job given by name, alias or bare number.

        "AutoPick/job006", "AutoPick/LoG", "job006", "6" and a unique alias without
        its folder all do.
        """
        wanted = text.strip().strip("/")
        if with_slash(wanted) in self._rows_by_name():
            return with_slash(wanted)
        number = re.match(r"(?:job)?([0-9]+)\Z", wanted)
        found = []
        for process in self.processes():
            alias = process.alias.rstrip("/")
            if (number and process.number == int(number.group(1))) or (
                alias and wanted in (alias, alias.partition("/")[2])
            ):
                found.append(process.name)
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(name.rstrip("/") for name in found)
            message = "{} could be any of {}; give the folder as well"
            raise ProjectError(message.format(text, names), "no-job")
        message = "no job {} in the pipeline".format(text)
        raise ProjectError(message, "no-job")

    def add_process(
        self, name: str, type_label: str, status: str, alias: str = ""
    ) -> None:
        """Add a job's row; the label must be the layout's own spelling."""
        name = with_slash(name)
        if name in self._rows_by_name():
            message = "{} is in the pipeline already".format(name)
            raise ProjectError(message, "exists")
        block = self.table("pipeline_processes")
        values = {
            "rlnPipeLineProcessName": name,
            "rlnPipeLineProcessAlias": alias or "None",
            self.columns["pipeline_processes"][2]: type_label,
            self.columns["pipeline_processes"][3]: layout.status_text(
                self.version, status
            ),
        }
        row = _append(block, values)
        self._rows_by_name()[name] = row

    def set_status(self, name: str, status: str) -> bool:
        """Set a job's status word; whether that changed anything."""
        if status not in layout.STATUSES:
            message = "no status {!r}; choose one of {}"
            raise ProjectError(message.format(status, ", ".join(layout.STATUSES)))
        column = self.columns["pipeline_processes"][3]
        return self._set(name, column, layout.status_text(self.version, status))

    def set_alias(self, name: str, alias: str) -> bool:
        """Set a job's alias "Type/alias/", or none; whether that changed anything."""
        return self._set(name, "rlnPipeLineProcessAlias", alias or "None")

    def set_type(self, name: str, type_label: str) -> bool:
        """Set a job's type; whether that changed anything."""
        return self._set(name, self.columns["pipeline_processes"][2], type_label)

    def _set(self, name: str, column: str, value: str) -> bool:
        row = self._row(name)
        i = self.tables["pipeline_processes"].column(column)
        if row[i] == value:
            return False
        row[i] = value
        return True

    # nodes

    def nodes(self) -> List[Tuple[str, str]]:
        """(path, label as it stands) of all nodes."""
        block = self.tables.get("pipeline_nodes")
        if block is None:
            return []
        i, j = [block.column(c) for c in self.columns["pipeline_nodes"][:2]]
        return [(row[i], row[j]) for row in block.rows]

    def _nodes_by_name(self) -> Dict[str, List[str]]:
        if self._node_rows is None:
            block = self.tables.get("pipeline_nodes")
            rows = block.rows if block is not None else []
            i = block.column("rlnPipeLineNodeName") if block is not None else 0
            self._node_rows = {row[i]: row for row in rows}
        return self._node_rows

    def node_label(self, path: str) -> str:
        """Label of a node as it stands; empty if the file is not a node."""
        row = self._nodes_by_name().get(path)
        if row is None:
            return ""
        return row[self.tables["pipeline_nodes"].column(self._label_column)]

    @property
    def _label_column(self) -> str:
        return self.columns["pipeline_nodes"][1]

    def add_node(self, path: str, neutral: str) -> bool:
        """Add a file as a node; an existing one keeps its label; whether it is new."""
        if path in self._nodes_by_name():
            return False
        values = {
            "rlnPipeLineNodeName": path,
            self._label_column: layout.node_label(self.version, neutral),
            "rlnPipeLineNodeTypeLabelDepth": "1",
        }
        row = _append(self.table("pipeline_nodes"), values)
        self._nodes_by_name()[path] = row
        return True

    def set_node_label(self, path: str, neutral: str) -> None:
        """Give a node another label."""
        row = self._nodes_by_name()[path]
        column = self.tables["pipeline_nodes"].column(self._label_column)
        row[column] = layout.node_label(self.version, neutral)

    def rename_node(self, old: str, new: str) -> None:
        """Give a node another path, in all its edges too."""
        for table, column in (
            ("pipeline_nodes", "rlnPipeLineNodeName"),
            ("pipeline_input_edges", "rlnPipeLineEdgeFromNode"),
            ("pipeline_output_edges", "rlnPipeLineEdgeToNode"),
        ):
            block = self.tables.get(table)
            i = block.column(column) if block is not None else 0
            for row in block.rows if block is not None else []:
                row[i] = new if row[i] == old else row[i]
        self._node_rows = None

    def add_node_row(self, row: List[str]) -> None:
        """Add a node's row from a pipeline of the same layout, if it is new."""
        values = dict(zip(self.columns["pipeline_nodes"], row))  # noqa: B905
        path = values["rlnPipeLineNodeName"]
        if path not in self._nodes_by_name():
            added = _append(self.table("pipeline_nodes"), values)
            self._nodes_by_name()[path] = added

    def add_edge_row(self, table: str, row: List[str]) -> None:
        """Add an edge's row from a pipeline of the same layout, if it is new."""
        self._add_edge(table, row[0], row[1])

    # edges

    def inputs(self) -> List[Tuple[str, str]]:
        """(path, job that uses it) of all input edges."""
        return self._edges("pipeline_input_edges")

    def outputs(self) -> List[Tuple[str, str]]:
        """(job, path that it makes) of all output edges."""
        return self._edges("pipeline_output_edges")

    def _edges(self, table: str) -> List[Tuple[str, str]]:
        block = self.tables.get(table)
        if block is None:
            return []
        i, j = [block.column(c) for c in self.columns[table]]
        return [(row[i], row[j]) for row in block.rows]

    def inputs_of(self, name: str) -> List[str]:
        """Paths that a job uses."""
        wanted = with_slash(name)
        return [path for path, job in self.inputs() if job == wanted]

    def outputs_of(self, name: str) -> List[str]:
        """Paths that a job makes."""
        wanted = with_slash(name)
        return [path for job, path in self.outputs() if job == wanted]

    def add_input(self, path: str, name: str, neutral: str) -> None:
        """Let a job use a file.

        An unknown file becomes a node; if its path lies in an existing job's folder
        it becomes that job's output as well.
        """
        name = with_slash(name)
        path = self.real_path(path)
        if self.add_node(path, neutral):
            producer = layout.job_name_in(path)
            if producer and producer != name and self.has_process(producer):
                self._add_edge("pipeline_output_edges", producer, path)
        self._add_edge("pipeline_input_edges", path, name)

    def drop_inputs(self, name: str) -> None:
        """Take a job's input edges away; the nodes stay."""
        self._drop("pipeline_input_edges", "rlnPipeLineEdgeProcess", {with_slash(name)})

    def add_output(self, name: str, path: str, neutral: str) -> None:
        """Let a job make a file."""
        self.add_node(path, neutral)
        self._add_edge("pipeline_output_edges", with_slash(name), path)

    def _add_edge(self, table: str, first: str, second: str) -> None:
        block = self.table(table)
        left, right = self.columns[table]
        i, j = block.column(left), block.column(right)
        if not any(row[i] == first and row[j] == second for row in block.rows):
            _append(block, {left: first, right: second})

    def real_path(self, path: str) -> str:
        """Path with an alias at its beginning replaced by the job's name."""
        parts = path.split("/")
        if len(parts) < 3 or layout.job_name_in(path):
            return path
        alias = parts[0] + "/" + parts[1] + "/"
        for process in self.processes():
            if process.alias == alias:
                return process.name + "/".join(parts[2:])
        return path

    def producer(self, path: str) -> str:
        """Job that makes a file; empty if none does."""
        for job, made in self.outputs():
            if made == path:
                return job
        return ""

    def users(self, names: Sequence[str]) -> List[str]:
        """Jobs that depend on the given ones, near or far, in the pipeline's order."""
        made: Dict[str, List[str]] = {}
        for job, path in self.outputs():
            made.setdefault(job, []).append(path)
        used: Dict[str, List[str]] = {}
        for path, job in self.inputs():
            used.setdefault(path, []).append(job)
        start = {with_slash(name) for name in names}
        found = set(start)
        queue = list(start)
        while queue:
            for path in made.get(queue.pop(), []):
                for job in used.get(path, []):
                    if job not in found:
                        found.add(job)
                        queue.append(job)
        found -= start
        return [p.name for p in self.processes() if p.name in found]

    def remove_nodes(self, paths: Sequence[str]) -> None:
        """Take nodes and all their edges out."""
        gone = set(paths)
        self._drop("pipeline_nodes", "rlnPipeLineNodeName", gone)
        self._drop("pipeline_input_edges", "rlnPipeLineEdgeFromNode", gone)
        self._drop("pipeline_output_edges", "rlnPipeLineEdgeToNode", gone)

    def remove_processes(self, names: Sequence[str]) -> None:
        """Take jobs out, with what they made and all edges."""
        gone = {with_slash(name) for name in names}
        made = [path for job, path in self.outputs() if job in gone]
        self._drop("pipeline_processes", "rlnPipeLineProcessName", gone)
        self._drop("pipeline_input_edges", "rlnPipeLineEdgeProcess", gone)
        self.remove_nodes(made)
        self._drop("pipeline_output_edges", "rlnPipeLineEdgeProcess", gone)

    def _drop(self, table: str, column: str, gone: "set[str]") -> None:
        block = self.tables.get(table)
        if block is None:
            return
        i = block.column(column)
        block.rows = [row for row in block.rows if row[i] not in gone]
        block.notes = {}
        self._process_rows = self._node_rows = None

    def table(self, name: str) -> Block:
        """Table of that name, made at its place if it is not there."""
        found = self.tables.get(name)
        if found is not None:
            return found
        block = Block(
            name, name != "pipeline_general", list(self.columns.get(name, []))
        )
        comment = layout.COMMENT[self.version]
        block.before = (
            ["", comment, ""] if not self.star.blocks else [" ", "", comment, ""]
        )
        place = TABLES.index(name)
        before = [self.tables[t] for t in TABLES[:place] if t in self.tables]
        at = self.star.blocks.index(before[-1]) + 1 if before else 0
        self.star.blocks.insert(at, block)
        self.tables[name] = block
        return block


def with_slash(name: str) -> str:
    """Return the name of a job with its final slash."""
    return name.rstrip("/") + "/"


def _append(block: Block, values: Dict[str, str]) -> List[str]:
    """Add a row; columns without a value get "None"."""
    row = [values.get(column, "None") for column in block.columns]
    block.rows.append(row)
    return row


def _mend_depth(block: Block) -> None:
    """Add the depth, 1, where a node's row lacks it; other faults stay."""
    width = len(block.columns)
    if width == 3 and all(len(row) in (2, 3) for row in block.rows):
        block.rows = [[*row, "1"] if len(row) == 2 else row for row in block.rows]
        block.problem = ""
