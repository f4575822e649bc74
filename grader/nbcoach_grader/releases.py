"""Releases: a course's folder is read anew, and learners hear of exercises that are new or have changed.

Theory of operation. The versions that learners have been told of are kept in the store under
`released/<course>`. What the catalogue holds is compared with them at the start of the service and after each
reading; the first time, nothing is told. Notifications carry ids made from learner, exercise and version, so a
comparison that was interrupted, or that two replicas make, tells nobody twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from nbcoach_exercises.catalogue import Catalogue, read_course
from nbcoach_exercises.errors import Conflict, NbcoachError
from nbcoach_exercises.events import Attempt
from nbcoach_exercises.model import Course
from nbcoach_hub.storage import Notification, Occasion, Store, work_hash

from .grading import Grading
from .notices import Notices
from .roster import Roster

log = logging.getLogger(__name__)

_PAUSES = (1.0, 5.0, 30.0)


class Releases:
    """Read courses anew, and announce what has changed.

    Args:
        folder: the folder of all courses.
        grading: holds the catalogue.
        store: remembers what was announced.
        notices: tells learners.
        roster: knows who learns a course.

    """

    def __init__(self, folder: Path, grading: Grading, store: Store, notices: Notices, roster: Roster) -> None:
        self._folder = folder
        self._grading = grading
        self._store = store
        self._notices = notices
        self._roster = roster
        self._lock = asyncio.Lock()

    async def release(self, course: str) -> dict[str, list[str]]:
        """Read a course's folder anew and announce what has changed in it.

        Returns:
            the exercises that are `released` and `updated`.

        Raises:
            UnknownCourse: there is no such course.
            InvalidCourse: the folder contradicts itself; the course stays as it was.

        """
        async with self._lock:
            self._grading.catalogue.course(course)
            read = await asyncio.to_thread(read_course, self._folder / course)
            others = (known for known in self._grading.catalogue if known.id != course)
            self._grading.catalogue = Catalogue(sorted([*others, read], key=lambda known: known.id))
        return await self.announce(read)

    async def announce_all(self) -> None:
        """Announce what has changed while the service was down; the hub may still be starting."""
        for course in self._grading.catalogue:
            for pause in (*_PAUSES, None):
                try:
                    await self.announce(course)
                except NbcoachError as err:
                    log.warning("Changes of a course cannot be announced now: %s", err.message)
                    if pause is None:
                        break  # the next start compares again
                    await asyncio.sleep(pause)
                else:
                    break

    async def announce(self, course: Course) -> dict[str, list[str]]:
        """Tell learners of exercises whose version differs from what they have been told of, and remember it."""
        name = f"released/{course.id}"
        present = {exercise.id: exercise.version for exercise in course.exercises.values()}
        kept = await self._store.get_state(name)
        known: dict[str, str] = json.loads(kept[1]) if kept else present
        released = [exercise for exercise in present if exercise not in known]
        updated = [exercise for exercise, version in present.items() if known.get(exercise, version) != version]
        if released or updated:
            for learner in await self._roster.learners(course.id):
                await self._tell(course, learner, released, updated)
        if kept is None or known != present:
            try:
                await self._store.put_state(name, json.dumps(present).encode(), kept[0] if kept else 0)
            except Conflict:
                log.info("Another replica has announced the changes of a course.")
        return {"released": released, "updated": updated}

    async def _tell(self, course: Course, learner: str, released: list[str], updated: list[str]) -> None:
        """Tell one learner: of new exercises always, of changed ones where he has worked on them."""
        tried = await self._store.latest_attempts(learner, course.id) if updated else []
        begun = {logged.entry.exercise for logged in tried if isinstance(logged.entry, Attempt)}
        told = [(exercise, Occasion.RELEASED) for exercise in released]
        told += [(exercise, Occasion.UPDATED) for exercise in updated if exercise in begun]
        for exercise, kind in told:
            version = course.exercises[exercise].version
            identity = work_hash({"learner": learner, "course": course.id, "exercise": exercise, "version": version})
            await self._notices.notify(
                Notification(
                    id=identity[:32],
                    learner=learner,
                    course=course.id,
                    exercise=exercise,
                    kind=kind,
                    detail={"version": version},
                )
            )
