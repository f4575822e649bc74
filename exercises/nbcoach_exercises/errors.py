"""The errors that nbcoach reports to a caller, and the one place that maps them to HTTP.

    NbcoachError
    ├── InvalidInput (ValueError)            400  the request itself is wrong
    │   ├── InvalidIdentifier                400
    │   ├── InvalidFrame                     400
    │   ├── InvalidNotebook                  422  read as JSON, but not a notebook we can use
    │   └── InvalidCourse                    422
    ├── NotAllowed (PermissionError)         403
    ├── NotFound (LookupError)               404
    │   ├── UnknownCourse
    │   ├── UnknownExercise
    │   ├── UnknownCell
    │   ├── UnknownSubmission
    │   └── UnknownUser
    ├── TooSlow (TimeoutError)               408
    ├── Conflict                             409
    ├── TooLarge (ValueError)                413
    ├── TooMany                              429
    ├── UpstreamFailed (ConnectionError)     502  another part answered wrongly
    └── Unavailable (ConnectionError)        503  another part did not answer

Anything else that escapes a handler is our own defect and answers 500.
"""

from __future__ import annotations

from typing import Any


class NbcoachError(Exception):
    """Base of every error with a message for the caller."""

    code = "error"

    def __init__(self, message: str, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail


class InvalidInput(NbcoachError, ValueError):
    """The request is malformed."""

    code = "invalid-input"


class InvalidIdentifier(InvalidInput):
    """An identifier holds characters that no identifier may hold."""

    code = "invalid-identifier"


class InvalidFrame(InvalidInput):
    """A WebSocket frame does not match its schema; `request` is the id that it gave, if it gave one."""

    code = "invalid-frame"
    request: str | None = None


class InvalidNotebook(InvalidInput):
    """A file is no notebook, or one that cannot be used."""

    code = "invalid-notebook"


class InvalidCourse(InvalidInput):
    """A course folder contradicts itself."""

    code = "invalid-course"


class NotAllowed(NbcoachError, PermissionError):
    """The caller is unknown, or lacks the scope or the group."""

    code = "not-allowed"


class NotFound(NbcoachError, LookupError):
    """The thing asked for does not exist, or not for this caller."""

    code = "not-found"


class UnknownCourse(NotFound):
    """No such course."""

    code = "unknown-course"

    def __init__(self, course: str) -> None:
        super().__init__(f"There is no course {course!r}.", course=course)


class UnknownExercise(NotFound):
    """No such exercise in the course."""

    code = "unknown-exercise"

    def __init__(self, course: str, exercise: str) -> None:
        super().__init__(f"Course {course!r} has no exercise {exercise!r}.", course=course, exercise=exercise)


class UnknownCell(NotFound):
    """No such cell in the exercise, or one without checks."""

    code = "unknown-cell"

    def __init__(self, exercise: str, cell: str) -> None:
        super().__init__(
            f"Exercise {exercise!r} has no answer cell {cell!r} with checks.", exercise=exercise, cell=cell
        )


class UnknownSubmission(NotFound):
    """No such submission, or not in this course, or not this caller's."""

    code = "unknown-submission"

    def __init__(self, submission: str) -> None:
        super().__init__(f"There is no submission {submission[:64]!r}.", submission=submission[:64])


class UnknownUser(NotFound):
    """No such user."""

    code = "unknown-user"

    def __init__(self, user: str) -> None:
        super().__init__(f"There is no user {user!r}.", user=user)


class TooSlow(NbcoachError, TimeoutError):
    """The request did not come in whole within the time that the message names."""

    code = "too-slow"


class Conflict(NbcoachError):
    """The request contradicts the present state."""

    code = "conflict"


class TooLarge(NbcoachError, ValueError):
    """The request is larger than a limit, which the message names."""

    code = "too-large"


class TooMany(NbcoachError):
    """The caller asks faster than allowed; `retry_after` is in seconds."""

    code = "too-many-requests"

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message, retry_after=retry_after)
        self.retry_after = retry_after


class UpstreamFailed(NbcoachError, ConnectionError):
    """Another part of nbcoach answered with an error of its own."""

    code = "upstream-failed"


class Unavailable(NbcoachError, ConnectionError):
    """Another part of nbcoach cannot be reached."""

    code = "unavailable"


_STATUS: tuple[tuple[type[NbcoachError], int], ...] = (
    (InvalidNotebook, 422),
    (InvalidCourse, 422),
    (InvalidInput, 400),
    (NotAllowed, 403),
    (NotFound, 404),
    (TooSlow, 408),
    (Conflict, 409),
    (TooLarge, 413),
    (TooMany, 429),
    (UpstreamFailed, 502),
    (Unavailable, 503),
)


def status_of(error: BaseException) -> int:
    """Return the HTTP status that stands for an error; 500 for one that is not ours."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def error_body(error: NbcoachError) -> dict[str, Any]:
    """Return the JSON body `{code, message, detail}` that reports an error."""
    return {"code": error.code, "message": error.message, "detail": error.detail}
