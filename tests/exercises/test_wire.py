"""Frames: whatever is encoded is decoded to the same value, and nothing else gets in."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbcoach_exercises.errors import InvalidFrame, TooLarge
from nbcoach_exercises.schemas import load_schema
from nbcoach_exercises.verdicts import Verdict
from nbcoach_exercises.wire import (
    MAX_FRAME_BYTES,
    CellSource,
    CheckRequest,
    CheckResult,
    Failure,
    Feedback,
    Frame,
    HintRequest,
    HintText,
    LearnerError,
    Notice,
    Progress,
    QuestionResult,
    Receipt,
    Submit,
    decode,
    encode,
)

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
ID = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
SLUG = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,20}[a-z0-9])?", fullmatch=True)
NUMBER = st.floats(0, 1e9)
VERDICT = st.sampled_from(Verdict)
CELLS = st.builds(CellSource, id=ID, grade_id=st.none() | ID, source=TEXT)
RESULTS = st.builds(
    CheckResult,
    id=ID,
    name=TEXT,
    verdict=VERDICT,
    hidden=st.booleans(),
    points=NUMBER,
    max_points=NUMBER,
    message=st.none() | TEXT,
    hints=st.integers(0, 9),
)
ERRORS = st.builds(
    LearnerError, cell=ID, name=TEXT, message=TEXT, line=st.none() | st.integers(1, 999), text=st.none() | TEXT
)
MOMENT = st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FRAMES: dict[type, st.SearchStrategy[Any]] = {
    CheckRequest: st.builds(
        CheckRequest,
        request=ID,
        course=SLUG,
        exercise=SLUG,
        version=TEXT,
        cell=ID,
        cells=st.lists(CELLS, max_size=3).map(tuple),
    ),
    HintRequest: st.builds(
        HintRequest, request=ID, course=SLUG, exercise=SLUG, cell=ID, check=ID, level=st.integers(1, 50)
    ),
    Submit: st.builds(
        Submit, request=ID, course=SLUG, exercise=SLUG, version=TEXT, cells=st.lists(CELLS, max_size=3).map(tuple)
    ),
    Receipt: st.builds(
        Receipt,
        request=ID,
        submission=ID,
        course=SLUG,
        exercise=SLUG,
        version=TEXT,
        at=MOMENT,
        due=st.none() | MOMENT,
        late=st.booleans(),
        hash=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
        points=NUMBER,
        max_points=NUMBER,
        questions=st.lists(st.builds(QuestionResult, cell=ID, verdict=VERDICT, points=NUMBER), max_size=3).map(tuple),
        repairs=st.lists(TEXT, max_size=3).map(tuple),
        solved=st.booleans(),
        cursor=st.integers(0, 9999),
    ),
    Notice: st.builds(
        Notice,
        id=ID,
        course=SLUG,
        exercise=SLUG,
        kind=st.sampled_from(["comment", "released", "updated", "regraded"]),
        title=TEXT,
        detail=st.dictionaries(TEXT, JSON, max_size=3),
        read=st.booleans(),
        at=MOMENT,
    ),
    Progress: st.builds(Progress, request=ID, state=st.sampled_from(["queued", "running"])),
    Feedback: st.builds(
        Feedback,
        request=ID,
        course=SLUG,
        exercise=SLUG,
        version=TEXT,
        cell=ID,
        verdict=VERDICT,
        points=NUMBER,
        max_points=NUMBER,
        checks=st.lists(RESULTS, max_size=3).map(tuple),
        error=st.none() | ERRORS,
        output=TEXT,
        repairs=st.lists(TEXT, max_size=3).map(tuple),
        seconds=NUMBER,
        peak_mb=NUMBER,
        attempt=ID,
        cursor=st.integers(0, 10**12),
        exercise_points=NUMBER,
        exercise_max_points=NUMBER,
        solved=st.booleans(),
    ),
    HintText: st.builds(
        HintText, request=ID, cell=ID, check=ID, level=st.integers(1, 9), of=st.integers(1, 9), text=TEXT
    ),
    Failure: st.builds(
        Failure, request=st.none() | ID, code=TEXT, message=TEXT, detail=st.dictionaries(TEXT, JSON, max_size=3)
    ),
}
CHECK: dict[str, Any] = {
    "type": "check",
    "request": "r",
    "course": "py",
    "exercise": "sum-up",
    "version": "1",
    "cell": "sum",
    "cells": [{"id": "c", "grade_id": None, "source": "1"}],
}


def test_every_frame_has_a_strategy_and_a_schema() -> None:
    assert set(FRAMES) == set(get_args(Frame))
    schema = load_schema("frames.v1")
    assert {part["$ref"].rsplit("/", 1)[1] for part in schema["oneOf"]} == {kind.type for kind in FRAMES}
    for kind in FRAMES:
        described = schema["$defs"][kind.type]
        fields = {field.name for field in dataclasses.fields(kind)}
        assert set(described["required"]) == set(described["properties"]) == fields | {"type"}
        assert described["additionalProperties"] is False


@given(st.one_of(*FRAMES.values()))
def test_a_frame_survives_the_wire(frame: Any) -> None:
    text = encode(frame)
    assert decode(text) == frame
    assert decode(text.encode()) == frame
    assert json.loads(text)["type"] == frame.type


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "3",
        '"check"',
        "{}",
        "{",
        "NaN",
        '{"type": null}',
        '{"type": ["check"]}',
        '{"type": "no-such"}',
        '{"type": "oneOf"}',
        '{"type": "id"}',
        b"\xff\xfe\xfa",
        "[" * 100_000,
        '{"a":' * 100_000,
    ],
)
def test_what_is_no_frame_is_refused(text: str | bytes) -> None:
    with pytest.raises(InvalidFrame):
        decode(text)


@pytest.mark.parametrize(
    "change",
    [
        {"request": ""},
        {"request": "x" * 129},
        {"request": 3},
        {"request": {"$ne": None}},
        {"course": "../up"},
        {"course": "PY"},
        {"course": "py\n"},
        {"exercise": "a/b"},
        {"version": "v" * 65},
        {"cells": {}},
        {"cells": [3]},
        {"cells": [{"id": "c", "grade_id": None}]},
        {"cells": [{"id": "c", "grade_id": None, "source": None}]},
        {"cells": [{"id": "c", "grade_id": None, "source": "", "outputs": []}]},
        {"cells": [{"id": "c", "grade_id": None, "source": "x" * 1_000_001}]},
        {"cells": [{"id": "c", "grade_id": None, "source": ""}] * 2001},
        {"extra": 1},
    ],
)
def test_a_bad_field_is_refused(change: dict[str, Any]) -> None:
    decode(json.dumps(CHECK))
    with pytest.raises(InvalidFrame):
        decode(json.dumps(CHECK | change))


@pytest.mark.parametrize("name", sorted(CHECK))
def test_a_missing_field_is_refused(name: str) -> None:
    with pytest.raises(InvalidFrame):
        decode(json.dumps({key: value for key, value in CHECK.items() if key != name}))


def test_the_message_names_the_place() -> None:
    with pytest.raises(InvalidFrame) as refused:
        decode(json.dumps(CHECK | {"cells": [{"id": "c", "grade_id": None, "source": 3}]}))
    assert refused.value.detail["place"] == "cells/0/source"


@pytest.mark.parametrize("level", [0, 51, 1.5, "1", None])
def test_a_hint_has_a_level(level: Any) -> None:
    body = {"type": "hint", "request": "r", "course": "py", "exercise": "e", "cell": "c", "check": "k", "level": level}
    with pytest.raises(InvalidFrame):
        decode(json.dumps(body))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "true", "-1"])
def test_numbers_are_numbers(number: str) -> None:
    frame = Feedback(
        request="r", course="py", exercise="e", version="1", cell="c", verdict=Verdict.PASSED, points=12345.0,
        max_points=1, checks=(), error=None, output="", repairs=(), seconds=0, peak_mb=0, attempt="a", cursor=0,
        exercise_points=1, exercise_max_points=1, solved=True,
    )  # fmt: skip
    with pytest.raises(InvalidFrame):
        decode(encode(frame).replace("12345.0", number))


def test_an_oversized_frame_is_refused_before_it_is_read() -> None:
    with pytest.raises(TooLarge, match="4 MiB"):
        decode(" " * (MAX_FRAME_BYTES + 1))
    with pytest.raises(TooLarge):
        decode(b"x" * (MAX_FRAME_BYTES + 1))


def test_the_size_is_that_of_the_bytes() -> None:
    with pytest.raises(TooLarge):
        decode('{"type": "' + "é" * (MAX_FRAME_BYTES // 2) + '"}')


@pytest.mark.parametrize(
    "frame",
    [
        Progress(request="", state="queued"),
        Progress(request="r", state="done"),
        HintText(request="r", cell="c", check="k", level=0, of=1, text=""),
        Failure(request="r", code="c" * 65, message="", detail={}),
    ],
)
def test_a_wrong_frame_is_not_sent(frame: Any) -> None:
    with pytest.raises(InvalidFrame):
        encode(frame)


@given(st.dictionaries(st.sampled_from([*CHECK, "level", "check", "state"]), JSON, max_size=8))
def test_any_object_is_a_frame_or_refused(body: dict[str, Any]) -> None:
    try:
        frame = decode(json.dumps(body))
    except InvalidFrame:
        return
    assert decode(encode(frame)) == frame
