"""A pipeline of some jobs alone: job_pipeline.star and deleted_pipeline.star."""

from typing import Iterator, List, Sequence, Set

from engine.project.pipeline import TABLES, Pipeline, with_slash
from engine.project.star import Block


def extract(pipeline: Pipeline, names: Sequence[str]) -> Pipeline:
    """Return a pipeline of these jobs, with their nodes and edges."""
    wanted = {with_slash(name) for name in names}
    small = Pipeline.new(pipeline.version)
    small.counter = 2
    for table in TABLES[1:]:
        block = pipeline.tables.get(table)
        if block is not None:
            copy = small.table(table)
            copy.columns = list(block.columns)
            rows = _rows_about(pipeline, block, table, wanted)
            copy.rows = [list(row) for row in rows]
    return small


def _rows_about(
    pipeline: Pipeline, block: Block, table: str, wanted: Set[str]
) -> Iterator[List[str]]:
    paths = {p for p, job in pipeline.inputs() if job in wanted}
    paths |= {p for job, p in pipeline.outputs() if job in wanted}
    column = {
        "pipeline_processes": "rlnPipeLineProcessName",
        "pipeline_nodes": "rlnPipeLineNodeName",
    }.get(table, "rlnPipeLineEdgeProcess")
    keys = paths if table == "pipeline_nodes" else wanted
    i = block.column(column)
    return (row for row in block.rows if row[i] in keys)
