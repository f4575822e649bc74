"""All courses at once: each entry of the log finds the coach of its course."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping

from nbcoach_exercises.errors import UnknownCourse
from nbcoach_exercises.events import Attempt, Erasure, Logged

from .coach import Coach
from .graph import Graph
from .models.ranking import Preferences
from .outline import Outlines
from .state import CourseState


class Courses:
    """The coaches of all courses.

    A course that the grader does not know (now) has a coach with an empty graph, which keeps the
    entries until the course is there.

    Args:
        outlines: where the graphs come from.
        coach: makes a coach for a graph.
        kept: the state of courses from before, which waits for their graphs.

    """

    def __init__(
        self, outlines: Outlines, coach: Callable[[Graph], Coach], kept: Mapping[str, CourseState] | None = None
    ) -> None:
        self._outlines = outlines
        self._make = coach
        self._kept = dict(kept or {})
        self._coaches: dict[str, Coach] = {}

    def all(self) -> list[Coach]:
        """Return the coaches that were made so far."""
        return list(self._coaches.values())

    def frozen(self) -> dict[str, CourseState]:
        """Return the state of all courses as it is now, whatever happens while it is written."""
        return self._kept | {
            name: CourseState(coach.journal.frozen(), dict(coach.preferences), coach.model.shifts())
            for name, coach in self._coaches.items()
        }

    def preferences(self, since: float) -> dict[str, Mapping[str, Preferences]]:
        """Return by course what learners asked for, as it is now.

        Left out are those who are not in the log, so that whoever was erased before the log told so is gone here too;
        but who asked since a moment may just not have begun.
        """
        found = {name: state.preferences for name, state in self._kept.items()}
        for name, coach in self._coaches.items():
            known = coach.journal.learners
            found[name] = {who: it for who, it in coach.preferences.items() if who in known or it.at >= since}
        return found

    async def coach(self, course: str) -> Coach:
        """Return the coach of a course, with the course as it is now.

        Raises:
            UnknownCourse: there is none.
            UpstreamFailed: the grader answered wrongly, and the course was never seen.
            Unavailable: the grader does not answer, and the course was never seen.

        """
        return self._with(await self._outlines.graph(course))

    async def of(self, learner: str) -> list[Coach]:
        """Return the coaches of the courses in which anything is kept about a learner.

        Raises:
            UpstreamFailed: the grader answered wrongly about a course that was never seen.
            Unavailable: the grader does not answer about a course that was never seen.

        """
        for name in [name for name, state in self._kept.items() if _knows(state, learner)]:
            try:
                await self.coach(name)
            except UnknownCourse:
                self._with(None, name)
        return [self._coaches[name] for name in sorted(self._coaches) if _knows(self._coaches[name], learner)]

    async def announce(self, entries: list[Logged]) -> None:
        """Look up what entries of the log name, before they are taken.

        Raises:
            UpstreamFailed: the grader answered wrongly.
            Unavailable: the grader does not answer.

        """
        named: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for logged in entries:
            if isinstance(logged.entry, Erasure):
                continue
            seen = named[logged.entry.course]
            if isinstance(logged.entry, Attempt):
                seen.add((logged.entry.exercise, logged.entry.version))
        for course, seen in named.items():
            try:
                self._with(await self._outlines.graph(course, frozenset(seen)))
            except UnknownCourse:
                self._with(None, course)

    def take(self, logged: Logged) -> None:
        """Hand one announced entry to the coach of its course; whoever was erased is forgotten in all of them."""
        entry = logged.entry
        if not isinstance(entry, Erasure):
            self._coaches[entry.course].observe(entry)
            return
        self._kept = {name: state.without(entry) for name, state in self._kept.items()}
        for coach in self._coaches.values():
            coach.forget(entry)

    def _with(self, graph: Graph | None, course: str = "") -> Coach:
        graph = graph or Graph.of(course, (), ())
        known = self._coaches.get(graph.course)
        if known is None:
            known = self._coaches[graph.course] = self._make(graph)
            kept = self._kept.pop(graph.course, None)
            if kept is not None:
                known.restore(kept.journal, kept.preferences, kept.shifts)
        elif graph.exercises or not known.graph.exercises:
            known.replace_graph(graph)
        return known


def _knows(course: Coach | CourseState, learner: str) -> bool:
    return learner in course.journal.learners or learner in course.preferences
