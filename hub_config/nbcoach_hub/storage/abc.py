"""The contract of a store. One test file, `tests/contract/test_store.py`, holds every backend to it.

Order: cursors rise in the order in which entries become visible, so a reader that keeps the last
cursor it saw misses nothing and sees nothing twice. They need not be dense and are never reused.
Durability: what a method has returned survives `kill -9` of this process.
Repeats: every write has a key under which a repeat is harmless.
Errors: `Unavailable` when the store cannot be reached or is not started, `Conflict` as noted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from types import TracebackType
from typing import Self

from nbcoach_exercises.events import Entry, Logged

from .records import Comment, Notification, Profile, Submission


class Store(ABC):
    """Keep what nbcoach must not forget, and forget what it must."""

    @abstractmethod
    async def start(self) -> None:
        """Open the store and bring its layout up to date; idempotent.

        Raises:
            IncompatibleStore: the data was written by a newer nbcoach.
            Unavailable: the store cannot be reached.

        """

    @abstractmethod
    async def close(self) -> None:
        """Close the store once all begun calls are done; idempotent."""

    @abstractmethod
    async def append(self, entry: Entry) -> Logged:
        """Append an entry to the log; for an id that is in the log, return what is there."""

    @abstractmethod
    async def log(self, after: int = 0, limit: int = 500) -> list[Logged]:
        """Return up to `limit` entries with a cursor above `after`, in rising order."""

    @abstractmethod
    async def latest_attempts(self, learner: str, course: str) -> list[Logged]:
        """Return the newest attempt of each exercise and cell, in rising order."""

    @abstractmethod
    async def attempts(self, learner: str, course: str, exercise: str, limit: int = 100) -> list[Logged]:
        """Return a learner's attempts at an exercise, newest first."""

    @abstractmethod
    async def history(self, learner: str, after: int = 0, limit: int = 500) -> list[Logged]:
        """Return up to `limit` entries about one learner with a cursor above `after`, in rising order."""

    @abstractmethod
    async def profile(self, user: str) -> Profile | None:
        """Return a user's profile, or None."""

    @abstractmethod
    async def put_profile(self, profile: Profile) -> None:
        """Write a profile as a whole."""

    @abstractmethod
    async def delete_profile(self, user: str) -> bool:
        """Delete a profile and return whether there was one."""

    @abstractmethod
    async def submit(self, submission: Submission) -> Submission:
        """Keep a submission; for an id that was submitted before, return what is there."""

    @abstractmethod
    async def submissions(
        self, learner: str, course: str | None = None, exercise: str | None = None
    ) -> list[Submission]:
        """Return a learner's submissions, newest first, of all courses and exercises or of the given ones."""

    @abstractmethod
    async def submission(self, submission: str) -> Submission | None:
        """Return a submission by id, or None."""

    @abstractmethod
    async def class_submissions(self, course: str, exercise: str, limit: int = 500) -> list[Submission]:
        """Return everybody's submissions of an exercise, newest first."""

    @abstractmethod
    async def regrade(self, submission: Submission) -> bool:
        """Replace what a submission came to: version, points and verdicts; return whether there was one.

        Who handed in what, and when, stays as it was.
        """

    @abstractmethod
    async def comment(self, comment: Comment) -> Comment:
        """Keep a comment; for an id that is there, return what is there."""

    @abstractmethod
    async def comments(self, learner: str, course: str | None = None, exercise: str | None = None) -> list[Comment]:
        """Return the comments on a learner's submissions, oldest first."""

    @abstractmethod
    async def notify(self, notification: Notification) -> bool:
        """Keep a notification; return False for an id that is there, which stays as it is."""

    @abstractmethod
    async def notifications(self, learner: str, limit: int = 100) -> list[Notification]:
        """Return a learner's notifications, newest first."""

    @abstractmethod
    async def mark_read(self, learner: str, notifications: Collection[str]) -> int:
        """Mark a learner's notifications as read, by id, and return how many had been unread."""

    @abstractmethod
    async def get_state(self, name: str) -> tuple[int, bytes] | None:
        """Return the revision and the data kept under a name, or None."""

    @abstractmethod
    async def put_state(self, name: str, data: bytes, revision: int) -> int:
        """Keep data under a name, and return its new revision.

        Args:
            name: the key.
            data: the new value.
            revision: the one that was read, 0 for a name that was not there.

        Raises:
            Conflict: somebody else wrote in between.

        """

    @abstractmethod
    async def erase(self, learner: str) -> int:
        """Delete a learner's profile, submissions, comments on them, notifications and log entries for good.

        Returns how many records there were.
        """

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
