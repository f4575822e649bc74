"""Every sample solution of every course comes to exactly the verdicts and points that it states."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nbcoach_exercises.catalogue import Catalogue
from nbcoach_exercises.format import grade_id_of
from nbcoach_exercises.solutions import KINDS, read_solution
from nbcoach_exercises.verdicts import worst
from nbcoach_exercises.wire import CellSource
from nbcoach_grader.grading import Grading
from nbcoach_grader.material import load_material

CATALOGUE = Catalogue.read(Path(__file__).parents[2] / "exercises/courses")
CASES = [
    pytest.param(course, exercise, kind, id=f"{exercise.id}-{kind}")
    for course in CATALOGUE
    for exercise in course.exercises.values()
    for kind in KINDS
]


@pytest.mark.parametrize(("course", "exercise", "kind"), CASES)
def test_solution_comes_to_what_it_states(engine: Any, run: Any, course: Any, exercise: Any, kind: str) -> None:
    solution = read_solution(exercise.folder / "solutions" / f"{kind}.py")
    cells = [
        CellSource(
            id=str(number),
            grade_id=grade_id_of(cell),
            source=solution.sources.get(grade_id_of(cell) or "", cell.source),
        )
        for number, cell in enumerate(load_material(exercise).released.cells)
        if cell.cell_type == "code"
    ]
    grading = Grading(CATALOGUE, engine)
    for question in exercise.questions:
        judged, rebuilt = run(grading.judge(f"sample-{kind}", course, exercise, question, cells))
        assert rebuilt.repairs == ()
        for test in question.tests:
            checks = [check for check in judged.checks if check.id.rpartition(".")[0] == test]
            found = (worst(check.verdict for check in checks), sum(check.points for check in checks))
            wanted = solution.expected[test]
            shown = [(check.name, check.verdict, check.message) for check in checks]
            assert found == (wanted.verdict, pytest.approx(wanted.points)), (shown, judged.error)


@pytest.mark.parametrize("exercise", [pytest.param(e, id=e.id) for c in CATALOGUE for e in c.exercises.values()])
def test_starter_is_not_attempted(engine: Any, run: Any, exercise: Any) -> None:
    cells = [
        CellSource(id=str(number), grade_id=grade_id_of(cell), source=cell.source)
        for number, cell in enumerate(load_material(exercise).released.cells)
        if cell.cell_type == "code"
    ]
    for question in exercise.questions:
        course = CATALOGUE.course(exercise.course)
        judged, _ = run(Grading(CATALOGUE, engine).judge("starter", course, exercise, question, cells))
        assert judged.verdict == "not-attempted"
        assert judged.points == 0
