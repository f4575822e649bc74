"""Running again: after a kill, over what people graded, and late work."""

from __future__ import annotations

import asyncio
import datetime
import shutil
import subprocess
from pathlib import Path
from typing import Any

import nbgrader.api
import pytest
from course_folders import RIGHT, SMALL, CourseFolder, answered, cell, notebook

from nbcoach_grader.engine.engine import Engine
from nbcoach_grader.engine.plan import Begun, Outcome, Plan, nothing
from nbcoach_grader.errors import EngineFailed
from nbcoach_grader.nbgrader_course import autograde
from nbcoach_grader.nbgrader_course.directory import Directory
from nbcoach_grader.nbgrader_course.gradebook import GradebookFailed, Scores, newest_version
from nbcoach_grader.nbgrader_course.masters import read_masters

MANUAL = notebook(
    *SMALL["cells"],
    cell("Explain.", "essay", kind="markdown", points=3, solution=True),
    cell("Draw.", "task", kind="markdown", points=2, grade=False, task=True),
)
ESSAYS = {"ada": "Because.", "eve": "YOUR ANSWER HERE"}


@pytest.fixture
def course(tmp_path: Path) -> CourseFolder:
    course = CourseFolder(tmp_path / "course")
    course.assign("ps1", "small", MANUAL)
    for student, essay in ESSAYS.items():
        course.submit(student, "ps1", "small", answered(course.released("ps1", "small"), RIGHT | {"essay": essay}))
    return course


def states(course: CourseFolder) -> dict[tuple[str, str], tuple[Any, ...]]:
    with course.gradebook() as book:
        works = [book.find_submission_notebook("small", "ps1", student) for student in ESSAYS]
        return {
            (work.student.id, grade.name): (grade.auto_score, grade.manual_score, grade.needs_manual_grade)
            for work in works
            for grade in work.grades
        }


def test_manual_cells_wait_for_a_person_and_keep_what_he_gave(course: CourseFolder) -> None:
    run = course.autograde()
    assert run.status == 0
    assert (run.of("ada")["score"], run.of("ada")["max_score"]) == (8, 13)
    told = {c["id"]: (c["score"], c["verdict"], c["mode"]) for c in run.of("ada")["cells"]}
    assert told["essay"] == told["task"] == (None, "manual", "manual")
    first = states(course)
    assert first["ada", "essay"] == (None, None, True)
    assert first["eve", "essay"] == (0, None, False)
    assert first["ada", "task"] == (None, None, True)
    with course.gradebook() as book:
        essay = book.find_grade("essay", "small", "ps1", "ada")
        essay.manual_score, essay.extra_credit, essay.needs_manual_grade = 2, 0.5, False
        book.find_comment("essay", "small", "ps1", "ada").manual_comment = "well <i>said</i>"
        double = book.find_grade("double-tests", "small", "ps1", "ada")
        double.manual_score, double.needs_manual_grade = 3, False
        book.db.commit()
    assert course.autograde("--student", "ada").status == 0
    again = states(course)
    assert again["ada", "essay"] == (None, 2, True)
    assert again["ada", "double-tests"] == (4, 3, True)
    assert {k: v for k, v in again.items() if k[0] == "eve"} == {k: v for k, v in first.items() if k[0] == "eve"}
    page = (course.root / "feedback/ada/ps1/small.html").read_text()
    assert "well <i>said</i>" in page
    assert "(Score: 9.5 / 13.0)" in page


def test_killed_run_is_completed_by_the_next(course: CourseFolder, tmp_path: Path) -> None:
    for number in range(6):
        shutil.copytree(course.root / "submitted/ada", course.root / f"submitted/more{number}")
    whole = tmp_path / "whole"
    shutil.copytree(course.root, whole)
    with subprocess.Popen(course.command("--jobs", "1"), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.kill()
    run = course.autograde()
    other = CourseFolder(whole)
    assert other.autograde().status == run.status == 0
    assert states(course) == states(other)
    assert files(course.root) == files(whole)


def files(root: Path) -> dict[str, int]:
    kept = [path for step in ("autograded", "feedback") for path in (root / step).rglob("*") if path.is_file()]
    return {str(path.relative_to(root)): path.stat().st_mode for path in kept}


def test_late_work_is_punished_as_configured(tmp_path: Path) -> None:
    course = CourseFolder(tmp_path, "c.LateSubmissionPlugin.penalty_method = 'zero'\n")
    course.assign("ps1", "small", SMALL)
    with course.gradebook() as book:
        book.add_assignment("ps1", duedate=datetime.datetime(2026, 1, 10))
    for student, day in (("early", "09"), ("late", "11")):
        path = course.submit(student, "ps1", "small", answered(course.released("ps1", "small"), RIGHT))
        (path.parent / "timestamp.txt").write_text(f"2026-01-{day} 10:00:00 UTC")
    assert course.autograde().status == 0
    with course.gradebook() as book:
        penalties = {
            student: book.find_submission_notebook("small", "ps1", student).late_submission_penalty
            for student in ("early", "late")
        }
    assert penalties == {"early": None, "late": 8}
    assert "Late submission penalty" in (course.root / "feedback/late/ps1/small.html").read_text()


def test_an_assignments_cells_are_recorded_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = CourseFolder(tmp_path)
    course.assign("ps1", "small", SMALL)

    def full(*_: object, **__: object) -> None:
        raise ValueError("disk full")

    monkeypatch.setattr(nbgrader.api, "get_alembic_version", newest_version)
    monkeypatch.setattr(nbgrader.api.Gradebook, "update_or_create_source_cell", full)
    directory = Directory(tmp_path)
    scores = Scores(directory)
    with pytest.raises(GradebookFailed, match="disk full"):
        scores.record(read_masters(directory, "ps1"))
    scores.close()
    with course.gradebook() as book:
        assert book.find_assignment("ps1").notebooks == []


def test_a_new_gradebook_is_of_the_version_that_nbgrader_says() -> None:
    assert newest_version() == nbgrader.api.get_alembic_version()


class Failing(Engine):
    """An engine that breaks over some learners' work."""

    async def run(self, plan: Plan, begun: Begun = nothing) -> Outcome:
        if plan.learner.startswith("lost"):
            raise EngineFailed("A process was lost.")
        if plan.learner.startswith("odd"):
            raise RecursionError("too deep")
        return await super().run(plan, begun)


@pytest.mark.parametrize("lost", [1, 12])
def test_work_over_which_the_grader_fails_keeps_nobody_else_from_a_grade(course: CourseFolder, lost: int) -> None:
    failing = ["odd", *(f"lost{number}" for number in range(lost))]
    for student in failing:
        own = RIGHT | {"double": f"{RIGHT['double']}\n# {student}"}
        course.submit(student, "ps1", "small", answered(course.released("ps1", "small"), own))
    directory, summary, told = Directory(course.root), autograde.Summary(), list[str]()
    task = autograde.plan(directory, None, None, summary)
    engine = Failing()
    grading = autograde.run(directory, task, engine, summary, lambda books: told.extend(b.student for b in books))
    if lost > 8:
        with pytest.raises(EngineFailed):
            asyncio.run(grading)
        return
    asyncio.run(grading)
    assert told == ["ada", "eve"]
    assert [line.partition("submitted/")[2] for line in sorted(summary.failed)] == [
        "lost0/ps1 was not graded: A process was lost.",
        "odd/ps1 was not graded: RecursionError.",
    ]
    assert not (course.root / "autograded/odd").exists()
