"""Release: the learner's version of a master, made by nbgrader's own preprocessors.

What leaves here may be read by every learner: no solution, no hidden test, no mark scheme,
no hint (hints are a ladder that the grader hands out one by one), no output.
"""

from __future__ import annotations

import copy
import re

from nbformat import NotebookNode
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    LockCells,
)

from .errors import InvalidCourse
from .format import Role, grade_id_of, points_of, role_of
from .model import Exercise

_HINT_LINE = re.compile(r"^[ \t]*###\s*HINT:.*\n?", re.IGNORECASE | re.MULTILINE)
_PREPROCESSORS = (LockCells, ClearSolutions, ClearOutput, ClearHiddenTests, ClearMarkScheme)


def learner_version(master: NotebookNode, exercise: Exercise) -> NotebookNode:
    """Return the notebook that a learner gets.

    Its `metadata.nbcoach` names course, exercise and version; an answer cell's tells the
    points that its checks are worth.

    Args:
        master: the notebook with solutions and hidden tests; it is not changed.
        exercise: the exercise that it belongs to.

    Raises:
        InvalidCourse: nbgrader refuses a cell, for example for an unclosed region.

    """
    notebook = copy.deepcopy(master)
    resources: dict[str, object] = {}
    try:
        for preprocessor in _PREPROCESSORS:
            notebook, resources = preprocessor().preprocess(notebook, resources)
    except RuntimeError as err:
        raise InvalidCourse(f"Exercise {exercise.id!r} cannot be released: {err}", exercise=exercise.id) from err
    for cell in notebook.cells:
        cell.metadata.pop("nbcoach", None)
        if cell.cell_type == "code" and role_of(cell) is Role.TESTS:
            cell.source = _HINT_LINE.sub("", cell.source).rstrip()
    _mark_answers(notebook, exercise)
    notebook.metadata["nbcoach"] = {
        "course": exercise.course,
        "exercise": exercise.id,
        "version": exercise.version,
        "title": exercise.title,
        "points": exercise.points,
    }
    return notebook


def _mark_answers(notebook: NotebookNode, exercise: Exercise) -> None:
    worth = {cell.metadata.nbgrader.grade_id: points_of(cell) for cell in notebook.cells if role_of(cell) is Role.TESTS}
    for cell in notebook.cells:
        name = grade_id_of(cell)
        question = exercise.question_of(name) if name and role_of(cell) is Role.ANSWER else None
        if question is not None:
            cell.metadata["nbcoach"] = {"points": sum(worth[test] for test in question.tests)}
