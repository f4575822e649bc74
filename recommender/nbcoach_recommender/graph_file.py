"""Prerequisite graphs in files: read, refuse with the line named, and suggest what data say is missing.

The form is JSON, with or without `{"graph": …}` around it:

    {"nodes": [{"id": "loops", "title": "Loops"}, "lists"],
     "edges": [["loops", "lists"]],
     "exercises": [{"id": "e1", "skills": ["loops"], "difficulty": 2}]}

An edge runs from the prerequisite to the skill that needs it; `{"source": …, "target": …}` says the
same, and a list of objects may be an object of objects by id. A difficulty is a grade from 1 to 5,
or a number from 0 to 1. The author's order is that of the list.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, sqrt
from pathlib import Path
from typing import Any, NoReturn

from .errors import InvalidData
from .graph import Exercise, Graph, Skill
from .models.abc import Answer, Task

_MINUTES = 10
_ENDS = (("source", "target"), ("from", "to"), ("prerequisite", "skill"))
_LEAST = 20
_CLEAR = 3.0


def read_graph(path: Path) -> Graph:
    """Read a course's graph from a file.

    Raises:
        InvalidData: it cannot be read, names a skill that is not there, or has a cycle; the message names the line.

    """
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidData(str(path), f"it cannot be read: {getattr(err, 'strerror', None) or err}.") from err
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as err:
        line = getattr(err, "lineno", 1)
        raise InvalidData(f"{path}, line {line}", f"it is no JSON: {getattr(err, 'msg', err)}.") from err
    if isinstance(body, dict) and isinstance(body.get("graph"), dict):
        body = body["graph"] | {name: body[name] for name in ("exercises",) if name in body}
    if not isinstance(body, dict):
        raise InvalidData(str(path), "it must hold an object with nodes, edges and exercises.")
    return _Reader(path, text, body).graph()


@dataclass
class _Reader:
    """One file being read; knows on which line each part stands."""

    path: Path
    text: str
    body: Mapping[str, Any]

    def graph(self) -> Graph:
        nodes = self._list("nodes", "skills")
        titles: dict[str, str] = {}
        for place, node in enumerate(nodes):
            body = node if isinstance(node, dict) else {"id": node}
            name = self._name(body.get("id", body.get("name")), "nodes", place)
            if name in titles:
                self._refuse("nodes", place, f"the skill {name!r} is there twice")
            titles[name] = str(body.get("title") or body.get("name") or name)
        requires: dict[str, list[str]] = {name: [] for name in titles}
        where: dict[tuple[str, str], tuple[str, int]] = {}
        for place, node in enumerate(nodes):
            for before in (node.get("requires") or node.get("prerequisites") or ()) if isinstance(node, dict) else ():
                self._edge(str(before), str(node.get("id", node.get("name"))), ("nodes", place), requires, where)
        for place, edge in enumerate(self._list("edges", "prerequisites", "links")):
            before, after = self._ends(edge, place)
            self._edge(before, after, ("edges", place), requires, where)
        self._refuse_cycle(requires, where)
        exercises = self._exercises(titles)
        skills = (Skill(id=n, title=t, requires=tuple(requires[n])) for n, t in titles.items())
        return Graph.of(str(self.body.get("course") or self.path.stem), skills, exercises)

    def _exercises(self, titles: Mapping[str, str]) -> list[Exercise]:
        bodies = self._list("exercises", "items")
        grade = _scale([body.get("difficulty") for body in bodies if isinstance(body, dict)])
        found: dict[str, Exercise] = {}
        for place, body in enumerate(bodies):
            if not isinstance(body, dict):
                self._refuse("exercises", place, "an exercise is an object with id and skills")
            name = self._name(body.get("id", body.get("item")), "exercises", place)
            if name in found:
                self._refuse("exercises", place, f"the exercise {name!r} is there twice")
            skills = body.get("skills", body.get("skill", []))
            skills = [skills] if isinstance(skills, str | int) else skills
            if not isinstance(skills, list):
                self._refuse("exercises", place, "skills is no list")
            for skill in skills:
                if str(skill) not in titles:
                    self._refuse("exercises", place, f"the exercise {name!r} names the unknown skill {str(skill)!r}")
            difficulty = body.get("difficulty")
            if difficulty is not None and (
                isinstance(difficulty, bool) or not isinstance(difficulty, int | float) or not isfinite(difficulty)
            ):
                self._refuse("exercises", place, "difficulty is no number")
            minutes = body.get("minutes", _MINUTES)
            found[name] = Exercise(
                task=Task(name, tuple(dict.fromkeys(map(str, skills))), grade(difficulty)),
                title=str(body.get("title") or name),
                minutes=int(minutes) if isinstance(minutes, int | float) and isfinite(minutes) else _MINUTES,
            )
        return list(found.values())

    def _edge(
        self,
        before: str,
        after: str,
        place: tuple[str, int],
        requires: dict[str, list[str]],
        where: dict[tuple[str, str], tuple[str, int]],
    ) -> None:
        for end in (before, after):
            if end not in requires:
                self._refuse(*place, f"the edge {before!r} to {after!r} names the unknown skill {end!r}")
        if before not in requires[after]:
            requires[after].append(before)
            where[before, after] = place

    def _ends(self, edge: Any, place: int) -> tuple[str, str]:
        if isinstance(edge, list) and len(edge) == 2:
            return str(edge[0]), str(edge[1])
        for first, second in _ENDS:
            if isinstance(edge, dict) and first in edge and second in edge:
                return str(edge[first]), str(edge[second])
        self._refuse("edges", place, "an edge is a pair: the prerequisite, then the skill that needs it")

    def _refuse_cycle(
        self, requires: Mapping[str, Sequence[str]], where: Mapping[tuple[str, str], tuple[str, int]]
    ) -> None:
        cycle = find_cycle(requires)
        if cycle:
            places = [where[cycle[n + 1], cycle[n]] for n in range(len(cycle) - 1)]
            self._refuse(*max(places), f"the prerequisites go round in a cycle: {' needs '.join(cycle)}")

    def _list(self, *names: str) -> list[Any]:
        for name in names:
            if name in self.body:
                found = self.body[name]
                if isinstance(found, dict) and all(isinstance(body, dict) for body in found.values()):
                    return [{"id": key, **body} for key, body in found.items()]
                if not isinstance(found, list):
                    raise InvalidData(str(self.path), f"{name} is no list.")
                return found
        return []

    def _name(self, name: Any, part: str, place: int) -> str:
        if isinstance(name, bool) or not isinstance(name, str | int) or name == "":
            self._refuse(part, place, "it has no id")
        return str(name)

    def _refuse(self, part: str, place: int, what: str) -> NoReturn:
        raise InvalidData(f"{self.path}, line {self._line(part, place)}", f"{what}.")

    def _line(self, part: str, place: int) -> int:
        """Return the line on which one element of a list begins."""
        aliases = {"nodes": "nodes|skills", "edges": "edges|prerequisites|links", "exercises": "exercises|items"}[part]
        decoder = json.JSONDecoder()
        for match in re.finditer(rf'"(?:{aliases})"\s*:\s*\[', self.text):
            at = match.end()
            for number in range(place + 1):
                at += len(self.text[at:]) - len(self.text[at:].lstrip(" \t\r\n,"))
                try:
                    _, end = decoder.raw_decode(self.text, at)
                except ValueError:
                    break
                if number == place:
                    return self.text.count("\n", 0, at) + 1
                at = end
        return 1


def find_cycle(requires: Mapping[str, Iterable[str]]) -> list[str]:
    """Return skills of which each needs the next, the first at both ends; empty when there is no cycle."""
    done: set[str] = set()
    for start in requires:
        path: list[str] = []
        inside: set[str] = set()
        waiting: list[tuple[str, bool]] = [(start, False)]
        while waiting:
            name, leaving = waiting.pop()
            if leaving:
                inside.discard(path.pop())
                done.add(name)
                continue
            if name in inside:
                return [*path[path.index(name) :], name]
            if name in done:
                continue
            path.append(name)
            inside.add(name)
            waiting.append((name, True))
            waiting += [(other, False) for other in requires.get(name, ()) if other in requires]
    return []


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A prerequisite that data speak for, for an instructor to accept or not."""

    before: str
    after: str
    without: float
    """Rate of right answers on `after` of those whose last answer on `before` was wrong."""
    having: float
    learners: int
    clarity: float
    """How many standard errors the two rates are apart."""


def suggest_prerequisites(graph: Graph, answers: Iterable[Answer], most: int = 20) -> list[Suggestion]:
    """Return prerequisites that the graph lacks and answers suggest, clearest first.

    A skill is suggested when those who fail it fail the other far more often at their first try, and
    far more so than the other way round. What would close a cycle, or is implied already, is left out.
    """
    counts: dict[tuple[str, str], list[list[int]]] = defaultdict(lambda: [[0, 0], [0, 0]])
    last: dict[str, dict[str, bool]] = defaultdict(dict)
    for answer in answers:
        known = last[answer.learner]
        skills = [skill for skill in answer.task.skills if skill in graph.skills]
        for skill in skills:
            if skill not in known:
                for other, passed in known.items():
                    if other not in skills:
                        cell = counts[other, skill][int(passed)]
                        cell[0] += 1
                        cell[1] += answer.correct
        known.update(dict.fromkeys(skills, answer.correct))
    requires = {name: set(skill.requires) for name, skill in graph.skills.items()}
    found: list[Suggestion] = []
    for (before, after), (wrong, right) in counts.items():
        if min(wrong[0], right[0]) < _LEAST:
            continue
        clarity = _clarity(wrong, right)
        back = counts.get((after, before))
        opposite = _clarity(*back) if back and min(back[0][0], back[1][0]) >= _LEAST else 0.0
        if clarity >= _CLEAR and clarity > opposite:
            rates = wrong[1] / wrong[0], right[1] / right[0]
            found.append(
                Suggestion(
                    before=before, after=after, without=rates[0], having=rates[1], learners=wrong[0] + right[0],
                    clarity=clarity,
                )
            )  # fmt: skip
    kept: list[Suggestion] = []
    for one in sorted(found, key=lambda one: -one.clarity):
        if len(kept) == most:
            break
        if _reaches(requires, one.after, one.before) or _reaches(requires, one.before, one.after):
            continue
        requires[one.after].add(one.before)
        kept.append(one)
    return kept


def _clarity(wrong: Sequence[int], right: Sequence[int]) -> float:
    p, q = (wrong[1] + 1) / (wrong[0] + 2), (right[1] + 1) / (right[0] + 2)
    return (q - p) / sqrt(p * (1 - p) / wrong[0] + q * (1 - q) / right[0])


def _reaches(requires: Mapping[str, Iterable[str]], start: str, end: str) -> bool:
    seen, waiting = {start}, [start]
    while waiting:
        for other in requires.get(waiting.pop(), ()):
            if other == end:
                return True
            if other not in seen:
                seen.add(other)
                waiting.append(other)
    return start == end


def _scale(difficulties: Sequence[Any]) -> Any:
    """Return a function from the file's difficulties to grades from 1 to 5."""
    numbers = [d for d in difficulties if isinstance(d, int | float) and not isinstance(d, bool)]
    if numbers and all(isinstance(d, int) and 1 <= d <= 5 for d in numbers):
        return lambda difficulty: difficulty
    low, high = (0.0, 1.0) if all(0 <= d <= 1 for d in numbers) else (min(numbers), max(numbers))
    span = (high - low) or 1.0
    return lambda difficulty: None if difficulty is None else 1 + round(4 * (difficulty - low) / span)
