"""Release: the learner's version of a master, made by nbgrader's own preprocessors.

What leaves here may be read by every learner: no solution, no hidden test, no mark scheme,
no hint (hints are a ladder that the grader hands out one by one), no output.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import (
    ClearHiddenTests,
    ClearMarkScheme,
    ClearOutput,
    ClearSolutions,
    LockCells,
)
from traitlets.config import Config

from .errors import InvalidCourse
from .format import MARK, Role, grade_id_of, points_of, role_of
from .forms import form_of, source_of
from .model import Exercise

_HINT_LINE = re.compile(rf"^[ \t]*{MARK}\s*HINT:.*\n?", re.IGNORECASE | re.MULTILINE)
_COMMENTS = {
    "//": {"c", "c++", "c#", "csharp", "go", "groovy", "java", "javascript", "kotlin", "rust", "scala", "typescript"},
    ";;": {"clojure", "common-lisp", "common lisp", "hy", "lisp", "racket", "scheme"},
    "--": {"ada", "haskell", "lua", "sql"},
    "%": {"erlang", "prolog"},
}
_PREPROCESSORS = (LockCells, ClearSolutions, ClearOutput, ClearHiddenTests, ClearMarkScheme)


def learner_version(master: NotebookNode, exercise: Exercise) -> NotebookNode:
    """Return the notebook that a learner gets.

    Its `metadata.nbcoach` names course, exercise and version; an answer cell's tells the
    points that its checks are worth, and the form that it has.

    Args:
        master: the notebook with solutions and hidden tests; it is not changed.
        exercise: the exercise that it belongs to.

    Raises:
        InvalidCourse: nbgrader refuses a cell, for example for an unclosed region.

    """
    notebook = copy.deepcopy(master)
    forms = {grade_id_of(cell): form for cell in master.cells if (form := form_of(cell)) is not None}
    resources: dict[str, object] = {}
    stub = {"ClearSolutions": {"code_stub": _stubs(notebook)}}
    try:
        for preprocessor in _PREPROCESSORS:
            notebook, resources = preprocessor(config=Config(stub)).preprocess(notebook, resources)
    except (RuntimeError, ValueError) as err:
        raise InvalidCourse(f"Exercise {exercise.id!r} cannot be released: {err}", exercise=exercise.id) from err
    for cell in notebook.cells:
        cell.metadata.pop("nbcoach", None)
        if cell.cell_type == "code" and role_of(cell) is Role.TESTS:
            cell.source = _HINT_LINE.sub("", cell.source).rstrip()
    _mark_answers(notebook, exercise, forms)
    notebook.metadata["nbcoach"] = {
        "course": exercise.course,
        "exercise": exercise.id,
        "version": exercise.version,
        "title": exercise.title,
        "points": exercise.points,
    }
    return notebook


def _stubs(notebook: NotebookNode) -> dict[str, str]:
    """Return nbgrader's stubs for cleared solutions, and one for the notebook's language, which it may not know."""
    specification = notebook.metadata.get("kernelspec")
    language = str(specification.get("language", "python")) if isinstance(specification, dict) else "python"
    comment = next((sign for sign, names in _COMMENTS.items() if language.lower() in names), "#")
    known: dict[str, str] = ClearSolutions().code_stub
    return {language: f"{comment} YOUR CODE HERE", **known}


def _mark_answers(notebook: NotebookNode, exercise: Exercise, forms: Mapping[str | None, dict[str, Any]]) -> None:
    worth = {cell.metadata.nbgrader.grade_id: points_of(cell) for cell in notebook.cells if role_of(cell) is Role.TESTS}
    for cell in notebook.cells:
        name = grade_id_of(cell)
        question = exercise.question_of(name) if name and role_of(cell) is Role.ANSWER else None
        own: dict[str, Any] = {}
        if question is not None:
            own["points"] = sum(worth[test] for test in question.tests)
        if name in forms and role_of(cell) is Role.ANSWER:
            own["question"] = forms[name]
            cell.source = source_of(forms[name])
        if own:
            cell.metadata["nbcoach"] = own
