"""How far somebody is, from the attempts in the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from nbcoach_exercises.events import Attempt, Entry


def progress(entries: Iterable[Entry]) -> dict[str, Any]:
    """Return for each course and exercise the tries, the points of the newest answers, and whether it is solved.

    Args:
        entries: of one learner, oldest first.

    """
    courses: dict[str, dict[str, dict[str, Any]]] = {}
    newest: dict[tuple[str, str, str], Attempt] = {}
    for entry in entries:
        if isinstance(entry, Attempt):
            newest[entry.course, entry.exercise, entry.cell] = entry
            empty = {"exercise": entry.exercise, "tries": 0, "solved": False, "points": 0.0, "max_points": 0.0}
            row = courses.setdefault(entry.course, {}).setdefault(entry.exercise, empty)
            row["tries"] += 1
            row["solved"] = row["solved"] or entry.solved
            row["last"] = entry.at.isoformat()
    for attempt in newest.values():
        row = courses[attempt.course][attempt.exercise]
        row["points"] += attempt.points
        row["max_points"] += attempt.max_points
    return {
        "courses": [
            {
                "course": course,
                "solved": sum(row["solved"] for row in rows.values()),
                "tries": sum(row["tries"] for row in rows.values()),
                "exercises": list(rows.values()),
            }
            for course, rows in sorted(courses.items())
        ]
    }
