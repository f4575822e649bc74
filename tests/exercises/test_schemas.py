"""The compiled validator never takes what jsonschema does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from nbcoach_exercises.events import Attempt, entry_to_json
from nbcoach_exercises.schemas import Schema, compiled, load_schema
from nbcoach_exercises.verdicts import Verdict

EVENT = entry_to_json(
    Attempt(
        learner="amy",
        course="python",
        exercise="lists",
        version="1",
        cell="q1",
        source_hash="0",
        verdict=Verdict.PASSED,
        verdicts={"c1": Verdict.PASSED},
        points=1.0,
        max_points=1.0,
        solved=True,
        seconds=0.1,
        peak_mb=1.0,
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )
)
NAMES = ("events.v1", "frames.v1", "question.v1", "exercise.v1", "course.v1")

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["attempt", "passed", "grader", "lists\n", "x" * 129, "\ud800", 10**40, 1.0, -0.0]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def agree(schema: dict[str, Any], body: Any) -> None:
    exact = [error.message for error in Draft202012Validator(schema).iter_errors(body)]
    found = [error.message for error in Schema(schema).errors(body)]
    assert found == exact


def test_valid_event_is_taken() -> None:
    assert list(compiled("events.v1").errors(EVENT)) == []
    assert compiled("events.v1").error(EVENT) is None


def test_the_error_is_the_one_that_says_most() -> None:
    number = {"type": "integer"}
    schema = Schema({"properties": {"a": number, "b": {"properties": {"c": number}}}})
    error = schema.error({"b": {"c": "x"}, "a": "y"})
    assert error is not None
    assert (list(error.absolute_path), error.message) == (["a"], "'y' is not of type 'integer'")


@given(st.sampled_from(sorted(EVENT)), values)
def test_changed_event(name: str, value: Any) -> None:
    agree(load_schema("events.v1"), EVENT | {name: value})


@given(st.sampled_from(sorted(EVENT)))
def test_event_without_a_field(name: str) -> None:
    agree(load_schema("events.v1"), {key: value for key, value in EVENT.items() if key != name})


@pytest.mark.parametrize("name", NAMES)
@given(body=values)
def test_anything(name: str, body: Any) -> None:
    agree(load_schema(name), body)
