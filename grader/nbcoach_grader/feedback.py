"""Feedback: what the judge decided, told to the learner, with points by the author's rules only."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbcoach_exercises.model import Question, TestCell
from nbcoach_exercises.verdicts import Verdict, worst
from nbcoach_exercises.wire import CheckResult, LearnerError, Place

from .engine.plan import CellReport, Outcome, TestReport
from .explanation import explanation

MAX_OUTPUT = 8 * 1024
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, movements of the cursor
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # titles, links, the clipboard
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f]"
    r"|[\u202a-\u202e\u2066-\u2069]"  # what turns the direction of text around
)
_ENDED = {"timeout": Verdict.TIMEOUT, "crashed": Verdict.CRASHED}
_WORDS = {
    Verdict.TIMEOUT: "The code did not finish in time.",
    Verdict.CRASHED: "The code ended the process that it ran in.",
    Verdict.MEMORY: "The code used too much memory.",
}


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """A judged question before it gets its place in the log."""

    verdict: Verdict
    points: float
    checks: tuple[CheckResult, ...]
    error: LearnerError | None
    output: str
    seconds: float
    peak_mb: float


def judgement(question: Question, tests: Sequence[TestCell], outcome: Outcome, *, veiled: bool = True) -> Judgement:
    """Turn an outcome into feedback on a question.

    When an answer cell itself was killed or ran out of memory, its checks say so, instead of
    complaining about a name that is missing as a consequence. A learner is told of a hidden check only
    whether it passed: code that meets hidden arguments could choose the word, and tell them by it.

    Args:
        question: the question.
        tests: its test cells.
        outcome: what the engine found.
        veiled: False tells all words of hidden checks, for who may know.

    """
    cells = {report.id: report for report in outcome.cells}
    own = [cells[name] for name in question.answers if name in cells]
    cause = _cause(own)
    reports = {report.id: report for report in outcome.tests}
    checks = [result for test in tests for result in _results(test, reports.get(test.grade_id), cause, veiled)]
    return Judgement(
        verdict=worst(check.verdict for check in checks),
        points=sum(check.points for check in checks),
        checks=tuple(checks),
        error=next((_error(report) for report in own if report.state == "raised"), None),
        output=clean("".join(report.output for report in own))[:MAX_OUTPUT],
        seconds=sum(report.seconds for report in own) + sum(c.seconds for t in outcome.tests for c in t.checks),
        peak_mb=max([*(report.peak_mb for report in own), *(test.peak_mb for test in outcome.tests)], default=0.0),
    )


def clean(text: str) -> str:
    """Return text without escape sequences and control characters; it is shown as text, never as markup."""
    return _ESCAPES.sub("", text).encode("utf-8", "replace").decode()


def _cause(own: Sequence[CellReport]) -> Verdict | None:
    found: list[Verdict] = [_ENDED[report.state] for report in own if report.state in _ENDED]
    found += [Verdict.MEMORY for report in own if report.name == "MemoryError"]
    return worst(found) if found else None


def _results(test: TestCell, report: TestReport | None, cause: Verdict | None, veiled: bool) -> list[CheckResult]:
    decided = {check.id: check for check in report.checks} if report else {}
    verdicts: dict[str, Verdict] = {}
    for check in test.checks:
        verdict = decided[check.id].verdict if check.id in decided else Verdict.GRADER_FAILED
        if veiled and check.hidden and verdict not in (Verdict.PASSED, Verdict.GRADER_FAILED):
            verdict = Verdict.FAILED
        replace = cause is not None and verdict in (Verdict.ERROR, Verdict.FAILED)
        verdicts[check.id] = cause if replace and cause is not None else verdict
    points = _points(test, verdicts, report.score if report else None)
    results = []
    for check in test.checks:
        verdict = verdicts[check.id]
        said = decided[check.id].message if check.id in decided else None
        message = None if check.hidden or verdict is Verdict.PASSED else _WORDS.get(verdict, said)
        results.append(
            CheckResult(
                id=check.id,
                name=check.name,
                verdict=verdict,
                hidden=check.hidden,
                points=points[check.id],
                max_points=check.points,
                message=clean(message)[:4000] if message else None,
                hints=len(check.hints),
                explanation=_explained(message) if verdict is Verdict.ERROR and message else None,
            )
        )
    return results


def _explained(message: str) -> str | None:
    """Explain a check's "Name: what it says"; further lines are about the place."""
    name, _, words = clean(message).partition("\n")[0].partition(": ")
    return explanation(name, words)


def _points(test: TestCell, verdicts: Mapping[str, Verdict], score: float | None) -> dict[str, float]:
    """Share out points: by check where the author named checks, else nbgrader's all or nothing or its score."""
    if test.named:
        return {check.id: check.points if verdicts[check.id] is Verdict.PASSED else 0.0 for check in test.checks}
    if not all(verdict is Verdict.PASSED for verdict in verdicts.values()):
        return dict.fromkeys(verdicts, 0.0)
    if score is None or math.isnan(score) or test.points <= 0:
        return {check.id: check.points for check in test.checks}
    fraction = min(max(score / test.points, 0.0), 1.0)
    return {check.id: check.points * fraction for check in test.checks}


def _error(report: CellReport) -> LearnerError:
    name, message = clean(report.name), clean(report.message)
    places = [
        Place(cell=clean(p.cell) or "?", line=p.line, text=clean(p.text), function=clean(p.function), times=p.times)
        for p in report.trace
    ]
    return LearnerError(
        cell=report.id,
        name=name,
        message=message,
        line=report.line,
        text=clean(report.text) if report.text else None,
        explanation=explanation(name, message),
        trace=tuple(places),
    )
