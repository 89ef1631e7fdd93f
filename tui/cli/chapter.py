"""The tutorial's auto-picking chapter on the practice project, step after step.

Jobs carry the tutorial's aliases; a step that has succeeded is not done again. Lengths
in pixels are those of the practice micrographs (3.2 Å per pixel).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.cli.failure import DONE, FAILED, CommandFailure

if TYPE_CHECKING:
    from remote.views import JobRow
    from tui.cli.invocation import Invocation

_EXTRACTION = {
    "extract_size": "72",
    "bg_diameter": "56",
    "do_rescale": "Yes",
    "rescale": "36",
}
_CLASSES = {"nr_classes": "12", "tau_fudge": "2", "particle_diameter": "200"}
_TEMPLATES = {
    "do_log": "No",
    "do_refs": "Yes",
    "lowpass": "20",
    "angpix_ref": "6.4",
    "psi_sampling_autopick": "5",
    "do_invert_refs": "Yes",
    "do_ctf_autopick": "Yes",
    "threshold_autopick": "0.8",
    "mindist_autopick": "100",
    "maxstddevnoise_autopick": "-1",
    "minavgnoise_autopick": "-999",
    "do_write_fom_maps": "Yes",
    "do_read_fom_maps": "No",
    "shrink": "0",
}
#: Thresholds that are tried on the stored maps, one Continue each.
_TRIED = ("0.4", "0.2")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chapter:
    """The walk: what runs a step, where its jobs are, what the truth is."""

    invocation: Invocation
    truth: Path

    async def walk(self, micrographs: str) -> list[dict[str, Any]]:
        """All steps on a list of micrographs; what each left, against the truth."""
        steps = [await self._select("5mics", fn_mic=micrographs, cryodeck_first="3")]
        picked = self._path(await self._row("autopick", "LoG"), "autopick")
        steps.append(await self._picking("LoG"))
        cut = {"star_mics": micrographs, "coords_suffix": picked}
        steps.append(await self._step("extract", "LoG", _EXTRACTION | cut))
        particles = self._path(await self._row("extract", "LoG"), "particles")
        steps.append(
            await self._step("class2d", "LoG", _CLASSES | {"fn_img": particles})
        )
        model = self._path(await self._row("class2d", "LoG"), "_optimiser")
        chosen = {"fn_model": model, "do_recenter": "Yes", "cryodeck_best": "4"}
        steps.append(await self._select("templates4autopick", **chosen))
        steps += await self._template_picking(micrographs)
        picked = self._path(await self._row("autopick", "template"), "autopick")
        cut = {"star_mics": micrographs, "coords_suffix": picked}
        steps.append(await self._step("extract", "template", _EXTRACTION | cut))
        return steps

    async def _template_picking(self, micrographs: str) -> list[dict[str, Any]]:
        """A few micrographs with stored maps, other thresholds, then all of them."""
        few = self._path(await self._row("select", "5mics"), "micrographs")
        chosen = await self._row("select", "templates4autopick")
        values = _TEMPLATES | {
            "fn_input_autopick": few,
            "fn_refs_autopick": self._path(chosen, "class_averages"),
        }
        is_new = await self._find("autopick", "template") is None
        steps = [await self._step("autopick", "optimise_params", values)]
        for threshold in _TRIED if is_new else ():
            steps.append(await self._continued("optimise_params", threshold))
        last = {
            "fn_input_autopick": micrographs,
            "do_write_fom_maps": "No",
            "threshold_autopick": _TRIED[-1],
        }
        steps.append(await self._step("autopick", "template", values | last))
        if is_new:
            row = await self._row("autopick", "optimise_params")
            workspace = await self.invocation.workspace()
            await workspace.clean(row.name, harsh=False, dry_run=False)
        return steps

    async def _select(self, alias: str, **values: str) -> dict[str, Any]:
        return await self._step("select", alias, values)

    async def _step(
        self, type_key: str, alias: str, values: dict[str, str]
    ) -> dict[str, Any]:
        from tui.cli.demo import finished

        workspace = await self.invocation.workspace()
        overview = await workspace.overview()
        name = await finished(self.invocation, overview, type_key, alias, values)
        if type_key == "autopick":
            return await self._picking(alias)
        found = (await workspace.statistics(name)).values
        kept = ("particles_total", "micrographs_total", "iteration", "box_px")
        return {"job": name, "alias": alias} | {k: found[k] for k in kept if k in found}

    async def _continued(self, alias: str, threshold: str) -> dict[str, Any]:
        """Continue a picking on its stored maps with another threshold."""
        from tui.cli.following import outcome_of, watch

        workspace = await self.invocation.workspace()
        row = await self._row("autopick", alias)
        job = (await workspace.load_job(row.name)).continued(True)
        for key, value in (
            ("do_write_fom_maps", "No"),
            ("do_read_fom_maps", "Yes"),
            ("threshold_autopick", threshold),
        ):
            job = job.replace(key, value)
        await workspace.save(row.name, job)
        await workspace.run(row.name, continuing=True)
        over = (await watch(self.invocation, [row.name]))[0]
        if outcome_of(over) != DONE:
            message = f"{row.name}: {over.verdict.state.value}: {over.verdict.reason}"
            raise CommandFailure(message, outcome_of(over))
        return await self._picking(alias) | {"threshold": float(threshold)}

    async def _picking(self, alias: str) -> dict[str, Any]:
        """Numbers of a picking job against the truth of its micrographs."""
        from tui.cli.results import score_of

        workspace = await self.invocation.workspace()
        row = await self._row("autopick", alias)
        found = await score_of(workspace, row.name, self.truth)
        return {"job": row.name, "alias": alias, "score": found.record()}

    async def _find(self, type_key: str, alias: str) -> JobRow | None:
        from tui.cli.demo import named

        workspace = await self.invocation.workspace()
        return named(await workspace.overview(), type_key, alias)

    async def _row(self, type_key: str, alias: str) -> JobRow:
        row = await self._find(type_key, alias)
        if row is None:
            message = f"there is no job {type_key} called {alias}"
            raise CommandFailure(message, FAILED)
        return row

    def _path(self, row: JobRow, word: str) -> str:
        """The newest output of a job with a word in its file's name."""
        names = [n.name for n in row.outputs if word in n.name.rpartition("/")[2]]
        if not names:
            message = f"{row.name} has made no {word}"
            raise CommandFailure(message, FAILED)
        return sorted(names)[-1]


def described(step: dict[str, Any]) -> str:
    """One line of a step."""
    words = [f"{step['job']} ({step['alias']}):"]
    score = step.get("score")
    if score:
        at = f" at threshold {step['threshold']:g}" if "threshold" in step else ""
        words.append(f"{score['picks']} picks{at}, {score['matched']} right;")
        words.append(f"recall {score['recall']:.2f} precision {score['precision']:.2f}")
    for key, unit in (
        ("iteration", "iterations"),
        ("micrographs_total", "micrographs"),
        ("particles_total", "particles"),
    ):
        if key in step:
            words.append(f"{step[key]} {unit}")
    return " ".join(words)
