"""One notebook run through one kernel: its cells in order and, where the plan says so, its tests among them.

Tests run in the kernel as nbgrader runs them: what raises no error has passed, and the value of a
last expression that is a plain number is a score. So a learner's code shares a process with them.
"""

from __future__ import annotations

import time

from nbcoach_exercises.model import TestCell
from nbcoach_exercises.verdicts import Verdict

from ..engine.decisions import Decision, Decisions
from ..engine.displays import fitting, room_for
from ..engine.plan import CellReport, Plan, PlannedCell
from .answer import Answer
from .kernel import Kernel

_VERDICTS = {
    "ok": Verdict.PASSED,
    "raised": Verdict.FAILED,
    "timeout": Verdict.TIMEOUT,
    "crashed": Verdict.CRASHED,
}
_NO_SCORE = "The check's score is not a number."


class Run:
    """Run a plan in a kernel that nobody has used.

    Args:
        plan: the notebook.
        kernel: where it runs; afterwards it must be discarded.
        hidden: whether checks that a learner may not see run too.
        deadline: when, on the monotonic clock, all must have ended.

    """

    def __init__(self, plan: Plan, kernel: Kernel, *, hidden: bool, deadline: float) -> None:
        self._plan = plan
        self._kernel = kernel
        self._hidden = hidden
        self._deadline = deadline
        self.cells: list[CellReport] = []
        self.tests: dict[str, Decision] = {}

    async def to_end(self) -> tuple[tuple[CellReport, ...], Decisions]:
        """Return a report on each cell, and what the tests came to.

        Raises:
            EngineFailed: the kernel cannot be used.

        """
        await self._kernel.furnish(self._plan.learner_files, self._plan.limits)
        done = 0
        for stop in self._plan.stops:
            for cell in self._plan.cells[done : stop.after]:
                await self._cell(cell)
            done = max(done, stop.after)
            for test in (*stop.prelude, *stop.tests):
                await self._test(test)
        for cell in self._plan.cells[done:]:
            await self._cell(cell)
        return tuple(self.cells), self.tests

    async def _cell(self, cell: PlannedCell) -> None:
        answer = await self._execute(cell.source)
        shown = self._plan.once
        displays = fitting(answer.shown, room_for(report.displays for report in self.cells)) if shown else ()
        self.cells.append(
            CellReport(
                id=cell.id,
                state=answer.state,
                name=answer.name,
                message=answer.message,
                output=answer.printed if shown else answer.output,
                displays=displays,
                cut=shown and (answer.cut or len(displays) < len(answer.shown)),
                seconds=answer.seconds,
            )
        )

    async def _test(self, test: TestCell) -> None:
        checks = [check for check in test.checks if self._hidden or not check.hidden]
        if not checks or test.grade_id in self.tests:
            return
        before = await self._execute(test.preamble)
        found: dict[str, tuple[Verdict, str | None, float]] = {}
        score: float | None = None
        for check in checks:
            answer = await self._execute(check.source) if before.state == "ok" else before
            score = answer.score if answer.state == "ok" else None
            found[check.id] = (*_decided(answer, score), answer.seconds)
        self.tests[test.grade_id] = Decision(found, score)

    async def _execute(self, source: str) -> Answer:
        if not source.strip():
            return Answer(state="ok")
        seconds = min(self._plan.limits.seconds, self._deadline - time.monotonic())
        return await self._kernel.execute(source, seconds) if seconds > 0 else Answer(state="timeout")


def _decided(answer: Answer, score: float | None) -> tuple[Verdict, str | None]:
    if score is not None and score != score:
        return Verdict.GRADER_FAILED, _NO_SCORE
    # Where something was lost it may have been the score.
    verdict = _VERDICTS[answer.state] if answer.whole or answer.state != "ok" else Verdict.CRASHED
    return verdict, (answer.words or "The check did not hold.") if verdict is Verdict.FAILED else None
