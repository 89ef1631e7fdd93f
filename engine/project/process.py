"""A job as the pipeline lists it."""

from engine.project import layout


class Process:
    """One row of the pipeline's jobs, with the words of its layout translated."""

    __slots__ = ("alias", "name", "status", "type_label")

    def __init__(self, name: str, alias: str, type_label: str, status: str) -> None:
        self.name = name  # "AutoPick/job006/"
        self.alias = alias  # "AutoPick/LoG/", "" if none
        self.type_label = type_label  # as it stands: "4" or "relion.autopick.log"
        self.status = status  # the word

    @property
    def number(self) -> int:
        """NNN of its name."""
        return layout.job_number(self.name)

    @property
    def folder(self) -> str:
        """First part of its name."""
        return self.name.partition("/")[0]
