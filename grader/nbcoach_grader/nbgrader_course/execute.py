"""Our engine in the place of nbgrader's `Execute` step.

nbgrader's own tools can run notebooks through it, by configuration:

    c.Autograde.autograde_preprocessors = ["nbcoach_grader.nbgrader_course.execute.Execute", ...]

Cells run in the sandbox, test cells in the judge, and what came of them is left as outputs. `nbcoach autograde` does
not come through here: it knows the master, this step only the one notebook that it is given.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.utils import find_all_files

from nbcoach_exercises.format import Role, grade_id_of, role_of
from nbcoach_exercises.model import DataFile, Limits
from nbcoach_exercises.verdicts import Verdict, worst
from nbgrader import preprocessors

from ..engine.engine import Engine
from ..engine.plan import Outcome
from ..feedback import judgement
from ..material import Material, material_of
from ..proving import reference_plan
from ..runner import Runner
from .outputs import cell_outputs, test_outputs
from .preloading import preloaded
from .results import GradedCell

MAX_FILE_BYTES = 16 * 2**20
_T = TypeVar("_T")


class Execute(preprocessors.Execute):  # type: ignore[misc]
    """Run a notebook through nbcoach's engine and leave outputs and errors in it."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any] | None = None, km: Any = None
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Run all cells.

        Raises:
            GraderFailed: the engine failed.
            InvalidInput: the notebook's kernel is not installed.

        """
        told = resources or {}
        folder = Path(told.get("metadata", {}).get("path") or Path.cwd())
        sources = [cell.source for cell in nb.cells if cell.cell_type == "code"]
        material = material_of(
            nb,
            nb,
            name=f"{folder}/{told.get('unique_key', '')}",
            files=_beside(folder),
            limits=Limits(seconds=float(self.timeout or Limits().seconds)),
            imports=preloaded(sources),
        )
        plan = replace(reference_plan(material), learner=str(folder))
        outcome = _Background.get().run(plan)
        _fill(nb, material, outcome, self.error_on_timeout)
        return nb, told


def _fill(nb: NotebookNode, material: Material, outcome: Outcome, on_timeout: Mapping[str, Any] | None) -> None:
    reports = {report.id: report for report in outcome.cells}
    scored: dict[str, GradedCell] = {}
    for question in material.questions():
        checks = judgement(question, [material.tests[name] for name in question.tests], outcome).checks
        for name in question.tests:
            own, checks = checks[: len(material.tests[name].checks)], checks[len(material.tests[name].checks) :]
            scored[name] = GradedCell(
                id=name,
                score=sum(check.points for check in own),
                max_score=material.tests[name].points,
                verdict=worst(check.verdict for check in own),
                mode="isolated",
                checks=own,
            )
    count = 0
    for number, cell in enumerate(nb.cells, 1):
        if cell.cell_type == "code":
            count += 1
            name = grade_id_of(cell) or f"cell {number}"
            cell.execution_count = count
            if role_of(cell) is Role.TESTS and name in scored:
                late = scored[name].verdict is Verdict.TIMEOUT
                cell.outputs = test_outputs(scored[name])
            else:
                late = name in reports and reports[name].state == "timeout"
                cell.outputs = cell_outputs(reports.get(name))
            if late and on_timeout:
                cell.outputs = [new_output("error", **on_timeout)]  # type: ignore[no-untyped-call]


def _beside(folder: Path) -> list[DataFile]:
    """Return the files beside a notebook."""
    found = []
    for name in sorted(find_all_files(str(folder), ["*.ipynb", ".ipynb_checkpoints", "__pycache__"])):
        path = Path(name)
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_FILE_BYTES:
            found.append(DataFile(path.relative_to(folder).as_posix(), path.read_bytes()))
    return found


class _Background:
    """One engine of this process, on an event loop in a thread, as nbgrader's steps are not asynchronous.

    It is never stopped: its processes end and its folder goes when this process ends.
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nbcoach-engine", daemon=True)
        self._thread.start()
        self._runner = self._call(_started())

    @staticmethod
    @cache
    def get() -> _Background:
        return _Background()

    def run(self, plan: Any) -> Outcome:
        return self._call(self._runner.run(plan))

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()


async def _started() -> Runner:
    runner = Runner(Engine())
    await runner.start()
    return runner
