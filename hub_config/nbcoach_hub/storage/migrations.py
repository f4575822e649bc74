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


def name_columns_alike(db: sqlite3.Connection) -> None:
    """Name key and number of each table alike, so that one statement serves them all."""
    db.execute("ALTER TABLE log RENAME COLUMN cursor TO number")
    db.execute("ALTER TABLE profiles RENAME COLUMN user TO key")
    for table in ("log", "submissions", "comments", "notifications"):
        db.execute(f"ALTER TABLE {table} RENAME COLUMN id TO key")


def find_comments_by_author(db: sqlite3.Connection) -> None:
    """Give comments their author as a column, so that a name can be taken out of them."""
    db.execute("ALTER TABLE comments ADD COLUMN author TEXT NOT NULL DEFAULT ''")
    db.execute("UPDATE comments SET author = json_extract(body, '$.author')")
    db.execute("CREATE INDEX comments_by_author ON comments (author, number)")


def keep_read_in_body(db: sqlite3.Connection) -> None:
    """Keep whether a notification was read where the rest of it is."""
    db.execute("UPDATE notifications SET body = json_set(body, '$.read', json(iif(unread, 'false', 'true')))")
    db.execute("ALTER TABLE notifications DROP COLUMN unread")


def create_audit(db: sqlite3.Connection) -> None:
    """Create the audit trail."""
    db.execute(
        "CREATE TABLE audit (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE,"
        " actor TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX audit_by_actor ON audit (actor, number)")
    db.execute("CREATE INDEX audit_by_subject ON audit (subject, number)")


MIGRATIONS: tuple[Migration, ...] = (
    create_log,
    create_profiles,
    create_submissions,
    create_state,
    create_comments,
    create_notifications,
    name_columns_alike,
    find_comments_by_author,
    keep_read_in_body,
    create_audit,
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
