"""Plans for the engine, written as sources: what a learner wrote, and an author's test cell."""

from __future__ import annotations

import hashlib
from typing import Any

import nbformat
from nbformat import NotebookNode

from nbcoach_exercises.format import parse_test_cell
from nbcoach_exercises.model import DataFile, Limits, TestCell
from nbcoach_grader.engine.names import bound_names
from nbcoach_grader.engine.plan import Outcome, Plan, PlannedCell, Stop

QUICK = Limits(seconds=2.0, memory_mb=512)


def cell_of(source: str, grade_id: str = "t", points: float = 1) -> TestCell:
    """Take a test cell apart as the catalogue does."""
    meta = {"grade_id": grade_id, "points": points, "grade": True, "locked": True, "solution": False}
    cell: NotebookNode = nbformat.v4.new_code_cell(source, metadata={"nbgrader": meta})
    return parse_test_cell(cell)


def plan(
    *cells: str,
    tests: str | TestCell | tuple[TestCell, ...] = (),
    solution: str | None = None,
    locked: str = "",
    learner: str = "ada",
    limits: Limits = QUICK,
    files: tuple[DataFile, ...] = (),
    exercise: str = "course/exercise",
) -> Plan:
    """Return a plan: the learner's cells, and the author's solution (by default the same) and tests."""
    author = "\n".join(cells) if solution is None else solution
    if isinstance(tests, str):
        tests = (cell_of(tests),)
    elif isinstance(tests, TestCell):
        tests = (tests,)
    given = [PlannedCell(id=f"a{number}", source=source) for number, source in enumerate(cells, 1)]
    run = tuple(([PlannedCell(id="locked", source=locked)] if locked else []) + given)
    return Plan(
        learner=learner,
        exercise=exercise,
        version=hashlib.sha256(repr((author, locked, tests)).encode("utf-8", "replace")).hexdigest()[:12],
        imports=(),
        cells=run,
        stops=(Stop(after=len(run), locked=(locked,) if locked else (), tests=tests),),
        sources=tuple(source for source in (locked, author) if source),
        answers=bound_names(author),
        limits=limits,
        files=files,
    )


def verdicts(outcome: Outcome) -> list[str]:
    """Return the verdict words of all checks."""
    return [str(check.verdict) for test in outcome.tests for check in test.checks]


def messages(outcome: Outcome) -> list[str | None]:
    """Return the messages of all checks."""
    return [check.message for test in outcome.tests for check in test.checks]


def shown(outcome: Any) -> str:
    """Return everything that an outcome holds, as text."""
    return repr(outcome)
