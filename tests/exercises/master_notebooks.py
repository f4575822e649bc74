"""Master notebooks and course folders, written cell by cell."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

DESCRIBED: dict[str, Any] = {
    "title": "Sum up",
    "summary": "Add the numbers from 1 to n.",
    "skills": ["loops"],
    "difficulty": 2,
    "minutes": 10,
}
COURSE: dict[str, Any] = {
    "title": "Python",
    "skills": [{"id": "variables", "title": "Variables"}, {"id": "loops", "title": "Loops", "requires": ["variables"]}],
    "units": [{"id": "first", "title": "First steps", "exercises": ["sum-up"]}],
}
ANSWER = """def total(n):
    ### BEGIN SOLUTION
    return n * (n + 1) // 2  # SECRET-SOLUTION
    ### END SOLUTION
"""
TESTS = """limit = 3
### CHECK: adds the first numbers (1 point)
### HINT: SECRET-HINT one
### HINT: SECRET-HINT two
assert total(limit) == 6
### BEGIN HIDDEN TESTS
### CHECK: SECRET-NAME large (2 points)
### HINT: SECRET-HINT three
assert total(1000) == 500500  # SECRET-TEST
### END HIDDEN TESTS
"""


def cell(
    source: str,
    grade_id: str | None = None,
    *,
    kind: str = "code",
    points: float | None = None,
    solution: bool = False,
    grade: bool = False,
    locked: bool = False,
    task: bool = False,
    outputs: list[Any] | None = None,
    own: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a cell with nbgrader's metadata of schema 3, or a free one when it has no id."""
    meta: dict[str, Any] = {}
    if grade_id is not None:
        meta["nbgrader"] = {
            "schema_version": 3,
            "grade_id": grade_id,
            "solution": solution,
            "grade": grade,
            "locked": locked,
            "task": task,
        }
        if points is not None:
            meta["nbgrader"]["points"] = points
    if own is not None:
        meta["nbcoach"] = own
    body = {
        "cell_type": kind,
        "id": grade_id or f"free-{abs(hash(source)) % 10**6}",
        "metadata": meta,
        "source": source,
    }
    return body | ({"outputs": outputs or [], "execution_count": None} if kind == "code" else {})


def answer(source: str = ANSWER, grade_id: str = "sum", **more: Any) -> dict[str, Any]:
    """Return an autograded answer cell."""
    return cell(source, grade_id, solution=True, **more)


def judged(source: str = TESTS, grade_id: str = "sum-tests", points: float = 3, **more: Any) -> dict[str, Any]:
    """Return an autograder test cell."""
    return cell(source, grade_id, points=points, grade=True, locked=True, **more)


def notebook(*cells: dict[str, Any], described: dict[str, Any] | None = DESCRIBED, **top: Any) -> dict[str, Any]:
    """Return a notebook of format 4."""
    meta = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    own = {} if described is None else {"nbcoach": described}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": meta | own, "cells": list(cells)} | top


def write_course(
    root: Path,
    course: Any = COURSE,
    masters: dict[str, Any] | None = None,
    name: str = "python-1",
) -> Path:
    """Write a course folder and return it; a master of None is left out."""
    folder = root / name
    folder.mkdir(parents=True)
    text = course if isinstance(course, str) else yaml.safe_dump(course)
    (folder / "course.yaml").write_text(text, "utf-8")
    for exercise, master in ({"sum-up": notebook(answer(), judged())} if masters is None else masters).items():
        (folder / exercise).mkdir()
        if master is not None:
            body = master if isinstance(master, str) else json.dumps(master)
            (folder / exercise / "exercise.ipynb").write_text(body, "utf-8")
    return folder
