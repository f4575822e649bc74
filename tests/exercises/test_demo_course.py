"""The demo course keeps the promises of the format: shape, metadata, checks, hints and sample solutions."""

from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.nbgraderformat import MetadataValidator
from nbgrader.preprocessors import CheckCellMetadata

from nbcoach_exercises.catalogue import Catalogue, read_master, test_cells
from nbcoach_exercises.format import Role, grade_id_of, role_of
from nbcoach_exercises.forms import form_of, source_of
from nbcoach_exercises.model import Exercise
from nbcoach_exercises.release import learner_version
from nbcoach_exercises.solutions import KINDS, Solution, read_solution
from nbcoach_exercises.verdicts import Verdict

COURSES = Path(__file__).parents[2] / "exercises" / "courses"
COURSE = Catalogue.read(COURSES).course("python-foundations")
EXERCISES = list(COURSE.exercises.values())
ALLOWED = {
    "correct": {Verdict.PASSED},
    "wrong": {Verdict.PASSED, Verdict.FAILED},
    "timeout": {Verdict.PASSED, Verdict.TIMEOUT},
    "escape": {Verdict.PASSED, Verdict.FAILED, Verdict.ERROR, Verdict.CRASHED},
}

each_exercise = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.id)
each_solution = pytest.mark.parametrize("kind", KINDS)


def master_of(exercise: Exercise) -> NotebookNode:
    return read_master(exercise.folder)


def solution_of(exercise: Exercise, kind: str) -> Solution:
    return read_solution(exercise.folder / "solutions" / f"{kind}.py")


def answers_of(notebook: NotebookNode) -> dict[str, str]:
    return {grade_id_of(cell) or "": cell.source for cell in notebook.cells if role_of(cell) is Role.ANSWER}


def code_of(source: str) -> str:
    return ast.dump(ast.parse(source))


def test_course_is_large_and_practises_every_skill() -> None:
    assert len(EXERCISES) >= 16
    assert {skill for exercise in EXERCISES for skill in exercise.skills} == {skill.id for skill in COURSE.skills}


def test_every_folder_belongs_to_a_unit() -> None:
    folders = {path.parent.name for path in (COURSES / COURSE.id).glob("*/exercise.ipynb")}
    assert folders == set(COURSE.exercises)


def test_first_exercise_is_the_easiest_and_the_last_the_hardest() -> None:
    difficulties = [exercise.difficulty for exercise in EXERCISES]
    assert difficulties[0] == min(difficulties) == 1
    assert difficulties[-1] == max(difficulties) == 5


def test_no_skill_is_practised_before_its_prerequisites() -> None:
    requires = {skill.id: set(skill.requires) for skill in COURSE.skills}
    met: set[str] = set()
    for exercise in EXERCISES:
        met |= set(exercise.skills)
        missing = {need for skill in exercise.skills for need in requires[skill]} - met
        assert not missing, f"{exercise.id} needs {missing}"


@each_exercise
def test_notebook_is_valid_for_jupyter_and_nbgrader(exercise: Exercise) -> None:
    notebook = master_of(exercise)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert notebook.metadata.kernelspec.name == "python3"
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    CheckCellMetadata().preprocess(notebook, {})


@each_exercise
def test_nbgrader_metadata_has_exactly_the_keys_of_schema_3(exercise: Exercise) -> None:
    for cell in master_of(exercise).cells:
        meta = cell.metadata.nbgrader
        keys = {"grade", "grade_id", "locked", "schema_version", "solution", "task"}
        keys |= {"cell_type"} if meta.locked else set()
        keys |= {"points"} if meta.grade else set()
        assert set(meta) == keys
        assert meta.get("cell_type", cell.cell_type) == cell.cell_type
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None


@each_exercise
def test_every_question_has_visible_and_hidden_checks_with_hints(exercise: Exercise) -> None:
    tests = test_cells(master_of(exercise))
    assert exercise.questions
    assert {name for question in exercise.questions for name in question.tests} == set(tests)
    for cell in tests.values():
        assert {check.hidden for check in cell.checks} == {True, False}
        assert all(len(check.hints) >= 2 for check in cell.checks)
        assert all(check.points > 0 for check in cell.checks if check.hidden or cell.points > 1)
        assert len({check.name for check in cell.checks}) == len(cell.checks)


@each_exercise
def test_learner_version_shows_no_solution_and_no_hidden_check(exercise: Exercise) -> None:
    notebook = master_of(exercise)
    released = learner_version(notebook, exercise)
    text = "\n".join(cell.source for cell in released.cells)
    assert "SOLUTION" not in text
    assert "HIDDEN" not in text
    assert "### HINT" not in text
    for cell in test_cells(notebook).values():
        for check in cell.checks:
            assert (check.name in text) is not check.hidden
    forms = {grade_id_of(cell): form for cell in notebook.cells if (form := form_of(cell))}
    for name, source in answers_of(released).items():
        ast.parse(source)
        assert source == source_of(forms[name]) if name in forms else "raise NotImplementedError()" in source


@each_exercise
@each_solution
def test_sample_solution_covers_every_cell_with_possible_expectations(exercise: Exercise, kind: str) -> None:
    notebook = master_of(exercise)
    tests = test_cells(notebook)
    solution = solution_of(exercise, kind)
    assert set(solution.sources) == set(answers_of(notebook))
    assert set(solution.expected) == set(tests)
    verdicts = {expected.verdict for expected in solution.expected.values()}
    assert verdicts <= ALLOWED[kind]
    assert kind == "correct" or verdicts != {Verdict.PASSED}
    for name, expected in solution.expected.items():
        full = expected.points == tests[name].points
        assert full if expected.verdict is Verdict.PASSED else expected.points < tests[name].points
    for source in solution.sources.values():
        ast.parse(source)


@each_exercise
def test_correct_solution_differs_from_starter_and_reference(exercise: Exercise) -> None:
    notebook = master_of(exercise)
    starter = answers_of(learner_version(notebook, exercise))
    reference = answers_of(notebook)
    for name, source in solution_of(exercise, "correct").sources.items():
        assert code_of(source) != code_of(starter[name])
        assert code_of(source) != code_of(reference[name])


def test_every_kind_of_form_is_used() -> None:
    forms = [form_of(cell) for exercise in EXERCISES for cell in master_of(exercise).cells]
    assert {form["kind"] for form in forms if form} == {"choice", "number", "order"}
