"""Entries of the attempt log: there and back, and nothing else in."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from nbcoach_exercises.errors import InvalidInput
from nbcoach_exercises.events import Attempt, Entry, Erasure, LearnerEvent, Reaction, entry_from_json, entry_to_json
from nbcoach_exercises.schemas import load_schema
from nbcoach_exercises.verdicts import Verdict

ID = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
SLUG = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True)
NUMBER = st.floats(0, 1e9)
WHEN = st.datetimes(
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-3))])
)
ATTEMPTS = st.builds(
    Attempt,
    id=ID,
    learner=ID,
    course=SLUG,
    exercise=SLUG,
    version=st.text(max_size=12),
    cell=ID,
    source_hash=st.text(max_size=64),
    verdict=st.sampled_from(Verdict),
    verdicts=st.dictionaries(ID, st.sampled_from(Verdict), max_size=4),
    points=NUMBER,
    max_points=NUMBER,
    solved=st.booleans(),
    seconds=NUMBER,
    peak_mb=NUMBER,
    style=st.lists(st.text(max_size=8), max_size=3).map(tuple),
    at=WHEN,
)
EVENTS = st.builds(
    LearnerEvent,
    id=ID,
    learner=ID,
    course=SLUG,
    exercise=SLUG,
    kind=st.sampled_from(Reaction),
    cell=st.none() | ID,
    check=st.none() | ID,
    level=st.none() | st.integers(1, 50),
    at=WHEN,
)
ATTEMPT = Attempt(
    id="a", learner="ada", course="py", exercise="e", version="1", cell="c", source_hash="h", verdict=Verdict.PASSED,
    verdicts={"c.1": Verdict.PASSED}, points=1, max_points=1, solved=True, seconds=0.1, peak_mb=2, style=("E501",),
)  # fmt: skip
EVENT = LearnerEvent(id="l", learner="ada", course="py", exercise="e", kind=Reaction.TOO_HARD)
ERASURE = Erasure.of("ada")
HEX = "0123456789abcdef"
ERASURES = st.builds(
    Erasure, id=ID, salt=st.text(HEX, min_size=32, max_size=32), digest=st.text(HEX, min_size=64, max_size=64), at=WHEN
)


@given(ATTEMPTS | EVENTS | ERASURES)
def test_an_entry_survives_json(entry: Entry) -> None:
    body = json.loads(json.dumps(entry_to_json(entry), allow_nan=False))
    Draft202012Validator(load_schema("events.v1")).validate(body)
    assert entry_from_json(body) == entry


@pytest.mark.parametrize("entry", [ATTEMPT, EVENT, ERASURE])
def test_the_schema_lists_every_field(entry: Entry) -> None:
    body = entry_to_json(entry)
    described = load_schema("events.v1")["$defs"][body["type"]]
    assert set(described["required"]) == set(described["properties"]) == set(body)
    assert set(body) == {field.name for field in dataclasses.fields(entry)} | {"type", "origin"}


def test_only_the_grader_can_be_the_origin_of_an_attempt() -> None:
    assert entry_to_json(ATTEMPT)["origin"] == "grader"
    assert entry_to_json(EVENT)["origin"] == "learner"
    for body in (entry_to_json(ATTEMPT) | {"origin": "learner"}, entry_to_json(EVENT) | {"origin": "grader"}):
        with pytest.raises(InvalidInput):
            entry_from_json(body)


def test_an_erasure_tells_of_whom_only_to_those_who_know() -> None:
    assert (ERASURE.means("ada"), ERASURE.means("bob")) == (True, False)
    assert "ursula" not in str(entry_to_json(Erasure.of("ursula")))  # no hexadecimal digits spell this name
    assert Erasure.of("ada").digest != ERASURE.digest


def test_ids_are_fresh_and_times_are_aware() -> None:
    one, two = (LearnerEvent(learner="a", course="c", exercise="e", kind=Reaction.OPENED) for _ in range(2))
    assert one.id != two.id
    assert one.at.tzinfo is UTC
    assert abs(datetime.now(UTC) - one.at) < timedelta(minutes=1)


@pytest.mark.parametrize("body", [None, [], 3, "attempt", {}, {"type": "attempt"}, {"type": ["attempt"]}])
def test_what_is_no_entry_is_refused(body: Any) -> None:
    with pytest.raises(InvalidInput, match="Not an event"):
        entry_from_json(body)


@pytest.mark.parametrize("entry", [ATTEMPT, EVENT, ERASURE])
def test_a_missing_or_further_field_is_refused(entry: Entry) -> None:
    body = entry_to_json(entry)
    for name in body:
        with pytest.raises(InvalidInput):
            entry_from_json({key: value for key, value in body.items() if key != name})
    with pytest.raises(InvalidInput):
        entry_from_json(body | {"source": "print(1)"})


@pytest.mark.parametrize(
    "change",
    [
        {"id": ""},
        {"learner": "x" * 129},
        {"learner": {"$gt": ""}},
        {"course": "../up"},
        {"course": "py\n"},
        {"verdict": "great"},
        {"verdicts": {"c.1": "great"}},
        {"verdicts": []},
        {"points": -1},
        {"points": "1"},
        {"points": True},
        {"points": float("nan")},
        {"points": float("inf")},
        {"solved": 1},
        {"style": ["x" * 33]},
        {"at": "yesterday"},
        {"at": "2026-01-01T00:00:00"},
        {"at": "2026-01-01"},
        {"at": 0},
        {"at": "2026-01-01T00:00:00+00:00" + " " * 40},
        {"type": "learner-event"},
    ],
)
def test_a_bad_attempt_is_refused(change: dict[str, Any]) -> None:
    assert entry_from_json(entry_to_json(ATTEMPT)) == ATTEMPT
    with pytest.raises(InvalidInput):
        entry_from_json(entry_to_json(ATTEMPT) | change)


@pytest.mark.parametrize("change", [{"kind": "solved"}, {"level": 0}, {"level": 51}, {"level": 1.5}, {"cell": ""}])
def test_a_bad_report_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        entry_from_json(entry_to_json(EVENT) | change)
