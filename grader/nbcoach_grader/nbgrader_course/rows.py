"""Rows: submissions as the gradebook holds them, read and written many at a time by nbgrader's models.

An object of the models for each row would take most of the time that writing takes.
"""

from __future__ import annotations

import datetime
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Notebook,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    new_uuid,
)
from sqlalchemy import Insert, Update, insert, select, update
from sqlalchemy.orm import Session

from nbcoach_exercises.errors import InvalidCourse

Key = tuple[str, str]
"""An assignment and a student."""


@dataclass(frozen=True, kw_only=True)
class NotebookCells:
    """A notebook of an assignment: its cells that get a grade, and those that get a comment, by their ids."""

    id: str
    graded: Mapping[str, BaseCell]
    commented: Mapping[str, BaseCell]


@dataclass(frozen=True, kw_only=True)
class AssignmentCells:
    """An assignment, and its notebooks by name."""

    assignment: Assignment
    notebooks: Mapping[str, NotebookCells]


@dataclass(kw_only=True)
class BookRows:
    """A learner's notebook: whether it was graded, and its grades and comments by columns."""

    id: str
    cells: NotebookCells
    graded: bool = False
    grades: list[dict[str, Any]] = field(default_factory=list)
    comments: list[dict[str, Any]] = field(default_factory=list)


@dataclass(kw_only=True)
class SubmissionRows:
    """A submission, which is new where the gradebook has none, and its notebooks by name."""

    id: str
    new: bool
    timestamp: datetime.datetime | None = None
    books: dict[str, BookRows] = field(default_factory=dict)


def assignment_cells(assignment: Assignment) -> AssignmentCells:
    """Return what an assignment consists of."""
    return AssignmentCells(
        assignment=assignment,
        notebooks={
            notebook.name: NotebookCells(
                id=notebook.id,
                graded={cell.id: cell for cell in (*notebook.grade_cells, *notebook.task_cells)},
                commented={cell.id: cell for cell in (*notebook.solution_cells, *notebook.task_cells)},
            )
            for notebook in assignment.notebooks
        },
    )


def add_students(db: Session, students: Collection[str], *, create: bool) -> None:
    """Add whoever the gradebook does not know yet.

    Raises:
        InvalidCourse: somebody is not known, and none are to be created.

    """
    known = set(db.scalars(select(Student.id).where(Student.id.in_(students))))
    unknown = [student for student in students if student not in known]
    if unknown and not create:
        raise InvalidCourse(f"No student with the id {unknown[0]!r} exists in the gradebook.")
    _each(db, insert(Student.__table__), [{"id": student} for student in unknown])


def read_submissions(
    db: Session, keys: Collection[Key], cells: Mapping[str, AssignmentCells]
) -> dict[Key, SubmissionRows]:
    """Return submissions as the gradebook has them, and new ones as `Gradebook.add_submission` makes them."""
    query = (
        select(Assignment.name, SubmittedAssignment.student_id, SubmittedAssignment.id)
        .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
        .where(Assignment.name.in_({name for name, _ in keys}))
        .where(SubmittedAssignment.student_id.in_({student for _, student in keys}))
    )
    found = {
        (name, student): SubmissionRows(id=identity, new=False)
        for name, student, identity in db.execute(query)
        if (name, student) in keys
    }
    if found:
        _read_books(db, found, cells)
    return {key: found.get(key) or _new(cells[key[0]]) for key in keys}


def _read_books(db: Session, submissions: Mapping[Key, SubmissionRows], cells: Mapping[str, AssignmentCells]) -> None:
    owners = {rows.id: (rows, cells[name].notebooks) for (name, _), rows in submissions.items()}
    books: dict[str, BookRows] = {}
    query = (
        select(SubmittedNotebook.id, SubmittedNotebook.assignment_id, Notebook.name)
        .join(Notebook, Notebook.id == SubmittedNotebook.notebook_id)
        .where(SubmittedNotebook.assignment_id.in_(owners))
    )
    for identity, owner, name in db.execute(query):
        rows, notebooks = owners[owner]
        rows.books[name] = books[identity] = BookRows(id=identity, cells=notebooks[name])
    for row in db.execute(
        select(Grade.id, Grade.notebook_id, Grade.cell_id, Grade.auto_score, Grade.manual_score, Grade.extra_credit)
        .add_columns(Grade.needs_manual_grade)
        .where(Grade.notebook_id.in_(books))
    ).mappings():
        books[row["notebook_id"]].grades.append(dict(row))
    for row in db.execute(
        select(Comment.id, Comment.notebook_id, Comment.cell_id, Comment.auto_comment, Comment.manual_comment).where(
            Comment.notebook_id.in_(books)
        )
    ).mappings():
        books[row["notebook_id"]].comments.append(dict(row))


def _new(cells: AssignmentCells) -> SubmissionRows:
    submission = SubmissionRows(id=new_uuid(), new=True)
    for name, notebook in cells.notebooks.items():
        book = submission.books[name] = BookRows(id=new_uuid(), cells=notebook)
        grade = {"auto_score": None, "manual_score": None, "extra_credit": None, "needs_manual_grade": True}
        comment = {"auto_comment": None, "manual_comment": None}
        book.grades = [{"notebook_id": book.id, "cell_id": cell, **grade} for cell in notebook.graded]
        book.comments = [{"notebook_id": book.id, "cell_id": cell, **comment} for cell in notebook.commented]
    return submission


def write_submissions(
    db: Session, submissions: Mapping[Key, SubmissionRows], cells: Mapping[str, AssignmentCells]
) -> None:
    """Add submissions that are new, and write what has been decided on the others."""
    new = {key: rows for key, rows in submissions.items() if rows.new}
    owned = [(rows, book) for rows in new.values() for book in rows.books.values()]
    _each(
        db,
        insert(SubmittedAssignment.__table__),
        [
            {
                "id": rows.id,
                "assignment_id": cells[name].assignment.id,
                "student_id": student,
                "timestamp": rows.timestamp,
            }
            for (name, student), rows in new.items()
        ],
    )
    _each(
        db,
        insert(SubmittedNotebook.__table__),
        [{"id": book.id, "assignment_id": rows.id, "notebook_id": book.cells.id} for rows, book in owned],
    )
    _each(db, insert(Grade.__table__), [grade for _, book in owned for grade in book.grades])
    _each(db, insert(Comment.__table__), [comment for _, book in owned for comment in book.comments])

    old = [rows for rows in submissions.values() if not rows.new]
    books = [book for rows in old for book in rows.books.values() if book.graded]
    times = [{"id": rows.id, "timestamp": rows.timestamp} for rows in old if rows.timestamp is not None]
    _each(db, update(SubmittedAssignment), times)
    _each(db, update(SubmittedNotebook), [{"id": book.id, "late_submission_penalty": None} for book in books])
    _each(db, update(Grade), [_only(row, "auto_score", "needs_manual_grade") for book in books for row in book.grades])
    _each(db, update(Comment), [_only(row, "auto_comment") for book in books for row in book.comments])


def _only(row: Mapping[str, Any], *columns: str) -> dict[str, Any]:
    return {name: row[name] for name in ("id", *columns)}


def _each(db: Session, statement: Insert | Update, rows: Sequence[Mapping[str, Any]]) -> None:
    """Execute a statement for rows; without any it would mean something else."""
    if rows:
        db.execute(statement, rows)
