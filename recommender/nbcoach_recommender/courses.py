"""All courses at once: each entry of the log finds the coach of its course."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from nbcoach_exercises.errors import UnknownCourse
from nbcoach_exercises.events import Attempt, Logged

from .coach import Coach
from .graph import Graph
from .outline import Outlines


class Courses:
    """The coaches of all courses.

    A course that the grader does not know (now) has a coach with an empty graph, which keeps the
    entries until the course is there.

    Args:
        outlines: where the graphs come from.
        coach: makes a coach for a graph.

    """

    def __init__(self, outlines: Outlines, coach: Callable[[Graph], Coach]) -> None:
        self._outlines = outlines
        self._make = coach
        self._coaches: dict[str, Coach] = {}

    async def coach(self, course: str) -> Coach:
        """Return the coach of a course, with the course as it is now.

        Raises:
            UnknownCourse: there is none.
            UpstreamFailed: the grader answered wrongly, and the course was never seen.
            Unavailable: the grader does not answer, and the course was never seen.

        """
        return self._with(await self._outlines.graph(course))

    async def announce(self, entries: list[Logged]) -> None:
        """Look up what entries of the log name, before they are taken.

        Raises:
            UpstreamFailed: the grader answered wrongly.
            Unavailable: the grader does not answer.

        """
        named: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for logged in entries:
            seen = named[logged.entry.course]
            if isinstance(logged.entry, Attempt):
                seen.add((logged.entry.exercise, logged.entry.version))
        for course, seen in named.items():
            try:
                self._with(await self._outlines.graph(course, frozenset(seen)))
            except UnknownCourse:
                self._with(None, course)

    def take(self, logged: Logged) -> None:
        """Hand one announced entry to the coach of its course."""
        self._coaches[logged.entry.course].observe(logged.entry)

    def _with(self, graph: Graph | None, course: str = "") -> Coach:
        if graph is None:
            return self._coaches.setdefault(course, self._make(Graph.of(course, (), ())))
        known = self._coaches.get(graph.course)
        if known is None:
            known = self._coaches[graph.course] = self._make(graph)
        known.replace_graph(graph)
        return known
