"""A course's graph as arrays, so that thousands of exercises are judged at once."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from .graph import Graph

Floats = NDArray[np.float64]


class SkillMap:
    """A course's graph as arrays: rows are exercises or skills in the course's order."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.place = {skill: number for number, skill in enumerate(graph.skills)}
        self.names = list(graph.exercises)
        self.exercise_place = {name: number for number, name in enumerate(graph.exercises)}
        self.requires = [
            np.array([self.place[other] for other in graph.builds_on[skill]], np.intp) for skill in graph.skills
        ]
        self.skills = [
            np.array([self.place[skill] for skill in exercise.task.skills if skill in self.place], np.intp)
            for exercise in graph.exercises.values()
        ]
        self._involved: dict[tuple[int, ...], NDArray[np.intp]] = {}

    @cached_property
    def opened_by(self) -> csr_matrix:
        """For each skill, those that build on it directly."""
        pairs = [(int(before), skill) for skill, needed in enumerate(self.requires) for before in needed]
        return _matrix(pairs, (len(self.place), len(self.place)))

    @cached_property
    def required(self) -> csr_matrix:
        """For each skill, those it builds on directly."""
        return self.opened_by.T.tocsr()

    @cached_property
    def practised_by(self) -> csr_matrix:
        """For each skill, its exercises."""
        return self.practises.T.tocsr()

    @cached_property
    def exercises_per_skill(self) -> Floats:
        """How many exercises each skill has."""
        found: Floats = np.diff(self.practised_by.indptr).astype(float)
        return found

    @cached_property
    def practises(self) -> csr_matrix:
        """For each exercise, its skills."""
        pairs = [(number, int(skill)) for number, skills in enumerate(self.skills) for skill in skills]
        return _matrix(pairs, (len(self.skills), len(self.place)))

    @cached_property
    def needs(self) -> csr_matrix:
        """For each exercise, the skills that come before it."""
        pairs = [
            (number, self.place[skill])
            for number, name in enumerate(self.graph.exercises)
            for skill in self.graph.prerequisites[name]
        ]
        return _matrix(pairs, (len(self.skills), len(self.place)))

    @cached_property
    def minutes(self) -> Floats:
        """Minutes that each exercise takes."""
        return np.array([exercise.minutes for exercise in self.graph.exercises.values()], float)

    @cached_property
    def difficulty(self) -> Floats:
        """The author's difficulty of each exercise, the middle where there is none."""
        grades = (exercise.task.difficulty for exercise in self.graph.exercises.values())
        return np.array([3 if grade is None else grade for grade in grades], float)

    @cached_property
    def _before(self) -> list[NDArray[np.intp]]:
        """For each skill, itself and all that it builds on."""
        found: list[NDArray[np.intp]] = []
        for skill in range(len(self.place)):
            seen, waiting = {skill}, [skill]
            while waiting:
                for other in self.requires[waiting.pop()].tolist():
                    if other not in seen:
                        seen.add(other)
                        waiting.append(other)
            found.append(np.array(sorted(seen), np.intp))
        return found

    def involved(self, exercise: int) -> NDArray[np.intp]:
        """Return the skills of the exercise at a place, and all that they build on; worked out once."""
        skills = tuple(self.skills[exercise].tolist())
        found = self._involved.get(skills)
        if found is None:
            found = self._involved[skills] = self.before(skills)
        return found

    def sharing(self, exercise: int) -> NDArray[np.intp]:
        """Return the exercises that share a skill with the one at a place, itself among them if it has any."""
        rows, starts = self.practised_by.indices, self.practised_by.indptr
        parts = [rows[starts[skill] : starts[skill + 1]] for skill in self.skills[exercise].tolist()]
        return parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts)) if parts else np.array([], np.intp)

    def exercises_of(self, skill: int) -> tuple[str, ...]:
        """Return the exercises of a skill, given by its place."""
        return self.graph.practised_by[self._names[skill]]

    @cached_property
    def _names(self) -> list[str]:
        return list(self.place)

    def before(self, skills: Iterable[int]) -> NDArray[np.intp]:
        """Return some skills and all that they build on."""
        parts = [self._before[skill] for skill in skills]
        return parts[0] if len(parts) == 1 else np.unique(np.concatenate(parts)) if parts else np.array([], np.intp)


def _matrix(pairs: list[tuple[int, int]], shape: tuple[int, int]) -> csr_matrix:
    rows = np.array([row for row, _ in pairs], np.intp)
    columns = np.array([column for _, column in pairs], np.intp)
    return csr_matrix((np.ones(len(pairs)), (rows, columns)), shape=shape)
