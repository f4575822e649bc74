"""Judging: a learner's cells and an exercise's material become judgements.

*Check*, *Check all*, *Submit*, `autograde`, a sample solution in CI and the command line all come
through here, so check and grade cannot differ.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nbcoach_exercises.model import DataFile, Question
from nbcoach_exercises.verdicts import Verdict, worst
from nbcoach_exercises.wire import CellSource, CheckResult

from .engine.plan import Begun, CellReport, Mode, Outcome, Plan, TestReport, nothing
from .feedback import Judgement, judgement
from .material import Material, plan_of
from .proving import Proof, prove, with_proof
from .rebuild import Rebuilt, rebuild, untouched
from .runner import Runs

log = logging.getLogger(__name__)

MAX_PROOFS = 512


@dataclass(frozen=True, kw_only=True)
class GradedTest:
    """What a test cell came to."""

    id: str
    score: float
    max_score: float
    verdict: Verdict
    mode: Mode
    checks: tuple[CheckResult, ...]


@dataclass(frozen=True, kw_only=True)
class Graded:
    """What a whole notebook came to; `rebuilt` is what ran, `warnings` are for its author."""

    tests: tuple[GradedTest, ...]
    cells: tuple[CellReport, ...]
    rebuilt: Rebuilt
    warnings: tuple[str, ...]
    seconds: float


class Judging:
    """Judge learners' notebooks.

    Args:
        runner: what runs notebooks and decides on their tests.
        costs: whether anybody is told what the reference solution takes.

    """

    def __init__(self, runner: Runs, *, costs: bool = True) -> None:
        self._runner = runner
        self._costs = costs
        self._proofs: OrderedDict[tuple[str, str], asyncio.Task[Proof]] = OrderedDict()

    async def proof(self, material: Material) -> Proof:
        """Return what judging the reference solution has shown; found once for each version.

        Raises:
            GraderFailed: the grader broke.

        """
        return await asyncio.shield(self.expect(material))

    def expect(self, material: Material) -> asyncio.Task[Proof]:
        """Begin to judge the reference solution, unless that is done or under way."""
        key = (material.name, material.version)
        task = self._proofs.get(key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._proofs[key] = asyncio.create_task(self._prove(material))
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # somebody has looked at it
            while len(self._proofs) > MAX_PROOFS:
                self._proofs.popitem(last=False)
        self._proofs.move_to_end(key)
        return task

    async def _prove(self, material: Material) -> Proof:
        proof = await prove(self._runner, material, costs=self._costs)
        for cell in proof.cells.values():
            if cell.why is not None:
                log.warning("%s, test cell %r: the reference solution is %s", material.name, cell.id, cell.verdict)
        return proof

    async def judge(
        self,
        learner: str,
        material: Material,
        question: Question,
        cells: Sequence[CellSource],
        begun: Begun = nothing,
        *,
        veiled: bool = True,
    ) -> tuple[Judgement, Rebuilt]:
        """Judge one question of a learner's notebook; `begun` is called when it is its turn.

        Args:
            learner: whose snapshots may be used.
            material: the exercise.
            question: what is asked about.
            cells: the learner's code cells.
            begun: called at its turn.
            veiled: whether hidden checks tell no more than whether they passed.

        Raises:
            GraderFailed: the grader broke; nothing is known about the work.

        """
        rebuilt = rebuild(material.layout, question.tests, cells)
        outcome = await self._runner.run(await self._plan(learner, material, rebuilt), begun)
        return _judged(material, question, rebuilt, outcome, veiled=veiled), rebuilt

    async def grade(
        self, learner: str, material: Material, cells: Sequence[CellSource], own_files: tuple[DataFile, ...] = ()
    ) -> Graded:
        """Judge all questions of a learner's notebook, for who teaches; nothing of it is kept for another time.

        Args:
            learner: whose work it is.
            material: the exercise.
            cells: the learner's code cells.
            own_files: his files that stand in the place of the author's.

        Raises:
            GraderFailed: the grader broke; nothing is known about the work.

        """
        rebuilt = rebuild(material.layout, tuple(material.tests), cells, whole=True)
        plan = await self._plan(learner, material, rebuilt)
        outcome = await self._runner.run(replace(plan, once=True, own_files=own_files))
        reports = {report.id: report for report in outcome.tests}
        graded: list[GradedTest] = []
        for question in material.questions():
            checks = list(_judged(material, question, rebuilt, outcome, veiled=False).checks)
            for name in question.tests:
                own, checks = checks[: len(material.tests[name].checks)], checks[len(material.tests[name].checks) :]
                graded.append(_graded(material, name, reports[name], own))
        return Graded(
            tests=tuple(graded),
            cells=outcome.cells,
            rebuilt=rebuilt,
            warnings=tuple(warning for test in graded for warning in _warnings(test, reports[test.id])),
            seconds=outcome.seconds,
        )

    async def _plan(self, learner: str, material: Material, rebuilt: Rebuilt) -> Plan:
        return with_proof(plan_of(material, learner, rebuilt), await self.proof(material))


def _judged(material: Material, question: Question, rebuilt: Rebuilt, outcome: Outcome, *, veiled: bool) -> Judgement:
    tests = tuple(material.tests[name] for name in question.tests)
    judged = judgement(question, tests, outcome, veiled=veiled)
    if question.answers and untouched(material.layout, rebuilt.answers, question.answers):
        return _unattempted(judged)
    return judged


def _unattempted(judged: Judgement) -> Judgement:
    """Say of an untouched starter that it was not attempted, instead of what is wrong with it."""
    checks = tuple(
        check if check.verdict is Verdict.PASSED else replace(check, verdict=Verdict.NOT_ATTEMPTED, message=None)
        for check in judged.checks
    )
    return replace(judged, verdict=worst(c.verdict for c in checks), checks=checks, error=None, output="")


def _graded(material: Material, name: str, report: TestReport, checks: Sequence[CheckResult]) -> GradedTest:
    return GradedTest(
        id=name,
        score=sum(check.points for check in checks),
        max_score=material.tests[name].points,
        verdict=worst(check.verdict for check in checks),
        mode=report.mode,
        checks=tuple(checks),
    )


def _warnings(test: GradedTest, report: TestReport) -> list[str]:
    """Return what the author of a test cell should know."""
    found = []
    if report.score is not None and not 0 <= report.score <= test.max_score:
        found.append(
            f"Test cell {test.id!r} gave {report.score:g} of {test.max_score:g} points; {test.score:g} were counted."
        )
    if test.verdict is Verdict.GRADER_FAILED:
        found.append(f"Test cell {test.id!r} is itself at fault; see its checks.")
    return found
