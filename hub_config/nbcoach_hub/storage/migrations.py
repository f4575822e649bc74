"""The layout of the SQLite store, as named steps: each runs once, in order, and wholly or not at all.

A step is never edited after a release; a change is a new step at the end. The names of the steps
a database has had are kept in it, so a database from a newer nbcoach is recognised.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from nbcoach_exercises.identifiers import now

from .errors import IncompatibleStore

Migration = Callable[[sqlite3.Connection], None]


def create_log(db: sqlite3.Connection) -> None:
    """Create the append-only log; AUTOINCREMENT never gives a cursor twice, even after an erasure."""
    db.execute(
        "CREATE TABLE log (cursor INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,"
        " learner TEXT NOT NULL, course TEXT NOT NULL, exercise TEXT NOT NULL, cell TEXT, body TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX log_by_learner ON log (learner, course, exercise, cell, cursor)")


def create_profiles(db: sqlite3.Connection) -> None:
    """Create the users' profiles."""
    db.execute("CREATE TABLE profiles (user TEXT PRIMARY KEY, body TEXT NOT NULL) STRICT, WITHOUT ROWID")


def create_submissions(db: sqlite3.Connection) -> None:
    """Create the submissions; `number` is their order of arrival."""
    db.execute(
        "CREATE TABLE submissions (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
        " learner TEXT NOT NULL, course TEXT NOT NULL, exercise TEXT NOT NULL, body TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX submissions_by_learner ON submissions (learner, course, exercise, number)")


def create_comments(db: sqlite3.Connection) -> None:
    """Create the comments on submissions; `number` is their order of arrival."""
    db.execute(
        "CREATE TABLE comments (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
        " learner TEXT NOT NULL, course TEXT NOT NULL, exercise TEXT NOT NULL, body TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX comments_by_learner ON comments (learner, course, exercise, number)")
    db.execute("CREATE INDEX submissions_by_exercise ON submissions (course, exercise, number)")


def create_notifications(db: sqlite3.Connection) -> None:
    """Create the notifications; `unread` changes, nothing else does."""
    db.execute(
        "CREATE TABLE notifications (number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE,"
        " learner TEXT NOT NULL, unread INTEGER NOT NULL, body TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX notifications_by_learner ON notifications (learner, number)")


def create_state(db: sqlite3.Connection) -> None:
    """Create the named states with their revisions."""
    db.execute(
        "CREATE TABLE state (name TEXT PRIMARY KEY, revision INTEGER NOT NULL, data BLOB NOT NULL)"
        " STRICT, WITHOUT ROWID"
    )


MIGRATIONS: tuple[Migration, ...] = (
    create_log,
    create_profiles,
    create_submissions,
    create_state,
    create_comments,
    create_notifications,
)


def migrate(db: sqlite3.Connection, place: str, steps: tuple[Migration, ...] = MIGRATIONS) -> list[str]:
    """Bring a database up to date in one transaction, and return the names of the steps that ran.

    Raises:
        IncompatibleStore: the database has had steps that are not among these.

    """
    db.execute("BEGIN IMMEDIATE")
    try:
        db.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT")
        had = {name for (name,) in db.execute("SELECT name FROM migrations")}
        unknown = sorted(had - {step.__name__ for step in steps})
        if unknown:
            raise IncompatibleStore(place, unknown)
        ran = [step for step in steps if step.__name__ not in had]
        for step in ran:
            step(db)
            db.execute("INSERT INTO migrations (name, at) VALUES (?, ?)", (step.__name__, now().isoformat()))
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
    return [step.__name__ for step in ran]
