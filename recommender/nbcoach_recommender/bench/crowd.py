"""A big course and a crowd of learners, drawn with a seed, to measure serving on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..graph import Exercise, Graph, Skill
from ..journal import ATTEMPT, ROW, Journal
from ..models.abc import Answer, Task

_BEGIN = 1.7e9
_HOUR = 3600.0
_FAILED, _PASSED = 2, 0


def big_course(exercises: int, random: np.random.Generator) -> Graph:
    """Return a course with a skill for every twenty exercises, each on top of one or two earlier ones."""
    count = max(1, exercises // 20)
    skills = []
    for number in range(count):
        earlier = random.integers(max(0, number - 12), number, 2) if number >= count // 20 + 2 else ()
        skills.append(
            Skill(id=f"s{number}", title=f"Skill {number}", requires=tuple({f"s{other}" for other in earlier}))
        )
    found = []
    for number in range(exercises):
        own = {number * count // exercises}
        if random.random() < 0.2:
            own.add(int(random.integers(count)))
        task = Task(f"e{number}", tuple(f"s{skill}" for skill in sorted(own)), int(random.integers(1, 6)))
        found.append(Exercise(task=task, title=f"Exercise {number}", minutes=10, version="v1"))
    return Graph.of("big", skills, found)


def crowd(graph: Graph, learners: int, each: int, random: np.random.Generator) -> Journal:
    """Return a journal in which each learner has answered about `each` exercises from the beginning of the course."""
    names = list(graph.exercises)
    counts = random.poisson(each, learners)
    total = int(counts.sum())
    rows = np.zeros(total, ROW)
    within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
    ability = np.repeat(random.normal(0, 1, learners), counts)
    passed = random.random(total) < 1 / (1 + np.exp(-ability - 0.5))
    rows["number"] = random.permutation(total) + 1
    rows["exercise"] = np.minimum(within * 2 + random.integers(0, 6, total), len(names) - 1)
    rows["source"] = random.integers(1, 2**31, total)
    rows["kind"] = ATTEMPT
    rows["verdict"] = np.where(passed, _PASSED, _FAILED)
    rows["solved"] = passed
    rows["at"] = _BEGIN + within * _HOUR
    # Numbers rise within a learner, as in a log.
    order = np.lexsort((rows["number"], np.repeat(np.arange(learners), counts)))
    rows["number"] = rows["number"][order]
    who = {f"learner-{number}": int(count) for number, count in enumerate(counts)}
    return Journal.restored({"exercises": names, "questions": [""], "learners": who}, rows)


def answers(graph: Graph, learners: int, each: int, random: np.random.Generator) -> Iterator[Answer]:
    """Return answers of other learners to the same course, to fit a model to."""
    tasks = [exercise.task for exercise in graph.exercises.values()]
    for learner in range(learners):
        ability = random.normal(0, 1)
        start = int(random.integers(0, max(1, len(tasks) - each)))
        for task in tasks[start : start + each]:
            chance = 1 / (1 + np.exp(-(ability - 0.5 * ((task.difficulty or 3) - 3))))
            yield Answer(f"other-{learner}", task, bool(random.random() < chance))
