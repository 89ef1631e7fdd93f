"""What the focused field means, beside or below the form."""

from __future__ import annotations

from textual.containers import VerticalScroll
from textual.widgets import Static

from engine.jobs.job import Job
from engine.jobs.option import Option
from tui.charts import Line
from tui.plain import plain
from tui.widgets.lines import text_of


class HelpPane(VerticalScroll, can_focus=False):
    """Label, help, range, default and key of a field."""

    def compose(self):  # type: ignore[no-untyped-def]  # noqa: D102
        yield Static(id="help-text")

    def tell(self, option: Option, job: Job, why_greyed: str) -> None:
        """Show the words of a field."""
        lines: list[Line] = [[(plain(option.title), "title")]]
        if why_greyed:
            lines.append([(f"greyed: {plain(why_greyed)}", "warn")])
        lines.append([(plain(option.help) or "No help for this field.", "text")])
        facts = []
        if option.low is not None and option.high is not None:
            facts.append(
                f"usually {option.low:g} to {option.high:g} {option.unit}".strip()
            )
        if option.off and option.off_means:
            facts.append(f"{option.off} means {option.off_means}")
        facts.append(f"default {plain(option.default) or 'empty'}")
        facts.append(f"key {option.key}")
        lines.append([(" · ".join(facts), "faint")])
        self.query_one("#help-text", Static).update(text_of(self, lines))
        self.scroll_home(animate=False)


def why_greyed(job: Job, option: Option, continuing: bool) -> str:
    """Why a field cannot be edited; empty if it can."""
    from engine.jobs.check import is_active
    from engine.jobs.option import OnContinue

    if is_active(job, option, continuing=continuing):
        return ""
    if option.on_continue is OnContinue.NEVER:
        return "never edited here"
    if continuing and option.on_continue is OnContinue.GREYED:
        return "fixed when a job is continued; a new job can change it"
    if not continuing and option.on_continue is OnContinue.ONLY:
        return "only when a job is continued"
    for key, value in option.active_if:
        other = job.type.option(key, job.version)
        if other is not None and job.text(key, value) != value:
            return f"needs {other.title} {value}"
    return "of no use in this job"
