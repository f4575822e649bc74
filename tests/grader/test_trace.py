"""What is told of a traceback: the learner's own lines, by cell, through the real engine."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from grader_plans import messages, plan, verdicts

from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.plan import MAX_TRACE, CellReport, megabytes, trace_lines

Run = Callable[..., Any]


def last(run: Run, engine: Engine, *cells: str) -> CellReport:
    """Run cells and return the report on the last one."""
    found: CellReport = run(engine.run(plan(*cells, tests="assert True"))).cells[-1]
    return found


def told(report: CellReport) -> list[tuple[str, int, str, str, int]]:
    return [(place.cell, place.line, place.text, place.function, place.times) for place in report.trace]


MEAN = "\n\ndef mean(n):\n    return total(n) / 0\n\ndef total(n):\n    return n"
CASES: dict[str, tuple[tuple[str, ...], str, str, int | None, list[tuple[Any, ...]]]] = {
    "through cells, empty lines counted": (
        ("x = 1", MEAN, "\ny = 1\nmean(3)"),
        "ZeroDivisionError",
        "division by zero",
        3,
        [("a3", 3, "mean(3)", "", 1), ("a2", 4, "return total(n) / 0", "mean", 1)],
    ),
    "a recursion stands there once": (
        ("def f(n):\n    if n == 0:\n        1 / 0\n    return f(n - 1)\nf(5)",),
        "ZeroDivisionError",
        "division by zero",
        3,
        [("a1", 5, "f(5)", "", 1), ("a1", 4, "return f(n - 1)", "f", 5), ("a1", 3, "1 / 0", "f", 1)],
    ),
    "library lines are left out": (
        ("import json\njson.loads('{')",),
        "JSONDecodeError",
        "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)",
        2,
        [("a1", 2, "json.loads('{')", "", 1)],
    ),
    "a name that was meant": (
        ("total = 1\nprint(totl)",),
        "NameError",
        "name 'totl' is not defined. Did you mean: 'total'?",
        2,
        [("a1", 2, "print(totl)", "", 1)],
    ),
    "a local name that was meant": (
        ("def f(items):\n    return item\nf(1)",),
        "NameError",
        "name 'item' is not defined. Did you mean: 'items'?",
        2,
        [("a1", 3, "f(1)", "", 1), ("a1", 2, "return item", "f", 1)],
    ),
    "a method that was meant": (
        ("'a'.uper()",),
        "AttributeError",
        "'str' object has no attribute 'uper'. Did you mean: 'upper'?",
        1,
        [("a1", 1, "'a'.uper()", "", 1)],
    ),
    "a function of a module that was meant": (
        ("import math\nmath.squrt(2)",),
        "AttributeError",
        "module 'math' has no attribute 'squrt'. Did you mean: 'sqrt'?",
        2,
        [("a1", 2, "math.squrt(2)", "", 1)],
    ),
    "an error of syntax": (
        ("\n\nx = 1\nif x\n    y",),
        "SyntaxError",
        "expected ':'",
        4,
        [("a1", 4, "if x", "", 1)],
    ),
    "no class is asked for its names": (
        ("class M(type):\n    def __dir__(cls): 1 / 0\nclass A(metaclass=M): pass\nA().colour",),
        "AttributeError",
        "'A' object has no attribute 'colour'",
        4,
        [("a1", 4, "A().colour", "", 1)],
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_traceback_is_cut_to_the_learners_lines(run: Run, engine: Engine, case: str) -> None:
    cells, name, message, line, trace = CASES[case]
    report = last(run, engine, *cells)
    assert (report.state, report.name, report.message, report.line) == ("raised", name, message, line)
    assert told(report) == trace


def test_of_many_lines_the_ends_are_kept(run: Run, engine: Engine) -> None:
    functions = "\n".join(f"def f{n}(): return f{n + 1}()" for n in range(20))
    report = last(run, engine, f"{functions}\ndef f20(): return 1 / 0\nf0()")
    assert [place.function for place in report.trace] == ["", "f0", "f1", "f2", "f17", "f18", "f19", "f20"]


def test_what_holds_has_no_trace(run: Run, engine: Engine) -> None:
    assert last(run, engine, "x = 1").trace == ()


def test_a_visible_check_names_the_line_that_raised(run: Run, engine: Engine) -> None:
    source = "def mean(values):\n    total = sum(values)\n    return total / len(values)"
    outcome = run(
        engine.run(plan(source, tests="### CHECK: empty\nassert mean([]) == 0\n### CHECK: full\nassert mean([2]) == 2"))
    )
    assert verdicts(outcome) == ["error", "passed"]
    assert messages(outcome)[0] == "ZeroDivisionError: division by zero\nin mean(), line 3: return total / len(values)"


def test_a_hidden_check_names_nothing(run: Run, engine: Engine) -> None:
    source = "def mean(values):\n    return sum(values) / len(values)"
    tests = "### BEGIN HIDDEN TESTS\nassert mean([]) == 0, 'secret'\n### END HIDDEN TESTS\n"
    outcome = run(engine.run(plan(source, tests=tests)))
    assert verdicts(outcome) == ["error"]
    assert messages(outcome) == [None]


def test_an_error_of_the_author_names_no_line_of_the_learners(run: Run, engine: Engine) -> None:
    outcome = run(
        engine.run(plan("def f(): return 1 / 0", tests="try:\n    f()\nexcept ZeroDivisionError:\n    pass\n[][1]"))
    )
    assert messages(outcome) == ["IndexError: list index out of range"]


@pytest.mark.parametrize(
    "claim",
    [
        None,
        5,
        "x",
        {},
        [1],
        [[]],
        [["a", 0, "t", "f", 1]],
        [["a", 1, "t", "f", 0]],
        [["a", "1", "t", "f", 1]],
        [[b"a", 1, "t", "f", 1]],
    ],
)
def test_a_malformed_claim_is_nothing(claim: object) -> None:
    assert trace_lines(claim) == ()


def test_a_huge_claim_is_cut() -> None:
    (first, *others) = trace_lines([["a" * 999, 1, "t" * 9999, "f" * 999, 10**9]] * 99)
    assert (len(first.cell), len(first.text), len(first.function), first.times) == (128, 200, 80, 10**6)
    assert len(others) == MAX_TRACE - 1


def test_the_peak_is_memory_beyond_what_was_there(run: Run, engine: Engine) -> None:
    big = plan("data = bytearray(100 * 2**20)", "x = 1", "more = bytearray(50 * 2**20)\ndel more", tests="assert True")
    first, second, third = run(engine.run(big)).cells
    assert 95 < first.peak_mb < 130
    assert second.peak_mb < 30
    assert 45 < third.peak_mb < 80


def test_the_peak_of_a_call_in_a_visible_check_counts(run: Run, engine: Engine) -> None:
    source = "def f(n):\n    return len(bytearray(n * 2**20))"
    assert run(engine.run(plan(source, tests="assert f(1)"))).tests[0].peak_mb < 60
    assert 95 < run(engine.run(plan(source, tests="assert f(100)"))).tests[0].peak_mb < 160
    hidden = "assert f(1)\n### BEGIN HIDDEN TESTS\nassert f(100)\n### END HIDDEN TESTS"
    assert run(engine.run(plan(source, tests=hidden))).tests[0].peak_mb < 60


@pytest.mark.parametrize("claim", [None, "1", -1, float("nan"), float("inf"), True, [1]])
def test_a_malformed_claim_of_memory_is_nothing(claim: object) -> None:
    assert megabytes(claim) == 0
