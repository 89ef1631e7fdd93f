"""Commands that fill in forms: new, edit, forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tui.cli.control import add_settings
from tui.cli.failure import BAD_INPUT, DONE, CommandFailure
from tui.cli.form_pages import job_type_of, unknown_key
from tui.cli.parser import add_job

if TYPE_CHECKING:
    from engine.jobs.job import Job
    from engine.jobs.option import Option
    from tui.cli.invocation import Invocation
    from tui.cli.parser import Commands


def add_commands(commands: Commands) -> None:
    """Add the commands of this group."""
    new = commands.add(
        "new",
        new_job,
        "make a job: a draft, or run at once",
        changes=True,
        about="Make a draft of a job from the defaults of its form, from another job\n"
        "(--from), or from the values used last (--last), as RELION's form begins.\n"
        "Values are checked before anything is sent. With --run it starts at once.",
        examples="  cryodeck new import --set do_raw=No --set do_other=Yes \\\n"
        "      --set fn_in_other=micrographs_ctf.star --run --wait\n"
        "  cryodeck new autopick --alias LoG --set do_log=Yes \\\n"
        "      --set log_diam_min=150 --set log_diam_max=180 --run\n"
        "  cryodeck new autopick --from LoG --set log_adjust_thr=0.5",
    )
    new.add_argument("type", metavar="TYPE", help="the job type, as autopick")
    new.add_argument("--alias", metavar="A", default="", help="a second name")
    new.add_argument(
        "--from", metavar="JOB", dest="source", help="take the values of another job"
    )
    new.add_argument(
        "--last",
        action="store_true",
        help="take the values that were used last for this type of job",
    )
    add_settings(new)
    new.add_argument("--run", action="store_true", help="start it")
    new.add_argument(
        "--wait", action="store_true", help="with --run: wait until it is over"
    )
    new.add_argument(
        "--preview",
        action="store_true",
        help="show what would be written and run; make nothing",
    )
    edit = commands.add(
        "edit",
        edit_job,
        "change a draft: with --set, or in $EDITOR",
        changes=True,
        examples="  cryodeck edit 7 --set box_size=256\n  EDITOR=nano cryodeck edit 7",
    )
    add_job(edit)
    add_settings(edit)


async def new_job(invocation: Invocation) -> int:
    """Make a draft and, if asked to, run it."""
    from tui.cli.control import start

    job_type = job_type_of(invocation.type)
    workspace = await invocation.workspace()
    if invocation.source:
        row = await invocation.find(invocation.source)
        job = await workspace.load_job(row.name)
        if job.type.key != job_type.key:
            message = f"{row.name} is a {job.type.key} job, not {job_type.key}"
            raise CommandFailure(message)
        job = job.continued(False)
    else:
        job = await workspace.defaults(job_type.key, last_used=invocation.last)
    job = changed(job, invocation.settings, continuing=False)
    if invocation.preview:
        return await _show_preview(invocation, job)
    touched = {key_of(job, setting) for setting in invocation.settings}
    if invocation.run:
        await require_valid(invocation, job, continuing=False)
    else:
        await require_valid(invocation, job, continuing=False, only=touched)
    name = await workspace.create(job, alias=invocation.alias)
    output = invocation.output
    alias = f" ({invocation.alias})" if invocation.alias else ""
    output.line(f"{name}{alias}: draft made")
    if invocation.run:
        return await start(invocation, name, continuing=False)
    output.result({"job": name, "alias": invocation.alias, "scheduler_id": ""})
    return DONE


async def _show_preview(invocation: Invocation, job: Job) -> int:
    workspace, output = await invocation.workspace(), invocation.output
    texts = await workspace.preview(job)
    output.result(texts)
    for title, text in texts.items():
        if text:
            output.line(f"--- {title}", "bold")
            output.block(str(text).rstrip("\n") + "\n\n")
    return DONE


async def edit_job(invocation: Invocation) -> int:
    """Change a draft's options."""
    from tui.cli.editor import edited

    workspace = await invocation.workspace()
    row = await invocation.find(invocation.job)
    if row.verdict.state.value != "draft":
        message = (
            f"{row.name} was run before: `cryodeck continue {row.name} --set ...` "
            f"goes on with it, `cryodeck new {row.type} --from {row.name}` copies it"
        )
        raise CommandFailure(message)
    before = await workspace.load_job(row.name)
    if invocation.settings:
        job = changed(before, invocation.settings, continuing=False)
    else:
        job = await edited(before, row.name)
    touched = {key for key in job.values if job.text(key) != before.text(key)}
    await require_valid(invocation, job, continuing=False, only=touched)
    if touched:
        await workspace.save(row.name, job)
    for key in sorted(touched):
        invocation.output.line(f"{key} = {job.text(key) or '(empty)'}")
    if not touched:
        invocation.output.line(f"{row.name}: nothing changed")
    changes = {key: job.text(key) for key in sorted(touched)}
    invocation.output.result({"job": row.name, "changed": changes})
    return DONE


def changed(job: Job, settings: list[str], *, continuing: bool) -> Job:
    """Return a job with KEY=VALUE settings put in."""
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign:
            message = f"--set {setting}: write KEY=VALUE"
            raise CommandFailure(message)
        key = key_of(job, setting)
        option = job.type.option(key, job.version)
        if option is not None:
            _refuse_locked(option, continuing=continuing)
            value = _in_full(option, value.strip())
        job = job.replace(key, value)
        if option is not None and option.kind in ("integer", "number"):
            # a typing error is one also where the option has no effect; "" means off
            job.number_or_none(key)
    return job


def key_of(job: Job, setting: str) -> str:
    """Return the key that a KEY=VALUE setting means, by key or by label."""
    word = setting.partition("=")[0].strip()
    options = job.type.all_options(job.version)
    if word in options or word in job.unknown or word.startswith("qsub_extra"):
        return word
    wanted = word.rstrip(": ").casefold()
    for option in options.values():
        if wanted in (option.key.casefold(), option.title.casefold()):
            return option.key
    raise CommandFailure(unknown_key(word, job.type, options))


def _refuse_locked(option: Option, *, continuing: bool) -> None:
    from engine.jobs.option import OnContinue

    if continuing and option.on_continue in {OnContinue.GREYED, OnContinue.NEVER}:
        message = (
            f"{option.key} ({option.title}) cannot change when a job is continued; "
            "`cryodeck new TYPE --from JOB` makes a new one"
        )
        raise CommandFailure(message)
    if not continuing and option.on_continue is OnContinue.ONLY:
        message = f"{option.key} ({option.title}) is only for `cryodeck continue`"
        raise CommandFailure(message)


def _in_full(option: Option, value: str) -> str:
    """Return a choice's whole text for its beginning."""
    if value in option.choices:
        return value
    wanted = value.casefold()
    near = [c for c in option.choices if wanted and c.casefold().startswith(wanted)]
    return near[0] if len(near) == 1 else value


async def require_valid(
    invocation: Invocation,
    job: Job,
    *,
    continuing: bool,
    only: set[str] | None = None,
) -> None:
    """Refuse a job whose options cannot work; warn of what may not be meant.

    With `only`, other options' problems are left for later: a draft is unfinished.
    """
    from engine.jobs.check import check
    from remote.surroundings import facts_of

    workspace = await invocation.workspace()
    overview = await workspace.overview(ask_scheduler=False)
    facts = await facts_of(workspace, job, overview)
    problems = check(job, continuing=continuing, facts=facts)
    errors = [p for p in problems if p.is_error]
    for problem in problems:
        if not problem.is_error and (only is None or problem.key in only):
            invocation.output.warning(_said(problem))
    fatal = [p for p in errors if only is None or p.key in only]
    if fatal:
        raise CommandFailure("; ".join(_said(p) for p in fatal), BAD_INPUT)


def _said(problem: Any) -> str:
    return f"{problem.key}: {problem.message}" if problem.key else str(problem.message)
