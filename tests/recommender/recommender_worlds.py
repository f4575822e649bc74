"""Courses, learners and log entries to test with, by hand and by hypothesis."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from nbcoach_exercises.events import Attempt, Entry, LearnerEvent, Reaction
from nbcoach_exercises.verdicts import Verdict
from nbcoach_recommender.graph import Exercise, Graph, Skill
from nbcoach_recommender.models.abc import Answer, Task

BEGIN = datetime(2026, 1, 5, 8, tzinfo=UTC)
LEARNERS = ("ada", "bob")
CELLS = ("q1", "q2")


def outline(course: str = "py", version: str = "v1") -> dict[str, Any]:
    """Return the outline of a course of three skills in a row, with two exercises each."""
    skills = [("variables", []), ("lists", ["variables"]), ("dictionaries", ["lists"])]
    exercises = [
        {
            "id": f"{skill}-{number}",
            "unit": skill,
            "title": f"{skill.title()} {number}",
            "summary": "…",
            "skills": [skill],
            "difficulty": number + 1,
            "minutes": 5 * number,
            "version": version,
            "points": 2.0,
        }
        for skill, _ in skills
        for number in (1, 2)
    ]
    return {
        "id": course,
        "title": "Python",
        "summary": "",
        "skills": [{"id": skill, "title": skill.title(), "requires": requires} for skill, requires in skills],
        "units": [{"id": s, "title": s, "exercises": [f"{s}-1", f"{s}-2"]} for s, _ in skills],
        "exercises": exercises,
    }


def attempt(exercise: str, number: int, **fields: Any) -> Attempt:
    """Return an attempt; `number` makes its id, source and time."""
    given: dict[str, Any] = {
        "id": f"attempt-{number}",
        "learner": "ada",
        "course": "py",
        "version": "v1",
        "cell": "q1",
        "source_hash": f"hash-{number}",
        "verdict": Verdict.PASSED,
        "verdicts": {},
        "points": 1.0,
        "max_points": 1.0,
        "solved": False,
        "seconds": 0.1,
        "peak_mb": 50.0,
        "at": BEGIN + timedelta(minutes=number),
    }
    return Attempt(exercise=exercise, **(given | fields))


def report(exercise: str, kind: Reaction, number: int = 0, learner: str = "ada") -> LearnerEvent:
    """Return what a learner reports."""
    return LearnerEvent(id=f"report-{number}", learner=learner, course="py", exercise=exercise, kind=kind, at=BEGIN)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Draw a course: acyclic prerequisites, exercises with one to three skills, some of them not graded."""
    names = [f"s{number}" for number in range(draw(st.integers(1, 6)))]
    skills = [
        Skill(id=name, title=name.upper(), requires=tuple(draw(st.sets(st.sampled_from(names[:place]), max_size=3))))
        if place
        else Skill(id=name, title=name.upper())
        for place, name in enumerate(names)
    ]
    exercises = [
        Exercise(
            task=Task(
                f"e{number}",
                tuple(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3, unique=True))),
                draw(st.integers(1, 5)),
            ),
            title=f"E{number}",
            minutes=5,
            graded=draw(st.booleans()) or draw(st.booleans()),
        )
        for number in range(draw(st.integers(1, 8)))
    ]
    return Graph.of("py", skills, exercises)


@st.composite
def histories(draw: st.DrawFn, graph: Graph, most: int = 25) -> list[Entry]:
    """Draw a log of a course, with entries of exercises that are no longer there."""
    names = [*graph.exercises, "gone"]
    entries: list[Entry] = []
    for number in range(draw(st.integers(0, most))):
        exercise, learner = draw(st.sampled_from(names)), draw(st.sampled_from(LEARNERS))
        if draw(st.integers(0, 3)):
            verdict = draw(st.sampled_from(Verdict))
            entries.append(
                attempt(
                    exercise,
                    number,
                    learner=learner,
                    cell=draw(st.sampled_from(CELLS)),
                    source_hash=draw(st.sampled_from(["a", "b", "c"])),
                    verdict=verdict,
                    solved=verdict is Verdict.PASSED and draw(st.booleans()),
                )
            )
        else:
            entries.append(report(exercise, draw(st.sampled_from(Reaction)), number, learner))
    return entries


TASKS = tuple(
    Task(f"t{number}", skills, difficulty)
    for number, (skills, difficulty) in enumerate(
        [(("a",), None), (("a", "b"), 3), (("b", "c"), 5), ((), 1), (("d",), 2)]
    )
)


@st.composite
def answers(draw: st.DrawFn, most: int = 40) -> list[Answer]:
    """Draw answers of a few learners to a few tasks."""
    return [
        Answer(
            learner=draw(st.sampled_from(LEARNERS)),
            task=draw(st.sampled_from(TASKS)),
            correct=draw(st.booleans()),
            question=draw(st.sampled_from(["", *CELLS])),
            at=float(number),
        )
        for number in range(draw(st.integers(0, most)))
    ]
