"""Questions with forms: definitions are read strictly, and answers come back from the source that they are written as."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from master_notebooks import answer, judged, notebook, write_course

from nbcoach_exercises.catalogue import read_course, read_master
from nbcoach_exercises.errors import InvalidCourse
from nbcoach_exercises.forms import source_of, value_of
from nbcoach_exercises.release import learner_version

OPTIONS = ["a bus", 'a "ferry"', "ä\\n\n", "'"]
CHOICE: dict[str, Any] = {"kind": "choice", "variable": "way", "prompt": "Which?", "options": OPTIONS}
SEVERAL = CHOICE | {"multiple": True}
ORDER = CHOICE | {"kind": "order"}
NUMBER: dict[str, Any] = {"kind": "number", "variable": "price", "prompt": "How much?", "unit": "€", "minimum": 0}
ANSWERS = {
    "choice": (CHOICE, st.sampled_from(OPTIONS)),
    "several": (SEVERAL, st.lists(st.sampled_from(OPTIONS), unique=True)),
    "order": (ORDER, st.permutations(OPTIONS)),
    "number": (NUMBER, st.integers() | st.floats(allow_nan=False, allow_infinity=False)),
}


def master(form: Any, **changes: Any) -> Any:
    cell = answer()
    cell["metadata"]["nbcoach"] = {"question": form}
    cell["metadata"].update(changes)
    return notebook(cell, judged())


@pytest.mark.parametrize("kind", ANSWERS)
@given(data=st.data())
def test_an_answer_comes_back_from_its_source(kind: str, data: st.DataObject) -> None:
    form, values = ANSWERS[kind]
    value = data.draw(values)
    source = source_of(form, value)
    assert value_of(form, source) == value
    scope: dict[str, Any] = {}
    exec(source, scope)
    assert scope[form["variable"]] == value


@pytest.mark.parametrize(
    ("form", "source"),
    [
        (CHOICE, "way = None"),
        (CHOICE, ""),
        (CHOICE, "way = 'a plane'"),
        (CHOICE, "other = 'a bus'"),
        (CHOICE, "way = 'a bus'\nprint(way)"),
        (CHOICE, "way = choose()"),
        (CHOICE, "way ="),
        (CHOICE, "(" * 5000),
        (SEVERAL, "way = ['a bus', 'a bus']"),
        (SEVERAL, "way = 'a bus'"),
        (ORDER, "way = ['a bus']"),
        (ORDER, "way = [1, 2, 3, 4]"),
        (NUMBER, "price = True"),
        (NUMBER, "price = '7'"),
    ],
)
def test_other_code_is_no_answer(form: Any, source: str) -> None:
    assert value_of(form, source) is None


def test_learners_get_the_form_and_a_starter_without_the_solution(tmp_path: Path) -> None:
    course = read_course(write_course(tmp_path, masters={"sum-up": master(CHOICE)}))
    exercise = course.exercise("sum-up")
    released = learner_version(read_master(exercise.folder), exercise)
    (cell,) = [cell for cell in released.cells if "question" in cell.metadata.get("nbcoach", {})]
    assert cell.source == "way = None"
    assert cell.metadata.nbcoach == {"points": 3, "question": CHOICE}
    ast.parse(cell.source)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("choice", "is not of type"),
        ({}, "required"),
        (CHOICE | {"kind": "essay"}, "kind"),
        (CHOICE | {"variable": "not a name"}, "variable"),
        (CHOICE | {"variable": "class"}, "cannot be a variable"),
        (CHOICE | {"options": ["one"]}, "options"),
        (CHOICE | {"options": ["one", "one"]}, "options"),
        (CHOICE | {"solution": "a bus"}, "solution"),
        (CHOICE | {"unit": "€"}, "has no 'unit'"),
        (ORDER | {"multiple": True}, "has no 'multiple'"),
        ({name: value for name, value in ORDER.items() if name != "options"}, "needs 'options'"),
        (NUMBER | {"minimum": 2, "maximum": 1}, "greater"),
    ],
)
def test_a_wrong_definition_is_refused_with_its_place(tmp_path: Path, form: Any, said: str) -> None:
    with pytest.raises(InvalidCourse, match=said) as refused:
        read_course(write_course(tmp_path, masters={"sum-up": master(form)}))
    assert "metadata.nbcoach.question" in str(refused.value)


def test_a_form_belongs_into_an_answer_cell(tmp_path: Path) -> None:
    test = judged()
    test["metadata"]["nbcoach"] = {"question": CHOICE}
    with pytest.raises(InvalidCourse, match="autograded answer"):
        read_course(write_course(tmp_path, masters={"sum-up": notebook(answer(), test)}))
