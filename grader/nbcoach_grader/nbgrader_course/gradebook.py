"""Scores for nbgrader's `gradebook.db`, through nbgrader's own API and by its own rules.

What a person gave (manual scores, extra credit, comments) is never touched; a cell that has a manual
score is marked for another look when it is graded again, as nbgrader does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.api import Gradebook, GradeCell, SubmittedAssignment
from nbgrader.converters import Autograde
from nbgrader.dbutil import ALEMBIC_DIR
from nbgrader.preprocessors import AssignLatePenalties, SaveCells
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from nbcoach_exercises.errors import InvalidCourse

from ..errors import GraderFailed
from .directory import Directory, option
from .masters import Master
from .results import Finished, GradedNotebook
from .rows import (
    AssignmentCells,
    BookRows,
    Key,
    SubmissionRows,
    add_students,
    assignment_cells,
    read_submissions,
    write_submissions,
)

NO_RESPONSE = "No response."
_NAMES = "revision", "down_revision"
_VERSION = re.compile(r"^(revision|down_revision) = ['\"](\w+)", re.MULTILINE)


def newest_version() -> str:
    """Return the version of a new gradebook, the one that no other revises.

    nbgrader asks another program, which takes seconds to load nbgrader; even to load alembic takes long.
    """
    texts = [path.read_text("utf-8") for path in Path(ALEMBIC_DIR, "versions").glob("*.py")]
    said = [match.groups() for text in texts for match in _VERSION.finditer(text)]
    versions, revised = ({version for name, version in said if name == wanted} for wanted in _NAMES)
    (newest,) = versions - revised
    return newest


class GradebookFailed(GraderFailed):
    """The gradebook could not be read or written."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the gradebook says of a notebook: points had and possible by cell, comments by cell."""

    scores: Mapping[str, tuple[float, float]]
    comments: Mapping[str, str | None]
    late_penalty: float


class _SaveCells(SaveCells):  # type: ignore[misc]
    """nbgrader's recording of a notebook, which lasts as a whole: a commit for each cell takes longer than its rows."""

    def _create_notebook(self, nb: NotebookNode) -> None:
        session = self.gradebook.db()
        commit, session.commit = session.commit, session.flush
        super()._create_notebook(nb)
        commit()


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
            raise GradebookFailed(f"The gradebook {self._url} cannot be opened: {_reason(err)}") from err
        self._book.db().expire_on_commit = False
        self._cells: dict[str, AssignmentCells] = {}
        self._create_student = option(self._config, "Autograde", "create_student", True)
        self._penalties = AssignLatePenalties(config=self._config)
        self._penalties.init_plugin()
        steps = Autograde(coursedir=directory.paths, config=self._config).autograde_preprocessors
        self._penalizes = AssignLatePenalties in steps

    def record(self, masters: Mapping[str, Master]) -> None:
        """Record an assignment's cells as `nbgrader generate_assignment` does.

        Raises:
            InvalidCourse: submissions are there, and other cells than theirs would be recorded.
            GradebookFailed: the gradebook refuses.

        """
        changed = set()
        for master in masters.values():
            place = {"assignment": master.assignment, "notebook": master.name, "db_url": self._url}
            try:
                self._book.update_or_create_assignment(master.assignment)
                _SaveCells(config=self._config).preprocess(master.recorded, {"nbgrader": place})
            except RuntimeError as err:
                raise InvalidCourse(f"{master.assignment}: {err}", assignment=master.assignment) from err
            except (SQLAlchemyError, ValueError) as err:
                raise GradebookFailed(f"The gradebook {self._url} refused {master.assignment}: {_reason(err)}") from err
            changed.add(master.assignment)
        self._cells |= {name: assignment_cells(self._book.find_assignment(name)) for name in changed}

    def save(self, finished: Sequence[Finished]) -> list[dict[str, Told]]:
        """Save the scores of some submissions; they last when `commit` has been called.

        Returns:
            What the gradebook now says of each, by notebook.

        Raises:
            InvalidCourse: a student is not known, and none are to be created.
            GradebookFailed: the gradebook refuses.

        """
        db = self._book.db()
        try:
            add_students(db, dict.fromkeys(work.student for work in finished), create=self._create_student)
            keys = {(work.assignment, work.student): work for work in finished}
            submissions = read_submissions(db, keys, self._cells)
            for key, work in keys.items():
                _decide(submissions[key], work)
            write_submissions(db, submissions, self._cells)
            penalties = self._punish(submissions)
        except (SQLAlchemyError, KeyError) as err:
            students = ", ".join(repr(work.student) for work in finished)
            raise GradebookFailed(f"The scores of {students} could not be saved: {_reason(err)}") from err
        return [
            {
                notebook.notebook: _told(book, penalties.get(book.id, 0.0))
                for notebook in work.notebooks
                for book in [submissions[work.assignment, work.student].books[notebook.notebook]]
            }
            for work in finished
        ]

    def commit(self) -> None:
        """Make what was saved last.

        Raises:
            GradebookFailed: the gradebook refuses.

        """
        try:
            self._book.db.commit()
        except SQLAlchemyError as err:
            raise GradebookFailed(f"The scores could not be saved: {_reason(err)}") from err

    def rollback(self) -> None:
        """Forget what was saved since the last commit."""
        self._book.db.rollback()

    def close(self) -> None:
        """Close the gradebook."""
        self._book.close()

    def _punish(self, submissions: Mapping[Key, SubmissionRows]) -> dict[str, float]:
        """Take points for lateness as the configured plugin says, and return them by notebook."""
        if not self._penalizes:
            return {}
        db = self._book.db()
        due = {
            rows.id: {book.id for book in rows.books.values() if book.graded}
            for (name, _), rows in submissions.items()
            if self._cells[name].assignment.duedate is not None
        }
        taken: dict[str, float] = {}
        query = select(SubmittedAssignment).where(SubmittedAssignment.id.in_(due))
        for submission in db.scalars(query) if due else ():
            late = submission.total_seconds_late
            if late <= 0:
                continue
            for book in submission.notebooks:
                if book.id in due[submission.id]:
                    penalty = self._penalties.plugin_inst.late_submission_penalty(
                        submission.student_id, book.score, late
                    )
                    if penalty is not None:
                        book.late_submission_penalty = self._penalties._check_late_penalty(book, penalty)
                        taken[book.id] = book.late_submission_penalty
        db.flush()
        return taken


def _reason(err: Exception) -> str:
    """Return what the database itself says, without the statement and its values."""
    said = str(getattr(err, "orig", None) or err)
    return f"{said}. Another program is using it; run this again when that has finished." if "locked" in said else said


def _decide(submission: SubmissionRows, work: Finished) -> None:
    submission.timestamp = work.timestamp
    for name in work.missing:
        book = submission.books[name]
        book.graded = True
        for grade in book.grades:
            grade["auto_score"], grade["needs_manual_grade"] = 0, False
    for notebook in work.notebooks:
        _score(submission.books[notebook.notebook], notebook)


def _score(book: BookRows, graded: GradedNotebook) -> None:
    book.graded = True
    scores = {cell.id: cell.score for cell in graded.cells}
    for grade in book.grades:
        cell = book.cells.graded[grade["cell_id"]]
        if isinstance(cell, GradeCell) and cell.name in scores:
            grade["auto_score"] = scores[cell.name]
            grade["needs_manual_grade"] = grade["manual_score"] is not None or grade["auto_score"] is None
    for comment in book.comments:
        name = book.cells.commented[comment["cell_id"]].name
        comment["auto_comment"] = NO_RESPONSE if name in graded.unanswered else None


def _told(book: BookRows, late_penalty: float) -> Told:
    """Return what nbgrader would say of a notebook: a person's word goes first."""
    scores = {}
    for grade in book.grades:
        cell = book.cells.graded[grade["cell_id"]]
        given = grade["auto_score"] if grade["manual_score"] is None else grade["manual_score"]
        extra = 0.0 if given is None else grade["extra_credit"] or 0.0
        scores[cell.name] = ((given or 0.0) + extra, cell.max_score)
    comments = {
        book.cells.commented[comment["cell_id"]].name: comment["auto_comment"]
        if comment["manual_comment"] is None
        else comment["manual_comment"]
        for comment in book.comments
    }
    return Told(scores=scores, comments=comments, late_penalty=late_penalty)
