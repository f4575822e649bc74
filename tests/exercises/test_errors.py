"""The error tree: each class has a status, a code of its own and a place in the drawing."""

from __future__ import annotations

import json
import re

import pytest

from nbcoach_exercises import errors
from nbcoach_exercises.errors import NbcoachError, TooMany, error_body, status_of

KINDS = sorted(
    (k for k in vars(errors).values() if isinstance(k, type) and issubclass(k, NbcoachError)), key=lambda k: k.__name__
)
MAPPED = [kind for kind in KINDS if kind is not NbcoachError]
STATUS = {
    "InvalidInput": 400,
    "InvalidIdentifier": 400,
    "InvalidFrame": 400,
    "InvalidNotebook": 422,
    "InvalidCourse": 422,
    "NotAllowed": 403,
    "NotFound": 404,
    "UnknownCourse": 404,
    "UnknownExercise": 404,
    "UnknownCell": 404,
    "UnknownSubmission": 404,
    "UnknownUser": 404,
    "TooSlow": 408,
    "Conflict": 409,
    "TooLarge": 413,
    "TooMany": 429,
    "UpstreamFailed": 502,
    "Unavailable": 503,
}


def made(kind: type[NbcoachError]) -> NbcoachError:
    arguments: dict[str, tuple[object, ...]] = {
        "TooMany": ("Slowly.", 1.5),
        "UnknownExercise": ("py", "sum-up"),
        "UnknownCell": ("sum-up", "sum"),
    }
    error: NbcoachError = kind(*arguments.get(kind.__name__, ("words",)))
    return error


def test_the_table_above_is_complete() -> None:
    assert {kind.__name__ for kind in MAPPED} == set(STATUS)


@pytest.mark.parametrize("kind", MAPPED)
def test_each_class_has_its_status(kind: type[NbcoachError]) -> None:
    assert status_of(made(kind)) == STATUS[kind.__name__]


@pytest.mark.parametrize("error", [ValueError("x"), KeyError("x"), KeyboardInterrupt(), NbcoachError("x")])
def test_what_is_not_mapped_is_our_own_defect(error: BaseException) -> None:
    assert status_of(error) == 500


@pytest.mark.parametrize("kind", KINDS)
def test_each_class_is_a_sentence_and_reports_itself_as_json(kind: type[NbcoachError]) -> None:
    assert kind.__doc__
    assert kind.__doc__.strip().endswith(".")
    body = error_body(made(kind))
    assert list(body) == ["code", "message", "detail"]
    assert json.loads(json.dumps(body)) == body
    assert body["message"] == str(made(kind))


def test_codes_are_different() -> None:
    assert len({kind.code for kind in KINDS}) == len(KINDS)


def test_the_drawing_is_the_tree() -> None:
    drawn: list[tuple[str, str | None]] = []
    above: dict[int, str] = {}
    for line in (errors.__doc__ or "").splitlines():
        found = re.match(r"^ {4}(?P<indent>[│ ├└─]*)(?P<name>[A-Z]\w+)(?: \((?P<builtin>\w+)\))?", line)
        if found is None:
            continue
        depth = len(found["indent"]) // 4
        above[depth] = found["name"]
        drawn.append((found["name"], above.get(depth - 1) if depth else None))
        if found["builtin"]:
            assert found["builtin"] in {base.__name__ for base in getattr(errors, found["name"]).__mro__}
    actual = [
        (kind.__name__, next((b.__name__ for b in kind.__bases__ if issubclass(b, NbcoachError)), None))
        for kind in KINDS
    ]
    assert sorted(drawn, key=str) == sorted(actual, key=str)


@pytest.mark.parametrize(("name", "status"), re.findall(r"\b([A-Z]\w+)(?: \(\w+\))? +(\d{3})\b", errors.__doc__ or ""))
def test_the_drawing_tells_the_status(name: str, status: str) -> None:
    assert STATUS[name] == int(status)


def test_too_many_says_when_to_come_back() -> None:
    error = made(TooMany)
    assert isinstance(error, TooMany)
    assert error.retry_after == error.detail["retry_after"] == 1.5
