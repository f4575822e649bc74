"""Notebooks read strictly, and test cells taken apart into named checks."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st
from master_notebooks import TESTS, answer, cell, judged, notebook

from nbcoach_exercises.errors import InvalidIdentifier, InvalidInput, InvalidNotebook, TooLarge
from nbcoach_exercises.format import (
    MAX_CELLS,
    MAX_NOTEBOOK_BYTES,
    Role,
    grade_id_of,
    own_metadata,
    parse_test_cell,
    points_of,
    questions,
    read_notebook,
    role_of,
)
from nbcoach_exercises.model import Question


def node(body: dict[str, Any]) -> nbformat.NotebookNode:
    return nbformat.from_dict(body)


def test_named_checks_have_names_points_hints_and_their_own_source() -> None:
    found = parse_test_cell(node(judged()))
    assert (found.grade_id, found.points) == ("sum-tests", 3)
    assert found.preamble.strip() == "limit = 3"
    visible, hidden = found.checks
    assert (visible.id, visible.name, visible.points, visible.hidden) == (
        "sum-tests.1", "adds the first numbers", 1.0, False
    )  # fmt: skip
    assert visible.hints == ("SECRET-HINT one", "SECRET-HINT two")
    assert visible.source.strip() == "assert total(limit) == 6"
    assert (hidden.id, hidden.name, hidden.points, hidden.hidden) == ("sum-tests.2", "SECRET-NAME large", 2.0, True)
    assert hidden.hints == ("SECRET-HINT three",)
    assert "CHECK" not in visible.source + hidden.source
    assert "HIDDEN" not in visible.source + hidden.source


@pytest.mark.parametrize("sign", ["///", ";;;", "%%%", "---"])
def test_checks_are_named_in_other_languages_comments(sign: str) -> None:
    source = f"{sign} CHECK: one (1 point)\n{sign} HINT: look\n(f)\n  {sign} CHECK: two\n;; only a remark"
    test = parse_test_cell(node(judged(source, points=2)))
    assert [(c.name, c.points, c.hints, c.source.strip()) for c in test.checks] == [
        ("one", 1, ("look",), "(f)"),
        ("two", 1, (), ";; only a remark"),
    ]


def test_every_part_keeps_its_line_numbers() -> None:
    found = parse_test_cell(node(judged()))
    lines = TESTS.splitlines()
    for part in (found.preamble, *(check.source for check in found.checks)):
        for number, line in enumerate(part.splitlines()):
            assert line in ("", lines[number])


@pytest.mark.parametrize(
    ("source", "points", "expected"),
    [
        ("### CHECK: a\nassert 1\n### CHECK: b\nassert 2", 3, [1.5, 1.5]),
        ("### CHECK: a (1 point)\nassert 1\n### CHECK: b\nassert 2", 3, [1, 2]),
        ("### CHECK: a (0.5 pts)\nassert 1\n### check: b (2.5 POINTS)\nassert 2", 3, [0.5, 2.5]),
        ("###CHECK:a (1 pt)\nassert 1", 1, [1]),
        ("### CHECK: a (1 point)\nassert 1\n### CHECK: b\nassert 2", 1, [1, 0]),
        ("assert 1", 2, [2]),
        ("assert 1\n### BEGIN HIDDEN TESTS\nassert 2\n### END HIDDEN TESTS", 2, [1, 1]),
        ("", 1, [1]),
    ],
)
def test_points_are_named_or_shared(source: str, points: float, expected: list[float]) -> None:
    checks = parse_test_cell(node(judged(source, points=points))).checks
    assert [check.points for check in checks] == expected
    assert sum(check.points for check in checks) == points


@pytest.mark.parametrize(
    ("source", "hidden"),
    [
        ("### CHECK: a\nassert 1\n### BEGIN HIDDEN TESTS\nassert 2\n### END HIDDEN TESTS", [True]),
        ("### BEGIN HIDDEN TESTS\n### CHECK: a\nassert 1\n### END HIDDEN TESTS\n### CHECK: b\nassert 2", [True, False]),
        ("### CHECK: a\nassert 1\n### BEGIN HIDDEN TESTS\n\n### END HIDDEN TESTS", [False]),
        ("assert 1\n### BEGIN HIDDEN TESTS\nassert 2\n### END HIDDEN TESTS\nassert 3", [False, True, False]),
        ("### BEGIN HIDDEN TESTS\nassert 2\n### END HIDDEN TESTS", [True]),
        ("# only words\n### BEGIN HIDDEN TESTS\nassert 2\n### END HIDDEN TESTS", [True]),
    ],
)
def test_a_check_is_hidden_when_its_header_or_any_of_its_code_is(source: str, hidden: list[bool]) -> None:
    assert [check.hidden for check in parse_test_cell(node(judged(source))).checks] == hidden


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("### BEGIN HIDDEN TESTS\nassert 1", "never closed"),
        ("assert 1\n### END HIDDEN TESTS", "line 2: unbalanced"),
        ("### BEGIN HIDDEN TESTS\n### BEGIN HIDDEN TESTS\n### END HIDDEN TESTS", "line 2: unbalanced"),
        ("### CHECK: a (4 points)\nassert 1", "3 points, but its checks add up to 4"),
        ("### CHECK: a (1 point)\nassert 1", "3 points, but its checks add up to 1"),
    ],
)
def test_contradictions_are_refused_with_the_place(source: str, said: str) -> None:
    with pytest.raises(InvalidNotebook, match="'sum-tests'") as refused:
        parse_test_cell(node(judged(source)))
    assert said in refused.value.message
    assert refused.value.detail["cell"] == "sum-tests"


def test_a_test_cell_needs_a_usable_id() -> None:
    with pytest.raises(InvalidIdentifier):
        parse_test_cell(node(judged(grade_id="../up")))


@given(st.text(alphabet="#ABCDEGHIKNST :\n()1.pointsx", max_size=200), st.integers(0, 5))
def test_any_test_cell_is_taken_apart_or_refused(source: str, points: int) -> None:
    try:
        found = parse_test_cell(node(judged(source, points=points)))
    except InvalidInput:
        return
    assert sum(check.points for check in found.checks) == pytest.approx(points)
    assert [check.id for check in found.checks] == [f"sum-tests.{n}" for n in range(1, len(found.checks) + 1)]


@pytest.mark.parametrize(
    ("body", "role"),
    [
        (cell("x"), Role.FREE),
        (answer(), Role.ANSWER),
        (judged(), Role.TESTS),
        (cell("x", "m", solution=True, grade=True, points=1), Role.MANUAL_ANSWER),
        (cell("x", "t", kind="markdown", task=True, points=1), Role.MANUAL_TASK),
        (cell("x", "r", locked=True), Role.READ_ONLY),
        (cell("x", "f"), Role.FREE),
        ({"cell_type": "code", "metadata": {"nbgrader": "odd"}, "source": ""}, Role.FREE),
    ],
)
def test_roles(body: dict[str, Any], role: Role) -> None:
    assert role_of(node(body)) is role


@pytest.mark.parametrize(
    ("meta", "grade_id", "points"),
    [
        ({}, None, 0),
        ({"nbgrader": None}, None, 0),
        ({"nbgrader": {"grade_id": ""}}, None, 0),
        ({"nbgrader": {"grade_id": 3, "points": True}}, None, 0),
        ({"nbgrader": {"grade_id": "a", "points": 2}}, "a", 2),
        ({"nbgrader": {"grade_id": "a", "points": "2"}}, "a", 0),
    ],
)
def test_metadata_may_be_anything(meta: dict[str, Any], grade_id: str | None, points: float) -> None:
    body = node({"cell_type": "code", "metadata": meta, "source": ""})
    assert grade_id_of(body) == grade_id
    assert points_of(body) == points


def test_own_metadata_is_a_copy() -> None:
    body = node(notebook())
    own_metadata(body)["title"] = "changed"
    assert own_metadata(body)["title"] == "Sum up"
    assert own_metadata(node({"metadata": {"nbcoach": "odd"}})) == {}
    assert own_metadata(node({"metadata": {}})) == {}


def test_questions_are_runs_of_answers_with_the_tests_after_them() -> None:
    body = notebook(
        judged(grade_id="orphan"),
        answer(grade_id="a1"),
        cell("free"),
        answer(grade_id="a2"),
        judged(grade_id="t1", points=1),
        judged(grade_id="t2", points=2),
        answer(grade_id="b"),
        cell("text", "note", kind="markdown", solution=True),
        judged(grade_id="t3", points=4),
        answer(grade_id="no-tests"),
    )
    assert questions(node(body)) == (
        Question(answers=("a1", "a2"), tests=("t1", "t2"), points=3.0),
        Question(answers=("b",), tests=("t3",), points=4.0),
    )


def test_a_notebook_is_read_from_bytes_or_text() -> None:
    body = notebook(answer(["a = 1\n", "b = 2"]), judged())  # type: ignore[arg-type]
    for data in (json.dumps(body), json.dumps(body).encode()):
        assert read_notebook(data, "x.ipynb").cells[0].source == "a = 1\nb = 2"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is no JSON: it is empty"),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 100_000, "is nested too deeply"),
        (b'{"cells": [], "nbformat": 4, "metadata": ' + b'{"a":' * 5000 + b"1" + b"}" * 5001, "nested too deeply"),
        (b"[]", "no list of cells"),
        (b'{"cells": {}}', "no list of cells"),
        (b'{"cells": []}', "does not name its format"),
        (b'{"cells": [], "nbformat": 3}', "format 3; format 4 is needed"),
        (b'{"worksheets": [], "nbformat": 3}', "format 3; format 4 is needed"),
        (b'{"cells": [], "nbformat": "\\u001b[31m"}', r"format '\x1b[31m'; format 4 is needed"),
        (b'{"cells": [], "nbformat": "4"}', "format '4'; format 4 is needed"),
        (b'{"cells": [{}], "nbformat": 4}', "cell 1: a cell needs"),
        (b'{"cells": [{"source": "", "metadata": []}], "nbformat": 4}', "cell 1: a cell needs"),
        (b'{"cells": [{"source": 3, "metadata": {}}], "nbformat": 4}', "cell 1: a cell needs"),
        (b'{"cells": [{"source": [3], "metadata": {}}], "nbformat": 4}', "cell 1: a cell needs"),
        (b'{"cells": [3], "nbformat": 4}', "cell 1: a cell needs"),
        (b'{"cells": [null], "nbformat": 4}', "cell 1: a cell needs"),
        (b'{"cells": [], "nbformat": 4}', "it has no metadata"),
    ],
)
def test_what_is_no_notebook_is_refused_by_name(data: bytes, said: str) -> None:
    with pytest.raises(InvalidNotebook, match=r"x\.ipynb") as refused:
        read_notebook(data, "x.ipynb")
    assert said in refused.value.message


def test_large_notebooks_are_refused() -> None:
    with pytest.raises(TooLarge, match="8 MiB"):
        read_notebook(b" " * (MAX_NOTEBOOK_BYTES + 1), "x.ipynb")
    body = json.dumps(notebook(*[cell("")] * (MAX_CELLS + 1)))
    with pytest.raises(TooLarge, match="2000 cells"):
        read_notebook(body, "x.ipynb")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(
    cells=st.lists(
        st.fixed_dictionaries({}, optional={"source": JSON, "metadata": JSON, "cell_type": JSON}), max_size=3
    ),
    meta=JSON,
)
def test_hostile_json_is_a_notebook_or_refused(cells: list[Any], meta: Any) -> None:
    try:
        found = read_notebook(json.dumps({"nbformat": 4, "cells": cells, "metadata": meta}), "x")
    except InvalidNotebook:
        return
    for body in found.cells:
        role_of(body), grade_id_of(body), points_of(body)
    own_metadata(found)
    questions(found)
