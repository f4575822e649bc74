"""Nothing that a learner must not know leaves in the learner's version, wherever an author hid it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from master_notebooks import ANSWER, TESTS, answer, cell, judged, notebook, write_course

from nbcoach_exercises.catalogue import read_course, read_master
from nbcoach_exercises.errors import InvalidCourse
from nbcoach_exercises.format import Role, role_of
from nbcoach_exercises.release import learner_version

MARK_SCHEME = "Explain.\n=== BEGIN MARK SCHEME ===\nSECRET-SCHEME\n=== END MARK SCHEME ===\n"
OUTPUT = {"output_type": "stream", "name": "stdout", "text": "SECRET-OUTPUT"}


def released(tmp_path: Path, *cells: dict[str, Any]) -> nbformat.NotebookNode:
    exercise = read_course(write_course(tmp_path, masters={"sum-up": notebook(*cells)})).exercise("sum-up")
    return learner_version(read_master(exercise.folder), exercise)


def strings(value: Any) -> list[str]:
    """Return every string of a notebook, keys included."""
    if isinstance(value, dict):
        return [text for key, item in value.items() for text in [str(key), *strings(item)]]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    return [value] if isinstance(value, str) else []


def test_no_string_of_the_notebook_holds_a_secret(tmp_path: Path) -> None:
    found = released(
        tmp_path,
        cell("# Sum up", kind="markdown"),
        answer(outputs=[OUTPUT], own={"note": "SECRET-NOTE"}),
        judged(outputs=[OUTPUT], own={"note": "SECRET-NOTE"}),
        cell("print(1)", outputs=[OUTPUT]),
        cell(MARK_SCHEME, "essay", kind="markdown", task=True, points=2, locked=True),
        cell("SECRET-ANSWER is an example", "manual", kind="markdown", solution=True, grade=True, points=1),
    )
    leaks = [text for text in strings(json.loads(json.dumps(found))) if "SECRET" in text]
    assert leaks == []
    nbformat.validate(found)


@pytest.mark.parametrize(
    "header",
    [
        "### HINT: SECRET",
        "###HINT:SECRET",
        "### hint: SECRET",
        "###   Hint:   SECRET  ",
        "### HINT:\tSECRET",
        "    ### HINT: SECRET",
    ],
)
def test_no_spelling_of_a_hint_gets_through(tmp_path: Path, header: str) -> None:
    found = released(tmp_path, answer(), judged(f"### CHECK: a\n{header}\nassert total(1) == 1"))
    assert not [text for text in strings(found) if "SECRET" in text]


def test_a_hint_outside_of_a_check_does_not_get_through(tmp_path: Path) -> None:
    found = released(tmp_path, answer(), judged("### HINT: SECRET before any check\n### CHECK: a\nassert True"))
    assert not [text for text in strings(found) if "SECRET" in text]


def test_what_the_learner_needs_stays(tmp_path: Path) -> None:
    found = released(tmp_path, answer(), judged())
    solution, check = found.cells
    assert "def total(n):" in solution.source
    assert "YOUR CODE HERE" in solution.source
    assert "### CHECK: adds the first numbers (1 point)" in check.source
    assert "assert total(limit) == 6" in check.source
    assert [role_of(body) for body in found.cells] == [Role.ANSWER, Role.TESTS]
    assert check.metadata.editable is False
    assert check.metadata.deletable is False
    assert solution.metadata.nbgrader.grade_id == "sum"
    assert solution.metadata.nbcoach == {"points": 3}


def test_the_notebook_says_what_it_is(tmp_path: Path) -> None:
    found = released(tmp_path, answer(), judged())
    assert set(found.metadata.nbcoach) == {"course", "exercise", "version", "title", "points"}
    assert (found.metadata.nbcoach.course, found.metadata.nbcoach.exercise) == ("python-1", "sum-up")
    assert found.metadata.nbcoach.points == 3


def test_the_master_is_not_changed(tmp_path: Path) -> None:
    exercise = read_course(write_course(tmp_path)).exercise("sum-up")
    master = read_master(exercise.folder)
    before = copy.deepcopy(master)
    learner_version(master, exercise)
    assert master == before


def test_the_same_master_gives_the_same_release(tmp_path: Path) -> None:
    exercise = read_course(write_course(tmp_path)).exercise("sum-up")
    master = read_master(exercise.folder)
    assert learner_version(master, exercise) == learner_version(master, exercise)


@pytest.mark.parametrize(
    "body",
    [
        answer(ANSWER.replace("### END SOLUTION", "")),
        answer(ANSWER.replace("### BEGIN SOLUTION", "### BEGIN SOLUTION\n### BEGIN SOLUTION")),
        cell(MARK_SCHEME.replace("=== END MARK SCHEME ===", ""), "essay", kind="markdown", task=True, points=1),
    ],
)
def test_an_open_region_is_refused_by_name(tmp_path: Path, body: dict[str, Any]) -> None:
    with pytest.raises(InvalidCourse, match="'sum-up' cannot be released"):
        released(tmp_path, body, judged(TESTS))


@pytest.mark.parametrize(
    ("language", "stub"),
    [
        ("python", "# YOUR CODE HERE\nraise NotImplementedError()"),
        ("R", "# YOUR CODE HERE\nfail()"),
        ("bash", "# YOUR CODE HERE"),
        ("scheme", ";; YOUR CODE HERE"),
        ("JavaScript", "// YOUR CODE HERE"),
        ("SQL", "-- YOUR CODE HERE"),
    ],
)
def test_solutions_are_cleared_in_any_language(tmp_path: Path, language: str, stub: str) -> None:
    exercise = read_course(write_course(tmp_path)).exercise("sum-up")
    master = read_master(exercise.folder)
    master.metadata["kernelspec"] = {"name": "any", "display_name": "any", "language": language}
    given = next(c for c in learner_version(master, exercise).cells if role_of(c) is Role.ANSWER)
    lines = [line.strip() for line in given.source.splitlines()]
    assert lines[1:] == stub.splitlines()


@pytest.mark.parametrize("sign", ["///", ";;;", "%%%", "---"])
def test_hints_in_other_comments_do_not_get_through(tmp_path: Path, sign: str) -> None:
    source = TESTS.replace("### CHECK", f"{sign} CHECK").replace("### HINT", f"{sign} HINT")
    found = released(tmp_path, answer(), judged(source))
    assert not [text for text in strings(found) if "SECRET" in text]
    assert any("adds the first numbers" in text for text in strings(found))
