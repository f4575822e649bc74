"""Graphs in files: read, refused with the line named, and prerequisites that data suggest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from nbcoach_hub.cli import main
from nbcoach_recommender.errors import InvalidData
from nbcoach_recommender.graph_file import find_cycle, read_graph, suggest_prerequisites
from nbcoach_recommender.models.abc import Answer, Task

GOOD: dict[str, Any] = {
    "nodes": ["a", {"id": "b", "title": "Bees"}, "c"],
    "edges": [["a", "b"], {"source": "b", "target": "c"}],
    "exercises": [
        {"id": "e1", "skills": ["a"], "difficulty": 0.0},
        {"id": "e2", "skills": ["b", "c"], "difficulty": 1.0},
    ],
}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "wrap",
    [
        lambda body: body,
        lambda body: {"graph": body},
        lambda body: {"graph": {"nodes": body["nodes"], "links": body["edges"]}, "exercises": body["exercises"]},
        lambda body: body | {"exercises": {exercise["id"]: exercise for exercise in body["exercises"]}},
    ],
)
def test_a_graph_is_read(tmp_path: Path, wrap: Any) -> None:
    graph = read_graph(written(tmp_path / "g.json", json.dumps(wrap(GOOD))))
    assert [(s.id, s.title, s.requires) for s in graph.skills.values()] == [
        ("a", "a", ()),
        ("b", "Bees", ("a",)),
        ("c", "c", ("b",)),
    ]
    assert [(e.task.id, e.task.skills, e.task.difficulty) for e in graph.exercises.values()] == [
        ("e1", ("a",), 1),
        ("e2", ("b", "c"), 5),
    ]


LINES = '{{"nodes": ["a",\n "b"],\n"edges": [["a", "b"],\n {edge}],\n"exercises": [{{"id": "e", "skills": ["a"]}},\n{exercise}]}}'


@pytest.mark.parametrize(
    ("edge", "exercise", "line", "says"),
    [
        ('["b", "a"]', '{"id": "f", "skills": []}', 4, "a cycle: "),
        ('["a", "a"]', '{"id": "f", "skills": []}', 4, "a needs a"),
        ('["a", "x"]', '{"id": "f", "skills": []}', 4, "unknown skill 'x'"),
        ('["a"]', '{"id": "f", "skills": []}', 4, "a pair"),
        ('["a", "b"]', '{"id": "f", "skills": ["y"]}', 6, "unknown skill 'y'"),
        ('["a", "b"]', '{"id": "e", "skills": ["a"]}', 6, "there twice"),
        ('["a", "b"]', '{"skills": ["a"]}', 6, "no id"),
        ('["a", "b"]', '{"id": "f", "skills": ["a"], "difficulty": "hard"}', 6, "no number"),
        ('["a", "b"]', '{"id": "f", "skills": ["a"]', 6, "no JSON"),
    ],
)
def test_the_line_is_named(tmp_path: Path, edge: str, exercise: str, line: int, says: str) -> None:
    path = written(tmp_path / "g.json", LINES.format(edge=edge, exercise=exercise))
    with pytest.raises(InvalidData, match=says) as caught:
        read_graph(path)
    assert f"line {line}" in caught.value.message
    done = CliRunner().invoke(main, ["graph", "check", str(path)])
    assert done.exit_code == 2
    assert f"line {line}" in done.output


@pytest.mark.parametrize("text", ["", "[]", "3", '{"nodes": 3}', "\xff"])
def test_what_is_no_graph_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "g.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(InvalidData):
        read_graph(path)
    with pytest.raises(InvalidData):
        read_graph(tmp_path / "missing.json")


@given(edges=st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), max_size=20))
def test_a_cycle_is_found_if_there_is_one(edges: list[tuple[int, int]]) -> None:
    requires: dict[str, set[str]] = {str(n): set() for n in range(8)}
    for before, after in edges:
        requires[str(after)].add(str(before))
    left = set(requires)
    while free := {name for name in left if not requires[name] & left}:
        left -= free
    cycle = find_cycle(requires)
    assert bool(cycle) is bool(left)
    assert all(cycle[n + 1] in requires[cycle[n]] for n in range(len(cycle) - 1))
    assert not cycle or cycle[0] == cycle[-1]


def test_a_missing_prerequisite_is_suggested(tmp_path: Path) -> None:
    graph = read_graph(written(tmp_path / "g.json", json.dumps(GOOD | {"edges": []})))
    random = np.random.default_rng(0)
    log = []
    for number in range(400):
        knows = random.random() < 0.5
        log.append(Answer(f"l{number}", Task("e1", ("a",)), bool(random.random() < (0.9 if knows else 0.1))))
        log.append(Answer(f"l{number}", Task("e2", ("b",)), bool(random.random() < (0.8 if knows else 0.2))))
        log.append(Answer(f"l{number}", Task("e3", ("c",)), bool(random.random() < 0.5)))
    (found,) = suggest_prerequisites(graph, log)
    assert (found.before, found.after) == ("a", "b")
    assert found.having > 0.65 > 0.35 > found.without
    implied = read_graph(written(tmp_path / "h.json", json.dumps(GOOD)))
    assert suggest_prerequisites(implied, log) == []
