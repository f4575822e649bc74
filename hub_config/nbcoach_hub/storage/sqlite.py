"""The embedded store: one SQLite file, shared by the services of one machine.

Theory of operation: each process has one connection, used on one thread only, so statements
never interleave inside a transaction; between processes SQLite's own write lock does the same
(`BEGIN IMMEDIATE`, waiting up to ten seconds). Readers never wait in WAL mode. As only the holder
of the write lock gives out cursors, they become visible in rising order.

`synchronous=NORMAL` is the default: in WAL mode a commit survives the death of the process, and
the file stays sound after a power cut, which may cost the commits since the last checkpoint.
`FULL` closes that gap for one disk flush per commit; it is an option of the URL.
"""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from nbcoach_exercises.errors import Conflict, Unavailable
from nbcoach_exercises.events import Entry, Logged, entry_from_json, entry_to_json

from .abc import Store
from .migrations import migrate
from .records import Comment, Notification, Occasion, Profile, Submission

_BUSY_SECONDS = 10.0
_MAX_ROWS = 10_000
_Result = TypeVar("_Result")


class SqliteStore(Store):
    """Keep everything in one SQLite file."""

    def __init__(self, path: Path, *, synchronous: str = "normal") -> None:
        self._path = path
        self._synchronous = {"normal": "NORMAL", "full": "FULL"}[synchronous]
        self._thread: ThreadPoolExecutor | None = None
        self._db: sqlite3.Connection | None = None

    async def start(self) -> None:
        """Open the file, which is created readable for its owner only, and migrate it."""
        if self._thread is not None:
            return
        thread = ThreadPoolExecutor(1, thread_name_prefix="nbcoach-store")
        try:
            self._db = await asyncio.get_running_loop().run_in_executor(thread, self._connect)
        except (sqlite3.Error, OSError) as err:
            raise Unavailable(f"The store {self._path} cannot be opened: {err}") from err
        finally:
            if self._db is None:
                thread.shutdown(wait=False)
        self._thread = thread

    async def close(self) -> None:
        """Close the file after the calls that have begun."""
        thread, self._thread = self._thread, None
        db, self._db = self._db, None
        if thread is not None and db is not None:
            await asyncio.get_running_loop().run_in_executor(thread, db.close)
            thread.shutdown(wait=True)

    async def append(self, entry: Entry) -> Logged:
        """Append an entry to the log; for an id that is in the log, return what is there."""
        body = entry_to_json(entry)
        row = (entry.id, body["type"], entry.learner, entry.course, entry.exercise, entry.cell, _dump(body))

        def work(db: sqlite3.Connection) -> Logged:
            found = db.execute(
                "INSERT INTO log (id, type, learner, course, exercise, cell, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO NOTHING RETURNING cursor",
                row,
            ).fetchone()
            if found is not None:
                return Logged(found[0], entry)
            return _logged(db.execute("SELECT cursor, body FROM log WHERE id = ?", (entry.id,)).fetchall())[0]

        return await self._write(work)

    async def log(self, after: int = 0, limit: int = 500) -> list[Logged]:
        """Return up to `limit` entries with a cursor above `after`, in rising order."""
        return await self._rows(
            _logged, "SELECT cursor, body FROM log WHERE cursor > ? ORDER BY cursor LIMIT ?", after, _bounded(limit)
        )

    async def latest_attempts(self, learner: str, course: str) -> list[Logged]:
        """Return the newest attempt of each exercise and cell, in rising order."""
        return await self._rows(
            _logged,
            "SELECT cursor, body FROM log WHERE cursor IN (SELECT max(cursor) FROM log"
            " WHERE learner = ? AND course = ? AND type = 'attempt' GROUP BY exercise, cell) ORDER BY cursor",
            learner,
            course,
        )

    async def attempts(self, learner: str, course: str, exercise: str, limit: int = 100) -> list[Logged]:
        """Return a learner's attempts at an exercise, newest first."""
        return await self._rows(
            _logged,
            "SELECT cursor, body FROM log WHERE learner = ? AND course = ? AND exercise = ? AND type = 'attempt'"
            " ORDER BY cursor DESC LIMIT ?",
            learner,
            course,
            exercise,
            _bounded(limit),
        )

    async def history(self, learner: str, after: int = 0, limit: int = 500) -> list[Logged]:
        """Return up to `limit` entries about one learner with a cursor above `after`, in rising order."""
        return await self._rows(
            _logged,
            "SELECT cursor, body FROM log WHERE learner = ? AND cursor > ? ORDER BY cursor LIMIT ?",
            learner,
            after,
            _bounded(limit),
        )

    async def profile(self, user: str) -> Profile | None:
        """Return a user's profile, or None."""
        return await self._rows(_profile, "SELECT body FROM profiles WHERE user = ?", user)

    async def put_profile(self, profile: Profile) -> None:
        """Write a profile as a whole."""
        await self._write(
            lambda db: db.execute(
                "INSERT INTO profiles (user, body) VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET body = excluded.body",
                (profile.user, _dump(asdict(profile))),
            )
        )

    async def delete_profile(self, user: str) -> bool:
        """Delete a profile and return whether there was one."""
        return await self._write(lambda db: db.execute("DELETE FROM profiles WHERE user = ?", (user,)).rowcount > 0)

    async def submit(self, submission: Submission) -> Submission:
        """Keep a submission; for an id that was submitted before, return what is there."""
        row = (submission.id, submission.learner, submission.course, submission.exercise)

        def work(db: sqlite3.Connection) -> Submission:
            db.execute(
                "INSERT INTO submissions (id, learner, course, exercise, body) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO NOTHING",
                (*row, _dump(asdict(submission))),
            )
            kept = db.execute("SELECT body FROM submissions WHERE id = ?", (submission.id,)).fetchone()
            return _submissions([kept])[0]

        return await self._write(work)

    async def submissions(
        self, learner: str, course: str | None = None, exercise: str | None = None
    ) -> list[Submission]:
        """Return a learner's submissions, newest first, of all courses and exercises or of the given ones."""
        return await self._rows(
            _submissions,
            "SELECT body FROM submissions WHERE learner = ?1 AND (?2 IS NULL OR course = ?2)"
            " AND (?3 IS NULL OR exercise = ?3) ORDER BY number DESC",
            learner,
            course,
            exercise,
        )

    async def submission(self, submission: str) -> Submission | None:
        """Return a submission by id, or None."""
        found = await self._rows(_submissions, "SELECT body FROM submissions WHERE id = ?", submission)
        return found[0] if found else None

    async def class_submissions(self, course: str, exercise: str, limit: int = 500) -> list[Submission]:
        """Return everybody's submissions of an exercise, newest first."""
        return await self._rows(
            _submissions,
            "SELECT body FROM submissions WHERE course = ? AND exercise = ? ORDER BY number DESC LIMIT ?",
            course,
            exercise,
            _bounded(limit),
        )

    async def regrade(self, submission: Submission) -> bool:
        """Replace version, points and verdicts of a submission; return whether there was one."""

        def work(db: sqlite3.Connection) -> bool:
            found = db.execute("SELECT body FROM submissions WHERE id = ?", (submission.id,)).fetchall()
            for kept in _submissions(found):
                changed = replace(
                    kept,
                    version=submission.version,
                    points=submission.points,
                    max_points=submission.max_points,
                    verdicts=submission.verdicts,
                )
                db.execute("UPDATE submissions SET body = ? WHERE id = ?", (_dump(asdict(changed)), submission.id))
            return bool(found)

        return await self._write(work)

    async def comment(self, comment: Comment) -> Comment:
        """Keep a comment; for an id that is there, return what is there."""
        row = (comment.id, comment.learner, comment.course, comment.exercise, _dump(asdict(comment)))

        def work(db: sqlite3.Connection) -> Comment:
            db.execute(
                "INSERT INTO comments (id, learner, course, exercise, body) VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO NOTHING",
                row,
            )
            return _comments(db.execute("SELECT body FROM comments WHERE id = ?", (comment.id,)).fetchall())[0]

        return await self._write(work)

    async def comments(self, learner: str, course: str | None = None, exercise: str | None = None) -> list[Comment]:
        """Return the comments on a learner's submissions, oldest first."""
        return await self._rows(
            _comments,
            "SELECT body FROM comments WHERE learner = ?1 AND (?2 IS NULL OR course = ?2)"
            " AND (?3 IS NULL OR exercise = ?3) ORDER BY number",
            learner,
            course,
            exercise,
        )

    async def notify(self, notification: Notification) -> bool:
        """Keep a notification; return False for an id that is there."""
        row = (notification.id, notification.learner, int(not notification.read), _dump(asdict(notification)))
        return await self._write(
            lambda db: (
                db.execute(
                    "INSERT INTO notifications (id, learner, unread, body) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT (id) DO NOTHING",
                    row,
                ).rowcount
                > 0
            )
        )

    async def notifications(self, learner: str, limit: int = 100) -> list[Notification]:
        """Return a learner's notifications, newest first."""
        return await self._rows(
            _notifications,
            "SELECT unread, body FROM notifications WHERE learner = ? ORDER BY number DESC LIMIT ?",
            learner,
            _bounded(limit),
        )

    async def mark_read(self, learner: str, notifications: Collection[str]) -> int:
        """Mark a learner's notifications as read, and return how many had been unread."""
        return await self._write(
            lambda db: (
                db.execute(
                    "UPDATE notifications SET unread = 0 WHERE learner = ? AND unread = 1"
                    " AND id IN (SELECT value FROM json_each(?))",
                    (learner, json.dumps(list(notifications))),
                ).rowcount
            )
        )

    async def get_state(self, name: str) -> tuple[int, bytes] | None:
        """Return the revision and the data kept under a name, or None."""
        return await self._rows(_state, "SELECT revision, data FROM state WHERE name = ?", name)

    async def put_state(self, name: str, data: bytes, revision: int) -> int:
        """Keep data under a name if its revision is still `revision`, and return the new one."""

        def work(db: sqlite3.Connection) -> int:
            if revision == 0:
                done = db.execute(
                    "INSERT INTO state (name, revision, data) VALUES (?, 1, ?) ON CONFLICT (name) DO NOTHING",
                    (name, data),
                )
            else:
                done = db.execute(
                    "UPDATE state SET revision = revision + 1, data = ? WHERE name = ? AND revision = ?",
                    (data, name, revision),
                )
            if done.rowcount != 1:
                raise Conflict(f"The state {name!r} was changed by somebody else.", name=name, revision=revision)
            return revision + 1

        return await self._write(work)

    async def erase(self, learner: str) -> int:
        """Delete all that is kept of a learner for good, and return how many records."""

        def work(db: sqlite3.Connection) -> int:
            profiles = db.execute("DELETE FROM profiles WHERE user = ?", (learner,)).rowcount
            of_learner = ("submissions", "comments", "notifications", "log")
            return profiles + sum(
                db.execute(f"DELETE FROM {table} WHERE learner = ?", (learner,)).rowcount  # noqa: S608 - fixed names
                for table in of_learner
            )

        count = await self._write(work)
        # The write-ahead log still holds the old pages until it is emptied; another reader may delay that.
        with suppress(Unavailable):
            await self._rows(len, "PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def _connect(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))
        db = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=True)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute(f"PRAGMA synchronous = {self._synchronous}")
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA secure_delete = ON")
            migrate(db, str(self._path))
        except BaseException:
            db.close()
            raise
        return db

    async def _rows(self, read: Callable[[list[Any]], _Result], statement: str, *values: Any) -> _Result:
        """Run a query, and `read` its rows on the store's thread too: decoding costs more than the query."""
        return await self._call(lambda db: read(db.execute(statement, values).fetchall()))

    async def _write(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        def transaction(db: sqlite3.Connection) -> _Result:
            db.execute("BEGIN IMMEDIATE")
            try:
                result = work(db)
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            return result

        return await self._call(transaction)

    async def _call(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        thread, db = self._thread, self._db
        if thread is None or db is None:
            raise Unavailable("The store is not open.")
        try:
            return await asyncio.get_running_loop().run_in_executor(thread, work, db)
        except sqlite3.Error as err:
            raise Unavailable(f"The store cannot be used now ({type(err).__name__}).") from err


def _bounded(limit: int) -> int:
    return max(0, min(limit, _MAX_ROWS))


def _dump(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=datetime.isoformat)


def _logged(rows: Sequence[tuple[int, str]]) -> list[Logged]:
    return [Logged(cursor, entry_from_json(json.loads(body))) for cursor, body in rows]


def _profile(rows: Sequence[tuple[str]]) -> Profile | None:
    for (body,) in rows:
        fields = json.loads(body)
        known = {"goals": tuple(fields["goals"]), "updated": datetime.fromisoformat(fields["updated"])}
        return Profile(**{**fields, **known})
    return None


def _submissions(rows: Sequence[tuple[str]]) -> list[Submission]:
    return [Submission(**_timed(body, "at", "due")) for (body,) in rows]


def _comments(rows: Sequence[tuple[str]]) -> list[Comment]:
    return [Comment(**_timed(body, "at")) for (body,) in rows]


def _notifications(rows: Sequence[tuple[int, str]]) -> list[Notification]:
    bodies = [_timed(body, "at") | {"read": not unread} for unread, body in rows]
    return [Notification(**body | {"kind": Occasion(body["kind"])}) for body in bodies]


def _timed(body: str, *names: str) -> dict[str, Any]:
    """Read a record with timestamps in some of its fields."""
    fields: dict[str, Any] = json.loads(body)
    return fields | {name: datetime.fromisoformat(fields[name]) for name in names if fields.get(name)}


def _state(rows: Sequence[tuple[int, bytes]]) -> tuple[int, bytes] | None:
    return (rows[0][0], bytes(rows[0][1])) if rows else None
