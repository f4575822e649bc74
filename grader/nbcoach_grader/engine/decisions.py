"""What a judge is told to check, and what it decided, put together from its two sides."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from nbcoach_exercises.model import Check, TestCell
from nbcoach_exercises.verdicts import Verdict

from .plan import CheckReport, Mode, Plan, Stop, TestReport, megabytes


@dataclass(frozen=True)
class Decision:
    """What was decided on a test cell: verdict, message and seconds by check, its score, what was asked for, memory."""

    checks: Mapping[str, tuple[Verdict, str | None, float]]
    score: float | None
    attributes: frozenset[str] = frozenset()
    peak_mb: float = 0.0


Decisions = Mapping[str, Decision]
"""By the grade id of the test cell."""


class Part(StrEnum):
    """Which of its checks a test cell is judged on."""

    VISIBLE = "visible"
    HIDDEN = "hidden"
    ALL = "all"

    def has(self, check: Check) -> bool:
        """Tell whether a check is among them."""
        return self is Part.ALL or check.hidden is (self is Part.HIDDEN)


def orders(plan: Plan, stop: Stop, mode: Mode, part: Part) -> list[dict[str, Any]]:
    """Return the test cells of a stop that run in a mode, for a judge.

    What comes before them, because they may use its names, is marked as not to be judged.

    Args:
        plan: the notebook.
        stop: the place in it.
        mode: isolated or shared.
        part: which of their checks.

    """
    wanted = [test.grade_id for test in stop.tests if (test.grade_id in plan.shared) is (mode is Mode.SHARED)]
    before = stop.tests if mode is Mode.SHARED else [test for test in stop.tests if test.grade_id in wanted]
    found = []
    for test in (*stop.prelude, *before):
        checks = [{"id": c.id, "source": c.source, "hidden": c.hidden} for c in test.checks if part.has(c)]
        if checks:
            judged = test.grade_id in wanted and test not in stop.prelude
            allowed = plan.attributes.get(test.grade_id)
            found.append(
                {
                    "id": test.grade_id,
                    "preamble": test.preamble,
                    "checks": checks,
                    "judged": judged,
                    "allowed": None if allowed is None else sorted(allowed),
                    **({"passing": sorted(stop.passing)} if test in stop.prelude else {}),
                }
            )
    while found and not found[-1]["judged"]:
        del found[-1]
    return found


def decisions(cells: Sequence[dict[str, Any]], asked: Sequence[dict[str, Any]]) -> Decisions:
    """Read a judge's answer to what it was asked."""
    judged = {cell["id"] for cell in asked if cell["judged"]}
    return {
        cell["id"]: Decision(
            {c["id"]: (Verdict(c["verdict"]), c["message"], c["seconds"]) for c in cell["checks"]},
            cell["score"],
            frozenset(cell.get("attributes", ())),
            megabytes(cell.get("peak_kb")),
        )
        for cell in cells
        if cell["id"] in judged
    }


def claims(answer: Any, asked: Sequence[dict[str, Any]]) -> Decisions:
    """Read what a learner's own process says of the tests that it ran; what is malformed has crashed."""
    told = answer.get("cells") if isinstance(answer, dict) else None
    by_id = {c["id"]: c for c in told if isinstance(c, dict) and "id" in c} if isinstance(told, list) else {}
    return {cell["id"]: _claim(by_id.get(cell["id"]), cell) for cell in asked if cell["judged"]}


def _claim(told: Any, asked: dict[str, Any]) -> Decision:
    told = told if isinstance(told, dict) else {}
    checks = told.get("checks") if isinstance(told.get("checks"), dict) else {}
    score = told.get("score")
    found: dict[str, tuple[Verdict, str | None, float]] = {}
    for check in asked["checks"]:
        said = checks.get(check["id"])
        if not (isinstance(said, list) and len(said) == 3 and said[0] in set(Verdict)):
            said = [Verdict.CRASHED, None, 0.0]
        message = said[1][:2000] if isinstance(said[1], str) else None
        seconds = float(said[2]) if isinstance(said[2], float) and 0 <= said[2] < 1e6 else 0.0
        found[check["id"]] = (Verdict(said[0]), message, seconds)
    plain = isinstance(score, float) and math.isfinite(score)
    return Decision(found, score if plain else None)


def lost(cells: Sequence[dict[str, Any]], verdict: Verdict) -> Decisions:
    """Report that the learner's process was lost before anything was decided."""
    return {
        cell["id"]: Decision({c["id"]: (verdict, None, 0.0) for c in cell["checks"]}, None)
        for cell in cells
        if cell["judged"]
    }


def passed(decided: Decisions) -> bool:
    """Tell whether all checks have passed."""
    return all(told[0] is Verdict.PASSED for decision in decided.values() for told in decision.checks.values())


def crashed(decided: Decisions) -> bool:
    """Tell whether the learner's process was lost at some check."""
    return any(told[0] is Verdict.CRASHED for decision in decided.values() for told in decision.checks.values())


def out_of_hand(decided: Decisions) -> bool:
    """Tell whether the learner's code did not come to an end by itself."""
    ended_for_it = (Verdict.TIMEOUT, Verdict.MEMORY, Verdict.CRASHED)
    return any(told[0] in ended_for_it for decision in decided.values() for told in decision.checks.values())


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
    return tuple(_merged(plan, test, visible, hidden) for test in plan.tests)


def _merged(plan: Plan, test: TestCell, visible: Decisions, hidden: Decisions) -> TestReport:
    nothing = Decision({}, None)
    reports = []
    side = nothing
    for check in test.checks:
        side = (hidden if check.hidden else visible).get(test.grade_id, nothing)
        verdict, message, seconds = side.checks.get(check.id, (Verdict.GRADER_FAILED, None, 0.0))
        told, took = (None, 0.0) if check.hidden else (message, seconds)
        reports.append(CheckReport(id=check.id, verdict=verdict, message=told, seconds=took))
    return TestReport(
        id=test.grade_id,
        checks=tuple(reports),
        score=side.score,
        mode=Mode.SHARED if test.grade_id in plan.shared else Mode.ISOLATED,
        attributes=frozenset().union(*(s[test.grade_id].attributes for s in (visible, hidden) if test.grade_id in s)),
        peak_mb=visible.get(test.grade_id, nothing).peak_mb,
    )
