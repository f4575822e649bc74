"""What other graders get wrong with notebooks: each row is a submission and what it must come to."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from course_folders import (
    MARK,
    RIGHT,
    SMALL,
    Change,
    CourseFolder,
    Run,
    answer,
    answered,
    complaints,
    notebook,
    solved,
    tests,
)

FULL = {"double-tests": 4.0, "squares-tests": 4.0}
SECOND_ONLY = {"double-tests": 0.0, "squares-tests": 4.0}

TRANSFORMER = """get_ipython().input_transformers_cleanup.append(lambda lines: ['pass\\n'])
def double(n):
    return 0"""
WALKER = """import sys
def double(n):
    frame = sys._getframe()
    while frame:
        print(frame.f_code, frame.f_locals)
        frame = frame.f_back
    print(get_ipython().user_ns['In'][-1])
    return 2 * n"""
WARNER = """import warnings
def double(n):
    warnings.warn('careful')
    return 2 * n"""
LIAR = """class Anything(int):
    def __eq__(self, other):
        return True
    def __hash__(self):
        return 0
def double(n):
    return Anything()"""
ENDLESS = "def double(n):\n    while True:\n        pass"


def named(work: dict[str, Any], name: str) -> dict[str, Any]:
    (found,) = [c for c in work["cells"] if c["metadata"].get("nbgrader", {}).get("grade_id") == name]
    return found


def drop_tests(work: dict[str, Any]) -> None:
    work["cells"].remove(named(work, "double-tests"))


def copy_tests(work: dict[str, Any]) -> None:
    work["cells"].append(copy.deepcopy(named(work, "double-tests")))


def edit_flags(work: dict[str, Any]) -> None:
    named(work, "double-tests")["metadata"]["nbgrader"].update(grade=False, solution=True, points=400, locked=False)
    named(work, "double")["metadata"]["nbgrader"].update(grade=True, solution=False, points=99, locked=True)


def edit_tests(work: dict[str, Any]) -> None:
    named(work, "double-tests")["source"] = "4"


def break_metadata(work: dict[str, Any]) -> None:
    named(work, "setup")["metadata"] = {"nbgrader": {"grade_id": 7}}
    named(work, "double-tests")["metadata"] = {"nbgrader": ["no", "mapping"]}


def add_cells(work: dict[str, Any]) -> None:
    work["cells"].insert(1, {"cell_type": "code", "id": "own", "metadata": {}, "source": "two = 2", "outputs": []})
    named(work, "double")["source"] = "def double(n):\n    return two * n"


ROWS: dict[str, tuple[dict[str, str], Change | None, dict[str, float], bool]] = {
    "right": ({}, None, FULL, False),
    "transformer": ({"double": TRANSFORMER}, None, SECOND_ONLY, False),
    "walker": ({"double": WALKER}, None, FULL, False),
    "warner": ({"double": WARNER}, None, FULL, False),
    "deleted": ({}, drop_tests, FULL, True),
    "copied": ({}, copy_tests, FULL, True),
    "flags": ({}, edit_flags, FULL, True),
    "edited": ({"double": "def double(n):\n    return 0"}, edit_tests, SECOND_ONLY, True),
    "broken": ({}, break_metadata, FULL, True),
    "added": ({}, add_cells, FULL, False),
    "exits": ({"double": "import os\nos._exit(0)"}, None, SECOND_ONLY, False),
    "endless": ({"double": ENDLESS}, None, SECOND_ONLY, False),
    "liar": ({"double": LIAR}, None, SECOND_ONLY, False),
}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> CourseFolder:
    course = CourseFolder(tmp_path_factory.mktemp("table"))
    course.assign("ps1", "small", SMALL)
    released = course.released("ps1", "small")
    for student, (answers, change, _, _) in ROWS.items():
        work = answered(released, RIGHT | answers)
        if change is not None:
            change(work)
        course.submit(student, "ps1", "small", work)
    course.submit("idle", "ps1", "small", released)
    return course


@pytest.fixture(scope="module")
def run(course: CourseFolder) -> Run:
    return course.autograde("--jobs", "2")


def test_everybody_is_graded(run: Run) -> None:
    assert (run.status, complaints(run.errors)) == (0, [])
    assert [row["student"] for row in run.lines] == sorted([*ROWS, "idle"])


@pytest.mark.parametrize("student", ROWS)
def test_row(run: Run, student: str) -> None:
    _, _, scores, noted = ROWS[student]
    assert run.scores(student) == scores
    assert run.of(student)["score"] == sum(scores.values())
    assert run.of(student)["max_score"] == 8
    assert bool(run.of(student)["repairs"]) == noted


@pytest.mark.parametrize("student", ROWS)
def test_gradebook_says_the_same(course: CourseFolder, run: Run, student: str) -> None:
    with course.gradebook() as book:
        work = book.find_submission_notebook("small", "ps1", student)
        assert {grade.name: grade.auto_score for grade in work.grades} == ROWS[student][2]
        assert not work.needs_manual_grade
        assert work.score == run.of(student)["score"]


def test_starter_is_not_attempted(course: CourseFolder, run: Run) -> None:
    row = run.of("idle")
    assert (row["score"], {c["verdict"] for c in row["cells"]}) == (0, {"not-attempted"})
    with course.gradebook() as book:
        comments = {c.name: c.comment for c in book.find_submission_notebook("small", "ps1", "idle").comments}
    assert comments == {"double": "No response.", "squares": "No response."}


@pytest.mark.parametrize("step", ["autograded", "feedback"])
def test_hidden_tests_stay_hidden(course: CourseFolder, run: Run, step: str) -> None:
    for student in ROWS:
        text = course.everything(step, student)
        assert "double" in text
        assert MARK not in text
        assert "double(21)" not in text


def test_check_names_and_modes_are_told(run: Run) -> None:
    (first, _) = run.of("liar")["cells"]
    assert first["mode"] == "isolated"
    assert [check["hidden"] for check in first["checks"]] == [False, True]
    assert {check["verdict"] for check in first["checks"]} == {"failed"}
    (first, _) = run.of("endless")["cells"]
    assert first["verdict"] == "timeout"


def test_nbgrader_goes_on_from_there(course: CourseFolder, run: Run) -> None:
    course.nbgrader("generate_feedback", "ps1", "--force")
    assert MARK not in course.everything("feedback", "liar")
    course.nbgrader("export", "--to", str(course.root / "grades.csv"))
    rows = (course.root / "grades.csv").read_text().splitlines()
    assert len(rows) == 1 + len(ROWS) + 1
    assert "right" in course.nbgrader("db", "student", "list")


SCORES = notebook(
    answer("value", solved("def value():", "return 1")),
    tests("numpy", "import numpy as np\nassert value() == 1\nnp.float64(2.5)", 5),
    tests("false", "assert value() == 1\nFalse", 5),
    tests("nan", "assert value() == 1\nfloat('nan')", 5),
    tests("seven", "assert value() == 1\n7", 5),
    tests("negative", "assert value() == 1\n-1", 5),
    tests("integer", "assert value() == 1\n3", 5),
    tests("zero", "assert value() == 1\n0", 5),
    tests("text", "assert value() == 1\n'2'", 5),
)


def test_last_values_are_scores_by_value(tmp_path: Any) -> None:
    course = CourseFolder(tmp_path)
    course.assign("ps1", "scores", SCORES)
    right = {"value": "def value():\n    return 1"}
    course.submit("ada", "ps1", "scores", answered(course.released("ps1", "scores"), right))
    run = course.autograde()
    assert run.status == 0
    wanted = {"numpy": 2.5, "false": 5, "nan": None, "seven": 5, "negative": 0, "integer": 3, "zero": 0, "text": 5}
    assert run.scores("ada") == wanted
    verdicts = {c["id"]: c["verdict"] for c in run.of("ada")["cells"]}
    assert verdicts["nan"] == "grader-failed"
    with course.gradebook() as book:
        grades = {g.name: g for g in book.find_submission_notebook("scores", "ps1", "ada").grades}
        assert {name: grade.auto_score for name, grade in grades.items()} == wanted
        assert [name for name, grade in grades.items() if grade.needs_manual_grade] == ["nan"]
