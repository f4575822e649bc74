"""Scores for nbgrader's `gradebook.db`, through nbgrader's own API and by its own rules.

What a person gave (manual scores, extra credit, comments) is never touched; a cell that has a manual
score is marked for another look when it is graded again, as nbgrader does.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    GradeCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.preprocessors import AssignLatePenalties, SaveCells
from sqlalchemy.exc import SQLAlchemyError

from nbcoach_exercises.errors import InvalidCourse

from ..errors import GraderFailed
from .directory import Directory, option
from .masters import Master
from .results import GradedNotebook

NO_RESPONSE = "No response."


class GradebookFailed(GraderFailed):
    """The gradebook could not be read or written."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the gradebook says of a notebook: points had and possible by cell, comments by cell."""

    scores: Mapping[str, tuple[float, float]]
    comments: Mapping[str, str | None]
    late_penalty: float


class Scores:
    """An open gradebook.

    Args:
        directory: the course.

    Raises:
        GradebookFailed: it cannot be opened.

    """

    def __init__(self, directory: Directory) -> None:
        self._url = directory.paths.db_url
        self._config = directory.config
        course = directory.paths.course_id or "default_course"
        try:
            self._book = Gradebook(self._url, course)
        except (SQLAlchemyError, OSError, ValueError) as err:
            raise GradebookFailed(f"The gradebook {self._url} cannot be opened: {err}") from err
        self._book.db().expire_on_commit = False
        self._cells: list[Any] = []  # held, so that they are read once and not for each submission
        self._create_student = option(self._config, "Autograde", "create_student", True)
        self._penalties = AssignLatePenalties(config=self._config)
        self._penalties.init_plugin()

    def record(self, masters: Mapping[str, Master]) -> None:
        """Record an assignment's cells as `nbgrader generate_assignment` does.

        Raises:
            InvalidCourse: submissions are there, and other cells than theirs would be recorded.
            GradebookFailed: the gradebook refuses.

        """
        for master in masters.values():
            place = {"assignment": master.assignment, "notebook": master.name, "db_url": self._url}
            try:
                self._book.update_or_create_assignment(master.assignment)
                SaveCells(config=self._config).preprocess(master.recorded, {"nbgrader": place})
            except RuntimeError as err:
                raise InvalidCourse(f"{master.assignment}: {err}", assignment=master.assignment) from err
            except (SQLAlchemyError, ValueError) as err:
                raise GradebookFailed(f"The gradebook {self._url} refused {master.assignment}: {err}") from err
        self._cells = self._book.db.query(BaseCell).all()

    def save(
        self,
        student: str,
        assignment: str,
        timestamp: datetime.datetime | None,
        graded: Sequence[GradedNotebook],
        missing: Iterable[str],
    ) -> dict[str, Told]:
        """Save the scores of one submission; they last when `commit` has been called.

        Args:
            student: who handed it in.
            assignment: what it answers.
            timestamp: when it was handed in, if that is known.
            graded: the notebooks that were graded.
            missing: the notebooks that are not there; their cells come to nothing.

        Returns:
            What the gradebook now says, by notebook.

        Raises:
            GradebookFailed: the gradebook refuses.

        """
        try:
            submission = self._submission(student, assignment, timestamp)
            books = {book.notebook.name: book for book in submission.notebooks}
            for name in missing:
                for grade in books[name].grades:
                    grade.auto_score, grade.needs_manual_grade = 0, False
            for notebook in graded:
                _save(books[notebook.notebook], notebook)
                self._punish(books[notebook.notebook], submission, student)
            told = {notebook.notebook: _told(books[notebook.notebook]) for notebook in graded}
            self._book.db.flush()
        except (SQLAlchemyError, KeyError) as err:
            raise GradebookFailed(f"The scores of {student!r} could not be saved: {err}") from err
        return told

    def commit(self) -> None:
        """Make what was saved last.

        Raises:
            GradebookFailed: the gradebook refuses.

        """
        try:
            self._book.db.commit()
        except SQLAlchemyError as err:
            raise GradebookFailed(f"The scores could not be saved: {err}") from err

    def rollback(self) -> None:
        """Forget what was saved since the last commit."""
        self._book.db.rollback()

    def close(self) -> None:
        """Close the gradebook."""
        self._book.close()

    def _submission(self, student: str, assignment: str, timestamp: datetime.datetime | None) -> SubmittedAssignment:
        db = self._book.db
        found = (
            db.query(SubmittedAssignment)
            .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
            .filter(Assignment.name == assignment, SubmittedAssignment.student_id == student)
            .one_or_none()
        )
        if found is None:
            if db.get(Student, student) is None:
                if not self._create_student:
                    raise InvalidCourse(f"No student with the id {student!r} exists in the gradebook.")
                db.add(Student(id=student))
            with db.no_autoflush:
                found = _new_submission(self._book.find_assignment(assignment), student)
                db.add(found)
        if timestamp is not None:
            found.timestamp = timestamp
        return found

    def _punish(self, book: SubmittedNotebook, submission: SubmittedAssignment, student: str) -> None:
        """Take points for lateness as the configured plugin says."""
        book.late_submission_penalty = None
        late = submission.total_seconds_late
        if late > 0:
            self._book.db.flush()
            self._book.db.refresh(book, ["score"])
            penalty = self._penalties.plugin_inst.late_submission_penalty(student, book.score, late)
            if penalty is not None:
                book.late_submission_penalty = self._penalties._check_late_penalty(book, penalty)


def _new_submission(assignment: Assignment, student: str) -> SubmittedAssignment:
    """Mirror the cells of an assignment, as `Gradebook.add_submission` does, but without a commit of its own."""
    submission = SubmittedAssignment(assignment_id=assignment.id, assignment=assignment, student_id=student)
    for notebook in assignment.notebooks:
        book = SubmittedNotebook(notebook=notebook, assignment=submission)
        for cell in (*notebook.grade_cells, *notebook.task_cells):
            Grade(cell=cell, notebook=book)
        for cell in (*notebook.solution_cells, *notebook.task_cells):
            Comment(cell=cell, notebook=book)
    return submission


def _save(book: SubmittedNotebook, graded: GradedNotebook) -> None:
    cells = {cell.id: cell for cell in graded.cells}
    for grade in book.grades:
        if isinstance(grade.cell, GradeCell) and grade.cell.name in cells:
            grade.auto_score = cells[grade.cell.name].score
            grade.needs_manual_grade = grade.manual_score is not None or grade.auto_score is None
    for comment in book.comments:
        comment.auto_comment = NO_RESPONSE if comment.cell.name in graded.unanswered else None


def _told(book: SubmittedNotebook) -> Told:
    """Return what nbgrader would say of a notebook: a person's word goes first."""
    scores = {}
    for grade in book.grades:
        given = grade.auto_score if grade.manual_score is None else grade.manual_score
        extra = 0.0 if given is None else grade.extra_credit or 0.0
        scores[grade.cell.name] = ((given or 0.0) + extra, grade.cell.max_score)
    comments = {c.cell.name: c.auto_comment if c.manual_comment is None else c.manual_comment for c in book.comments}
    return Told(scores=scores, comments=comments, late_penalty=book.late_submission_penalty or 0.0)
