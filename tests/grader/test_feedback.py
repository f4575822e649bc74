"""Feedback: points by the author's rules only, words that are safe to show, nothing of a hidden check but its verdict."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from grader_plans import cell_of

from nbcoach_exercises.model import Question, TestCell
from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import Feedback, Place, Reference, decode, encode
from nbcoach_grader.engine.plan import CellReport, CheckReport, Outcome, TestReport, TraceLine
from nbcoach_grader.feedback import MAX_OUTPUT, Judgement, clean, judgement

NAMED = cell_of(
    "### CHECK: a (1 point)\n### HINT: h\nassert 1\n### CHECK: b (2 points)\nassert 2\n"
    "### BEGIN HIDDEN TESTS\n### CHECK: c (3 points)\nassert 3\n### END HIDDEN TESTS",
    points=6,
)
UNNAMED = cell_of("assert 1\n### BEGIN HIDDEN TESTS\nassert 2\n### END HIDDEN TESTS", points=5)
ONE = cell_of("score", points=5)


def judged(
    test: TestCell,
    *verdicts: str,
    score: float | None = None,
    cells: tuple[CellReport, ...] = (),
    messages: tuple[str | None, ...] = (),
) -> Judgement:
    reports = tuple(
        CheckReport(id=c.id, verdict=Verdict(v), message=m, seconds=0.5)
        for c, v, m in zip(test.checks, verdicts, messages or (None,) * len(verdicts), strict=False)
    )
    outcome = Outcome(
        cells=cells, tests=(TestReport(id=test.grade_id, checks=reports, score=score),), seconds=1.0, reused=0
    )
    return judgement(Question(answers=("a1",), tests=("t",), points=test.points), [test], outcome)


P, F, E, T = "passed", "failed", "error", "timeout"


@pytest.mark.parametrize(
    ("verdicts", "points", "whole"),
    [
        ((P, P, P), 6, P),
        ((P, F, P), 4, F),
        ((F, F, P), 3, F),
        ((P, P, E), 3, F),
        ((P, T, T), 1, T),
        ((P, P), 3, "grader-failed"),
        ((), 0, "grader-failed"),
    ],
)
def test_named_checks_have_points_of_their_own(verdicts: tuple[str, ...], points: float, whole: str) -> None:
    found = judged(NAMED, *verdicts)
    assert (found.points, found.verdict) == (points, whole)


@pytest.mark.parametrize(
    ("test", "verdicts", "score", "points"),
    [
        (UNNAMED, (P, P), None, 5),
        (UNNAMED, (P, F), None, 0),
        (UNNAMED, (F, P), None, 0),
        (UNNAMED, (P, P), 2.5, 2.5),
        (UNNAMED, (P, F), 2.5, 0),
        (ONE, (P,), None, 5),
        (ONE, (P,), 2.5, 2.5),
        (ONE, (P,), 0.0, 0),
        (ONE, (P,), 7.0, 5),
        (ONE, (P,), -3.0, 0),
        (ONE, (P,), math.inf, 5),
        (ONE, (P,), -math.inf, 0),
        (ONE, (F,), 5.0, 0),
        (NAMED, (P, P, P), 1.0, 6),
    ],
)
def test_unnamed_checks_are_all_or_nothing_or_a_score(
    test: TestCell, verdicts: tuple[str, ...], score: float | None, points: float
) -> None:
    assert judged(test, *verdicts, score=score).points == pytest.approx(points)


def test_a_score_without_points_is_no_division() -> None:
    assert judged(cell_of("score", points=0), P, score=3.0).points == 0


def test_of_a_hidden_check_only_the_verdict_is_told() -> None:
    found = judged(NAMED, F, P, F, messages=("visible words", None, "hidden words"))
    assert [c.message for c in found.checks] == ["visible words", None, None]
    assert [c.hidden for c in found.checks] == [False, False, True]
    assert [c.hints for c in found.checks] == [1, 0, 0]
    assert "hidden words" not in repr(found)


def test_a_passed_check_says_nothing() -> None:
    assert judged(NAMED, P, P, P, messages=("noise",) * 3).checks[0].message is None


def test_messages_are_bounded_and_clean() -> None:
    found = judged(NAMED, F, P, P, messages=("\x1b[31m" + "x" * 9000, None, None))
    assert found.checks[0].message == "x" * 4000


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[2J\x1b[1;1Hgone", "gone"),
        ("\x1b]0;title\x07x", "x"),
        ("\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]52;c;AAAA", ""),
        ("\x9b31mred", "red"),
        ("a\rb\x00c\x08\x7f\x85", "abc"),
        ("a\u202eb\u2066c", "abc"),
        ("\x1b", ""),
        ("\ud800", "?"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("ü→😀", "ü→😀"),
    ],
)
def test_escape_sequences_are_taken_out(text: str, shown: str) -> None:
    assert clean(text) == shown


def own(state: str, **more: Any) -> CellReport:
    return CellReport(id="a1", state=state, **more)


@pytest.mark.parametrize(
    ("report", "verdicts", "expected", "message"),
    [
        (own("timeout"), (E, E, E), [T, T, T], "The code did not finish in time."),
        (own("crashed"), (E, F, P), ["crashed", "crashed", P], "The code ended the process that it ran in."),
        (own("raised", name="MemoryError"), (E, E, E), ["memory"] * 3, "The code used too much memory."),
        (own("raised", name="ValueError"), (E, E, E), [E, E, F], None),
        (own("ok"), (F, F, F), [F, F, F], None),
        (CellReport(id="other", state="crashed"), (E, E, E), [E, E, F], None),
    ],
)
def test_a_lost_answer_cell_is_the_cause(
    report: CellReport, verdicts: tuple[str, ...], expected: list[str], message: str | None
) -> None:
    found = judged(NAMED, *verdicts, cells=(report,))
    assert [c.verdict for c in found.checks] == expected
    assert found.checks[0].message == message


def test_the_error_of_an_answer_cell_is_shown_clean() -> None:
    report = own("raised", name="Val\x1b[1mueError", message="no\x00", line=3, text="x = \x1b[0m1", output="out\x1b[0m")
    other = CellReport(id="free", state="raised", name="KeyError", output="not shown")
    found = judged(NAMED, E, E, E, cells=(other, report))
    assert found.error is not None
    assert (found.error.name, found.error.message, found.error.line, found.error.text) == (
        "ValueError",
        "no",
        3,
        "x = 1",
    )
    assert found.output == "out"


HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</pre></details><iframe srcdoc='<script>alert(1)</script>'>",
    "<svg/onload=alert(1)>",
    "[click](javascript:alert(1))",
    "$\\href{javascript:alert(1)}{x}$",
    "\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07",
    "\x1b[31m<b>\x9b0m",
    "\u202eevil\u2066",
    "\x00\x08\x7f",
    "\ud800",
    "{0.__class__}{name}%s",
)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_whatever_a_learner_says_is_plain_text(hostile: str) -> None:
    """Markup stays the text that it is, which the front end shows as text; all else that could act is taken out."""
    place = TraceLine(cell=hostile, line=1, text=hostile, function=hostile, times=2)
    report = own(
        "raised", name=hostile, message=hostile, line=1, text=hostile, output=hostile, trace=(place,), peak_mb=1.0
    )
    found = judged(NAMED, E, F, P, cells=(report,), messages=(f"KeyError: {hostile}", hostile, hostile))
    assert found.error is not None
    said = [
        *(text for check in found.checks for text in (check.message, check.explanation)),
        *(found.error.name, found.error.message, found.error.text, found.error.explanation, found.output),
        *(text for step in found.error.trace for text in (step.cell, step.text, step.function)),
    ]
    assert clean(hostile) in said
    for text in filter(None, said):
        assert text == clean(text)
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]", text)
    frame = Feedback(
        request="r",
        course="c",
        exercise="e",
        version="v",
        cell="a1",
        verdict=found.verdict,
        points=0,
        max_points=6,
        checks=found.checks,
        error=found.error,
        output=found.output,
        repairs=(),
        seconds=1.0,
        peak_mb=1.0,
        attempt="a",
        cursor=1,
        exercise_points=0,
        exercise_max_points=6,
        solved=False,
        reference=Reference(seconds=0.1, peak_mb=1.0),
    )
    assert decode(encode(frame)) == frame


def test_an_error_is_explained_with_its_place() -> None:
    step = TraceLine(cell="a1", line=3, text="x = totl", function="f", times=2)
    report = own("raised", name="NameError", message="name 'totl' is not defined", line=3, trace=(step,))
    found = judged(NAMED, E, E, E, cells=(report,)).error
    assert found is not None
    assert found.explanation is not None
    assert found.explanation.startswith("There is no totl yet.")
    assert found.trace == (Place(cell="a1", line=3, text="x = totl", function="f", times=2),)


def test_an_error_in_a_visible_check_is_explained() -> None:
    said = "ZeroDivisionError: division by zero\nin mean(), line 3: return total / n"
    found = judged(NAMED, E, F, E, messages=(said, "ZeroDivisionError: as an author's words", said))
    first, second, hidden = found.checks
    assert first.explanation is not None
    assert first.explanation.startswith("Something is divided by 0.")
    assert (second.explanation, hidden.explanation, hidden.message) == (None, None, None)


def test_output_is_bounded() -> None:
    assert len(judged(NAMED, P, P, P, cells=(own("ok", output="x" * 50_000),)).output) == MAX_OUTPUT


def test_time_is_that_of_own_cells_and_checks() -> None:
    report = own("ok", seconds=1.0, peak_mb=50.0)
    found = judged(NAMED, P, P, P, cells=(report,))
    assert (found.seconds, found.peak_mb) == (2.5, 50.0)
    reports = tuple(CheckReport(id=c.id, verdict=Verdict.PASSED, message=None, seconds=0.0) for c in ONE.checks)
    test = TestReport(id=ONE.grade_id, checks=reports, score=None, peak_mb=70.0)
    outcome = Outcome(cells=(report,), tests=(test,), seconds=1.0, reused=0)
    assert judgement(Question(answers=("a1",), tests=("t",), points=5), [ONE], outcome).peak_mb == 70.0


@pytest.mark.parametrize("verdict", ["error", "timeout", "memory", "crashed", "not-attempted", "failed"])
def test_a_hidden_check_tells_one_bit_to_learners_and_all_to_teachers(verdict: str) -> None:
    hidden = cell_of("### BEGIN HIDDEN TESTS\nassert 1\n### END HIDDEN TESTS")
    (check,) = hidden.checks
    report = CheckReport(id=check.id, verdict=Verdict(verdict), message=None, seconds=0.0)
    outcome = Outcome(cells=(), tests=(TestReport(id="t", checks=(report,), score=None),), seconds=1.0, reused=0)
    question = Question(answers=("a1",), tests=("t",), points=1)
    assert judgement(question, [hidden], outcome).verdict == "failed"
    assert judgement(question, [hidden], outcome, veiled=False).verdict == verdict
