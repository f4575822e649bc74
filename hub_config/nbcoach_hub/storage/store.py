"""Where services keep what must not be forgotten, over any backend.

Order, durability, repeats and errors are those of the backend, see `abc`. Fields that are named as
`sealed` in `records` are encrypted here, on their way to any backend.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import replace
from datetime import timedelta
from types import TracebackType
from typing import Self, TypeVar

from nbcoach_exercises.events import Entry, Erasure, Logged
from nbcoach_exercises.identifiers import new_id, now

from .abc import MAX_ROWS, Backend
from .codec import Codec, edited, entry_row, logged
from .keyring import Keyring
from .records import Audited, AuditEntry, Comment, Export, Notification, Profile, Submission
from .tables import AUDIT, COMMENTS, LOG, NOTIFICATIONS, PROFILES, SUBMISSIONS, TABLES, Row, Table

_FEW = 16
_ERASURES_KEPT = timedelta(days=30)
"""Whoever follows the log and has not come by for so long has to read it anew from its start."""
_Result = TypeVar("_Result")


class Store:
    """Keep what nbcoach must not forget, and forget what it must.

    Args:
        backend: where rows are kept.
        keyring: what encrypts the sealed fields; an empty one leaves them readable.

    """

    def __init__(self, backend: Backend, keyring: Keyring | None = None) -> None:
        self._backend = backend
        self._codec = Codec(keyring or Keyring())

    async def start(self) -> None:
        """Open the store and bring its layout up to date; idempotent.

        Raises:
            IncompatibleStore: the data was written by a newer nbcoach.
            Unavailable: the store cannot be reached.

        """
        await self._backend.start()

    async def close(self) -> None:
        """Close the store once all begun calls are done; idempotent."""
        await self._backend.close()

    async def ping(self) -> None:
        """Return if the store answers now; for health checks.

        Raises:
            Unavailable: it does not.

        """
        await self._backend.ping()

    # -- the log ------------------------------------------------------------------------------

    async def append(self, entry: Entry) -> Logged:
        """Append an entry to the log; for an id that is in the log, return what is there."""
        row = entry_row(entry)
        kept, fresh = await self._backend.insert(LOG, row)
        return Logged(kept.number, entry) if fresh else logged(kept)

    async def log(self, after: int = 0, limit: int = 500) -> list[Logged]:
        """Return up to `limit` entries with a cursor above `after`, in rising order."""
        return await _each(logged, await self._backend.find(LOG, {}, after=after, limit=limit))

    async def latest_attempts(self, learner: str, course: str, exercise: str | None = None) -> list[Logged]:
        """Return the newest attempt of each exercise and cell, or of one exercise's cells, in rising order."""
        where = {"learner": learner, "course": course, "type": "attempt", **_given(exercise=exercise)}
        return await _each(logged, await self._backend.latest(LOG, where, ("exercise", "cell")))

    async def attempts(self, learner: str, course: str, exercise: str, limit: int = 100) -> list[Logged]:
        """Return a learner's attempts at an exercise, newest first."""
        where = {"learner": learner, "course": course, "exercise": exercise, "type": "attempt"}
        return await _each(logged, await self._backend.find(LOG, where, newest=True, limit=limit))

    async def history(self, learner: str, after: int = 0, limit: int = 500) -> list[Logged]:
        """Return up to `limit` entries about one learner with a cursor above `after`, in rising order."""
        return await _each(logged, await self._backend.find(LOG, {"learner": learner}, after=after, limit=limit))

    # -- profiles -----------------------------------------------------------------------------

    async def profile(self, user: str) -> Profile | None:
        """Return a user's profile, or None."""
        rows = await self._backend.find(PROFILES, {"key": user})
        return self._codec.record(Profile, rows[0]) if rows else None

    async def put_profile(self, profile: Profile) -> None:
        """Write a profile as a whole."""
        await self._backend.put(PROFILES, self._codec.row(profile))

    async def delete_profile(self, user: str) -> bool:
        """Delete a profile and return whether there was one."""
        return await self._backend.delete(PROFILES, {"key": user}) > 0

    # -- submissions --------------------------------------------------------------------------

    async def submit(self, submission: Submission) -> Submission:
        """Keep a submission; for an id that was submitted before, return what is there."""
        kept, _ = await self._backend.insert(SUBMISSIONS, self._codec.row(submission))
        return self._submission(kept)

    async def submission(self, submission: str) -> Submission | None:
        """Return the submission of an id, whosever it is, or None."""
        rows = await self._backend.find(SUBMISSIONS, {"key": submission})
        return self._submission(rows[0]) if rows else None

    async def submissions(
        self, learner: str, course: str | None = None, exercise: str | None = None
    ) -> list[Submission]:
        """Return a learner's submissions, newest first, of all courses and exercises or of the given ones."""
        return await self._submissions(_given(learner=learner, course=course, exercise=exercise), MAX_ROWS)

    async def newest_submissions(self, learner: str, course: str) -> list[Submission]:
        """Return a learner's newest submission of each exercise of a course, oldest first."""
        where = {"learner": learner, "course": course}
        return await _each(self._submission, await self._backend.latest(SUBMISSIONS, where, ("exercise",)))

    async def class_submissions(self, course: str, exercise: str, limit: int = 500) -> list[Submission]:
        """Return everybody's submissions of an exercise, newest first."""
        return await self._submissions({"course": course, "exercise": exercise}, limit)

    async def regrade(self, submission: Submission) -> bool:
        """Replace what a submission came to: version, points, verdicts and scores; return whether there was one.

        Who handed in what, and when, stays as it was.
        """
        while rows := await self._backend.find(SUBMISSIONS, {"key": submission.id}):
            changed = replace(
                self._submission(rows[0]),
                version=submission.version,
                points=submission.points,
                max_points=submission.max_points,
                verdicts=submission.verdicts,
                scores=submission.scores,
            )
            if await self._backend.swap(SUBMISSIONS, rows[0], self._codec.row(changed)):
                return True
        return False

    async def comment(self, comment: Comment) -> Comment:
        """Keep a comment; for an id that is there, return what is there."""
        kept, _ = await self._backend.insert(COMMENTS, self._codec.row(comment))
        return self._comment(kept)

    async def comments(self, learner: str, course: str | None = None, exercise: str | None = None) -> list[Comment]:
        """Return the comments on a learner's submissions, oldest first."""
        where = _given(learner=learner, course=course, exercise=exercise)
        return await _each(self._comment, await self._backend.find(COMMENTS, where))

    # -- notifications ------------------------------------------------------------------------

    async def notify(self, notification: Notification) -> bool:
        """Keep a notification; return False for an id that is there, which stays as it is."""
        return (await self._backend.insert(NOTIFICATIONS, self._codec.row(notification)))[1]

    async def notifications(self, learner: str, limit: int = 100) -> list[Notification]:
        """Return a learner's notifications, newest first."""
        rows = await self._backend.find(NOTIFICATIONS, {"learner": learner}, newest=True, limit=limit)
        return await _each(self._notification, rows)

    async def mark_read(self, learner: str, notifications: Collection[str]) -> int:
        """Mark a learner's notifications as read, by id, and return how many had been unread."""
        count = 0
        for one in notifications:
            for row in await self._backend.find(NOTIFICATIONS, {"learner": learner, "key": one}):
                item = self._notification(row)
                if not item.read:
                    count += await self._backend.swap(NOTIFICATIONS, row, self._codec.row(replace(item, read=True)))
        return count

    # -- the audit trail ----------------------------------------------------------------------

    async def audit(self, entry: AuditEntry) -> Audited:
        """Append an entry to the audit trail; for an id that is there, return what is there."""
        kept, _ = await self._backend.insert(AUDIT, self._codec.row(entry))
        return self._audited(kept)

    async def audit_trail(
        self, user: str | None = None, *, before: int | None = None, limit: int = 100
    ) -> list[Audited]:
        """Return up to `limit` entries, newest first.

        Args:
            user: only what this user did, or what was done to him.
            before: only entries with a lower number, for the next page.
            limit: how many.

        """
        if user is None:
            return await _each(
                self._audited, await self._backend.find(AUDIT, {}, before=before, newest=True, limit=limit)
            )
        found = {
            row.number: row
            for column in ("actor", "subject")
            for row in await self._backend.find(AUDIT, {column: user}, before=before, newest=True, limit=limit)
        }
        newest = [found[number] for number in sorted(found, reverse=True)]
        return await _each(self._audited, newest[: max(0, limit)])

    # -- states -------------------------------------------------------------------------------

    async def get_state(self, name: str) -> tuple[int, bytes] | None:
        """Return the revision and the data kept under a name, or None."""
        return await self._backend.get_state(name)

    async def put_state(self, name: str, data: bytes, revision: int) -> int:
        """Keep data under a name, and return its new revision.

        Args:
            name: the key.
            data: the new value.
            revision: the one that was read, 0 for a name that was not there.

        Raises:
            Conflict: somebody else wrote in between.

        """
        return await self._backend.put_state(name, data, revision)

    # -- everything about one user ------------------------------------------------------------

    async def export(self, user: str) -> Export:
        """Return everything that is kept about a user, for himself."""
        entries = [item.entry for item in await _each(logged, await self._all(LOG, "learner", user))]
        submissions = await _each(self._submission, await self._all(SUBMISSIONS, "learner", user))
        comments = await _each(self._comment, await self._all(COMMENTS, "learner", user))
        notifications = await _each(self._notification, await self._all(NOTIFICATIONS, "learner", user))
        return Export(
            user=user,
            profile=await self.profile(user),
            entries=tuple(entries),
            submissions=tuple(submissions),
            comments=tuple(comments),
            notifications=tuple(notifications),
            audit=tuple(self._audited(row).entry for row in await self._about(user)),
        )

    async def erase(self, learner: str) -> int:
        """Delete what is kept about a user for good, and return how many records.

        Gone are his profile, submissions with their comments, notifications and log entries. What
        others still need stays without his name: comments that he wrote on others' work, and the
        audit trail, where a random pseudonym stands for him and the details of its entries go.
        An entry of the log, without the name, lets those who follow it forget him too.
        Can be repeated; one that was interrupted is completed.
        """
        count = await self._backend.delete(PROFILES, {"key": learner})
        for table in (COMMENTS, SUBMISSIONS, NOTIFICATIONS, LOG):
            count += await self._backend.delete(table, {"learner": learner})
        pseudonym = f"erased-{new_id()[:12]}"
        for row in await self._all(COMMENTS, "author", learner):
            count += await self._backend.swap(COMMENTS, row, edited(row, {"author": pseudonym}))
        for row in await self._about(learner):
            names = {column: pseudonym for column, name in row.columns.items() if name == learner}
            count += await self._backend.swap(AUDIT, row, edited(row, names, without_sealed={"detail": {}}))
        await self._drop_old_erasures()
        await self.append(Erasure.of(learner))
        await self._backend.scrub()
        return count

    # -- all of it ----------------------------------------------------------------------------

    async def reseal(self) -> int:
        """Encrypt every sealed field with the newest key, and return how many records changed.

        Works beside running services. A record that changes meanwhile is left to its writer and
        taken up by the next call, so repeat until it returns 0.
        """
        count = 0
        async for name, row in self._backend.dump():
            table = next((table for table in TABLES if table.name == name), None)
            body = self._codec.resealed(table, row) if table is not None and row.key else None
            if table is not None and body is not None:
                count += await self._backend.swap(table, row, replace(row, body=body))
        await self._backend.scrub()
        return count

    def dump(self) -> AsyncIterator[tuple[str, Row]]:
        """Yield every row as it is kept, sealed fields sealed; see `Backend.dump`."""
        return self._backend.dump()

    async def load(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Write rows that `dump` yielded into a store that nobody else uses.

        Raises:
            Conflict: a row is there already.

        """
        await self._backend.load(rows)

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _submissions(self, where: dict[str, str], limit: int) -> list[Submission]:
        return await _each(self._submission, await self._backend.find(SUBMISSIONS, where, newest=True, limit=limit))

    async def _all(self, table: Table, column: str, value: str) -> list[Row]:
        rows: list[Row] = []
        while page := await self._backend.find(table, {column: value}, after=rows[-1].number if rows else 0):
            rows += page
        return rows

    async def _drop_old_erasures(self) -> None:
        for row in await self._all(LOG, "type", "erasure"):
            if logged(row).entry.at < now() - _ERASURES_KEPT:
                await self._backend.delete(LOG, {"key": row.key})

    async def _about(self, user: str) -> list[Row]:
        """Return the rows of the audit trail that name a user, oldest first."""
        found = {row.number: row for column in ("actor", "subject") for row in await self._all(AUDIT, column, user)}
        return [found[number] for number in sorted(found)]

    def _submission(self, row: Row) -> Submission:
        return self._codec.record(Submission, row)

    def _comment(self, row: Row) -> Comment:
        return self._codec.record(Comment, row)

    def _notification(self, row: Row) -> Notification:
        return self._codec.record(Notification, row)

    def _audited(self, row: Row) -> Audited:
        return Audited(row.number, self._codec.record(AuditEntry, row))


def _given(**columns: str | None) -> dict[str, str]:
    return {name: value for name, value in columns.items() if value is not None}


async def _each(read: Callable[[Row], _Result], rows: Sequence[Row]) -> list[_Result]:
    """Read rows; many of them beside the loop, which has others to serve."""
    if len(rows) <= _FEW:
        return [read(row) for row in rows]
    return await asyncio.to_thread(lambda: [read(row) for row in rows])
