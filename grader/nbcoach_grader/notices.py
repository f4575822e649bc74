"""Notices: what learners should know is kept in the store, and told at once to those who are connected.

Theory of operation. A notification is written first and sent afterwards, so one that is sent can be
listed. Who is connected to another replica of the grader, or to none, finds it in the list that the
front end fetches whenever its socket opens.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nbcoach_exercises.errors import NotFound
from nbcoach_exercises.wire import Notice
from nbcoach_hub.storage import Notification, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbcoach_exercises.catalogue import Catalogue

log = logging.getLogger(__name__)

Tell = Callable[[Notice], None]


class Notices:
    """Notify learners.

    Args:
        store: where notifications are kept until they are read.
        catalogue: returns the courses, for the titles of exercises.

    """

    def __init__(self, store: Store, catalogue: Callable[[], Catalogue]) -> None:
        self._store = store
        self._catalogue = catalogue
        self._listeners: dict[str, list[Tell]] = {}

    @contextmanager
    def listening(self, learner: str, tell: Tell) -> Iterator[None]:
        """Tell a learner's notifications to a callback as they come."""
        self._listeners.setdefault(learner, []).append(tell)
        try:
            yield
        finally:
            self._listeners[learner].remove(tell)
            if not self._listeners[learner]:
                del self._listeners[learner]

    async def notify(self, notification: Notification) -> bool:
        """Keep a notification and tell who listens; one that is kept already is not told again."""
        if not await self._store.notify(notification):
            return False
        for tell in tuple(self._listeners.get(notification.learner, ())):
            tell(self._notice(notification))
        return True

    async def of(self, learner: str) -> list[Notice]:
        """Return a learner's notifications, newest first."""
        return [self._notice(kept) for kept in await self._store.notifications(learner)]

    async def mark_read(self, learner: str, notifications: Collection[str]) -> int:
        """Mark a learner's notifications as read, and return how many had been unread."""
        return await self._store.mark_read(learner, notifications)

    def _notice(self, kept: Notification) -> Notice:
        try:
            title = self._catalogue().course(kept.course).exercise(kept.exercise).title
        except NotFound:  # it has been taken out of the course
            title = kept.exercise
        return Notice(
            id=kept.id,
            course=kept.course,
            exercise=kept.exercise,
            kind=kept.kind,
            title=title,
            detail=dict(kept.detail),
            read=kept.read,
            at=kept.at.isoformat(),
        )
