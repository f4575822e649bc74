"""Rebuilding: whatever the learner's notebook looks like, structure and tests are the author's."""

from __future__ import annotations

from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode

from nbcoach_exercises.format import questions
from nbcoach_exercises.model import Question
from nbcoach_exercises.wire import CellSource
from nbcoach_grader.layout import layout
from nbcoach_grader.rebuild import MAX_EXTRA_CELLS, Rebuilt, rebuild, untouched


def node(source: str, grade_id: str | None, **flags: Any) -> NotebookNode:
    meta = {"solution": False, "grade": False, "locked": False, "task": False, "schema_version": 3, "points": 1}
    metadata = {"nbgrader": meta | {"grade_id": grade_id} | flags} if grade_id else {}
    cell: NotebookNode = nbformat.v4.new_code_cell(source, metadata=metadata)
    cell["id"] = grade_id or f"free-{source[:4]}"
    return cell


def book(*cells: NotebookNode) -> NotebookNode:
    made: NotebookNode = nbformat.v4.new_notebook(cells=list(cells))
    return made


MASTER = book(
    node("import math", "setup", locked=True),
    nbformat.v4.new_markdown_cell("Text"),
    node("free cell", None),
    node("def f(): return 1", "a1", solution=True),
    node("assert f() == 1", "t1", grade=True, locked=True),
    node("def g(): return 2", "a2", solution=True),
    node("assert g() == 2", "t2", grade=True, locked=True),
)
RELEASED = book(
    node("import math", "setup", locked=True),
    nbformat.v4.new_markdown_cell("Text"),
    node("free cell", None),
    node("# YOUR CODE HERE", "a1", solution=True),
    node("assert f() == 1", "t1", grade=True, locked=True),
    node("# YOUR CODE HERE", "a2", solution=True),
    node("assert g() == 2", "t2", grade=True, locked=True),
)
LAYOUT = layout(MASTER, RELEASED)
FIRST, SECOND = questions(MASTER)
GIVEN = {
    "setup": "import math",
    "free": "free cell",
    "a1": "mine 1",
    "t1": "assert f() == 1",
    "a2": "mine 2",
    "t2": "assert g() == 2",
}


def sent(*names: str, **changed: str) -> list[CellSource]:
    """Return a learner's cells by name; `x:text` is a cell of the learner's own."""
    cells = []
    for number, name in enumerate(names):
        if name.startswith("x:"):
            cells.append(CellSource(id=f"x{number}", grade_id=None, source=name[2:]))
        elif name == "free":
            cells.append(CellSource(id="free-free", grade_id=None, source=changed.get(name, GIVEN[name])))
        else:
            cells.append(CellSource(id=f"n{number}", grade_id=name, source=changed.get(name, GIVEN[name])))
    return cells


ALL = tuple(GIVEN)
CASES: dict[str, tuple[Question, list[CellSource], list[str], list[str]]] = {
    "as released": (FIRST, sent(*ALL), ["import math", "free cell", "mine 1"], []),
    "the second question": (SECOND, sent(*ALL), ["import math", "free cell", "mine 1", "mine 2"], []),
    "test cell deleted": (
        FIRST,
        sent("setup", "free", "a1", "a2", "t2"),
        ["import math", "free cell", "mine 1"],
        ["The cell 't1' was missing; the author's version was used."],
    ),
    "test cell edited": (
        FIRST,
        sent(*ALL, t1="assert True"),
        ["import math", "free cell", "mine 1"],
        ["The cell 't1' was changed; the author's version was used."],
    ),
    "locked cell edited": (
        FIRST,
        sent(*ALL, setup="math = None"),
        ["import math", "free cell", "mine 1"],
        ["The cell 'setup' was changed; the author's version was used."],
    ),
    "white space does not count": (
        FIRST,
        sent(*ALL, t1="assert f() == 1\n"),
        ["import math", "free cell", "mine 1"],
        [],
    ),
    "answer copied": (
        FIRST,
        [*sent(*ALL), CellSource(id="z", grade_id="a1", source="second")],
        ["import math", "free cell", "mine 1"],
        ["The cell 'a1' stands there twice; the first one counts."],
    ),
    "test copied": (
        FIRST,
        [*sent(*ALL), CellSource(id="z", grade_id="t1", source="pass")],
        ["import math", "free cell", "mine 1"],
        ["The cell 't1' stands there twice; the first one counts."],
    ),
    "answer missing": (
        FIRST,
        sent("setup", "free", "t1", "a2", "t2"),
        ["import math", "free cell", "# YOUR CODE HERE"],
        ["The cell 'a1' was missing; the author's version was used."],
    ),
    "extra cells stay where they stand": (
        FIRST,
        sent("x:before", "setup", "x:one", "x:two", "free", "a1", "x:after", "t1", "x:late", "a2", "t2"),
        ["before", "import math", "one", "two", "free cell", "mine 1", "after"],
        [],
    ),
    "extra cells after the question do not run": (
        FIRST,
        sent("setup", "free", "a1", "t1", "a2", "x:never", "t2"),
        ["import math", "free cell", "mine 1"],
        [],
    ),
    "a free cell is the learner's": (FIRST, sent(*ALL, free="mine"), ["import math", "mine", "mine 1"], []),
    "a free cell may go": (
        FIRST,
        sent("setup", "a1", "t1", "a2", "t2"),
        ["import math", "free cell", "mine 1"],
        [],
    ),
    "unknown ids are the learner's own cells": (
        FIRST,
        [*sent("setup", "free", "a1"), CellSource(id="q", grade_id="other", source="own"), *sent("t1", "a2", "t2")],
        ["import math", "free cell", "mine 1", "own"],
        [],
    ),
    "another order": (FIRST, sent("t1", "a1", "free", "setup", "t2", "a2"), ["import math", "free cell", "mine 1"], []),
    "nothing sent": (
        FIRST,
        [],
        ["import math", "free cell", "# YOUR CODE HERE"],
        [
            f"The cell {name!r} was missing; the author's version was used."
            for name in ("setup", "a1", "t1", "a2", "t2")
        ],
    ),
}


def rebuilt(question: Question, cells: list[CellSource]) -> Rebuilt:
    return rebuild(LAYOUT, question.tests, cells)


@pytest.mark.parametrize("name", CASES)
def test_a_notebook_is_rebuilt_from_the_master(name: str) -> None:
    question, cells, sources, repairs = CASES[name]
    found = rebuilt(question, cells)
    assert [cell.source for cell in found.cells] == sources
    assert list(found.repairs) == repairs
    assert [stop.locked for stop in found.stops] == [("import math",)]
    assert [test.grade_id for stop in found.stops for test in stop.tests] == list(question.tests)


def test_answers_are_taken_by_id_alone() -> None:
    cells = [
        CellSource(id="t1", grade_id="a1", source="mine"),
        CellSource(id="a1", grade_id="t1", source="assert True"),
    ]
    found = rebuilt(FIRST, cells)
    assert found.answers == {"a1": "mine"}
    assert "assert True" not in [cell.source for cell in found.cells]


def test_extra_cells_are_bounded() -> None:
    found = rebuilt(FIRST, sent("setup", *["x:more"] * (MAX_EXTRA_CELLS + 50), "a1"))
    assert len([cell for cell in found.cells if cell.source == "more"]) == MAX_EXTRA_CELLS


@pytest.mark.timeout(20)
@pytest.mark.parametrize("source", [" " * 2000, "e" * 2000, "x = " + "lambda:" * 2800 + "f", "f()\n" * 5000])
def test_looking_for_lost_answers_keeps_nobody_waiting(source: str) -> None:
    extras = [f"x:{source}\n{number}" for number in range(MAX_EXTRA_CELLS)]
    assert len(rebuilt(SECOND, sent("setup", *extras)).cells) >= MAX_EXTRA_CELLS


def test_what_a_test_makes_is_there_for_cells_that_are_too_long_to_be_read() -> None:
    test = node("wanted = 1\nassert f() == wanted", "t1", grade=True, locked=True)
    master, released = (book(*cells[:4], test, *cells[5:]) for cells in (MASTER.cells, RELEASED.cells))
    cells = sent(*ALL, a2="pass\n" * 50_000 + "wanted")
    found = rebuild(layout(master, released), SECOND.tests, cells)
    assert "wanted = 1\nassert f() == wanted" in [cell.source for cell in found.cells]


@pytest.mark.parametrize(
    ("source", "expected"),
    [("# YOUR CODE HERE", True), ("  # YOUR CODE HERE\n", True), ("", True), ("x = 1", False)],
)
def test_a_starter_is_untouched(source: str, expected: bool) -> None:
    assert untouched(LAYOUT, {"a1": source}, ["a1"]) is expected
    assert untouched(LAYOUT, {"a1": source, "a2": "x = 1"}, ["a1", "a2"]) is False
