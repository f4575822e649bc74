"""The recommender's own state: kept, private, never half-read, and never too old."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recommender_worlds import attempt, graphs, histories, outline

from nbcoach_exercises.events import Entry
from nbcoach_recommender.coach import Coach, answers_in
from nbcoach_recommender.graph import Graph
from nbcoach_recommender.journal import Journal
from nbcoach_recommender.models.policy import ExpectedGain
from nbcoach_recommender.models.ranking import Preferences
from nbcoach_recommender.models.stacked import StackedMastery
from nbcoach_recommender.state import CourseState, State, StateFolder


def journal(*entries: Entry) -> Journal:
    found = Journal()
    for entry in entries:
        found.append(entry)
    return found


ENTRIES = [attempt("variables-1", n, learner="ab"[n % 2], cell=f"q{n}") for n in range(9)]
WANTED = Preferences(goals=("lists",), minutes=5, challenge=-1, at=9.5)


def state(begun: float | None = None, cursor: int = 27) -> State:
    course = CourseState(journal(*ENTRIES), shifts={"variables-1": [0.5, 1.0]})
    return State(cursor, time.time() if begun is None else begun, {"py": course})


def test_what_was_written_is_read(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path / "deep" / "down")
    assert folder.read() is None
    folder.write(state())
    folder.write_preferences({"py": {"a": WANTED}, "else": {"b": WANTED}})
    found = folder.read()
    assert found is not None
    assert found.cursor == 27
    assert found.courses["else"].preferences == {"b": WANTED}
    assert list(found.courses["py"].journal.all()) == list(journal(*ENTRIES).all())
    assert found.courses["py"].preferences == {"a": WANTED}
    assert found.courses["py"].shifts == {"variables-1": [0.5, 1.0]}


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    StateFolder(tmp_path / "state").write(state())
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "state").iterdir()} == {0o600}


@pytest.mark.parametrize("age", [8 * 86400.0, -86400.0])
def test_a_state_that_is_too_old_keeps_preferences_alone(tmp_path: Path, age: float) -> None:
    folder = StateFolder(tmp_path, keep_days=7)
    folder.write(state(time.time() - age))
    folder.write_preferences({"py": {"a": WANTED}})
    found = folder.read()
    assert found is not None
    assert found.cursor == 0
    assert list(found.courses["py"].journal.learners) == []
    assert found.courses["py"].preferences == {"a": WANTED}


@pytest.mark.parametrize("damage", [lambda data: data[:99], lambda data: b"", lambda data: data[::-1]])
def test_a_damaged_file_gives_way_to_the_one_before(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    folder = StateFolder(tmp_path)
    folder.write(state(cursor=1))
    folder.write(state(cursor=2))
    file = tmp_path / "state.npz"
    file.write_bytes(damage(file.read_bytes()))
    found = folder.read()
    assert found is not None
    assert found.cursor == 1


@pytest.mark.parametrize("course", ["../../etc/x", "a/b", "", "A B"])
def test_a_course_names_no_file_elsewhere(tmp_path: Path, course: str) -> None:
    assert StateFolder(tmp_path).model_path(course) is None


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Graph, list[Entry]]:
    graph = draw(graphs())
    return graph, draw(histories(graph))


@given(world=worlds())
def test_a_restored_coach_answers_as_before(world: tuple[Graph, list[Entry]]) -> None:
    graph, entries = world
    lived, restored = (Coach(graph, StackedMastery(), ExpectedGain()) for _ in range(2))
    for entry in entries:
        lived.observe(entry)
    kept = lived.journal.frozen()
    restored.restore(kept, {}, lived.model.shifts())
    for learner in ("ada", "bob", "nobody"):
        assert restored.view(learner) == lived.view(learner)
        assert restored.view(learner).estimates == lived.view(learner).estimates
        assert restored.recommend(learner, 20) == lived.recommend(learner, 20)
    assert list(kept.all()) == list(lived.journal.all())


@given(world=worlds())
def test_a_worker_finds_the_same_evidence(world: tuple[Graph, list[Entry]]) -> None:
    graph, entries = world
    coach = Coach(graph, StackedMastery(), ExpectedGain())
    for entry in entries:
        coach.observe(entry)
    found: dict[str, list[object]] = {}
    for answer in answers_in(coach.journal.frozen(), graph):
        found.setdefault(answer.learner, []).append([answer.task.id, answer.correct, answer.question, answer.at])
    dumped = coach.model.dump()["learners"]
    assert found == {who: [[a[0], a[3], a[4], a[5]] for a in given] for who, given in dumped.items() if given}


def test_an_outline_survives_the_work_file() -> None:
    graph = Graph.from_outline(outline())
    assert Graph.from_outline(graph.outline()) == graph
