"""The outlines of courses, asked for at the grader and kept.

An outline is asked for again when the log names an exercise or a version that it does not have,
once for each such name, and otherwise after a while. While the grader does not answer, the
outline at hand stays good.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

from nbcoach_exercises.errors import NbcoachError, NotFound, UnknownCourse, UpstreamFailed
from nbcoach_exercises.identifiers import SLUG
from nbcoach_hub.service import ServiceClient

from .graph import Graph

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Kept:
    graph: Graph | None
    until: float
    digest: bytes = b""
    """Of the outline that the graph was read from."""
    asked: set[tuple[str, str]] = field(default_factory=set)
    known: set[tuple[str, str]] = field(init=False)
    """What need not be asked for; worked out once, as courses may have thousands of exercises."""

    def __post_init__(self) -> None:
        exercises = self.graph.exercises.values() if self.graph is not None else ()
        self.known = self.asked | {(exercise.task.id, exercise.version) for exercise in exercises}


class Outlines:
    """The graphs of all courses that were asked for.

    Args:
        grader: where the outlines are.
        keep_seconds: after which time an outline is asked for again.

    """

    def __init__(self, grader: ServiceClient, *, keep_seconds: float = 60.0) -> None:
        self._grader = grader
        self._keep_seconds = keep_seconds
        self._kept: dict[str, _Kept] = {}
        self._locks: dict[str, asyncio.Lock] = {}

    async def graph(self, course: str, seen: frozenset[tuple[str, str]] = frozenset()) -> Graph:
        """Return the graph of a course.

        Args:
            course: its id.
            seen: exercises with versions that the log names and the graph should have.

        Raises:
            UnknownCourse: the grader has no such course.
            UpstreamFailed: no outline is kept, and the grader answered wrongly.
            Unavailable: no outline is kept, and the grader does not answer.

        """
        if SLUG.fullmatch(course) is None:
            raise UnknownCourse(course)
        async with self._locks.setdefault(course, asyncio.Lock()):
            kept = self._kept.get(course)
            new = seen - kept.known if kept is not None else seen
            if kept is None or new or time.monotonic() > kept.until:
                kept = await self._ask(course, kept, seen)
            if kept.graph is None:
                raise UnknownCourse(course)
            return kept.graph

    async def _ask(self, course: str, kept: _Kept | None, seen: frozenset[tuple[str, str]]) -> _Kept:
        try:
            graph, digest = await self._read(course, kept)
        except NotFound:
            graph, digest = None, b""
        except NbcoachError as err:
            # What the log names must be looked up before it is taken, so that failure is the caller's.
            if kept is None or seen - kept.known:
                raise
            log.warning("The outline of course %s could not be refreshed: %s", course, err.message)
            kept.until = time.monotonic() + self._keep_seconds
            return kept
        asked = (kept.asked if kept is not None else set()) | seen
        self._kept[course] = _Kept(graph, time.monotonic() + self._keep_seconds, digest, asked)
        return self._kept[course]

    async def _read(self, course: str, kept: _Kept | None) -> tuple[Graph, bytes]:
        """Return a course's graph, that at hand if its outline is the same, and the outline's digest."""
        before, known = (None, b"") if kept is None else (kept.graph, kept.digest)
        body, digest = await self._grader.get_changed(f"api/courses/{course}", known)
        if body is None:
            assert before is not None, "Only what was read has a digest."
            return before, digest
        try:
            return Graph.from_outline(body), digest
        except (KeyError, TypeError, ValueError) as err:
            raise UpstreamFailed(f"The grader's outline of course {course!r} is not readable.") from err
