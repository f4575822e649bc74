"""What a judge is told to check, and what it decided, put together from its two sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nbcoach_exercises.model import TestCell
from nbcoach_exercises.verdicts import Verdict

from .plan import CheckReport, Plan, TestReport


@dataclass(frozen=True)
class Decision:
    """What a judge decided on a test cell: verdict, message and seconds by check, and its score."""

    checks: Mapping[str, tuple[Verdict, str | None, float]]
    score: float | None


Decisions = Mapping[str, Decision]
"""By the grade id of the test cell."""


def orders(plan: Plan, *, hidden: bool) -> list[dict[str, Any]]:
    """Return the checks for a judge: all of them, or only those that a learner may see.

    Those run without the hidden ones, as they do in the learner's own notebook.
    """
    found = []
    for test in plan.tests:
        checks = [{"id": c.id, "source": c.source, "hidden": c.hidden} for c in test.checks if hidden or not c.hidden]
        if checks:
            found.append({"id": test.grade_id, "preamble": test.preamble, "checks": checks})
    return found


def decisions(answer: dict[str, Any]) -> Decisions:
    """Read a judge's answer."""
    return {
        cell["id"]: Decision(
            {c["id"]: (Verdict(c["verdict"]), c["message"], c["seconds"]) for c in cell["checks"]}, cell["score"]
        )
        for cell in answer["cells"]
    }


def lost(plan: Plan, verdict: Verdict) -> Decisions:
    """Report that the learner's process was lost before anything was decided."""
    return {test.grade_id: Decision({c.id: (verdict, None, 0.0) for c in test.checks}, None) for test in plan.tests}


def out_of_memory(decided: Decisions) -> Decisions:
    """Say of what crashed that memory was the cause."""
    return {
        name: Decision(
            {
                check: (Verdict.MEMORY, "The code used too much memory.", seconds)
                if verdict is Verdict.CRASHED
                else (verdict, message, seconds)
                for check, (verdict, message, seconds) in decision.checks.items()
            },
            decision.score,
        )
        for name, decision in decided.items()
    }


def merged(plan: Plan, visible: Decisions, hidden: Decisions) -> tuple[TestReport, ...]:
    """Put the two sides together; a check that is not mentioned has not passed.

    Of a hidden check only the verdict is taken: its words and its time could tell what it was given.
    """
    return tuple(_merged(test, visible, hidden) for test in plan.tests)


def _merged(test: TestCell, visible: Decisions, hidden: Decisions) -> TestReport:
    nothing = Decision({}, None)
    reports = []
    side = nothing
    for check in test.checks:
        side = (hidden if check.hidden else visible).get(test.grade_id, nothing)
        verdict, message, seconds = side.checks.get(check.id, (Verdict.GRADER_FAILED, None, 0.0))
        told, took = (None, 0.0) if check.hidden else (message, seconds)
        reports.append(CheckReport(id=check.id, verdict=verdict, message=told, seconds=took))
    return TestReport(id=test.grade_id, checks=tuple(reports), score=side.score)
