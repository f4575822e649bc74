"""Frames of the live WebSocket, as values, with the one place that encodes and decodes them.

A frame is a JSON object with a `type`. The learner's side sends `check`, `hint` and `submit`; the
grader answers with `progress`, then one `feedback`, `hint-text`, `receipt` or `failure` that carries the
request's id. A `notification` comes by itself. Both ways are validated against the schema `frames.v1`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, is_dataclass
from enum import Enum
from functools import cache
from typing import Any, ClassVar, get_args, get_origin, get_type_hints

from .errors import InvalidFrame, TooLarge
from .finite import loads_finite
from .schemas import Schema, load_schema
from .verdicts import Verdict

MAX_FRAME_BYTES = 4 * 1024 * 1024
MAX_MESSAGE_BYTES = 2 * MAX_FRAME_BYTES
"""What a socket reads: more than a frame may hold, so that the sender of one that is too large is told."""


@dataclass(frozen=True, kw_only=True)
class CellSource:
    """A code cell of the learner's notebook: `id` is the cell's own, `grade_id` nbgrader's."""

    id: str
    grade_id: str | None
    source: str


@dataclass(frozen=True, kw_only=True)
class CheckRequest:
    """Judge the question that the answer cell `cell` (a grade id) belongs to."""

    type: ClassVar[str] = "check"

    request: str
    course: str
    exercise: str
    version: str
    cell: str
    cells: tuple[CellSource, ...]


@dataclass(frozen=True, kw_only=True)
class HintRequest:
    """Show the hint number `level`, from 1, of a check."""

    type: ClassVar[str] = "hint"

    request: str
    course: str
    exercise: str
    cell: str
    check: str
    level: int


@dataclass(frozen=True, kw_only=True)
class Submit:
    """Hand in a notebook: keep its answers, and judge all of its questions."""

    type: ClassVar[str] = "submit"

    request: str
    course: str
    exercise: str
    version: str
    cells: tuple[CellSource, ...]


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A request has been taken (`queued`) or its cells run (`running`)."""

    type: ClassVar[str] = "progress"

    request: str
    state: str


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """The outcome of one check.

    `message` and `explanation` are None for a hidden check; `hints` is how many hints can be asked for.
    """

    id: str
    name: str
    verdict: Verdict
    hidden: bool
    points: float
    max_points: float
    message: str | None
    hints: int
    explanation: str | None = None


@dataclass(frozen=True, kw_only=True)
class Place:
    """A line of the learner's that an exception came through, `times` over; outside of functions `function` is ""."""

    cell: str
    line: int
    text: str
    function: str
    times: int


@dataclass(frozen=True, kw_only=True)
class LearnerError:
    """An exception that the learner's own cell raised when it ran; `line` counts from 1 in that cell.

    `explanation` says what such an exception means, `trace` where it came through, outermost first.
    """

    cell: str
    name: str
    message: str
    line: int | None
    text: str | None
    explanation: str | None = None
    trace: tuple[Place, ...] = ()


@dataclass(frozen=True, kw_only=True)
class StyleNote:
    """A piece of advice on a line of the learner's: what there is to see, and why and how to write it better.

    It never changes points. `rule` is the code of the linter's rule, `url` where it is described.
    """

    cell: str
    rule: str
    line: int
    text: str
    what: str
    why: str
    url: str | None


@dataclass(frozen=True, kw_only=True)
class Reference:
    """What the author's own solution takes."""

    seconds: float
    peak_mb: float


@dataclass(frozen=True, kw_only=True)
class Feedback:
    """The judgement of one question.

    `cursor` is the attempt's place in the log, so that a recommendation can be asked for that knows it.
    `peak_mb` is memory beyond what the process had before the cell; `reference` is None where nobody measured it.
    """

    type: ClassVar[str] = "feedback"

    request: str
    course: str
    exercise: str
    version: str
    cell: str
    verdict: Verdict
    points: float
    max_points: float
    checks: tuple[CheckResult, ...]
    error: LearnerError | None
    output: str
    repairs: tuple[str, ...]
    seconds: float
    peak_mb: float
    attempt: str
    cursor: int
    exercise_points: float
    exercise_max_points: float
    solved: bool
    style: tuple[StyleNote, ...] = ()
    reference: Reference | None = None


@dataclass(frozen=True, kw_only=True)
class HintText:
    """One rung of a check's hint ladder; `of` is how many there are."""

    type: ClassVar[str] = "hint-text"

    request: str
    cell: str
    check: str
    level: int
    of: int
    text: str


@dataclass(frozen=True, kw_only=True)
class QuestionResult:
    """What one question of a submission came to; `cell` is its first answer cell."""

    cell: str
    verdict: Verdict
    points: float


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """The proof that a notebook was handed in; times are ISO 8601, `hash` is the SHA-256 of the answers.

    A request that comes again gets the receipt of the first time.
    """

    type: ClassVar[str] = "receipt"

    request: str
    submission: str
    course: str
    exercise: str
    version: str
    at: str
    due: str | None
    late: bool
    hash: str
    points: float
    max_points: float
    questions: tuple[QuestionResult, ...]
    repairs: tuple[str, ...]
    solved: bool
    cursor: int


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something that a learner should know; `title` is the exercise's, `detail` holds what the sentence needs."""

    type: ClassVar[str] = "notification"

    id: str
    course: str
    exercise: str
    kind: str
    title: str
    detail: dict[str, Any]
    read: bool
    at: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A request that could not be served; `request` is None where the frame could not be read."""

    type: ClassVar[str] = "failure"

    request: str | None
    code: str
    message: str
    detail: dict[str, Any]


Request = CheckRequest | HintRequest | Submit
Reply = Progress | Feedback | HintText | Receipt | Notice | Failure
Frame = Request | Reply
_FRAMES: dict[str, type[Frame]] = {cls.type: cls for cls in get_args(Frame)}


def encode(frame: Frame) -> str:
    """Return a frame as JSON text.

    Raises:
        InvalidFrame: it does not match the schema; that is a defect of the sender.

    """
    body = {"type": frame.type, **_plain(frame)}
    _validate(body)
    return json.dumps(body, ensure_ascii=False, allow_nan=False)


def decode(text: str | bytes) -> Frame:
    """Read a frame that may come from anybody.

    Raises:
        TooLarge: more than 4 MiB.
        InvalidFrame: no JSON, or not one of the frames.

    """
    if len(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")) > MAX_FRAME_BYTES:
        raise TooLarge(f"A frame may hold {MAX_FRAME_BYTES // 2**20} MiB.", limit=MAX_FRAME_BYTES)
    try:
        body = loads_finite(text)
    except (ValueError, RecursionError) as err:
        raise InvalidFrame(f"The frame is no JSON: {str(err)[:100]}") from err
    try:
        _validate(body)
    except InvalidFrame as err:
        given = body.get("request") if isinstance(body, dict) else None
        err.request = given if isinstance(given, str) and 0 < len(given) <= 128 else None
        raise
    frame: Frame = _build(_FRAMES[body["type"]], {k: v for k, v in body.items() if k != "type"})
    return frame


def _validate(body: Any) -> None:
    kind = body.get("type") if isinstance(body, dict) else None
    if not isinstance(kind, str) or kind not in _FRAMES:
        raise InvalidFrame(f"A frame needs a 'type', one of {', '.join(_FRAMES)}.")
    error = next(_schema(kind).errors(body), None)
    if error is not None:
        place = "/".join(map(str, error.absolute_path)) or kind
        raise InvalidFrame(f"Frame {kind!r}, {place}: {error.message[:200]}", place=place)


@cache
def _schema(kind: str) -> Schema:
    return Schema({"$ref": f"#/$defs/{kind}", "$defs": load_schema("frames.v1")["$defs"]})


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value


def _build(kind: Any, value: Any) -> Any:
    if is_dataclass(kind) and isinstance(kind, type):
        hints = get_type_hints(kind)
        return kind(**{name: _build(hints[name], item) for name, item in value.items()})
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is tuple:
        return tuple(_build(arguments[0], item) for item in value)
    if arguments and type(None) in arguments and origin is not dict:
        return None if value is None else _build(next(a for a in arguments if a is not type(None)), value)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return value
