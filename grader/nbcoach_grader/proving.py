"""Proving: judge the reference solution of an exercise, and learn from it how learners are judged.

A test cell runs beside the learner's process wherever the reference solution passes it there. One
that passes only inside that process is `shared`: its author is warned, as code that it
judges can see it. What a test asked of the reference's objects is all that it may ask of a
learner's. A submission never has a say in any of this.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nbcoach_exercises.model import Question, TestCell
from nbcoach_exercises.verdicts import Verdict, worst
from nbcoach_exercises.wire import CellSource, Reference

from .engine.plan import CellReport, CheckReport, Mode, Outcome, Plan, TestReport
from .material import Material, plan_of
from .rebuild import rebuild
from .runner import Runs

REFERENCE = "\0reference"


@dataclass(frozen=True, kw_only=True)
class CellProof:
    """What the reference solution came to in one test cell.

    `why` says what is wrong, or why it is shared; `seconds` is what its visible checks took.
    """

    id: str
    verdict: Verdict
    mode: Mode
    why: str | None
    attributes: frozenset[str]
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What judging the reference solution has shown, by test cell, and what its own cells came to, by cell."""

    cells: Mapping[str, CellProof]
    ran: Mapping[str, CellReport]
    seconds: float

    @property
    def shared(self) -> frozenset[str]:
        """Return the test cells that must run in the learner's own process."""
        return frozenset(name for name, cell in self.cells.items() if cell.mode is Mode.SHARED)

    @property
    def attributes(self) -> Mapping[str, frozenset[str]]:
        """Return what each isolated test cell may ask of learners' objects; one that was not passed is not bound."""
        return {
            name: cell.attributes
            for name, cell in self.cells.items()
            if cell.mode is Mode.ISOLATED and cell.verdict is Verdict.PASSED
        }

    def reference(self, question: Question) -> Reference:
        """Return what the reference solution takes for a question, measured as a learner's answer is."""
        own = [self.ran[name] for name in question.answers if name in self.ran]
        return Reference(
            seconds=sum(cell.seconds for cell in own) + sum(self.cells[name].seconds for name in question.tests),
            peak_mb=max((cell.peak_mb for cell in own), default=0.0),
        )

    @property
    def ok(self) -> bool:
        """Return whether the reference solution passes everything."""
        return all(cell.verdict is Verdict.PASSED for cell in self.cells.values())


async def prove(runner: Runs, material: Material, *, costs: bool = True) -> Proof:
    """Judge the reference solution, and where it does not pass beside its process, inside it.

    Args:
        runner: what runs it.
        material: the exercise.
        costs: whether it matters what each question takes.

    Raises:
        GraderFailed: the grader broke.

    """
    plan = replace(reference_plan(material), costs=costs)
    outcome = await runner.run(plan)
    reports = {report.id: report for report in outcome.tests}
    doubtful = {
        name
        for name, report in reports.items()
        if name not in plan.shared and not _passed(report) and material.chosen.get(name) is not Mode.ISOLATED
    }
    seconds = outcome.seconds
    if doubtful:
        inside = await runner.run(replace(plan, shared=plan.shared | doubtful))
        seconds += inside.seconds
        reports |= {report.id: report for report in inside.tests if report.id in doubtful and _passed(report)}
    return Proof(
        cells={name: _proof(material, report, outcome) for name, report in reports.items()},
        ran={cell.id: cell for cell in outcome.cells},
        seconds=seconds,
    )


def reference_plan(material: Material, sources: Mapping[str, str] | None = None) -> Plan:
    """Return the plan that judges the master itself.

    Args:
        material: the exercise.
        sources: what stands in answer cells instead of the reference solution, by name.

    """
    changed = sources or {}
    cells = [
        CellSource(id=place.cell_id or place.name, grade_id=None if place.cell_id else place.name, source=source)
        for place in material.layout.places
        for source in [changed.get(place.name, place.source if place.test is None else place.released)]
    ]
    rebuilt = rebuild(material.layout, tuple(material.tests), cells, whole=True)
    stops = tuple(
        replace(stop, tests=tuple(map(_shown, stop.tests)), prelude=tuple(map(_shown, stop.prelude)))
        for stop in rebuilt.stops
    )
    chosen = frozenset(name for name, mode in material.chosen.items() if mode is Mode.SHARED)
    found = plan_of(material, REFERENCE, replace(rebuilt, stops=stops), shared=chosen, once=True)
    return replace(found, costs=sources is None)


def with_proof(plan: Plan, proof: Proof) -> Plan:
    """Return a plan that judges by what the reference solution has shown."""
    return replace(plan, shared=proof.shared, attributes=proof.attributes)


def _shown(test: TestCell) -> TestCell:
    """Return a test cell whose checks all tell what they found: the author may know."""
    return replace(test, checks=tuple(replace(check, hidden=False) for check in test.checks))


def _passed(report: TestReport) -> bool:
    return all(check.verdict is Verdict.PASSED for check in report.checks)


def _proof(material: Material, report: TestReport, isolated: Outcome) -> CellProof:
    verdict = worst(check.verdict for check in report.checks) if report.checks else Verdict.PASSED
    why = None
    if verdict is not Verdict.PASSED:
        why = _complaint(report.checks)
    elif report.mode is Mode.SHARED and not material.kernel:
        first = next((other for other in isolated.tests if other.id == report.id), report)
        why = f"It passes only in the learner's own process: {_complaint(first.checks) or 'as its author chose'}"
    hidden = {check.id for check in material.tests[report.id].checks if check.hidden}
    return CellProof(
        id=report.id,
        verdict=verdict,
        mode=report.mode,
        why=why,
        attributes=report.attributes,
        seconds=sum(check.seconds for check in report.checks if check.id not in hidden),
    )


def _complaint(checks: tuple[CheckReport, ...]) -> str | None:
    bad = next((check for check in checks if check.verdict is not Verdict.PASSED), None)
    return None if bad is None else f"{bad.verdict}: {bad.message or 'a hidden check'}"
